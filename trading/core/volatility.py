"""The running variance of an asset and what it is expected to be until a close: three half-lives, the hours, the news."""

from math import exp, inf, log, sqrt

import msgspec

from markets.core.units import SECOND_NS, YEAR_S
from trading.core.fitted import Announcement, Fitted, SeasonalProfile, applying
from trading.core.parameters import Parameters
from trading.core.returns import LONGEST_S, Returns
from trading.core.seasonality import FLAT, SLOT_NS, VarianceClock, mean_multiplier, slot_of, week_from
from trading.core.signature import Signature

ROOT_YEAR = sqrt(YEAR_S)
WARM_S = 600  # the prior counts for as much as this many seconds of samples
LATE_S = 3  # by then the published index of a second has come, or it does not
JUMP = 4.0  # standard deviations that a return counts for at most
# Annualised, to start from (section 4.2); those of the last line are what was measured, of the others what is expected
PRIORS = {
    "BTC": 0.45, "ETH": 0.60, "SOL": 0.80, "XRP": 0.80, "DOGE": 1.00,
    "BNB": 0.50, "HYPE": 1.05, "NEAR": 0.80, "ZEC": 0.90,
}  # fmt: skip
DEFAULT_PRIOR = 0.80
NEAR_S, FAR_S = 60.0, 300.0  # seconds left between which the weights of the blend change
NEAR, FAR = (0.40, 0.40, 0.20), (0.20, 0.40, 0.40)  # of the fast, the middle and the slow half-life
MIDDLE = (0.0, 1.0, 0.0)


class Outlook(msgspec.Struct, frozen=True, gc=False):
    """What the volatility is expected to be until a close. `sigma` is per sqrt(second), where the multiplier is 1."""

    sigma: float
    pieces: tuple[
        tuple[float, float, float], ...
    ]  # (from, to, multiplier of the variance) seconds from now; () is flat
    error: float  # standard error of ln sigma
    annualised: float  # the root of the mean variance over what is left, per sqrt(year)


def prior(asset: str) -> float:
    """The annualised volatility to start from."""
    return PRIORS.get(asset, DEFAULT_PRIOR)


