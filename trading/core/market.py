"""MarketState: all that is known of one market now; terms, book, status, and whether the book can be trusted."""

import msgspec

from markets.core.book import OrderBook
from markets.core.contract import Contract
from trading.core.decision import Signal
from trading.core.fair_value import Pricer
from trading.core.fitted import Under

ASKED = frozenset({"open", "paused"})  # the states of a market in which it is asked whether to trade


class Pricing(msgspec.Struct, frozen=True, gc=False):
    """A fair value and what it was made of. `z` and `level_error` say how sure it can be."""

    fair: float
    digital: float
    z: float
    level_error: float
    spot: float
    annualised: float
    missing: int
    is_official: bool = False  # the level is held against the index itself, as the exchange publishes it now
    calibrated: float = 0.0  # `fair` after the calibration map in force; the same where there is none
    calibration_error: float = 0.015  # what the map leaves, or the parameters suppose
    sigma_error: float = 0.12  # the standard error of ln sigma, larger while the volatility is cold
    under: Under = ()  # which kinds of fitted artefacts `fair` was made with
    deviation: float = 0.0  # one standard deviation of what is still to come, relative to the spot; 0: it is certain


class MarketState:
    """One market while it lives. `lost` says why its book is not to be believed; empty when it is fine."""

    __slots__ = (
        "book",
        "contract",
        "heard_ns",
        "lost",
        "ordered_ns",
        "priced_at",
        "pricer",
        "pricing",
        "signal",
        "status",
        "volume",
        "volume_is_told",
    )

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.book = OrderBook()
        self.status = "listed"
        self.heard_ns = 0  # when the book was told last, also where its best prices stayed as they were
        self.ordered_ns = 0
        self.lost = "no snapshot yet"
        self.volume: int | None = None  # contracts (Count) traded in it, as far as it was heard; None: nothing was
        self.volume_is_told = False  # by the exchange's own sum
        self.signal: Signal | None = None
        self.forget_pricing()

    def forget_pricing(self) -> None:
        """The terms or the parameters changed: price anew."""
        self.pricer: Pricer | None = None
        self.pricing: Pricing | None = None
        self.priced_at: tuple[float, int, int] | None = None
