"""What a price means at a market's bid and ask: what each side costs, its edge, what to believe after hearing the market."""

from typing import NamedTuple

from markets.core.units import PRICE_DOLLAR
from trading.core.calibration import pooled
from trading.core.confidence import OFFICIAL, confidence, probability_error
from trading.core.edge import at_one_price, edge
from trading.derivation import Derivation
from trading.price_options import Asked


class SideOffer(NamedTuple):
    """One side at its price, in dollars a contract; `edge` is that of our own probability, `pooled_edge` that of p*."""

    price: float
    fee: float
    cost: float
    edge: float
    pooled_edge: float
    confidence: float  # in the pooled edge, 0 to 100


class Offer(NamedTuple):
    """The market beside our probability of YES (sections 7.2 to 7.4). `mid` is None where only one side is quoted: p* is
    then our own. `error` is the standard error of our probability."""

    own: float
    mid: float | None
    weight: float
    pooled: float
    error: float
    yes: SideOffer | None
    no: SideOffer | None


def offer_of(asked: Asked, found: Derivation) -> Offer | None:
    """None when neither bid nor ask was given."""
    if asked.bid is None and asked.ask is None:
        return None
    own, weight = found.p_yes, asked.parameters.pooling_weight
    mid = None if asked.bid is None or asked.ask is None else (asked.bid + asked.ask) / (2 * PRICE_DOLLAR)
    believed = own if mid is None else pooled(own, mid, weight)
    level_error = asked.inputs.level_error / found.s if found.s else 0.0
    error = probability_error(
        found.z, asked.parameters.volatility_error, level_error, asked.parameters.calibration_error
    )
    yes = None if asked.ask is None else _side(asked, asked.ask, own, believed, error)
    no = None if asked.bid is None else _side(asked, PRICE_DOLLAR - asked.bid, 1.0 - own, 1.0 - believed, error)
    return Offer(own, mid, weight, believed, error, yes, no)


def _side(asked: Asked, price: int, own: float, believed: float, error: float) -> SideOffer:
    """A side at its own price."""
    spent = at_one_price(asked.fees, price, asked.size, 0.0)
    gained = edge(believed, spent)
    sure = confidence(gained, error, 1.0, OFFICIAL, 1.0)
    return SideOffer(spent.price, spent.fee, spent.net, edge(own, spent), gained, sure)
