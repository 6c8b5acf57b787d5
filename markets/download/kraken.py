"""Kraken: trades from a moment on, each page naming the next; the last 720 minute candles. Errors come with HTTP 200."""

from decimal import Decimal

import msgspec

from markets.core.units import SECOND_NS
from markets.download.errors import BadRequest, Busy, Refused, Unreadable
from markets.download.source import Mark, Page, SpotCandle, SpotTrade
from markets.download.spot_rows import number, sound
from markets.download.times import MINUTE_NS, Span, iso, seconds_ns
from markets.download.web import Params, Reply, Web

KEPT_CANDLES = 720
NOT_FOUND = 404
NAMES = {"BTC": "XBT", "DOGE": "XDG"}
PASSING = (
    "EGeneral:Too many requests",
    "EGeneral:Temporary lockout",
    "EGeneral:Internal error",
    "EAPI:Rate limit",
    "EService:",
)
TAKERS = {"b": "buy", "s": "sell"}


class _Envelope(msgspec.Struct):
    error: list[str]
    result: dict[str, msgspec.Raw] = {}


class _Trade(msgspec.Struct, array_like=True):
    price: str
    volume: str
    time: Decimal
    side: str
    order: str
    misc: str
    trade_id: int


class _Candle(msgspec.Struct, array_like=True):
    time: int
    open: str
    high: str
    low: str
    close: str
    vwap: str
    volume: str
    count: int


class KrakenTrades:
    """Trades of one pair. `since` leaves the moment itself out; the answer's `last` is the next `since`."""

    def __init__(self, web: Web, asset: str, span: Span, *, limit: int = 1000) -> None:
        self._web, self._span, self._limit = web, span, limit
        self._pair = pair_of(asset)

    def first(self) -> Mark:
        """Just before the span."""
        return Mark("trades", 0, str(self._span.from_ns - 1))

    def learn(self, page: Page) -> None:
        """A mark says all there is to know."""

    def fetch(self, mark: Mark) -> Page:
        """One page, the oldest trade first."""
        params: Params = {"pair": self._pair, "since": mark.cursor, "count": self._limit}
        _, (trades, last) = self._web.read("/0/public/Trades", params, _trades)
        rows, skipped = sound(map(_row, trades))
        newest_ns = max((row.venue_ns for row in rows), default=self._span.from_ns)
        is_last = not trades or newest_ns >= self._span.to_ns
        share = 1.0 if is_last else self._span.share(newest_ns)
        return Page(mark, None if is_last else Mark("trades", 0, last), rows, share, skipped)


class KrakenCandles:
    """The last 720 finished minutes of one pair; the row of the running minute is left out."""

    def __init__(self, web: Web, asset: str, span: Span, *, now_ns: int) -> None:
        """Raises BadRequest for a span that Kraken no longer has."""
        oldest_ns = (now_ns // MINUTE_NS - KEPT_CANDLES + 1) * MINUTE_NS
        if span.from_ns < oldest_ns:
            raise BadRequest(
                f"kraken keeps the last {KEPT_CANDLES} minute candles only, from {iso(oldest_ns)} on; "
                "download its trades for what is older."
            )
        self._web, self._span = web, span
        self._pair = pair_of(asset)

    def first(self) -> Mark:
        """The only page."""
        return Mark("candles")

    def learn(self, page: Page) -> None:
        """There is one page."""

    def fetch(self, mark: Mark) -> Page:
        """All that is kept since the span began."""
        params: Params = {"pair": self._pair, "interval": 1, "since": self._span.from_ns // SECOND_NS - 60}
        _, (candles, last) = self._web.read("/0/public/OHLC", params, _candles)
        finished = [row for row in candles if row.time <= last]
        rows, skipped = sound(map(_candle, finished))
        skipped["not finished"] += len(candles) - len(finished)
        return Page(mark, None, rows, 1.0, +skipped)


def pair_of(asset: str) -> str:
    """BTC -> XBTUSD: as a request wants it; the answer may use another name."""
    return f"{NAMES.get(asset, asset)}USD"


def _result(reply: Reply) -> dict[str, msgspec.Raw]:
    """The result of an answer that is no error. Raises Busy, Refused, msgspec.DecodeError."""
    envelope = msgspec.json.decode(reply.body, type=_Envelope)
    errors = [text for text in envelope.error if not text.startswith("W")]
    if any(text.startswith(PASSING) for text in errors):
        raise Busy(f"asks for patience ({', '.join(errors)})", 5.0)
    if errors:
        is_unknown = errors[0].startswith("EQuery:")
        does = "does not know what we ask for" if is_unknown else "refuses us"
        raise Refused(f"kraken {does}: {', '.join(errors)}.", NOT_FOUND if is_unknown else reply.status)
    return envelope.result


def _split(reply: Reply) -> tuple[msgspec.Raw, msgspec.Raw]:
    """The rows, under whatever name the pair has in the answer, and `last`."""
    result = _result(reply)
    pairs = [name for name in result if name != "last"]
    if len(pairs) != 1 or "last" not in result:
        raise Unreadable(f"kraken answered what we cannot use: `result` holds {', '.join(result) or 'nothing'}.")
    return result[pairs[0]], result["last"]


def _trades(reply: Reply) -> tuple[list[_Trade], str]:
    rows, last = _split(reply)
    cursor = msgspec.json.decode(last, type=str | int)
    return msgspec.json.decode(rows, type=list[_Trade]), str(cursor)


def _candles(reply: Reply) -> tuple[list[_Candle], int]:
    rows, last = _split(reply)
    return msgspec.json.decode(rows, type=list[_Candle]), msgspec.json.decode(last, type=int)


def _row(row: _Trade) -> SpotTrade:
    taker = TAKERS.get(row.side, "")
    return SpotTrade(row.trade_id, seconds_ns(row.time), number(row.price), number(row.volume), taker)  # type: ignore[arg-type]


def _candle(row: _Candle) -> SpotCandle:
    prices = number(row.open), number(row.high), number(row.low), number(row.close)
    return SpotCandle(row.time * SECOND_NS, *prices, number(row.volume), row.count, vwap=number(row.vwap) or None)
