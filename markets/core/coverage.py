"""What of the market a recording covers: windows with book, price, strike and result; feeds, gaps, and quotes by second."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from markets.core.events import (
    BookSnapshot,
    FeedStatus,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SpotBook,
    SpotLevels,
    SpotPrice,
    SpotQuote,
)
from markets.core.gaps import Gap, GapIndex
from markets.core.units import SECOND_NS

EXCHANGE = "kalshi"
SPOT_QUIET_NS = 5 * SECOND_NS  # a price that nobody has told anew for so long is none
WHOLE = 0.99  # of a window's seconds
SPOT = (SpotPrice, SpotQuote, SpotBook, SpotLevels)
SPOT_NAMES = frozenset(kind.__name__ for kind in SPOT)
OTHER_NAMES = frozenset(kind.__name__ for kind in (MarketListed, MarketStatus, BookSnapshot, FeedStatus))
Span = tuple[int, int]  # from, to in nanoseconds


class WindowCoverage(msgspec.Struct):
    """One market: for how much of its life a book could be believed and a price of its coin was fresh. Times in ns."""

    ticker: str
    asset: str
    open_ns: int
    close_ns: int
    book_ns: int = 0
    spot_ns: int = 0
    strike_known_ns: int = 0  # 0: never
    result: str = ""
    result_known_ns: int = 0

    @property
    def book_s(self) -> float:
        """Seconds with a book."""
        return self.book_ns / SECOND_NS

    @property
    def spot_s(self) -> float:
        """Seconds with a fresh price."""
        return self.spot_ns / SECOND_NS

    @property
    def life_ns(self) -> int:
        """From its opening to its close."""
        return self.close_ns - self.open_ns

    def holes(self) -> tuple[str, ...]:
        """What is missing: "book", "spot", "strike", "result", with " in part" where there is some; () for a whole one."""
        found = []
        for name, covered in (("book", self.book_ns), ("spot", self.spot_ns)):
            if not covered:
                found.append(name)
            elif covered < WHOLE * self.life_ns:
                found.append(f"{name} in part")
        if not self.strike_known_ns:
            found.append("strike")
        if not self.result:
            found.append("result")
        return tuple(found)


class Coverage(msgspec.Struct):
    """Of one recording. `feeds` were heard at all; `spot` has by coin the spans in which its price was fresh."""

    first_ns: int = 0
    last_ns: int = 0
    feeds: tuple[str, ...] = ()
    spot: dict[str, list[Span]] = {}
    gaps: tuple[Gap, ...] = ()
    windows: list[WindowCoverage] = []

    @property
    def assets(self) -> tuple[str, ...]:
        """Coins with a market or a price."""
        return tuple(sorted({*self.spot, *(window.asset for window in self.windows)}))

    @property
    def is_empty(self) -> bool:
        """Whether nothing was heard."""
        return not self.last_ns


class CoverageIndex:
    """Hears the rows of a recording as they are written, in order; `told` is what they cover."""

    def __init__(self) -> None:
        self._first_ns = self._last_ns = 0
        self._feeds: dict[str, None] = {}
        self._spot: dict[str, list[list[int]]] = {}
        self._windows: dict[str, WindowCoverage] = {}
        self._up: dict[str, int] = {}  # by market: since when its book can be believed
        self._gaps = GapIndex()
        self._heard: dict[tuple[str, str], bool] = {}  # by venue and coin: whether a book of it was told

    def hear(self, row: Sequence[Any]) -> None:
        """One market event as a row: the name of its type first, then its fields."""
        kind, now_ns = row[0], row[1]
        self._last_ns = now_ns
        if kind in SPOT_NAMES:
            self._price(kind, row, now_ns)
        elif kind in OTHER_NAMES:
            self._fact(msgspec.convert(row, MarketEvent))
        elif self._gaps.pending:
            self._gaps.hear(msgspec.convert(row, MarketEvent))
        if not self._first_ns:
            self._first_ns = now_ns

    def told(self) -> Coverage:
        """All of it so far; a book that stands goes on to the last event."""
        for ticker in list(self._up):
            self._down(ticker, self._last_ns)
        spot = {asset: [(begin, end) for begin, end in spans] for asset, spans in sorted(self._spot.items())}
        for window in self._windows.values():
            life = (window.open_ns, window.close_ns)
            window.spot_ns = sum(_overlap(span, life) for span in spot.get(window.asset, ()))
        windows = sorted(self._windows.values(), key=lambda window: (window.close_ns, window.ticker))
        gaps = self._gaps.told(self._last_ns)
        return Coverage(self._first_ns, self._last_ns, tuple(sorted(self._feeds)), spot, gaps, windows)

    def _price(self, kind: str, row: Sequence[Any], now_ns: int) -> None:
        """Gaps end with prices; that a venue has a book is told once."""
        asset, key = row[3], (row[2], row[3])
        spans = self._spot.get(asset)
        if spans is None:
            self._spot[asset] = [[now_ns, now_ns]]
        elif now_ns - spans[-1][1] <= SPOT_QUIET_NS:
            spans[-1][1] = now_ns
        else:
            spans[-1][1] += SPOT_QUIET_NS
            spans.append([now_ns, now_ns])
        is_news = key not in self._heard or (kind == "SpotBook" and not self._heard[key])
        if is_news:
            self._feeds.setdefault(row[2])
            self._heard[key] = kind == "SpotBook" or self._heard.get(key, False)
        if is_news or self._gaps.is_open or self._gaps.pending:
            self._gaps.hear(msgspec.convert(row, MarketEvent))

    def _fact(self, event: MarketEvent) -> None:
        if isinstance(event, FeedStatus):
            self._feed(event)
        elif isinstance(event, MarketListed):
            self._listed(event)
        elif isinstance(event, BookSnapshot):
            self._feeds.setdefault(EXCHANGE)
            self._gaps.hear(event)
            self._up.setdefault(event.ticker, event.received_ns)
        elif isinstance(event, MarketStatus) and event.status == "settled":
            self._down(event.ticker, event.received_ns)
            window = self._windows.get(event.ticker)
            if window is not None:
                window.result, window.result_known_ns = event.result, event.received_ns

    def _listed(self, event: MarketListed) -> None:
        terms = event.contract
        window = self._windows.get(terms.ticker)
        if window is None:
            window = WindowCoverage(terms.ticker, terms.asset, terms.open_ns, terms.close_ns)
            self._windows[terms.ticker] = window
        if terms.strike is not None and not window.strike_known_ns:
            window.strike_known_ns = event.received_ns

    def _feed(self, event: FeedStatus) -> None:
        self._gaps.hear(event)
        if event.state == "up":
            self._feeds.setdefault(event.feed.partition("/")[0])
        elif event.state in ("lost", "unavailable") and event.feed == EXCHANGE:
            for ticker in [event.subject] if event.subject else list(self._up):
                self._down(ticker, event.received_ns)

    def _down(self, ticker: str, now_ns: int) -> None:
        since_ns, window = self._up.pop(ticker, None), self._windows.get(ticker)
        if since_ns is not None and window is not None:
            window.book_ns += _overlap((since_ns, now_ns), (window.open_ns, window.close_ns))


def joined(parts: Iterable[Coverage]) -> Coverage:
    """Several recordings as one: what any of them heard of a window counts, each moment once where they do not overlap;
    a window that two recorders heard at the same time is covered by the better of both."""
    whole = Coverage(spot={}, windows=[])
    windows: dict[str, WindowCoverage] = {}
    feeds: dict[str, None] = {}
    gaps: list[Gap] = []
    for part in parts:
        before_ns = whole.last_ns
        whole.first_ns = min(whole.first_ns or part.first_ns, part.first_ns)
        whole.last_ns = max(whole.last_ns, part.last_ns)
        feeds.update(dict.fromkeys(part.feeds))
        gaps += part.gaps
        for asset, spans in part.spot.items():
            whole.spot.setdefault(asset, []).extend(spans)
        for window in part.windows:
            known = windows.get(window.ticker)
            windows[window.ticker] = (
                msgspec.structs.replace(window) if known is None else _both(known, window, part.first_ns >= before_ns)
            )
    whole.feeds, whole.gaps = tuple(sorted(feeds)), tuple(sorted(gaps))
    whole.windows = sorted(windows.values(), key=lambda window: (window.close_ns, window.ticker))
    return whole


def _both(one: WindowCoverage, other: WindowCoverage, is_later: bool) -> WindowCoverage:
    join = sum if is_later else max
    first = [each for each in (one.strike_known_ns, other.strike_known_ns) if each]
    settled = one if one.result else other
    return WindowCoverage(
        one.ticker, one.asset, one.open_ns, one.close_ns,
        min(join((one.book_ns, other.book_ns)), one.life_ns), min(join((one.spot_ns, other.spot_ns)), one.life_ns),
        min(first, default=0), settled.result, settled.result_known_ns,
    )  # fmt: skip


def _overlap(one: Span, other: Span) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))
