"""What the exchange's WebSocket says to everybody beside the books: tickers, trades and index values, as events."""

from math import isfinite

import msgspec

from markets.core.events import IndexValue, TickerQuote, TradePrint
from markets.core.units import MILLISECOND_NS, PRICE_DOLLAR
from markets.feeds.kalshi.frames import (
    COUNTS,
    PRICES,
    Average,
    decode_index,
    decode_index_data,
    decode_ticker,
    decode_trade,
)
from markets.feeds.kalshi.wanted import Wanted, asset_of_index
from markets.feeds.times import venue_ns


def read_ticker(msg: msgspec.Raw, wanted: Wanted, now_ns: int) -> TickerQuote | None:
    """The summary of a market; None for one that is not wanted (any more). Raises ValueError."""
    ticker = decode_ticker(msg)
    if ticker.market_ticker not in wanted.markets:
        return None
    return TickerQuote(
        now_ns,
        ticker.market_ticker,
        _price(ticker.yes_bid_dollars),
        _price(ticker.yes_ask_dollars),
        COUNTS[ticker.yes_bid_size_fp],
        COUNTS[ticker.yes_ask_size_fp],
        _price(ticker.price_dollars),
        COUNTS[ticker.volume_fp],
        COUNTS[ticker.open_interest_fp],
        ticker.ts_ms * MILLISECOND_NS,
    )


def read_trade(msg: msgspec.Raw, wanted: Wanted, now_ns: int) -> TradePrint | None:
    """A public trade; None for a market that is not wanted, and for one made off the book. Raises ValueError."""
    trade = decode_trade(msg)
    if trade.market_ticker not in wanted.markets or trade.is_block_trade:
        return None
    side = trade.taker_outcome_side or trade.taker_side
    if side is None and trade.taker_book_side is None:
        raise ValueError("a trade that does not say which side took")
    taker_yes = side == "yes" if side is not None else trade.taker_book_side == "bid"
    price, count = _price(trade.yes_price_dollars), COUNTS[trade.count_fp]
    return TradePrint(now_ns, trade.market_ticker, price, count, taker_yes, trade.ts_ms * MILLISECOND_NS)


def read_index(msg: msgspec.Raw, wanted: Wanted, now_ns: int) -> IndexValue | None:
    """A value of an index; None for one that is not wanted. Raises ValueError."""
    index = decode_index(msg)
    asset = asset_of_index(index.index_id)
    if index.index_id not in wanted.indices or not asset:
        return None
    data = decode_index_data(index.data)
    window = index.last_60s_windowed_average_15min
    return IndexValue(
        now_ns,
        asset,
        _positive(data.value),
        venue_ns(data.time, now_ns),
        _average(index.avg_60s_data),
        _average(window),
        window.window_size if window is not None else 0,
    )


def _average(average: Average | None) -> float | None:
    return _positive(average.value) if average is not None else None


def _positive(text: str | float) -> float:
    value = float(text)
    if not isfinite(value) or value <= 0.0:
        raise ValueError(f"an index of {text!r}")
    return value


def _price(text: str) -> int:
    price = PRICES[text]
    if not 0 <= price <= PRICE_DOLLAR:
        raise ValueError(f"a price of {text!r}")
    return price
