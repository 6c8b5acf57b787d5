"""The pages of studies: list, queue, watch, cancel, resume, annotate, look at; a trial can be queued as a single run."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backtests.coverage_shown import coverage_shown
from backtests.knobs import InputError
from backtests.selectors import tape_choices
from backtests.studies import services
from backtests.studies.covered import asked_of
from backtests.studies.plan import budget_words, planned
from backtests.studies.shown import SORTS, study_context, trials_sorted
from backtests.studies_form import StudyForm, start_of
from backtests.study_models import Study, StudyTrial

A_PAGE = 30
TRIALS_A_PAGE = 50
MAY_QUEUE = "backtests.add_backtestrun"


@login_required
@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """All studies, newest first."""
    found = Paginator(studies_recent(), A_PAGE).get_page(request.GET.get("page"))
    context = {"studies": found, "may_queue": request.user.has_perm(MAY_QUEUE), "kinds": Study.Kind.choices}
    return render(request, "backtests/studies.html", context)


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, kind: str) -> HttpResponse:
    """The form of one kind; a valid one queues a study and leads to it, or only says what it would cost."""
    if kind not in Study.Kind.values:
        raise Http404("There is no such kind of study.")
    is_sent, budget = request.method == "POST", ""
    coverage: dict[str, Any] = {}
    form = StudyForm(cast(Any, kind), request.POST if is_sent else None, initial=_start(request))
    parent = _parent(request)
    if is_sent and form.is_valid() and form.inputs is not None:
        try:
            if "check" in request.POST:
                coverage = coverage_shown(asked_of(form.inputs))
                budget = budget_words(planned(form.inputs))
            else:
                told = {"label": form.cleaned_data["label"], "note": form.cleaned_data["note"]}
                return redirect(
                    services.study_queue(form.inputs, by=cast(User, request.user), cloned_from=parent, **told)
                )
        except InputError as error:
            form.refuse(error)
            coverage = coverage and coverage | {"problem": ""}  # it is said at its field
    words = dict(Study.Kind.choices)[kind]
    context = {"form": form, "kind": kind, "words": words, "budget": budget, "coverage": coverage,
               "has_tapes": bool(tape_choices())}  # fmt: skip
    return render(request, "backtests/study_new.html", context, status=422 if is_sent and not budget else 200)


@login_required
@require_GET
@never_cache
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A study: what was asked, how far it is, what came out, its trials by page."""
    study = get_object_or_404(Study, pk=pk)
    sort = request.GET.get("sort", "objective")
    trials = Paginator(trials_sorted(study, sort), TRIALS_A_PAGE).get_page(request.GET.get("page"))
    context = study_context(study, request.GET.get("x", ""), request.GET.get("y", "")) | {
        "trials": trials,
        "sort": sort if sort in SORTS else "objective",
        "sorts": SORTS,
        "may_queue": request.user.has_perm(MAY_QUEUE),
    }
    return render(request, "backtests/study.html", context)


@login_required
@require_GET
@never_cache
def state(request: HttpRequest, pk: int) -> JsonResponse:
    """How far a study is, for the page that waits for it."""
    study = get_object_or_404(studies_recent(), pk=pk)
    return JsonResponse(
        {
            "status": study.status,
            "progress": round(study.progress, 4),
            "note": study.progress_note,
            "over": study.is_over,
            "cancel_wanted": study.cancel_wanted,
        }
    )


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a study that is not over yet."""
    study = get_object_or_404(studies_recent(), pk=pk)
    messages.info(request, services.study_cancel(study.pk))
    return redirect(study)


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on with one that was stopped or failed."""
    study = get_object_or_404(studies_recent(), pk=pk)
    try:
        goes_on = services.study_resume(study.pk)
        messages.info(
            request, "It goes on where it stopped." if goes_on else f"A study that is {study.status} does not go on."
        )
    except InputError as error:
        messages.error(request, str(error))
    return redirect(study)


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_POST
def annotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it a name and a note."""
    study = get_object_or_404(studies_recent(), pk=pk)
    services.study_annotate(study.pk, label=request.POST.get("label", ""), note=request.POST.get("note", ""))
    return redirect(study)


@login_required
@permission_required(MAY_QUEUE, raise_exception=True)
@require_POST
def trial_run(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Queue a trial as a single run over the same tapes."""
    trial = get_object_or_404(StudyTrial.objects.select_related("study"), study_id=pk, number=number)
    try:
        return redirect(services.trial_run(trial, by=cast(User, request.user)))
    except InputError as error:
        messages.error(request, str(error))
        return redirect(trial.study)


@login_required
@require_GET
def result_json(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole result as a file."""
    study = get_object_or_404(Study, pk=pk)
    if study.result is None:
        raise Http404("This study has no result.")
    response = JsonResponse(study.result, json_dumps_params={"indent": 1})
    response["Content-Disposition"] = f'attachment; filename="{study.kind}-{study.pk}.json"'
    return response


def studies_recent() -> QuerySet[Study]:
    """Newest first, without what may be long."""
    rows = Study.objects.select_related("created_by").defer("result").order_by("-id")
    return rows.annotate(is_recommended=F("result__recommended"))


def _parent(request: HttpRequest) -> Study | None:
    like = request.GET.get("like", "")
    return Study.objects.defer("result").filter(pk=like).first() if like.isdecimal() and len(like) < 10 else None


def _start(request: HttpRequest) -> dict[str, Any]:
    """The settings of an earlier study, named by ?like=, as a start for a new one."""
    parent = _parent(request)
    return {"tapes": request.GET.getlist("tape")} if parent is None else start_of(parent)
