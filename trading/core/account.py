"""Account: everything that is said of our money, our orders and what may be done with them."""

from collections.abc import Callable, Mapping
from typing import Any

from markets.core.contract import FeeTerms
from trading.core.decision import BreakerChange
from trading.core.events import (
    ArmedSet,
    CashMoved,
    CashTold,
    ChangeRefused,
    ChecksRequired,
    CheckTold,
    Fill,
    HeldPosition,
    LimitsSet,
    ModeSet,
    Opening,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    OrderSent,
    OrderUnknown,
    Settled,
)
from trading.core.market import MarketState
from trading.core.orders import Orders
from trading.core.portfolio import Portfolio
from trading.core.risk import Risk


class Account:
    """Each of `hears` takes one kind of event. `is_due` says that a decision may follow from it, whatever the markets do;
    `changed` is the position it changed."""

    def __init__(self, markets: Mapping[str, MarketState]) -> None:
        self.markets = markets
        self.portfolio = Portfolio()
        self.orders = Orders(self.portfolio.count)
        self.risk = Risk(self.portfolio, self.orders)
        self.breakers = self.risk.breakers
        self.changed: HeldPosition | None = None
        self.changes: tuple[BreakerChange, ...] = ()
        self.is_due = False
        self.hears: dict[type, Callable[[Any], None]] = {
            Opening: self._opening,
            OrderSent: self._order_sent,
            OrderAccepted: self._order_accepted,
            OrderRejected: self._order_rejected,
            OrderUnknown: self._order_unknown,
            OrderAmended: self._order_amended,
            ChangeRefused: self._change_refused,
            OrderCancelled: self._order_cancelled,
            Fill: self._fill,
            Settled: self._settled,
            CashMoved: self._cash_moved,
            CashTold: self._cash_told,
            LimitsSet: self._limits_set,
            ModeSet: self._mode_set,
            CheckTold: self._check_told,
            ChecksRequired: self._checks_required,
            ArmedSet: self._armed_set,
        }

    def evaluate(self, now_ns: int) -> None:
        """Look at all that may stop trading."""
        self.risk.review(now_ns)
        self._note_breakers()

    def _note_breakers(self) -> None:
        changes = self.breakers.drain()
        if changes:
            self.changes = (*self.changes, *changes)
            self.is_due = True

    def drain(self) -> tuple[tuple[HeldPosition, ...], tuple[BreakerChange, ...]]:
        """The position and the breakers that changed in this step."""
        changed, changes = self.changed, self.changes
        self.changed, self.changes, self.is_due = None, (), False
        return () if changed is None else (changed,), changes

    def fees(self, ticker: str) -> FeeTerms:
        """The fee terms of a market; the usual ones where it is not known."""
        market = self.markets.get(ticker)
        return market.contract.fees if market is not None else FeeTerms()

    # The session and its people -----------------------------------------------------------------------------

    def _opening(self, event: Opening) -> None:
        mode = self.risk.mode
        self.portfolio.open(event)
        self.orders.open(event.orders_sent, event.orders, self.fees)
        self.risk.opened(event)
        self.is_due = self.is_due or self.risk.mode != mode
        self._note_breakers()

    def _limits_set(self, event: LimitsSet) -> None:
        self.risk.limits = event.limits
        self.evaluate(event.received_ns)

    def _mode_set(self, event: ModeSet) -> None:
        self.risk.wanted = event.mode
        self.risk.policy = event.policy
        if event.clears:
            self.breakers.clear(event.received_ns, event.by)
        self.is_due = True
        self.evaluate(event.received_ns)

    def _check_told(self, event: CheckTold) -> None:
        self.breakers.told(event)
        self._note_breakers()

    def _checks_required(self, event: ChecksRequired) -> None:
        self.breakers.required(event)
        self._note_breakers()

    def _armed_set(self, event: ArmedSet) -> None:
        self.breakers.armed(event)
        self._note_breakers()

    # Orders -------------------------------------------------------------------------------------------------

    def _order_sent(self, event: OrderSent) -> None:
        """Nothing changes: it counted from the moment it was decided."""

    def _order_accepted(self, event: OrderAccepted) -> None:
        self.orders.accepted(event)
        self._look_again()

    def _order_rejected(self, event: OrderRejected) -> None:
        self.orders.gone(event)
        self.breakers.rejected(event.received_ns)
        self.evaluate(event.received_ns)
        self._look_again()

    def _order_unknown(self, event: OrderUnknown) -> None:
        self.orders.lost(event)

    def _order_amended(self, event: OrderAmended) -> None:
        self.orders.amended(event)
        self._look_again()

    def _change_refused(self, event: ChangeRefused) -> None:
        self.orders.refused(event)
        self._look_again()

    def _order_cancelled(self, event: OrderCancelled) -> None:
        self.orders.gone(event)
        self.breakers.ended(event.number)
        self.evaluate(event.received_ns)
        self._look_again()

    def _look_again(self) -> None:
        """The answer may allow what had to wait for it."""
        if self.orders.resting:
            self.is_due = True

    # Money --------------------------------------------------------------------------------------------------

    def listed(self, ticker: str, now_ns: int) -> None:
        """A market is listed, or its terms have changed: what was carried over, or heard before, counts at its close."""
        market = self.markets.get(ticker)
        if market is None:
            return
        contract = market.contract
        self.orders.listed(contract)
        changed = self.portfolio.listed(ticker, contract.close_ns)
        has_fees = self.breakers.listed(contract)
        if changed is not None:
            self._change(changed, now_ns)
        elif has_fees:
            self.evaluate(now_ns)

    def _fill(self, event: Fill) -> None:
        market = self.markets.get(event.ticker)
        close_ns = market.contract.close_ns if market else self.orders.close_of(event.ticker)
        changed = self.portfolio.fill(event, close_ns)
        if changed is None:
            return
        self.orders.filled(event)
        self.breakers.filled(event, market.contract.fees if market else None)
        if event.number not in self.orders.working:
            self.breakers.ended(event.number)
        self._change(changed, event.received_ns)

    def _settled(self, event: Settled) -> None:
        changed = self.portfolio.settle(event)
        if changed is None:
            return
        self.orders.refresh(event.ticker)
        self.breakers.settled(changed.realised - changed.fees)
        self._change(changed, event.received_ns)

    def _cash_moved(self, event: CashMoved) -> None:
        if self.portfolio.move(event):
            self.breakers.moved(event.amount)
            self.evaluate(event.received_ns)

    def _cash_told(self, event: CashTold) -> None:
        self.portfolio.told(event)

    def _change(self, changed: HeldPosition, now_ns: int) -> None:
        self.changed, self.is_due = changed, True
        self.evaluate(now_ns)
