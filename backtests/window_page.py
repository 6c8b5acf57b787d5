"""One window of a run: what the book and our fair value did, where we entered and left, what it came to."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from backtests.charts_window import window_chart
from backtests.models import BacktestRun
from backtests.presentation import dollars, trades_shown
from backtests.report_page import window_shown


@require_safe
@login_required
@never_cache
def window(request: HttpRequest, pk: int, ticker: str) -> HttpResponse:
    """The window of that ticker; 404 where the run did not trade it to its result."""
    run = get_object_or_404(BacktestRun, pk=pk)
    context = window_context(run.result or {}, ticker)
    if context is None:
        raise Http404(f"Run {pk} did not trade {ticker} to its result.")
    return render(request, "backtests/window.html", context | {"run": run})


def window_context(report: dict[str, Any], ticker: str) -> dict[str, Any] | None:
    """A window of a report, its fills, and those before and after it; None where it is not in it."""
    windows = report.get("windows", [])
    places = [number for number, each in enumerate(windows) if each["ticker"] == ticker]
    if not places or "seconds_left" not in windows[places[0]]:
        return None
    at = places[0]
    fills = [trade for trade in report["trades"] if trade["ticker"] == ticker]
    return {
        "window": window_shown(windows[at]),
        "fees": dollars(windows[at]["fees"]),
        "trades": trades_shown(fills),
        "chart": window_chart(windows[at], report.get("paths", {}).get(ticker, ()), fills),
        "before": windows[at - 1]["ticker"] if at else "",
        "after": windows[at + 1]["ticker"] if at + 1 < len(windows) else "",
    }
