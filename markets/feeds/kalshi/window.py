"""Window: one quarter-hour market from before it is listed until it has paid out. No I/O, and no clock of its own."""

from typing import Literal, NamedTuple

from msgspec.structs import replace

from markets.core.contract import WINDOW_NS, Contract
from markets.core.events import MarketEvent, MarketListed, MarketStatus
from markets.core.payout import Payment, payment_of
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.view import WindowState
from markets.kalshi.ticker import asset_of

Life = WindowState | Literal["settled"]

MINUTE_NS = 60 * SECOND_NS
FIRST_LOOK_NS = SECOND_NS // 2  # after the open: the strike is written within a second
OPENS_WITHIN_NS = 2 * SECOND_NS  # what is still called unopened after that is not open
LATE_LISTING_NS = MINUTE_NS
LATE_STRIKE_NS = 30 * SECOND_NS
QUICK_NS, LATE_RESULT_NS = 10 * MINUTE_NS, 30 * MINUTE_NS  # after the close
ECHOES = 2  # reads after one that news have caused: reads lag behind news
ECHO_NS = 2 * SECOND_NS
EXCUSED_NS = MINUTE_NS  # between two looks for a window that is not expected to exist
Status = Literal["open", "paused", "closed", "disputed", "settled"]
TOLD: dict[str, Status] = {
    "awaiting strike": "open",
    "open": "open",
    "paused": "paused",
    "closed": "closed",
    "determined": "closed",
    "disputed": "disputed",
    "settled": "settled",
}
PAUSED = {"initialized": "is not open though it is time", "inactive": "is paused by the exchange"}


class Facts(NamedTuple):
    """What the exchange says of a market now, as one reading has it."""

    ticker: str
    status: (
        str  # its word: initialized, active, inactive, closed, determined, disputed, amended, finalized, or a new one
    )
    open_ns: int
    close_ns: int
    contract: Contract | None  # None: its terms cannot be traded under, `odd` says why
    odd: str = ""
    shard: int | None = None
    updated_ns: int = 0
    result: str = ""
    settle_value: str = ""
    yes_pays: int | None = None  # a Price

    @property
    def payment(self) -> Payment | None:
        """What it pays by its result; None while that cannot be said."""
        return payment_of(self.result, self.yes_pays)


class Trouble(NamedTuple):
    """What is not as it should be, in words that follow the ticker; empty when all is well."""

    words: str = ""
    is_excusable: bool = False


NO_TROUBLE = Trouble()


