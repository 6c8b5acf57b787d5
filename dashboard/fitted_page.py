"""What was learnt from past windows: the weight of our opinion first, then all artefacts in force, then those before them."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from trading import selectors
from trading.accounts import account_shown
from trading.core.parameters import Parameters
from trading.fitted_words import KIND_WORDS, effect_words, reach, sentence, use_words
from trading.models import FittedArtefact

ROWS_A_PAGE = 60


@require_safe
@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The artefacts of the account, in force and before."""
    account = account_shown()
    newest = selectors.parameters_newest()
    parameters = newest.parameters() if newest else Parameters()
    in_force = selectors.artefacts_in_force(account)
    history = FittedArtefact.objects.filter(account=account).exclude(version__in=[row.version for row in in_force])
    page = Paginator(history, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "account": account,
        "parameters": parameters,
        "weights": [_weight(row, parameters) for row in in_force if row.kind == "pooling"],
        "others": [_shown(row) for row in in_force if row.kind != "pooling"],
        "history": [_shown(row) for row in page.object_list],
        "page": page,
    }
    return render(request, "dashboard/fitted.html", context)


def _weight(row: FittedArtefact, parameters: Parameters) -> dict[str, Any]:
    return _shown(row) | {"use": use_words(row, parameters.pooling_windows, parameters.pooling_weight)}


def _shown(row: FittedArtefact) -> dict[str, Any]:
    kind = f"{KIND_WORDS[row.kind]}{f', {row.variety}' if row.variety else ''}"
    return {"row": row, "kind": kind, "reach": reach(row), "sentence": sentence(row), "effect": effect_words(row)}
