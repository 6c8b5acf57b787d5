"""Proof: one schedule, from the first start of the trader through its kills to the comparison with the exchange."""

import asyncio
import random
import time
from pathlib import Path

import msgspec
from django.conf import settings

from markets.core.units import SECOND_NS
from trading import services
from trading.core.strategies import STRATEGIES
from trading.models import Account
from trading.proving import checks
from trading.proving.crowd import FIRST_CLOSE_NS, Crowd
from trading.proving.exerciser import NAME, Exerciser
from trading.proving.faults import Kill
from trading.proving.life import ACCOUNT, TraderLife
from trading.proving.mortal import Killed, Mortal, proved
from trading.proving.outcome import Outcome
from trading.proving.schedule import Schedule
from trading.proving.simulated import simulated
from trading.proving.spoiling import Spoiled
from trading.proving.stage import Stage
from trading.proving.taping import cut, emptied
from trading.proving.world import World
from trading.reconciling import UnrecordedOrdersError

QUIET_S = 5.0  # between the end of the markets and the last start
LONGEST_S = 150.0  # within this time after it everything has to be told
RESTART_S = 2.0  # after a life that ended by itself
RATE_SLACK_NS = 15 * SECOND_NS
LOST_BYTES = 20_000  # of a tape in a power cut, at most
AGAIN_S = 1.0
BEFORE_NS, FIRST_S = 20 * SECOND_NS, -11.0  # the exchange is there so long before, the trader so much
MOST_MISTAKES = 3  # then it is known


