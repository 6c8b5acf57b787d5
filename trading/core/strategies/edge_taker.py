"""Cross the spread when the net edge is large enough, sized by a fraction of Kelly; sell what brings more than it is worth."""

import msgspec

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
from trading.core.edge import Belief, Cost, at_one_price, cost, edge, proceeds
from trading.core.fees import worst_fee
from trading.core.market import Pricing
from trading.core.risk import Budget, whole_contracts
from trading.core.sizing import contracts, shrunk
from trading.core.strategy import Idea, Quote, View, obstacle

BELOW = "EDGE_BELOW_THRESHOLD"


class Offer(msgspec.Struct, frozen=True, gc=False):
    """One side as it could be taken now. `net` is the edge after all costs, `counted` the one that the gate looks at."""

    is_bid: bool
    price: int  # of YES
    own_price: int  # of the side that is bought
    displayed: int
    p: float  # what we believe of this side
    cost: Cost
    net: float
    counted: float

    @property
    def side(self) -> Side:
        """The side that is bought."""
        return "yes" if self.is_bid else "no"


class Size(msgspec.Struct, frozen=True, gc=False):
    """How many contracts are wanted; or why none."""

    reason: str
    contracts: int = 0
    binding: Budget | None = None


class EdgeTaker:
    """Compares what we believe with what it costs to take either side, fee included (pricing notes, sections 7 and 9).

    It never takes more than the best price: what is displayed behind it is another offer, looked at when it is the best.
    """

    def decide(self, view: View) -> Idea:
        """Sell what brings more than it is worth; else take the better side when edge, confidence and size all pass."""
        blocked, pricing = obstacle(view), view.pricing
        if pricing is None:
            return Idea(blocked)
        believed = view.belief(pricing)
        yes, no = _offer(view, believed, is_bid=True), _offer(view, believed, is_bid=False)
        best = no if yes is None or (no is not None and no.counted > yes.counted) else yes
        if best is None:
            return Idea(blocked or "BOOK_EMPTY", belief=believed)
        edges = (yes.net if yes else None, no.net if no else None)
        blocked = blocked or ("" if believed.is_measurable else "NO_MEASURABLE_EDGE")
        sale = None if blocked or not view.position else _sale(view, believed)
        if sale is not None:
            return Idea(_pace(view), "yes" if sale.is_bid else "no", *edges, quote=sale, belief=believed)
        if not blocked and believed.market is None and view.parameters.pooling != "off":
            blocked = "BOOK_ONE_SIDED"
        if best.counted <= 0:
            return Idea(blocked or BELOW, best.side, *edges, belief=believed)
        trust, size = _considered(view, pricing, best, blocked)
        quote = Quote(best.is_bid, best.price, size.contracts) if size.contracts else None
        return Idea(size.reason, best.side, *edges, trust, quote, size.binding, believed)


def _considered(view: View, pricing: Pricing, best: Offer, blocked: str) -> tuple[float, Size]:
    """The better side held against edge, confidence and size, in this order (section 9.4)."""
    error = probability_error(pricing.z, pricing.sigma_error, pricing.level_error, pricing.calibration_error)
    wanted = _wanted(view, best, error)
    trust = _confidence(view, pricing, best, error, wanted.contracts)
    if reason := blocked or _gate(view, best.counted, trust) or wanted.reason:
        return trust, Size(reason)
    allowed = _within_room(view, best, wanted.contracts)
    return trust, allowed if allowed.reason else _left(view, best, allowed.contracts)


def _left(view: View, best: Offer, allowed: int) -> Size:
    """What the display leaves of an order, if that still has the edge: a small one pays more fee a contract."""
    count = _takeable(view, best.is_bid, allowed)
    if not count:
        return Size("SIZE_ZERO")
    return Size("", count) if _counted(view, best, count) >= view.parameters.edge_threshold else Size(BELOW)


def _offer(view: View, believed: Belief, *, is_bid: bool) -> Offer | None:
    """Either side for as many contracts as may be taken of what is displayed, one at least; None when nobody offers it."""
    book, parameters = view.market.book, view.parameters
    if is_bid:
        price = own_price = book.ask
        p, displayed = believed.pooled, book.count_at_ask()
    else:
        price, own_price = book.bid, PRICE_DOLLAR - book.bid
        p, displayed = 1.0 - believed.pooled, book.count_at_bid()
    if price in (0, PRICE_DOLLAR):
        return None
    count = _share(view, displayed) or CONTRACT
    fees, slippage = view.market.contract.fees, parameters.slippage
    if displayed >= count:
        spent: Cost | None = at_one_price(fees, own_price, count, slippage)
    else:
        spent = cost(book, fees, is_bid, count, None, slippage)
    if spent is None:
        return None
    net = p - spent.net
    counted = net if parameters.edge_basis == "net" else p - spent.price
    return Offer(is_bid, price, own_price, displayed, p, spent, net, counted)


