"""The page Reconciliation: the last looks at the exchange's own books, what was put right, and what a person has to say."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from trading import discrepancies
from trading.accounts import account_shown
from trading.models import Discrepancy, Reconciliation
from trading.services import UnusableError

PERMISSION = "trading.change_discrepancy"
LOOKS, CLOSED, REPAIRED = 30, 30, 20


@require_safe
@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """How it stands."""
    return render(request, "dashboard/reconciliation.html", _context(request, []))


@require_POST
@login_required
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept a change of cash, or close what a person has looked into; both with a reason that is kept."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    row = get_object_or_404(Discrepancy, pk=pk)
    by, reason = request.user.get_username(), request.POST.get("reason", "")
    try:
        if row.kind == discrepancies.kind_of(discrepancies.EXCHANGE, "cash"):
            discrepancies.cash_accept(row, by=by, reason=reason, kind=request.POST.get("kind", "adjustment"))
            messages.success(request, "Accepted: the trader books it at its next look.")
        else:
            discrepancies.dismiss(row, by=by, reason=reason)
            messages.success(request, "Closed; the reason is kept with it.")
    except UnusableError as error:
        return render(request, "dashboard/reconciliation.html", _context(request, error.problems), status=409)
    return redirect("dashboard:reconciliation")


def _context(request: HttpRequest, problems: list[str]) -> dict[str, Any]:
    account = account_shown()
    looks = Reconciliation.objects.filter(account=account).order_by("-id")
    newest = looks.exclude(kind="task").first()
    return {
        "account": account,
        "newest": newest,
        "by_worker": looks.filter(kind="task").first(),
        "looked_at": [(name, count) for name, count in newest.looked_at.items() if name != "asked_ns"]
        if newest
        else [],
        "looks": looks[:LOOKS],
        "repaired": looks.exclude(repairs=[])[:REPAIRED],
        "standing": Discrepancy.objects.filter(closed_at=None).order_by("-opened_at"),
        "closed": Discrepancy.objects.exclude(closed_at=None).order_by("-closed_at")[:CLOSED],
        "cash_kind": discrepancies.kind_of(discrepancies.EXCHANGE, "cash"),
        "cash_kinds": discrepancies.CASH_KINDS,
        "may_settle": request.user.has_perm(PERMISSION),
        "problems": problems,
    }
