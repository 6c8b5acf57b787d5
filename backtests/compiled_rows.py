"""The rows of a reference table by the compiled lane: one call for all that share a model, an averaging and a shape of tails."""

from collections.abc import Sequence

import numpy as np

from backtests.compiled import columns, probabilities
from markets.core.contract import Averaging
from trading.core.parameters import ModelName
from trading.core.tails import Tails
from trading.reference import ReferenceRow

Alike = tuple[ModelName, Averaging, Tails]


def compiled_prices(rows: Sequence[ReferenceRow]) -> list[float]:
    """P(YES) of each row. Raises PricingError when any row cannot be priced."""
    groups: dict[Alike, list[int]] = {}
    for place, row in enumerate(rows):
        alike: Alike = (row.inputs.model, row.inputs.averaging, row.inputs.tails)
        groups.setdefault(alike, []).append(place)
    found = [0.0] * len(rows)
    for shared, places in groups.items():
        for place, price in zip(places, _priced(shared, [rows[place] for place in places]), strict=True):
            found[place] = price
    return found


def _priced(alike: Alike, rows: Sequence[ReferenceRow]) -> list[float]:
    model, averaging, tails = alike
    inputs = [row.inputs for row in rows]
    pieces = [piece for each in inputs for piece in each.pieces]
    laid = columns(
        np.array([each.spot for each in inputs]),
        np.array([each.terms.strike for each in inputs]),
        np.array([each.sigma for each in inputs]),
        np.array([each.tau_ns for each in inputs], np.int64),
        drift=np.array([each.drift for each in inputs]),
        known_sum=np.array([each.known_sum for each in inputs]),
        level_error=np.array([each.level_error for each in inputs]),
        first_piece=np.cumsum([0, *(len(each.pieces) for each in inputs)]),
        pieces=np.array(pieces, np.float64).reshape(len(pieces), 3),
    )
    return [float(price) for price in probabilities(model, laid, tails, averaging=averaging)]
