"""Every movement of an account's money, twice: from one book into another. What is written here trial_balance.py holds against the rest."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import get_args

from django.db.models import Case, F, Sum, When

from markets.core.payout import payout_of, yes_pays_of
from markets.core.units import SECOND_NS
from trading.core import events
from trading.core.portfolio import Position
from trading.core.postings import (
    OPENING,
    MoneyEvent,
    Posting,
    event_postings,
    late_payout_of,
    movement_of,
    opening_postings,
    settled_postings,
)
from trading.models import Account, Fill, LedgerEntry, Settlement

MONEY = get_args(MoneyEvent)


def book(account: str, happened: Iterable[object]) -> list[events.Fill]:
    """Write the entries of what moves money among these events and is not booked yet; twice is harmless. A fill of a
    market that has been paid out is paid out with it, by a movement of its own; returns those fills.

    Within the caller's transaction, after the rows of these fills and settlements were written. Which events they are
    does not matter: those that move no money are passed over. A handful of queries, however many events there are.
    """
    new = _not_booked(account, happened)
    if not new:
        return []
    worth = _worth_of_paid(account, new)
    positions = _positions_before(account, new, worth)
    rows, late = _opening_rows(account), []
    for movement, event in new.items():
        ticker = "" if isinstance(event, events.CashMoved) else event.ticker
        position = positions.get(ticker) or Position(ticker)
        rows += entries(account, movement, ticker, event.received_ns, event_postings(event, position))
        if isinstance(event, events.Settled):
            worth[ticker] = yes_pays_of(event.result, event.yes_pays)
        elif isinstance(event, events.Fill) and ticker in worth:
            paid = settled_postings(position, payout_of(position.count, worth[ticker]), event.shard)
            rows += entries(account, late_payout_of(event), ticker, event.received_ns, paid)
            late.append(event)
    LedgerEntry.objects.bulk_create(rows, batch_size=2_000)
    return late


def open_book(account: Account) -> None:
    """The first movement of a new account: the cash it begins with."""
    LedgerEntry.objects.bulk_create(_opening_entries(account))


def entries(account: str, movement: str, ticker: str, at_ns: int, postings: Iterable[Posting]) -> list[LedgerEntry]:
    """The rows of one movement, not saved."""
    return [
        LedgerEntry(
            account=account, movement=movement, book=posting.book, shard=posting.shard, ticker=ticker,
            amount=posting.amount, event_ns=at_ns,
        )
        for posting in postings
    ]  # fmt: skip


def _not_booked(account: str, happened: Iterable[object]) -> dict[str, MoneyEvent]:
    """By movement; of what is told twice the first word stands, as it does in the rows."""
    told: dict[str, MoneyEvent] = {}
    for event in happened:
        if isinstance(event, MONEY):
            told.setdefault(movement_of(event), event)
    if told:
        booked = LedgerEntry.objects.filter(account=account, book="cash", movement__in=told)
        for movement in booked.values_list("movement", flat=True):
            told.pop(movement, None)
    return told


def _worth_of_paid(account: str, new: Mapping[str, MoneyEvent]) -> dict[str, int]:
    """What a YES contract paid, of those markets whose payout is booked."""
    movements = [f"settlement {event.ticker}" for event in new.values() if isinstance(event, events.Fill)]
    booked = LedgerEntry.objects.filter(account=account, book="cash", movement__in=set(movements))
    paid = Settlement.objects.filter(account=account, ticker__in=booked.values("ticker"))
    return {row.ticker: yes_pays_of(row.result, row.yes_pays) for row in paid.order_by()}


def _positions_before(account: str, new: Mapping[str, MoneyEvent], paid: Mapping[str, int]) -> dict[str, Position]:
    """What was held in each market by all that is booked: the count by its fills, the cost by its entries. Nothing in
    those that are `paid` out."""
    tickers = {event.ticker for event in new.values() if not isinstance(event, events.CashMoved)}
    positions = {ticker: Position(ticker) for ticker in sorted(tickers)}
    if not tickers - paid.keys():
        return positions
    trade_ids = [event.trade_id for event in new.values() if isinstance(event, events.Fill)]
    mine = {"account": account, "ticker__in": tickers - paid.keys()}
    signed = Sum(Case(When(is_bid=True, then=F("count")), default=-F("count")))
    fills = Fill.objects.filter(**mine).exclude(trade_id__in=trade_ids).order_by().values("ticker")
    for ticker, net in fills.annotate(net=signed).values_list("ticker", "net"):
        positions[ticker].count += int(net)
    costs = LedgerEntry.objects.filter(**mine, book="positions").order_by().values("ticker")
    for ticker, cost in costs.annotate(cost=Sum("amount")).values_list("ticker", "cost"):
        positions[ticker].cost = int(cost)
    return positions


def _opening_rows(account: str) -> list[LedgerEntry]:
    """The first movement where it is missing: accounts that were made without the service, as tests make them."""
    if LedgerEntry.objects.filter(account=account, movement=OPENING).exists():
        return []
    row = Account.objects.filter(pk=account).first()
    return [] if row is None else _opening_entries(row)


def _opening_entries(account: Account) -> list[LedgerEntry]:
    at_ns = ns_of(account.created_at)
    return entries(account.name, OPENING, "", at_ns, opening_postings(account.opening_cash))


def ns_of(moment: datetime) -> int:
    """UTC nanoseconds of a moment, to the microsecond."""
    return int(moment.timestamp()) * SECOND_NS + moment.microsecond * 1_000
