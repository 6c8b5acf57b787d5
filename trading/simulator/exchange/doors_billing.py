"""What a write costs and which shards' buckets pay for it: a named shard's own, or, where the exchange has to look for the
market, every shard's; batches are paid without a shard, all of them at once."""

import msgspec

from trading.simulator.exchange.buckets import UNSCOPED
from trading.simulator.exchange.doors import Ask, Routing
from trading.simulator.exchange.errors import ApiError


class Peek(msgspec.Struct, frozen=True):
    """The part of a body that says where it goes."""

    exchange_index: int | None = None
    ticker: str | None = None
    market_ticker: str | None = None


class Batch(msgspec.Struct, frozen=True):
    """The part of a batch that says how much it is."""

    orders: list[msgspec.Raw] | None = None


def by_body(ask: Ask, cost: int) -> Routing:
    """The shard stands in the body."""
    try:
        peek = msgspec.json.decode(ask.body, type=Peek)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return cost, (UNSCOPED,)
    return cost, _shards(ask, peek.exchange_index, has_ticker=bool(peek.ticker or peek.market_ticker))


def by_query(ask: Ask, cost: int) -> Routing:
    """The shard stands in the query."""
    try:
        index = ask.query.number("exchange_index")
    except ApiError:
        index = None
    return cost, _shards(ask, index, has_ticker=bool(ask.query.values.get("market_ticker")))


def by_batch(ask: Ask, cost: int) -> Routing:
    """So much for each item."""
    try:
        items = msgspec.json.decode(ask.body, type=Batch).orders or ()
    except (msgspec.DecodeError, ValueError, RecursionError):
        items = ()
    return cost * max(1, len(items)), (UNSCOPED,)


def _shards(ask: Ask, index: int | None, *, has_ticker: bool) -> tuple[int, ...]:
    if index is not None and index in ask.house.shards:
        return (index,)
    return tuple(sorted(ask.house.shards)) if has_ticker else (UNSCOPED,)
