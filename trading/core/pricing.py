"""What the fair value of a market is made of: the underlying's estimate, its volatility and its one-second samples."""

from markets.core.contract import Contract
from markets.core.units import SECOND_NS
from trading.core.fair_value import Pricer, level_noise
from trading.core.index_samples import IndexSamples
from trading.core.market import MarketState, Pricing
from trading.core.parameters import Parameters
from trading.core.spot import Spot
from trading.core.volatility import Volatility, prior

LONGEST_GAP_S = 600  # after a longer silence the seconds in between are not sampled one by one


class Underlying:
    """One asset: its spot estimate, the samples of it that a settlement averages, its volatility, its markets."""

    def __init__(self, asset: str, parameters: Parameters) -> None:
        self.asset = asset
        self.markets: list[MarketState] = []
        self._anchored_ns = 0
        self.spot = Spot(asset, parameters)
        self.samples = IndexSamples()
        self.volatility = Volatility(parameters.volatility_half_life_s, parameters.volatility_step_s, prior(asset))

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
            second, estimate = second_ns // SECOND_NS, self.spot.estimate(second_ns)
            self.samples.take(second, estimate)
            if estimate is not None:
                self.volatility.sample(second, estimate)

    def anchor(self, contract: Contract) -> None:
        """A strike is the official average before the open: compare it with our own, and lean on the difference.
        Once for a window: who is told of it again has learnt nothing new."""
        if contract.strike is None or contract.open_ns <= self._anchored_ns:
            return
        average = self.samples.average(contract.averaging, contract.open_ns)
        if average is not None:
            self._anchored_ns = contract.open_ns
            self.spot.anchor(contract.strike, average)


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
    noise = parameters.level_noise_bp * 1e-4  # of the samples too: they are our own, not the exchange's
    fair, z, s = pricer.price(estimate, sigma, source_ns, known_sum, noise)
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
