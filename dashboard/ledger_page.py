"""The page Ledger: the trial balance of an account, and its movements; all entries as CSV."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotFound, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from trading import ledger_rows, trial_balance
from trading.accounts import UnknownAccount, account_asked
from trading.ledger_rows import KINDS, Asked
from trading.models import Account
from trading.models.ledger import BOOKS

WORDS = {
    "cash": "what lies at the exchange, by shard",
    "positions": "what is open, at what it cost",
    "fees": "all that was charged",
    "trading": "made (below 0) or lost by closing",
    "settlements": "made (below 0) or lost by settlement",
    "deposits": "from outside, the opening cash included (below 0: came in)",
    "transfers": "under way between shards",
}


@require_safe
@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The trial balance and a page of movements."""
    try:
        asked = _asked(request)
    except UnknownAccount as error:
        return HttpResponseNotFound(str(error))
    found = trial_balance.balance(asked.account)
    query = request.GET.copy()
    query.pop("before", None)
    context: dict[str, Any] = {
        "asked": asked,
        "found": found,
        "books": [(book, WORDS[book], found.books[book]) for book in BOOKS],
        "page": ledger_rows.movements(asked, request.GET.get("before", "")),
        "accounts": Account.objects.order_by("name").values_list("name", flat=True),
        "kinds": KINDS,
        "book_names": BOOKS,
        "query": query.urlencode(),
    }
    return render(request, "dashboard/ledger.html", context)


@require_safe
@login_required
@never_cache
def entries_csv(request: HttpRequest) -> HttpResponseBase:
    """All entries that the filters let through."""
    try:
        asked = _asked(request)
    except UnknownAccount as error:
        return HttpResponseNotFound(str(error))
    response = StreamingHttpResponse(ledger_rows.csv_stream(asked), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="ledger.csv"'
    return response


def _asked(request: HttpRequest) -> Asked:
    """Raises UnknownAccount."""
    wanted = request.GET
    return Asked(
        account_asked(wanted.get("account")),
        wanted.get("kind", ""),
        wanted.get("book", ""),
        wanted.get("ticker", "").strip(),
        wanted.get("first", ""),
        wanted.get("last", ""),
    )
