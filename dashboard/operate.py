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
from trading.services import UnusableError
from trading.switches import POLICY_WORDS, halt, resume, to_clear

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
    """One of the buttons. `stop`, and a start that clears something, ask a second time unless the form says it was
    confirmed."""
    if not is_operator(request.user):
        raise PermissionDenied
    word = request.POST.get("action", "")
    action = ACTIONS.get(word)
    if action is None:
        return HttpResponse("Unknown action.", status=400)
    question = None if request.POST.get("confirm") == "yes" else _question(word, action)
    if question is not None:
        return render(request, question.template, question.context, status=409)
    try:
        said = _do(action, request.user.get_username(), request.POST.get("policy") or "cancel")
    except UnusableError as error:
        return HttpResponse("; ".join(error.problems), status=400)
    if request.accepts("text/html"):
        messages.success(request, said)
        return redirect("dashboard:live")
    return JsonResponse({"wanted": action.mode, "said": said})


class Question(NamedTuple):
    """What is asked before it is done."""

    template: str
    context: dict[str, object]


def _question(word: str, action: Action) -> Question | None:
    if word == "stop":
        return Question("dashboard/confirm_stop.html", {"policies": POLICY_WORDS.items()})
    clears = to_clear() if action.mode != "HALTED" else []
    return Question("dashboard/confirm_start.html", {"action": word, "clears": clears}) if clears else None


def _do(action: Action, by: str, policy: str) -> str:
    """Do it; what the page says afterwards."""
    reason = f"{action.reason} by {by}"
    if action.mode != "HALTED":
        return " ".join([action.said, *resume(by=by, reason=reason, mode=action.mode)[1:]])
    if policy not in POLICY_WORDS:
        raise UnusableError([f"{policy!r} is not a policy; take one of {', '.join(POLICY_WORDS)}"])
    done = halt(by=by, reason=reason, policy=policy)
    return action.said if done.is_told else " ".join(done.said)
