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
    calibrated: float | None = None  # `fair` after the calibration map in force
    pooled: float | None = None  # and after pooling with the market: what the edges and the size are made of
    weight: float | None = None  # of our opinion in it
    failed: tuple[str, ...] = ()  # every gate that did not pass, in their order: the first is the `reason`
    price: int = 0  # the YES price at which the better side could be taken; 0: nobody offers it
    count: int = 0  # how many contracts (Count) would be wanted there if no gate failed
    cost: float | None = None  # dollars a contract of that side, fees included


TimeInForce = Literal["immediate_or_cancel", "good_till_canceled"]


class PlaceOrder(Message, frozen=True):
    """Buy (`is_bid`) or sell YES: `count` at the YES price `price` or better.

    What rests (good_till_canceled) always has an expiry before the close, is post-only where it says so, and is cancelled
    by the exchange when the market pauses. `is_reduce_only` only with immediate_or_cancel.
    """

    number: int
    ticker: str
    is_bid: bool
    price: int
    count: int
    time_in_force: TimeInForce = "immediate_or_cancel"
    expires_ns: int = 0
    is_post_only: bool = False
    is_reduce_only: bool = False

    @property
    def rests(self) -> bool:
        """Whether what does not trade at once stays in the book."""
        return self.time_in_force == "good_till_canceled"


class CancelOrder(Message, frozen=True):
    """Take back what still rests of the order of that number. Always allowed."""

    number: int
    ticker: str
    reason: str = ""


class AmendOrder(Message, frozen=True):
    """Another price, total count (what has filled included) or expiry for the resting order of that number."""

    number: int
    ticker: str
    is_bid: bool
    price: int
    count: int
    expires_ns: int = 0


Command = PlaceOrder | CancelOrder | AmendOrder


class Denied(Message, frozen=True):
    """Risk did not let an order pass: the limit's code, the limit, and what it would have come to."""

    code: str
    ticker: str
    is_bid: bool
    price: int
    count: int
    limit: int
    would_be: int


class Forecast(Message, frozen=True):
    """What our models and the market said of one window at a fixed time before its close, traded or not. Append-only.

    Probabilities are of YES; None where there was none, with the `reason` (a code of trading.core.reasons; "" when all
    was known). Bid and ask are YES prices: 0 and 10000 mean that nobody was there. What a model did not know then is not
    in it: `fitted_versions` are the artefacts that `calibrated` and `pooled` were made with.
    """

    received_ns: int
    ticker: str
    asset: str
    close_ns: int
    seconds_left: int  # the time it is for; received_ns tells the time it was made
    reason: str = ""
    fair: float | None = None  # by the configured model
    calibrated: float | None = None  # after the calibration map; equal to `fair` where none is in force
    pooled: float | None = None  # after pooling with the market: what is traded on
    digital: float | None = None  # naive N(d2)
    abm_avg: float | None = None  # normal tails
    gbm_avg: float | None = None
    gbm_avg_t: float | None = None  # Student's t
    gbm_avg_mix: float | None = None  # mixture of two normals
    gbm_avg_emp: float | None = None  # tails as found; None until they were fitted
    bid: int = 0
    ask: int = 10_000
    bid_count: int = 0
    ask_count: int = 0
    book_age_ns: int | None = None  # since the book was last told; None when it cannot be believed
    strike: float | None = None
    spot: float | None = None
    spot_age_ns: int | None = None
    sigma: float | None = None  # annualised, the forecast for what was left
    level_error: float | None = None  # one standard deviation, relative
    z: float | None = None
    known: int = 0  # samples of the average that were known
    missing: int = 0  # and of them nobody's
    is_official: bool = False  # held against the published index at that moment
    parameters_version: int = 0  # filled in by who keeps it: a decision does not depend on the number of a row
    fitted_versions: tuple[int, ...] = ()
    rates: tuple[float, ...] = ()  # variance a second without the hours: fast, middle, slow


class SettlementAudit(Message, frozen=True):
    """One settled window against what we knew of the index: both readings of "the sixty seconds before the close", our
    own estimate of that average, and each venue's. Of those of our own up to six samples may be missing, with straight
    lines instead; else None. `own` of the seconds of either reading were ours."""

    received_ns: int
    ticker: str
    asset: str
    close_ns: int
    settle_value: str  # as the exchange wrote it
    decimals: int  # that it wrote; trailing zeros may be cut off by it
    expected_decimals: int
    result: str
    strike: float | None = None
    configured: str = "open_right"
    open_right: float | None = None  # official values where they came, else our own
    closed_right: float | None = None
    own: int = 0
    estimate: float | None = None  # our index estimate's average of the same seconds, never an official value
    is_tie: bool = False  # settle value and strike are equal as printed
    venues: tuple[tuple[str, float], ...] = ()  # each venue's own average price of the same seconds
    methods: tuple[tuple[str, float], ...] = ()  # each price method's average


class ModeChange(Message, frozen=True):
    """The engine changed its own mode, for instance at the daily loss limit."""

    mode: Mode
    reason: str


class BreakerChange(Message, frozen=True):
    """A breaker tripped, or was cleared. `use` against `limit`, where it has numbers, in the units of the limit."""

    code: str
    is_tripped: bool
    is_latched: bool
    text: str = ""
    use: float | None = None
    limit: float | None = None
    by: str = ""  # who cleared it; "" where it cleared itself


class Decision(Message, frozen=True):
    """All that one step yields. Most steps yield `NOTHING`."""

    received_ns: int
    signals: tuple[Signal, ...] = ()
    commands: tuple[Command, ...] = ()
    denied: tuple[Denied, ...] = ()
    positions: tuple[HeldPosition, ...] = ()
    mode: ModeChange | None = None
    forecasts: tuple[Forecast, ...] = ()
    audits: tuple[SettlementAudit, ...] = ()
    breakers: tuple[BreakerChange, ...] = ()

    @property
    def has_effect(self) -> bool:
        """Whether it says more than what was thought: a tape keeps those that do."""
        said = self.commands or self.positions or self.mode or self.forecasts or self.audits or self.breakers
        return bool(said)


NOTHING = Decision(0)
