"""Proofs with real processes: the exchange serves in this one, the trader is another that is killed with SIGKILL."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
from django.conf import settings

from markets.core.units import DOLLAR, SECOND_NS
from trading import services
from trading.core.matching.messages import Filled, OrderChanged
from trading.proving import checks
from trading.proving.counter import SHARD
from trading.proving.crowd import Crowd
from trading.proving.exerciser import NAME
from trading.proving.history import History
from trading.proving.outcome import Outcome
from trading.proving.process_rows import mode_in, number_in, rows_of, tight_limits
from trading.proving.spoiling_processes import ACCOUNT, TRADED_S, SpoiledProcesses, count_reads, ended
from trading.simulator.exchange.doors import Terms
from trading.simulator.exchange.faults import FaultPlan
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_news import News
from trading.simulator.exchange.keys import new_key
from trading.simulator.exchange.serving import Exchange, serve_exchange

SESSION = "SELECT coalesce(max(session_id), 0) FROM trading_traderstatus"  # which one has shown itself last
READY_S = 90.0  # that a trader may take until it trades
MOST_KILLS = 3
SETTLED_S = 180.0  # after that, until everything has to be told
UP_S = 40.0
LOOK_S = 0.02
RATE_SLACK_NS = 10 * SECOND_NS
KILLS = ("random", "accepted", "fill", "tape", "starting", "reading", "stopped")
EARLY = ("starting", "reading")  # before it trades
WATCHED_EVERY = 10  # one in so many schedules has a watchdog, and a trader that is stopped instead of killed
ORPHANED_S = 30.0  # within this time after a trader was stopped nothing of it works at the exchange any more


class ProcessProof(SpoiledProcesses):
    """One schedule. `template` is a database with tables; all files are in `folder`, which goes in the end."""

    def __init__(self, seed: int, template: Path, folder: Path, *, log: Callable[[str], None] = lambda _: None) -> None:
        self.seed, self.folder, self.log = seed, folder, log
        self.rng = random.Random(seed)
        self.outcome = Outcome(seed)
        self.limits = tight_limits(self.rng)
        self.kill = KILLS[seed % len(KILLS)]
        self.is_watched = seed % WATCHED_EVERY == 0
        self._template = template
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._hook: Callable[[str], None] = lambda _: None
        self._began = time.monotonic()

    async def run(self) -> Outcome:
        """From the first start to the comparison."""
        self.folder.mkdir(parents=True, mode=0o700)
        shutil.copy(self._template, self.folder / "db.sqlite3")
        began = time.monotonic()
        try:
            await self._run()
        except Exception as error:
            self.outcome.problems.append(f"the proof itself failed: {type(error).__name__}: {error}")
        finally:
            for process in (self._process, self._watchdog):
                if process is not None and process.poll() is None:
                    process.kill()
                    process.wait()
        self.outcome.seconds = self.outcome.took_s = time.monotonic() - began
        if not self.outcome.problems:
            shutil.rmtree(self.folder, ignore_errors=True)
        return self.outcome

    async def _run(self) -> None:
        rng = self.rng
        crowd = Crowd(rng, ("BTC",), begin_ns=time.time_ns(), ends_s=TRADED_S, idle=("ETH",))
        house = House(time.time_ns, salt=str(self.seed), read_lag_ns=rng.choice((0, SECOND_NS // 2)), rests=False)
        cash = 2_000 * DOLLAR
        account = house.open_account({SHARD: cash}, tier="prestige")
        key, pem = new_key("ed25519", str(uuid.UUID(int=self.seed + 1)), account.number)
        house.add_key(key)
        (self.folder / "key.pem").write_bytes(pem)
        (self.folder / "key.pem").chmod(0o600)
        self.history = History(house, account.number, self.limits, cash)
        house.listen(self._news)
        count_reads(house, lambda: self._hook("reading"))
        plan = FaultPlan(seed=self.seed)
        for event in crowd.first():
            house.take(event)
        async with serve_exchange(house, faults=plan, terms=Terms()) as exchange:
            self._environment = self._environment_of(exchange, key.key_id)
            self._set_up()
            world = asyncio.create_task(self._play(house, crowd))
            spoiling = asyncio.create_task(self._spoil(plan))
            watching = asyncio.create_task(self._watch())
            try:
                await self._lives()
                plan.clear()
                spoiling.cancel()
                crowd.ends_s = min(crowd.ends_s, (time.time_ns() - crowd.begin_ns) // SECOND_NS + 2.0)
                await world
                await self._last_life()
            finally:
                for task in (world, spoiling, watching):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
            await asyncio.sleep(0.2)
            self._compare(house)

    # The trader ---------------------------------------------------------------------------------------------

    async def _lives(self) -> None:
        rng = self.rng
        end = time.monotonic() + TRADED_S
        is_early = self.kill in EARLY
        for number in range(rng.randint(1 + is_early, MOST_KILLS)):
            if time.monotonic() > end - 3.0:
                break
            process = self._process = self._trader()
            killed = asyncio.Event()
            how = "starting" if rng.random() < 0.15 else self.kill
            if number == 0 and how in EARLY:
                how = "random"  # so that there are orders to be found again
            await self._kill_at(process, how, killed, end)
            if process.poll() is None:
                process.kill()
            await ended(process, 10.0)
            if process.returncode == -signal.SIGKILL:
                self.outcome.kills[how] += 1
            else:
                self.outcome.endings[f"exit code {process.returncode}"] += 1
            await asyncio.sleep(rng.uniform(0.0, 2.0))

    async def _kill_at(self, process: "subprocess.Popen[bytes]", how: str, killed: asyncio.Event, end: float) -> None:
        """Returns when it is to be dead."""
        rng, counted, nth = self.rng, [0], self.rng.choice((1, 2, 5, 12))

        def hook(what: str) -> None:
            if what == how and not killed.is_set():
                counted[0] += 1
                if counted[0] == nth:
                    process.kill()  # at once, before anybody is answered
                    killed.set()

        most_s = rng.uniform(2.0, 12.0)
        if how == "starting":
            most_s = rng.uniform(0.5, 8.0)
        elif how == "reading":
            self._hook = hook
        else:
            await self._ready(process)
        self._hook = hook
        most_s = min(end - time.monotonic(), most_s)
        if how == "stopped":
            return await self._stop_for_good(process, most_s)
        sizes = rng.uniform(20_000, 400_000)
        until = time.monotonic() + most_s
        while time.monotonic() < until and process.poll() is None and not killed.is_set():
            if how == "tape" and _tape_bytes(self.folder) > sizes * (1 + counted[0]):
                return None
            await asyncio.sleep(LOOK_S)
        self._hook = lambda _: None
        return None

    async def _ready(self, process: "subprocess.Popen[bytes]") -> None:
        """Until it trades."""
        until, before = time.monotonic() + READY_S, len(self.history.orders)
        while time.monotonic() < until and process.poll() is None and len(self.history.orders) == before:
            await asyncio.sleep(LOOK_S)

    async def _stop_for_good(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        """The trader stands still, as under a debugger; with a watchdog its orders are gone in time, without one they
        expire."""
        await asyncio.sleep(seconds)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGSTOP)
        if not self.is_watched:
            return
        until = time.monotonic() + ORPHANED_S
        while self.history.resting and time.monotonic() < until:
            await asyncio.sleep(0.1)
        if self.history.resting:
            self._problem(f"the trader stood still, and {ORPHANED_S:g} s later its orders still rest")

    async def _last_life(self) -> None:
        before = number_in(self.folder, SESSION)
        process = self._process = self._trader()
        until = time.monotonic() + SETTLED_S
        while time.monotonic() < until:
            await asyncio.sleep(0.5)
            if process.poll() is not None:
                await asyncio.sleep(1.0)
                process = self._process = self._trader()
                self.outcome.endings[f"exit code {process.returncode}"] += 1
            if number_in(self.folder, SESSION) > before and self._is_quiet() and mode_in(self.folder)[0] == "ACTIVE":
                break
        status = mode_in(self.folder)
        self.outcome.ended = status[0] if status[0] != "HALTED" else status[1][:40]
        process.send_signal(signal.SIGTERM)
        await ended(process, 30.0)
        if process.returncode != 0:
            self._problem(f"the last trader ended with {process.returncode}: {self._said()[-1500:]}")

    def _trader(self) -> "subprocess.Popen[bytes]":
        self.outcome.lives += 1
        return self._start([sys.executable, "-m", "trading.proving.actor", str(self.seed)], "trader")

    def _start(self, words: list[str], name: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as said:
            return subprocess.Popen(words, cwd=settings.BASE_DIR, env=self._environment, stdout=said, stderr=said)

    def _environment_of(self, exchange: Exchange, key_id: str) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("KALSHI_")}
        for name in ("DATABASE_URL", "TAPE", "SPEED"):
            kept.pop(name, None)
        is_away = self.rng.random() < 0.3
        return kept | {
            "BOT_HOME": str(self.folder),
            "BOT_ENV_FILE": os.devnull,
            "MARKET": "real",
            "ORDERS": "exchange",
            "KALSHI_ENV": "demo",
            "ACCOUNT": ACCOUNT,
            "SERIES": "KXBTC15M,KXETH15M",
            "VENUES": "coinbase",
            "HTTPS_PROXY": "http://127.0.0.1:1",  # no spot venue answers here
            "KALSHI_REST_URL": exchange.rest,
            "KALSHI_WS_URL": exchange.ws,
            "KALSHI_KEY_ID": key_id,
            "KALSHI_PRIVATE_KEY_FILE": str(self.folder / "key.pem"),
            "REDIS_URL": "redis://127.0.0.1:1/0" if is_away else "memory://",
        }

    def _set_up(self) -> None:
        """Limits, parameters and the mode, as a person sets them."""
        with rows_of(self.folder / "db.sqlite3"):
            services.limits_set(self.limits, author=None, reason="a proof")
            parameters = msgspec.structs.replace(services.DEMO_DEFAULTS, strategy=NAME)
            services.parameters_set(parameters, author=None, reason="a proof")
            services.mode_set("ACTIVE", by="proof", reason="a proof")

    # What is seen -------------------------------------------------------------------------------------------

    def _news(self, news: News) -> None:
        if isinstance(news, OrderChanged):
            self._hook("accepted")
        elif isinstance(news, Filled):
            self._hook("fill")

    def _is_quiet(self) -> bool:
        """Nothing of ours is open, here or there, and the trader has looked at the exchange's books."""
        if self.history.resting or any(lot.count for lot in self.history.lots.values()):
            return False
        open_orders = "SELECT count(*) FROM trading_order WHERE status NOT IN ('filled', 'cancelled', 'rejected')"
        looks = "SELECT count(*) FROM trading_reconciliation WHERE is_clean AND session_id = (SELECT max(id) FROM trading_tradingsession)"
        settled = "SELECT count(*) FROM trading_settlement"
        paid = sum(1 for one in self.history.payouts.values() if one.count or one.payout)
        return (
            not number_in(self.folder, open_orders)
            and number_in(self.folder, looks) >= 1
            and number_in(self.folder, settled) >= paid
        )

    def _compare(self, house: House) -> None:
        outcome, history = self.outcome, self.history
        outcome.orders, outcome.fills = len(history.orders), len(history.fills)
        with rows_of(self.folder / "db.sqlite3"):
            outcome.problems += checks.everything(ACCOUNT, history, house.ids)
            outcome.problems += [f"open: {one}" for one in checks.discrepancies()]
            outcome.halts = sum(checks.halts(ACCOUNT).values())
        if not outcome.ended:
            self._problem("the last trader says nothing of its mode")

    def _said(self) -> str:
        return (self.folder / "trader.log").read_text(errors="replace")

    def _problem(self, text: str) -> None:
        self.outcome.problems.append(text)


def _tape_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "tapes").glob("*.tape")) if (folder / "tapes").exists() else 0
