"""A tape as the columns that other engines read: made once, before anything is timed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from markets.core.book import BookError, OrderBook
from markets.core.contract import Contract
from markets.core.events import BookDelta, BookSnapshot, MarketEvent, MarketListed, MarketStatus, SpotPrice
from markets.core.units import PRICE_DOLLAR

Array = NDArray[Any]
SPOT, LEVEL, CLEAR, SETTLED = range(4)
ROW = np.dtype(
    [
        ("ns", "i8"),
        ("kind", "i1"),
        ("market", "i2"),
        ("is_bid", "i1"),
        ("is_last", "i1"),  # of what one event said
        ("price", "i4"),  # 1/10 000 dollar, YES terms
        ("size", "i8"),  # 1/100 contract that rest there now; of SETTLED nothing
        ("spot", "f8"),
    ]
)
TOP = np.dtype([("ns", "i8"), ("market", "i2"), ("bid", "i4"), ("ask", "i4"), ("spot", "f8"), ("spot_ns", "i8")])
WINDOW = np.dtype(
    [("open_ns", "i8"), ("close_ns", "i8"), ("strike", "f8"), ("strike_ns", "i8"), ("pays", "f8"), ("ticker", "U40")]
)
FEED = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ],
    align=True,
)  # hftbacktest's
BOTH = (1 << 31) | (1 << 30)  # the exchange's and our own view
BUY, SELL = 1 << 29, 1 << 28
DEPTH, TRADE, WIPE, PHOTO = 1, 2, 3, 4


class Prepared(NamedTuple):
    """What the other engines are fed with. `events` is how many recorded events it was made of."""

    events: int
    rows: Array
    tops: Array  # one row an event that changed a best price or the spot, of the market that is open then
    windows: Array
    book: Array  # hftbacktest's feed of the market that is open
    spot: Array  # and of the underlying


def prepare(events: Iterable[MarketEvent]) -> Prepared:
    """Columns of one tape of one asset."""
    made = _Making()
    count = 0
    for event in events:
        count += 1
        made.hear(event)
    windows = np.array([made.window(ticker) for ticker in made.markets], WINDOW)
    rows, tops = np.array(made.rows, ROW), np.array(made.tops, TOP)
    return Prepared(count, rows, tops, windows, np.array(made.book, FEED), np.array(made.spot, FEED))


def later(made: Prepared, by_ns: int, mark: str) -> Prepared:
    """The same so much later, in markets whose names end in `mark`."""
    moved = Prepared(made.events, *(each.copy() for each in made[1:]))
    moved.rows["ns"] += by_ns
    moved.tops["ns"] += by_ns
    moved.tops["spot_ns"] += by_ns
    for name in ("open_ns", "close_ns", "strike_ns"):
        moved.windows[name] += by_ns
    moved.windows["ticker"] = np.char.add(made.windows["ticker"], mark)
    for feed in (moved.book, moved.spot):
        feed["exch_ts"] += by_ns
        feed["local_ts"] += by_ns
    return moved


def save(made: Prepared, folder: Path, number: int) -> None:
    """As files, not compressed: what they are read with takes no time of anybody's."""
    stem = f"{number:02}"
    np.savez(folder / f"{stem}-book.npz", data=made.book)
    np.savez(folder / f"{stem}-spot.npz", data=made.spot)
    np.savez(folder / f"{stem}-rows.npz", rows=made.rows, tops=made.tops, windows=made.windows)


