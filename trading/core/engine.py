"""Engine.step(event) -> Decision: the whole brain, no clock, no I/O. The same events give the same decisions, always."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from markets.core.events import MarketListed
from markets.core.units import CONTRACT, PRICE_DOLLAR, SECOND_NS
from trading.core.decision import NOTHING, Decision, Denied, Forecast, ModeChange, PlaceOrder, Signal
from trading.core.events import (
    AnnouncementsSet,
    ArmedSet,
    CashMoved,
    CashTold,
    ChangeRefused,
    ChecksRequired,
    CheckTold,
    Event,
    Fill,
    FittedSet,
    HeldPosition,
    LimitsSet,
    Mode,
    ModeSet,
    Opening,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    OrderSent,
    OrderUnknown,
    ParametersSet,
    SeriesOff,
    Settled,
    Timer,
)
from trading.core.fees import worst_fee
from trading.core.fitted import Fitted
from trading.core.forecasts import Forecaster, forecast
from trading.core.market import ASKED, MarketState
from trading.core.orders import Orders
from trading.core.parameters import Parameters
from trading.core.portfolio import Portfolio
from trading.core.pricing import price
from trading.core.reasons import TRADED
from trading.core.risk import Risk, opening_count
from trading.core.strategies import strategy_named
from trading.core.strategy import Idea, Quote, View
from trading.core.watch import NO_MARKET, Touched, Watch


class Engine:
    """Feed it events in the order of time. It knows only what they say, and time only from their stamps."""

    def __init__(self) -> None:
        self.parameters = Parameters()
        self.strategy = strategy_named(self.parameters.strategy)
        self.watch = Watch(self.parameters)
        self.markets = self.watch.markets
        self.underlyings = self.watch.underlyings
        self.portfolio = Portfolio()
        self.orders = Orders()
        self.risk = Risk(self.portfolio, self.orders)
        self.funnel: Counter[str] = Counter()
        self.versions = {"limits": 0, "parameters": 0}
        self.series_off: tuple[str, ...] = ()
        self.fitted = Fitted()
        self.forecaster = Forecaster()
        self.now_ns = 0
        self._mode: Mode = "HALTED"
        self._changed: HeldPosition | None = None
        self._hear: dict[type, Callable[[Any], Touched]] = {
            **self.watch.hears,
            MarketListed: self._market_listed,
            Opening: self._opening,
            OrderSent: self._nothing_to_do,
            OrderAccepted: self._nothing_to_do,
            OrderUnknown: self._nothing_to_do,
            OrderAmended: self._nothing_to_do,
            ChangeRefused: self._nothing_to_do,
            CashMoved: self._nothing_to_do,
            CashTold: self._nothing_to_do,
            CheckTold: self._check_told,
            ChecksRequired: self._checks_required,
            ArmedSet: self._armed_set,
            OrderRejected: self._order_gone,
            OrderCancelled: self._order_gone,
            Fill: self._fill,
            Settled: self._settled,
            LimitsSet: self._limits_set,
            ParametersSet: self._parameters_set,
            ModeSet: self._mode_set,
            SeriesOff: self._series_off,
            FittedSet: self._fitted_set,
            AnnouncementsSet: self._announcements_set,
            Timer: self._timer,
        }

    @property
    def mode(self) -> Mode:
        """What may be sent now."""
        return self._mode

    def step(self, event: Event) -> Decision:
        """Hear one event and say what follows from it; NOTHING when nothing does."""
        self.now_ns = now_ns = event.received_ns
        if now_ns >= self.watch.next_second_ns:
            self._advance(now_ns)
        touched = self._hear[type(event)](event)
        if now_ns >= self.forecaster.next_ns or self.watch.audits:
            return self._step(touched, self._forecasts(now_ns))
        if touched is NO_MARKET and self._changed is None and self.risk.mode == self._mode:
            return NOTHING
        return self._step(touched)

    def _step(self, touched: Touched, forecasts: tuple[Forecast, ...] = ()) -> Decision:
        """What follows for the markets that may now be seen differently; `forecasts` go with it."""
        signals: list[Signal] = []
        commands: list[PlaceOrder] = []
        denied: list[Denied] = []
        for market in touched:
            self._consider(market, signals, commands, denied)
        mode = self._mode_change()
        audits = self.watch.audits
        if not signals and self._changed is None and mode is None and not forecasts and not audits:
            return NOTHING
        positions = () if self._changed is None else (self._changed,)
        self._changed, self.watch.audits = None, ()
        orders, refused = tuple(commands), tuple(denied)
        return Decision(self.now_ns, tuple(signals), orders, refused, positions, mode, forecasts, audits)

    # What is true now -------------------------------------------------------------------------------------

    def _advance(self, now_ns: int) -> None:
        """A second has passed: take the samples of it, and notice a new day."""
        self.watch.sample_seconds(now_ns)
        if self.portfolio.advance(now_ns):
            self.risk.review()
            self.watch.forget_unsettled(now_ns, self.portfolio.positions)

    def _market_listed(self, event: MarketListed) -> Touched:
        self.forecaster.next_ns = 0
        return self.watch.hears[MarketListed](event)

    def _opening(self, event: Opening) -> Touched:
        self.portfolio.open(event)
        self.orders.sent = event.orders_sent
        self.risk.review()
        return NO_MARKET

    def _order_gone(self, event: OrderRejected | OrderCancelled) -> Touched:
        self.orders.gone(event)
        return NO_MARKET

    def _fill(self, event: Fill) -> Touched:
        market = self.markets.get(event.ticker)
        close_ns = market.contract.close_ns if market else event.received_ns
        self._changed = self.portfolio.fill(event, close_ns)
        if self._changed is not None:
            self.orders.filled(event)
            self.risk.review()
        return NO_MARKET

    def _settled(self, event: Settled) -> Touched:
        self._changed = self.portfolio.settle(event)
        self.risk.review()
        return NO_MARKET

    def _limits_set(self, event: LimitsSet) -> Touched:
        self.risk.limits = event.limits
        self.versions["limits"] = event.version
        self.risk.review()
        return NO_MARKET

    def _parameters_set(self, event: ParametersSet) -> Touched:
        if event.parameters.strategy != self.parameters.strategy:
            self.strategy = strategy_named(event.parameters.strategy)
        self.parameters = event.parameters
        self.versions["parameters"] = event.version
        self.watch.configure(event.parameters)
        return NO_MARKET

    def _mode_set(self, event: ModeSet) -> Touched:
        self.risk.wanted = event.mode
        return NO_MARKET

    def _series_off(self, event: SeriesOff) -> Touched:
        self.series_off = event.series
        return self.markets.values()

    def _fitted_set(self, event: FittedSet) -> Touched:
        self.fitted = event.fitted
        self.watch.learn(event.fitted)
        return self.markets.values()

    def _announcements_set(self, event: AnnouncementsSet) -> Touched:
        self.watch.announce(event.announcements)
        return self.markets.values()

    def _timer(self, event: Timer) -> Touched:
        return self.markets.values()

    def _check_told(self, event: CheckTold) -> Touched:
        self.risk.breakers.told(event)
        return NO_MARKET

    def _checks_required(self, event: ChecksRequired) -> Touched:
        self.risk.breakers.required(event)
        return NO_MARKET

    def _armed_set(self, event: ArmedSet) -> Touched:
        self.risk.breakers.armed(event)
        return NO_MARKET

    def _nothing_to_do(self, event: Event) -> Touched:
        return NO_MARKET

    # What we think, want, and may do ----------------------------------------------------------------------

    def _consider(
        self, market: MarketState, signals: list[Signal], commands: list[PlaceOrder], denied: list[Denied]
    ) -> None:
        if market.status not in ASKED:
            return
        view = self._view(market)
        idea = self.strategy.decide(view)
        failed = self._failed(market, idea)
        reason = failed[0] if failed else idea.reason
        if not reason and idea.quote is not None:
            verdict = self._propose(market, idea.quote)
            if isinstance(verdict, Denied):
                denied.append(verdict)
                reason = verdict.code
                failed = (reason,)
            else:
                commands.append(verdict)
                reason = TRADED
        elif idea.binding is not None and idea.quote is not None and reason == idea.reason:
            budget, quote = idea.binding, idea.quote
            denied.append(
                Denied(budget.code, view.market.contract.ticker, *quote, limit=budget.limit, would_be=budget.use)
            )
        self.funnel[reason] += 1
        market.signal = signal = self._signal(view, idea, reason, failed)
        signals.append(signal)

    def _failed(self, market: MarketState, idea: Idea) -> tuple[str, ...]:
        """Every gate that did not pass, the first being the reason: what forbids any order, the strategy's own, and what
        risk would say to a single contract of what is wanted."""
        failed = idea.failed
        if not failed and idea.reason and not idea.resting:
            failed = (idea.reason,)  # of a strategy that stops at the first
        forbidden = self._forbidden(market)
        if forbidden:
            return (*forbidden, *(code for code in failed if code not in forbidden))
        if failed and idea.wanted is not None and idea.wanted.size:
            denied = self._checked(market, idea.wanted._replace(size=CONTRACT))[-1]
            return (*failed, denied.code) if denied is not None and denied.code not in failed else failed
        return failed

    def _forbidden(self, market: MarketState) -> tuple[str, ...]:
        """Why no order at all may be sent in this market now."""
        halted, refused = self.risk.mode == "HALTED", self.watch.refused(market)
        is_off = market.contract.series in self.series_off
        if not halted and not is_off and not refused:
            return ()
        stops = ((self.risk.halt or "HALTED") if halted else "", "SERIES_OFF" if is_off else "", refused)
        return tuple(stop for stop in stops if stop)

    def _view(self, market: MarketState) -> View:
        underlying = self.underlyings[market.contract.asset]
        pricing = price(market, underlying, self.parameters, self.now_ns)
        return View(
            self.now_ns,
            market,
            pricing,
            underlying.spot,
            self.risk,
            self.parameters,
            self.fitted,
            self.markets,
            underlying.official,
        )

    def _forecasts(self, now_ns: int) -> tuple[Forecast, ...]:
        return self.forecaster.due(now_ns, self.markets.values(), self._forecast)

    def _forecast(self, market: MarketState, seconds_left: int) -> Forecast:
        return forecast(
            market,
            self.underlyings[market.contract.asset],
            self.parameters,
            self.now_ns,
            seconds_left=seconds_left,
            refused=self.watch.refused(market),
        )

    def _propose(self, market: MarketState, quote: Quote) -> PlaceOrder | Denied:
        contract = market.contract
        order, worst, opens, denied = self._checked(market, quote)
        if denied is not None:
            return denied
        self.orders.place(order, worst, contract.close_ns, opens)
        market.ordered_ns = self.now_ns
        self.risk.sent(self.now_ns)
        return order

    def _checked(self, market: MarketState, quote: Quote) -> tuple[PlaceOrder, int, int, Denied | None]:
        """The order for a quote, its worst case, how many of its contracts open, and what risk has against it."""
        contract = market.contract
        opens = opening_count(self.portfolio.count(contract.ticker), quote.is_bid, quote.size)
        own_price = quote.price if quote.is_bid else PRICE_DOLLAR - quote.price
        worst = own_price * opens + worst_fee(contract.fees, own_price, quote.size)
        order = PlaceOrder(self.orders.next_number(), contract.ticker, quote.is_bid, quote.price, quote.size)
        denied = self.risk.check(order, worst=worst, opens=opens, close_ns=contract.close_ns, now_ns=self.now_ns)
        return order, worst, opens, denied

    def _signal(self, view: View, idea: Idea, reason: str, failed: tuple[str, ...]) -> Signal:
        market, pricing, wanted = view.market, view.pricing, idea.wanted
        seconds_left = (market.contract.close_ns - view.now_ns) / SECOND_NS
        book = market.book
        if pricing is None:
            return Signal(view.now_ns, market.contract.ticker, reason, seconds_left=seconds_left, failed=failed)
        return Signal(
            view.now_ns,
            market.contract.ticker,
            reason,
            idea.side,
            pricing.fair,
            pricing.digital,
            book.bid,
            book.ask,
            idea.edge_yes,
            idea.edge_no,
            idea.confidence,
            pricing.spot,
            pricing.annualised,
            seconds_left,
            pricing.calibrated,
            idea.belief.pooled if idea.belief else None,
            idea.belief.weight if idea.belief else None,
            failed,
            wanted.price if wanted else 0,
            wanted.size if wanted else 0,
            idea.cost,
        )

    def _mode_change(self) -> ModeChange | None:
        mode = self.risk.mode
        if mode == self._mode:
            return None
        self._mode = mode
        return ModeChange(mode, self.risk.halt)
