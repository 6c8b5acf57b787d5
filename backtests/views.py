"""List, find, queue, watch, annotate and cancel runs. What can be taken away is in backtests.export_page, what stands side
by side in backtests.compare_page."""

import uuid
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backtests import services
from backtests.coverage_shown import coverage_shown
from backtests.forms import RunForm
from backtests.knobs import InputError
from backtests.models import BacktestRun
from backtests.presentation import result_shown
from backtests.run_inputs import inputs_of, values_of
from backtests.run_list import FILTERS, SORTS, runs_wanted
from backtests.run_page import about_context, run_context
from backtests.run_queue import etag_of, state_of
from backtests.selectors import runs_recent, tape_choices
from trading.core.strategies import STRATEGIES

RUNS_A_PAGE = 30
MAY_QUEUE = "backtests.add_backtestrun"
COLUMNS = (
    ("run", "Run"), ("status", "State"), ("label", "Label"), ("", "Tapes"), ("strategy", "Strategy"), ("", "Capital"),
    ("trades", "Trades"), ("windows", "Windows"), ("net", "P&L"), ("queued", "Queued (UTC)"), ("", "By"),
)  # fmt: skip
NUMBERS = {"Capital", "Trades", "Windows", "P&L"}


@login_required
@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The runs that the filters leave, newest first unless asked otherwise; a filter that cannot be meant is answered with
    422 and a sentence."""
    asked = {name: str(text) for name, text in request.GET.items() if text}
    try:
        rows, problems = runs_wanted(asked, beside=("page",)), {}
    except InputError as error:
        rows, problems = runs_recent().none(), error.problems
    runs = Paginator(rows, RUNS_A_PAGE).get_page(asked.pop("page", None))
    for run in runs.object_list:
        run.result_shown = result_shown(run)  # type: ignore[attr-defined]
    context = {
        "runs": runs,
        "asked": asked,
        "is_filtered": bool(asked.keys() - {"sort"}),
        "problems": problems,
        "columns": _columns(request),
        "rest": _query(request, page=None),
        "states": BacktestRun.Status.values,
        "strategies": tuple(STRATEGIES),
        "may_queue": request.user.has_perm(MAY_QUEUE),
    }
    return render(request, "backtests/list.html", context, status=422 if problems else 200)


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form; a valid one queues a run and leads to it, or only says what is covered where that was asked."""
    form = RunForm(request.POST) if request.method == "POST" else RunForm(initial=_start(request))
    coverage: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and "check" in request.POST:
            coverage, status = coverage_shown(form.inputs), 200
        elif form.is_valid() and (run := _queued(form, cast(User, request.user))) is not None:
            return redirect(run)
    parent = form["cloned_from"].value()
    context = {
        "form": form,
        "coverage": coverage,
        "has_tapes": bool(tape_choices()),
        "parent": runs_recent().filter(pk=parent).first() if str(parent or "").isdecimal() else None,
    }
    return render(request, "backtests/new.html", context, status=status)


@login_required
@require_GET
@never_cache
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A run: its settings, how far it is, and what came out."""
    run = get_object_or_404(
        BacktestRun.objects.select_related("created_by", "cloned_from").defer("cloned_from__result"), pk=pk
    )
    may = {"may_queue": request.user.has_perm(MAY_QUEUE)}
    return render(request, "backtests/detail.html", run_context(run) | about_context(run) | may)


@login_required
@require_GET
@never_cache
def by_digest(request: HttpRequest, digest: str) -> HttpResponse:
    """The run that took just these decisions; the list of them where several did."""
    try:
        found = runs_wanted({"digest": digest})
    except InputError as error:
        raise Http404(str(error)) from None
    first = list(found[:2])
    if not first:
        raise Http404("No run took these decisions.")
    return redirect(first[0]) if len(first) == 1 else redirect(f"/backtests/?digest={digest.lower()}")


@login_required
@require_GET
@never_cache
def state(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a run is, for the page that waits for it; 304 while there is nothing new to say."""
    return _told(request, state_of(get_object_or_404(runs_recent(), pk=pk)))


@login_required
@require_GET
@never_cache
def states(request: HttpRequest) -> HttpResponse:
    """The same of several runs (?id=1&id=2), for the list."""
    wanted = [int(text) for text in request.GET.getlist("id")[:RUNS_A_PAGE] if text.isdecimal() and len(text) < 10]
    told = {}
    for run in runs_recent().filter(pk__in=wanted):
        shown = result_shown(run)
        windows = "" if run.windows_traded is None else f"{run.windows_traded:,}"
        told[str(run.pk)] = state_of(run) | {
            "net": shown["net"], "tone": shown["tone"], "fills": shown["fills"], "windows": windows,
        }  # fmt: skip
    return _told(request, told)


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a run that is not over yet."""
    run = get_object_or_404(runs_recent(), pk=pk)
    messages.info(request, services.run_cancel(run.pk))
    back = request.POST.get("back", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, None) else run.get_absolute_url())


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_POST
def annotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Set label and note; who changed what is kept."""
    run = get_object_or_404(runs_recent(), pk=pk)
    texts = {name: request.POST.get(name) for name in ("label", "note")}
    try:
        changes = services.run_annotate(run.pk, by=cast(User, request.user), **texts)
    except InputError as error:
        messages.error(request, str(error))
    else:
        messages.info(request, "Kept." if changes else "Nothing was changed.")
    return redirect(run)


def _queued(form: RunForm, by: User) -> BacktestRun | None:
    """The run, or None with the sentences in the form."""
    try:
        return services.run_queue(form.inputs, by=by, about=form.about)
    except services.KeyTakenError:
        form.add_error(None, "This form has queued a run already, and was changed since. Open a new one.")
    except InputError as error:
        for name, sentence in error.problems.items():
            form.add_error(name if name in form.fields else None, sentence)
    return None


def _start(request: HttpRequest) -> dict[str, object]:
    """What the form begins with: the inputs of an earlier run, named by ?like=; each form has a key of its own."""
    like, key = request.GET.get("like", ""), uuid.uuid4().hex
    run = BacktestRun.objects.defer("result").filter(pk=like).first() if like.isdecimal() and len(like) < 10 else None
    if run is None:
        return {"tapes": request.GET.getlist("tape"), "key": key}
    return values_of(inputs_of(run)) | {"label": run.label, "note": run.note, "cloned_from": run.pk, "key": key}


def _told(request: HttpRequest, told: dict[str, Any]) -> HttpResponse:
    tag = etag_of(told)
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag})
    return JsonResponse(told, headers={"ETag": tag})


def _columns(request: HttpRequest) -> list[dict[str, str]]:
    """The heads of the table: each that can be sorted by leads to that order, or turns it round."""
    now = request.GET.get("sort") or "-run"
    heads = []
    for name, title in COLUMNS:
        turned = name if now == f"-{name}" else f"-{name}"
        mark = "" if now.removeprefix("-") != name else "descending" if now.startswith("-") else "ascending"
        query = _query(request, page=None, sort=turned) if name in SORTS else ""
        heads.append({"title": title, "query": query, "mark": mark, "kind": "num" if title in NUMBERS else ""})
    return heads


def _query(request: HttpRequest, **changes: str | None) -> str:
    """The query of this page with some of it changed; None takes a name out."""
    query = request.GET.copy()
    for name in [name for name in query if name not in FILTERS or not query[name]]:
        del query[name]
    for name, text in changes.items():
        query.pop(name, None)
        if text is not None:
            query[name] = text
    return query.urlencode()
