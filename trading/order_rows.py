"""The life of an order as a row: written down, sent, unknown, accepted, traded, ended; forward only, twice is harmless."""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from django.db.models import Sum

from markets.models import Market
from trading import models, services
from trading.core import decision as core
from trading.core import events
from trading.order_ids import client_order_id

Status = models.Order.Status
FINAL = {Status.FILLED, Status.CANCELLED, Status.REJECTED}
OrderEvent = events.OrderEvent
ORDER_EVENTS = get_args(OrderEvent)
BEFORE_ACCEPTED = {Status.INTENT, Status.SENT, Status.UNKNOWN}
CHANGED = [
    *("status", "filled", "reason", "venue_order_id", "price", "count", "expires_ns", "left_ns", "answered_ns"),
    "updated_ns",
]


def insert(session_id: int, account: str, salt: str, placed: Iterable[tuple[core.PlaceOrder, int]]) -> None:
    """New orders, each with the time it was decided at. `salt` empty: paper, whose ids are session and number."""
    orders = list(placed)
    if not orders:
        return
    closes = _closes({order.ticker for order, _ in orders})
    _insert(
        models.Order(
            session_id=session_id, account=account, number=order.number,
            client_order_id=client_order_id(salt, order.number) if salt else f"{session_id}-{order.number}",
            ticker=order.ticker, is_bid=order.is_bid, price=order.price, count=order.count,
            time_in_force=order.time_in_force, is_post_only=order.is_post_only, is_reduce_only=order.is_reduce_only,
            expires_ns=order.expires_ns, close_ns=closes.get(order.ticker, 0), sent_ns=at_ns, updated_ns=at_ns,
        )
        for order, at_ns in orders
    )  # fmt: skip


def adopt(session_id: int, account: str, salt: str, openings: Iterable[events.Opening]) -> None:
    """Orders that a session opened with and no row knows: the exchange has them by an id of ours, and a power cut took
    the record. What became of them is told like that of any other."""
    held = {order.number: order for opening in openings for order in opening.orders}
    if not held or not salt:
        return
    known = models.Order.objects.filter(account=account, number__in=held).values_list("number", flat=True)
    for number in known:
        del held[number]
    _insert(
        models.Order(
            session_id=session_id, account=account, number=order.number,
            client_order_id=client_order_id(salt, order.number), venue_order_id=order.venue_order_id,
            ticker=order.ticker, is_bid=order.is_bid, price=order.price, count=order.count, status=Status.UNKNOWN,
            reason="found at the exchange", expires_ns=order.expires_ns, close_ns=order.close_ns,
            time_in_force="good_till_canceled" if order.rests else "immediate_or_cancel",
            sent_ns=order.sent_ns, updated_ns=order.sent_ns,
        )
        for order in held.values()
    )  # fmt: skip


def advance(account: str, happened: Sequence[OrderEvent]) -> None:
    """What was told of orders, in its order; the fills among them are inserted, each once."""
    if not happened:
        return
    numbers = {event.number for event in happened}
    # Numbers run on over the sessions of an account; should one ever repeat, the newest session has it.
    mine = models.Order.objects.filter(account=account, number__in=numbers).order_by("id")
    orders = {order.number: order for order in mine}
    _insert_fills(account, [event for event in happened if isinstance(event, events.Fill)], orders)
    for event in happened:
        if event.number in orders:
            _hear(orders[event.number], event)
    ids = [order.pk for order in orders.values()]
    sums = models.Fill.objects.filter(order_id__in=ids).order_by().values("order_id").annotate(all=Sum("count"))
    filled = {row["order_id"]: int(row["all"]) for row in sums}
    for order in orders.values():
        order.filled = filled.get(order.pk, 0)
        _count(order)
    models.Order.objects.bulk_create(  # many times faster than bulk_update: no CASE a row
        orders.values(), update_conflicts=True, unique_fields=["client_order_id"], update_fields=CHANGED
    )


def _hear(order: models.Order, event: OrderEvent) -> None:
    """An answer that comes late or twice never takes an order back. Fills are counted elsewhere."""
    order.updated_ns = max(order.updated_ns, event.received_ns)
    if isinstance(event, events.OrderSent):
        _sent(order, event)
        return
    if isinstance(event, events.OrderUnknown):
        if event.what == "place" and order.status in {Status.INTENT, Status.SENT}:
            order.status, order.reason = Status.UNKNOWN, event.reason[:80]
        return
    if order.answered_ns is None:
        order.answered_ns = event.received_ns
    if isinstance(event, events.OrderAccepted):
        order.venue_order_id = event.venue_order_id
    elif isinstance(event, events.OrderAmended):
        order.price, order.count = event.price, event.count
        order.expires_ns = event.expires_ns or order.expires_ns
    if order.status not in FINAL:
        _turn(order, event)


def _sent(order: models.Order, event: events.OrderSent) -> None:
    if event.what != "place":
        return
    if order.left_ns is None:
        order.left_ns = event.received_ns
    if order.status == Status.INTENT:
        order.status = Status.SENT


def _turn(order: models.Order, event: OrderEvent) -> None:
    if isinstance(event, events.OrderRejected):
        order.status, order.reason = Status.REJECTED, event.code[:80]
    elif isinstance(event, events.OrderCancelled):
        order.status, order.reason = Status.CANCELLED, event.reason[:80]
    elif order.status in BEFORE_ACCEPTED and not isinstance(event, events.ChangeRefused):
        order.status, order.reason = Status.ACCEPTED, ""


def _count(order: models.Order) -> None:
    """The status that fills make. An order that had all of its count and was then told to be larger has not ended."""
    if order.filled >= order.count:
        order.status = Status.FILLED
    elif order.status == Status.FILLED or (order.filled and order.status not in FINAL):
        order.status = Status.PARTLY_FILLED


def _insert_fills(account: str, fills: Sequence[events.Fill], orders: Mapping[int, models.Order]) -> None:
    trade_ids = {fill.trade_id for fill in fills}
    stored = models.Fill.objects.filter(account=account, trade_id__in=trade_ids)
    known = {row.trade_id: row for row in stored}
    new: list[models.Fill] = []
    for fill in fills:
        row = models.Fill(
            account=account, trade_id=fill.trade_id, order=orders.get(fill.number), ticker=fill.ticker,
            is_bid=fill.is_bid, price=fill.price, count=fill.count, fee=fill.fee, is_taker=fill.is_taker,
            evidence=fill.evidence, event_ns=fill.received_ns,
        )  # fmt: skip
        same = known.setdefault(fill.trade_id, row)
        if same is row:
            new.append(row)
        elif _money(same) != _money(row):
            text = f"stored as {_money(same)}, reported again as {_money(row)}"
            services.discrepancy_open("fill", f"{account} {fill.trade_id}", text)
    models.Fill.objects.bulk_create(new)


def _money(fill: models.Fill) -> tuple[str, bool, int, int, int]:
    return (fill.ticker, fill.is_bid, fill.price, fill.count, fill.fee)


def _insert(rows: Iterable[models.Order]) -> None:
    new = {row.client_order_id: row for row in rows}
    known = models.Order.objects.filter(client_order_id__in=new).values_list("client_order_id", flat=True)
    for one in known:
        del new[one]
    models.Order.objects.bulk_create(new.values())


def _closes(tickers: set[str]) -> dict[str, int]:
    """When these markets close, as far as they have rows."""
    rows = Market.objects.filter(ticker__in=tickers)
    return dict(rows.values_list("ticker", "close_ns"))
