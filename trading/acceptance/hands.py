"""Hands: what a case works with: members of the exchange, markets to trade in, ears on the WebSocket, and patience."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from markets.core.contract import WINDOW_NS
from markets.core.units import PRICE_DOLLAR, SECOND_NS
from markets.feeds.kalshi.wanted import Wanted
from markets.kalshi.auth import Signer
from markets.kalshi.errors import KalshiError, NotFound
from markets.kalshi.rest import KalshiRest
from trading.acceptance.case import Failed, Need, Skipped
from trading.acceptance.ear import Ear
from trading.acceptance.environment import Environment, Faults
from trading.acceptance.member import Member
from trading.acceptance.places import Place, Places

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

LOOK_EVERY_S = 0.03
LEAST_S = 90.0  # that a market still has to trade when a case looks for one
SPARE_S = 30.0  # for what a case does before it looks
SETTLING_NS = 30 * SECOND_NS  # after an open: strikes are told, makers come, the window before is paid
ROOM = 800  # a spread that has room for prices of ours


class Hands:
    """Of one case. Whatever it makes through here is closed, cancelled and sold again after it."""

    def __init__(self, environment: Environment, me: Member, other: Member | None, places: Places) -> None:
        self.environment, self.me, self._other, self._places = environment, me, other, places
        self.stack = AsyncExitStack()

    @property
    def other(self) -> Member:
        """The second account."""
        if self._other is None:
            raise Skipped(f"needs {Need.SECOND}")
        return self._other

    @property
    def faults(self) -> Faults:
        """The fault door."""
        if self.environment.faults is None:
            raise Skipped(f"needs {Need.FAULTS}")
        return self.environment.faults

    @property
    def rest(self) -> KalshiRest:
        """The client of the first account."""
        return self.me.rest

    @property
    def size(self) -> int:
        """How many contracts (a Count) an order may hold."""
        return self.environment.size

    def now_ns(self) -> int:
        """The exchange's time."""
        return self.environment.now_ns()

    def now_s(self) -> int:
        """The same in whole seconds."""
        return self.now_ns() // SECOND_NS

    async def pass_s(self, seconds: float) -> None:
        """Wait until so much of the exchange's time has passed."""
        await self.environment.until(self.now_ns() + round(seconds * SECOND_NS))

    async def window(self) -> None:
        """Wait for the next quarter hour when this one is about to end, or until what is new in it is settled."""
        now_ns = self.now_ns()
        since_ns = now_ns % WINDOW_NS
        is_late = since_ns > WINDOW_NS - round((LEAST_S + SPARE_S) * SECOND_NS)
        if is_late or since_ns < SETTLING_NS:
            await self.environment.until(now_ns - since_ns + is_late * WINDOW_NS + SETTLING_NS)

    async def lag(self) -> None:
        """Wait until what was done is also what is read."""
        await asyncio.sleep(self.environment.lag_s)

    # Clients ---------------------------------------------------------------------------------------------------

    async def client(self, signer: Signer | None, **options: Any) -> KalshiRest:
        """One more client, as after a restart: it knows nothing."""
        clock = options.pop("clock", self.environment.now_ns)
        return await self.stack.enter_async_context(KalshiRest(self.environment.hosts, signer, clock=clock, **options))

    async def fresh(self, **options: Any) -> KalshiRest:
        """One more client of the first account."""
        return await self.client(self.environment.signer, **options)

    async def ear(self, *tickers: str, indices: tuple[str, ...] = (), **options: Any) -> Ear:
        """A connection to the WebSocket that has all it asked for. Options: those of Ear."""
        wanted = Wanted(tickers, indices, self.environment.series, is_private=options.pop("is_private", True))
        signer = options.pop("signer", self.environment.signer)
        usual: dict[str, Any] = {"clock": self.environment.now_ns, "haste": self.environment.haste}
        ear = Ear(self.environment.hosts, signer, wanted, **(usual | options))
        await self.stack.enter_async_context(ear)
        if options.get("is_let_in", True):
            await ear.synced(self.environment.patience_s)
        return ear

    # Markets ---------------------------------------------------------------------------------------------------

    async def market(self, least_s: float = LEAST_S) -> Place:
        """The open market whose prices are nearest to the middle, with room below a dime for orders that wait.
        Skipped where there is none."""
        found = [one for one in await self._places.open(least_s) if one.ask >= 1_000]
        if not found:
            raise Skipped(f"needs {Need.MARKET}, none has its best ask above 0.10")
        return min(found, key=lambda one: (not one.is_two_sided, abs(one.bid + one.ask - PRICE_DOLLAR), one.ticker))

    async def liquid(self, count: int | None = None) -> Place:
        """An open market whose best bid and ask hold so many contracts. Skipped where there is none."""
        wanted = self.size if count is None else count
        for one in await self._places.open(LEAST_S):
            if min(one.bid_count, one.ask_count) >= wanted and one.bid >= 1_000 and one.ask <= 9_000:
                return one
        raise Skipped(f"needs {Need.LIQUIDITY}: no open market holds {wanted / 100:g} contracts at its best prices")

    async def room(self) -> Place:
        """An open market with nothing between two prices far apart. Skipped where there is none."""
        found = [one for one in await self._places.open(LEAST_S) if one.ask - one.bid >= ROOM]
        if not found:
            raise Skipped(f"needs {Need.ROOM}: no open market has a spread of {ROOM // 100} cents")
        return max(found, key=lambda one: (one.ask - one.bid, one.ticker))

    async def markets_open(self, least_s: float = LEAST_S) -> list[Place]:
        """All open markets of our series."""
        return await self._places.open(least_s)

    # Patience --------------------------------------------------------------------------------------------------

    async def eventually(self, read: Callable[[], Awaitable[T]], is_good: Callable[[T], bool], what: str) -> T:
        """Read until it is good: reads lag. Raises Failed when it never is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.environment.patience_s
        while True:
            found: T | NotFound
            try:
                found = await read()
                if is_good(found):
                    return found
            except NotFound as error:  # what was just made may not be read yet
                found = error
            if loop.time() > until:
                raise Failed(f"{what}: not so after {self.environment.patience_s:g} s, but {str(found)[:300]}")
            await asyncio.sleep(LOOK_EVERY_S)

    @staticmethod
    async def refused(call: Awaitable[object], kind: type[E], what: str, words: str = "") -> E:
        """The error that a call ends with. Raises Failed when it does not, or with another one."""
        try:
            answer = await call
        except kind as error:
            if words and words.lower() not in str(error).lower():
                raise Failed(f"{what}: refused with {str(error)!r}, which does not say {words!r}") from error
            return error
        except KalshiError as error:
            raise Failed(f"{what}: {type(error).__name__} instead of {kind.__name__}: {error}") from error
        raise Failed(f"{what}: was not refused, but answered with {str(answer)[:200]}")
