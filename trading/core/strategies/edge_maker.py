"""Rest quotes around fair value on the side that pays no taker fee; pull them whenever somebody may know more than we do."""

from math import sqrt

import msgspec

from markets.core.units import CONTRACT, PRICE_DOLLAR, SECOND_NS, YEAR_S
from trading.core.confidence import probability_error
from trading.core.edge import Belief
from trading.core.fees import fee_per_contract, worst_fee
from trading.core.maker import ask_price, bid_price, half_spread, pick_off, reservation, tick_at
from trading.core.market import Pricing
from trading.core.parameters import Parameters
from trading.core.sizing import shrunk
from trading.core.strategy import Idea, Quote, View, obstacles
from trading.core.tails import normal_pdf

QUOTING, STALE, MOVED = "QUOTING", "QUOTES_STALE", "QUOTES_MOVED"
MOST_MARKS = 64
CALM_NS = 5 * SECOND_NS  # a quote that was out so long was made in calm times
MOST_DOUBLINGS = 5


class Spread(msgspec.Struct, frozen=True, gc=False):
    """What both quotes are made of, in dollars a contract. `half` is their distance from the reservation price
    `centre`, `v` how far fair value moves while we cannot react, `dues` what a fill costs beside being picked off."""

    fair: float
    centre: float
    half: float
    v: float
    dues: float


class Mark(msgspec.Struct):
    """What the world looked like when the quotes of a market were made, and how long they have been out. They stay away
    until `until_ns` (0: they are out), after `pulls` in a row without a calm time in between."""

    close_ns: int
    since_ns: int
    made_ns: int
    chance: float  # by the model: before pooling, which moves with the market too
    half: float
    logs: dict[str, float]  # of the price of each venue that spoke by a quote or a book
    prices: tuple[int, ...]
    pulls: int = 0
    until_ns: int = 0

    def stay_away(self, now_ns: int, reaction_ns: int) -> None:
        """For the reaction time, and twice as long each time that there was no calm in between: an order that is sent
        to be taken back at once is of no use to anybody."""
        if not self.until_ns:
            pulls = 0 if now_ns >= self.since_ns + CALM_NS else self.pulls
            self.until_ns = now_ns + (reaction_ns << pulls)
            self.pulls = min(pulls + 1, MOST_DOUBLINGS)


