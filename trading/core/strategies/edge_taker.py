"""Cross the spread when the net edge is large enough, sized by a fraction of Kelly; sell what brings more than it is worth."""

import msgspec

from markets.core.units import CONTRACT, PRICE_DOLLAR
from trading.core.arithmetic import (
    FULL,
    HELD,
    NOTHING_WANTED,
    TOO_LITTLE_TRADED,
    WANTED,
    affordable,
    is_worth_selling,
    share_of,
    sized,
)
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
from trading.core.risk import Budget, tightest
from trading.core.sizing import shrunk
from trading.core.strategy import Idea, Quote, View, obstacles

BELOW = "EDGE_BELOW_THRESHOLD"
WHY = {WANTED: "", NOTHING_WANTED: "SIZE_ZERO", FULL: "POSITION_FULL", HELD: "HELD", TOO_LITTLE_TRADED: "VOLUME"}
LIMITS_BEHIND = 2  # gates that did not pass: behind so many the limits are not asked


class Offer(msgspec.Struct, frozen=True, gc=False):
    """One side as it could be taken now. `net` is the edge after all costs, `counted` the one that the gate looks at."""

    is_bid: bool
    price: int  # of YES
    own_price: int  # of the side that is bought
    displayed: int
    share: int  # of it, that one order may ask for (Count)
    p: float  # what we believe of this side
    cost: Cost  # of that share; of a contract where it is none
    net: float
    counted: float

    @property
    def side(self) -> Side:
        """The side that is bought."""
        return "yes" if self.is_bid else "no"


class Size(msgspec.Struct, frozen=True, gc=False):
    """How many contracts are wanted, and why no order comes of it: `worth` is what Kelly would buy if nothing were in the
    way, within one order and one market's limit, `contracts` what may be asked for."""

    reason: str
    contracts: int = 0
    worth: int = 0


class EdgeTaker:
    """Compares what we believe with what it costs to take either side, fee included (pricing notes, sections 7 and 9).

    It never takes more than the best price: what is displayed behind it is another offer, looked at when it is the best.
    Every gate is asked, also behind one that did not pass, so that it can be said later what each of them cost.
    """

    def decide(self, view: View) -> Idea:
        """Sell what brings more than it is worth; else take the better side when edge, confidence and size all pass."""
        failed, pricing = obstacles(view), view.pricing
        if pricing is None:
            return Idea(failed[0], failed=failed)
        believed = view.belief(pricing)
        yes, no = _offer(view, believed, is_bid=True), _offer(view, believed, is_bid=False)
        best = no if yes is None or (no is not None and no.counted > yes.counted) else yes
        if best is None:
            failed = (*failed, "BOOK_EMPTY")
            return Idea(failed[0], belief=believed, failed=failed)
        edges = (yes.net if yes else None, no.net if no else None)
        if view.market.lost or view.market.book.is_crossed:  # nobody knows what could be had
            return Idea(failed[0], best.side, *edges, belief=believed, failed=failed)
        if not believed.is_measurable:
            failed = (*failed, "NO_MEASURABLE_EDGE")
        sale = _sale(view, believed) if view.position else None
        if sale is not None:
            return _selling(view, believed, edges, sale, failed)
        if believed.market is None and view.parameters.pooling != "off":
            failed = (*failed, "BOOK_ONE_SIDED")
        if best.counted <= 0:  # nothing is wanted then: there is no size, and neither confidence nor pace to ask for
            failed = (*failed, BELOW, "SIZE_ZERO")
            nothing = Quote(best.is_bid, best.price, 0)
            return Idea(failed[0], best.side, edges[0], edges[1], belief=believed, failed=failed, wanted=nothing)
        return _considered(view, pricing, believed, edges, best, failed)


Edges = tuple[float | None, float | None]  # net, of YES and of NO


