"""The weight of each model beside the market, and Platt's map of it, on what the engine forecasts over recorded tapes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from backtests.core.cases import cases_of, parts_of
from backtests.core.fit_calibration import mappable, platt_fit
from backtests.core.fit_pooling import poolable, pooling_fit
from backtests.core.rows import VARIANTS, Row
from trading.core.fitted import Z_95, PoolingWeight
from trading.fitted_words import reach_of, weight_words

MODELS = (*VARIANTS, "fair")
LEAST_WINDOWS = 30  # a look, not a measurement: none of this is ever used


class WeightOfModel(NamedTuple):
    """One model at one time to the close: its weight, and (a, b) of Platt's map with their standard errors."""

    model: str
    reach: str
    windows: int
    weight: PoolingWeight
    platt: tuple[float, float]
    errors: tuple[float, float]


def weights_of_models(rows: Sequence[Row]) -> list[WeightOfModel]:
    """Of every model that said something in enough windows; each time to the close apart."""
    found = []
    for model in MODELS:
        cases, _ = cases_of(rows, model)
        for part in parts_of(mappable(poolable(cases)), LEAST_WINDOWS):
            weight = pooling_fit(part)
            if weight is None:
                continue
            fit = platt_fit(part.cases)
            a, b = fit.coefficients.tolist()
            a_error, b_error = np.sqrt(np.diag(fit.covariance)).tolist()
            reach = reach_of(part.least_s, part.most_s)
            found.append(WeightOfModel(model, reach, part.cases.windows, weight, (a, b), (a_error, b_error)))
    return found


def tapes_text(found: Sequence[WeightOfModel]) -> str:
    """For a terminal."""
    lines = [
        "Each model beside the market's mid, and Platt's map of it; fitted on all windows at once, so not judged on any",
        f"{'':44}{'windows':>8}   {'a':>16}{'b':>16}   weight",
    ]
    for each in found:
        a, b = (f"{value:+.2f} ± {error:.2f}" for value, error in zip(each.platt, each.errors, strict=True))
        lines.append(
            f"{f'{each.model}, {each.reach}':44}{each.windows:8,}   {a:>16}{b:>16}   {weight_words(each.weight)}"
        )
    if not found:
        lines.append(f"Nothing: a look needs {LEAST_WINDOWS} windows with a market on both sides.")
    return "\n".join(lines)


def tapes_json(found: Sequence[WeightOfModel]) -> list[dict[str, Any]]:
    """For a program."""
    return [
        {
            "model": each.model, "reach": each.reach, "windows": each.windows, "platt": each.platt, "errors": each.errors,
            "weight": each.weight.weight, "standard_error": each.weight.standard_error,
            "interval": [each.weight.weight + side * Z_95 * each.weight.standard_error for side in (-1, 1)],
        }
        for each in found
    ]  # fmt: skip
