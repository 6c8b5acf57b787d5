"""Cross the spread when the net edge is large enough, sized by a fraction of Kelly; hold to settlement."""

from typing import NamedTuple

from markets.core.units import CONTRACT, PRICE_DOLLAR
from trading.core.confidence import (
    ANCHORED,
    OFFICIAL,
    UNANCHORED,
    book_quality,
    confidence,
    feed_quality,
    probability_error,
)
from trading.core.decision import Side
from trading.core.fees import fee_per_contract, worst_fee
from trading.core.market import Pricing
from trading.core.risk import Budget, whole_contracts
from trading.core.sizing import contracts, shrunk
from trading.core.strategy import Idea, Quote, View, obstacle


class Size(NamedTuple):
    """How many contracts to take now; or why none."""

    reason: str
    contracts: int = 0
    binding: Budget | None = None


class EdgeTaker:
    """Compares fair value with what it costs to take either side, fee included (pricing notes, sections 7 and 9)."""

    def decide(self, view: View) -> Idea:
        """Take the better side when edge, confidence and size all pass their gates."""
        blocked = obstacle(view)
        pricing, book = view.pricing, view.market.book
        if pricing is None:
            return Idea(blocked)
        edge_yes = self._edge(view, book.ask, pricing.fair) if book.ask < PRICE_DOLLAR else None
        edge_no = self._edge(view, PRICE_DOLLAR - book.bid, 1.0 - pricing.fair) if book.bid > 0 else None
        is_bid = edge_no is None or (edge_yes is not None and edge_yes >= edge_no)
        side: Side = "yes" if is_bid else "no"
        edge = edge_yes if is_bid else edge_no
        if edge is None:
            return Idea(blocked or "BOOK_EMPTY")
        if edge <= 0:
            return Idea(blocked or "EDGE_BELOW_THRESHOLD", side, edge_yes, edge_no)
        error = _error(view, pricing)
        belief = _confidence(view, pricing, edge, error, is_bid)
        quote, reason, binding = None, blocked or self._gate(view, edge, belief), None
        if not reason:
            size = self._size(view, pricing, is_bid, error)
            reason, binding = size.reason, size.binding
            quote = Quote(is_bid, book.ask if is_bid else book.bid, size.contracts)
        return Idea(reason, side, edge_yes, edge_no, belief, quote, binding)

    def _edge(self, view: View, own_price: int, probability: float) -> float:
        """Dollars a contract, after the fee and the slippage allowed for."""
        fee = fee_per_contract(view.market.contract.fees, own_price, CONTRACT)
        return probability - own_price / PRICE_DOLLAR - fee - view.parameters.slippage

    def _gate(self, view: View, edge: float, belief: float) -> str:
        if edge < view.parameters.edge_threshold:
            return "EDGE_BELOW_THRESHOLD"
        if belief < view.parameters.min_confidence:
            return "CONFIDENCE_LOW"
        if view.is_working:
            return "ORDER_WORKING"
        too_soon = view.now_ns < view.market.ordered_ns + view.parameters.order_interval_ns
        return "TOO_SOON" if too_soon else ""

    def _size(self, view: View, pricing: Pricing, is_bid: bool, error: float) -> Size:
        """Kelly on a probability taken one margin towards the market, less what is held, within every cap.
        A position on the other side is closed first; what the edge is worth beyond that comes after."""
        parameters, book = view.parameters, view.market.book
        price = book.ask if is_bid else book.bid
        own_price = price if is_bid else PRICE_DOLLAR - price
        fair = pricing.fair if is_bid else 1.0 - pricing.fair
        probability = shrunk(fair, own_price / PRICE_DOLLAR, error, parameters.probability_margin)
        cost = (
            own_price / PRICE_DOLLAR
            + fee_per_contract(view.market.contract.fees, own_price, CONTRACT)
            + parameters.slippage
        )
        worth = contracts(probability, cost, view.equity, parameters.kelly_fraction)
        if not worth:
            return Size("SIZE_ZERO")
        held = view.position if is_bid else -view.position
        if held > 0 and worth - held < parameters.top_up_share * worth:
            return Size("POSITION_FULL")
        displayed = book.count_at_ask() if is_bid else book.count_at_bid()
        most = min(int(displayed * parameters.depth_share), view.risk.limits.max_order_count)
        if held < 0:
            count = whole_contracts(min(-held, most))
            return Size("" if count else "SIZE_ZERO", count)
        return self._within_room(view, price, own_price, whole_contracts(min(worth - held, most)))

    def _within_room(self, view: View, price: int, own_price: int, count: int) -> Size:
        if not count:
            return Size("SIZE_ZERO")
        contract = view.market.contract
        room = view.risk.room(contract.ticker, contract.close_ns)
        a_contract = own_price * CONTRACT + worst_fee(contract.fees, own_price, CONTRACT)
        affordable = (room.limit - room.use) // a_contract * CONTRACT
        if affordable <= 0:
            return Size(room.code, CONTRACT, room._replace(use=room.use + a_contract))
        return Size("", min(count, affordable))


def _error(view: View, pricing: Pricing) -> float:
    """The standard error of the probability: of the volatility, the level and the calibration."""
    parameters = view.parameters
    return probability_error(pricing.z, parameters.volatility_error, pricing.level_error, parameters.calibration_error)


def _confidence(view: View, pricing: Pricing, edge: float, error: float, is_bid: bool) -> float:
    book = view.market.book
    displayed = book.count_at_ask() if is_bid else book.count_at_bid()
    q_feed = feed_quality(view.fresh_venues, view.needed_venues, view.spot_age_ns)
    q_index = OFFICIAL if pricing.is_official else ANCHORED if view.is_anchored else UNANCHORED
    return confidence(edge, error, q_feed, q_index, book_quality(displayed, CONTRACT))
