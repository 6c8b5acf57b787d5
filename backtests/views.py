"""List, queue, look at, cancel a run; take its numbers away as JSON or CSV."""

import csv
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backtests import services
from backtests.forms import RunForm
from backtests.knobs import KNOBS, InputError
from backtests.models import BacktestRun
from backtests.presentation import result_shown, settings_shown
from backtests.report import TRADE_COLUMNS
from backtests.run_page import run_context
from backtests.selectors import runs_recent, tape_choices

RUNS_A_PAGE = 30
MAY_QUEUE = "backtests.add_backtestrun"


@login_required
@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """All runs, newest first."""
    runs = Paginator(runs_recent(), RUNS_A_PAGE).get_page(request.GET.get("page"))
    for run in runs.object_list:
        run.result_shown = result_shown(run)  # type: ignore[attr-defined]
    return render(request, "backtests/list.html", {"runs": runs, "may_queue": request.user.has_perm(MAY_QUEUE)})


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form; a valid one queues a run and leads to it."""
    form = RunForm(request.POST) if request.method == "POST" else RunForm(initial=_like(request))
    if request.method == "POST" and form.is_valid():
        try:
            run = services.run_queue(form.inputs, by=cast(User, request.user))
        except InputError as error:
            for name, sentence in error.problems.items():
                form.add_error(name if name in form.fields else None, sentence)
        else:
            return redirect(run)
    status = 422 if form.is_bound else 200
    return render(request, "backtests/new.html", {"form": form, "has_tapes": bool(tape_choices())}, status=status)


@login_required
@require_GET
@never_cache
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A run: its settings, how far it is, and what came out."""
    run = get_object_or_404(BacktestRun, pk=pk)
    context = run_context(run) | {"may_queue": request.user.has_perm(MAY_QUEUE)}
    return render(request, "backtests/detail.html", context)


@login_required
@require_GET
@never_cache
def state(request: HttpRequest, pk: int) -> JsonResponse:
    """How far a run is, for the page that waits for it."""
    run = get_object_or_404(runs_recent(), pk=pk)
    return JsonResponse(
        {
            "status": run.status,
            "progress": round(run.progress, 4),
            "note": run.progress_note,
            "over": run.is_over,
            "cancel_wanted": run.cancel_wanted,
        }
    )


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a run that is not over yet."""
    run = get_object_or_404(runs_recent(), pk=pk)
    messages.info(request, services.run_cancel(run.pk))
    return redirect(run)


@login_required
@require_GET
def result_json(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole report as a file."""
    run = _finished(pk)
    response = JsonResponse(run.result, json_dumps_params={"indent": 1})
    response["Content-Disposition"] = f'attachment; filename="backtest-{run.pk}.json"'
    return response


@login_required
@require_GET
def trades_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """All trades as a table."""
    run = _finished(pk)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="backtest-{run.pk}-trades.csv"'
    rows = run.result["trades"] if run.result else []
    writer = csv.DictWriter(response, TRADE_COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return response


def _finished(pk: int) -> BacktestRun:
    run = get_object_or_404(BacktestRun, pk=pk)
    if run.result is None:
        raise Http404("This run has no result.")
    return run


def _like(request: HttpRequest) -> dict[str, object]:
    """The settings of an earlier run, named by ?like=, as a start for a new one."""
    like = request.GET.get("like", "")
    run = BacktestRun.objects.defer("result").filter(pk=like).first() if like.isdecimal() else None
    if run is None:
        return {"tapes": request.GET.getlist("tape")}
    limits, parameters = run.limits(), run.parameters()
    start: dict[str, object] = {
        knob.name: knob.shown(getattr(limits if knob.is_limit else parameters, knob.field)) for knob in KNOBS
    }
    shown = settings_shown(run)
    return start | {
        "tapes": run.tapes,
        "date_from": run.date_from,
        "date_to": run.date_to,
        "capital": shown["capital"],
        "max_daily_loss": shown["max_daily_loss"],
    }
