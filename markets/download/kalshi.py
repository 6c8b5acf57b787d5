"""Kalshi's settled markets: listed page by page, from where they are now and from the archive.

What is asked and how an answer is read is the client's (`markets.kalshi`); pace, patience and pages are those of a download.
"""

from collections.abc import Callable
from typing import NoReturn, TypeVar
from urllib.parse import parse_qsl

import msgspec

from markets.core.contract import WINDOW_NS, FeeTerms
from markets.core.units import SECOND_NS
from markets.download.errors import BadRequest, DownloadError, Refused
from markets.download.source import Cutoff, KalshiMarket, Mark, Page
from markets.download.times import Span
from markets.download.web import Web
from markets.kalshi import calls, calls_market
from markets.kalshi import ticker as tickers
from markets.kalshi.messages_market import WireMarket
from markets.kalshi.terms import TermsError, contract_of, digits_of

SERIES, TICKER, CUTOFF, LIVE, ARCHIVE, PLAN = "series", "ticker", "cutoff", "live", "archive", "plan"
NOT_FOUND = 404
LISTING_SHARE = 0.02  # of the whole way, where every market has pages of its own
OTHER_MARKET = "no quarter-hour market"
ODD_TERMS = "market with terms that we do not know (--ticker says which)"

A = TypeVar("A")
T = TypeVar("T")


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
        path = calls.target(calls.CALLS["series"], series_ticker=self._series)
        try:  # what it says of the series is not needed
            self.web.read(path, {}, lambda reply: msgspec.json.decode(reply.body))
        except Refused as error:
            if error.status == NOT_FOUND:
                raise BadRequest(f"kalshi knows no series {self._series}.") from None
            raise
        return Page(mark, Mark(CUTOFF))

    def _split(self, mark: Mark) -> Page:
        cutoff = asked(
            self.web,
            calls_market.historical_cutoff(),
            lambda told: Cutoff(told.market_settled_ns, told.trades_created_ns),
        )
        if cutoff.markets_ns <= 0 or cutoff.trades_ns <= 0:
            raise DownloadError("kalshi's historical cutoff is no time that can be read.")
        return Page(mark, Mark(TICKER if self._ticker else LIVE), (cutoff,))

    def _one(self, mark: Mark) -> Page:
        try:
            row = self._read_one(calls_market.market(self._ticker), archived=False)
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            row = self._read_archived()
        return Page(mark, self._then, (row,), LISTING_SHARE if self._then else 1.0)

    def _read_archived(self) -> KalshiMarket:
        try:
            return self._read_one(calls_market.historical_market(self._ticker), archived=True)
        except Refused as error:
            if error.status == NOT_FOUND:
                raise BadRequest(f"kalshi knows no market {self._ticker}.") from None
            raise

    def _read_one(self, ask: calls.Ask[WireMarket], *, archived: bool) -> KalshiMarket:
        def row(market: WireMarket) -> KalshiMarket:
            try:
                return _row(market, archived)
            except TermsError as error:
                raise msgspec.ValidationError(str(error)) from error

        return asked(self.web, ask, row)

    def _list(self, mark: Mark) -> Page:
        span = self._span
        assert span is not None  # noqa: S101 - a list is only asked for with a span
        is_archive = mark.stage == ARCHIVE
        pages: calls.Pages[WireMarket]
        if is_archive:
            pages = calls_market.historical_markets({"series_ticker": self._series})
        else:
            times: calls_market.MarketFilters = {
                "min_close_ts": span.from_ns // SECOND_NS,
                "max_close_ts": (span.to_ns + WINDOW_NS) // SECOND_NS,
            }
            pages = calls_market.markets({"series_ticker": self._series, **times})
        (rows, skipped), cursor = asked(
            self.web,
            pages.ask(mark.cursor, self._limit),
            lambda told: (_rows(told, span, is_archive), told.cursor),
        )
        return Page(mark, self._after(mark, cursor), rows, LISTING_SHARE, skipped)

    def _after(self, mark: Mark, cursor: str) -> Mark | None:
        if cursor:
            return Mark(mark.stage, mark.index + 1, cursor)
        assert self._span is not None  # noqa: S101
        if mark.stage == LIVE and self._span.from_ns < self.cutoff.markets_ns:
            return Mark(ARCHIVE)
        return self._then


def asked(web: Web, ask: calls.Ask[A], make: Callable[[A], T]) -> T:
    """What `make` makes of the answer to one of the client's questions. Raises as Web.read does."""
    path, _, query = ask.target.partition("?")
    return web.read(path, dict(parse_qsl(query)), lambda reply: make(ask.read(reply.body)))[1]


def fault(field: str, error: object) -> NoReturn:
    """A field cannot be used. Raises what says so, with the page added on the way up."""
    raise msgspec.ValidationError(f"`{field}`: {error}")


def _rows(told: calls.Page[WireMarket], span: Span, archived: bool) -> tuple[tuple[KalshiMarket, ...], dict[str, int]]:
    """The quarter hours of a page that open in the span, and what was left out."""
    skipped = {OTHER_MARKET: 0, ODD_TERMS: 0}
    rows = []
    for market in told.rows:
        if not tickers.TICKER.fullmatch(market.ticker):
            skipped[OTHER_MARKET] += 1
        elif market.open_ns in span:
            try:
                rows.append(_row(market, archived))
            except TermsError:
                skipped[ODD_TERMS] += 1
    return tuple(rows), {reason: count for reason, count in skipped.items() if count}


def _row(market: WireMarket, archived: bool) -> KalshiMarket:
    """Fees and averaging of the contract are assumed: a list of markets has neither. Raises TermsError."""
    if market.volume is None:
        fault("volume_fp", f"{market.ticker} has none")
    return KalshiMarket(
        contract_of(market, FeeTerms()),
        digits_of(market),
        market.status,
        market.result,
        market.expiration_value,
        market.yes_pays,
        max(market.settled_ns or 0, 0),
        market.volume,
        archived,
    )
