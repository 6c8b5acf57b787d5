"""Coinbase Exchange: trades, newest first by a cursor that is a trade's number; minute candles in windows of 300."""

import msgspec

from markets.download.source import Mark, Page, SpotCandle, SpotTrade
from markets.download.spot_rows import number, sound
from markets.download.times import MINUTE_NS, Span, iso, stamp_ns
from markets.download.web import Params, Reply, Web

CURSOR = "cb-after"
CANDLES_A_PAGE = 300
NEWEST, SEEK, TRADES, WINDOW = "newest", "seek", "trades", "window"


class _Trade(msgspec.Struct):
    trade_id: int
    side: str
    size: str
    price: str
    time: str


class _Candle(msgspec.Struct, array_like=True):
    """Mind the order: low and high come before open and close."""

    time: int
    low: float
    high: float
    open: float
    close: float
    volume: float


class CoinbaseTrades:
    """Trades of one product. The end of the span is sought by halving, since a cursor may jump to any number; then pages
    go back from there. `side` is the maker's: the taker's is the other."""

    def __init__(self, web: Web, asset: str, span: Span, *, limit: int = 1000) -> None:
        self._web, self._span, self._limit = web, span, limit
        self._path = f"/products/{asset}-USD/trades"

    def first(self) -> Mark:
        """The newest trade of all."""
        return Mark(NEWEST)

    def learn(self, page: Page) -> None:
        """A mark says all there is to know."""

    def fetch(self, mark: Mark) -> Page:
        """One page, or one step of the search."""
        if mark.stage == NEWEST:
            return self._begin(mark)
        return self._seek(mark) if mark.stage == SEEK else self._page(mark)

    def _begin(self, mark: Mark) -> Page:
        newest = self._one({})
        if newest is None or stamp_ns(newest.time) < self._span.from_ns:
            return Page(mark, None, share=1.0)
        if stamp_ns(newest.time) < self._span.to_ns:
            return Page(mark, Mark(TRADES, 0, str(newest.trade_id + 1)))
        return Page(mark, Mark(SEEK, 0, f"1 {newest.trade_id}"))

    def _seek(self, mark: Mark) -> Page:
        """`low high`: the first trade that is too new has a number from low to high."""
        low, high = map(int, mark.cursor.split())
        middle = (low + high) // 2
        found = self._one({"after": middle + 1})
        if found is not None and stamp_ns(found.time) >= self._span.to_ns:
            high = max(min(found.trade_id, middle), low)
        else:
            low = middle + 1
        return Page(mark, Mark(SEEK, mark.index + 1, f"{low} {high}") if low < high else Mark(TRADES, 0, str(high)))

    def _page(self, mark: Mark) -> Page:
        reply, trades = self._web.read(self._path, {"limit": self._limit, "after": mark.cursor}, _trades)
        rows, skipped = sound(map(_row, trades))
        older = reply.headers.get(CURSOR, "")
        is_last = not trades or not older or bool(rows and rows[-1].venue_ns < self._span.from_ns)
        share = 1.0 if is_last else 1 - self._span.share(rows[0].venue_ns if rows else self._span.to_ns)
        return Page(mark, None if is_last else Mark(TRADES, 0, older), rows, share, skipped)

    def _one(self, params: dict[str, int]) -> _Trade | None:
        _, trades = self._web.read(self._path, {"limit": 1} | params, _trades)
        return max(trades, key=lambda trade: trade.trade_id, default=None)


class CoinbaseCandles:
    """Minutes of one product; a minute without a trade has no row."""

    def __init__(self, web: Web, asset: str, span: Span) -> None:
        self._web, self._span = web, span
        self._path = f"/products/{asset}-USD/candles"

    def first(self) -> Mark:
        """The first window."""
        return Mark(WINDOW)

    def learn(self, page: Page) -> None:
        """A mark says all there is to know."""

    def fetch(self, mark: Mark) -> Page:
        """One window, the oldest minute first."""
        start_ns = self._span.from_ns + mark.index * CANDLES_A_PAGE * MINUTE_NS
        end_ns = min(start_ns + CANDLES_A_PAGE * MINUTE_NS, self._span.to_ns)
        params: Params = {"granularity": 60, "start": iso(start_ns), "end": iso(end_ns - MINUTE_NS)}
        _, candles = self._web.read(self._path, params, _candles)
        rows, skipped = sound(
            SpotCandle(row.time * 1_000_000_000, row.open, row.high, row.low, row.close, row.volume) for row in candles
        )
        is_last = end_ns >= self._span.to_ns
        next_mark = None if is_last else Mark(WINDOW, mark.index + 1)
        return Page(mark, next_mark, rows, self._span.share(end_ns), skipped)


def _trades(reply: Reply) -> list[_Trade]:
    return msgspec.json.decode(reply.body, type=list[_Trade])


def _candles(reply: Reply) -> list[_Candle]:
    return msgspec.json.decode(reply.body, type=list[_Candle])


def _row(trade: _Trade) -> SpotTrade:
    taker = {"sell": "buy", "buy": "sell"}.get(trade.side, "")
    return SpotTrade(trade.trade_id, stamp_ns(trade.time), number(trade.price), number(trade.size), taker)  # type: ignore[arg-type]
