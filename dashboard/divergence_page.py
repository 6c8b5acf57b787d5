"""The pages Divergence: what each session made against a backtest of its own tape, and why."""

from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from backtests.core.attribution import WORDS
from backtests.divergence import divergence_queue
from dashboard.operate import is_operator
from trading.accounts import account_shown
from trading.models import Divergence, TradingSession

SHOWN = 50
LABELS = {part: part.replace("_", " ").capitalize() for part in WORDS}


class Part(NamedTuple):
    """One cause: its name, what it means, its money, and how long its bar is (0 to 100)."""

    label: str
    words: str
    money: int
    bar: float


@require_safe
@login_required
@never_cache
def divergences(request: HttpRequest) -> HttpResponse:
    """The last sessions that sent an order, compared or not."""
    account = account_shown()
    sessions = TradingSession.objects.filter(account=account, orders__isnull=False).distinct()
    newest = sessions.select_related("divergence").order_by("-id")[:SHOWN]
    may_ask = is_operator(request.user)
    context = {"account": account, "sessions": newest, "words": _words(), "may_ask": may_ask}
    return render(request, "dashboard/divergences.html", context)


@require_safe
@login_required
@never_cache
def divergence(request: HttpRequest, session_id: int) -> HttpResponse:
    """One session: the causes, and every order beside the one that the backtest made in its place."""
    row = get_object_or_404(Divergence.objects.select_related("session"), session_id=session_id)
    context = {
        "row": row,
        "parts": _parts(row.parts),
        "orders": [_shown(order) for order in row.orders],
        "may_ask": is_operator(request.user),
    }
    return render(request, "dashboard/divergence.html", context)


@require_POST
@login_required
def compare(request: HttpRequest, session_id: int) -> HttpResponse:
    """Have a session compared (anew) by a worker."""
    if not is_operator(request.user):
        return HttpResponse("An operator can ask for this.", status=403)
    session = get_object_or_404(TradingSession, pk=session_id)
    divergence_queue(session.pk)
    messages.success(request, f"Session {session.pk} is being compared with a backtest of its tape; look again soon.")
    return redirect("dashboard:divergences")


def _words() -> list[tuple[str, str]]:
    return [(LABELS[part], words) for part, words in WORDS.items()]


def _parts(parts: dict[str, int]) -> list[Part]:
    largest = max((abs(money) for money in parts.values()), default=0) or 1
    known = [(part, parts.get(part, 0)) for part in WORDS]
    return [Part(LABELS[part], WORDS[part], money, 100 * abs(money) / largest) for part, money in known]


def _shown(order: dict[str, Any]) -> dict[str, Any]:
    side = order["made"] or order["expected"]
    causes = [(LABELS.get(part, part), money) for part, money in order["parts"].items()]
    return {**order, "side": side, "causes": causes}
