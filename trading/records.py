"""What happened, as rows: the one writer of signals, orders, fills, positions and settlements. Twice is harmless."""

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from django.db import transaction
from django.db.models import Sum

from markets import services as markets
from markets.core.events import MarketListed, MarketStatus
from markets.core.payout import is_awaited
from trading import double_entry, models, services
from trading.core import decision as core
from trading.core import events

logger = logging.getLogger(__name__)

FINAL = {models.Order.Status.FILLED, models.Order.Status.CANCELLED, models.Order.Status.REJECTED}
SESSION_ENDED = "session_ended"

KeptEvent = (
    MarketListed
    | MarketStatus
    | events.OrderAccepted
    | events.OrderRejected
    | events.OrderCancelled
    | events.Fill
    | events.Settled
    | events.CashMoved
)
OrderEvent = events.OrderAccepted | events.OrderRejected | events.OrderCancelled | events.Fill
KEPT = frozenset(get_args(KeptEvent))


class Subject(NamedTuple):
    """Whose rows are written: the session, its account, and whether the market is a simulated one."""

    session_id: int
    account: str
    is_simulated: bool


class Entry(NamedTuple):
    """One step of the engine, thinned to what the rows keep. `at_ns` is the time of the step."""

    at_ns: int
    event: KeptEvent | None = None
    signals: tuple[core.Signal, ...] = ()
    commands: tuple[core.Command, ...] = ()
    positions: tuple[events.HeldPosition, ...] = ()
    forecasts: tuple[core.Forecast, ...] = ()
    audits: tuple[core.SettlementAudit, ...] = ()
    breakers: tuple[core.BreakerChange, ...] = ()


def write(subject: Subject, entries: Sequence[Entry]) -> None:
    """Write a stretch of steps in one transaction. Raises django.db.Error; then nothing of it is written."""
    kept = [entry.event for entry in entries if entry.event is not None]
    with transaction.atomic():
        _write_markets(subject, kept)
        _insert_orders(subject, entries)
        _write_order_events(subject, [event for event in kept if isinstance(event, OrderEvent)])
        _write_positions(subject.account, entries)
        _insert_settlements(subject.account, kept)
        double_entry.book(subject.account, kept)
        _insert_forecasts(subject, entries)
        _insert_audits(subject, entries)
        _insert_signals(subject, entries)


def end_orders(subject: Subject, now_ns: int) -> int:
    """The paper exchange died with the session: what was still open there is cancelled. Returns how many."""
    unfinished = models.Order.objects.filter(session_id=subject.session_id).exclude(status__in=FINAL)
    return unfinished.update(status=models.Order.Status.CANCELLED, reason=SESSION_ENDED, updated_ns=now_ns)


def upsert_positions(account: str, held: Iterable[events.HeldPosition], at_ns: int) -> None:
    """Write positions as values: the newest word on a market is the whole truth about it."""
    rows = [
        models.Position(
            account=account, ticker=position.ticker, count=position.count, cost=position.cost,
            realised=position.realised, fees=position.fees, close_ns=position.close_ns, updated_ns=at_ns,
        )
        for position in held
    ]  # fmt: skip
    models.Position.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["account", "ticker"],
        update_fields=["count", "cost", "realised", "fees", "close_ns", "updated_ns"],
    )


def _write_markets(subject: Subject, kept: Iterable[KeptEvent]) -> None:
    contracts = {event.contract.ticker: event.contract for event in kept if isinstance(event, MarketListed)}
    for contract in contracts.values():
        markets.market_upsert(contract, is_simulated=subject.is_simulated)
    for event in kept:
        if not isinstance(event, MarketStatus):
            continue
        if event.status == "settled" and not is_awaited(event.result, event.yes_pays):
            markets.market_settle(
                event.ticker, result=event.result, settle_value=event.settle_value, is_simulated=subject.is_simulated,
                yes_pays=event.yes_pays,
            )  # fmt: skip
        else:
            status = "closed" if event.status == "settled" else event.status
            markets.market_turn(event.ticker, status, is_simulated=subject.is_simulated)


def _insert_orders(subject: Subject, entries: Iterable[Entry]) -> None:
    sent = {
        f"{subject.session_id}-{order.number}": (order, entry)
        for entry in entries
        for order in entry.commands
        if isinstance(order, core.PlaceOrder)
    }
    known = models.Order.objects.filter(client_order_id__in=sent).values_list("client_order_id", flat=True)
    for client_order_id in known:
        del sent[client_order_id]
    models.Order.objects.bulk_create(
        models.Order(
            session_id=subject.session_id, account=subject.account, number=order.number,
            client_order_id=client_order_id, ticker=order.ticker, is_bid=order.is_bid,
            price=order.price, count=order.count, sent_ns=entry.at_ns, updated_ns=entry.at_ns,
        )
        for client_order_id, (order, entry) in sent.items()
    )  # fmt: skip


