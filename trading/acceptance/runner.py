"""Runner: tries the cases one after the other, those that wait for a close together, and leaves nothing behind."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Literal, NamedTuple

from markets.kalshi.errors import KalshiError
from markets.kalshi.rest import KalshiRest
from trading.acceptance.case import Case, Failed, Need, Skipped
from trading.acceptance.closing import close, sweep
from trading.acceptance.environment import Environment
from trading.acceptance.hands import Hands
from trading.acceptance.member import PREFIX, Member, Purse
from trading.acceptance.places import Places

Outcome = Literal["pass", "fail", "skipped"]
LONGEST_S = 12.0  # times its patience: what a case may take


class Result(NamedTuple):
    """What became of a case, why (nothing for a pass), and how long it took. `left` is what it could not take back."""

    case: Case
    outcome: Outcome
    why: str
    seconds: float
    left: tuple[str, ...] = ()


class Report(NamedTuple):
    """All results, in the order of the cases."""

    environment: str
    results: tuple[Result, ...]
    seconds: float

    def count(self, outcome: Outcome) -> int:
        """How many ended so."""
        return sum(result.outcome == outcome for result in self.results)

    @property
    def is_good(self) -> bool:
        """Whether nothing failed."""
        return not self.count("fail")


async def run(
    environment: Environment, cases: Sequence[Case], tell: Callable[[Result], None] = lambda result: None
) -> Report:
    """Try them; `tell` hears of each result at once. Whatever ends it (also Ctrl-C), our orders are cancelled before.

    Raises KalshiError when the environment cannot even be asked, Unswept when it does not let us cancel at the end."""
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        runner = await _Runner.begun(environment, stack, tell)
        try:
            await runner.try_all(cases)
        finally:
            await runner.end()
        order = {case.id: number for number, case in enumerate(cases)}
        results = sorted(runner.results, key=lambda result: order[result.case.id])
    return Report(environment.name, tuple(results), time.monotonic() - began)


class Unswept(Exception):
    """Orders of ours may still rest; the text says why."""


class _Runner:
    def __init__(
        self, environment: Environment, me: KalshiRest, other: KalshiRest | None, tell: Callable[[Result], None]
    ) -> None:
        self._environment, self._me, self._other, self._tell = environment, me, other, tell
        self._purse = Purse(environment.most)
        self._run = secrets.token_hex(4)
        self.results: list[Result] = []

    @classmethod
    async def begun(cls, environment: Environment, stack: AsyncExitStack, tell: Callable[[Result], None]) -> "_Runner":
        """With clients that know their budgets, in accounts where nothing of an earlier run rests."""
        rests = []
        for signer in (environment.signer, environment.second):
            if signer is not None:
                rest = await stack.enter_async_context(KalshiRest(environment.hosts, signer, clock=environment.now_ns))
                await rest.learn()
                await sweep(rest)
                rests.append(rest)
        return cls(environment, rests[0], rests[1] if len(rests) > 1 else None, tell)

    async def try_all(self, cases: Sequence[Case]) -> None:
        """Those that would cancel everything come after the others, and those that wait for a close last, together."""
        waiting = [case for case in cases if case.waits_for_close]
        rest = [case for case in cases if not case.waits_for_close]
        for case in sorted(rest, key=lambda case: Need.ALONE in case.needs):
            await self._try(case)
        async with asyncio.TaskGroup() as together:
            for case in waiting:
                together.create_task(self._try(case))

    async def end(self) -> None:
        """Nothing of us rests any more. Raises Unswept."""
        failed = []
        for rest in (self._me, self._other):
            try:
                if rest is not None:
                    await sweep(rest)
            except KalshiError as error:
                failed.append(str(error))
        if failed:
            raise Unswept(f"orders whose id begins with {PREFIX} may still rest: {'; '.join(failed)}")

    async def _try(self, case: Case) -> None:
        why = self._environment.missing(case.needs)
        result = Result(case, "skipped", why, 0.0) if why else await self._tried(case)
        self.results.append(result)
        self._tell(result)

    async def _tried(self, case: Case) -> Result:
        environment, began = self._environment, time.monotonic()
        me = self._member(self._me, case, "a")
        other = self._member(self._other, case, "b") if self._other is not None else None
        hands = Hands(environment, me, other, Places(environment, self._me))
        longest_s = LONGEST_S * environment.patience_s + (
            2 * environment.wait_for_close_s if case.waits_for_close else 0
        )
        outcome: Outcome = "pass"
        why, left = "", ["it was ended before its orders could be taken back"]
        try:
            if case.is_of_a_window:
                await hands.window()
            async with asyncio.timeout(longest_s):
                await case.run(hands)
        except Skipped as error:
            outcome, why = "skipped", str(error)
        except Failed as error:
            outcome, why = "fail", str(error)
        except TimeoutError:
            outcome, why = "fail", f"not done within {longest_s:g} s"
        except Exception as error:
            outcome, why = "fail", f"{type(error).__name__}: {error}"
        finally:
            left = await self._tidied(hands, me, other)
        return Result(case, outcome, why, time.monotonic() - began, tuple(left))

    async def _tidied(self, hands: Hands, me: Member, other: Member | None) -> list[str]:
        """Nothing of a case stays: faults, connections, orders, positions. What could not be done, in sentences."""
        left: list[str] = []
        try:
            if self._environment.faults is not None:
                await self._environment.faults.clear()
            await hands.stack.aclose()
        except (OSError, KalshiError) as error:
            left.append(f"{type(error).__name__}: {error}")
        return left + await close(me, other)

    def _member(self, rest: KalshiRest, case: Case, whose: str) -> Member:
        return Member(self._environment, rest, self._purse, f"{PREFIX}{self._run}-{case.id}{whose}")
