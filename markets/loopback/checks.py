"""Checks: what a feed tells, held against what its venue said. The rules a proof is made of."""

from collections.abc import Callable, Mapping

from markets.core.events import FeedStatus, MarketEvent, SpotBook, SpotLevel, SpotLevels, SpotPrice
from markets.core.venue_book import VenueBook
from markets.loopback.line import Line
from markets.loopback.server import Booth

NEAR_SHARE = 0.02  # of the mid: within it every level must be right (feeds tell 5 % around an older mid)
DEEPEST = 50  # levels a side that are compared; a venue that keeps a window keeps no fewer than its depth says
ON_ITS_WAY_S = 2.0  # what was said so shortly before a connection ended may not have been heard
MOST_PROBLEMS = 10


class Listener:
    """Hears one venue's feed as an engine would, and notes what must not be."""

    def __init__(self, name: str, problem: Callable[[str], None]) -> None:
        self.name = name
        self.books: dict[str, VenueBook] = {}
        self.trades: dict[tuple[str, str], float] = {}  # (asset, id) to its price
        self.down: dict[str, str] = {}  # feed or part to why it is lost, refused or not yet up
        self.unavailable: list[str] = []
        self.events = self.lost_books = 0
        self._problem = problem
        self._last_ns = 0
        self._book_part: dict[str, str] = {}  # asset to the part of the feed that lost its book

    def hear(self, event: MarketEvent) -> None:
        """Take one event in the order told."""
        self.events += 1
        if event.received_ns < self._last_ns:
            self._problem(f"time runs backwards by {self._last_ns - event.received_ns} ns at {_brief(event)}")
        self._last_ns = max(self._last_ns, event.received_ns)
        if isinstance(event, SpotBook):
            self.books.setdefault(event.asset, VenueBook()).replace(event.bids, event.asks, event.depth)
        elif isinstance(event, SpotLevels):
            book = self.books.get(event.asset)
            if book is None:
                self._problem(f"levels of a book that does not stand: {_brief(event)}")
            else:
                book.change(event.bids, event.asks)
        elif isinstance(event, SpotPrice):
            self._trade(event)
        elif isinstance(event, FeedStatus):
            self._status(event)

    def _trade(self, trade: SpotPrice) -> None:
        key = _key(trade)
        if trade.price <= 0.0:
            self._problem(f"a trade without a price: {_brief(trade)}")
        if trade.trade_id and key in self.trades:
            self._problem(f"told twice: {_brief(trade)}")
        self.trades[key] = trade.price

    def _status(self, status: FeedStatus) -> None:
        if status.state == "unavailable":
            self.unavailable.append(status.reason)
        if status.subject:
            if status.state != "up" and self.books.pop(status.subject, None) is not None:
                self.lost_books += 1
            return
        if status.state == "up":
            self.down.pop(status.feed, None)
            return
        self.down[status.feed] = status.reason or status.state
        if "/" not in status.feed and status.state != "expected":
            self.lost_books += len(self.books)
            self.books.clear()  # the books are the first part's, which has the venue's own name


class Hearsay:
    """What one venue said, line by line: who listened must have heard it, but for what was spoiled or on its way."""

    def __init__(self, booth: Booth) -> None:
        self.booth = booth
        self.lines: list[Line] = []

    def opened(self, line: Line) -> None:
        """A connection was opened: from here on keep what it is told."""
        line.told = []
        self.lines.append(line)

    def trades(self) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """(those that must have been heard, all that were said), by asset and id."""
        sure: set[tuple[str, str]] = set()
        said: set[tuple[str, str]] = set()
        for line in self.lines:
            spoiled = {_key(event) for event in line.untold if isinstance(event, SpotPrice)}
            said |= spoiled
            for at_s, event in line.told or ():
                if isinstance(event, SpotPrice):
                    said.add(_key(event))
                    if _key(event) not in spoiled and (line.ended_s is None or at_s < line.ended_s - ON_ITS_WAY_S):
                        sure.add(_key(event))
        return sure, said


def compare_trades(listener: Listener, hearsay: Hearsay, problem: Callable[[str], None]) -> int:
    """Every trade that must have been heard was, and none was invented. Returns how many had to be heard."""
    sure, said = hearsay.trades()
    missed = sorted(sure - set(listener.trades))
    if missed:
        problem(f"{len(missed)} of {len(sure)} trades were never told, the first {missed[0]}")
    invented = sorted(set(listener.trades) - said)
    if invented:
        problem(f"{len(invented)} trades were told that the venue never said live, the first {invented[0]}")
    return len(sure)


def compare_books(
    listener: Listener, truth: Mapping[str, VenueBook], levels: int, problem: Callable[[str], None]
) -> int:
    """Every book is the venue's own. Returns how many levels were compared."""
    compared = 0
    for asset, true_book in truth.items():
        book = listener.books.get(asset)
        if book is None:
            problem(f"{asset}: no book stands at the end")
            continue
        depth = min(levels, book.depth or levels)
        mid = (true_book.bid + true_book.ask) / 2.0
        for side, told, true in (
            ("bids", book.top_bids(depth), true_book.top_bids(depth)),
            ("asks", book.top_asks(depth), true_book.top_asks(depth)),
        ):
            near_told, near_true = _near(told, mid), _near(true, mid)
            compared += len(near_true)
            if near_told != near_true:
                first = next((pair for pair in zip(near_told, near_true, strict=False) if pair[0] != pair[1]), None)
                counts = f"{len(near_told)} told, {len(near_true)} true"
                problem(f"{asset}: the {side} are not the venue's ({counts}; first told, true: {first})")
    return compared


def _near(levels: list[SpotLevel], mid: float) -> list[SpotLevel]:
    return [level for level in levels if abs(level[0] - mid) <= mid * NEAR_SHARE]


def _key(trade: SpotPrice) -> tuple[str, str]:
    """Asset and number: where numbers are not unique, feeds add to them what makes them so."""
    return trade.asset, trade.trade_id.partition(":")[0]


def _brief(event: MarketEvent) -> str:
    return repr(event)[:160]