class EdgeMaker:
    """Quotes both sides around what we believe (pricing notes, section 8). It never crosses the spread: what it holds
    is sold by its quotes, or held to the end."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}

    def decide(self, view: View) -> Idea:
        """Both quotes as they should rest now; none, with the reason, while they would be in danger."""
        pricing, blocked = view.pricing, _blocked(view)
        if pricing is None:
            return self._pulled(view, blocked)
        believed = view.belief(pricing)
        blocked = blocked or ("" if believed.is_measurable else "NO_MEASURABLE_EDGE")
        mark = self._marks.get(view.market.contract.ticker)
        if not blocked and mark is not None and _must_go(view, pricing, mark):
            blocked = MOVED
        if blocked:
            return self._pulled(view, blocked, believed)
        return self._quoted(view, pricing, believed, mark)

    def _quoted(self, view: View, pricing: Pricing, believed: Belief, mark: Mark | None) -> Idea:
        spread = spread_of(view, pricing, believed)
        quotes, reason = quotes_of(view, pricing, spread)
        prices = tuple(quote.price for quote in quotes)
        if mark is None or mark.until_ns or prices != mark.prices:
            self._mark(view, pricing, spread.half, prices, mark)
        edges = {quote.is_bid: _edge(view, spread, quote) for quote in quotes}
        return Idea(
            QUOTING if quotes else reason,
            edge_yes=edges.get(True),
            edge_no=edges.get(False),
            belief=believed,
            resting=quotes,
            failed=() if quotes else (reason,),
        )

    def _pulled(self, view: View, reason: str, believed: Belief | None = None) -> Idea:
        ticker = view.market.contract.ticker
        if reason not in {MOVED, STALE}:
            self._marks.pop(ticker, None)
        elif ticker in self._marks:
            self._marks[ticker].stay_away(view.now_ns, view.parameters.maker_reaction_ns)
        return Idea(reason, belief=believed, resting=(), failed=(reason,))

    def _mark(self, view: View, pricing: Pricing, half: float, prices: tuple[int, ...], before: Mark | None) -> None:
        contract, now_ns = view.market.contract, view.now_ns
        is_out = before is not None and not before.until_ns
        if before is not None and is_out and now_ns < before.made_ns + view.parameters.maker_reaction_ns:
            return  # what drifts more slowly than we react is followed; a jump is not
        if len(self._marks) > MOST_MARKS:  # of markets that were settled while they were quoted
            self._marks = {ticker: mark for ticker, mark in self._marks.items() if mark.close_ns > now_ns}
        self._marks[contract.ticker] = Mark(
            contract.close_ns,
            before.since_ns if before is not None and is_out else now_ns,
            now_ns,
            pricing.calibrated,
            half,
            {venue: log for venue, log, spread in view.spot.speakers(now_ns) if spread},
            prices,
            before.pulls if before is not None else 0,
        )


# Where the quotes go --------------------------------------------------------------------------------------


def reaction_move(pricing: Pricing, parameters: Parameters) -> float:
    """v: one standard deviation of fair value over our reaction time, dP/dS times sigma_abs times sqrt(L)."""
    if not pricing.deviation:
        return 0.0
    sigma = pricing.annualised / sqrt(YEAR_S)
    return normal_pdf(pricing.z) / pricing.deviation * sigma * sqrt(parameters.maker_reaction_ns / SECOND_NS)


def spread_of(view: View, pricing: Pricing, believed: Belief) -> Spread:
    """Where the quotes of a market go, before book and grid are looked at."""
    contract, parameters, fair = view.market.contract, view.parameters, believed.pooled
    price = min(max(round(fair * PRICE_DOLLAR), 1), PRICE_DOLLAR - 1)
    v = reaction_move(pricing, parameters)
    dues = parameters.maker_adverse + fee_per_contract(contract.fees, contract.floor(price), is_taker=False)
    half = half_spread(v, dues, max(tick_at(contract, price), parameters.maker_half_spread))
    return Spread(fair, reservation(fair, inventory(view), parameters.maker_skew), half, v, dues)


def inventory(view: View) -> float:
    """Net YES held in all markets with this close, as a share of what may be: so many contracts as lose the limit of a
    close when each costs a dollar. -1 to 1."""
    limits = view.risk.limits
    share = max(view.equity, 0) * limits.max_close_share_bp // 10_000
    most = min(limits.max_close_exposure, share) // (PRICE_DOLLAR * CONTRACT) * CONTRACT
    return min(max(view.net_at_close / most, -1.0), 1.0) if most > 0 else 0.0


def quotes_of(view: View, pricing: Pricing, spread: Spread) -> tuple[tuple[Quote, ...], str]:
    """(the quotes that are worth their risk and have room, bid first; why there is none). A bid is never above p* less
    the half spread, an ask never below p* and the half spread, wherever the inventory would have them."""
    contract, book = view.market.contract, view.market.book
    low, high = min(spread.centre, spread.fair) - spread.half, max(spread.centre, spread.fair) + spread.half
    prices = {
        True: bid_price(contract, book, low, _own_at(view, True, book.bid)),
        False: ask_price(contract, book, high, _own_at(view, False, book.ask)),
    }
    error = probability_error(pricing.z, pricing.sigma_error, pricing.level_error, pricing.calibration_error)
    quotes, reason = [], "EDGE_BELOW_THRESHOLD"
    for is_bid, price in prices.items():
        quote = Quote(is_bid, price, 0)
        if not price or _edge(view, spread, quote) <= 0.0:
            continue
        size, reason = _size(view, spread, quote, error)
        if size:
            quotes.append(quote._replace(size=size))
    return tuple(quotes), reason


def _size(view: View, spread: Spread, quote: Quote, error: float) -> tuple[int, str]:
    """(how many contracts, why none): Kelly at the quote's own price, less what is held on that side and with what is
    held on the other, within one quote, one order, the displayed depth and half of what the limits leave."""
    parameters, risk = view.parameters, view.risk
    own = _own_price(quote)
    held = view.position if quote.is_bid else -view.position
    p = spread.fair if quote.is_bid else 1.0 - spread.fair
    cost = own / PRICE_DOLLAR + spread.dues - parameters.maker_adverse
    believed = shrunk(p, own / PRICE_DOLLAR, error, parameters.probability_margin)
    wanted = max(view.kelly(believed, cost, is_yes=quote.is_bid) - held, 0) if cost < 1.0 else max(-held, 0)
    if not wanted:
        return 0, "POSITION_FULL" if held > 0 else "SIZE_ZERO"
    opening, reason = _affordable(view, quote, own)
    most = min(parameters.maker_max_count, risk.limits.max_order_count, _depth(view, quote.is_bid))
    size = min(wanted, opening + max(-held, 0), most) // view.unit * view.unit
    return size, "" if size else reason or "SIZE_ZERO"


def _depth(view: View, is_bid: bool) -> int:
    """The share that one quote may have of what others display at the best price of its side; where nobody else is
    there, what it has."""
    book = view.market.book
    price, displayed = (book.bid, book.count_at_bid()) if is_bid else (book.ask, book.count_at_ask())
    own = _own_at(view, is_bid, price)
    return int((displayed - own) * view.parameters.depth_share) if displayed > own else own


def _affordable(view: View, quote: Quote, own: int) -> tuple[int, str]:
    """(how many contracts may be opened by one of two quotes, the limit that leaves none). What our own orders in this
    market take up is room: the quotes are to replace them."""
    if view.risk.mode != "ACTIVE":
        return 0, "REDUCING_ONLY"
    stock = inventory(view)
    if (stock >= 1.0 and quote.is_bid) or (stock <= -1.0 and not quote.is_bid):
        return 0, "POSITION_FULL"
    contract, risk = view.market.contract, view.risk
    room = risk.room(contract.ticker, contract.close_ns)
    left = room.limit - room.use + risk.orders.exposure_in(contract.ticker)
    a_contract = own * CONTRACT + worst_fee(contract.fees, own, CONTRACT, is_taker=False)
    return max(left, 0) // 2 * CONTRACT // a_contract, room.code


# What speaks against quoting ------------------------------------------------------------------------------


def _blocked(view: View) -> str:
    """The first reason why nothing may rest now."""
    market, parameters = view.market, view.parameters
    if stops := obstacles(view):
        return stops[0]
    if view.now_ns >= market.contract.close_ns - parameters.maker_quiet_close_ns:
        return "CLOSING"
    if not market.book.is_two_sided:
        return "BOOK_ONE_SIDED"
    return STALE if _is_stale(view) else ""


def _is_stale(view: View) -> bool:
    """Whether the price is older than may be. The index is told once a second: it is late when the next value is."""
    most_ns, index_ns = view.parameters.maker_stale_ns, view.index_age_ns
    return view.spot_age_ns > most_ns or (index_ns is not None and index_ns > SECOND_NS + most_ns)


def _must_go(view: View, pricing: Pricing, mark: Mark) -> bool:
    """Whether the quotes have to stay away still; or fair value, or what one venue alone would make of it, is more than
    half of the half spread from where it was. What a venue's middle moves within its own spread is no move."""
    if mark.until_ns:
        return view.now_ns < mark.until_ns
    most = 0.5 * mark.half
    if abs(pricing.calibrated - mark.chance) > most:
        return True
    slope = normal_pdf(pricing.z) / pricing.deviation if pricing.deviation else 0.0
    return any(
        slope * (abs(log - mark.logs[venue]) - spread) > most
        for venue, log, spread in view.spot.speakers(view.now_ns)
        if spread and venue in mark.logs
    )


def _edge(view: View, spread: Spread, quote: Quote) -> float:
    """What a contract of a quote is worth more than it costs, being picked off and all other dues taken off."""
    own = _own_price(quote) / PRICE_DOLLAR
    distance = (spread.fair if quote.is_bid else 1.0 - spread.fair) - own
    return distance - pick_off(distance, spread.v) - spread.dues


def _own_at(view: View, is_bid: bool, price: int) -> int:
    """How many contracts of ours may rest at this YES price: on an exchange they are displayed with the others."""
    orders = view.risk.orders.in_market(view.market.contract.ticker)
    return sum(order.left for order in orders if order.is_bid == is_bid and price in order.prices())


def _own_price(quote: Quote) -> int:
    """Of the side that is bought."""
    return quote.price if quote.is_bid else PRICE_DOLLAR - quote.price
