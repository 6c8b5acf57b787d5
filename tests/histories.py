"""Exchanges that tell their history as their documents say they do: in memory, or over HTTP on this machine."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from markets.core.units import SECOND_NS
from markets.download.web import Params, Reply
from tests.kalshi_rest_documents import MARKET

DAY = "2026-05-01"
START_NS = 1_777_593_600 * SECOND_NS  # 2026-05-01T00:00Z
HOUR_NS = 3_600 * SECOND_NS
NOW_NS = START_NS + 30 * 24 * HOUR_NS
CUTOFF_NS = START_NS - 24 * HOUR_NS

Answer = tuple[int, dict[str, str], bytes]


class Told(NamedTuple):
    """A trade as it was: its time a whole number of milliseconds after the start."""

    number: int
    at_ms: int
    price: str
    size: str
    buys: bool

    @property
    def at_ns(self) -> int:
        return START_NS + self.at_ms * 1_000_000


def trades(count: int, *, every_ms: int = 1_000, first: int = 5_001, start_ms: int = 0) -> list[Told]:
    """One every so often, each at a price of its own."""
    return [
        Told(first + n, start_ms + n * every_ms, f"{80_000 + n}.50", f"0.{n % 9 + 1}", n % 3 == 0) for n in range(count)
    ]


def document(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON; names of headers are written with underscores."""
    return status, {name.replace("_", "-"): text for name, text in headers.items()}, json.dumps(value).encode()


class CoinbaseHost:
    """Newest first; `after` is the number that the page ends before; CB-AFTER the oldest number on it."""

    def __init__(self, told: list[Told], page: int = 1000) -> None:
        self.told, self.page = told, page

    def __call__(self, path: str, params: Mapping[str, str]) -> Answer:
        if path != "/products/BTC-USD/trades":
            return document({"message": "NotFound"}, 404)
        after = int(params.get("after", 1 << 62))
        older = [trade for trade in reversed(self.told) if trade.number < after]
        page = older[: min(int(params.get("limit", 1000)), self.page)]
        rows = [
            {
                "trade_id": trade.number,
                "side": "sell" if trade.buys else "buy",  # the maker's
                "size": trade.size,
                "price": trade.price,
                "time": rfc3339(trade.at_ns),
            }
            for trade in page
        ]
        status, headers, body = document(rows)
        return status, headers | ({"CB-AFTER": str(page[-1].number)} if page else {}), body


class KrakenHost:
    """Trades after `since`, a moment in ns; `last` is the moment of the last one on the page."""

    def __init__(self, told: list[Told], page: int = 1000) -> None:
        self.told, self.page = told, page

    def __call__(self, path: str, params: Mapping[str, str]) -> Answer:
        if params.get("pair") != "XBTUSD":
            return document({"error": ["EQuery:Unknown asset pair"]})
        since = int(params["since"])
        page = [trade for trade in self.told if trade.at_ns > since][: min(int(params["count"]), self.page)]
        rows = [[t.price, t.size, t.at_ns / SECOND_NS, "b" if t.buys else "s", "l", "", t.number] for t in page]
        last = str(page[-1].at_ns if page else since)
        return document({"error": [], "result": {"XXBTZUSD": rows, "last": last}})


class BinanceHost:
    """Aggregate trades from a number, or from a time, on."""

    def __init__(self, told: list[Told], page: int = 1000) -> None:
        self.told, self.page = told, page

    def __call__(self, path: str, params: Mapping[str, str]) -> Answer:
        if params.get("symbol") != "BTCUSDT":
            return document({"code": -1121, "msg": "Invalid symbol."}, 400)
        start_ms, number = int(params.get("startTime", 0)), int(params.get("fromId", 0))
        page = [t for t in self.told if t.number >= number and t.at_ns >= start_ms * 1_000_000]
        rows = [
            {
                "a": t.number, "p": t.price, "q": t.size, "f": t.number, "l": t.number, "T": t.at_ns // 1_000_000,
                "m": not t.buys, "M": True,
            }
            for t in page[: min(int(params["limit"]), self.page)]
        ]  # fmt: skip
        return document(rows)


