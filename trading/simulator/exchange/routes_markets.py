"""Calls about markets: the list with its filters, books, trades, candles."""

from collections.abc import Callable

from markets.core.units import SECOND_NS
from trading.simulator.exchange.doors import Answer, Ask, Door
from trading.simulator.exchange.doors_pages import page
from trading.simulator.exchange.doors_query import Query
from trading.simulator.exchange.errors import invalid, not_found
from trading.simulator.exchange.history import Candle
from trading.simulator.exchange.house_rows import HouseMarket
from trading.simulator.exchange.shapes_markets import (
    book_shape,
    candle_shape,
    market_shape,
    standing_candle,
    trade_shape,
)

FILTER_STATES = {
    "unopened": ("initialized",),
    "open": ("active",),
    "paused": ("inactive",),
    "closed": ("closed", "determined", "disputed", "amended"),
    "settled": ("finalized",),
}
# Each family of times, what it looks at, and the statuses it goes with beside none.
FAMILIES: dict[str, tuple[Callable[[HouseMarket], int], tuple[str, ...]]] = {
    "created": (lambda market: market.created_ns, ("unopened", "open")),
    "close": (lambda market: market.close_ns, ("closed",)),
    "settled": (lambda market: market.settled_ns, ("settled",)),
    "updated": (lambda market: market.updated_ns, ()),
}
NOT_WITH_UPDATED = ("event_ticker", "tickers", "status")
MOST_DEPTH, MOST_BOOKS, LONGEST_TICKER = 100, 100, 200
PERIODS = (1, 60, 1440)
MOST_CANDLES, MOST_CANDLES_IN_ALL, MOST_CANDLE_MARKETS = 5_000, 10_000, 100
LATEST_BEFORE_S = 7 * 86_400  # how far back the candle before a range is looked for


def market_shape_of(ask: Ask, market: HouseMarket) -> dict[str, object]:
    """A market as it is now."""
    return market_shape(market, ask.house.quote(market.ticker), ask.market_shard(market))


def live_market(ask: Ask, ticker: str) -> HouseMarket:
    """The market of this ticker. Raises ApiError (404)."""
    market = ask.house.recall(ticker)
    if market is None or is_history(ask, market):
        raise not_found("market")
    return market


def is_history(ask: Ask, market: HouseMarket) -> bool:
    """Whether it settled so long ago that only /historical knows it."""
    return 0 < market.settled_ns < ask.cutoff_ns


def markets(ask: Ask) -> Answer:
    """The list, the last to close first."""
    wanted = market_filter(ask.query)
    rows = [market for market in ask.house.markets.values() if not is_history(ask, market) and wanted(market)]
    return market_page(ask, rows)


def market_page(ask: Ask, rows: list[HouseMarket]) -> Answer:
    """A page of these markets."""
    rows.sort(key=_market_key, reverse=True)
    found, cursor = page(ask.query, rows, _market_key, ask.whose, least=0)
    return Answer({"markets": [market_shape_of(ask, market) for market in found], "cursor": cursor})


def market_filter(query: Query) -> Callable[[HouseMarket], bool]:
    """What the list is narrowed to. Raises ApiError (400) for filters that do not go together."""
    status = query.choice("status", tuple(FILTER_STATES))
    series, event, tickers = query.text("series_ticker"), query.text("event_ticker"), set(query.words("tickers", 1_000))
    only_combos = query.choice("mve_filter", ("only", "exclude")) == "only"
    time_of, least_s, most_s = _time_filter(query, status)
    states = FILTER_STATES.get(status)

    def wanted(market: HouseMarket) -> bool:
        at_ns = time_of(market)
        return (
            not only_combos
            and series in {"", market.series}
            and event in {"", market.event_ticker}
            and (not tickers or market.ticker in tickers)
            and (states is None or market.status in states)
            and (least_s is None or at_ns > max(0, least_s * SECOND_NS))
            and (most_s is None or 0 < at_ns <= most_s * SECOND_NS)
        )

    return wanted


def _time_filter(query: Query, status: str) -> tuple[Callable[[HouseMarket], int], int | None, int | None]:
    bounds = {name: (query.number(f"min_{name}_ts"), query.number(f"max_{name}_ts")) for name in FAMILIES}
    given = [name for name, pair in bounds.items() if pair != (None, None)]
    if not given:
        return FAMILIES["close"][0], None, None
    if len(given) > 1:
        raise invalid("only one kind of time filter at a time")
    name = given[0]
    time_of, statuses = FAMILIES[name]
    if status and status not in statuses:
        raise invalid(f"{name} times do not go with status {status}")
    if name == "updated":
        if any(query.has(other) for other in NOT_WITH_UPDATED):
            raise invalid("updated times go with mve_filter and series_ticker only")
        if query.has("series_ticker") and query.text("mve_filter") != "exclude":
            raise invalid("updated times with series_ticker need mve_filter=exclude")
    return time_of, *bounds[name]


def market(ask: Ask) -> Answer:
    """One market."""
    return Answer({"market": market_shape_of(ask, live_market(ask, ask.parts["ticker"]))})


def orderbook(ask: Ask) -> Answer:
    """One book; that of a market nobody knows is empty."""
    depth = ask.query.number("depth", -1, MOST_DEPTH) or 0
    return Answer({"orderbook_fp": book_shape(ask.house.book(ask.parts["ticker"]), max(depth, 0))})


