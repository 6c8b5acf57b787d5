"""What each gate cost or saved, of an account's kept evaluations."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db.models import Count, Min, QuerySet

from backtests.core.gate_costs import GateReport, Seen, Stop, Window, report_of
from backtests.skill import ALWAYS, Bounds
from markets.core.contract import FeeTerms
from markets.core.payout import is_awaited, yes_pays_of
from markets.core.units import SECOND_NS
from markets.models import Market
from trading.core.events import Fill
from trading.models import Fill as FillRow
from trading.models import Signal

T = TypeVar("T")
LONGEST_NS = 24 * 3_600 * SECOND_NS  # no window is evaluated longer before its close
AT_ONCE = 400  # tickers in one question: databases bound how many there may be


def of_account(account: str, bounds: Bounds = ALWAYS, tickers: tuple[str, ...] = ()) -> GateReport:
    """Gates over the windows of an account that closed within the bounds, as far back as evaluations are kept; of these
    markets alone, where some are named."""
    seen = seen_of(account, bounds, tickers)
    windows = windows_of(seen, bounds)
    return report_of(seen, windows, fills_of(account, windows))


def seen_of(account: str, bounds: Bounds = ALWAYS, tickers: tuple[str, ...] = ()) -> dict[str, Seen]:
    """By market: what its kept evaluations ended at, and the first at which each gate alone stood in the way."""
    seen: dict[str, Seen] = {}
    signals = _signals(account, bounds)
    if tickers:
        signals = signals.filter(ticker__in=tickers)
    for row in signals.values("ticker", "reason").annotate(times=Count("id")):
        seen.setdefault(row["ticker"], Seen({}, {})).ended[row["reason"]] = row["times"]
    wanted = signals.filter(count__gt=0, price__gt=0).values("ticker", "failed").annotate(first_ns=Min("event_ns"))
    firsts = {(each["ticker"], each["failed"][0]): each["first_ns"] for each in wanted if len(each["failed"]) == 1}
    for found in _at(signals, firsts):
        code = found.failed[0] if len(found.failed) == 1 else ""
        if firsts.get((found.ticker, code)) == found.event_ns:
            stop = Stop(found.event_ns, found.side == "yes", found.price, found.count)
            seen[found.ticker].alone.setdefault(code, stop)
    return seen


def windows_of(tickers: Iterable[str], bounds: Bounds) -> dict[str, Window]:
    """Those of these markets that close within the bounds, with what they paid."""
    found: dict[str, Window] = {}
    for some in _some(tickers, AT_ONCE):
        rows = Market.objects.filter(ticker__in=some)
        if bounds.asset:
            rows = rows.filter(asset=bounds.asset)
        if bounds.since_ns is not None:
            rows = rows.filter(close_ns__gte=bounds.since_ns)
        if bounds.until_ns is not None:
            rows = rows.filter(close_ns__lt=bounds.until_ns)
        for row in rows:
            paid = None if is_awaited(row.result, row.yes_pays) else yes_pays_of(row.result, row.yes_pays)
            fees = row.contract().fees if row.terms else FeeTerms()
            found[row.ticker] = Window(row.asset, row.close_ns, fees, paid)
    return found


def fills_of(account: str, tickers: Iterable[str]) -> Iterator[Fill]:
    """Our fills in these markets."""
    for some in _some(tickers, AT_ONCE):
        for row in FillRow.objects.filter(account=account, ticker__in=some).order_by("event_ns", "id"):
            yield Fill(row.event_ns, row.trade_id, row.ticker, 0, row.is_bid, row.price, row.count, row.fee)


def _signals(account: str, bounds: Bounds) -> QuerySet[Signal]:
    rows = Signal.objects.filter(session__account=account).order_by()
    if bounds.since_ns is not None:
        rows = rows.filter(event_ns__gte=bounds.since_ns - LONGEST_NS)
    return rows if bounds.until_ns is None else rows.filter(event_ns__lt=bounds.until_ns)


def _at(signals: QuerySet[Signal], firsts: dict[tuple[str, str], int]) -> Iterator[Signal]:
    """The rows of these moments, and others of the same moments."""
    moments: dict[str, list[int]] = {}
    for (ticker, _), first_ns in firsts.items():
        moments.setdefault(ticker, []).append(first_ns)
    for some in _some(moments.items(), AT_ONCE // 8):
        tickers = [ticker for ticker, _ in some]
        times = [first_ns for _, each in some for first_ns in each]
        yield from signals.filter(ticker__in=tickers, event_ns__in=times, count__gt=0).order_by("id")


def _some(all_of: Iterable[T], many: int) -> Iterator[tuple[T, ...]]:
    """So many at a time."""
    left = iter(all_of)
    while some := tuple(islice(left, many)):
        yield some
