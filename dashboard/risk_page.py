"""The page Risk: every limit and breaker with its use and age, how each trips and ends, and when trading was stopped."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import operate
from trading.accounts import account_shown
from trading.core.breakers import RULES
from trading.core.limits import LIMITS
from trading.models import Halt

PAST_SHOWN = 50


@require_safe
@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The words are here, the numbers come over the socket; halts are as of this request."""
    account = account_shown()
    halts = Halt.objects.filter(account=account)
    context = {
        "account": account,
        "limits": LIMITS,
        "rules": RULES,
        "open": halts.filter(cleared_ns__isnull=True),
        "past": halts.filter(cleared_ns__isnull=False)[:PAST_SHOWN],
        "may_operate": operate.is_operator(request.user),
    }
    return render(request, "dashboard/risk.html", context)