def orderbooks(ask: Ask) -> Answer:
    """Several books; the parameter is repeated, a comma list is one ticker that nobody knows."""
    tickers = ask.query.many("tickers", MOST_BOOKS, LONGEST_TICKER)
    books = [{"ticker": ticker, "orderbook_fp": book_shape(ask.house.book(ticker), 0)} for ticker in tickers]
    return Answer({"orderbooks": books})


def trades(ask: Ask) -> Answer:
    """Public trades, newest first."""
    return trade_page(ask, lambda at_ns: at_ns >= ask.cutoff_ns)


def trade_page(ask: Ask, in_time: Callable[[int], bool]) -> Answer:
    """A page of the trades of these times."""
    query = ask.query
    ticker, least_s, most_s = query.text("ticker"), query.number("min_ts"), query.number("max_ts")
    only_blocks = query.flag("is_block_trade") is True
    rows = (
        row
        for row in ask.house.trades(ticker)
        if not only_blocks and in_time(row.at_ns) and within(row.at_ns, least_s, most_s)
    )
    found, cursor = page(query, rows, lambda row: (row.at_ns, row.trade_id), ask.whose, least=0)
    return Answer({"trades": [trade_shape(row) for row in found], "cursor": cursor})


def within(at_ns: int, least_s: int | None, most_s: int | None) -> bool:
    """Whether a time is between two Unix times, both included as far as they are given."""
    return (least_s is None or at_ns >= least_s * SECOND_NS) and (most_s is None or at_ns <= most_s * SECOND_NS)


def candlesticks(ask: Ask) -> Answer:
    """One market's candles."""
    ticker = ask.parts["ticker"]
    found = live_market(ask, ticker)
    if found.series != ask.parts["series_ticker"]:
        raise not_found("market")
    start_s, end_s, minutes = candle_range(ask.query, 1)
    with_latest = ask.query.flag("include_latest_before_start") is True
    candles = candles_of(ask, ticker, (start_s, end_s, minutes), with_latest=with_latest)
    return Answer({"ticker": ticker, "candlesticks": [candle_shape(candle) for candle in candles]})


def candlesticks_batch(ask: Ask) -> Answer:
    """Several markets' candles; those of unknown markets are left out."""
    if not ask.query.has("market_tickers"):
        raise invalid("market_tickers is required")
    tickers = ask.query.words("market_tickers", MOST_CANDLE_MARKETS)
    span = candle_range(ask.query, len(tickers))
    with_latest = ask.query.flag("include_latest_before_start") is True
    found = [
        {
            "market_ticker": ticker,
            "candlesticks": [candle_shape(one) for one in candles_of(ask, ticker, span, with_latest=with_latest)],
        }
        for ticker in tickers
        if ticker in ask.house.markets
    ]
    return Answer({"markets": found})


def event_candlesticks(ask: Ask) -> Answer:
    """The candles of all markets of an event, which is one."""
    span = candle_range(ask.query, 1)
    tickers = [
        one.ticker
        for one in ask.house.markets.values()
        if (one.event_ticker, one.series) == (ask.parts["ticker"], ask.parts["series_ticker"])
    ]
    candles = [[candle_shape(one) for one in candles_of(ask, ticker, span)] for ticker in tickers]
    return Answer({"market_tickers": tickers, "market_candlesticks": candles, "adjusted_end_ts": span[1]})


def candle_range(query: Query, tickers: int) -> tuple[int, int, int]:
    """(first second, last second, minutes of a candle). Raises ApiError (400) for more candles than are given at once."""
    start_s, end_s = query.needed_number("start_ts"), query.needed_number("end_ts")
    minutes = query.needed_number("period_interval")
    if minutes not in PERIODS:
        raise invalid("period_interval is 1, 60 or 1440")
    if start_s < 0 or end_s < start_s:
        raise invalid("end_ts is before start_ts")
    each = (end_s - start_s) // (minutes * 60)
    if each > MOST_CANDLES or each * tickers > MOST_CANDLES_IN_ALL:
        raise invalid("more candles than can be asked for at once")
    return start_s, end_s, minutes


def candles_of(ask: Ask, ticker: str, span: tuple[int, int, int], *, with_latest: bool = False) -> list[Candle]:
    """The candles of a range, and before them the standing of the last one before it, when that is wanted."""
    start_s, end_s, minutes = span
    found = list(ask.house.candles(ticker, start_s, end_s, minutes))
    period = minutes * 60
    first_end_s = -(-start_s // period) * period
    if with_latest and not (found and found[0].end_s == first_end_s):
        before = ask.house.candles(ticker, max(0, start_s - LATEST_BEFORE_S), start_s - 1, minutes)
        found = [standing_candle(one, start_s, minutes) for one in before[-1:]] + found
    return found


def _market_key(market: HouseMarket) -> tuple[int, str]:
    return market.close_ns, market.ticker


DOORS = (
    Door("GET", "/markets", markets),
    Door("GET", "/markets/trades", trades),
    Door("GET", "/markets/orderbooks", orderbooks),
    Door("GET", "/markets/candlesticks", candlesticks_batch),
    Door("GET", "/markets/{ticker}", market),
    Door("GET", "/markets/{ticker}/orderbook", orderbook),
    Door("GET", "/series/{series_ticker}/markets/{ticker}/candlesticks", candlesticks),
    Door("GET", "/series/{series_ticker}/events/{ticker}/candlesticks", event_candlesticks),
)
