"""The weights of the volatility's three estimates, by a log-linear forecast of what variance came (section 4.2)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backtests.core.cases import Floats, Whole, places_of, shares
from trading.core.fitted import VolatilityWeights

LEAST_WINDOWS = 1_000  # a squared move is a poor witness of a variance
RIDGE = 1.0
MOST_STEPS = 100
ENOUGH = 1e-8
ROUNDING = 1e-11
LEAST_RATE = 1e-300
PRIOR = (np.array([0.0, 0.4, 0.4, 0.2]), np.array([0.0, 0.2, 0.4, 0.4]))  # a minute to go, and five or more


class Rates(NamedTuple):
    """Variance rates (per second): three estimates as they were, and what came in what was left. n of each, in order of
    close. `realised` may be one squared move over its seconds, or the mean of many."""

    asset: npt.NDArray[np.str_]
    window: Whole
    close_ns: Whole
    seconds_left: Floats
    fast: Floats
    middle: Floats
    slow: Floats
    realised: Floats


def volatility_weights(rates: Rates, least_windows: int = LEAST_WINDOWS) -> tuple[VolatilityWeights, ...]:
    """Weights for every group and time to the close that has enough windows."""
    found = []
    for group, least_s, most_s, mine in places_of(rates.asset, rates.seconds_left):
        window, close_ns = rates.window[mine], rates.close_ns[mine]
        windows = len(np.unique(close_ns))
        if windows < max(least_windows, 1):
            continue
        said = np.column_stack([rates.fast[mine], rates.middle[mine], rates.slow[mine]])
        b0, b1, b2, b3 = har_fit(said, rates.realised[mine], shares(window), PRIOR[least_s >= 60.0]).tolist()
        found.append(
            VolatilityWeights(
                group=group, least_s=least_s, most_s=most_s, windows=windows,
                first_ns=int(close_ns[0]), through_ns=int(close_ns[-1]),
                coefficients=(b0, b1, b2, b3), residual_variance=0.0,
            )
        )  # fmt: skip
    return tuple(found)


def har_fit(said: Floats, realised: Floats, weights: Floats, prior: Floats) -> Floats:
    """(b0, b1, b2, b3) of ln v = b0 + b1 ln v_fast + b2 ln v_middle + b3 ln v_slow, the likeliest of a normal whose variance
    is v: the sum of ln v + realised / v is least (QLIKE).

    A regression of ln realised, as section 4.2 has it, needs a realised variance of many returns. A settlement gives one
    squared move, whose logarithm is mostly noise, without end where nothing moved; this asks the same of it without the
    logarithm. What it forecasts is the variance itself, so nothing is added for the noise of a logarithm.
    """
    design = np.column_stack([np.ones(len(said)), np.log(np.maximum(said, LEAST_RATE))])
    found = prior.astype(np.float64)

    def loss(b: Floats) -> float:
        eta = design @ b
        far = b - prior
        return float(np.sum(weights * (eta + realised * np.exp(-eta))) + 0.5 * RIDGE * far[1:] @ far[1:])

    wish = RIDGE * np.diag([0.0, 1.0, 1.0, 1.0])
    least = loss(found)
    for _ in range(MOST_STEPS):
        ratio = realised * np.exp(-(design @ found))
        gradient = design.T @ (weights * (1.0 - ratio)) + wish @ (found - prior)
        curvature = (design * (weights * np.maximum(ratio, 0.05))[:, None]).T @ design + wish
        step = np.linalg.solve(curvature, gradient)
        while loss(found - step) > least + ROUNDING * abs(least) and float(np.max(np.abs(step))) > ENOUGH:
            step = 0.5 * step
        if float(np.max(np.abs(step))) <= ENOUGH:
            break
        found = found - step
        least = loss(found)
    return found


def qlike(forecast: Floats, realised: Floats, weights: Floats) -> float:
    """The weighted mean of ln v + realised / v: the loss by which variances are compared."""
    return float(np.average(np.log(forecast) + realised / forecast, weights=weights))
