"""Voice: what one venue says of one asset; the best of its book, its quote and its trades that can be believed now."""

from math import inf, log
from typing import Literal, NamedTuple

from markets.core.events import SpotBook, SpotLevel, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import PRICELESS, SECOND_NS
from markets.core.venue_book import VenueBook
from markets.core.venues import facts_of
from trading.core.vwap import VenueVwap

Kind = Literal["", "book", "quote", "trades"]
Best = tuple[float, float, float, float]  # bid, its size, ask, its size
Fault = tuple[str, str]  # (code, words); ("", "") when there is none

NONE: Fault = ("", "")
JUNK: Fault = ("lost", "its book holds what is no price")
UNHEARD: Fault = ("not_heard", "nothing was heard of it yet")
QUIET_NS = 60 * SECOND_NS  # a book or quote without any news for so long is not believed, whatever else is heard
USUAL_FOR_NS = 1_800 * SECOND_NS  # the least lag of this and the last such time is the usual one
QUOTE_NOISE = 2e-5  # of a mid price, besides its spread
TRADE_NOISE = 5e-5  # of the price of one trade: it is at the bid or at the ask
NEVER_NS = 1 << 62


class LeftOut(NamedTuple):
    """A venue that is not in a price, with a code and the reason in words."""

    venue: str
    code: str
    text: str


