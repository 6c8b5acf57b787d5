"""/data/: the catalogue of tapes and downloads, one tape with its gaps and windows, imports, verifications and exports."""

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from markets import jobs
from markets.coverage_chart import coverage_chart
from markets.entries import Wanted, days_of_assets, entry_json, sheet_of, tables, tapes_wanted
from markets.forms import WantedForm
from markets.grades import GRADES
from markets.models import Tape, TapeJob

TAPES_A_PAGE, TABLES_A_PAGE, JOBS_SHOWN, ROWS_A_PAGE = 50, 20, 12, 100
MOST_DRAWN = 2_000  # tapes
MAY_ASK = "markets.add_tapejob"


@login_required
@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """All tapes that were asked for, what each day has, the downloads, and what is being done."""
    form = WantedForm(request.GET)
    rows = tapes_wanted(form.wanted if form.is_valid() else Wanted())
    page = Paginator(rows, TAPES_A_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "form": form,
        "tapes": page,
        "entries": [(row, entry_json(row)) for row in page.object_list],
        "chart": coverage_chart(days_of_assets(rows[:MOST_DRAWN])),
        "tables": Paginator(tables(), TABLES_A_PAGE).get_page(request.GET.get("tables")),
        "jobs": _jobs(),
        "grades": GRADES,
        "query": query.urlencode(),
        "importable": jobs.importable() if request.user.has_perm(MAY_ASK) else [],
        "may_ask": request.user.has_perm(MAY_ASK),
        "most_mb": settings.TAPE_UPLOAD_MAX_MB,
    }
    return render(request, "markets/data.html", context, status=200 if form.is_valid() else 400)


@login_required
@require_GET
@never_cache
def tape(request: HttpRequest, name: str) -> HttpResponse:
    """One tape: what it covers, its gaps and its windows."""
    row = get_object_or_404(Tape.objects.select_related("sheet"), name=name)
    sheet = sheet_of(row)
    coverage = sheet.coverage() if sheet is not None and sheet.coverage_json else None
    context: dict[str, Any] = {
        "tape": row,
        "entry": entry_json(row),
        "sheet": sheet,
        "jobs": _jobs(row.name),
        "may_ask": request.user.has_perm(MAY_ASK),
    }
    if coverage is not None:
        context |= {
            "gaps": Paginator(coverage.gaps, ROWS_A_PAGE).get_page(request.GET.get("gaps")),
            "windows": Paginator(coverage.windows, ROWS_A_PAGE).get_page(request.GET.get("windows")),
        }
    return render(request, "markets/tape.html", context)


@login_required
@permission_required(MAY_ASK, raise_exception=True)
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for something to be done with a tape, or for an import from the operator's folder."""
    subject = request.POST.get("subject", "")
    try:
        job = jobs.job_queue(request.POST.get("kind", ""), subject, by=cast(User, request.user))
        messages.success(request, f"Asked for: {job}. It is done by a worker; this page says how far it is.")
    except jobs.JobProblem as problem:
        messages.error(request, str(problem))
    is_of_tape = request.POST.get("kind") in jobs.OF_A_TAPE and Tape.objects.filter(name=subject).exists()
    return redirect("data:tape", name=subject) if is_of_tape else redirect("data:index")


@login_required
@permission_required(MAY_ASK, raise_exception=True)
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Take a tape's file, and ask for its import."""
    file = request.FILES.get("file")
    if file is None:
        messages.error(request, "Choose a file first.")
        return redirect("data:index")
    try:
        job = jobs.job_upload(file, file.name or "", by=cast(User, request.user))
        messages.success(request, f"Asked for: {job}. It is read to its end before it is believed.")
    except jobs.JobProblem as problem:
        messages.error(request, str(problem))
    return redirect("data:index")


@login_required
@require_GET
@never_cache
def job_state(request: HttpRequest) -> JsonResponse:
    """How far the latest jobs are, for the page that waits for them."""
    return JsonResponse({"jobs": [_job_json(job) for job in _jobs(request.GET.get("tape", ""))]})


@login_required
@require_GET
def job_file(request: HttpRequest, pk: int) -> FileResponse:
    """What an export made."""
    job = get_object_or_404(TapeJob, pk=pk)
    if not job.artefact or not jobs.artefacts().exists(job.artefact):
        raise Http404("There is no file of this export (any more); ask for it again.")
    return FileResponse(
        jobs.artefacts().open(job.artefact), as_attachment=True, filename=job.artefact.rpartition("/")[2]
    )


def _jobs(name: str = "") -> list[TapeJob]:
    rows = TapeJob.objects.select_related("created_by").order_by("-id")
    return list((rows.filter(subject=name) if name else rows)[:JOBS_SHOWN])


def _job_json(job: TapeJob) -> dict[str, Any]:
    return {"id": job.pk, "status": job.status, "progress": job.progress, "note": job.note, "over": job.is_over}