class Window:
    """Times are the exchange's. `events` tells what has changed since it was last asked."""

    __slots__ = (
        "_echoes", "_read_ns", "_updated_ns", "close_ns", "contract", "facts", "failures", "is_absent", "is_taken", "list_ns",
        "open_ns", "said", "series", "ticker", "told", "wants_ns",
    )  # fmt: skip

    def __init__(self, ticker: str, series: str, open_ns: int, close_ns: int, now_ns: int) -> None:
        self.ticker, self.series, self.open_ns, self.close_ns = ticker, series, open_ns, close_ns
        self.facts: Facts | None = None
        self.contract: Contract | None = None  # as it was told
        self.told = ""  # the last status
        self.is_absent = False  # it was looked for in vain
        self.is_taken = False  # its name is still that of an earlier window
        self.wants_ns = now_ns  # when it is to be read
        self.list_ns = 0  # when it is to be looked for in the listing
        self.failures = 0  # readings in a row that brought nothing
        self.said: set[str] = set()  # complaints
        self._read_ns = self._updated_ns = self._echoes = 0

    def state(self, now_ns: int) -> Life:
        """Where it is in its life: what was read of it, and the clock where the exchange sends no word."""
        facts = self.facts
        if facts is None:
            return "expected"
        ended = self._ended(facts)
        if ended is not None:
            return ended
        if facts.status == "closed" or now_ns >= self.close_ns:
            return "closed"
        if now_ns < self.open_ns:
            return "listed"
        is_unopened = facts.status == "initialized" and self._read_ns >= self.open_ns + OPENS_WITHIN_NS
        if is_unopened or facts.status not in ("active", "initialized") or facts.contract is None:
            return "paused"
        return "open" if self.contract is not None and self.contract.strike is not None else "awaiting strike"

    def read(self, facts: Facts, now_ns: int) -> None:
        """It was read."""
        if facts.updated_ns < self._updated_ns and self.facts is not None:  # a reading from before the last one
            facts = facts._replace(contract=self.facts.contract, odd=self.facts.odd)
        self._updated_ns = max(self._updated_ns, facts.updated_ns)
        self.facts, self.open_ns, self.close_ns, self._read_ns = facts, facts.open_ns, facts.close_ns, now_ns
        self._take_terms(facts)

    def news(self, now_ns: int) -> None:
        """Something happened to it: read it now, and again, because reads lag."""
        self.wants_ns, self._echoes = now_ns, ECHOES

    def pause(self, now_ns: int, *, is_paused: bool) -> None:
        """The exchange says that trading in it stops, or goes on."""
        if self.facts is not None and self.facts.status in ("active", "inactive", "initialized"):
            self.facts = self.facts._replace(status="inactive" if is_paused else "active")
        self.news(now_ns + ECHO_NS // 2)

    def events(self, now_ns: int, stamp_ns: int) -> list[MarketEvent]:
        """What is to be told now: its terms before its status; stamped with our own time."""
        if self.facts is None:
            return []
        told: list[MarketEvent] = []
        contract = self._terms(self.facts)
        if contract != self.contract:
            self.contract = contract
            told.append(MarketListed(stamp_ns, contract))
        status = TOLD.get(self.state(now_ns))
        if status is not None and status != self.told:
            self.told = status
            told.append(self._status(status, stamp_ns))
        return told

    def plan(self, now_ns: int, watch_ns: int, *, is_excused: bool) -> None:
        """Say when it is to be read next, after it was, or was not found. `is_excused`: it may well not exist."""
        if self._echoes:
            self._echoes -= 1
            self.wants_ns = now_ns + ECHO_NS
            return
        state = self.state(now_ns)
        if state == "listed":
            self.wants_ns = max(self.open_ns + FIRST_LOOK_NS, now_ns + SECOND_NS)
        elif state == "expected" and now_ns < self.open_ns:
            self.wants_ns = min(now_ns + 30 * SECOND_NS, self.open_ns + FIRST_LOOK_NS)
        else:
            gap_ns = EXCUSED_NS if is_excused and now_ns < self.close_ns else self._gap(state, now_ns, watch_ns)
            self.wants_ns = now_ns + gap_ns
        if now_ns < self.close_ns:
            self.wants_ns = min(self.wants_ns, self.close_ns + SECOND_NS)

    def trouble(self, now_ns: int) -> Trouble:
        """What is not as it should be. Excusable is what is no news while the exchange is closed."""
        state, since_open, since_close = self.state(now_ns), now_ns - self.open_ns, now_ns - self.close_ns
        if self.facts is not None and self.facts.odd and since_close < 0:
            return Trouble(self.facts.odd)
        if state == "expected" and self.is_absent and since_close >= 0:
            return Trouble("is held, and the exchange does not know it")
        if state == "expected" and self.is_absent and since_open >= LATE_LISTING_NS:
            return Trouble("is not listed a minute after it should have opened", True)
        if state == "awaiting strike" and since_open >= LATE_STRIKE_NS:
            return Trouble("has no strike 30 s after its open: nothing is traded in it", True)
        if state == "paused" and self.facts is not None:
            word = self.facts.status
            return Trouble(PAUSED.get(word, f"is {word!r}, a word of the exchange that is not known here"), True)
        if state == "disputed":
            return Trouble("is closed, and its result is being looked into")
        if state in ("closed", "determined") and since_close >= LATE_RESULT_NS:
            return Trouble("has paid nothing 30 minutes after its close")
        return NO_TROUBLE

    def _gap(self, state: Life, now_ns: int, watch_ns: int) -> int:
        since_open, since_close = now_ns - self.open_ns, now_ns - self.close_ns
        if since_close >= QUICK_NS:
            return MINUTE_NS
        if since_close >= 0:
            return _between(SECOND_NS, since_close // 8, 5 * SECOND_NS)
        if state in ("expected", "awaiting strike"):
            return _between(SECOND_NS, since_open // 4, 10 * SECOND_NS)
        return min(watch_ns, 5 * SECOND_NS) if state == "paused" else watch_ns

    def _ended(self, facts: Facts) -> Life | None:
        if facts.status == "finalized":
            return "settled" if facts.payment is not None else "determined"
        if facts.status in ("disputed", "amended"):
            return "disputed"
        return "determined" if facts.status == "determined" else None

    def _take_terms(self, facts: Facts) -> None:
        """A strike that was written does not go away: a reading without it is an old one."""
        known, terms = self.contract, facts.contract
        if terms is not None and terms.strike is None and known is not None and known.strike is not None:
            self.facts = facts._replace(contract=replace(terms, strike=known.strike))

    def _terms(self, facts: Facts) -> Contract:
        """Terms that cannot be traded under are told as far as they are needed to settle; those once told stay."""
        if facts.contract is not None:
            return facts.contract
        if self.contract is not None:
            return self.contract
        return Contract(self.ticker, self.series, asset_of(self.series), self.open_ns, self.close_ns)

    def _status(self, status: Status, stamp_ns: int) -> MarketStatus:
        if status != "settled" or self.facts is None or self.facts.payment is None:
            return MarketStatus(stamp_ns, self.ticker, status)
        result, yes_pays = self.facts.payment
        return MarketStatus(stamp_ns, self.ticker, status, result, self.facts.settle_value, yes_pays)


def opens(close_ns: int) -> int:
    """When the window that closes then opens."""
    return close_ns - WINDOW_NS


def _between(least: int, value: int, most: int) -> int:
    return min(max(least, value), most)
