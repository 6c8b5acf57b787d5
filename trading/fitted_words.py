"""What was fitted, in words: a sentence an artefact, the time to the close it is for, and what it did to unseen windows."""

from typing import Any

from trading.core.fitted import (
    ENDLESS,
    Z_95,
    CalibrationMap,
    FittedTails,
    PoolingWeight,
    SeasonalProfile,
    VolatilityWeights,
)
from trading.models import FittedArtefact

KIND_WORDS = {
    "pooling": "Weight of our opinion",
    "calibration": "Calibration map",
    "tails": "Tails",
    "volatility": "Weights of the volatility",
    "seasonality": "Hours of the week",
}
MINUTE = 60.0


def sentence(row: FittedArtefact) -> str:
    """The coefficients of an artefact, with what they mean."""
    artefact = row.artefact()
    if isinstance(artefact, PoolingWeight):
        return weight_words(artefact)
    if isinstance(artefact, CalibrationMap):
        return _map_words(artefact)
    if isinstance(artefact, FittedTails):
        return _tails_words(artefact, row.report)
    if isinstance(artefact, VolatilityWeights):
        b0, *slopes = artefact.coefficients
        shares = ", ".join(
            f"{slope:.2f} {name}" for slope, name in zip(slopes, ("fast", "middle", "slow"), strict=True)
        )
        return f"ln v = {b0:+.2f} + {shares} (logarithms of the variance rates)"
    return _hours_words(artefact)


def weight_words(weight: PoolingWeight) -> str:
    """A weight with its 95 % interval, and whether chance alone would do."""
    low, high = weight.weight - Z_95 * weight.standard_error, weight.weight + Z_95 * weight.standard_error
    verdict = "above zero by more than chance" if weight.is_positive else "not above zero by more than chance"
    return f"w = {weight.weight:.2f} ({low:.2f} to {high:.2f}): {verdict}"


def use_words(row: FittedArtefact, least_windows: int, usual: float) -> str:
    """What is traded on with this weight in force."""
    if row.windows < least_windows:
        return f"until {least_windows} windows exist {usual:g} is used ({row.windows} do)"
    weight: PoolingWeight = row.artefact()
    edge = "" if weight.is_positive else "; no measurable edge, so nothing is bought on it"
    return f"used: {weight.used:.2f}, its lower quarter{edge} ({_while(weight.under)})"


def _while(under: tuple[str, ...]) -> str:
    """What must be in force for it to be used: it was fitted on forecasts that were made so."""
    return (
        f"while fitted {' and '.join(under)} {'is' if len(under) == 1 else 'are'} in force"
        if under
        else "while no tails, hours or volatility are fitted"
    )


def reach(row: FittedArtefact) -> str:
    """The time to the close it is for: "1 to 5 minutes left"."""
    return reach_of(row.least_s, ENDLESS if row.most_s is None else row.most_s)


def reach_of(least_s: float, most_s: float) -> str:
    """The same of two numbers of seconds; `most_s` from ENDLESS on is no end."""
    if most_s >= ENDLESS:
        return "all the time" if least_s == 0 else f"{least_s / MINUTE:g} minutes left and more"
    if least_s == 0:
        return "the last minute" if most_s == MINUTE else f"the last {most_s / MINUTE:g} minutes"
    return f"{least_s / MINUTE:g} to {most_s / MINUTE:g} minutes left"


def effect_words(row: FittedArtefact) -> str:
    """What it did to windows that it had not seen, walk-forward; Brier scores."""
    said: dict[str, Any] = row.report.get("walk_forward") or {}
    if said:
        before, after = said["brier_before"], said["brier_after"]
        over = "the market" if row.kind == "pooling" else "without it"
        return f"Brier {after:.4f}, {over} {before:.4f}, on {said['windows']:,} unseen windows: {said['verdict']}"
    if row.report.get("gain_over_default") is not None:
        gain = row.report["gain_over_default"]
        return f"{gain:+.4f} nats a window over the default, on the later half"
    if row.report.get("qlike_after") is not None:
        return f"QLIKE {row.report['qlike_after']:.4f}, the blend {row.report['qlike_before']:.4f}, on the later half"
    return "not judged: too few windows before"


def _map_words(fitted: CalibrationMap) -> str:
    if fitted.kind == "isotonic":
        return f"{len(fitted.x)} steps from {fitted.y[0]:.3f} to {fitted.y[-1]:.3f}, straight lines between"
    if fitted.kind == "beta":
        a, b, c = fitted.coefficients
        return f"logit p' = {a:.3f} ln p {-b:+.3f} ln(1 - p) {c:+.3f}"
    a, b = fitted.coefficients
    verdict = "shrinks towards even" if b < 1.0 else "sharpens"
    return f"logit p' = {a:+.3f} {b:+.3f} logit p: {verdict}"


def _tails_words(fitted: FittedTails, report: dict[str, Any]) -> str:
    low, high = report.get("interval") or (None, None)
    between = f" ({low:.1f} to {high:.1f})" if low is not None and high is not None else ""
    return f"nu = {fitted.freedom:.1f}{between}, and a table of {len(fitted.values)} points"


def _hours_words(fitted: SeasonalProfile) -> str:
    least, most = min(*fitted.weekday, *fitted.weekend), max(*fitted.weekday, *fitted.weekend)
    weekend = sum(fitted.weekend) / max(len(fitted.weekend), 1)
    return f"from {least:.2f} to {most:.2f} times the variance of the week; {weekend:.2f} at the weekend"
