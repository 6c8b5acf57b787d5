"""How much our probability is worth beside the market's own: one weight for each time to the close (section 7.4)."""

import numpy as np

from backtests.core.cases import Cases, Part, parts_of
from backtests.core.fit_calibration import log_odds_of
from backtests.core.logistic import Question, logistic
from trading.core.fitted import ENDLESS, PoolingWeight

LEAST_WINDOWS = 100  # shown from here on; used from Parameters.pooling_windows on
LEAST_DIFFERENCE = 1e-6  # in log-odds: who always says what the market says has no weight of its own


def pooling_weights(cases: Cases, least_windows: int = LEAST_WINDOWS) -> tuple[PoolingWeight, ...]:
    """A weight for every group and time to the close that has enough windows with a market to pool with."""
    found = (pooling_fit(part) for part in parts_of(poolable(cases), least_windows))
    return tuple(weight for weight in found if weight is not None)


def poolable(cases: Cases) -> Cases:
    """Those with a probability of ours and one of the market's."""
    return cases.where(np.isfinite(cases.ours) & np.isfinite(cases.market))


def pooling_fit(part: Part) -> PoolingWeight | None:
    """Logistic regression of outcomes on the offset logit(m) and the regressor logit(p) - logit(m). Windows that close
    together are one cluster: they move together. None where we never said anything but what the market said."""
    cases = part.cases
    market = log_odds_of(cases.market)
    difference = log_odds_of(cases.ours) - market
    if float(np.max(np.abs(difference))) < LEAST_DIFFERENCE:
        return None
    question = Question(difference[:, None], cases.outcome, cases.weights, market, np.zeros(1))
    found = logistic(question, cases.close_ns)
    return PoolingWeight(
        group=part.group, least_s=part.least_s, most_s=part.most_s, windows=cases.windows,
        first_ns=int(cases.close_ns[0]), through_ns=int(cases.close_ns[-1]),
        weight=float(found.coefficients[0]), standard_error=min(float(np.sqrt(found.covariance[0, 0])), ENDLESS),
    )  # fmt: skip
