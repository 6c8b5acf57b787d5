"""Markets, events, series, books, trades and candles, as they read on the wire."""

from collections.abc import Iterable, Sequence

from markets.core.contract import Contract
from markets.core.events import Level
from markets.core.units import PRICE_DOLLAR, count_text, price_text
from trading.simulator.exchange.history import Candle
from trading.simulator.exchange.house_rows import FeeChange, HouseMarket, Quote, Series, TradeRow
from trading.simulator.exchange.index import index_id
from trading.simulator.exchange.shapes import iso

CATEGORY = "Crypto"
SOURCES = [{"name": "CF Benchmarks", "url": "https://www.cfbenchmarks.com/"}]
TERMS_URL = "https://assets.kalshi.com/contract_terms/CRYPTO15M.pdf"
Shape = dict[str, object]


def market_shape(market: HouseMarket, quote: Quote, shard: int) -> Shape:
    """A market; the strike and what comes with the result are left out until they are known."""
    contract = market.contract
    shape: Shape = {
        "ticker": market.ticker,
        "event_ticker": market.event_ticker,
        "market_type": "binary",
        "title": market.title,
        "subtitle": market.yes_sub_title,
        "yes_sub_title": market.yes_sub_title,
        "no_sub_title": market.no_sub_title,
        "created_time": iso(market.created_ns),
        "updated_time": iso(market.updated_ns or market.created_ns),
        "open_time": iso(market.open_ns),
        "close_time": iso(market.close_ns),
        "expected_expiration_time": iso(market.expected_expiration_ns),
        "expiration_time": iso(market.latest_expiration_ns),
        "latest_expiration_time": iso(market.latest_expiration_ns),
        "settlement_timer_seconds": 1,
        "status": market.status,
        "result": market.result,
        "can_close_early": True,
        "notional_value_dollars": "1.0000",
        "liquidity_dollars": "0.0000",  # said no more by the documents, still wanted by clients
        "settlement_bounds_type": "default",
        "expiration_value": market.expiration_value,
        "custom_strike": {"round_digits": str(contract.decimals)},
        "rules_primary": market.rules_primary,
        "rules_secondary": market.rules_secondary,
        "price_level_structure": market.price_level_structure,
        "price_ranges": ranges_shape(contract),
        "exchange_index": shard,
    }
    return shape | _quoted(market, quote) | _resolved(market)


def _quoted(market: HouseMarket, quote: Quote) -> Shape:
    return {
        "yes_bid_dollars": price_text(quote.bid),
        "yes_bid_size_fp": count_text(quote.bid_count),
        "yes_ask_dollars": price_text(quote.ask),
        "yes_ask_size_fp": count_text(quote.ask_count),
        "no_bid_dollars": price_text(PRICE_DOLLAR - quote.ask),
        "no_ask_dollars": price_text(PRICE_DOLLAR - quote.bid),
        "last_price_dollars": price_text(market.last_price),
        "previous_price_dollars": "0.0000",
        "previous_yes_bid_dollars": "0.0000",
        "previous_yes_ask_dollars": "0.0000",
        "volume_fp": count_text(market.volume),
        "volume_24h_fp": count_text(market.volume),
        "open_interest_fp": count_text(market.open_interest),
    }


def _resolved(market: HouseMarket) -> Shape:
    shape: Shape = {}
    if market.contract.strike is not None:
        shape |= {"strike_type": "greater_or_equal", "floor_strike": market.contract.strike}
    if market.yes_pays is not None:
        shape["settlement_value_dollars"] = price_text(market.yes_pays)
    if market.settled_ns:
        shape["settlement_ts"] = iso(market.settled_ns)
    return shape


def ranges_shape(contract: Contract) -> list[Shape]:
    """The tick grid."""
    return [
        {"start": price_text(band.start), "end": price_text(band.end), "step": price_text(band.step)}
        for band in contract.grid
    ]


