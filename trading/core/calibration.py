"""Laying what was learnt over a probability: calibration maps, and pooling with the market's own probability in log-odds."""

from bisect import bisect_right
from math import exp, log

from trading.core.fitted import CalibrationMap

LEAST = 1e-9  # log-odds are taken of probabilities no nearer to 0 and 1 than this


def log_odds(p: float) -> float:
    """ln(p / (1 - p)), of a probability kept off 0 and 1."""
    kept = min(max(p, LEAST), 1.0 - LEAST)
    return log(kept / (1.0 - kept))


def from_log_odds(x: float) -> float:
    """The probability with these log-odds."""
    return 1.0 / (1.0 + exp(-x)) if x >= 0.0 else exp(x) / (1.0 + exp(x))


def platt(p: float, a: float, b: float) -> float:
    """logit p' = a + b logit p (section 5.2). What is certain stays certain."""
    return p if p in (0.0, 1.0) else from_log_odds(a + b * log_odds(p))


def beta(p: float, a: float, b: float, c: float) -> float:
    """logit p' = a ln p - b ln(1 - p) + c (section 5.2). What is certain stays certain."""
    if p in (0.0, 1.0):
        return p
    kept = min(max(p, LEAST), 1.0 - LEAST)
    return from_log_odds(a * log(kept) - b * log(1.0 - kept) + c)


def isotonic(p: float, x: tuple[float, ...], y: tuple[float, ...]) -> float:
    """Straight lines between knots (x, y), flat outside of them."""
    place = bisect_right(x, p)
    if place == 0:
        return y[0]
    if place == len(x):
        return y[-1]
    low, high = x[place - 1], x[place]
    return y[place - 1] + (y[place] - y[place - 1]) * (p - low) / (high - low)


def mapped(p: float, fitted: CalibrationMap) -> float:
    """`p` after a fitted map. What is certain stays certain."""
    if p in (0.0, 1.0):
        return p
    if fitted.kind == "isotonic":
        return isotonic(p, fitted.x, fitted.y)
    if fitted.kind == "beta":
        return beta(p, *fitted.coefficients)
    return platt(p, *fitted.coefficients)


def pooled(p: float, market: float, weight: float) -> float:
    """logit p* = logit m + w (logit p - logit m) (section 7.4)."""
    known = log_odds(market)
    return from_log_odds(known + weight * (log_odds(p) - known))