class Proof(Spoiled):
    """`run` it once, in its loop. `stage` has the database, `folder` the tapes; `log` hears what happens, a line each."""

    def __init__(self, schedule: Schedule, stage: Stage, folder: Path, lines: list[str] | None = None) -> None:
        self.schedule, self.stage, self.folder = schedule, stage, folder
        self.lines = lines
        self.outcome = Outcome(schedule.seed)
        self.rng = random.Random(f"proof {schedule.seed}")
        self.mortal: Mortal | None = None
        self.life: TraderLife | None = None
        self._mistakes = 0

    def say(self, text: str) -> None:
        """A line of the trace."""
        if self.lines is not None:
            self.lines.append(f"{self.now_s():8.3f} {text}")

    def now_s(self) -> float:
        """Seconds since the beginning."""
        return (self.world.loop.now_ns() - self.world.crowd.begin_ns) / SECOND_NS

    async def run(self) -> Outcome:
        """From the first start to the comparison."""
        schedule = self.schedule
        crowd = Crowd(
            random.Random(f"crowd {schedule.seed}"),
            schedule.assets,
            begin_ns=begin_ns(schedule),
            ends_s=schedule.ends_s,
        )
        self.world = world = World(schedule, crowd)
        world.network.log = self.say
        self.stage.is_locked = world.is_locked
        self.stage.keep_time(world.clock)
        self.stage.passes = self._rows_pass
        self._set_up()
        person = asyncio.create_task(self._resume())
        playing = asyncio.create_task(world.play(schedule.ends_s + QUIET_S))
        spoiling = [asyncio.create_task(self._spoil(fault)) for fault in schedule.faults]
        try:
            await asyncio.sleep(FIRST_S - self.now_s())
            await self._lives(schedule.ends_s + QUIET_S)
            for task in spoiling:
                task.cancel()
            self._all_well()
            if self._mistakes < MOST_MISTAKES:
                await playing
                await self._last_life()
        finally:
            for task in (playing, person, *spoiling):
                task.cancel()
        self._compare()
        return self.outcome

    # The trader ---------------------------------------------------------------------------------------------

    async def _lives(self, until_s: float) -> None:
        """One after the other, as their kills and their own ends have it."""
        kills = list(self.schedule.kills)
        while self.now_s() < until_s and self._mistakes < MOST_MISTAKES:
            kill = kills.pop(0) if kills else None
            mortal = await self._live(kill, until_s)
            if mortal.died:
                self.outcome.kills[mortal.died] += 1
                await asyncio.sleep(kill.down_s if kill else RESTART_S)
            elif self.now_s() < until_s:
                await asyncio.sleep(RESTART_S)

    async def _live(self, kill: Kill | None, until_s: float) -> Mortal:
        """One life, until it is killed, ends by itself, or is asked to end."""
        mortal, life = self._start(kill)
        work = mortal.start(self._work(life), "trader")
        while not work.done() and not mortal.died and self.now_s() < until_s:
            wait_s = until_s - self.now_s()
            if kill is not None and kill.point in ("random", "power"):
                if self.now_s() >= kill.at_s:
                    mortal.kill(kill.point)
                    break
                wait_s = min(wait_s, kill.at_s - self.now_s())
            dying = asyncio.create_task(mortal.ended.wait())
            await asyncio.wait({work, dying}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            dying.cancel()
        if not mortal.died and not work.done():
            life.stop()
            await asyncio.wait({work, asyncio.create_task(mortal.ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
        await self._bury(mortal, life, work)
        return mortal

    def _start(self, kill: Kill | None) -> tuple[Mortal, TraderLife]:
        self.outcome.lives += 1
        self.mortal = mortal = Mortal(kill)
        self.life = life = TraderLife(self.world, mortal, self.outcome.lives)
        if self.lines is not None:
            life.say = self.say
        self.say(f"trader: life {self.outcome.lives} begins")
        return mortal, life

    async def _work(self, life: TraderLife) -> None:
        life.prepare()
        await life.run()

    async def _bury(self, mortal: Mortal, life: TraderLife, work: "asyncio.Task[None]") -> None:
        self.world.hear = None
        self.world.notes.listen(None, self.world.loop.now_ns)
        await mortal.buried()
        if mortal.died:
            self.say(f"trader: killed at {mortal.died}")
        elif work.done() and not work.cancelled() and (error := work.exception()) is not None:
            self.say(f"trader: ended by {error!r}")
            self.outcome.endings[type(error).__name__] += 1
            self._judge(error)
        if life.tape is not None:
            life.tape.dropped()
            if mortal.died == "power":
                lost = cut(Path(settings.TAPES_DIR), life.tape.name, self.rng.uniform(0, LOST_BYTES))
                self.say(f"power cut: {lost} bytes of the tape are gone")

    def _judge(self, error: BaseException) -> None:
        """What a life may end by itself for: a disk or a database that takes nothing, and after a power cut an order that it
        hears of too late. Anything else is a mistake."""
        is_late = isinstance(error.__cause__ or error, UnrecordedOrdersError) and self.outcome.kills["power"]
        if isinstance(error, Killed) or self.world.was_hurt_lately() or is_late:
            return
        self._mistakes += 1
        self._problem(f"the trader ended by itself: {type(error).__name__}: {error}")

    async def _last_life(self) -> None:
        """A clean start, nothing goes wrong any more: until all is told."""
        began_s = self.now_s()
        mortal, life = self._start(None)
        work = mortal.start(self._work(life), "trader")
        await asyncio.sleep(AGAIN_S)
        while not work.done() and self.now_s() - began_s < LONGEST_S and life.trouble():
            await asyncio.sleep(AGAIN_S)
        if not work.done():
            if life.trouble():
                self._problem(f"not all is told {LONGEST_S:g} s after the last start: {life.trouble()}")
            self.outcome.ended = life.mode if life.mode != "HALTED" else life.halt or "HALTED"
            self.outcome.problems += checks.trader_ended(life.mode, life.halt, ())
            life.stop()
            await asyncio.wait({work})
        await self._bury(mortal, life, work)

    # The rest -----------------------------------------------------------------------------------------------

    def _set_up(self) -> None:
        schedule = self.schedule
        self.stage.clear()
        emptied(Path(settings.TAPES_DIR))
        Exerciser.salt = schedule.seed
        STRATEGIES.setdefault(NAME, Exerciser)
        services.account_open(ACCOUNT, 0, venue="simulated")
        Account.objects.filter(pk=ACCOUNT).update(order_salt=f"00000000-0000-4000-8000-{schedule.seed:012d}")
        services.limits_set(schedule.limits, author=None, reason="a proof")
        parameters = msgspec.structs.replace(services.DEMO_DEFAULTS, strategy=schedule.strategy, min_confidence=0.0)
        services.parameters_set(parameters, author=None, reason="a proof")
        services.mode_set("ACTIVE", by="proof", reason="a proof")

    def _rows_pass(self, point: str) -> None:
        """A statement or a commit, of whoever is under way: the trader may die there."""
        mortal = self.mortal
        if mortal is not None and mortal.is_me():
            mortal.passes(point)

    def _compare(self) -> None:
        outcome, world = self.outcome, self.world
        history = world.history
        self.mortal = None
        outcome.seconds = self.now_s()
        outcome.orders, outcome.fills = len(history.orders), len(history.fills)
        outcome.problems += checks.everything(ACCOUNT, history, world.house.ids)
        outcome.problems += [f"open: {one}" for one in checks.discrepancies()]
        made_ns = world.network.made_ns
        if outcome.kills["power"]:  # what the exchange refused is known to nobody after it
            made_ns = {client_id: at_ns for client_id, at_ns in made_ns.items() if client_id in history.client_ids}
        outcome.problems += checks.rates(made_ns, self.schedule.limits.max_orders_per_minute, RATE_SLACK_NS)
        outcome.halts = sum(checks.halts(ACCOUNT).values())
        limits = self.schedule.limits
        allowed = {
            "market exposure": limits.max_market_exposure,
            "close exposure": limits.max_close_exposure,
            "total exposure": limits.max_total_exposure,
            "daily loss": limits.max_daily_loss,
        }
        outcome.most = {name: history.most.get(name, 0) / limit for name, limit in allowed.items()}
        network = world.network
        outcome.requests, outcome.lost_answers = network.requests, network.lost
        outcome.amends, outcome.cancels = network.asked["amend_order"], network.asked["cancel_order"]

    def _problem(self, text: str) -> None:
        self.outcome.problems.append(f"at {self.now_s():.1f} s {text}")


def begin_ns(schedule: Schedule) -> int:
    """When a schedule begins: so long before the close of its first window."""
    return FIRST_CLOSE_NS - round(schedule.closes_s * SECOND_NS)


def run_one(schedule: Schedule, stage: Stage, folder: Path, lines: list[str] | None = None) -> Outcome:
    """One schedule in this process."""
    began = time.perf_counter()

    async def main() -> Outcome:
        proof = Proof(schedule, stage, folder, lines)
        try:
            return await proof.run()
        except Exception as error:
            if lines is not None:
                raise
            proof.outcome.problems.append(f"the proof itself failed: {type(error).__name__}: {error}")
            return proof.outcome

    with simulated():
        outcome = proved(main(), begin_ns(schedule) - BEFORE_NS)
    outcome.took_s = time.perf_counter() - began
    return outcome
