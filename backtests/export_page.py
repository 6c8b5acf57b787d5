"""The files of a run, to take away."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from backtests.exports import WORDS, Made, export_of
from backtests.models import BacktestRun


@login_required
@require_GET
def export(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """One file of a run with a result."""
    run = get_object_or_404(BacktestRun.objects.select_related("created_by"), pk=pk)
    if what not in WORDS:
        raise Http404(f"A run has no file {what!r}; it has {', '.join(WORDS)}.")
    if run.result is None:
        raise Http404("This run has no result.")
    return sent(export_of(run, what))


def sent(made: Made) -> HttpResponse:
    """A file to keep. It is never shown as a page of ours, whatever it holds."""
    return HttpResponse(
        made.content,
        content_type=made.kind,
        headers={
            "Content-Disposition": f'attachment; filename="{made.name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-cache",
        },
    )
