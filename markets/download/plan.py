"""From what a person asks for to a source, a name and a kind of result; what cannot be is refused here."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from markets.download.binance import BinanceCandles, BinanceTrades
from markets.download.binance_files import BinanceFiles
from markets.download.coinbase import CoinbaseCandles, CoinbaseTrades
from markets.download.errors import BadRequest
from markets.download.kalshi import KalshiMarkets
from markets.download.kalshi_each import KalshiCandles, KalshiTrades
from markets.download.kraken import KrakenCandles, KrakenTrades
from markets.download.source import Source
from markets.download.times import MINUTE_NS, Span, iso, span_from
from markets.download.web import Web
from markets.kalshi import ticker as tickers
from markets.kalshi.hosts import PRODUCTION
from markets.kalshi.limits import PUBLIC_REQUESTS_A_SECOND

ASSETS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "NEAR", "ZEC")
KALSHI = ("kalshi-markets", "kalshi-trades", "kalshi-candles")
VENUES = ("coinbase", "kraken", "binance")
MARKETS, TRADES, CANDLES = "markets", "trades", "candles"

Result = Literal["spot tape", "spot candles", "kalshi markets", "kalshi tape", "kalshi candles"]


class Host(NamedTuple):
    """Where a host is and how fast it may be asked: requests (Binance: units of weight) a second, how many at once."""

    base: str
    rate: float
    burst: float = 1.0


HOSTS = {
    "kalshi": Host(PRODUCTION.rest, PUBLIC_REQUESTS_A_SECOND, PUBLIC_REQUESTS_A_SECOND),
    "coinbase": Host("https://api.exchange.coinbase.com", 8.0, 8.0),
    "kraken": Host("https://api.kraken.com", 0.9),
    "binance": Host("https://api.binance.com", 80.0, 400.0),
    "binance-data": Host("https://data-api.binance.vision", 80.0, 400.0),
    "binance-us": Host("https://api.binance.us", 15.0, 60.0),
    "binance-files": Host("https://data.binance.vision", 4.0, 4.0),
}
BINANCE_HOSTS = {"global": "binance", "data": "binance-data", "us": "binance-us", "files": "binance-files"}


class Wish(msgspec.Struct, frozen=True):
    """The words of a person, not judged yet."""

    what: str
    kind: str = ""
    asset: str = ""
    series: str = ""
    ticker: str = ""
    from_text: str | None = None
    to_text: str | None = None
    host: str = "global"
    base: str = ""


class Plan(NamedTuple):
    """A download that can begin. `newest_first` is the order in which the pages come."""

    name: str
    words: str
    host: Host
    result: Result
    source: Callable[[Web], Source]
    span: Span | None = None
    venue: str = ""
    asset: str = ""
    newest_first: bool = False

    @property
    def is_tape(self) -> bool:
        """A tape, or else a table."""
        return self.result.endswith("tape")


def plan_of(wish: Wish, *, now_ns: int) -> Plan:
    """What to do. Raises BadRequest with what a person should change."""
    if wish.what in KALSHI:
        plan = _kalshi(wish, now_ns)
    elif wish.what in VENUES:
        plan = _venue(wish, now_ns)
    else:
        raise BadRequest(f"{wish.what!r} cannot be downloaded; choose one of {', '.join(KALSHI + VENUES)}.")
    return plan._replace(host=plan.host._replace(base=wish.base.rstrip("/"))) if wish.base else plan


def _kalshi(wish: Wish, now_ns: int) -> Plan:
    if wish.kind or wish.asset:
        raise BadRequest(f"{wish.what} takes --series or --ticker, not {wish.kind or '--asset'}.")
    if bool(wish.series) == bool(wish.ticker):
        raise BadRequest(f"{wish.what} needs --series (such as KXBTC15M) or --ticker, one of them.")
    span = None
    try:
        if wish.ticker:
            _check_ticker(wish)
        else:
            tickers.asset_of(wish.series)
            span = span_from(wish.from_text, wish.to_text, now_ns=now_ns)
    except tickers.TickerError as error:
        raise BadRequest(f"{error}.") from None
    kind = wish.what.removeprefix("kalshi-")
    result: Result = "kalshi tape" if kind == TRADES else "kalshi candles" if kind == CANDLES else "kalshi markets"
    makers: dict[str, type[KalshiMarkets] | type[KalshiTrades] | type[KalshiCandles]]
    makers = {MARKETS: KalshiMarkets, TRADES: KalshiTrades, CANDLES: KalshiCandles}
    make = makers[kind]
    of = f"--ticker {wish.ticker}" if span is None else f"--series {wish.series}{_times(span)}"
    label = wish.ticker.lower() if span is None else f"{wish.series.lower()}-{span.label}"
    return Plan(
        f"kalshi-{kind}-{label}",
        f"kalshi-bot download {wish.what} {of}",
        HOSTS["kalshi"],
        result,
        lambda web: make(web, series=wish.series, ticker=wish.ticker, span=span),
        span,
        newest_first=True,
    )


def _check_ticker(wish: Wish) -> None:
    tickers.series_of(wish.ticker)
    if wish.from_text or wish.to_text:
        raise BadRequest("--ticker is one whole market; leave --from and --to out.")


def _venue(wish: Wish, now_ns: int) -> Plan:
    kind, asset = wish.kind or TRADES, wish.asset.upper()
    if kind not in {TRADES, CANDLES}:
        raise BadRequest(f"{wish.what} has {TRADES} and {CANDLES}, not {kind!r}.")
    if wish.series or wish.ticker:
        raise BadRequest(f"{wish.what} takes --asset, not --series or --ticker.")
    if asset not in ASSETS:
        raise BadRequest(f"--asset is one of {', '.join(ASSETS)}; {wish.asset!r} is not.")
    span = span_from(wish.from_text, wish.to_text, now_ns=now_ns)
    if kind == CANDLES and (span.from_ns % MINUTE_NS or span.to_ns % MINUTE_NS):
        raise BadRequest("candles are whole minutes; give --from and --to without seconds.")
    if wish.host not in BINANCE_HOSTS or (wish.host != "global" and wish.what != "binance"):
        raise BadRequest(f"--host is {', '.join(BINANCE_HOSTS)}, and of binance only.")
    venue, host = _binance(wish.host) if wish.what == "binance" else (wish.what, HOSTS[wish.what])
    given = f" --host {wish.host}" if wish.host != "global" else ""
    is_tape = kind == TRADES
    return Plan(
        f"{venue.replace('_', '-')}-{asset.lower()}-{kind}-{span.label}",
        f"kalshi-bot download {wish.what} {kind} --asset {asset}{_times(span)}{given}",
        host,
        "spot tape" if is_tape else "spot candles",
        _source_of(wish, kind, asset, span, now_ns=now_ns),
        span,
        venue,
        asset,
        newest_first=is_tape and wish.what == "coinbase",
    )


def _source_of(wish: Wish, kind: str, asset: str, span: Span, *, now_ns: int) -> Callable[[Web], Source]:
    if wish.what == "binance" and wish.host == "files":
        return lambda web: BinanceFiles(web, asset, span, kind=kind)
    if wish.what == "kraken" and kind == CANDLES:
        return lambda web: KrakenCandles(web, asset, span, now_ns=now_ns)
    makers: dict[tuple[str, str], Callable[[Web, str, Span], Source]] = {
        ("coinbase", TRADES): CoinbaseTrades,
        ("coinbase", CANDLES): CoinbaseCandles,
        ("kraken", TRADES): KrakenTrades,
        ("binance", TRADES): BinanceTrades,
        ("binance", CANDLES): BinanceCandles,
    }
    return lambda web: makers[wish.what, kind](web, asset, span)


def _binance(host: str) -> tuple[str, Host]:
    """The venue's name in events, and where it is asked: Binance.US is an exchange of its own."""
    return "binance_us" if host == "us" else "binance", HOSTS[BINANCE_HOSTS[host]]


def _times(span: Span) -> str:
    return f" --from {iso(span.from_ns)} --to {iso(span.to_ns)}"