class _Making:
    """The state of the conversion: the books of all markets, and which of them is open."""

    def __init__(self) -> None:
        self.markets: dict[str, Contract] = {}
        self.rows: list[tuple[Any, ...]] = []
        self.tops: list[tuple[Any, ...]] = []
        self.book: list[tuple[Any, ...]] = []
        self.spot: list[tuple[Any, ...]] = []
        self._books: dict[str, OrderBook] = {}
        self._strike_ns: dict[str, int] = {}
        self._pays: dict[str, float] = {}
        self._closing: dict[str, float] = {}
        self._open = ""
        self._until_ns = 0
        self._price, self._price_ns = 0.0, 0

    def hear(self, event: MarketEvent) -> None:
        """One event; what the others have no word for is passed over."""
        kind = type(event)
        if event.received_ns >= self._until_ns:
            self._open_at(event.received_ns)
        if kind is BookDelta:
            self._delta(event)  # type: ignore[arg-type]
        elif kind is SpotPrice:
            self._trade(event)  # type: ignore[arg-type]
        elif kind is BookSnapshot:
            self._snapshot(event)  # type: ignore[arg-type]
        elif kind is MarketListed:
            self._listed(event)  # type: ignore[arg-type]
        elif kind is MarketStatus:
            self._status(event)  # type: ignore[arg-type]

    def window(self, ticker: str) -> tuple[Any, ...]:
        """A row of the windows."""
        terms = self.markets[ticker]
        never = terms.close_ns
        strike_ns = self._strike_ns.get(ticker, never)
        spot = self._closing.get(ticker, self._price)  # where no result was recorded: what it looked like
        pays = self._pays.get(ticker, float(spot >= (terms.strike or 0.0)))
        return (terms.open_ns, terms.close_ns, terms.strike or 0.0, strike_ns, pays, ticker)

    def _listed(self, event: MarketListed) -> None:
        terms = event.contract
        if terms.ticker not in self.markets:
            self._books[terms.ticker] = OrderBook()
            self._until_ns = 0
        self.markets[terms.ticker] = terms
        if terms.strike is not None:
            self._strike_ns.setdefault(terms.ticker, event.received_ns)

    def _status(self, event: MarketStatus) -> None:
        if event.status != "settled" or event.ticker not in self.markets or event.ticker in self._pays:
            return
        pays = {"yes": 1.0, "no": 0.0}.get(event.result, (event.yes_pays or 0) / PRICE_DOLLAR)
        self._pays[event.ticker] = pays
        self._row(event.received_ns, SETTLED, event.ticker, price=round(pays * PRICE_DOLLAR))

    def _trade(self, event: SpotPrice) -> None:
        self._price, self._price_ns = event.price, event.received_ns
        self.rows.append((event.received_ns, SPOT, -1, 0, 1, 0, 0, event.price))
        self.spot.append(_fed(TRADE | BUY, event.received_ns, event.price, event.size or 1.0))
        self._top(event.received_ns)

    def _delta(self, event: BookDelta) -> None:
        book = self._books.get(event.ticker)
        if book is None:
            return
        try:
            is_top = book.change(event.is_yes, event.price, event.change)
        except BookError:
            return  # the engine of record drops such a book too
        price = event.price if event.is_yes else PRICE_DOLLAR - event.price
        size = (book.yes if event.is_yes else book.no).get(event.price, 0)
        self._row(event.received_ns, LEVEL, event.ticker, is_bid=event.is_yes, price=price, size=size)
        if event.ticker == self._open:
            side = BUY if event.is_yes else SELL
            self.book.append(_fed(DEPTH | side, event.received_ns, price / PRICE_DOLLAR, size / 100))
            if is_top:
                self._top(event.received_ns)

    def _snapshot(self, event: BookSnapshot) -> None:
        book = self._books.get(event.ticker)
        if book is None:
            return
        book.replace(event.yes, event.no)
        self._row(event.received_ns, CLEAR, event.ticker, is_last=not (book.yes or book.no))
        levels = [*((True, *level) for level in book.bids()), *((False, *level) for level in book.asks())]
        for number, (is_bid, price, size) in enumerate(levels, 1):
            is_last = number == len(levels)
            self._row(event.received_ns, LEVEL, event.ticker, is_bid=is_bid, price=price, size=size, is_last=is_last)
        if event.ticker == self._open:
            self._photo(event.received_ns)

    def _open_at(self, now_ns: int) -> None:
        """Another market is the open one now: its book replaces that of the last one."""
        is_open = [ticker for ticker, terms in self.markets.items() if terms.open_ns <= now_ns < terms.close_ns]
        coming = [terms.open_ns for terms in self.markets.values() if terms.open_ns > now_ns]
        self._until_ns = min([*coming, *(self.markets[ticker].close_ns for ticker in is_open)], default=now_ns + 1)
        opened = is_open[0] if is_open else ""
        if opened != self._open:
            self._closing[self._open] = self._price
            self._open = opened
            self._photo(now_ns)

    def _photo(self, now_ns: int) -> None:
        book = self._books.get(self._open) or OrderBook()
        self.book.append(_fed(WIPE | BUY, now_ns, 0.0, 0.0))
        self.book.append(_fed(WIPE | SELL, now_ns, 1.0, 0.0))
        self.book.extend(_fed(PHOTO | BUY, now_ns, price / PRICE_DOLLAR, size / 100) for price, size in book.bids())
        self.book.extend(_fed(PHOTO | SELL, now_ns, price / PRICE_DOLLAR, size / 100) for price, size in book.asks())
        self._top(now_ns)

    def _top(self, now_ns: int) -> None:
        if self._open:
            book, number = self._books[self._open], list(self.markets).index(self._open)
            self.tops.append((now_ns, number, book.bid, book.ask, self._price, self._price_ns))

    def _row(
        self,
        ns: int,
        kind: int,
        ticker: str,
        *,
        is_bid: bool = False,
        price: int = 0,
        size: int = 0,
        is_last: bool = True,
    ) -> None:
        number = list(self.markets).index(ticker)
        self.rows.append((ns, kind, number, is_bid, is_last, price, size, 0.0))


def _fed(event: int, ns: int, price: float, size: float) -> tuple[Any, ...]:
    return (event | BOTH, ns, ns, price, size, 0, 0, 0.0)
