"""/skill/: how good our probabilities are, next to the market's, or how long until that can be said."""

from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from backtests.core.skill import Cell, Group, ModelScore, Report
from backtests.core.verdicts import label, short
from backtests.skill import Bounds, Told
from backtests.skill_cache import skill_of
from backtests.skill_charts import distances, reliability
from backtests.skill_text import rules
from trading.accounts import account_shown

TONES = {"worse": "bad", "better": "good", "leaning": "warn"}
SHOWN_FIRST = "fair"


class BoundsError(ValueError):
    """A day or an asset that cannot be meant; the text is a sentence."""


def bounds_of(query: Any) -> Bounds:
    """`since`, `until` (days) and `asset` of a query. Raises BoundsError."""
    since, until = (_day(query.get(name, "")) for name in ("since", "until"))
    if since and until and since > until:
        raise BoundsError(f"The day {since} is after {until}.")
    asset = str(query.get("asset", "")).upper()
    if asset and not (asset.isalnum() and len(asset) <= 16):
        raise BoundsError("An asset is written like BTC.")
    return Bounds(since, until, asset)


@require_safe
@login_required
@never_cache
def skill(request: HttpRequest) -> HttpResponse:
    """The report of the account shown."""
    account = account_shown()
    try:
        bounds, problem = bounds_of(request.GET), ""
    except BoundsError as error:
        bounds, problem = Bounds(), str(error)
    shown = skill_of(account, bounds)
    context: dict[str, Any] = {
        "account": account, "bounds": bounds, "problem": problem, "is_old": shown.is_old, "forecasts": shown.forecasts
    }  # fmt: skip
    if shown.told is not None:
        context |= _context(shown.told, request.GET.get("model", ""))
    return render(request, "backtests/skill.html", context, status=400 if problem else 200)


def _context(told: Told, wanted: str) -> dict[str, Any]:
    report = told.report
    known = {each.name: each for each in report.models}
    chosen = known.get(wanted) or known.get(SHOWN_FIRST) or (report.models[1] if len(report.models) > 1 else None)
    score, compare = told.windows_needed
    return {
        "told": told,
        "report": report,
        "span": _span(report),
        "needed_score": score,
        "needed_compare": compare,
        "enough": report.windows >= score,
        "models": [_model(each) for each in report.models],
        "chosen": chosen,
        "groups": _groups(report, chosen) if chosen is not None else [],
        "reliability": reliability(chosen, known.get("market")) if chosen is not None else "",
        "distances": distances(report.models),
        "rules": [*told.notes, *rules(report)],
    }


def _span(report: Report) -> tuple[int, int] | None:
    if report.first_ns is None or report.last_ns is None:
        return None
    return report.first_ns, report.last_ns


def _model(each: ModelScore) -> dict[str, Any]:
    """A row of the table of models; what is not known is None."""
    versus = next((one for one in each.versus if one.against == "market"), None)
    return {
        "score": each,
        "versus": versus,
        "verdict": "" if versus is None else short(versus),
        "tone": "" if versus is None else TONES.get(versus.verdict, ""),
        "same_as": label(each.same_as) if each.same_as else "",
    }


def _groups(report: Report, chosen: ModelScore) -> list[dict[str, Any]]:
    """The tables by asset, time left and price, for the chosen model."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for group in report.groups:
        cell = next((cell for cell in group.cells if cell.name == chosen.name), None)
        if group.rows:
            tables.setdefault(group.kind, []).append(_row(group, cell))
    return [{"kind": kind, "rows": rows} for kind, rows in tables.items()]


def _row(group: Group, cell: Cell | None) -> dict[str, Any]:
    return {
        "key": group.key,
        "windows": group.windows if cell is None else cell.windows,
        "cell": cell,
        "verdict": "" if cell is None else short(cell.versus),
        "tone": "" if cell is None else TONES.get(cell.versus.verdict, ""),
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BoundsError(f"{text!r} is not a day; write it like 2026-05-13.") from None
