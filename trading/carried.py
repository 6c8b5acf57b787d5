"""What a new session goes on counting from: orders without an end, fills booked, the peak of the equity, losses in a row."""

from collections.abc import Iterator
from typing import cast

from django.db.models import Max, QuerySet, Sum

from markets.core.units import DAY_NS, SECOND_NS
from markets.models import Market
from trading.core.breakers import MATCHED_NS
from trading.core.events import HeldOrder, HeldPosition, HeldSettled, Result
from trading.models import Account, Fill, Halt, LedgerEntry, Order, Position, Settlement
from trading.order_rows import FINAL

MINUTE_NS = 60 * SECOND_NS
TRADED = ("fill ", "settlement ")  # how movements begin that are no cash from outside


def orders(account: str) -> tuple[HeldOrder, ...]:
    """The orders whose end nobody has told, by number. Those of a paper account died with their session."""
    if not Account.objects.get(pk=account).order_salt:
        return ()
    rows = list(Order.objects.filter(account=account).exclude(status__in=FINAL).order_by("number"))
    markets = Market.objects.filter(ticker__in={row.ticker for row in rows})
    closes = dict(markets.values_list("ticker", "close_ns"))
    return tuple(
        HeldOrder(
            number=row.number,
            ticker=row.ticker,
            is_bid=row.is_bid,
            price=row.price,
            count=row.count,
            filled=row.filled,
            close_ns=row.close_ns or closes.get(row.ticker, 0),
            venue_order_id=row.venue_order_id,
            rests=row.time_in_force == "good_till_canceled",
            expires_ns=row.expires_ns,
            sent_ns=row.left_ns or row.sent_ns,
        )
        for row in rows
    )


def settled(account: str) -> tuple[HeldSettled, ...]:
    """The markets that paid out in the day before the last one did, by ticker: a fill of theirs may be yet to be heard.
    None on paper, where all is heard before."""
    if not Account.objects.get(pk=account).order_salt:
        return ()
    rows = list(_settled_lately(account).order_by("ticker"))
    positions = Position.objects.filter(account=account, ticker__in={row.ticker for row in rows})
    held = {row.ticker: HeldPosition(row.ticker, 0, 0, row.realised, row.fees, row.close_ns) for row in positions}
    return tuple(
        HeldSettled(
            held.get(row.ticker) or HeldPosition(row.ticker, 0, 0, 0, 0), cast(Result, row.result), row.yes_pays
        )
        for row in rows
    )


def trade_ids(account: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The fills that are booked in markets that have not settled, or not long ago (`settled`), by ticker."""
    done = Settlement.objects.filter(account=account)
    if Account.objects.get(pk=account).order_salt:
        done = done.exclude(pk__in=_settled_lately(account).values("pk"))
    fills = Fill.objects.filter(account=account).exclude(ticker__in=done.values("ticker"))
    fills = fills.order_by("ticker", "event_ns", "id")
    booked: dict[str, list[str]] = {}
    for ticker, trade_id in fills.values_list("ticker", "trade_id"):
        booked.setdefault(ticker, []).append(trade_id)
    return tuple((ticker, tuple(ids)) for ticker, ids in booked.items())


def _settled_lately(account: str) -> QuerySet[Settlement]:
    mine = Settlement.objects.filter(account=account).order_by()
    last = mine.aggregate(last=Max("event_ns"))["last"]
    return mine.filter(event_ns__gt=(last or 0) - DAY_NS)


def matched(account: str, now_ns: int) -> tuple[tuple[int, int], ...]:
    """When fills were heard in the time before `now_ns` in which contracts are counted, and of how many; oldest first."""
    recent = Fill.objects.filter(account=account, event_ns__gt=now_ns - MATCHED_NS, event_ns__lte=now_ns)
    return tuple(recent.order_by("event_ns", "id").values_list("event_ns", "count"))


def sent_ns(account: str, now_ns: int) -> tuple[int, ...]:
    """When the orders of the minute before `now_ns` were sent, oldest first. Changes to them have no rows."""
    recent = Order.objects.filter(account=account, sent_ns__gt=now_ns - MINUTE_NS, sent_ns__lte=now_ns)
    return tuple(recent.order_by("sent_ns").values_list("sent_ns", flat=True))


def peak_equity(account: str) -> int:
    """The highest equity (Money) since a person last cleared the drawdown, as the ledger has it; 0 when it is empty.
    Cash that came or went by no trade moves the peak with it."""
    cleared_ns, equity, peak = _cleared_ns(account, "DRAWDOWN"), 0, 0
    for movement, at_ns, change in _equity(account):
        equity += change
        peak = max(peak, equity) if movement.startswith(TRADED) else peak + change
        if at_ns <= cleared_ns:
            peak = equity
    return max(peak, 0)


def losing_streak(account: str) -> int:
    """How many settled markets in a row have lost, up to the last, since a person last cleared that."""
    since_ns = _cleared_ns(account, "LOSING_STREAK")
    results = {
        ticker: realised - fees
        for ticker, realised, fees in Position.objects.filter(account=account).values_list("ticker", "realised", "fees")
    }
    settled = Settlement.objects.filter(account=account, event_ns__gt=since_ns).order_by("-event_ns", "-id")
    streak = 0
    for ticker in settled.values_list("ticker", flat=True).iterator():
        if ticker not in results:
            continue
        if results[ticker] >= 0:
            break
        streak += 1
    return streak


def _equity(account: str) -> Iterator[tuple[str, int, int]]:
    """Each movement of the ledger in the order of time, and what the equity (cash and what is open, at cost) changed by."""
    mine = LedgerEntry.objects.filter(account=account, book__in=("cash", "positions"))
    sums = mine.order_by("event_ns").values("movement", "event_ns").annotate(change=Sum("amount"))
    return ((row["movement"], row["event_ns"], int(row["change"])) for row in sums.iterator())


def _cleared_ns(account: str, code: str) -> int:
    """When a person last cleared that breaker; 0 for never."""
    cleared = Halt.objects.filter(account=account, code=code, cleared_ns__isnull=False).order_by("-cleared_ns")
    return cleared.values_list("cleared_ns", flat=True).first() or 0