def event_shape(market: HouseMarket, changes: Iterable[FeeChange], now_ns: int, shard: int) -> Shape:
    """The event of a market: quarter-hour events have one market each."""
    shape: Shape = {
        "event_ticker": market.event_ticker,
        "series_ticker": market.series,
        "title": market.title,
        "sub_title": market.yes_sub_title,
        "collateral_return_type": "",
        "mutually_exclusive": False,
        "category": CATEGORY,
        "strike_date": iso(market.close_ns),
        "settlement_sources": SOURCES,
        "last_updated_ts": iso(market.updated_ns or market.created_ns),
        "exchange_index": shard,
    }
    in_force = [one for one in changes if one.event_ticker == market.event_ticker and one.scheduled_ns <= now_ns]
    if in_force:
        last = max(in_force, key=lambda one: (one.scheduled_ns, one.number))
        shape |= {"fee_type_override": last.fee_type, "fee_multiplier_override": last.fee_multiplier}
    return shape


def series_shape(series: Series, *, with_volume: bool) -> Shape:
    """A series."""
    shape: Shape = {
        "ticker": series.ticker,
        "frequency": "fifteen_min",
        "title": series.title,
        "category": CATEGORY,
        "categories": [CATEGORY],
        "tags": [series.asset],
        "settlement_sources": [{"name": f"CF Benchmarks {index_id(series.asset)}", "url": SOURCES[0]["url"]}],
        "contract_url": TERMS_URL,
        "contract_terms_url": TERMS_URL,
        "fee_type": series.fee_type,
        "fee_multiplier": series.fee_multiplier,
        "additional_prohibitions": [],
        "last_updated_ts": iso(series.updated_ns),
        "exchange_index": series.shard,
    }
    return shape | {"volume_fp": count_text(series.volume)} if with_volume else shape


def book_shape(sides: tuple[Sequence[Level], Sequence[Level]], depth: int) -> Shape:
    """YES bids and NO bids, ascending: the best is last. A `depth` of 0 is the whole book."""
    yes, no = ([[price_text(price), count_text(count)] for price, count in side[-depth:]] for side in sides)
    return {"yes_dollars": yes, "no_dollars": no}


def trade_shape(trade: TradeRow) -> Shape:
    """A public trade."""
    side = "yes" if trade.is_taker_bid else "no"
    return {
        "trade_id": trade.trade_id,
        "ticker": trade.ticker,
        "count_fp": count_text(trade.count),
        "yes_price_dollars": price_text(trade.price),
        "no_price_dollars": price_text(PRICE_DOLLAR - trade.price),
        "taker_outcome_side": side,
        "taker_book_side": "bid" if trade.is_taker_bid else "ask",
        "taker_side": side,
        "created_time": iso(trade.at_ns),
        "is_block_trade": False,
    }


def candle_shape(candle: Candle, *, is_historical: bool = False) -> Shape:
    """A candle; historical ones have the same values under shorter names."""
    tail, fp = ("", "") if is_historical else ("_dollars", "_fp")
    price = _four(candle.price, tail) if candle.price else dict.fromkeys(_names(tail))
    price |= {f"mean{tail}": price_text(candle.mean) if candle.price else None}
    price |= {f"previous{tail}": price_text(candle.previous) if candle.previous else None}
    return {
        "end_period_ts": candle.end_s,
        "yes_bid": _four(candle.bid, tail),
        "yes_ask": _four(candle.ask, tail),
        "price": price,
        f"volume{fp}": count_text(candle.volume),
        f"open_interest{fp}": count_text(candle.open_interest),
    }


def _names(tail: str) -> list[str]:
    return [f"{name}{tail}" for name in ("open", "low", "high", "close")]


def _four(values: tuple[int, int, int, int], tail: str) -> Shape:
    return dict(zip(_names(tail), map(price_text, values), strict=True))


def standing_candle(candle: Candle, start_s: int, minutes: int) -> Candle:
    """The last candle before a range, carried to the range's first period: no trade, the closing quotes throughout."""
    period = minutes * 60
    end_s = -(-start_s // period) * period
    bid, ask = candle.bid[3], candle.ask[3]
    previous = candle.price[3] if candle.price else candle.previous
    return Candle(
        end_s=end_s,
        bid=(bid,) * 4,
        ask=(ask,) * 4,
        price=None,
        previous=previous,
        volume=0,
        turnover=0,
        open_interest=candle.open_interest,
    )