class KalshiHost:
    """Quarter-hour markets of one series from the start on, some of them archived; trades newest first behind cursors."""

    def __init__(self, told: dict[str, list[Told]], page: int = 1000, *, archived: int = 0) -> None:
        self.told, self.page = told, page
        self.tickers = list(told)
        self.old = set(self.tickers[:archived])
        closes = [close_ns(self.tickers.index(ticker)) for ticker in self.old]
        self.cutoff_ns = max(closes, default=CUTOFF_NS) + 1

    def __call__(self, path: str, params: Mapping[str, str]) -> Answer:
        path = path.removeprefix("/trade-api/v2")
        if path == "/series/KXBTC15M":
            return document({"series": {"ticker": "KXBTC15M"}})
        if path == "/historical/cutoff":
            moment = rfc3339(self.cutoff_ns)
            return document({"market_settled_ts": moment, "trades_created_ts": moment, "orders_updated_ts": moment})
        is_old = path.startswith("/historical")
        if path in {"/markets", "/historical/markets"}:
            rows = [self.market(ticker) for ticker in self._of(is_old=is_old)]
            return self._paged("markets", rows[::-1], params)
        if path in {"/markets/trades", "/historical/trades"}:
            ticker = params["ticker"]
            rows = [self._trade(ticker, t) for t in self.told[ticker]] if ticker in self._of(is_old=is_old) else []
            return self._paged("trades", rows[::-1], params)
        ticker = path.rsplit("/", 2)[-2] if path.endswith("/candlesticks") else path.rpartition("/")[2]
        if ticker not in self._of(is_old=is_old):
            return document({"error": {"code": "not_found", "message": "not found"}}, 404)
        if path.endswith("/candlesticks"):
            return document({"ticker": ticker, "candlesticks": [self._candle(ticker, n, is_old) for n in (1, 2, 15)]})
        return document({"market": self.market(ticker)})

    def market(self, ticker: str) -> dict[str, Any]:
        """As the exchange tells it, without most of what we do not read."""
        index = self.tickers.index(ticker)
        return {
            "ticker": ticker, "event_ticker": ticker.rpartition("-")[0], "market_type": "binary", "status": "finalized",
            "open_time": rfc3339(close_ns(index) - 900 * SECOND_NS), "close_time": rfc3339(close_ns(index)),
            "settlement_ts": rfc3339(close_ns(index) + 60 * SECOND_NS), "result": "yes" if index % 2 else "no",
            "floor_strike": 80_000.25 + index, "expiration_value": f"{80_001.25 + index:.2f}", "strike_type": "greater_or_equal",
            "custom_strike": {"round_digits": "2"}, "price_level_structure": "tapered_deci_cent", "volume_fp": f"{136 * len(self.told[ticker])}.00",
            "price_ranges": MARKET["price_ranges"],
        }  # fmt: skip

    def _of(self, *, is_old: bool) -> list[str]:
        return [ticker for ticker in self.tickers if (ticker in self.old) == is_old]

    def _paged(self, name: str, rows: list[Any], params: Mapping[str, str]) -> Answer:
        begin = int(params.get("cursor", "c0")[1:])
        end = begin + min(int(params["limit"]), self.page)
        return document({name: rows[begin:end], "cursor": f"c{end}" if end < len(rows) else ""})

    def _trade(self, ticker: str, t: Told) -> dict[str, Any]:
        side = "yes" if t.buys else "no"
        return {
            "trade_id": f"{ticker}/{t.number}", "ticker": ticker, "count_fp": "136.00", "yes_price_dollars": "0.3600",
            "no_price_dollars": "0.6400", "taker_outcome_side": side, "taker_book_side": "bid" if t.buys else "ask",
            "taker_side": side, "created_time": rfc3339(t.at_ns), "is_block_trade": t.number % 10 == 9,
        }  # fmt: skip

    def _candle(self, ticker: str, minute: int, is_old: bool) -> dict[str, Any]:
        suffix = "" if is_old else "_dollars"
        quotes = {f"{name}{suffix}": "0.4100" for name in ("open", "low", "high", "close")}
        paid = {f"{name}{suffix}": None for name in ("open", "low", "high", "close", "mean", "previous")}
        close = close_ns(self.tickers.index(ticker)) // SECOND_NS
        return {
            "end_period_ts": close - 900 + 60 * minute, "yes_bid": quotes, "yes_ask": quotes,
            "price": paid if minute == 2 else quotes | {f"mean{suffix}": "0.412345"},
            "volume" if is_old else "volume_fp": "3.00", "open_interest" if is_old else "open_interest_fp": "7.25",
        }  # fmt: skip


def close_ns(index: int) -> int:
    """Of the window with this number, the first opens at the start."""
    return START_NS + (index + 1) * 900 * SECOND_NS


def rfc3339(at_ns: int) -> str:
    """With microseconds where there are any."""
    moment = datetime.fromtimestamp(at_ns // SECOND_NS, UTC).replace(microsecond=at_ns % SECOND_NS // 1000)
    return moment.isoformat().replace("+00:00", "Z")


class InMemory:
    """An Ask without a network. `before` is called with the number of each question, and may raise or answer itself."""

    def __init__(
        self, host: Callable[[str, Mapping[str, str]], Answer], before: Callable[[int], Answer | None] = lambda n: None
    ) -> None:
        self.host, self.before = host, before
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, url: str, params: Params) -> Reply:
        self.asked.append((urlsplit(url).path, {name: str(value) for name, value in params.items()}))
        status, headers, body = self.before(len(self.asked)) or self.host(*self.asked[-1])
        return Reply(url, status, {name.lower(): text for name, text in headers.items()}, body)


class HandClock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.slept.append(seconds)
        self.now += seconds


@contextmanager
def over_http(
    host: Callable[[str, Mapping[str, str]], Answer], fault: Callable[[BaseHTTPRequestHandler], bool] = lambda h: False
) -> Iterator[str]:
    """The address of a server on this machine. A `fault` that returns True has answered by itself."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if fault(self):
                return
            parts = urlsplit(self.path)
            send(self, *host(parts.path, dict(parse_qsl(parts.query))))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the parent calls it
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes, *, cut: int = 0) -> None:
    """An answer, or all of it but the last `cut` bytes and then the end of the connection."""
    handler.send_response(status)
    for name, text in headers.items():
        handler.send_header(name, text)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) - cut])
    handler.close_connection = bool(cut)
