"""Which of what was learnt makes the probability now, before any map is laid over it or the market is heard."""

from trading.core.fitted import Fitted, FittedTails, Learnt, Under, applying
from trading.core.parameters import Parameters

SHAPING = ("seasonality", "tails", "volatility")
"""The kinds of artefacts that a probability is made with, sorted."""
TAILS_WINDOWS = 500  # tails fitted on fewer are not used (section 5.1)


def tails_of(fitted: Fitted, asset: str, seconds_left: float, now_ns: int) -> FittedTails | None:
    """The tails fitted for this time to the close, on enough windows, all before now."""
    if not fitted.tails:
        return None
    return applying((each for each in fitted.tails if each.windows >= TAILS_WINDOWS), asset, seconds_left, now_ns)


def shaping(fitted: Fitted, parameters: Parameters, asset: str, seconds_left: float, now_ns: int) -> dict[str, Learnt]:
    """The artefacts that have a say in a probability of the configured model now, by kind, in the order of `SHAPING`.
    What the parameters switch off has none."""
    has_blend = parameters.volatility_forecast != "single"
    has_tails = parameters.model != "digital" and parameters.tails in {"student_t", "empirical"}
    found: tuple[Learnt | None, ...] = (
        applying(fitted.seasonality, asset, 0.0, now_ns) if has_blend and parameters.seasonality else None,
        tails_of(fitted, asset, seconds_left, now_ns) if has_tails else None,
        applying(fitted.volatility, asset, max(seconds_left, 0.0), now_ns) if has_blend else None,
    )
    return {kind: each for kind, each in zip(SHAPING, found, strict=True) if each is not None}


def under_of(fitted: Fitted, parameters: Parameters, asset: str, seconds_left: float, now_ns: int) -> Under:
    """The kinds in force now. A map or a weight fitted on what was said under others would correct twice."""
    return tuple(shaping(fitted, parameters, asset, seconds_left, now_ns))
