"""What the fair value of a market is made of: the underlying's estimate, its volatility and its one-second samples."""

from collections.abc import Sequence

from markets.core.contract import WINDOW_NS, Averaging, Contract
from markets.core.events import IndexValue, MarketStatus
from markets.core.units import SECOND_NS
from trading.core.audit import Auditor, price_of
from trading.core.bias import INDEX_ERROR
from trading.core.calibration import mapped
from trading.core.composite import METHODS
from trading.core.decision import SettlementAudit
from trading.core.fair_value import Pricer, averaging_of
from trading.core.fitted import Announcement, CalibrationMap, Fitted, FittedTails, Under, applying
from trading.core.index_samples import IndexSamples
from trading.core.market import MarketState, Pricing
from trading.core.model import PricingError, Seen, level_noise
from trading.core.official import Known, Official, Published, whole_window
from trading.core.parameters import Parameters, PriceMethod
from trading.core.regime import tails_of, under_of
from trading.core.spot import Spot
from trading.core.variants import SideBySide
from trading.core.volatility import LATE_S, Outlook, Volatility

LONGEST_GAP_S = 600  # after a longer silence the seconds in between are not sampled one by one
STRIKE_NS = 61 * SECOND_NS  # before a quarter hour: all that the average of the next strike can be made of
NOTHING_KNOWN = Known(0, 0.0, 0, 0)


