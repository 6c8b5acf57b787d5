"""Start, reduce, pause and stop from the page: who may, what each means, and the second question before a stop."""

from typing import NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from trading.core.events import Mode
from trading.services import mode_set

PERMISSION = "trading.change_traderstatus"


class Action(NamedTuple):
    """A button: the mode it asks for, the reason kept with it, and what the page says afterwards."""

    mode: Mode
    reason: str
    said: str


ACTIONS = {
    "start": Action("ACTIVE", "started", "Trading is wanted: the trader takes it up within two seconds."),
    "reduce": Action("REDUCING", "reduce only", "Only orders that shrink exposure are wanted from now on."),
    "pause": Action("HALTED", "paused", "Paused: no new order is sent. Open positions stay and settle."),
    "stop": Action("HALTED", "stopped", "Stopped: no new order is sent. Start again when you are sure."),
}


def is_operator(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the user may change the mode."""
    return bool(user.is_authenticated and getattr(user, "has_perm", lambda _: False)(PERMISSION))


@require_POST
@login_required
def mode(request: HttpRequest) -> HttpResponse:
    """One of the buttons. `stop` asks a second time unless the form says it was confirmed."""
    if not is_operator(request.user):
        raise PermissionDenied
    word = request.POST.get("action", "")
    action = ACTIONS.get(word)
    if action is None:
        return HttpResponse("Unknown action.", status=400)
    if word == "stop" and request.POST.get("confirm") != "yes":
        return render(request, "dashboard/confirm_stop.html", status=409)
    mode_set(action.mode, by=request.user.get_username(), reason=f"{action.reason} by {request.user.get_username()}")
    if request.accepts("text/html"):
        messages.success(request, action.said)
        return redirect("dashboard:live")
    return JsonResponse({"wanted": action.mode, "said": action.said})