def _write_order_events(subject: Subject, happened: Sequence[OrderEvent]) -> None:
    if not happened:
        return
    numbers = {event.number for event in happened}
    # Numbers run on over the sessions of an account; should one ever repeat, the newest session has it.
    mine = models.Order.objects.filter(account=subject.account, number__in=numbers).order_by("id")
    orders = {order.number: order for order in mine}
    _insert_fills(subject.account, [event for event in happened if isinstance(event, events.Fill)], orders)
    for event in happened:
        if event.number in orders:
            _advance(orders[event.number], event)
    ids = [order.pk for order in orders.values()]
    sums = models.Fill.objects.filter(order_id__in=ids).order_by().values("order_id").annotate(all=Sum("count"))
    filled = {row["order_id"]: int(row["all"]) for row in sums}
    for order in orders.values():
        order.filled = filled.get(order.pk, 0)
        if order.filled >= order.count:
            order.status = models.Order.Status.FILLED
    changed = ["status", "filled", "reason", "venue_order_id", "updated_ns"]
    models.Order.objects.bulk_create(  # many times faster than bulk_update: no CASE a row
        orders.values(), update_conflicts=True, unique_fields=["client_order_id"], update_fields=changed
    )


def _advance(order: models.Order, event: OrderEvent) -> None:
    """Forward only: an answer that comes late or twice never takes an order back. Fills are counted elsewhere."""
    order.updated_ns = max(order.updated_ns, event.received_ns)
    if isinstance(event, events.OrderAccepted):
        order.venue_order_id = event.venue_order_id
    if order.status in FINAL:
        return
    if isinstance(event, events.OrderRejected):
        order.status, order.reason = models.Order.Status.REJECTED, event.code[:80]
    elif isinstance(event, events.OrderCancelled):
        order.status, order.reason = models.Order.Status.CANCELLED, event.reason[:80]
    else:
        order.status = models.Order.Status.ACCEPTED


def _insert_fills(account: str, fills: Sequence[events.Fill], orders: dict[int, models.Order]) -> None:
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


def _write_positions(account: str, entries: Iterable[Entry]) -> None:
    newest = {held.ticker: (held, entry.at_ns) for entry in entries for held in entry.positions}
    by_time: dict[int, list[events.HeldPosition]] = {}
    for held, at_ns in newest.values():
        by_time.setdefault(at_ns, []).append(held)
    for at_ns, positions in by_time.items():
        upsert_positions(account, positions, at_ns)


def _insert_settlements(account: str, kept: Iterable[KeptEvent]) -> None:
    settled = {event.ticker: event for event in kept if isinstance(event, events.Settled)}
    for ticker in models.Settlement.objects.filter(account=account, ticker__in=settled).values_list(
        "ticker", flat=True
    ):
        del settled[ticker]
    models.Settlement.objects.bulk_create(
        models.Settlement(
            account=account, ticker=event.ticker, result=event.result, count=event.count, payout=event.payout,
            settle_value=event.settle_value, event_ns=event.received_ns,
            yes_pays=event.yes_pays if event.result == "scalar" else None,
        )
        for event in settled.values()
    )  # fmt: skip


def _insert_forecasts(subject: Subject, entries: Iterable[Entry]) -> None:
    """Each mark of a window once: the first word stands, for a later one may know more."""
    made = {(each.ticker, each.seconds_left): each for entry in reversed([*entries]) for each in entry.forecasts}
    if not made:
        return
    mine = models.Forecast.objects.filter(account=subject.account, ticker__in={ticker for ticker, _ in made})
    for key in mine.order_by().values_list("ticker", "seconds_left"):
        made.pop(key, None)
    models.Forecast.objects.bulk_create(_forecast(subject, each) for each in reversed(made.values()))


def _forecast(subject: Subject, told: core.Forecast) -> models.Forecast:
    values = {name: getattr(told, name) for name in told.__struct_fields__ if name != "received_ns"}
    values |= {"fitted_versions": list(told.fitted_versions), "rates": list(told.rates)}
    return models.Forecast(session_id=subject.session_id, account=subject.account, event_ns=told.received_ns, **values)


def _insert_audits(subject: Subject, entries: Iterable[Entry]) -> None:
    """Each window once: the first word stands, for who hears of it again has not heard its minute."""
    made = {each.ticker: each for entry in reversed([*entries]) for each in entry.audits}
    mine = models.SettlementAudit.objects.filter(account=subject.account, ticker__in=made)
    for ticker in mine.order_by().values_list("ticker", flat=True) if made else ():
        del made[ticker]
    models.SettlementAudit.objects.bulk_create(_audit(subject, each) for each in reversed(made.values()))


def _audit(subject: Subject, told: core.SettlementAudit) -> models.SettlementAudit:
    values = {name: getattr(told, name) for name in told.__struct_fields__ if name != "received_ns"}
    values["venues"], values["methods"] = dict(told.venues), dict(told.methods)
    return models.SettlementAudit(
        session_id=subject.session_id, account=subject.account, event_ns=told.received_ns, **values
    )


def _insert_signals(subject: Subject, entries: Iterable[Entry]) -> None:
    rows = [
        models.Signal(
            session_id=subject.session_id, ticker=signal.ticker, event_ns=signal.received_ns, reason=signal.reason,
            side=signal.side, fair=signal.fair, digital=signal.digital, bid=signal.bid, ask=signal.ask,
            edge_yes=signal.edge_yes, edge_no=signal.edge_no, confidence=signal.confidence, spot=signal.spot,
            volatility=signal.volatility, seconds_left=signal.seconds_left, pooled=signal.pooled,
            failed=list(signal.failed), price=signal.price, count=signal.count, cost=signal.cost,
        )
        for entry in entries
        for signal in entry.signals
    ]  # fmt: skip
    # On SQLite this passes over a row that breaks any check, too: right for opinions, never for money.
    models.Signal.objects.bulk_create(rows, ignore_conflicts=True)
