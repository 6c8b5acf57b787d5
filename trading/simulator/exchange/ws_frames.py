"""What the WebSocket says of markets: the `msg` of each kind of frame, encoded once for all who hear it."""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from markets.core.events import Level
from markets.core.units import MILLISECOND_NS, PRICE_DOLLAR, count_text, price_text
from trading.core.matching.messages import OrderState, Quoted
from trading.simulator.exchange.house_news import FeeOverride, IndexTick, Lifecycle
from trading.simulator.exchange.house_rows import HouseMarket, Quote, TradeRow
from trading.simulator.exchange.shapes import iso, millis, seconds

Body = dict[str, object]
encode = msgspec.json.Encoder().encode
PRICES = tuple(price_text(price) for price in range(PRICE_DOLLAR + 1))
DOLLAR_OF_TURNOVER = 1_000_000


def delta(market: HouseMarket, one: Quoted, *, in_yes: bool, own: OrderState | None = None) -> bytes:
    """A change of one level. `in_yes`: a NO level carries the YES price. `own` is the hearer's order that caused it."""
    price = PRICE_DOLLAR - one.price if in_yes and not one.is_yes else one.price
    side, at_ms = "yes" if one.is_yes else "no", millis(one.at_ns)
    text = (
        f'{{"market_ticker":"{one.ticker}","market_id":"{market.market_id}","clock":{market.clock},'
        f'"price_dollars":"{PRICES[price]}","delta_fp":"{count_text(one.change)}","side":"{side}",'
        f'"ts":"{_iso_of_ms(at_ms)}","ts_ms":{at_ms}'
    ).encode()
    if own is None:
        return text + b"}"
    extra: Body = {"client_order_id": own.client_id or own.order.client_id}
    if own.order.subaccount:
        extra["subaccount"] = own.order.subaccount
    return text + b"," + encode(extra)[1:]


def snapshot(ticker: str, market_id: str, clock: int, book: tuple[list[Level], list[Level]], *, in_yes: bool) -> bytes:
    """A whole book; a side without levels has no key."""
    yes, no = book
    body: Body = {"market_ticker": ticker, "market_id": market_id, "clock": clock}
    if yes:
        body["yes_dollars_fp"] = _levels(yes)
    if no:
        body["no_dollars_fp"] = (
            _levels((PRICE_DOLLAR - price, count) for price, count in reversed(no)) if in_yes else _levels(no)
        )
    return encode(body)


def _levels(levels: Iterable[Level]) -> list[tuple[str, str]]:
    return [(PRICES[price], count_text(count)) for price, count in levels]


def ticker(market: HouseMarket, quote: Quote, at_ns: int) -> bytes:
    """The summary of a market."""
    return encode(
        {
            "market_ticker": market.ticker,
            "market_id": market.market_id,
            "price_dollars": PRICES[market.last_price],
            "yes_bid_dollars": PRICES[quote.bid],
            "yes_ask_dollars": PRICES[quote.ask],
            "yes_bid_size_fp": count_text(quote.bid_count),
            "yes_ask_size_fp": count_text(quote.ask_count),
            "last_trade_size_fp": count_text(market.last_count),
            "volume_fp": count_text(market.volume),
            "open_interest_fp": count_text(market.open_interest),
            "dollar_volume": market.turnover // DOLLAR_OF_TURNOVER,
            "dollar_open_interest": market.open_interest * market.last_price // DOLLAR_OF_TURNOVER,
            "ts": seconds(at_ns),
            "ts_ms": millis(at_ns),
            "time": iso_ms(at_ns),
        }
    )


def trade(row: TradeRow) -> bytes:
    """A public trade."""
    side = "yes" if row.is_taker_bid else "no"
    return encode(
        {
            "trade_id": row.trade_id,
            "market_ticker": row.ticker,
            "yes_price_dollars": PRICES[row.price],
            "no_price_dollars": PRICES[PRICE_DOLLAR - row.price],
            "count_fp": count_text(row.count),
            "taker_side": side,
            "taker_outcome_side": side,
            "taker_book_side": "bid" if row.is_taker_bid else "ask",
            "is_block_trade": False,
            "ts": seconds(row.at_ns),
            "ts_ms": millis(row.at_ns),
        }
    )


