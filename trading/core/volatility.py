"""Running variance of spot returns: overlapping returns over a few seconds, exponentially weighted."""

from math import inf, log, sqrt
from typing import NamedTuple

YEAR_S = 365 * 86_400
ROOT_YEAR = sqrt(YEAR_S)
WARM_S = 600  # the prior counts for as much as this many seconds of samples
LOWEST, HIGHEST = 0.10, 4.00  # annualised; outside of this an estimate is not believed
PRIORS = {"BTC": 0.45, "ETH": 0.60, "SOL": 0.80, "XRP": 0.80, "DOGE": 1.00}
DEFAULT_PRIOR = 0.80


class Outlook(NamedTuple):
    """What the volatility is expected to be until a close. `sigma` is per sqrt(second), where the multiplier is 1."""

    sigma: float
    pieces: tuple[tuple[float, float, float], ...]  # (from, to, multiplier of the variance) seconds from now; () is flat
    error: float  # standard error of ln sigma
    annualised: float  # the root of the mean variance over what is left, per sqrt(year)


def prior(asset: str) -> float:
    """The annualised volatility to start from."""
    return PRIORS.get(asset, DEFAULT_PRIOR)


class Volatility:
    """Fed one price a second; `sigma` is per sqrt(second), `annualised` per sqrt(year).

    A return over `step_s` seconds is used only when every second of it was sampled. One larger than
    `jump_limit` standard deviations counts as that many: a lone jump moves little, a new regime still gets through.
    """

    __slots__ = (
        "_decay", "_filled", "_jump", "_logs", "_second", "_step", "_variance", "count", "sigma",
    )  # fmt: skip

    def __init__(self, half_life_s: float, step_s: int, prior: float, *, jump_limit: float = 4.0) -> None:
        self.count = 0  # returns used
        self._filled = 0  # seconds sampled without a gap
        self._second = 0
        self._step = 0
        self._logs: list[float] = []
        self._variance = prior * prior / YEAR_S
        self._jump = jump_limit * jump_limit
        self.sigma = _believable(self._variance)
        self.retune(half_life_s, step_s)

    def retune(self, half_life_s: float, step_s: int) -> None:
        """Go on from the variance known so far with another half-life or step. Raises ValueError."""
        if not 0.0 < half_life_s < inf or step_s < 1:
            raise ValueError(f"half-life {half_life_s} s, step {step_s} s")
        self._decay = 1.0 - 0.5 ** (1.0 / half_life_s)
        if step_s != self._step:
            self._step = step_s
            self._logs = [0.0] * step_s
            self._filled = 0

    def sample(self, second: int, price: float) -> None:
        """Take the price of one second; a second that was taken already is left as it was. Raises ValueError."""
        if second <= self._second and self._filled:
            return
        level = log(price)
        if second != self._second + 1:
            self._filled = 0
        self._second = second
        slot = second % self._step
        if self._filled >= self._step:
            self._learn(level - self._logs[slot])
        self._logs[slot] = level
        self._filled += 1

    def _learn(self, move: float) -> None:
        self.count += 1
        rate = min(move * move / self._step, self._jump * self._variance)
        weight = max(1.0 / (WARM_S + self.count), self._decay)
        self._variance += weight * (rate - self._variance)
        self.sigma = _believable(self._variance)

    def outlook(self, now_ns: int, close_ns: int) -> Outlook:
        """What is expected from `now_ns` to `close_ns`."""
        return Outlook(self.sigma, (), 0.12 if self.is_warm else 0.35, self.annualised)

    @property
    def annualised(self) -> float:
        """sigma over a year of 365 days."""
        return self.sigma * ROOT_YEAR

    @property
    def is_warm(self) -> bool:
        """Whether ten minutes of returns have been heard."""
        return self.count >= WARM_S


def _believable(variance: float) -> float:
    """Per sqrt(second), inside what is believed of any coin."""
    return min(max(sqrt(variance), LOWEST / ROOT_YEAR), HIGHEST / ROOT_YEAR)
