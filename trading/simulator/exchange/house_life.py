"""The life of markets: listed, opened, given a strike, closed, determined, paid out, forgotten; pauses and maintenance."""

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from markets.core.contract import WINDOW_NS, Contract
from markets.core.events import MarketStatus
from markets.core.payout import WORTH
from markets.core.units import SECOND_NS
from markets.kalshi.ticker import series_named
from trading.core.matching.messages import Refusal
from trading.simulator.exchange.house_news import Lifecycle, LifecycleType
from trading.simulator.exchange.house_rows import HouseMarket, MarketState
from trading.simulator.exchange.listing import (
    LISTED_AHEAD_NS,
    SETTLEMENT_TIMER_NS,
    closes_ahead,
    house_market,
    is_listed,
    next_maintenance,
    plain_contract,
    rules_primary,
    series_of,
    structure_of,
    yes_sub_title,
)

if TYPE_CHECKING:
    from trading.simulator.exchange.house import House

KEPT_SETTLED = 600  # markets
Result = Literal["yes", "no", "scalar"]


class Life:
    """Moves the house's markets on. `settle_delay` says how much later than usual (ns) a market is determined."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self.settle_delay: Callable[[], int] = lambda: 0
        self._settled: deque[str] = deque()
        self._decimals: dict[str, int] = {}  # by asset

    # Listings ------------------------------------------------------------------------------------------------

    def begin(self, decimals: dict[str, int], now_ns: int) -> None:
        """List the windows of these assets, from the one that is open on, and more each quarter of an hour."""
        self._decimals = dict(decimals)
        for asset in decimals:
            self._know_series(asset)
        self._list_ahead(now_ns - WINDOW_NS, now_ns)
        if self._house.rests:
            self.keep_hours(now_ns)

    def _list_ahead(self, after_ns: int, now_ns: int) -> None:
        until_ns = now_ns + LISTED_AHEAD_NS
        for asset, decimals in self._decimals.items():
            for close_ns in closes_ahead(asset, after_ns, until_ns, rests=self._house.rests):
                self.listed(plain_contract(asset, close_ns, decimals), now_ns)
        next_ns = (now_ns // WINDOW_NS + 1) * WINDOW_NS
        self._house.timetable.at(next_ns, lambda at_ns: self._list_ahead(until_ns, at_ns))

    def listed(self, contract: Contract, now_ns: int) -> None:
        """These are the terms of a market: a new one, or its strike or grid has become known."""
        market = self._house.markets.get(contract.ticker)
        if market is not None:
            self._renew(market, contract, now_ns)
        elif not self._decimals or is_listed(contract.asset, contract.close_ns, rests=self._house.rests):
            self._add(contract, now_ns)

    def _add(self, contract: Contract, now_ns: int) -> None:
        house = self._house
        self._know_series(contract.asset)
        created_ns = min(now_ns, max(contract.open_ns - LISTED_AHEAD_NS, 0))
        market = house_market(contract, house.ids, created_ns, house.shard)
        house.add_market(market)
        house.matching.list_market(contract, market.shard)
        house.say(Lifecycle(now_ns, contract.ticker, "created"))
        house.timetable.at(contract.open_ns, lambda at_ns: self._open(market, max(at_ns, now_ns)))
        house.timetable.at(contract.close_ns, lambda at_ns: self._close(market, max(at_ns, now_ns)))

    def _renew(self, market: HouseMarket, contract: Contract, now_ns: int) -> None:
        """A strike that was written is never forgotten again; what is over is not renewed."""
        before = market.contract
        if contract == before or market.determined_ns or (contract.strike is None and before.strike is not None):
            return
        market.contract = contract
        self._house.matching.relist(contract, now_ns)
        if contract.strike != before.strike:
            market.yes_sub_title = yes_sub_title(contract)
            market.rules_primary = rules_primary(contract)
            self._say(market, "metadata_updated", now_ns)
        if contract.grid != before.grid:
            market.price_level_structure = structure_of(contract)
            self._say(market, "price_level_structure_updated", now_ns)

    def _know_series(self, asset: str) -> None:
        known = self._house.series.setdefault(series_named(asset), series_of(asset))
        known.shard = self._house.shard

    # Trading -------------------------------------------------------------------------------------------------

    def _open(self, market: HouseMarket, now_ns: int) -> None:
        if market.status == "initialized" and now_ns < market.close_ns:
            self._become(market, "active", now_ns)
            self._house.matching.set_status(market.ticker, "open", now_ns)

    def _close(self, market: HouseMarket, now_ns: int) -> None:
        """Everybody's orders are taken out of the book, the crowd's too."""
        if market.status in ("initialized", "active", "inactive"):
            matching = self._house.matching
            self._become(market, "closed", now_ns)
            matching.set_status(market.ticker, "closed", now_ns)
            matching.crowd_replace(market.ticker, (), (), now_ns)

    def pause(self, market: HouseMarket, now_ns: int) -> None:
        """Nobody trades it for now."""
        if market.status == "active":
            self._become(market, "inactive", now_ns)
            self._house.matching.set_status(market.ticker, "paused", now_ns)
            self._say(market, "deactivated", now_ns)

    def resume(self, market: HouseMarket, now_ns: int) -> None:
        """Trading goes on, with an empty book on the members' side."""
        if market.status == "inactive":
            self._become(market, "active", now_ns)
            self._house.matching.set_status(market.ticker, "open", now_ns)
            self._say(market, "activated", now_ns)

    def heard(self, event: MarketStatus, now_ns: int) -> None:
        """What the world or a tape says of a market."""
        market = self._house.markets.get(event.ticker)
        if market is None:
            return
        if event.status == "open":
            self._open(market, now_ns)
            self.resume(market, now_ns)
        elif event.status == "paused":
            self.pause(market, now_ns)
        elif event.status == "closed":
            self._close(market, now_ns)
        elif event.status == "disputed":
            self.dispute(market, now_ns)
        else:
            self._close(market, now_ns)
            due_ns = now_ns + self.settle_delay()
            self._house.timetable.at(due_ns, lambda at_ns: self._decide(market, event, max(at_ns, now_ns)))

    # Results -------------------------------------------------------------------------------------------------

    def _decide(self, market: HouseMarket, event: MarketStatus, now_ns: int) -> None:
        """By the index's own average where all of it was heard, else as the source says; a tie pays YES."""
        contract = market.contract
        average = self._house.index.settled(contract.asset, contract.close_ns, contract.decimals)
        if market.status != "closed":
            return  # disputed, or determined by hand
        if event.result == "scalar":
            self.determine(market, "scalar", event.yes_pays or 0, event.settle_value, now_ns)
        elif average is not None and contract.strike is not None:
            is_yes = Decimal(average) >= Decimal(repr(contract.strike))
            self.determine(market, "yes" if is_yes else "no", -1, average, now_ns)
        else:
            self.determine(market, event.result or "no", -1, event.settle_value, now_ns)

    def determine(self, market: HouseMarket, result: Result, yes_pays: int, value: str, now_ns: int) -> None:
        """Say the result; it is paid out when the settlement timer has run. Raises Refusal for a market that trades."""
        if market.status not in ("closed", "disputed", "determined", "amended"):
            raise Refusal("invalid_parameters", f"{market.ticker} is {market.status}")
        market.result, market.expiration_value, market.determined_ns = result, value, now_ns
        market.yes_pays = WORTH.get(result, yes_pays)
        self._become(market, "determined", now_ns)
        self._say(market, "determined", now_ns)
        due_ns = now_ns + SETTLEMENT_TIMER_NS
        self._house.timetable.at(due_ns, lambda at_ns: self._pay(market, max(at_ns, now_ns)))

    def dispute(self, market: HouseMarket, now_ns: int) -> None:
        """Nothing is paid until somebody determines it."""
        if market.status in ("closed", "determined"):
            self._become(market, "disputed", now_ns)

    def _pay(self, market: HouseMarket, now_ns: int) -> None:
        house = self._house
        result, pays = market.result, market.yes_pays
        if market.status != "determined" or now_ns < market.determined_ns + SETTLEMENT_TIMER_NS:
            return
        if not result or pays is None:
            raise ValueError(f"{market.ticker} is determined without a result")
        self._become(market, "finalized", now_ns)
        market.settled_ns = now_ns
        house.matching.settle(market.ticker, result, pays, now_ns)
        house.flush()
        house.ledger.forget(market.ticker)
        self._say(market, "settled", now_ns)
        self._settled.append(market.ticker)
        while len(self._settled) > KEPT_SETTLED:
            house.forget_market(self._settled.popleft())

    # Hours ---------------------------------------------------------------------------------------------------

    def keep_hours(self, now_ns: int) -> None:
        """Stop for the maintenance that is on or comes next, and go on after it."""
        hours = next_maintenance(now_ns)
        timetable = self._house.timetable
        timetable.at(max(hours.start_ns, now_ns), lambda _: self._maintain(hours.end_ns))
        timetable.at(hours.end_ns, self._reopen)

    def _maintain(self, resume_ns: int) -> None:
        for shard in self._house.shards:
            self._house.pause(shard, resume_ns=resume_ns)

    def _reopen(self, now_ns: int) -> None:
        for shard in self._house.shards:
            self._house.resume(shard)
        self.keep_hours(now_ns + SECOND_NS)

    # Words ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _become(market: HouseMarket, status: MarketState, now_ns: int) -> None:
        market.status, market.updated_ns = status, now_ns

    def _say(self, market: HouseMarket, event_type: LifecycleType, now_ns: int) -> None:
        market.updated_ns = now_ns
        self._house.say(Lifecycle(now_ns, market.ticker, event_type))