class Volatility:
    """Fed once a second; section 4.2. `outlook` is the forecast, `sigma` what is true now per sqrt(second).

    Of each second one return is learnt from, once: where the index is published all through it, its own over
    `index_step_s`, else our estimate's over `volatility_step_s`; none where a second of it is missing. The hours and the
    news are taken off what is learnt, and laid on what is expected. A return larger than four standard deviations counts as
    that many: a lone jump moves little, a new regime still gets through. "single" is the middle half-life alone, as it is,
    without the hours. Nothing here grows.
    """

    __slots__ = (
        "_announcements", "_clean", "_clock", "_decays", "_far", "_fitted", "_index", "_is_single", "_jump", "_last", "_least",
        "_most", "_near", "_own", "_parameters", "_profile", "_quarter", "_second", "asset", "count", "index_signature",
        "own_signature", "rates",
    )  # fmt: skip

    def __init__(self, asset: str, parameters: Parameters, *, jump: float = JUMP) -> None:
        self.asset = asset
        self.count = 0  # returns used
        self.rates = [prior(asset) ** 2 / YEAR_S] * 3  # variance a second: fast, middle, slow
        self.own_signature, self.index_signature = Signature(), Signature()
        self._own, self._index = Returns(late_s=LATE_S), Returns()
        self._second = self._last = self._clean = 0
        self._jump = jump * jump
        self._fitted = Fitted()
        self._announcements: tuple[Announcement, ...] = ()
        self._profile: SeasonalProfile | None = None
        self._quarter = -1  # that for which the profile was chosen
        self._clock = VarianceClock(FLAT)
        self.configure(parameters)

    # What people and past windows say -----------------------------------------------------------------------

    def configure(self, parameters: Parameters) -> None:
        """Go on from what was learnt so far under other parameters. Raises ValueError for those without a meaning."""
        half_lives = (parameters.volatility_fast_s, parameters.volatility_half_life_s, parameters.volatility_slow_s)
        steps = (parameters.volatility_step_s, parameters.index_step_s)
        if not all(0.0 < each < inf for each in half_lives) or not all(1 <= each <= LONGEST_S for each in steps):
            raise ValueError(f"half-lives {half_lives} s must be above 0, steps {steps} s must be 1 to {LONGEST_S}")
        is_single = parameters.volatility_forecast == "single"
        self._parameters = parameters
        self._decays = tuple(1.0 - 0.5 ** (1.0 / each) for each in half_lives)
        self._is_single = is_single
        self._near, self._far = (MIDDLE, MIDDLE) if is_single else (NEAR, FAR)
        self._least, self._most = parameters.least_volatility**2 / YEAR_S, parameters.most_volatility**2 / YEAR_S
        self._turn()

    def learn(self, fitted: Fitted) -> None:
        """Use the weights and the hours that past windows have taught."""
        self._fitted = fitted
        self._quarter = -1

    def announce(self, announcements: tuple[Announcement, ...]) -> None:
        """Expect this news, all of it of this asset."""
        self._announcements = announcements
        self._clock = VarianceClock(self._clock.week, announcements)

    # What is heard ------------------------------------------------------------------------------------------

    def sample(self, second: int, own: float | None, published: float | None = None) -> None:
        """Our estimate at `second`, and the index as it was published for LATE_S before; None where there was none.
        A second that was taken already is left as it was."""
        if second <= self._second:
            return
        self._second, then = second, second - LATE_S
        if self._own.take(second, own):
            self.own_signature.learn(self._own, second)
        if self._index.take(then, published):
            self.index_signature.learn(self._index, then)
        step_s, move = self._parameters.index_step_s, self._index.over(then, self._parameters.index_step_s)
        if move is None:
            step_s, move = self._parameters.volatility_step_s, self._own.over(then, self._parameters.volatility_step_s)
        if move is not None:
            self._learn(then, move * move / step_s)

    def _learn(self, second: int, rate: float) -> None:
        self._clean = self._clean + 1 if second - self._last <= WARM_S else 1
        self._last = second
        self.count += 1
        young = 1.0 / (WARM_S + self.count)
        usual = max(_blend(self._far, self.rates), self._least)
        rate = min(rate / self._clock_at(second * SECOND_NS).multiplier(second * SECOND_NS), self._jump * usual)
        self.rates = [
            known + max(young, decay) * (rate - known) for known, decay in zip(self.rates, self._decays, strict=True)
        ]

    # What follows from it -----------------------------------------------------------------------------------

    def outlook(self, now_ns: int, close_ns: int) -> Outlook:
        """What is expected from `now_ns` to `close_ns`."""
        clock = self._clock if now_ns // SLOT_NS == self._quarter else self._clock_at(now_ns)
        expected = self._expected((close_ns - now_ns) / SECOND_NS, now_ns)
        mean = clock.steady(now_ns, close_ns)
        if mean is None:
            pieces = clock.pieces(now_ns, close_ns)
            mean = mean_multiplier(pieces) if pieces else clock.multiplier(now_ns)
            if len(pieces) > 1:
                total = self._believed(expected * mean)
                return Outlook(sqrt(total / mean), pieces, self.error, sqrt(total) * ROOT_YEAR)
        sigma = sqrt(self._believed(expected * mean))
        return Outlook(sigma, (), self.error, sigma * ROOT_YEAR)

    @property
    def sigma(self) -> float:
        """Per sqrt(second), of the second sampled last."""
        return sqrt(self._believed(_blend(self._near, self.rates) * self.multiplier))

    @property
    def annualised(self) -> float:
        """sigma over a year of 365 days."""
        return self.sigma * ROOT_YEAR

    @property
    def multiplier(self) -> float:
        """Of the hours and the news, in the second sampled last."""
        return self._clock_at(self._second * SECOND_NS).multiplier(self._second * SECOND_NS)

    @property
    def is_warm(self) -> bool:
        """Whether ten minutes of returns have been heard since the last silence of ten minutes."""
        return self._clean >= WARM_S

    @property
    def error(self) -> float:
        """The standard error of ln sigma: larger until it is warm."""
        parameters = self._parameters
        return parameters.volatility_error if self.is_warm else parameters.cold_volatility_error

    def _expected(self, seconds_left: float, now_ns: int) -> float:
        """The variance a second until the close, where the multiplier is 1."""
        learnt, seconds_left = self._fitted.volatility, max(seconds_left, 0.0)
        fitted = applying(learnt, self.asset, seconds_left, now_ns) if learnt and not self._is_single else None
        if fitted is None:
            is_far = seconds_left >= FAR_S
            return _blend(self._far if is_far else weights(seconds_left, self._near, self._far), self.rates)
        constant, *slopes = fitted.coefficients
        logs = [log(max(rate, self._least * 1e-6)) for rate in self.rates]
        return exp(min(constant + _blend(slopes, logs) + fitted.residual_variance / 2.0, 0.0))

    def _believed(self, variance: float) -> float:
        return min(max(variance, self._least), self._most)

    def _clock_at(self, now_ns: int) -> VarianceClock:
        """With the hours as they had been learnt before `now_ns`."""
        quarter = now_ns // SLOT_NS
        if quarter != self._quarter:
            self._quarter = quarter
            profile = applying(self._fitted.seasonality, self.asset, 0.0, now_ns)
            if profile is not self._profile:
                self._profile = profile
                self._turn()
        return self._clock

    def _turn(self) -> None:
        """Other hours apply: what is true now stays as it is."""
        parameters, before, slot = self._parameters, self._clock.week, slot_of(self._second * SECOND_NS)
        has_hours = parameters.seasonality and parameters.volatility_forecast != "single"
        week = week_from(self._profile) if has_hours else FLAT
        if self.count:
            self.rates = [rate * before[slot] / week[slot] for rate in self.rates]
        self._clock = VarianceClock(week, self._announcements)


def weights(
    seconds_left: float,
    near: tuple[float, float, float] = NEAR,
    far: tuple[float, float, float] = FAR,
) -> tuple[float, float, float]:
    """Of the fast, the middle and the slow variance with so long to go: `near` up to a minute, `far` from five on."""
    share = min(max((seconds_left - NEAR_S) / (FAR_S - NEAR_S), 0.0), 1.0)
    return (
        near[0] + share * (far[0] - near[0]),
        near[1] + share * (far[1] - near[1]),
        near[2] + share * (far[2] - near[2]),
    )


def _blend(shares: tuple[float, ...] | list[float], values: list[float]) -> float:
    return shares[0] * values[0] + shares[1] * values[1] + shares[2] * values[2]
