"""Calls for what is older than the cutoff: the same things under other paths, candles under shorter names."""

from trading.simulator.exchange.doors import Answer, Ask, Door
from trading.simulator.exchange.errors import invalid, not_found
from trading.simulator.exchange.house_rows import HouseMarket
from trading.simulator.exchange.routes_markets import (
    candle_range,
    candles_of,
    is_history,
    market_page,
    market_shape_of,
    trade_page,
)
from trading.simulator.exchange.routes_portfolio import fill_page, order_page, position_page
from trading.simulator.exchange.shapes import iso
from trading.simulator.exchange.shapes_markets import candle_shape


def cutoff(ask: Ask) -> Answer:
    """What is older than this is told here only."""
    at = iso(ask.cutoff_ns)
    names = ("market_settled_ts", "trades_created_ts", "orders_updated_ts", "market_positions_last_updated_ts")
    return Answer(dict.fromkeys(names, at))


def markets(ask: Ask) -> Answer:
    """Settled markets, the last to close first; one filter at a time."""
    query = ask.query
    series, event, tickers = query.text("series_ticker"), query.text("event_ticker"), set(query.words("tickers", 1_000))
    query.choice("mve_filter", ("exclude",))
    if sum(map(bool, (series, event, tickers))) > 1:
        raise invalid("only one of tickers, event_ticker and series_ticker")
    rows = [
        market
        for market in ask.house.markets.values()
        if is_history(ask, market)
        and series in {"", market.series}
        and event in {"", market.event_ticker}
        and (not tickers or market.ticker in tickers)
    ]
    return market_page(ask, rows)


def market(ask: Ask) -> Answer:
    """One settled market."""
    return Answer({"market": market_shape_of(ask, _old_market(ask))})


def candlesticks(ask: Ask) -> Answer:
    """Its candles."""
    found = _old_market(ask)
    candles = candles_of(ask, found.ticker, candle_range(ask.query, 1))
    shapes = [candle_shape(candle, is_historical=True) for candle in candles]
    return Answer({"ticker": found.ticker, "candlesticks": shapes})


def trades(ask: Ask) -> Answer:
    """Public trades."""
    return trade_page(ask, lambda at_ns: at_ns < ask.cutoff_ns)


def fills(ask: Ask) -> Answer:
    """Fills of an account."""
    return fill_page(ask, lambda row: row.at_ns < ask.cutoff_ns)


def orders(ask: Ask) -> Answer:
    """Orders that ended."""
    return order_page(ask, lambda state: state.status != "resting" and state.updated_ns < ask.cutoff_ns)


def positions(ask: Ask) -> Answer:
    """Positions that were paid out."""
    return position_page(ask, lambda row: 0 < row.settled_ns < ask.cutoff_ns)


def _old_market(ask: Ask) -> HouseMarket:
    found = ask.house.recall(ask.parts["ticker"])
    if found is None or not is_history(ask, found):
        raise not_found("market")
    return found


DOORS = (
    Door("GET", "/historical/cutoff", cutoff),
    Door("GET", "/historical/markets", markets),
    Door("GET", "/historical/markets/{ticker}", market),
    Door("GET", "/historical/markets/{ticker}/candlesticks", candlesticks),
    Door("GET", "/historical/trades", trades),
    Door("GET", "/historical/fills", fills, "read"),
    Door("GET", "/historical/orders", orders, "read"),
    Door("GET", "/historical/positions", positions, "read"),
)
