"""The probability that a contract settles YES, by the model and the tails that are configured."""

from msgspec.structs import replace

from markets.core.contract import Averaging, Contract
from markets.core.units import YEAR_S
from trading.core.fitted import CalibrationMap, FittedTails, Under
from trading.core.model import (
    FLAT,
    Pieces,
    PricingError,
    Seen,
    Terms,
    digital_score,
    effective_strike,
    half_unit,
    settled_chance,
)
from trading.core.parameters import Parameters, SettlementWindow
from trading.core.tails import normal_cdf, tail_cdf
from trading.core.variants import SCORES, SHORT_NS, Shapes, SideBySide, chosen, every_variant, shapes_of

Estimate = tuple[float, float, float]
"""(probability of YES, z, s): z is the distance to the strike in standard deviations, s is that standard
deviation of what is still to come, relative to the spot. A certain outcome is (1, inf, 0) or (0, -inf, 0)."""


class Pricer:
    """One contract under one set of parameters. What does not change with time is worked out once."""

    __slots__ = (
        "_drift", "_failure", "_half", "_learnt", "_long", "_parameters", "_score", "_shapes", "_short",
        "_tails", "applied", "applied_s", "averaging", "first_ns", "terms",
    )  # fmt: skip

    def __init__(self, contract: Contract, parameters: Parameters) -> None:
        """Raises PricingError when the contract has no usable strike yet."""
        if contract.strike is None:
            raise PricingError("the market has no strike yet")
        self.averaging = averaging_of(contract, parameters.settlement_window)
        self.first_ns = self.averaging.first_ns(contract.close_ns)  # before it no sample of the average is known
        self._half = half_unit(contract.decimals)
        self.terms = terms_of(contract.strike, self._half, self.averaging)
        self._parameters = parameters
        self._score = SCORES[parameters.model]
        self._drift = parameters.drift / YEAR_S
        self._failure = parameters.settlement_failure
        self._long = self._short = self._shapes = shapes_of(parameters, SHORT_NS)
        self._tails = chosen(parameters, self._shapes)
        self._learn(None)
        self.applied_s: int | None = None  # the seconds to the close for which was looked up what was fitted:
        self.applied: tuple[FittedTails | None, CalibrationMap | None, Under] = (None, None, ())

    def price(self, seen: Seen, sigma: float, pieces: Pieces = FLAT, learnt: FittedTails | None = None) -> Estimate:
        """The Estimate, given sigma per sqrt(second) with its clock, and the tails that were fitted, where any apply.
        Raises PricingError on numbers that cannot be true."""
        z, s = self._score(self.terms, seen, sigma, self._drift, pieces)
        table = self._shapes_at(seen.tau_ns, learnt).table
        chance = tail_cdf(z, self._tails, table)
        return settled_chance(chance, self._failure) if self._failure else chance, z, s

    def digital(self, seen: Seen, sigma: float, pieces: Pieces = FLAT) -> float:
        """The plain Black-Scholes digital, for comparison. Raises PricingError like `price`."""
        z, _ = digital_score(self.terms, seen, sigma, self._drift, pieces)
        return settled_chance(normal_cdf(z), self._failure)

    def side_by_side(
        self, seen: Seen, sigma: float, pieces: Pieces = FLAT, learnt: FittedTails | None = None
    ) -> SideBySide:
        """Every model on the same inputs. Raises PricingError like `price`."""
        shapes = self._shapes_at(seen.tau_ns, learnt)
        return every_variant(self.terms, seen, (sigma, self._drift), pieces, shapes, failure=self._failure)

    def tie(self, seen: Seen, sigma: float, pieces: Pieces = FLAT, learnt: FittedTails | None = None) -> float:
        """The probability that the average is printed exactly as the strike is (section 3.8); 0 where no rounding is
        known. Raises PricingError like `price`."""
        above = self.terms._replace(strike=self.terms.strike + 2.0 * self._half)
        shapes = self._shapes_at(seen.tau_ns, learnt)
        at_least, _ = self._score(self.terms, seen, sigma, self._drift, pieces)
        more, _ = self._score(above, seen, sigma, self._drift, pieces)
        tied = tail_cdf(at_least, self._tails, shapes.table) - tail_cdf(more, self._tails, shapes.table)
        return settled_chance(tied, self._failure)

    def _shapes_at(self, tau_ns: int, learnt: FittedTails | None) -> Shapes:
        """The shapes for this time to the close; what they are made of changes seldom."""
        if learnt is not self._learnt:
            self._learn(learnt)
        shapes = self._long if tau_ns >= SHORT_NS else self._short
        if shapes is not self._shapes:
            self._shapes = shapes
            self._tails = chosen(self._parameters, shapes)
        return shapes

    def _learn(self, learnt: FittedTails | None) -> None:
        self._learnt = learnt
        self._long = shapes_of(self._parameters, SHORT_NS, learnt)
        self._short = shapes_of(self._parameters, 0, learnt)


def averaging_of(contract: Contract, window: SettlementWindow) -> Averaging:
    """How the contract averages, over the window that is believed in (section 1.4)."""
    averaging = contract.averaging
    return averaging if averaging.window == window else replace(averaging, window=window)


def terms_of(strike: float, half: float, averaging: Averaging) -> Terms:
    """The terms as the models take them; `half` a unit of the last printed decimal. Raises PricingError."""
    last_ns = averaging.step_ns if averaging.window == "open_right" else 0
    return Terms(effective_strike(strike, half), averaging.samples, averaging.step_ns, last_ns)
