"""The page of runs side by side; its address names the runs, so that it can be kept."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from backtests.compare import Comparison, Figure, Pair, compared, ids_from, runs_of
from backtests.compare_chart import equities_chart
from backtests.knobs import InputError
from backtests.presentation import MINUS, NOTHING, dollars, minute, number, percent, tone

WINDOWS_SHOWN = 200
FIGURES = {
    "net": ("Total P&L", "money"), "gross": ("Gross, before fees", "money"), "fees": ("Fees", "plain money"),
    "win_rate": ("Win rate", "percent"), "windows": ("Windows traded to their result", "count"),
    "net_per_window": ("P&L a window", "estimate"), "net_per_contract": ("P&L a contract", "fine"),
    "sharpe": ("Sharpe, per window, not annualised", "ratio"), "drawdown": ("Maximum drawdown, settled", "percent"),
    "orders": ("Orders", "count"), "fills": ("Fills", "count"), "brier": ("Brier score, ours", "score"),
    "brier_market": ("Brier score, the market's middle", "score"),
}  # fmt: skip


@login_required
@require_GET
@never_cache
def compare(request: HttpRequest) -> HttpResponse:
    """The runs of ?ids=1,2; a choice from the list (?ids=1&ids=2) leads to that address."""
    given = request.GET.getlist("ids")
    asked = ",".join(given)
    try:
        ids = ids_from(asked)
        ids = sorted(ids) if len(given) > 1 else ids  # of a choice from the list the oldest is what is held against
        if given != [wanted := ",".join(map(str, ids))]:
            return redirect(f"{request.path}?ids={wanted}")
        runs = runs_of(ids)
    except InputError as error:
        return render(request, "backtests/compare.html", {"problem": str(error), "asked": asked}, status=422)
    return render(request, "backtests/compare.html", comparison_context(compared(runs)))


def comparison_context(found: Comparison) -> dict[str, Any]:
    """The comparison in words."""
    names = [f"#{run.pk}" for run in found.runs]
    return {
        "found": found,
        "ids": ",".join(str(run.pk) for run in found.runs),
        "chart": equities_chart(
            [(name, (run.result or {})["equity"]) for name, run in zip(names, found.runs, strict=True)]
        ),
        "figures": [_row(list(each)) for each in zip(*found.figures, strict=True)],
        "pairs": [_pair(pair) for pair in found.pairs],
        "common": [
            {
                "ticker": row.ticker,
                "close": minute(row.close),
                "nets": [{"shown": dollars(net, signed=True), "tone": tone(net)} for net in row.nets],
            }
            for row in found.common[:WINDOWS_SHOWN]
        ],
        "common_left": max(len(found.common) - WINDOWS_SHOWN, 0),
    }


def _row(figures: list[Figure]) -> dict[str, Any]:
    label, kind = FIGURES[figures[0].name]
    return {"label": label, "cells": [_cell(figure, kind) for figure in figures]}


def _cell(figure: Figure, kind: str) -> dict[str, str]:
    span = ""
    if figure.low is not None and figure.high is not None:
        span = f"{shown(figure.low, kind)} to {shown(figure.high, kind)}"
    coloured = kind == "money" and figure.value is not None
    return {"shown": shown(figure.value, kind), "span": span, "tone": tone(str(figure.value)) if coloured else ""}


def shown(value: Any, kind: str) -> str:
    """A number of the comparison as people read it."""
    if value is None:
        return NOTHING
    if kind == "count":
        return f"{value:,}"
    if kind == "percent":
        return percent(value)
    if kind in {"ratio", "fine", "score"}:
        return number(value, 2 if kind == "ratio" else 4)
    return dollars(str(value), signed=kind != "plain money")


def _pair(pair: Pair) -> dict[str, Any]:
    found = pair.found
    span = NOTHING
    if found.low is not None and found.high is not None:
        span = f"{estimate(found.low)} to {estimate(found.high)}"
    return {
        "run": pair.run_id,
        "both": pair.both,
        "only_first": pair.only_first,
        "only_second": pair.only_second,
        "closes": found.closes,
        "won": found.won,
        "lost": found.lost,
        "total": estimate(found.total),
        "tone": tone(f"{found.total:.2f}"),
        "mean": NOTHING if found.mean is None else estimate(found.mean),
        "span": span,
        "t": NOTHING if found.t is None else number(found.t, 2),
        "p": NOTHING if found.p is None else number(found.p, 3),
        "sentence": found.sentence,
    }


def estimate(value: float) -> str:
    """Dollars that are an estimate."""
    text = f"${abs(value):,.2f}"
    return text if text == "$0.00" else f"{MINUS if value < 0 else '+'}{text}"
