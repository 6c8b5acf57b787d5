"""Kalshi's settled markets: listed page by page, from where they are now and from the archive."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import msgspec

from markets.core.contract import TAPERED_GRID, WINDOW_NS, Contract, PriceBand
from markets.core.units import SECOND_NS, Price, count_from_text, price_from_text
from markets.download.errors import BadRequest, DownloadError, Refused
from markets.download.source import Cutoff, KalshiMarket, Mark, Page
from markets.download.times import Span, stamp_ns
from markets.download.web import Reply, Web
from markets.kalshi import ticker as tickers

SERIES, TICKER, CUTOFF, LIVE, ARCHIVE, PLAN = "series", "ticker", "cutoff", "live", "archive", "plan"
NOT_FOUND = 404
LISTING_SHARE = 0.02  # of the whole way, where every market has pages of its own

T = TypeVar("T")


class _Range(msgspec.Struct):
    start: str
    end: str
    step: str


class _Market(msgspec.Struct):
    ticker: str
    open_time: str
    close_time: str
    status: str
    result: str
    price_ranges: list[_Range]
    volume_fp: str
    floor_strike: float | None = None
    expiration_value: str = ""
    settlement_ts: str | None = None
    custom_strike: dict[str, Any] | None = None


class _Markets(msgspec.Struct):
    markets: list[_Market]
    cursor: str = ""


class _OneMarket(msgspec.Struct):
    market: _Market


class _Cutoff(msgspec.Struct):
    market_settled_ts: str
    trades_created_ts: str


class KalshiMarkets:
    """The markets of a series that open inside a span, or one market by its ticker. As a source it ends when they are
    listed; a source that needs more of each market goes on from `PLAN`."""

    def __init__(
        self, web: Web, *, series: str = "", ticker: str = "", span: Span | None = None, limit: int = 1000,
        then: Mark | None = None,
    ) -> None:  # fmt: skip
        self.web = web
        self.cutoff = Cutoff(0, 0)
        self._series = series or tickers.series_of(ticker)
        self._ticker, self._span, self._limit = ticker, span, limit
        self._then = then
        self._found: dict[str, KalshiMarket] = {}

    def first(self) -> Mark:
        """Whether the exchange knows the series."""
        return Mark(SERIES)

    def learn(self, page: Page) -> None:
        """Take up what a page lists; what is listed in both places is taken from where it is now."""
        for row in page.rows:
            if isinstance(row, Cutoff):
                self.cutoff = row
            elif isinstance(row, KalshiMarket):
                self._found.setdefault(row.ticker, row)

    def markets(self) -> list[KalshiMarket]:
        """All that were found, in the order of their windows."""
        return sorted(self._found.values(), key=lambda market: (market.open_ns, market.ticker))

    def fetch(self, mark: Mark) -> Page:
        """One page of the list."""
        steps = {SERIES: self._known, CUTOFF: self._split, TICKER: self._one, LIVE: self._list, ARCHIVE: self._list}
        return steps[mark.stage](mark)

    def _known(self, mark: Mark) -> Page:
        try:
            self.web.read(f"/series/{self._series}", {}, lambda reply: msgspec.json.decode(reply.body))
        except Refused as error:
            if error.status == NOT_FOUND:
                raise BadRequest(f"kalshi knows no series {self._series}.") from None
            raise
        return Page(mark, Mark(CUTOFF))

    def _split(self, mark: Mark) -> Page:
        _, told = self.web.read("/historical/cutoff", {}, _typed(_Cutoff))
        cutoff = Cutoff(stamp_ns(told.market_settled_ts), stamp_ns(told.trades_created_ts))
        if not (cutoff.markets_ns and cutoff.trades_ns):
            raise DownloadError("kalshi's historical cutoff is no time that can be read.")
        return Page(mark, Mark(TICKER if self._ticker else LIVE), (cutoff,))

    def _one(self, mark: Mark) -> Page:
        try:
            row = self._read_one(f"/markets/{self._ticker}", archived=False)
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            row = self._read_archived()
        return Page(mark, self._then, (row,), LISTING_SHARE if self._then else 1.0)

    def _read_archived(self) -> KalshiMarket:
        try:
            return self._read_one(f"/historical/markets/{self._ticker}", archived=True)
        except Refused as error:
            if error.status == NOT_FOUND:
                raise BadRequest(f"kalshi knows no market {self._ticker}.") from None
            raise

    def _read_one(self, path: str, *, archived: bool) -> KalshiMarket:
        return self.web.read(path, {}, lambda reply: _row(_typed(_OneMarket)(reply).market, archived))[1]

    def _list(self, mark: Mark) -> Page:
        span = self._span
        assert span is not None  # noqa: S101 - a list is only asked for with a span
        is_archive = mark.stage == ARCHIVE
        params: dict[str, str | int] = {"series_ticker": self._series, "limit": self._limit}
        if not is_archive:
            params |= {"min_close_ts": span.from_ns // SECOND_NS, "max_close_ts": (span.to_ns + WINDOW_NS) // SECOND_NS}
        if mark.cursor:
            params["cursor"] = mark.cursor
        path = "/historical/markets" if is_archive else "/markets"
        _, (rows, cursor, skipped) = self.web.read(path, params, lambda reply: _rows(reply, is_archive))
        inside = tuple(row for row in rows if row.open_ns in span)
        return Page(mark, self._after(mark, cursor), inside, LISTING_SHARE, skipped)

    def _after(self, mark: Mark, cursor: str) -> Mark | None:
        if cursor:
            return Mark(mark.stage, mark.index + 1, cursor)
        assert self._span is not None  # noqa: S101
        if mark.stage == LIVE and self._span.from_ns < self.cutoff.markets_ns:
            return Mark(ARCHIVE)
        return self._then


def contract_of(market: KalshiMarket) -> Contract:
    """The terms as the engine takes them. Fees and averaging are those of the series; the exchange lists neither."""
    asset = tickers.asset_of(market.series)
    contract = Contract(market.ticker, market.series, asset, market.open_ns, market.close_ns, market.strike)
    return msgspec.structs.replace(
        contract,
        decimals=contract.decimals if market.decimals is None else market.decimals,
        grid=market.grid or TAPERED_GRID,
    )


def fault(field: str, error: object) -> NoReturn:
    """A field cannot be used. Raises what says so, with the page added on the way up."""
    raise msgspec.ValidationError(f"`{field}`: {error}")


def units(parse: Callable[[str], T], text: str, field: str) -> T:
    """A number in text in the units of the core."""
    try:
        return parse(text)
    except ValueError as error:
        fault(field, error)


def _typed(kind: type[T]) -> Callable[[Reply], T]:
    return lambda reply: msgspec.json.decode(reply.body, type=kind)


def _rows(reply: Reply, archived: bool) -> tuple[list[KalshiMarket], str, dict[str, int]]:
    """The markets of a page that are quarter hours, its cursor, and what was left out."""
    told = msgspec.json.decode(reply.body, type=_Markets)
    rows = [_row(market, archived) for market in told.markets if tickers.TICKER.fullmatch(market.ticker)]
    other = len(told.markets) - len(rows)
    return rows, told.cursor, {"no quarter-hour market": other} if other else {}


def _row(market: _Market, archived: bool) -> KalshiMarket:
    open_ns, close_ns = stamp_ns(market.open_time), stamp_ns(market.close_time)
    if not 0 < open_ns < close_ns:
        fault("open_time", f"{market.ticker} opens at {market.open_time!r} and closes at {market.close_time!r}")
    return KalshiMarket(
        market.ticker,
        tickers.series_of(market.ticker),
        open_ns,
        close_ns,
        market.status,
        market.result,
        market.floor_strike if market.floor_strike and market.floor_strike > 0 else None,
        market.expiration_value,
        stamp_ns(market.settlement_ts or ""),
        _digits(market.custom_strike),
        tuple(PriceBand(_price(band.start), _price(band.end), _price(band.step)) for band in market.price_ranges),
        units(count_from_text, market.volume_fp, "volume_fp"),
        archived,
    )


def _price(text: str) -> Price:
    return units(price_from_text, text, "price_ranges")


def _digits(custom: dict[str, Any] | None) -> int | None:
    text = str((custom or {}).get("round_digits", ""))
    return int(text) if text.isdecimal() else None
