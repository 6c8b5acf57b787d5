"""Every movement of an account's money, twice: from one book into another. What is written here trial_balance.py holds against the rest."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import get_args

from django.db.models import Case, F, Sum, When

from markets.core.units import SECOND_NS
from trading.core import events
from trading.core.portfolio import Position
from trading.core.postings import OPENING, MoneyEvent, Posting, event_postings, movement_of, opening_postings
from trading.models import Account, Fill, LedgerEntry, Settlement

MONEY = get_args(MoneyEvent)


def book(account: str, happened: Iterable[object]) -> None:
    """Write the entries of what moves money among these events and is not booked yet; twice is harmless.

    Within the caller's transaction, after the rows of these fills and settlements were written. Which events they are
    does not matter: those that move no money are passed over. A handful of queries, however many events there are.
    """
    new = _not_booked(account, happened)
    if not new:
        return
    positions = _positions_before(account, new)
    rows = _opening_rows(account)
    for movement, event in new.items():
        ticker = "" if isinstance(event, events.CashMoved) else event.ticker
        postings = event_postings(event, positions.get(ticker) or Position(ticker))
        rows += entries(account, movement, ticker, event.received_ns, postings)
    LedgerEntry.objects.bulk_create(rows, batch_size=2_000)


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


def _positions_before(account: str, new: Mapping[str, MoneyEvent]) -> dict[str, Position]:
    """What was held in each market by all that is booked: the count by its fills, the cost by its entries."""
    tickers = {event.ticker for event in new.values() if not isinstance(event, events.CashMoved)}
    positions = {ticker: Position(ticker) for ticker in sorted(tickers)}
    if not positions:
        return positions
    trade_ids = [event.trade_id for event in new.values() if isinstance(event, events.Fill)]
    settled = [event.ticker for event in new.values() if isinstance(event, events.Settled)]
    mine = {"account": account, "ticker__in": tickers}
    signed = Sum(Case(When(is_bid=True, then=F("count")), default=-F("count")))
    fills = Fill.objects.filter(**mine).exclude(trade_id__in=trade_ids).order_by().values("ticker")
    for ticker, net in fills.annotate(net=signed).values_list("ticker", "net"):
        positions[ticker].count += int(net)
    for ticker, count in Settlement.objects.filter(**mine).exclude(ticker__in=settled).values_list("ticker", "count"):
        positions[ticker].count -= count
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
