"""The live page, one market, orders and fills; and the snapshot for browsers whose socket is down."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import RedisError

from dashboard import chart, forecast_table, health, operate, snapshot
from markets.models import Market
from trading.accounts import account_shown
from trading.core.reasons import REASONS, TRADED
from trading.models import Fill, Forecast, Order, Position, Settlement, Signal

SIGNALS_SHOWN = 40
ROWS_SHOWN = 100


@require_safe
@login_required
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The page to keep open all day; its numbers come over the socket."""
    context = {
        "may_operate": operate.is_operator(request.user),
        "may_queue": request.user.has_perm("backtests.add_backtestrun"),
        "reasons": REASONS,
    }
    return render(request, "dashboard/index.html", context)


@require_safe
@never_cache
def live_json(request: HttpRequest) -> HttpResponse:
    """The last snapshot and its age, for the poll every five seconds. 403 instead of a login page: a script asks."""
    if not request.user.is_authenticated:
        return JsonResponse({"state": "not signed in"}, status=403)
    try:
        raw = snapshot.latest()
    except RedisError:
        return JsonResponse({"state": "stale"})
    stamp = snapshot.read_stamp(raw) if raw is not None else None
    if raw is None or stamp is None:
        return JsonResponse({"state": "no trader"})
    response = HttpResponse(raw, content_type="application/json")
    response["X-Snapshot-Age-Ms"] = str(int(snapshot.age_s(stamp) * 1000))
    return response


@require_safe
@login_required
def prices(request: HttpRequest) -> HttpResponse:
    """Every price by every method, every venue and connection; its numbers come over the socket."""
    return render(request, "dashboard/prices.html")


@require_safe
@login_required
def exchange(request: HttpRequest) -> HttpResponse:
    """How the exchange is heard, and whether its contracts have changed; its numbers come over the socket."""
    return render(request, "dashboard/exchange.html")


@require_safe
@login_required
def orders(request: HttpRequest) -> HttpResponse:
    """Recent orders and fills of the account, newest first."""
    account = account_shown()
    context = {
        "account": account,
        "orders": Order.objects.filter(account=account)[:ROWS_SHOWN],
        "fills": Fill.objects.filter(account=account).select_related("order")[:ROWS_SHOWN],
        "positions": Position.objects.filter(account=account).exclude(count=0),
    }
    return render(request, "dashboard/orders.html", context)


@require_safe
@login_required
def market(request: HttpRequest, ticker: str) -> HttpResponse:
    """One market: its terms, what we thought of it, what we did, how it ended."""
    row = get_object_or_404(Market, ticker=ticker)
    account = account_shown()
    forecasts = Forecast.objects.filter(account=account, ticker=ticker)
    context = {"market": row, "record": forecast_table.table_of(forecasts, row.result), **_of_market(ticker, account)}
    return render(request, "dashboard/market.html", context)


def _of_market(ticker: str, account: str) -> dict[str, Any]:
    mine = {"account": account, "ticker": ticker}
    signals = Signal.objects.filter(ticker=ticker, session__account=account)
    settlement = Settlement.objects.filter(**mine).first()
    return {
        "account": account,
        "chart": chart.of_signals(signals),
        "signals": _worth_showing(signals),
        "orders": Order.objects.filter(**mine)[:ROWS_SHOWN],
        "fills": Fill.objects.filter(**mine)[:ROWS_SHOWN],
        "position": Position.objects.filter(**mine).first(),
        "settlement": settlement,
    }


def _worth_showing(signals: QuerySet[Signal]) -> list[Signal]:
    """The latest, and those that led to an order however long ago; newest first."""
    rows = {row.pk: row for part in (signals.filter(reason=TRADED), signals) for row in part[:SIGNALS_SHOWN]}
    return sorted(rows.values(), key=lambda row: (row.event_ns, row.pk), reverse=True)


@require_safe
@login_required
@never_cache
def health_page(request: HttpRequest) -> HttpResponse:
    """Every component with its state and age."""
    return render(request, "dashboard/health.html", {"components": health.components(), "versions": health.versions()})
