"""What a run did: orders, fills, settlements, the equity after each, and why nothing happened when nothing did."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from backtests.core.gate_costs import Evaluations, Seen
from backtests.core.marked import MarkedPoint
from backtests.core.markout import Later
from backtests.core.window_paths import Paths
from markets.core.contract import Contract
from markets.core.events import MarketListed, MarketStatus
from markets.core.payout import is_awaited, yes_pays_of
from markets.core.units import PRICE_DOLLAR
from trading.core.decision import NOTHING, Decision, Forecast, PlaceOrder, Signal
from trading.core.events import Event, Fill, Opening, OrderCancelled, OrderRejected, Settled


class Placed(msgspec.Struct):
    """An order as it left the engine, with what the engine thought then, and what became of it."""

    number: int
    ticker: str
    is_bid: bool
    price: int
    count: int
    sent_ns: int
    signal: Signal | None = None
    filled: int = 0
    refused: str = ""


class Outcome(NamedTuple):
    """How a market ended: its result, and what that pays for a YES contract (a Price)."""

    result: str
    yes_pays: int

    @property
    def is_void(self) -> bool:
        """Whether nobody was right."""
        return self.result == "scalar"


class EquityPoint(msgspec.Struct, frozen=True):
    """Cash and the cost of what is open, right after a fill or a settlement."""

    time_ns: int
    equity: int


class Said(NamedTuple):
    """What we and the market's middle said of one window at one time before its close: probabilities of YES."""

    ticker: str
    seconds_left: int
    fair: float
    mid: float


class Result(msgspec.Struct):
    """One tape, or several in a row, traded through. `closing` is what the next tape may open with."""

    opening: Opening
    closing: Opening
    first_ns: int
    last_ns: int
    events: int = 0
    steps: int = 0
    decisions: int = 0
    digest: str = ""
    orders: list[Placed] = []
    fills: list[Fill] = []
    settlements: list[Settled] = []
    equity: list[EquityPoint] = []
    funnel: dict[str, int] = {}
    denials: dict[str, int] = {}
    halts: list[tuple[int, str]] = []
    contracts: dict[str, Contract] = {}
    results: dict[str, Outcome] = {}
    days: dict[int, None] = {}
    seen: dict[str, Seen] = {}  # by market: what its evaluations ended at
    markouts: dict[str, Later] = {}  # by trade id
    marked: list[MarkedPoint] = []
    paths: dict[str, bytes] = {}  # by market that was traded; backtests.core.window_paths reads them
    said: list[Said] = []  # traded or not


class Recorder:
    """Hears each event with its decision, and keeps what a report needs. Memory grows with orders and markets,
    not with events."""

    def __init__(self) -> None:
        self.orders: dict[int, Placed] = {}
        self.fills: list[Fill] = []
        self.settlements: list[Settled] = []
        self.denials: dict[str, int] = {}
        self.halts: list[tuple[int, str]] = []
        self.contracts: dict[str, Contract] = {}
        self.results: dict[str, Outcome] = {}
        self.evaluations = Evaluations()
        self.paths = Paths()
        self.said: list[Said] = []
        self.traded: dict[str, None] = {}
        self._kinds: Mapping[type, Any] = {
            MarketListed: self._listed,
            MarketStatus: self._status,
            Fill: self._filled,
            Settled: self.settlements.append,
            OrderCancelled: self._ended,
            OrderRejected: self._ended,
        }

    def hear(self, event: Event, decision: Decision) -> None:
        """Keep the facts of one step."""
        keep = self._kinds.get(type(event))
        if keep is not None:
            keep(event)
        if decision is NOTHING:
            return
        if decision.signals:
            self.evaluations.hear(decision.signals)
            self.paths.hear(decision.signals)
        if decision.forecasts:
            self.said.extend(said for said in map(_said, decision.forecasts) if said is not None)
        if decision.commands or decision.denied or decision.mode is not None:
            self._decided(decision)

    def _decided(self, decision: Decision) -> None:
        thoughts = {signal.ticker: signal for signal in decision.signals}
        for command in decision.commands:
            if not isinstance(command, PlaceOrder):
                continue
            self.orders[command.number] = _placed(command, decision.received_ns, thoughts.get(command.ticker))
        for denied in decision.denied:
            self.denials[denied.code] = self.denials.get(denied.code, 0) + 1
        if decision.mode is not None and (decision.mode.reason or (decision.mode.mode == "ACTIVE" and self.halts)):
            # only what the engine did by itself, and that it ended: opening and closing the desk is no news
            self.halts.append((decision.received_ns, f"{decision.mode.mode} {decision.mode.reason}".strip()))

    def _listed(self, event: MarketListed) -> None:
        self.contracts[event.contract.ticker] = event.contract

    def _status(self, event: MarketStatus) -> None:
        if event.status == "settled" and not is_awaited(event.result, event.yes_pays):
            self.results[event.ticker] = Outcome(event.result, yes_pays_of(event.result, event.yes_pays))
            if event.ticker not in self.traded:
                self.paths.forget(event.ticker)

    def _filled(self, event: Fill) -> None:
        self.fills.append(event)
        self.traded[event.ticker] = None
        order = self.orders.get(event.number)
        if order is not None:
            order.filled += event.count

    def _ended(self, event: OrderCancelled | OrderRejected) -> None:
        order = self.orders.get(event.number)
        if order is not None and not order.filled:
            order.refused = event.code if isinstance(event, OrderRejected) else event.reason


def outcomes(result: Result) -> dict[str, Outcome]:
    """How each market ended, by ticker: as it was paid out, and as the exchange said."""
    paid = {
        event.ticker: Outcome(event.result, yes_pays_of(event.result, event.yes_pays)) for event in result.settlements
    }
    return paid | result.results


def _said(forecast: Forecast) -> Said | None:
    """None where one of the two said nothing."""
    if forecast.fair is None or not 0 < forecast.bid < forecast.ask < PRICE_DOLLAR:
        return None
    mid = (forecast.bid + forecast.ask) / (2 * PRICE_DOLLAR)
    return Said(forecast.ticker, forecast.seconds_left, forecast.fair, mid)


def _placed(order: PlaceOrder, sent_ns: int, signal: Signal | None) -> Placed:
    return Placed(order.number, order.ticker, order.is_bid, order.price, order.count, sent_ns, signal)
