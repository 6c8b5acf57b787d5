"""What goes wrong around a trader in a proof, and the person who looks after it now and then."""

import asyncio
import random

from markets.core.units import SECOND_NS
from trading import services
from trading.proving.faults import NOTES, WIRE, Fault
from trading.proving.life import TraderLife
from trading.proving.outcome import Outcome
from trading.proving.schedule import Schedule
from trading.proving.stage import Stage
from trading.proving.world import World


class Spoiled:
    """The half of a proof that does harm."""

    schedule: Schedule
    stage: Stage
    outcome: Outcome
    rng: random.Random
    world: World
    life: TraderLife | None

    def say(self, text: str) -> None:
        """A line of the trace."""
        raise NotImplementedError

    def now_s(self) -> float:
        """Seconds since the beginning."""
        raise NotImplementedError

    async def _spoil(self, fault: Fault) -> None:
        await asyncio.sleep(max(0.0, fault.at_s - self.now_s()))
        world = self.world
        self.say(f"fault: {fault.kind} for {fault.seconds} s")
        self.outcome.faults[fault.kind] += 1
        lag_ns = world.house.reads.lag_ns
        if fault.kind in WIRE:
            world.network.faults[fault] = None
        elif fault.kind in NOTES and fault.kind != "socket_loss":
            world.notes.faults[fault] = None
        else:
            world.faults[fault] = None
        await self._begin(fault)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            for faults in (world.network.faults, world.notes.faults, world.faults):
                faults.pop(fault, None)
            if fault.kind == "stale":
                world.house.reads.lag_ns = lag_ns
            self._end(fault)
            self.say(f"fault: {fault.kind} is over")

    async def _begin(self, fault: Fault) -> None:
        world = self.world
        if fault.kind == "stale":
            world.house.reads.lag_ns += round(abs(fault.size) * SECOND_NS)
        elif fault.kind == "clock_jump":
            world.jump_ns += round(fault.size * SECOND_NS)
        elif fault.kind == "socket_loss" and world.is_up:
            world.lose()
        elif fault.kind == "market_paused":
            for ticker, market in world.house.markets.items():
                if market.status == "active":
                    world.house.pause_market(ticker)
        elif fault.kind == "group_triggered":
            self._trigger_groups()
        elif fault.kind == "cancelled_there":
            self._cancel_there()
        elif fault.kind in ("halt", "reduce"):
            policy = self.rng.choice(("cancel", "hold", "flatten"))
            self._want("HALTED" if fault.kind == "halt" else "REDUCING", policy)

    def _end(self, fault: Fault) -> None:
        world = self.world
        if fault.kind == "clock_jump":
            world.jump_ns -= round(fault.size * SECOND_NS)
        elif fault.kind == "socket_loss" and not world.is_up:
            world.restore()
        elif fault.kind == "market_paused":
            for ticker, market in world.house.markets.items():
                if market.status == "inactive":
                    world.house.resume_market(ticker)
        elif fault.kind in ("halt", "reduce", "group_triggered"):
            self._want("ACTIVE", "cancel")
        if fault.kind in ("disk_full", "database_locked", "clock_jump"):
            world.hurt_s = world.loop.time()

    def _trigger_groups(self) -> None:
        house, number = self.world.house, self.world.counter.account.number
        for group in house.matching.groups(number):
            house.do(lambda matching, now_ns, one=group.group: matching.trigger_group(number, one, now_ns))  # type: ignore[misc]

    def _cancel_there(self) -> None:
        house, number = self.world.house, self.world.counter.account.number
        for state in self.world.history.resting[:1]:
            house.do(lambda matching, now_ns, one=state.number: matching.cancel(number, one, now_ns))  # type: ignore[misc]

    def _want(self, mode: str, policy: str) -> None:
        """A person says so; the trader hears of it when it looks next."""
        if self.stage.is_locked():
            return
        services.mode_set(mode, by="proof", reason="a proof", policy=policy)  # type: ignore[arg-type]

    async def _resume(self) -> None:
        """A person who looks now and then, and wants it to trade again when it is halted by itself."""
        while True:
            await asyncio.sleep(self.rng.uniform(2.0, 10.0))
            life = self.life
            is_wanted = any(fault.kind in ("halt", "reduce") for fault in self.world.faults)
            if life is not None and life.mode == "HALTED" and not is_wanted:
                self._want("ACTIVE", "cancel")

    def _all_well(self) -> None:
        world = self.world
        world.network.faults.clear()
        world.notes.faults.clear()
        world.faults.clear()
        world.jump_ns = 0
        world.house.reads.lag_ns = round(self.schedule.lag_s * SECOND_NS)
        if not world.is_up:
            world.restore()
