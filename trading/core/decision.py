"""What one step yields: orders to place, the Signals behind them, what risk denied, the positions it changed."""

from typing import Literal

from markets.core.events import Message
from trading.core.events import HeldPosition, Mode

Side = Literal["", "yes", "no"]


class Signal(Message, frozen=True):
    """What we thought of one market at one moment, and why it did or did not lead to an order.

    Probabilities and edges are estimates (float; an edge is in dollars a contract, net); bid and ask are
    YES prices. A number that was not known is None, never 0. `reason` is one of trading.core.reasons.
    """

    received_ns: int
    ticker: str
    reason: str
    side: Side = ""
    fair: float | None = None
    digital: float | None = None
    bid: int = 0
    ask: int = 10_000
    edge_yes: float | None = None
    edge_no: float | None = None
    confidence: float | None = None
    spot: float | None = None
    volatility: float | None = None  # annualised
    seconds_left: float = 0.0


class PlaceOrder(Message, frozen=True):
    """Buy (`is_bid`) or sell YES: `count` at the YES price `price` or better."""

    number: int
    ticker: str
    is_bid: bool
    price: int
    count: int
    time_in_force: Literal["immediate_or_cancel"] = "immediate_or_cancel"


class Denied(Message, frozen=True):
    """Risk did not let an order pass: the limit's code, the limit, and what it would have come to."""

    code: str
    ticker: str
    is_bid: bool
    price: int
    count: int
    limit: int
    would_be: int


class ModeChange(Message, frozen=True):
    """The engine changed its own mode, for instance at the daily loss limit."""

    mode: Mode
    reason: str


class Decision(Message, frozen=True):
    """All that one step yields. Most steps yield `NOTHING`."""

    received_ns: int
    signals: tuple[Signal, ...] = ()
    commands: tuple[PlaceOrder, ...] = ()
    denied: tuple[Denied, ...] = ()
    positions: tuple[HeldPosition, ...] = ()
    mode: ModeChange | None = None


NOTHING = Decision(0)
