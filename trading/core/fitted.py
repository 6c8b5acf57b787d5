"""What was learnt from past windows: calibration maps, pooling weights, tails, weights of the volatility, the hours of the day.

Each artefact says on how many windows it was fitted and up to when (`through_ns`, the close of the last of them): what is
decided at a time before that must never use it. `group` is an asset or "all"; an artefact is for the seconds to the close
from `least_s` (included) to `most_s` (left out). `version` is that of its row, 0 where it never was one.
"""

from collections.abc import Iterable
from typing import Literal, Protocol, TypeVar

import msgspec

MapKind = Literal["platt", "beta", "isotonic"]
Under = tuple[str, ...]
"""Sorted: which of seasonality, tails and volatility had been fitted and were in force."""
ALL = "all"
ENDLESS = 1e9  # seconds, or a standard error: a number, because a tape has none for infinity
BUCKETS: tuple[tuple[float, float], ...] = ((0.0, 60.0), (60.0, 300.0), (300.0, 600.0), (600.0, ENDLESS))
"""Seconds to the close for which one artefact is fitted."""
Z_95 = 1.959963984540054
Z_LOWER_QUARTER = 0.6744897501960817  # of a normal: three quarters of it are above the mean less so many deviations


class Learnt(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What all artefacts say of themselves."""

    group: str = ALL
    least_s: float = 0.0
    most_s: float = ENDLESS
    windows: int = 0
    first_ns: int = 0  # the close of the first window it saw
    through_ns: int = 0  # and of the last
    version: int = 0


class CalibrationMap(Learnt, frozen=True, array_like=True, kw_only=True):
    """platt: (a, b), logit p' = a + b logit p. beta: (a, b, c), logit p' = a ln p - b ln(1 - p) + c.
    isotonic: knots `x` ascending with values `y`, straight lines between. `error` is the calibration error it leaves.
    `under` is what was in force when the probabilities were made that it was fitted on: of others it knows nothing."""

    kind: MapKind = "platt"
    coefficients: tuple[float, ...] = (0.0, 1.0)
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    error: float = 0.015
    under: Under = ()


class PoolingWeight(Learnt, frozen=True, array_like=True, kw_only=True):
    """How much of the difference between our log-odds and the market's is worth having: 0 is none of it.
    `under` is as in a CalibrationMap."""

    weight: float = 0.0
    standard_error: float = ENDLESS
    under: Under = ()

    @property
    def used(self) -> float:
        """The lower quarter's bound of the weight, between 0 and 1 (section 7.4)."""
        return min(max(self.weight - Z_LOWER_QUARTER * self.standard_error, 0.0), 1.0)

    @property
    def is_positive(self) -> bool:
        """Whether it is above zero by more than chance (95 %, two-sided)."""
        return self.weight - Z_95 * self.standard_error > 0.0


class FittedTails(Learnt, frozen=True, array_like=True, kw_only=True):
    """Degrees of freedom of Student's t, and the distribution of standardised residuals as found: `values[i]` is
    P(Z <= start + i step), with Student's tails outside. `values` is empty where only the first was fitted."""

    freedom: float = 4.0
    start: float = 0.0
    step: float = 0.0
    values: tuple[float, ...] = ()


class VolatilityWeights(Learnt, frozen=True, array_like=True, kw_only=True):
    """log-HAR: ln v = b0 + b1 ln v_fast + b2 ln v_middle + b3 ln v_slow, forecast exp(that + residual variance / 2)."""

    coefficients: tuple[float, float, float, float] = (0.0, 0.2, 0.4, 0.4)
    residual_variance: float = 0.0


class SeasonalProfile(Learnt, frozen=True, array_like=True, kw_only=True):
    """Multipliers of the variance by quarter hour of the UTC day, on weekdays and at weekends; their mean over a week is 1."""

    weekday: tuple[float, ...] = ()  # 96 each
    weekend: tuple[float, ...] = ()


class Fitted(msgspec.Struct, frozen=True, array_like=True):
    """All artefacts in force. Which of several applies: the one of the asset before that of all, the newest first."""

    calibration: tuple[CalibrationMap, ...] = ()
    pooling: tuple[PoolingWeight, ...] = ()
    tails: tuple[FittedTails, ...] = ()
    volatility: tuple[VolatilityWeights, ...] = ()
    seasonality: tuple[SeasonalProfile, ...] = ()


class Announcement(msgspec.Struct, frozen=True, array_like=True):
    """Scheduled news: between two times the variance is `multiplier` times what it would be. No assets means all."""

    start_ns: int
    end_ns: int
    multiplier: float
    name: str = ""
    assets: tuple[str, ...] = ()


class _Placed(Protocol):
    @property
    def group(self) -> str: ...
    @property
    def least_s(self) -> float: ...
    @property
    def most_s(self) -> float: ...
    @property
    def through_ns(self) -> int: ...


T = TypeVar("T", bound=_Placed)


def applying(artefacts: Iterable[T], asset: str, seconds_left: float, now_ns: int) -> T | None:
    """The artefact for this asset and time to the close, fitted before now; None where there is none."""
    best: T | None = None
    for each in artefacts:
        if (
            each.group not in (asset, ALL)
            or not each.least_s <= seconds_left < each.most_s
            or each.through_ns >= now_ns
        ):
            continue
        if best is None or (each.group != ALL, each.through_ns) > (best.group != ALL, best.through_ns):
            best = each
    return best