def index_value(tick: IndexTick) -> bytes:
    """A value of an index with its averages; what the benchmark's own feed said is a text in the text."""
    received_ms = millis(tick.at_ns)
    raw = encode({"type": "value", "id": tick.index_id, "time": tick.source_ms, "value": tick.value}).decode()
    body: Body = {"index_id": tick.index_id, "received_at": received_ms, "data": raw}
    for name, average in (("avg_60s_data", tick.trailing), ("last_60s_windowed_average_15min", tick.last_minute)):
        if average is not None:
            body[name] = {
                "value": average.value,
                "window_size": average.samples,
                "window_start_ts_ms": average.start_ms,
                "window_end_ts_exclusive": average.end_ms,
            }
    return encode(body)


def lifecycle(market: HouseMarket, one: Lifecycle) -> bytes:
    """A step in the life of a market."""
    body: Body = {"market_ticker": market.ticker, "event_type": one.event_type}
    if one.event_type == "created":
        body |= {
            "exchange_index": market.shard,
            "open_ts": seconds(market.open_ns),
            "close_ts": seconds(market.close_ns),
            "additional_metadata": _metadata(market),
            **_grid(market),
        }
    elif one.event_type == "price_level_structure_updated":
        body |= _grid(market)
    elif one.event_type in ("activated", "deactivated"):
        body["is_deactivated"] = one.event_type == "deactivated"
    elif one.event_type == "close_date_updated":
        body["close_ts"] = seconds(market.close_ns)
    elif one.event_type == "determined":
        body |= {
            "determination_ts": seconds(market.determined_ns),
            "result": market.result,
            "settlement_value": PRICES[market.yes_pays or 0],
        }
    elif one.event_type == "settled":
        body["settled_ts"] = seconds(market.settled_ns)
    else:
        body |= {"yes_sub_title": market.yes_sub_title, **_strike(market)}
    return encode(body)


def event_created(market: HouseMarket) -> bytes:
    """The event that a new market belongs to: each has its own."""
    return encode(
        {
            "event_ticker": market.event_ticker,
            "series_ticker": market.series,
            "exchange_index": market.shard,
            "title": market.title,
            "subtitle": "",
            "collateral_return_type": "",
            "strike_date": seconds(market.close_ns),
        }
    )


def fee_override(one: FeeOverride) -> bytes:
    """The fees of one event are others than its series' now."""
    return encode(
        {
            "event_ticker": one.event_ticker,
            "fee_type_override": one.fee_type,
            "fee_multiplier_override": one.fee_multiplier,
        }
    )


def _metadata(market: HouseMarket) -> Body:
    return {
        "name": market.title,
        "title": market.title,
        "yes_sub_title": market.yes_sub_title,
        "no_sub_title": market.no_sub_title,
        "rules_primary": market.rules_primary,
        "rules_secondary": market.rules_secondary,
        "can_close_early": True,
        "event_ticker": market.event_ticker,
        "expected_expiration_ts": seconds(market.expected_expiration_ns),
        **_strike(market),
    }


def _strike(market: HouseMarket) -> Body:
    contract = market.contract
    body: Body = {"custom_strike": {"round_digits": str(contract.decimals)}}
    if contract.strike is not None:
        body |= {"strike_type": "greater_or_equal", "floor_strike": contract.strike}
    return body


def _grid(market: HouseMarket) -> Body:
    ranges = [
        {"start": PRICES[band.start], "end": PRICES[band.end], "step": PRICES[band.step]}
        for band in market.contract.grid
    ]
    return {"price_level_structure": market.price_level_structure, "price_ranges": ranges}


def iso_ms(at_ns: int) -> str:
    """A time as the WebSocket writes it, to the millisecond."""
    return _iso_of_ms(millis(at_ns))


@lru_cache(maxsize=256)
def _iso_of_ms(at_ms: int) -> str:
    return iso(at_ms * MILLISECOND_NS)
