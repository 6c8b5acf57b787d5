"""The bodies of order calls, read and checked as far as that needs no market: what is wrong in itself is a 400."""

import re

import msgspec

from markets.core.units import SECOND_NS, count_from_text, price_from_text
from trading.core.matching.messages import NewOrder, SelfTrade, TimeInForce
from trading.simulator.exchange.doors import Ask
from trading.simulator.exchange.errors import invalid, missing, not_found
from trading.simulator.exchange.shapes import LAST_NS

CLIENT_ID = re.compile(r"[-A-Za-z0-9_:+=/]{1,64}")
PRICE = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?")
COUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
MOST_CONTRACTS = 1_000_000_000 * 100  # in Count
TIMES_IN_FORCE: tuple[TimeInForce, ...] = ("good_till_canceled", "immediate_or_cancel", "fill_or_kill")
SELF_TRADES: tuple[SelfTrade, ...] = ("taker_at_cross", "maker")
AUTO = -1


class CreateBody(msgspec.Struct, frozen=True):
    """A new order; None is what was not sent."""

    ticker: str | None = None
    client_order_id: str | None = None
    side: str | None = None
    count: str | None = None
    price: str | None = None
    time_in_force: str | None = None
    self_trade_prevention_type: str | None = None
    expiration_time: int | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    cancel_order_on_pause: bool | None = None
    subaccount: int | None = None
    order_group_id: str | None = None
    exchange_index: int | None = None


class CancelItem(msgspec.Struct, frozen=True):
    """One order to cancel."""

    order_id: str | None = None
    subaccount: int | None = None
    exchange_index: int | None = None
    market_ticker: str | None = None


class AmendBody(msgspec.Struct, frozen=True):
    """Another price, total count or expiry."""

    ticker: str | None = None
    side: str | None = None
    price: str | None = None
    count: str | None = None
    client_order_id: str | None = None
    updated_client_order_id: str | None = None
    expiration_time: int | None = None
    exchange_index: int | None = None


class DecreaseBody(msgspec.Struct, frozen=True):
    """Less of an order."""

    reduce_by: str | None = None
    reduce_to: str | None = None
    exchange_index: int | None = None
    market_ticker: str | None = None


class CreateBatch(msgspec.Struct, frozen=True):
    """Several new orders."""

    orders: list[CreateBody] | None = None


class CancelBatch(msgspec.Struct, frozen=True):
    """Several orders to cancel."""

    orders: list[CancelItem] | None = None


def new_order(ask: Ask, body: CreateBody) -> NewOrder:
    """The order for the matching exchange. Raises ApiError for what it would never accept."""
    ticker = needed("ticker", body.ticker)
    is_bid = side_of(body.side)
    count, price = count_of("count", body.count), price_of("price", body.price)
    time_in_force = needed("time_in_force", body.time_in_force)
    self_trade = needed("self_trade_prevention_type", body.self_trade_prevention_type)
    if time_in_force not in TIMES_IN_FORCE:
        raise invalid(f"time_in_force is one of {', '.join(TIMES_IN_FORCE)}")
    if self_trade not in SELF_TRADES:
        raise invalid(f"self_trade_prevention_type is one of {', '.join(SELF_TRADES)}")
    shard_routed(ask, body.exchange_index, ticker)
    return NewOrder(
        account=ask.row.account,
        ticker=ticker,
        client_id=client_id_of("client_order_id", body.client_order_id),
        is_bid=is_bid,
        price=price,
        count=count,
        time_in_force=time_in_force,
        self_trade=self_trade,
        expires_ns=expiry_of(body.expiration_time, time_in_force) or 0,
        is_post_only=bool(body.post_only),
        is_reduce_only=bool(body.reduce_only),
        is_cancelled_on_pause=bool(body.cancel_order_on_pause),
        group=_group_of(ask, body.order_group_id),
        subaccount=ask.pocket(body.subaccount),
    )


def needed(name: str, value: str | None) -> str:
    """A text that has to be there. Raises ApiError (400)."""
    if not value:
        raise missing(name)
    return value


def side_of(text: str | None) -> bool:
    """Whether it is a bid."""
    side = needed("side", text)
    if side not in {"bid", "ask"}:
        raise invalid("side is bid or ask")
    return side == "bid"


def price_of(name: str, text: str | None) -> int:
    """A Price from a decimal text. Raises ApiError (400)."""
    value = needed(name, text)
    if not PRICE.fullmatch(value):
        raise invalid(f"{name} is not a price in dollars with at most 4 decimals")
    return price_from_text(value)


def count_of(name: str, text: str | None) -> int:
    """A Count from a decimal text. Raises ApiError (400)."""
    value = needed(name, text)
    if not COUNT.fullmatch(value) or count_from_text(value) > MOST_CONTRACTS:
        raise invalid(f"{name} is not a count of contracts with at most 2 decimals")
    return count_from_text(value)


def client_id_of(name: str, text: str | None) -> str:
    """An id of the client's own, "" when there is none. Raises ApiError (400)."""
    if text and not CLIENT_ID.fullmatch(text):
        raise invalid(f"{name} has at most 64 characters of -A-Za-z0-9_:+=/")
    return text or ""


def expiry_of(at_s: int | None, time_in_force: str) -> int | None:
    """An expiry in ns, None when it is not said, 0 for none. Raises ApiError (400)."""
    if at_s is None:
        return None
    if not 0 <= at_s * SECOND_NS <= LAST_NS:
        raise invalid("expiration_time is not a time in Unix seconds")
    if at_s == 0 and time_in_force:
        raise invalid("expiration_time is not in the future")
    return at_s * SECOND_NS


def shard_routed(ask: Ask, index: int | None, ticker: str | None) -> int:
    """The shard that a write goes to: the one named, or the market's. Raises ApiError (404) when a market is not there."""
    if index is not None and index < AUTO:
        raise invalid("exchange_index is a shard, or -1")
    market = ask.house.markets.get(ticker) if ticker else None
    if index is None or index == AUTO:
        if not ticker:
            if index == AUTO:
                raise missing("market_ticker")
            return 0
        if market is None:
            raise not_found("market")
        return market.shard
    if ticker and (market is None or market.shard != index):
        raise not_found("market")
    return index


def _group_of(ask: Ask, text: str | None) -> int:
    if not text:
        return 0
    number = ask.house.ids.number("group", text)
    if number is None:
        raise not_found("order group")
    return number
