"""What the fair value of a market is made of: the underlying's estimate, its volatility and its one-second samples."""

from markets.core.contract import WINDOW_NS, Contract
from markets.core.units import SECOND_NS
from trading.core.composite import METHODS
from trading.core.fair_value import Pricer, level_noise
from trading.core.index_samples import IndexSamples
from trading.core.market import MarketState, Pricing
from trading.core.parameters import Parameters, PriceMethod
from trading.core.spot import Spot
from trading.core.volatility import Volatility, prior

LONGEST_GAP_S = 600  # after a longer silence the seconds in between are not sampled one by one
STRIKE_NS = 61 * SECOND_NS  # before a quarter hour: all that the average of the next strike can be made of


class Underlying:
    """One asset: its spot estimate, the samples of it that a settlement averages, its volatility, its markets."""

    def __init__(self, asset: str, parameters: Parameters) -> None:
        self.asset = asset
        self.markets: list[MarketState] = []
        self._anchored_ns = 0
        self.spot = Spot(asset, parameters)
        self._samples: dict[PriceMethod, IndexSamples] = {method: IndexSamples() for method in METHODS}
        self.volatility = Volatility(parameters.volatility_half_life_s, parameters.volatility_step_s, prior(asset))
        self.spot.volatility(self.volatility.sigma)

    @property
    def samples(self) -> IndexSamples:
        """Those of the price method in force."""
        return self._samples[self.spot.method]

    def configure(self, parameters: Parameters) -> None:
        """Take new parameters; what was learnt from the market so far is kept."""
        self.spot.configure(parameters)
        self.volatility.retune(parameters.volatility_half_life_s, parameters.volatility_step_s)
        for market in self.markets:
            market.forget_pricing()

    def sample_seconds(self, first_ns: int, last_ns: int) -> None:
        """Take the estimate as it is at every whole second from `first_ns` to `last_ns`."""
        first_ns = max(first_ns, last_ns - LONGEST_GAP_S * SECOND_NS)
        for second_ns in range(first_ns, last_ns + 1, SECOND_NS):
            if -second_ns % WINDOW_NS <= STRIKE_NS:  # every method learns from the strike by its own average
                self._sample_all(second_ns)
            second, estimate = second_ns // SECOND_NS, self.spot.estimate(second_ns)
            self.samples.take(second, estimate)
            if estimate is not None:
                self.volatility.sample(second, estimate)
                self.spot.volatility(self.volatility.sigma)

    def _sample_all(self, second_ns: int) -> None:
        for method, level in zip(METHODS, self.spot.sample(second_ns), strict=True):
            self._samples[method].take(second_ns // SECOND_NS, level)

    def anchor(self, contract: Contract) -> None:
        """A strike is the official average before the open: compare it with our own, and lean on the difference.
        Once for a window: who is told of it again has learnt nothing new."""
        if contract.strike is None or contract.open_ns <= self._anchored_ns:
            return
        averages = [(method, self._samples[method].average(contract.averaging, contract.open_ns)) for method in METHODS]
        for method, average in averages:
            if average is not None:
                self._anchored_ns = contract.open_ns
                self.spot.anchor(contract.strike, average, method)


def price(market: MarketState, underlying: Underlying, parameters: Parameters, now_ns: int) -> Pricing | None:
    """The fair value of a market now; None without a strike or a fresh spot price.

    It changes only with the spot estimate and, once a second, with the samples and the volatility:
    in between it is remembered.
    """
    contract = market.contract
    estimate = underlying.spot.estimate(now_ns)
    if estimate is None or contract.strike is None:
        return None
    key = (estimate, underlying.spot.source_ns, now_ns // SECOND_NS)
    if market.priced_at == key:
        return market.pricing
    if market.pricer is None:
        market.pricer = Pricer(contract, parameters)
    market.priced_at = key
    market.pricing = pricing = _priced(market.pricer, contract, underlying, estimate, parameters)
    return pricing


def _priced(
    pricer: Pricer, contract: Contract, underlying: Underlying, estimate: float, parameters: Parameters
) -> Pricing:
    source_ns = min(underlying.spot.source_ns, contract.close_ns)
    sigma = underlying.volatility.sigma
    known, known_sum, missing = underlying.samples.known(contract.averaging, contract.close_ns, source_ns)
    noise = max(parameters.level_noise_bp * 1e-4, underlying.spot.sigma)  # of our samples too: not the exchange's
    fair, z, s = pricer.price(estimate, sigma, source_ns, known_sum, noise, level_error=noise)
    samples = contract.averaging.samples
    level_error = level_noise(noise, noise, samples, max(samples - known, 1)) / s if s else 0.0
    return Pricing(
        fair,
        pricer.digital(estimate, sigma, source_ns),
        z,
        level_error,
        estimate,
        underlying.volatility.annualised,
        missing,
    )
