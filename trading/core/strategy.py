"""Strategy protocol: a View in, an Idea (signal and wanted quote) out; and what stands in the way of any order."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import msgspec

from markets.core.units import SECOND_NS
from trading.core.beside import held_beside
from trading.core.decision import Side
from trading.core.edge import Belief, belief
from trading.core.fitted import Fitted
from trading.core.joint import Bet, joint_fraction, loading_of
from trading.core.market import MarketState, Pricing
from trading.core.official import Official
from trading.core.parameters import Parameters
from trading.core.risk import Budget, Risk
from trading.core.sizing import contracts_for, kelly_fraction
from trading.core.spot import Spot


class Quote(NamedTuple):
    """An order that the strategy wants: buy (or sell) `size` of YES at `price` or better; now, or at rest in the book."""

    is_bid: bool
    price: int
    size: int


class Idea(msgspec.Struct, frozen=True, gc=False):
    """What a strategy thinks of a market now. `reason` is "" when it wants the quote.
    `binding` is the limit that left nothing, with the quote it did not leave room for."""

    reason: str
    side: Side = ""
    edge_yes: float | None = None
    edge_no: float | None = None
    confidence: float | None = None
    quote: Quote | None = None
    binding: Budget | None = None
    belief: Belief | None = None
    resting: tuple[Quote, ...] | None = None  # all that is to rest in this market now; None: it is left as it is
    failed: tuple[str, ...] = ()  # every gate that did not pass, in their order
    wanted: Quote | None = None  # what would be taken if no gate failed
    cost: float | None = None  # dollars a contract of it, fees included


class View(msgspec.Struct, frozen=True, gc=False):
    """All that a strategy may know of one market at one moment. It looks at what is true then: not to be kept."""

    now_ns: int
    market: MarketState
    pricing: Pricing | None
    spot: Spot
    risk: Risk
    parameters: Parameters
    fitted: Fitted = Fitted()
    markets: Mapping[str, MarketState] = msgspec.field(default_factory=dict)
    official: Official | None = None

    def kelly(self, p: float, cost: float, *, is_yes: bool) -> int:
        """How many contracts (Count, in the unit of `unit`) the fraction of Kelly asks for on a side that wins with
        probability `p` and costs `cost` dollars, fees included: jointly with what is held or under way in the other
        windows with this close (section 9.3). Those are taken for what the same fraction of a whole Kelly stake left."""
        parameters, contract, portfolio = self.parameters, self.market.contract, self.risk.portfolio
        fraction, orders = parameters.kelly_fraction, self.risk.orders
        held = []
        if (portfolio.positions or orders.working) and parameters.joint_kelly and fraction:
            held = held_beside(contract, portfolio, orders, self.markets, parameters.correlation_floor)
        if not held:
            return contracts_for(fraction * kelly_fraction(p, cost), cost, portfolio.equity, parameters.unit)
        if p <= cost:
            return 0
        whole = [each._replace(share=each.share / fraction) for each in held]
        bet = Bet(p, cost, loading_of(contract.asset, parameters.correlation_floor), is_yes)
        return contracts_for(fraction * joint_fraction(bet, whole), cost, portfolio.equity, parameters.unit)

    def rounded(self, count: int) -> int:
        """A count (Count) rounded down to what an order may be made of."""
        unit = self.parameters.unit
        return count // unit * unit

    @property
    def volume_cap(self) -> int | None:
        """The most that one order may be of what has traded in the window (section 9.4, step 9); None where nothing was
        heard of its trades, or the cap is off."""
        volume, share = self.market.volume, self.parameters.volume_share
        return None if volume is None or share >= 1.0 else int(volume * share)

    @property
    def unit(self) -> int:
        """The smallest step of an order's size (Count)."""
        return self.parameters.unit

    def belief(self, pricing: Pricing) -> Belief:
        """What we believe after hearing the market: made anew with every call."""
        contract = self.market.contract
        seconds_left = (contract.close_ns - self.now_ns) / SECOND_NS
        return belief(
            pricing, self.market.book, self.parameters, self.fitted, contract.asset, seconds_left, self.now_ns
        )

    @property
    def position(self) -> int:
        """The signed count held in this market."""
        return self.risk.portfolio.count(self.market.contract.ticker)

    @property
    def equity(self) -> int:
        """Cash and what the open contracts cost."""
        return self.risk.portfolio.equity

    @property
    def is_working(self) -> bool:
        """Whether an order of ours in this market has no answer yet."""
        return self.risk.orders.is_working(self.market.contract.ticker)

    @property
    def fresh_venues(self) -> int:
        """How many spot venues are fresh and not outvoted."""
        return self.spot.fresh(self.now_ns)

    @property
    def needed_venues(self) -> int:
        """How many of them a price needs."""
        return self.spot.needed

    @property
    def spot_age_ns(self) -> int:
        """How old the newest spot price is."""
        return self.spot.age_ns(self.now_ns)

    @property
    def index_age_ns(self) -> int | None:
        """How long ago the settlement index was published last; None where it never was."""
        published = self.official.published(self.now_ns) if self.official else None
        return published.age_ns if published else None

    @property
    def net_at_close(self) -> int:
        """The signed count of YES held in all markets that close with this one: they win and lose together."""
        close_ns = self.market.contract.close_ns
        return sum(held.count for held in self.risk.portfolio.positions.values() if held.close_ns == close_ns)

    @property
    def is_anchored(self) -> bool:
        """Whether the index estimate was ever held against a published strike."""
        return self.spot.is_anchored


class Strategy(Protocol):
    """One file and one line in the register: `decide` is called whenever something it may see has changed."""

    def decide(self, view: View) -> Idea:
        """What to want in this market now."""
        ...


def obstacle(view: View) -> str:
    """The first reason code why no order may be wanted in this market now; "" when nothing is in the way."""
    return next(iter(obstacles(view)), "")


def obstacles(view: View) -> tuple[str, ...]:
    """All of them, in the order of section 9.4; never none where there is no price. Why there is none is only asked where
    nothing else stands in the way: it takes long, and without a price there is nothing to want."""
    now_ns, market, pricing, parameters = view.now_ns, view.market, view.pricing, view.parameters
    contract = market.contract
    stops = []
    if market.status != "open" or not contract.open_ns <= now_ns < contract.close_ns:
        stops.append("NOT_OPEN")
    if contract.strike is None:
        stops.append("NO_STRIKE")
    if market.lost:
        stops.append("FEED_LOST")
    if pricing is None:
        if not stops:
            stops.append(view.spot.problem(now_ns) or "NOT_PRICEABLE")
    elif pricing.missing:
        stops.append("SAMPLES_MISSING")
    if market.book.is_crossed:
        stops.append("BOOK_CROSSED")
    if now_ns < contract.open_ns + parameters.quiet_open_ns:
        stops.append("OPENING")
    elif now_ns >= contract.close_ns - parameters.quiet_close_ns:
        stops.append("CLOSING")
    return tuple(stops)
