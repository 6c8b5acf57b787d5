"""The page Index: what settled windows say of the two readings of the minute, of decimals, and of our own index."""

from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from trading.accounts import account_shown
from trading.audits import INDEX_KINDS, MOST, audits_newest, truths
from trading.core.decision import SettlementAudit
from trading.core.index_truth import FAR_BP, FAR_ELSEWHERE_BP, LEAST, RECENT, UNSTABLE_BP, basis_bp, is_match
from trading.models import Discrepancy

WINDOWS_SHOWN = 50


class Distance(NamedTuple):
    """An average less the settlement, in bp; exact where it is the settlement once it is rounded."""

    bp: float
    is_exact: bool


class Window(NamedTuple):
    """One settled window as the table shows it."""

    audit: SettlementAudit
    open_right: Distance | None
    closed_right: Distance | None
    estimate: Distance | None
    venues: list[tuple[str, Distance]]


@require_safe
@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """Every asset's report, and the last windows of all of them or of one."""
    account = account_shown()
    asset = request.GET.get("asset", "").upper()
    newest = audits_newest(account, WINDOWS_SHOWN, [asset] if asset else ())
    newest.sort(key=lambda audit: (audit.close_ns, audit.ticker), reverse=True)
    context = {
        "account": account,
        "asset": asset,
        "truths": truths(account),
        "windows": [_window(audit) for audit in newest[:WINDOWS_SHOWN]],
        "alerts": Discrepancy.objects.filter(kind__in=INDEX_KINDS, closed_at=None, subject__startswith=f"{account} "),
        "rules": {
            "recent": RECENT, "least": LEAST, "most": MOST, "far": FAR_BP, "far_elsewhere": FAR_ELSEWHERE_BP, "unstable": UNSTABLE_BP,
        },
    }  # fmt: skip
    return render(request, "dashboard/index_truth.html", context)


def _window(audit: SettlementAudit) -> Window:
    found = [(venue, _distance(average, audit)) for venue, average in audit.venues]
    return Window(
        audit,
        _distance(audit.open_right, audit),
        _distance(audit.closed_right, audit),
        _distance(audit.estimate, audit),
        [(venue, distance) for venue, distance in found if distance is not None],
    )


def _distance(average: float | None, audit: SettlementAudit) -> Distance | None:
    return None if average is None else Distance(basis_bp(average, audit), is_match(average, audit))
