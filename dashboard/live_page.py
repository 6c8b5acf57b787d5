"""Real orders: where orders go, what is missing until they may, the promotion gate, arming and disarming."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from backtests.promotion import kept, promote
from dashboard import operate
from trading import arming, services
from trading.models import Account, Arming
from trading.services import UnusableError

HISTORY = 30
KINDS = {
    arming.REHEARSAL: "a rehearsal: play money",
    arming.PRACTICE: "the exchange's practice site: play money",
    arming.PRODUCTION: "the exchange itself: real money",
}


class ArmForm(forms.Form):
    """What a person fills in to arm; who may, and whether all is there, is asked by trading.arming."""

    typed = forms.CharField(required=False, max_length=120, strip=False)
    reason = forms.CharField(required=False, max_length=500)
    hours = forms.FloatField(required=False)
    override = forms.CharField(required=False, max_length=1000)
    record = forms.CharField(required=False, max_length=64)

    def asked(self) -> arming.Asked:
        """As arming takes it; hours that are no number are none."""
        self.full_clean()
        said = self.cleaned_data
        return arming.Asked(
            said.get("typed", ""),
            said.get("reason", ""),
            said.get("hours") or 0.0,
            said.get("override", ""),
            said.get("record") or arming.RECORD,
        )


@require_safe
@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """How it stands."""
    record = request.GET.get("record") or arming.RECORD
    asked = arming.Asked("", "", arming.HOURS, "", record)
    return render(request, "dashboard/real_orders.html", _context(request, asked, []))


@require_POST
@login_required
def arm(request: HttpRequest) -> HttpResponse:
    """Arm, or say again everything that is missing."""
    if not request.user.has_perm(arming.PERMISSION):
        raise PermissionDenied
    asked = ArmForm(request.POST).asked()
    try:
        row = arming.arm(request.user, asked)
    except UnusableError as error:
        return render(request, "dashboard/real_orders.html", _context(request, asked, error.problems), status=409)
    messages.success(request, f"Armed: real orders of {row.account} may go until {row.until_at:%H:%M} UTC.")
    return redirect("dashboard:real-orders")


@require_POST
@login_required
def disarm(request: HttpRequest) -> HttpResponse:
    """Whoever may stop trading may disarm."""
    if not (operate.is_operator(request.user) or request.user.has_perm(arming.PERMISSION)):
        raise PermissionDenied
    name = request.user.get_username()
    ended = services.disarm(None, by=name, reason=request.POST.get("reason", "").strip() or f"disarmed by {name}")
    messages.success(request, "Disarmed: no real order goes any more." if ended else "Nothing was armed.")
    return redirect("dashboard:real-orders")


@require_POST
@login_required
def judge(request: HttpRequest) -> HttpResponse:
    """Look at a record by the promotion gate, now."""
    if not operate.is_operator(request.user):
        raise PermissionDenied
    account = request.POST.get("record", "")
    if not Account.objects.filter(pk=account).exists():
        messages.error(request, f"There is no account {account!r} yet: trade the real market on paper first.")
        return redirect("dashboard:real-orders")
    row = promote(account)
    verdict = "passed" if row.is_passed else "not passed"
    messages.info(request, f"The record of {account} was judged: the gate is {verdict}.")
    return redirect(f"/live/?record={account}")


def _context(request: HttpRequest, asked: arming.Asked, problems: list[str]) -> dict[str, Any]:
    now = arming.standing(asked.record)
    return {
        "now": now,
        "kind": KINDS[now.kind],
        "asked": asked,
        "problems": problems,
        "criteria": kept(now.gate) if now.gate else [],
        "gate_lacks": arming.gate_lacks(now.gate, now.record, now.kind),
        "records": _records(asked.record),
        "history": Arming.objects.order_by("-id")[:HISTORY],
        "may_arm": request.user.has_perm(arming.PERMISSION),
        "may_disarm": operate.is_operator(request.user) or request.user.has_perm(arming.PERMISSION),
        "may_judge": operate.is_operator(request.user),
        "most_hours": arming.MOST_HOURS,
        "least_words": arming.LEAST_WORDS,
    }


def _records(chosen: str) -> list[str]:
    """The accounts that were traded on paper, and the one that is asked for."""
    names = set(Account.objects.filter(venue="").values_list("name", flat=True))
    return sorted(names | {chosen})
