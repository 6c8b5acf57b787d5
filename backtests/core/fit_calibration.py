"""Calibration maps fitted on settled windows: Platt, beta and isotonic (section 5.2)."""

from itertools import product

import numpy as np
from scipy import optimize

from backtests.core.cases import Cases, Floats, Part, parts_of
from backtests.core.logistic import Question, Regression, chance, logistic, mean_loss
from trading.core.calibration import LEAST
from trading.core.fitted import CalibrationMap, MapKind

LEAST_WINDOWS: dict[MapKind, int] = {"platt": 300, "beta": 300, "isotonic": 3_000}
LEAST_ERROR = 0.005
"""What a map is held to leave at least. The error of its coefficients is that of sampling alone and shrinks towards nothing
with the windows; that the model is wrong in ways which no map mends does not."""
IDENTITY_PLATT = np.array([0.0, 1.0])
IDENTITY_BETA = np.array([1.0, 1.0, 0.0])


def calibration_maps(cases: Cases, kind: MapKind, least_windows: int | None = None) -> tuple[CalibrationMap, ...]:
    """A map for every group and time to the close that has enough windows (section 5.2, unless told otherwise)."""
    least = LEAST_WINDOWS[kind] if least_windows is None else least_windows
    return tuple(_map(part, kind) for part in parts_of(mappable(cases), least))


def mappable(cases: Cases) -> Cases:
    """Those with a probability that a map changes: what is certain stays certain."""
    return cases.where((cases.ours > 0.0) & (cases.ours < 1.0))


def log_odds_of(p: Floats) -> Floats:
    """ln(p / (1 - p)), kept off the ends as trading.core.calibration does."""
    kept = np.clip(p, LEAST, 1.0 - LEAST)
    odds: Floats = np.log(kept) - np.log1p(-kept)
    return odds


def platt_fit(cases: Cases) -> Regression:
    """(a, b) of logit p' = a + b logit p, with their covariance clustered by the time of the close."""
    x = log_odds_of(cases.ours)
    design = np.column_stack([np.ones_like(x), x])
    return _logistic(design, cases, IDENTITY_PLATT)


def beta_fit(cases: Cases) -> Regression:
    """(a, b, c) of logit p' = a ln p - b ln(1 - p) + c with a, b >= 0: the best of those that keep to that.

    The likelihood is concave, so the best inside the bounds is the best with some of a and b held at 0.
    """
    kept = np.clip(cases.ours, LEAST, 1.0 - LEAST)
    design = np.column_stack([np.log(kept), -np.log1p(-kept), np.ones_like(kept)])
    best: Regression | None = None
    least = np.inf
    for free in product((True, False), repeat=2):
        used = np.array([*free, True])
        found = _logistic(design[:, used], cases, IDENTITY_BETA[used])
        whole, covariance = np.zeros(3), np.zeros((3, 3))
        whole[used] = found.coefficients
        covariance[np.ix_(used, used)] = found.covariance
        if whole[0] < 0.0 or whole[1] < 0.0:
            continue
        loss = mean_loss(design @ whole, cases.outcome, cases.weights)
        if loss < least:
            best, least = Regression(whole, covariance), loss
        if all(free):
            break
    if best is None:  # both held at 0 is always allowed
        raise ArithmeticError("no beta calibration was found; please report the cases it was fitted on")
    return best


def isotonic_fit(cases: Cases) -> tuple[Floats, Floats, Floats]:
    """(x, y, weight) of the knots: pool adjacent violators, then clipped to [1/(N+2), 1 - 1/(N+2)], N windows."""
    order = np.argsort(cases.ours, kind="stable")
    p, y, w = cases.ours[order], cases.outcome[order], cases.weights[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(p) > 0.0]))  # of what was forecast with one probability
    weight, total, hits = (np.add.reduceat(column, starts) for column in (w, w * p, w * y))
    blocks = optimize.isotonic_regression(hits / weight, weights=weight).blocks[:-1]
    weight, total, hits = (np.add.reduceat(column, blocks) for column in (weight, total, hits))
    edge = 1.0 / (cases.windows + 2.0)
    return total / weight, np.clip(hits / weight, edge, 1.0 - edge), weight


def _logistic(design: Floats, cases: Cases, prior: Floats) -> Regression:
    question = Question(design, cases.outcome, cases.weights, np.zeros(len(design)), prior)
    return logistic(question, cases.close_ns)


def _map(part: Part, kind: MapKind) -> CalibrationMap:
    cases = part.cases
    coefficients: tuple[float, ...] = ()
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    if kind == "isotonic":
        knots, values, weight = isotonic_fit(cases)
        x, y = tuple(knots.tolist()), tuple(values.tolist())
        error = float(np.sqrt(np.average(values * (1.0 - values) / weight, weights=weight)))
    else:
        found = platt_fit(cases) if kind == "platt" else beta_fit(cases)
        coefficients = tuple(found.coefficients.tolist())
        error = _error(found, cases, kind)
    return CalibrationMap(
        group=part.group, least_s=part.least_s, most_s=part.most_s, windows=cases.windows,
        first_ns=int(cases.close_ns[0]), through_ns=int(cases.close_ns[-1]),
        kind=kind, coefficients=coefficients, x=x, y=y, error=max(error, LEAST_ERROR),
    )  # fmt: skip


def _error(found: Regression, cases: Cases, kind: MapKind) -> float:
    """The root mean square standard error of a mapped probability, over the windows it was fitted on."""
    kept = np.clip(cases.ours, LEAST, 1.0 - LEAST)
    if kind == "platt":
        design = np.column_stack([np.ones_like(kept), log_odds_of(kept)])
    else:
        design = np.column_stack([np.log(kept), -np.log1p(-kept), np.ones_like(kept)])
    p = chance(design @ found.coefficients)
    variance = np.einsum("ij,jk,ik->i", design, found.covariance, design)
    squared = np.square(p * (1.0 - p)) * np.maximum(variance, 0.0)
    return float(np.sqrt(np.average(squared, weights=cases.weights)))
