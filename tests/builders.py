"""contract(), book(), spot(), fill() … with sensible defaults: one small world that most tests share."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from markets.core.contract import Contract
from markets.core.events import BookSnapshot, MarketListed, MarketStatus, SpotPrice
from markets.core.units import DOLLAR, SECOND_NS
from trading.core.decision import Decision, PlaceOrder
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Event, Fill, Opening
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange
from trading.core.parameters import Parameters

T = TypeVar("T")

EAGER = Parameters(min_confidence=0.0, pooling="off")  # trades on its own opinion: where a test is not about the gates

TICKER = "KXBTC15M-26NOV221200-00"
CLOSE_NS = 1_795_366_800 * SECOND_NS  # 2026-11-22 17:00:00 UTC, noon in New York
OPEN_NS = CLOSE_NS - 900 * SECOND_NS
STRIKE = 85_000.0


def contract(ticker: str = TICKER, **changes: object) -> Contract:
    terms: dict[str, object] = {
        "ticker": ticker,
        "series": ticker.partition("-")[0],
        "asset": "BTC",
        "open_ns": OPEN_NS,
        "close_ns": CLOSE_NS,
        "strike": STRIKE,
    }
    return Contract(**(terms | changes))  # type: ignore[arg-type]


def snapshot(
    seconds: float, bid: int = 4_900, ask: int = 5_100, count: int = 100_000, **changes: object
) -> BookSnapshot:
    """A book with one level on each side; a bid of 0 or an ask of 10000 leaves that side empty."""
    yes = ((bid, count),) if bid else ()
    no = ((10_000 - ask, count),) if ask < 10_000 else ()
    return BookSnapshot(at(seconds), str(changes.get("ticker", TICKER)), yes, no)


def spot(seconds: float, price: float = STRIKE, venue: str = "coinbase") -> SpotPrice:
    return SpotPrice(at(seconds), venue, "BTC", price, 1.0, at(seconds))


def status(seconds: float, state: str, result: str = "", ticker: str = TICKER) -> MarketStatus:
    return MarketStatus(at(seconds), ticker, state, result)  # type: ignore[arg-type]


def fill(count: int = 1_000, price: int = 5_000, **changes: object) -> Fill:
    values: dict[str, object] = {
        "received_ns": at(60),
        "trade_id": "t1",
        "ticker": TICKER,
        "number": 1,
        "is_bid": True,
        "price": price,
        "count": count,
        "fee": 0,
    }
    return Fill(**(values | changes))  # type: ignore[arg-type]


def at(seconds: float) -> int:
    """So many seconds after the open, in nanoseconds."""
    return OPEN_NS + round(seconds * SECOND_NS)


def opening(cash: int = 10_000 * DOLLAR, seconds: float = -5.0, **changes: object) -> Opening:
    values: dict[str, object] = {"received_ns": at(seconds), "cash": cash}
    return Opening(**(values | changes))  # type: ignore[arg-type]


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Table:
    """A desk on the paper exchange, opened and ready: `hear` events, look at what was heard and decided."""

    def __init__(
        self,
        *,
        limits: RiskLimits | None = None,
        parameters: Parameters | None = None,
        start: Opening | None = None,
    ) -> None:
        self.engine = Engine()
        self.exchange = PaperExchange(self.engine.markets)
        self.desk = Desk(self.engine, self.exchange)
        self.heard: list[Event] = []
        self.decisions: list[Decision] = []
        events = opening_events(start or opening(), limits or RiskLimits(), parameters or Parameters())
        self._note(self.desk.open(*events))

    def hear(self, *events: Event) -> "Table":
        for event in events:
            self._note(self.desk.hear(event))
        return self

    def finish(self) -> "Table":
        self._note(self.desk.finish())
        return self

    @property
    def orders(self) -> list[PlaceOrder]:
        return [order for decision in self.decisions for order in decision.commands if isinstance(order, PlaceOrder)]

    def heard_of(self, kind: type[T]) -> list[T]:
        return [event for event in self.heard if isinstance(event, kind)]

    def reasons(self) -> list[str]:
        return [signal.reason for decision in self.decisions for signal in decision.signals]

    def _note(self, steps: Iterator[tuple[Event, Decision]]) -> None:
        for event, decision in steps:
            self.heard.append(event)
            self.decisions.append(decision)


def quarter_hour(spots: Iterable[tuple[float, float]], *, result: str = "yes", bid: int = 4_900) -> list[Event]:
    """A whole window: listed, opened, quoted once, the spot prices given as (second, price), closed and settled."""
    path = [spot(seconds, price) for seconds, price in spots]
    events: list[Event] = [
        MarketListed(at(-10), contract()),
        status(0, "open"),
        snapshot(0.5, bid, bid + 200),
        *path,
        status(900, "closed"),
        status(930, "settled", result),
    ]
    return sorted(events, key=lambda event: event.received_ns)
