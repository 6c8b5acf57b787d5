"""What happened, as rows: the one writer of signals, orders, fills, positions and settlements. Twice is harmless."""

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from django.db import transaction

from markets import services as markets
from markets.core.events import MarketListed, MarketStatus
from markets.core.payout import is_awaited, payout_of, yes_pays_of
from trading import double_entry, halt_rows, models, order_rows
from trading.core import decision as core
from trading.core import events

logger = logging.getLogger(__name__)

FINAL = order_rows.FINAL
SESSION_ENDED = "session_ended"

KeptEvent = MarketListed | MarketStatus | events.Opening | events.OrderEvent | events.Settled | events.CashMoved
KEPT = frozenset(get_args(KeptEvent))


class Subject(NamedTuple):
    """Whose rows are written: the session, its account, and whether the market is a simulated one. `salt` makes the ids
    of its orders; empty: that of the account, if it has one."""

    session_id: int
    account: str
    is_simulated: bool
    salt: str = ""


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
        _write_orders(subject, entries, kept)
        _write_positions(subject.account, entries)
        _insert_settlements(subject.account, kept)
        late = double_entry.book(subject.account, kept)
        _grow_settlements(subject.account, late)
        _write_halts(subject, entries, kept)
        _insert_forecasts(subject, entries)
        _insert_audits(subject, entries)
        _insert_signals(subject, entries)


def end_orders(subject: Subject, now_ns: int) -> int:
    """The paper exchange died with the session: what was still open there is cancelled. Returns how many. Orders at a
    real exchange outlive a session: what became of those is asked for by the next one."""
    if _salt(subject):
        return 0
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


def _write_orders(subject: Subject, entries: Iterable[Entry], kept: Iterable[KeptEvent]) -> None:
    placed = [
        (order, entry.at_ns) for entry in entries for order in entry.commands if isinstance(order, core.PlaceOrder)
    ]
    openings = [event for event in kept if isinstance(event, events.Opening) and event.orders]
    if placed or openings:
        salt = _salt(subject)
        order_rows.insert(subject.session_id, subject.account, salt, placed)
        order_rows.adopt(subject.session_id, subject.account, salt, openings)
    happened = [event for event in kept if isinstance(event, order_rows.OrderEvent)]
    order_rows.advance(subject.account, happened)


def _salt(subject: Subject) -> str:
    """What the ids of its orders are made with; empty: they never leave the house."""
    if subject.salt:
        return subject.salt
    mine = models.Account.objects.filter(pk=subject.account)
    return mine.values_list("order_salt", flat=True).first() or ""


def _write_halts(subject: Subject, entries: Iterable[Entry], kept: Iterable[KeptEvent]) -> None:
    halt_rows.carry(subject.account, (event for event in kept if isinstance(event, events.Opening)))
    changes = [(entry.at_ns, change) for entry in entries for change in entry.breakers]
    halt_rows.write(subject.session_id, subject.account, changes)


def _write_positions(account: str, entries: Iterable[Entry]) -> None:
    newest = {held.ticker: (held, entry.at_ns) for entry in entries for held in entry.positions}
    by_time: dict[int, list[events.HeldPosition]] = {}
    for held, at_ns in newest.values():
        by_time.setdefault(at_ns, []).append(held)
    for at_ns, positions in by_time.items():
        upsert_positions(account, positions, at_ns)


def _insert_settlements(account: str, kept: Iterable[KeptEvent]) -> None:
    settled: dict[str, events.Settled] = {}
    for event in kept:
        if isinstance(event, events.Settled):
            settled.setdefault(event.ticker, event)  # the first word stands, as with the engine
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


def _grow_settlements(account: str, late: Iterable[events.Fill]) -> None:
    """Fills that were heard after the payout of their market: it was for so much more (or less), at the same worth."""
    more: dict[str, int] = {}
    for fill in late:
        more[fill.ticker] = more.get(fill.ticker, 0) + (fill.count if fill.is_bid else -fill.count)
    for row in models.Settlement.objects.filter(account=account, ticker__in=more).order_by():
        row.count += more[row.ticker]
        row.payout = payout_of(row.count, yes_pays_of(row.result, row.yes_pays))
        row.save(update_fields=["count", "payout"])


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
