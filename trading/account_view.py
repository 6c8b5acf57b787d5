"""What an account at the exchange looks like to its owner: is the key good, is the clock right, where is the cash, what
is held and what rests. Reads only."""

from collections.abc import Iterator
from datetime import UTC, datetime

from markets.core.units import CONTRACT, DOLLAR, PRICE_DOLLAR, SECOND_NS
from markets.kalshi.messages import WireOrder, WirePosition
from markets.kalshi.rest_sync import KalshiRestSync

MOST_ROWS = 50


def lines(rest: KalshiRestSync) -> Iterator[str]:
    """A line for a thing, as they are found out. Raises KalshiError."""
    state = rest.exchange_status()
    shards = ", ".join(
        f"{one.shard} {'trades' if one.exchange_active and one.trading_active else 'does not trade'}"
        for one in state.shards or ()
    )
    yield f"{'exchange':<10} {rest.hosts.name}; shards: {shards or 'not told'}"
    rest.learn()
    view = rest.budgets.view()
    rates = ", ".join(f"{lane.name} {lane.rate} tokens/s, holds {lane.capacity}" for lane in view.lanes)
    yield f"{'clock':<10} {rest.server_clock.view().text}"
    yield f"{'key':<10} accepted; account tier {view.tier or 'not told'}: {rates}"
    balance = rest.balance()
    by_shard = ", ".join(f"shard {shard} {_dollars(cash)}" for shard, cash in sorted(balance.by_shard.items()))
    yield f"{'cash':<10} {_dollars(balance.cash)} in all: {by_shard or 'by shard not told'}"
    positions = [one for one in rest.positions() if one.count]
    yield f"{'positions':<10} {len(positions)}"
    yield from (_position(one) for one in positions[:MOST_ROWS])
    orders = rest.orders(status="resting")
    yield f"{'orders':<10} {len(orders)} at rest"
    yield from (_order(one) for one in orders[:MOST_ROWS])
    if max(len(positions), len(orders)) > MOST_ROWS:
        yield f"{'':<10} (of each the first {MOST_ROWS} are shown)"


def _position(one: WirePosition) -> str:
    side = "YES" if one.count > 0 else "NO"
    cost = "" if one.exposure is None else f", cost {_dollars(one.exposure)}"
    return f"{'':<10} {one.ticker:<28} {abs(one.count) / CONTRACT:.2f} {side}{cost}"


def _order(one: WireOrder) -> str:
    side = "buys YES at" if one.book_side == "bid" else "sells YES at"
    expires = (
        "never" if not one.expires_ns else f"{datetime.fromtimestamp(one.expires_ns / SECOND_NS, UTC):%H:%M:%S} UTC"
    )
    return (
        f"{'':<10} {one.ticker:<28} {side} {one.price / PRICE_DOLLAR:.4f}, {one.remaining / CONTRACT:.2f} of "
        f"{one.initial / CONTRACT:.2f} left, expires {expires}; {one.order_id}"
    )


def _dollars(money: int) -> str:
    return f"{'-' if money < 0 else ''}${abs(money) / DOLLAR:,.4f}"
