"""Our side of an account at an exchange as the rows have it: what a session starts from, and what the worker compares."""

from typing import NamedTuple

from django.db.models import Max, Min, QuerySet, Sum

from markets.core.payout import yes_pays_of
from markets.core.units import SECOND_NS
from trading import records
from trading.core.our_side import OurOrder, Ours, OurSide
from trading.core.postings import OPENING
from trading.double_entry import ns_of
from trading.models import Account, Fill, LedgerEntry, Order, Position, Reconciliation, Settlement
from trading.order_ids import client_order_id
from trading.venues import SIMULATED

MARGIN_NS = 600 * SECOND_NS  # before the last clean look: clocks differ, reads lag, rows are written behind


class Start(NamedTuple):
    """What a session starts from. `since_ns`: what happened before it was compared by an earlier one."""

    account: str
    salt: str
    ours: Ours
    since_ns: int

    def side(self) -> OurSide:
        """To be fed with what is heard from now on."""
        return OurSide(self.ours, self.id_of)

    def id_of(self, number: int) -> str:
        """The id that the order of that number has at the exchange."""
        return client_order_id(self.salt, number)


def start_of(account: str) -> Start:
    """From the rows. Raises Account.DoesNotExist; ValueError for an account that has no ids at an exchange."""
    row = Account.objects.get(pk=account)
    if not row.order_salt:
        raise ValueError(f"the account {account!r} trades on paper: there is nothing to compare it with")
    orders = Order.objects.filter(account=account).order_by()
    working = orders.exclude(status__in=records.FINAL)
    since_ns = _since_ns(row, working)
    recent = orders.filter(sent_ns__gte=since_ns)
    last = int(orders.aggregate(last=Max("number"))["last"] or 0)
    least = int((recent | working).aggregate(least=Min("number"))["least"] or last)
    numbers = {client_order_id(row.order_salt, number): number for number in range(max(1, least), last + 1)}
    named = (recent | working).exclude(venue_order_id="")
    moves = LedgerEntry.objects.filter(account=account).order_by()
    settled = list(Settlement.objects.filter(account=account, event_ns__gte=since_ns).order_by())
    ours = Ours(
        orders={order.number: _order(order) for order in working},
        numbers=numbers,
        last_number=last,
        venue_ids=dict(named.values_list("venue_order_id", "number")),
        trade_ids=_trade_ids(account, since_ns),
        positions=dict(
            Position.objects.filter(account=account).exclude(count=0).order_by().values_list("ticker", "count")
        ),
        settled={row.ticker: row.count for row in settled},
        worth={row.ticker: yes_pays_of(row.result, row.yes_pays) for row in settled},
        cash=cash_by_shard(account),
        moved_ns=_moved_ns(account, since_ns),
        is_new=not last and not moves.exclude(movement=OPENING, amount=0).exists(),
    )
    return Start(account, row.order_salt, ours, since_ns)


def cash_by_shard(account: str) -> dict[int, int]:
    """Cash of the books (Money)."""
    mine = LedgerEntry.objects.filter(account=account, book="cash").order_by()
    rows = mine.values("shard").annotate(all=Sum("amount")).values_list("shard", "all")
    return {shard: int(amount) for shard, amount in rows if amount}


def _since_ns(account: Account, working: QuerySet[Order]) -> int:
    """By the exchange's clock, which in a rehearsal is not ours."""
    clean = Reconciliation.objects.filter(account=account.name, is_clean=True).exclude(kind="task")
    newest = clean.order_by("-id").values_list("looked_at", flat=True).first() or {}
    # In a rehearsal nothing can have been before.
    begun_ns = 0 if account.venue == SIMULATED else ns_of(account.created_at)
    since_ns = max(0, int(newest.get("asked_ns", begun_ns)) - MARGIN_NS)
    oldest = working.aggregate(oldest=Min("sent_ns"))["oldest"]
    return since_ns if oldest is None else min(since_ns, int(oldest) - 60 * SECOND_NS)


def _moved_ns(account: str, since_ns: int) -> dict[str, int]:
    """When money last moved, by market; "" is anywhere."""
    moved: dict[str, int] = {}
    for rows in (Fill.objects.all(), Settlement.objects.all()):
        mine = rows.filter(account=account, event_ns__gte=since_ns).order_by()
        for ticker, last in mine.values("ticker").annotate(last=Max("event_ns")).values_list("ticker", "last"):
            moved[ticker] = max(int(last), moved.get(ticker, 0))
    return moved | {"": max(moved.values(), default=0)}


def _order(row: Order) -> OurOrder:
    return OurOrder(
        row.number,
        row.client_order_id,
        row.ticker,
        row.is_bid,
        row.price,
        row.count,
        row.filled,
        "working" if row.venue_order_id else "unknown",
        row.venue_order_id,
        row.sent_ns,
        row.expires_ns,
    )


def _trade_ids(account: str, since_ns: int) -> dict[str, tuple[str, bool, int, int, int] | None]:
    held = Position.objects.filter(account=account).exclude(count=0).values("ticker")
    mine = Fill.objects.filter(account=account).order_by()
    rows = mine.filter(event_ns__gte=since_ns) | mine.filter(ticker__in=held)
    told = rows.values_list("trade_id", "ticker", "is_bid", "price", "count", "fee")
    return {trade_id: (ticker, is_bid, price, count, fee) for trade_id, ticker, is_bid, price, count, fee in told}