def _counted(view: View, best: Offer, count: int) -> float:
    """The edge that the gate looks at, again for the size that was left (section 9.4, step 11)."""
    fees, slippage = view.market.contract.fees, view.parameters.slippage
    spent = cost(view.market.book, fees, best.is_bid, count, best.price, slippage)
    return edge(best.p, spent, is_gross=view.parameters.edge_basis == "gross") if spent else 0.0


def _gate(view: View, counted: float, trust: float) -> str:
    if counted < view.parameters.edge_threshold:
        return BELOW
    if trust < view.parameters.min_confidence:
        return "CONFIDENCE_LOW"
    return _pace(view)


def _pace(view: View) -> str:
    """Why an order would be too soon; "" when it is not."""
    if view.is_working:
        return "ORDER_WORKING"
    too_soon = view.now_ns < view.market.ordered_ns + view.parameters.order_interval_ns
    return "TOO_SOON" if too_soon else ""


def _sale(view: View, believed: Belief) -> Quote | None:
    """Selling what is held, at the best price, when that brings more than holding it to the end is worth, which costs
    no fee (section 7.2). Neither threshold nor confidence is asked for: it makes the risk smaller."""
    position, book = view.position, view.market.book
    is_bid = position < 0
    price = book.ask if is_bid else book.bid
    bid = (PRICE_DOLLAR - price if is_bid else price) / PRICE_DOLLAR
    worth = 1.0 - believed.pooled if is_bid else believed.pooled
    count = _takeable(view, is_bid, abs(position)) if bid > worth + view.parameters.exit_margin else 0
    if not count:
        return None
    brings = proceeds(book, view.market.contract.fees, -count if is_bid else count, price)
    is_better = brings is not None and brings > worth + view.parameters.exit_margin
    return Quote(is_bid, price, count) if is_better else None


def _takeable(view: View, is_bid: bool, most: int) -> int:
    """Whole contracts of `most` that one order may ask for of what is displayed at the best price."""
    book = view.market.book
    return min(_share(view, book.count_at_ask() if is_bid else book.count_at_bid()), whole_contracts(most))


def _share(view: View, displayed: int) -> int:
    """Whole contracts that one order may ask for of so many on display."""
    share, most = int(displayed * view.parameters.depth_share), view.risk.limits.max_order_count
    return whole_contracts(share if share < most else most)


def _wanted(view: View, best: Offer, error: float) -> Size:
    """Kelly on a probability taken one margin towards the market, less what is held, within one order and one market's
    limit. Neither what else is open nor what is displayed is looked at here."""
    parameters, risk = view.parameters, view.risk
    probability = shrunk(best.p, best.own_price / PRICE_DOLLAR, error, parameters.probability_margin)
    worth = contracts(probability, best.cost.net, view.equity, parameters.kelly_fraction)
    if not worth:
        return Size("SIZE_ZERO")
    held = view.position if best.is_bid else -view.position
    if held > 0 and worth - held < parameters.top_up_share * worth:
        return Size("POSITION_FULL")
    if held < 0:
        return Size("HELD" if _takeable(view, best.is_bid, -held) else "SIZE_ZERO")
    wanted = whole_contracts(min(worth - held, risk.limits.max_order_count))
    if wanted <= CONTRACT:
        return Size("" if wanted else "SIZE_ZERO", wanted)
    within = risk.market_cap // (best.own_price * CONTRACT) * CONTRACT
    return Size("", min(wanted, max(within, CONTRACT)))


def _within_room(view: View, best: Offer, count: int) -> Size:
    """As much of `count` as the tightest limit leaves room for, at worst."""
    contract = view.market.contract
    room = view.risk.room(contract.ticker, contract.close_ns)
    a_contract = best.own_price * CONTRACT + worst_fee(contract.fees, best.own_price, CONTRACT)
    affordable = (room.limit - room.use) // a_contract * CONTRACT
    if affordable <= 0:
        return Size(room.code, CONTRACT, room._replace(use=room.use + a_contract))
    return Size("", min(count, affordable))


def _confidence(view: View, pricing: Pricing, best: Offer, error: float, intended: int) -> float:
    """The score of section 7.3; the book is trusted for the size that is wanted, a contract at least."""
    q_feed = feed_quality(view.fresh_venues, view.needed_venues, view.spot_age_ns)
    q_index = OFFICIAL if pricing.is_official else ANCHORED if view.is_anchored else UNANCHORED
    q_book = book_quality(best.displayed, max(intended, CONTRACT))
    return confidence(best.net, error, q_feed, q_index, q_book)
