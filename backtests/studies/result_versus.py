"""The result of a head-to-head: two settings on identical windows, paired close by close."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from backtests.core.studies.heads import difference
from backtests.core.studies.objective import Span
from backtests.core.trial import TradedWindow
from backtests.studies.inputs import StudyInputs
from backtests.studies.rounds import day_text
from backtests.study_models import StudyTrial
from markets.core.units import money_text

Trials = Mapping[int, Mapping[int, Span]]


def versus_result(inputs: StudyInputs, rows: Sequence[StudyTrial], trials: Trials) -> dict[str, Any]:
    """Both sides, their difference in all and by asset, and day by day."""
    names = (inputs.sides[0].name, inputs.sides[1].name)
    a, b = (list(trials.get(number, {}).values()) for number in (0, 1))
    assets = sorted({window.asset for span in (*a, *b) for window in span.windows})
    return {
        "sides": [
            {"name": side.name, "values": side.settings, "objective": row.objective, **(row.summary or {})}
            for side, row in zip(inputs.sides, rows, strict=True)
        ],
        "difference": msgspec.to_builtins(difference(a, b, names)),
        "by_asset": [
            {"asset": asset, **msgspec.to_builtins(difference(_only(a, asset), _only(b, asset), names))}
            for asset in assets
        ],
        "by_day": [
            {"day": day_text(ours.day), "a": money_text(ours.net), "b": money_text(theirs.net)}
            for ours, theirs in zip(a, b, strict=True)
        ],
        "windows": _windows(a, b),
    }


def _only(spans: Sequence[Span], asset: str) -> list[Span]:
    kept = [(span, tuple(each for each in span.windows if each.asset == asset)) for span in spans]
    return [Span(span.day, sum(each.net for each in windows), windows) for span, windows in kept]


def _windows(a: Sequence[Span], b: Sequence[Span]) -> dict[str, int]:
    """How many windows both traded, and each alone."""
    ours, theirs = ({window.ticker: window for span in side for window in span.windows} for side in (a, b))
    both = [ticker for ticker in ours if ticker in theirs]
    return {
        "both": len(both),
        "only_a": len(ours) - len(both),
        "only_b": len(theirs) - len(both),
        "same": sum(_is_same(ours[ticker], theirs[ticker]) for ticker in both),
    }


def _is_same(a: TradedWindow, b: TradedWindow) -> bool:
    return a == b