def _selling(view: View, believed: Belief, edges: Edges, sale: Quote, stops: tuple[str, ...]) -> Idea:
    """What is held goes, if nothing stands in the way. Whoever sells YES buys NO at a dollar less the price."""
    failed = (*stops, *_pace(view))
    side: Side = "yes" if sale.is_bid else "no"
    own_price = sale.price if sale.is_bid else PRICE_DOLLAR - sale.price
    spent = at_one_price(view.market.contract.fees, own_price, sale.size, 0.0)
    quote = None if failed else sale
    reason = failed[0] if failed else ""
    return Idea(reason, side, *edges, quote=quote, belief=believed, failed=failed, wanted=sale, cost=spent.net)


def _considered(  # noqa: PLR0917  (the parts of one idea)
    view: View, pricing: Pricing, believed: Belief, edges: Edges, best: Offer, stops: tuple[str, ...]
) -> Idea:
    """The better side held against edge, confidence and size, in this order (section 9.4). Behind two gates that did not
    pass, neither size nor limits add to them: neither could be the only one."""
    parameters = view.parameters
    error = probability_error(pricing.z, pricing.sigma_error, pricing.level_error, pricing.calibration_error)
    size = _size(view, best, error)
    trust = _confidence(view, pricing, best, error, size.contracts)
    failed = (*stops, BELOW) if best.counted < parameters.edge_threshold else stops
    if trust < parameters.min_confidence:
        failed = (*failed, "CONFIDENCE_LOW")
    if pace := _pace(view):
        failed = (*failed, *pace)
    if size.reason:
        failed = (*failed, size.reason)
    most, quote, binding = size.worth, None, None
    wanted = min(best.share, most)
    if size.contracts and len(failed) < LIMITS_BEHIND:
        allowed, full = _within_room(view, best, size.contracts)
        if full and not failed:
            quote, binding = Quote(best.is_bid, best.price, CONTRACT), full[0]
        if full:
            failed = (*failed, *[budget.code for budget in full])
        count = min(best.share, allowed)
        left = _left(view, best, count)
        if left and left not in failed:
            failed = (*failed, left)
        elif not failed:
            quote = Quote(best.is_bid, best.price, count)
    spent = _all_in(view, best, wanted) if wanted else None
    return Idea(
        failed[0] if failed else "", best.side, edges[0], edges[1], trust, quote, binding, believed, None,
        failed, Quote(best.is_bid, best.price, wanted), spent,
    )  # fmt: skip


def _all_in(view: View, best: Offer, count: int) -> float:
    """Dollars a contract for so many at the best price, fee included; what is allowed for slippage is not paid."""
    spent = best.cost
    if count != spent.size:
        spent = at_one_price(view.market.contract.fees, best.own_price, count, view.parameters.slippage)
    return spent.price + spent.fee


def _left(view: View, best: Offer, count: int) -> str:
    """Whether what the display leaves of an order still has the edge: a small one pays more fee a contract."""
    if not count:
        return "SIZE_ZERO"
    return "" if _counted(view, best, count) >= view.parameters.edge_threshold else BELOW


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
    share = _share(view, displayed)
    count = share or CONTRACT
    fees, slippage = view.market.contract.fees, parameters.slippage
    if displayed >= count:
        spent: Cost | None = at_one_price(fees, own_price, count, slippage)
    else:
        spent = cost(book, fees, is_bid, count, None, slippage)
    if spent is None:
        return None
    net = p - spent.net
    counted = net if parameters.edge_basis == "net" else p - spent.price
    return Offer(is_bid, price, own_price, displayed, share, p, spent, net, counted)


def _counted(view: View, best: Offer, count: int) -> float:
    """The edge that the gate looks at, again for the size that was left (section 9.4, step 11)."""
    if count == best.cost.size:
        return best.counted
    fees, slippage = view.market.contract.fees, view.parameters.slippage
    spent = cost(view.market.book, fees, best.is_bid, count, best.price, slippage)
    return edge(best.p, spent, is_gross=view.parameters.edge_basis == "gross") if spent else 0.0