class Underlying:
    """One asset: its spot estimate, the samples of it that a settlement averages, its volatility, its markets."""

    def __init__(self, asset: str, parameters: Parameters) -> None:
        self.asset = asset
        self.markets: list[MarketState] = []
        self.official = Official()
        self.fitted = Fitted()
        self.announcements: tuple[Announcement, ...] = ()
        self.next_strike: tuple[int, float] | None = None  # (open, the strike to come): to look at, not to trade on
        self._is_near = False  # whether our level agreed with the index when that was published last
        self._anchored_ns = 0
        self._window = parameters.settlement_window
        self.spot = Spot(asset, parameters)
        self._samples: dict[PriceMethod, IndexSamples] = {method: IndexSamples() for method in METHODS}
        self.auditor = Auditor(parameters.settlement_window)
        self.volatility = Volatility(asset, parameters)
        self.spot.volatility(self.volatility.sigma)

    @property
    def samples(self) -> IndexSamples:
        """Those of the price method in force."""
        return self._samples[self.spot.method]

    def configure(self, parameters: Parameters) -> None:
        """Take new parameters; what was learnt from the market so far is kept."""
        self.spot.configure(parameters)
        self._window = parameters.settlement_window
        self.auditor.window = parameters.settlement_window
        self.volatility.configure(parameters)
        for market in self.markets:
            market.forget_pricing()

    def learn(self, fitted: Fitted) -> None:
        """Price with what was learnt from past windows."""
        self.fitted = fitted
        self.volatility.learn(fitted)
        for market in self.markets:
            market.forget_pricing()

    def announce(self, announcements: tuple[Announcement, ...]) -> None:
        """Price with this scheduled news."""
        self.announcements = tuple(each for each in announcements if not each.assets or self.asset in each.assets)
        self.volatility.announce(self.announcements)
        for market in self.markets:
            market.forget_pricing()

    def sample_seconds(self, first_ns: int, last_ns: int) -> None:
        """Take the estimate as it is at every whole second from `first_ns` to `last_ns`."""
        first_ns = max(first_ns, last_ns - LONGEST_GAP_S * SECOND_NS)
        for second_ns in range(first_ns, last_ns + 1, SECOND_NS):
            if second_ns >= self.auditor.due_ns:
                self.auditor.keep(second_ns, self.official, self._samples, self.spot.method)
            if -second_ns % WINDOW_NS <= STRIKE_NS:  # every method learns from the strike by its own average
                self._sample_all(second_ns)
            second, estimate = second_ns // SECOND_NS, self.spot.estimate(second_ns)
            self.samples.take(second, estimate)
            self.volatility.sample(second, estimate, self.official.at(second - LATE_S))
            self.spot.volatility(self.volatility.sigma)

    def _sample_all(self, second_ns: int) -> None:
        for method, level in zip(METHODS, self.spot.sample(second_ns), strict=True):
            self._samples[method].take(second_ns // SECOND_NS, level)
        self.auditor.take_venues(second_ns // SECOND_NS, self.spot.said())

    def anchor(self, contract: Contract) -> None:
        """A strike is the official average before the open: compare it with our own, and lean on the difference.
        Once for a window: who is told of it again has learnt nothing new."""
        if contract.strike is not None:
            self._compare(contract.strike, averaging_of(contract, self._window), contract.open_ns)

    def audit(self, event: MarketStatus, contract: Contract) -> SettlementAudit | None:
        """A window has settled: hold it against what we knew of its minute. Its value is the strike of the next window,
        and teaches what that would: first where the strike is late, else nothing more."""
        value = price_of(event.settle_value)
        if value is None or event.result not in {"yes", "no"}:
            return None
        self._compare(value, averaging_of(contract, self._window), contract.close_ns)
        return self.auditor.audit(event, contract, self.official, self._samples, self.spot.method)

    def publish(self, event: IndexValue) -> Sequence[MarketState]:
        """The exchange has published the index: our level learns from it, and samples of the settlement are known.
        The average of a whole last minute is the next strike, told early: it teaches what that would have taught."""
        if not self.official.hear(event):
            return ()
        if self.official.is_fresh(event.received_ns):
            self._is_near = self.spot.anchor_level(event.value, INDEX_ERROR)
        ended = whole_window(event, self._window)
        if ended is not None:
            self.next_strike = ended
            self._compare(ended[1], Averaging(window=self._window), ended[0])
        for market in self.markets:
            market.priced_at = None
        return self.markets

    def is_near(self, now_ns: int) -> bool:
        """Whether the exchange publishes the index now, and our level is near enough to have learnt from it."""
        return self._is_near and self.official.is_fresh(now_ns)

    def index(self, now_ns: int) -> Published | None:
        """The index as it was published last, None when it never was."""
        return self.official.published(now_ns)

    def known(self, contract: Contract, now_ns: int) -> Known:
        """What is known of the average that a contract settles on."""
        return self.official.known(self.samples, averaging_of(contract, self._window), contract.close_ns, now_ns)

    def _compare(self, level: float, averaging: Averaging, end_ns: int) -> None:
        """An official average before `end_ns` against our own of the same seconds, by each method. Where the index was
        published all along, its values have taught us more than their average could."""
        if end_ns <= self._anchored_ns or self.is_near(end_ns):
            return
        averages = [(method, self._samples[method].average(averaging, end_ns)) for method in METHODS]
        for method, average in averages:
            if average is not None:
                self._anchored_ns = end_ns
                self.spot.anchor(level, average, method)


def price(market: MarketState, underlying: Underlying, parameters: Parameters, now_ns: int) -> Pricing | None:
    """The fair value of a market now; None without a strike or a fresh spot price, and of numbers that no model takes.

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
    market.priced_at, market.pricing = key, None
    try:
        if market.pricer is None:
            market.pricer = Pricer(contract, parameters)
        market.pricing = _priced(market.pricer, contract, underlying, estimate, parameters, now_ns=now_ns)
    except PricingError:  # one market's numbers must not end a session; whoever asks says why there is no price
        return None
    return market.pricing


def side_by_side(market: MarketState, underlying: Underlying, parameters: Parameters, now_ns: int) -> SideBySide | None:
    """Every model on what is known now, the same that `price` takes; None where that is None."""
    contract = market.contract
    estimate = underlying.spot.estimate(now_ns)
    if estimate is None or contract.strike is None:
        return None
    try:
        pricer = market.pricer or Pricer(contract, parameters)
        seen, _, outlook, learnt, _ = _seen(pricer, contract, underlying, estimate, parameters, now_ns=now_ns)
        return pricer.side_by_side(seen, outlook.sigma, outlook.pieces, learnt)
    except PricingError:
        return None


_View = tuple[Seen, Known, Outlook, FittedTails | None, CalibrationMap | None]
"""What all models are given."""


def _seen(
    pricer: Pricer, contract: Contract, underlying: Underlying, estimate: float, parameters: Parameters, *, now_ns: int
) -> _View:
    close_ns = contract.close_ns
    source_ns = min(underlying.spot.source_ns, close_ns)
    known = NOTHING_KNOWN
    if source_ns >= pricer.first_ns:
        known = underlying.official.known(underlying.samples, pricer.averaging, close_ns, source_ns)
    noise = max(parameters.level_noise_bp * 1e-4, underlying.spot.sigma)  # of our samples too: not the exchange's
    known_error = noise if known.own == known.samples else noise * known.own / known.samples
    total = known.total if known.missing < known.samples else known.samples * estimate  # none is known: as it is now
    seen = Seen(estimate, close_ns - source_ns, total, known_error, noise, known.missing)
    learnt, laid, _ = _applied(pricer, contract, underlying, parameters, now_ns)
    return seen, known, underlying.volatility.outlook(source_ns, close_ns), learnt, laid


def _priced(
    pricer: Pricer, contract: Contract, underlying: Underlying, estimate: float, parameters: Parameters, *, now_ns: int
) -> Pricing:
    seen, known, outlook, learnt, laid = _seen(pricer, contract, underlying, estimate, parameters, now_ns=now_ns)
    fair, z, s = pricer.price(seen, outlook.sigma, outlook.pieces, learnt)
    samples = pricer.terms.samples
    to_come = max(samples - known.samples, 1)
    level_error = level_noise(seen.level_error, seen.known_error, samples, to_come) / s if s else 0.0
    return Pricing(
        fair,
        pricer.digital(seen, outlook.sigma, outlook.pieces),
        z,
        level_error,
        seen.spot,
        outlook.annualised,
        known.missing,
        underlying.is_near(now_ns),
        mapped(fair, laid) if laid else fair,
        laid.error if laid else parameters.calibration_error,
        outlook.error,
        pricer.applied[2],
        s,
    )


def _applied(
    pricer: Pricer, contract: Contract, underlying: Underlying, parameters: Parameters, now_ns: int
) -> tuple[FittedTails | None, CalibrationMap | None, Under]:
    """The tails and the map that were fitted for now, and the kinds in force; looked up once a second: they change at
    whole ones."""
    left_ns = contract.close_ns - now_ns
    left_s = left_ns // SECOND_NS
    if pricer.applied_s != left_s:
        fitted, asset = underlying.fitted, contract.asset
        pricer.applied_s = left_s
        under = under_of(fitted, parameters, asset, left_ns / SECOND_NS, now_ns)
        pricer.applied = (
            tails_of(fitted, asset, left_ns / SECOND_NS, now_ns),
            calibration_of(fitted, parameters, asset, left_ns / SECOND_NS, now_ns, under=under),
            under,
        )
    return pricer.applied


def calibration_of(
    fitted: Fitted, parameters: Parameters, asset: str, seconds_left: float, now_ns: int, *, under: Under
) -> CalibrationMap | None:
    """The map to be laid over the model now: of the kind that is set, fitted on enough windows, all before now, and on
    probabilities that were made `under` what is in force: of others it would mend what is mended already."""
    if not fitted.calibration:
        return None
    least = parameters.calibration_windows * (10 if parameters.calibration == "isotonic" else 1)
    kind = parameters.calibration
    fit = (each for each in fitted.calibration if each.kind == kind and each.windows >= least and each.under == under)
    return applying(fit, asset, seconds_left, now_ns)