class Voice:
    """Facts go in by `trade`, `quote`, `book`, `levels`, `beat`, `lost`; `judge` says which of them speaks.

    `source` is the kind that speaks, "" when none may; then `fault` says why. `log` is the logarithm of its price,
    `half_spread` relative, `said_ns` when it became that. All of it holds up to `expires_ns`.
    """

    __slots__ = (
        "_book_ns", "_is_book_late", "_is_quote_late", "_is_trade_late", "_lag_before_ns", "_lag_now_ns", "_lag_until_ns",
        "_late_ns", "_quote", "_quote_ns", "_stale_ns", "_top_ns", "_trade_log", "currency", "expires_ns", "fault", "gone",
        "half_spread", "has_book", "has_quote", "has_trades", "heard_ns", "is_absent", "is_outvoted", "ladder", "lag_ns", "log",
        "messages", "place", "price", "said_ns", "source", "venue", "vwap",
    )  # fmt: skip

    def __init__(self, venue: str, place: int) -> None:
        self.venue = venue
        self.place = place  # in the fusion
        self.currency = facts_of(venue).quote
        self.vwap = VenueVwap(SECOND_NS)
        self.ladder = VenueBook()
        self.messages = 0
        self.heard_ns = 0
        self.lag_ns: int | None = None  # of the last message that its venue had stamped
        self.has_book = self.has_quote = self.has_trades = False  # whether what was told is to be believed
        self.gone = UNHEARD  # why nothing is, where that is so
        self.is_absent = False  # its venue does not serve this asset, as far as we were told
        self.is_outvoted = False
        self.source: Kind = ""
        self.fault = self.gone
        self.price = self.log = self.half_spread = 0.0
        self.said_ns = 0
        self.expires_ns = -1
        self._quote: Best = (0.0, 0.0, 0.0, 0.0)
        self._quote_ns = self._book_ns = 0  # when anything was told of it
        self._top_ns = 0  # when the best of the book was another than before
        self._trade_log = 0.0
        self._is_book_late = self._is_quote_late = self._is_trade_late = False
        self._lag_now_ns = self._lag_before_ns = NEVER_NS
        self._lag_until_ns = 0
        self._stale_ns = self._late_ns = SECOND_NS

    def configure(self, window_ns: int, stale_ns: int, late_ns: int) -> None:
        """Go on with another window and other limits."""
        self.vwap.window_ns = window_ns
        self._stale_ns, self._late_ns = stale_ns, late_ns
        self.expires_ns = -1

    # What is heard ------------------------------------------------------------------------------------------

    def trade(self, event: SpotPrice, now_ns: int) -> bool:
        """Take a trade. Whether it is news: not when its price is no price."""
        self.messages += 1
        price = event.price
        if not 0.0 < price < PRICELESS:
            return False
        self.expires_ns = -1
        self._is_trade_late = event.venue_ns > 0 and self._is_late(now_ns, event.venue_ns)
        if self._is_trade_late:
            return True
        self.vwap.add(now_ns, price, event.size)
        self._trade_log = log(price)
        self.has_trades = True
        return True

    def quote(self, event: SpotQuote, now_ns: int) -> bool:
        """Take a best bid and ask, which is always news."""
        self.messages += 1
        self._quote_ns = now_ns
        self._quote = (event.bid, event.bid_size, event.ask, event.ask_size)
        self._is_quote_late = event.venue_ns > 0 and self._is_late(now_ns, event.venue_ns)
        self._speaks_now(now_ns, self._is_quote_late)
        self.has_quote = True
        self.expires_ns = -1
        return True

    def book(self, event: SpotBook, now_ns: int) -> bool:
        """Take a whole book, which is always news."""
        self.messages += 1
        self.expires_ns = -1
        self.has_book = _are_levels(event.bids) and _are_levels(event.asks)
        if not self.has_book:
            self.gone = JUNK
            return True
        self.ladder.replace(event.bids, event.asks, event.depth)
        self._book_ns = self._top_ns = now_ns
        self._is_book_late = event.venue_ns > 0 and self._is_late(now_ns, event.venue_ns)
        self._speaks_now(now_ns, self._is_book_late)
        return True

    def levels(self, event: SpotLevels, now_ns: int) -> bool:
        """Change some levels of the book, if there is one. Whether it is news: its best prices or sizes are others."""
        self.messages += 1
        if not self.has_book:
            return False
        if not (_are_levels(event.bids) and _are_levels(event.asks)):
            self.has_book = False
            self.gone = JUNK
            self.expires_ns = -1
            return True
        was_late = self._is_book_late
        self._is_book_late = event.venue_ns > 0 and self._is_late(now_ns, event.venue_ns)
        self._book_ns = now_ns
        self._speaks_now(now_ns, self._is_book_late)
        if not self.ladder.change(event.bids, event.asks) and was_late == self._is_book_late:
            return False
        self._top_ns = now_ns
        self.expires_ns = -1
        return True

    def beat(self, now_ns: int, venue_ns: int = 0) -> None:
        """The feed of its books and quotes lives. That keeps alive what was alive; what has been silent for too long is
        believed with its own next word alone, for a heartbeat behind a silence may be as old as the silence."""
        is_late = venue_ns > 0 and self._is_late(now_ns, venue_ns)
        if not is_late and now_ns - self.heard_ns <= self._stale_ns:
            self.heard_ns = now_ns

    def lost(self, part: str, fault: Fault) -> None:
        """What it says is not believed until it says it anew; `part` "trades" is about its trades alone."""
        self.has_trades = False
        if part != "trades":
            self.has_book = self.has_quote = False
        self.gone = fault
        self.expires_ns = -1

    def _speaks_now(self, now_ns: int, is_late: bool) -> None:
        if not is_late:
            self.heard_ns = now_ns
        if self.fault[0] == "stale":
            self.expires_ns = -1  # what was too old by itself may count again, as if nobody had asked meanwhile

    def _is_late(self, now_ns: int, venue_ns: int) -> bool:
        """Whether a message took longer than this venue's messages do. Only differences count: a venue's clock that
        is wrong by always the same changes nothing."""
        if now_ns >= self._lag_until_ns:
            self._lag_before_ns, self._lag_now_ns = self._lag_now_ns, NEVER_NS
            self._lag_until_ns = now_ns + USUAL_FOR_NS
        self.lag_ns = lag_ns = now_ns - venue_ns
        if lag_ns < self._lag_now_ns:
            self._lag_now_ns = lag_ns
        usual_ns = self._lag_now_ns if self._lag_now_ns < self._lag_before_ns else self._lag_before_ns
        return lag_ns - usual_ns > self._late_ns

    # Who speaks ---------------------------------------------------------------------------------------------

    def judge(self, now_ns: int) -> None:
        """Find out who speaks for the venue from `now_ns` on."""
        fault = NONE
        if self.has_book:
            fault = self._speaks("book", self.ladder.top_of_book(), self._is_book_late, self._book_ns, now_ns)
            if not fault[0]:
                return
        if self.has_quote:
            found = self._speaks("quote", self._quote, self._is_quote_late, self._quote_ns, now_ns)
            if not found[0]:
                return
            fault = fault if fault[0] else found
        if self.has_trades:
            found = self._trades_speak(now_ns)
            if not found[0]:
                return
            fault = fault if fault[0] else found
        self.source = ""
        self.fault = fault if fault[0] else self.gone
        self.expires_ns = NEVER_NS

    def _trades_speak(self, now_ns: int) -> Fault:
        last_ns = self.vwap.last_ns
        if self._is_trade_late:
            return ("late", "its trades come late")
        if now_ns - last_ns > self._stale_ns:
            return ("stale", "no trade for too long")
        self.source, self.fault = "trades", NONE
        self.price, self.log, self.half_spread = self.vwap.last_price, self._trade_log, 0.0
        self.said_ns = last_ns
        self.expires_ns = last_ns + self._stale_ns
        return NONE

    def _speaks(self, kind: Kind, best: Best, is_late: bool, told_ns: int, now_ns: int) -> Fault:
        """A best bid and ask as a price, or what is wrong with it."""
        bid, _, ask, _ = best
        if is_late:
            return ("late", f"its {kind} comes late")
        if not (0.0 < bid < PRICELESS and 0.0 < ask < PRICELESS):
            return ("one_sided", f"its {kind} has no bid or no ask")
        if bid >= ask:
            return ("crossed", f"its {kind} is crossed")
        if now_ns - self.heard_ns > self._stale_ns:
            return ("stale", "nothing was heard for too long")
        if now_ns - told_ns > QUIET_NS:
            return ("stale", f"no news of its {kind} for too long")
        self.source, self.fault = kind, NONE
        self.price = mid = 0.5 * (bid + ask)
        self.log = log(mid)
        self.half_spread = 0.5 * (ask - bid) / mid
        self.said_ns = self._top_ns if kind == "book" else told_ns
        self.expires_ns = min(self.heard_ns + self._stale_ns, told_ns + QUIET_NS)
        return NONE

    @property
    def variance(self) -> float:
        """Of the error of its price, relative."""
        noise = TRADE_NOISE if self.source == "trades" else QUOTE_NOISE
        return 0.25 * self.half_spread * self.half_spread + noise * noise

    def weight(self, now_ns: int) -> float:
        """How much it traded inside the window; of one that did not, what it shows at its best prices."""
        trades = self.vwap
        if self.has_trades and (self.source == "trades" or now_ns - trades.last_ns <= trades.window_ns):
            return trades.inside(now_ns)[1]
        _, bid_size, _, ask_size = self.ladder.top_of_book() if self.source == "book" else self._quote
        size = min(bid_size, ask_size)
        return size if 0.0 < size < inf else 1.0


def _are_levels(levels: tuple[SpotLevel, ...]) -> bool:
    return all([0.0 < price < PRICELESS and 0.0 <= size < inf for price, size in levels])  # noqa: C419  # lists are faster