def _pace(view: View) -> tuple[str, ...]:
    """Why an order would be too soon."""
    if view.is_working:
        return ("ORDER_WORKING",)
    too_soon = view.now_ns < view.market.ordered_ns + view.parameters.order_interval_ns
    return ("TOO_SOON",) if too_soon else ()


def _sale(view: View, believed: Belief) -> Quote | None:
    """Selling what is held, at the best price, when that brings more than holding it to the end is worth, which costs
    no fee (section 7.2). Neither threshold nor confidence is asked for: it makes the risk smaller."""
    position, book = view.position, view.market.book
    is_bid = position < 0
    price = book.ask if is_bid else book.bid
    bid = (PRICE_DOLLAR - price if is_bid else price) / PRICE_DOLLAR
    worth = 1.0 - believed.pooled if is_bid else believed.pooled
    margin = view.parameters.exit_margin
    count = _takeable(view, is_bid, abs(position)) if is_worth_selling(bid, worth, margin) else 0
    if not count:
        return None
    brings = proceeds(book, view.market.contract.fees, -count if is_bid else count, price)
    return Quote(is_bid, price, count) if brings is not None and is_worth_selling(brings, worth, margin) else None


def _takeable(view: View, is_bid: bool, most: int) -> int:
    """How much of `most` one order may ask for of what is displayed at the best price."""
    book = view.market.book
    return min(_share(view, book.count_at_ask() if is_bid else book.count_at_bid()), view.rounded(most))


def _share(view: View, displayed: int) -> int:
    """How much one order may ask for of so much on display."""
    parameters = view.parameters
    return share_of(displayed, parameters.depth_share, view.risk.limits.max_order_count, parameters.unit)


def _size(view: View, best: Offer, error: float) -> Size:
    """Kelly on a probability taken one margin towards the market, less what is held, within one order and one market's
    limit. Neither what else is open nor what is displayed is looked at here."""
    parameters, risk = view.parameters, view.risk
    probability = shrunk(best.p, best.own_price / PRICE_DOLLAR, error, parameters.probability_margin)
    worth = view.kelly(probability, best.cost.net, is_yes=best.is_bid)
    position, cap = view.position, view.volume_cap
    held = position if best.is_bid else -position
    found, contracts, most = sized(
        worth,
        held,
        best.own_price,
        risk.market_cap,
        risk.limits.max_order_count,
        parameters.top_up_share,
        parameters.unit,
        -1 if cap is None else cap,
    )
    reason = WHY[found]
    if found == HELD and not _takeable(view, best.is_bid, -held):
        reason = "SIZE_ZERO"
    return Size(reason, contracts, most)


def _within_room(view: View, best: Offer, count: int) -> tuple[int, tuple[Budget, ...]]:
    """As much of `count` as the tightest limit leaves room for, at worst; and the limits that leave none, with what they
    would come to, the tightest first."""
    contract = view.market.contract
    budgets = view.risk.budgets(contract.ticker, contract.close_ns)
    room = tightest(budgets)
    a_contract = best.own_price * CONTRACT + worst_fee(contract.fees, best.own_price, CONTRACT)
    most = affordable(room.limit - room.use, a_contract, view.unit)
    if most > 0:
        return min(count, most), ()
    over = [Budget(code, limit, use + a_contract) for code, limit, use in budgets if limit - use < a_contract]
    if len(over) > 1:
        over.sort(key=lambda budget: budget.code != room.code)
    return count, tuple(over)


def _confidence(view: View, pricing: Pricing, best: Offer, error: float, intended: int) -> float:
    """The score of section 7.3; the book is trusted for the size that is wanted, a contract at least."""
    q_feed = feed_quality(view.fresh_venues, view.needed_venues, view.spot_age_ns)
    q_index = OFFICIAL if pricing.is_official else ANCHORED if view.is_anchored else UNANCHORED
    q_book = book_quality(best.displayed, max(intended, CONTRACT))
    return confidence(best.net, error, q_feed, q_index, q_book)
