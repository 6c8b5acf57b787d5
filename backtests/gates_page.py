"""/decisions/: why it does not trade, what each gate cost or saved, and every evaluation of a window."""

import csv
import io
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from backtests.gate_charts import funnel
from backtests.gate_report import report_json
from backtests.gate_stages import gates, stages_of
from backtests.gate_text import RULES, cents, span
from backtests.gates import of_account
from backtests.presentation import contracts, dollars
from backtests.skill import Bounds
from backtests.skill_page import BoundsError, bounds_of
from markets.core.units import count_text, price_text
from markets.models import Market, Series
from markets.moments import time_text
from trading.accounts import account_shown
from trading.models import Signal

ROWS_SHOWN = 200
MOST_ROWS = 50_000
COLUMNS = (
    "time", "reason", "failed", "side", "price", "wanted", "cost", "bid", "ask", "fair", "pooled", "edge_yes", "edge_no",
    "confidence", "spot", "volatility", "seconds_left",
)  # fmt: skip


@require_safe
@login_required
@never_cache
def decisions(request: HttpRequest) -> HttpResponse:
    """The gates of the account shown, over the days and the asset asked for."""
    bounds, problem = _bounds(request)
    account = account_shown()
    told = report_json(of_account(account, bounds))
    gates_told = [_gate(gate) for gate in told["gates"]]
    context = {
        "account": account, "bounds": bounds, "problem": problem, "told": told, "gates": gates_told, "rules": RULES,
        "taken": _outcome(told["taken"]), "funnel": funnel(told), "assets": _assets(), "query": request.GET.urlencode(),
    }  # fmt: skip
    return render(request, "backtests/decisions.html", context, status=400 if problem else 200)


@require_safe
@login_required
@never_cache
def decisions_csv(request: HttpRequest) -> HttpResponse:
    """The table of gates as a file."""
    bounds, problem = _bounds(request)
    if problem:
        return HttpResponse(problem, status=400, content_type="text/plain; charset=utf-8")
    told = report_json(of_account(account_shown(), bounds))
    head = ("gate", "evaluations", "windows", "alone_windows", "closes", "contracts", "spent", "profit", "mean", "low", "high",
            "pending", "verdict", "is_certain")  # fmt: skip
    rows = [
        (gate["code"], gate["evaluations"], gate["windows"], *(gate["alone"][name] for name in
         ("windows", "closes", "contracts", "spent", "profit", "mean", "low", "high")), gate["pending"], gate["verdict"],
         gate["is_certain"])
        for gate in told["gates"]
    ]  # fmt: skip
    return _csv("gates.csv", [head, *rows])


@require_safe
@login_required
@never_cache
def window(request: HttpRequest, ticker: str) -> HttpResponse:
    """Every kept evaluation of one window with its inputs and its gates, newest first."""
    market = get_object_or_404(Market, ticker=ticker)
    account = account_shown()
    gate = request.GET.get("gate", "")
    rows = evaluations(account, ticker, gate)
    page = Paginator(rows, ROWS_SHOWN).get_page(request.GET.get("page"))
    seen = of_account(account, tickers=(ticker,))
    context = {
        "market": market, "account": account, "page": page, "gate": gate, "known": gates(),
        "rows": [{"row": row, "stages": stages_of(row)} for row in page],
        "gates": [_gate(each) for each in report_json(seen)["gates"]],
    }  # fmt: skip
    return render(request, "backtests/decisions_window.html", context)


@require_safe
@login_required
@never_cache
def window_csv(request: HttpRequest, ticker: str) -> HttpResponse:
    """The same as a file, at most 50,000 evaluations."""
    get_object_or_404(Market, ticker=ticker)
    rows = evaluations(account_shown(), ticker, request.GET.get("gate", ""))[:MOST_ROWS]
    return _csv(f"{ticker}-evaluations.csv", [COLUMNS, *(_cells(row) for row in rows)])


def evaluations(account: str, ticker: str, gate: str = "") -> QuerySet[Signal]:
    """The kept evaluations of a market, newest first; those alone that this gate was the first to stop."""
    rows = Signal.objects.filter(session__account=account, ticker=ticker).order_by("-event_ns", "-id")
    return rows.filter(reason=gate) if gate else rows


def _bounds(request: HttpRequest) -> tuple[Bounds, str]:
    """What a page asks for, and what is wrong with it."""
    try:
        return bounds_of(request.GET), ""
    except BoundsError as error:
        return Bounds(), str(error)


def _assets() -> list[str]:
    return sorted(set(Series.objects.values_list("asset", flat=True)))


def _gate(gate: dict[str, Any]) -> dict[str, Any]:
    tone = {"cost": "bad", "saved": "good"}.get(gate["verdict"], "") if gate["is_certain"] else ""
    return gate | {"alone": _outcome(gate["alone"]), "tone": tone}


def _outcome(outcome: dict[str, Any]) -> dict[str, Any]:
    made, wanted = dollars(outcome["profit"], signed=True), contracts(outcome["contracts"])
    return outcome | {"cents": cents(outcome["per_contract"]), "span": span(outcome), "made": made, "wanted": wanted}


def _cells(row: Signal) -> tuple[Any, ...]:
    return (
        time_text(row.event_ns), row.reason, " ".join(row.failed), row.side, price_text(row.price) if row.price else "",
        count_text(row.count), row.cost, price_text(row.bid), price_text(row.ask), row.fair, row.pooled, row.edge_yes,
        row.edge_no, row.confidence, row.spot, row.volatility, row.seconds_left,
    )  # fmt: skip


def _csv(name: str, rows: list[tuple[Any, ...]]) -> HttpResponse:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
