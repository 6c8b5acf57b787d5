"""The last orders and fills of an account, from the rows, as the pages show them."""

from trading import selectors
from trading.core.events import Opening
from trading.models import Fill, Order
from trading.snapshot import KEPT, Json, Recent


def recent_of(account: str, opening: Opening) -> Recent:
    """What a session begins with."""
    orders = [_order_json(row) for row in selectors.orders_recent(account, KEPT)]
    fills = [_fill_json(row) for row in selectors.fills_recent(account, KEPT)]
    recent = Recent(orders, fills)
    day_ns = opening.received_ns // 86_400_000_000_000 * 86_400_000_000_000
    recent.orders_today = Order.objects.filter(account=account, sent_ns__gte=day_ns).count()
    recent.fills_today = Fill.objects.filter(account=account, event_ns__gte=day_ns).count()
    return recent


def _order_json(row: Order) -> Json:
    return {
        "number": row.number,
        "ticker": row.ticker,
        "is_bid": row.is_bid,
        "price": row.price,
        "count": row.count,
        "filled": row.filled,
        "status": row.status,
        "reason": row.reason,
        "sent_ms": row.sent_ns // 1_000_000,
        "expires_ms": row.expires_ns // 1_000_000 or None,
        "left_ms": None if row.left_ns is None else row.left_ns // 1_000_000,
        "answered_ms": None if row.answered_ns is None else row.answered_ns // 1_000_000,
    }


def _fill_json(row: Fill) -> Json:
    return {
        "trade_id": row.trade_id,
        "ticker": row.ticker,
        "is_bid": row.is_bid,
        "price": row.price,
        "count": row.count,
        "fee": row.fee,
        "event_ms": row.event_ns // 1_000_000,
    }
