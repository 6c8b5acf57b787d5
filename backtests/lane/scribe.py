"""Scribe: sits where the strategy sits, wants nothing, and writes down every evaluation that some setting could act on."""

from array import array

from backtests.lane.columns import ON_ASK_GRID, ON_BID_GRID
from markets.core.contract import Contract
from markets.core.units import CONTRACT, PRICE_DOLLAR
from trading.core.confidence import ANCHORED, OFFICIAL, UNANCHORED
from trading.core.edge import cost
from trading.core.engine import Engine
from trading.core.market import MarketState, Pricing
from trading.core.strategy import Idea, View

NOTHING_WANTED = Idea("SIZE_ZERO")
NO_STATE = -1


class Rows:
    """The columns of evaluations, growing."""

    def __init__(self) -> None:
        self.time, self.state, self.market = array("q"), array("i"), array("h")
        self.bid, self.ask, self.bid_count, self.ask_count = array("h"), array("h"), array("i"), array("i")
        self.grid = array("B")


class Thins:
    """The columns of books that display less than a contract, growing."""

    def __init__(self) -> None:
        self.row, self.yes, self.size = array("q"), array("B"), array("q")
        self.price, self.fee = array("d"), array("d")


class States:
    """The columns of prices, growing."""

    def __init__(self) -> None:
        self.calibrated, self.z, self.level_error, self.sigma_error = array("d"), array("d"), array("d"), array("d")
        self.source_ns, self.fresh, self.needed = array("q"), array("B"), array("B")
        self.index_quality, self.volume = array("d"), array("q")


class Thoughts:
    """The last thought of one market, growing where it changes."""

    def __init__(self) -> None:
        self.row, self.state, self.bid, self.ask = array("q"), array("i"), array("h"), array("h")
        self.last: tuple[int, int, int] | None = None


class Listing:
    """One market while it lives: its number here, and the state of its price that was written last."""

    def __init__(self, number: int, market: MarketState) -> None:
        self.number = number
        self.state_market = market
        self.contract = market.contract
        self.pricing: Pricing | None = None
        self.around: tuple[int, int, float, int | None] | None = None
        self.state = NO_STATE
        self.on_grid: dict[int, bool] = {}
        self.thoughts = Thoughts()

    def is_on_grid(self, price: int) -> bool:
        """Whether the exchange would take an order at this price, by the terms the market was listed with."""
        known = self.on_grid.get(price)
        if known is None:
            known = self.on_grid[price] = self.contract.is_on_grid(price)
        return known


class Scribe:
    """The strategy of a feature pass. `calibration_error` and the like of decisions must be those of `Parameters()`."""

    def __init__(self, engine: Engine) -> None:
        self.rows, self.thins, self.states = Rows(), Thins(), States()
        self.listings: list[Listing] = []
        self.unfit = ""
        self._engine = engine
        self._by_ticker: dict[str, Listing] = {}

    def listing(self, market: MarketState) -> Listing:
        """The number of a market and what is kept of it, made when it is new."""
        found = self._by_ticker.get(market.contract.ticker)
        if found is None or found.state_market is not market:
            found = Listing(len(self.listings), market)
            self.listings.append(found)
            self._by_ticker[market.contract.ticker] = found
        return found

    def decide(self, view: View) -> Idea:
        """Write a row, unless nothing could come of it under any setting."""
        market, pricing = view.market, view.pricing
        listing, book = self.listing(market), market.book
        if pricing is None:
            self._think(listing, NO_STATE, 0, 0)
            return NOTHING_WANTED
        state = self._state(view, listing, pricing)
        self._think(listing, state, book.bid, book.ask)
        contract, now_ns = market.contract, view.now_ns
        if (
            market.status != "open"
            or not contract.open_ns <= now_ns < contract.close_ns
            or contract.strike is None
            or market.lost
            or pricing.missing
            or book.bid >= book.ask
            or (book.bid == 0 and book.ask == PRICE_DOLLAR)
            or self._engine.watch.refused(market)
        ):
            return NOTHING_WANTED
        self._write(listing, state, now_ns, market)
        return NOTHING_WANTED

    def _write(self, listing: Listing, state: int, now_ns: int, market: MarketState) -> None:
        rows, book = self.rows, market.book
        bid, ask, bids, asks = book.bid, book.ask, book.count_at_bid(), book.count_at_ask()
        if bids < CONTRACT or asks < CONTRACT:
            self._write_thin(market, bids, asks)
        rows.time.append(now_ns)
        rows.state.append(state)
        rows.market.append(listing.number)
        rows.bid.append(bid)
        rows.ask.append(ask)
        rows.bid_count.append(bids)
        rows.ask_count.append(asks)
        on_bid, on_ask = listing.is_on_grid(bid), listing.is_on_grid(ask)
        rows.grid.append((ON_BID_GRID if on_bid else 0) | (ON_ASK_GRID if on_ask else 0))

    def _write_thin(self, market: MarketState, bids: int, asks: int) -> None:
        """What a contract would cost by walking the book, where the best price does not display one."""
        thins, book, fees = self.thins, market.book, market.contract.fees
        for is_yes, displayed, price in ((False, bids, book.bid), (True, asks, book.ask)):
            if displayed >= CONTRACT or price in (0, PRICE_DOLLAR):
                continue
            spent = cost(book, fees, is_yes, CONTRACT)
            thins.row.append(len(self.rows.time))
            thins.yes.append(is_yes)
            thins.size.append(spent.size if spent else 0)
            thins.price.append(spent.price if spent else 0.0)
            thins.fee.append(spent.fee if spent else 0.0)

    def _state(self, view: View, listing: Listing, pricing: Pricing) -> int:
        quality = OFFICIAL if pricing.is_official else ANCHORED if view.is_anchored else UNANCHORED
        around = (view.fresh_venues, view.needed_venues, quality, view.market.volume)
        if pricing is listing.pricing and around == listing.around:
            return listing.state
        listing.pricing, listing.around = pricing, around
        states = self.states
        listing.state = len(states.z)
        states.calibrated.append(pricing.calibrated)
        states.z.append(pricing.z)
        states.level_error.append(pricing.level_error)
        states.sigma_error.append(pricing.sigma_error)
        states.source_ns.append(view.now_ns - view.spot_age_ns)
        states.fresh.append(around[0])
        states.needed.append(around[1])
        states.index_quality.append(quality)
        states.volume.append(-1 if around[3] is None else around[3])
        if pricing.calibration_error != view.parameters.calibration_error:
            self.unfit = "A calibration map is laid over the model."
        return listing.state

    def _think(self, listing: Listing, state: int, bid: int, ask: int) -> None:
        thoughts, thought = listing.thoughts, (state, bid, ask)
        if thought == thoughts.last:
            return
        thoughts.last = thought
        thoughts.row.append(len(self.rows.time))
        thoughts.state.append(state)
        thoughts.bid.append(bid)
        thoughts.ask.append(ask)


def same_terms(one: Contract, other: Contract) -> bool:
    """Whether two listings of a ticker agree in all that an order and a settlement look at."""
    return (one.open_ns, one.close_ns, one.grid, one.fees) == (other.open_ns, other.close_ns, other.grid, other.fees)
