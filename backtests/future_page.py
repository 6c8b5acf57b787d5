"""Ask from a run's page whether it looked ahead."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from backtests.future_jobs import USUAL, future_queue
from backtests.knobs import InputError
from backtests.selectors import runs_recent


@login_required
@permission_required("backtests.add_backtestrun", raise_exception=True)
@require_POST
def future(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue a check; the page says what came out."""
    run = get_object_or_404(runs_recent(), pk=pk)
    count = request.POST.get("moments", "") or str(USUAL)
    try:
        if not count.isdecimal():
            raise InputError({"moments": f"{count!r} is not a number of moments."})
        future_queue(run, count=int(count), by=cast(User, request.user))
        messages.info(
            request, "Asked for: the run is played again with other futures. Load this page again to see how far it is."
        )
    except InputError as error:
        messages.error(request, str(error))
    return redirect(run)
