"""Engine.step(event) -> Decision: the whole brain, no clock, no I/O. The same events give the same decisions, always."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from markets.core.events import MarketListed
from markets.core.units import CONTRACT, SECOND_NS
from trading.core.account import Account
from trading.core.decision import NOTHING, Decision, Denied, Forecast, ModeChange, Signal
from trading.core.events import (
    AnnouncementsSet,
    Event,
    FittedSet,
    LimitsSet,
    Mode,
    ParametersSet,
    RealismSet,
    SeriesOff,
    Timer,
)
from trading.core.fitted import Fitted
from trading.core.forecasts import Forecaster, forecast
from trading.core.market import ASKED, MarketState
from trading.core.ordering import Ordering
from trading.core.parameters import Parameters
from trading.core.pricing import price
from trading.core.reasons import TRADED
from trading.core.strategies import strategy_named
from trading.core.strategy import Idea, Quote, View, obstacle
from trading.core.watch import NO_MARKET, Touched, Watch


class Engine:
    """Feed it events in the order of time. It knows only what they say, and time only from their stamps."""

    def __init__(self) -> None:
        self.parameters = Parameters()
        self.strategy = strategy_named(self.parameters.strategy)
        self.watch = Watch(self.parameters)
        self.markets = self.watch.markets
        self.underlyings = self.watch.underlyings
        self.account = Account(self.markets)
        self.portfolio = self.account.portfolio
        self.orders = self.account.orders
        self.risk = self.account.risk
        self.ordering = Ordering(self.account, self._refused)
        self.funnel: Counter[str] = Counter()
        self.versions = {"limits": 0, "parameters": 0}
        self.series_off: tuple[str, ...] = ()
        self.fitted = Fitted()
        self.forecaster = Forecaster()
        self.now_ns = 0
        self._mode: Mode = "HALTED"
        self._hear: dict[type, Callable[[Any], Touched]] = {
            **self.watch.hears,
            **{kind: self._said_of_us(hear) for kind, hear in self.account.hears.items()},
            MarketListed: self._market_listed,
            LimitsSet: self._limits_set,
            ParametersSet: self._parameters_set,
            RealismSet: lambda _: NO_MARKET,  # of the paper exchange alone
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
        if touched is NO_MARKET and not self.account.is_due:
            return NOTHING
        return self._step(touched)

    def _step(self, touched: Touched, forecasts: tuple[Forecast, ...] = ()) -> Decision:
        """What follows for the markets that may now be seen differently; `forecasts` go with it."""
        account, ordering = self.account, self.ordering
        signals: list[Signal] = []
        for market in touched:
            if market.status in ASKED:
                signals.append(self._consider(market))  # noqa: PERF401  (a comprehension is one call more)
        if self.orders.resting or self.risk.policy == "flatten":
            ordering.mend(self.now_ns)
        mode, audits = self._mode_change() if account.is_due else None, self.watch.audits
        commands, denied = ordering.drain() if ordering.commands or ordering.denied else ((), ())
        positions, breakers = account.drain() if account.is_due else ((), ())
        if audits:
            self.watch.audits = ()
        if not (signals or commands or positions or breakers or mode or forecasts or audits):
            return NOTHING
        return Decision(self.now_ns, tuple(signals), commands, denied, positions, mode, forecasts, audits, breakers)

    # What is true now -------------------------------------------------------------------------------------

    def _advance(self, now_ns: int) -> None:
        """A second has passed: take the samples of it, look at what may stop trading, and notice a new day."""
        self.watch.sample_seconds(now_ns)
        is_new_day = self.portfolio.advance(now_ns)
        self.account.breakers.heard(now_ns, **self.watch.heard(now_ns))
        self.account.evaluate(now_ns)
        if is_new_day:
            self.watch.forget_unsettled(now_ns, self.portfolio.positions)

    def _said_of_us(self, hear: Callable[[Any], None]) -> Callable[[Any], Touched]:
        """An event of our own account touches no market."""

        def heard(event: Any) -> Touched:
            hear(event)
            return NO_MARKET

        return heard

    def _market_listed(self, event: MarketListed) -> Touched:
        self.forecaster.next_ns = 0
        touched = self.watch.hears[MarketListed](event)
        self.account.listed(event.contract.ticker, event.received_ns)
        return touched

    def _limits_set(self, event: LimitsSet) -> Touched:
        self.account.hears[LimitsSet](event)
        self.versions["limits"] = event.version
        return NO_MARKET

    def _parameters_set(self, event: ParametersSet) -> Touched:
        if event.parameters.strategy != self.parameters.strategy:
            self.strategy = strategy_named(event.parameters.strategy)
            self.ordering.disown()
        self.parameters = self.ordering.parameters = event.parameters
        self.versions["parameters"] = event.version
        self.watch.configure(event.parameters)
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

    # What we think, want, and may do ----------------------------------------------------------------------

    def _consider(self, market: MarketState) -> Signal:
        view = self._view(market)
        idea = self.strategy.decide(view)
        failed = self._failed(market, idea)
        reason = failed[0] if failed else idea.reason
        if not reason and idea.quote is not None:
            denied = self.ordering.take(market, idea.quote, self.now_ns)
            reason, failed = (denied, (denied,)) if denied else (TRADED, failed)
        elif idea.binding is not None and idea.quote is not None and reason == idea.reason:
            budget, quote = idea.binding, idea.quote
            self.ordering.denied.append(
                Denied(budget.code, view.market.contract.ticker, *quote, limit=budget.limit, would_be=budget.use)
            )
        if idea.resting is not None or self.orders.resting:
            reason, failed = self._rest(view, idea, reason, failed)
        self.funnel[reason] += 1
        market.signal = signal = self._signal(view, idea, reason, failed)
        return signal

    def _rest(self, view: View, idea: Idea, reason: str, failed: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Have at rest what the strategy wants there, and nothing while anything stands in the way of trading at all."""
        if self.ordering.is_holding:
            return reason, failed
        is_blocked = self._forbidden(view.market) or obstacle(view)
        quotes = () if is_blocked else idea.resting
        if quotes is None:
            return reason, failed
        said = self.ordering.rest(view.market, quotes, self.now_ns)
        if said is None or reason == TRADED:
            return reason, failed
        return (said, (*failed, said)) if said else (TRADED, failed)

    def _failed(self, market: MarketState, idea: Idea) -> tuple[str, ...]:
        """Every gate that did not pass, the first being the reason: what forbids any order, the strategy's own, and what
        risk would say to a single contract of what is wanted."""
        failed = idea.failed
        if not failed and idea.reason and not idea.resting:
            failed = (idea.reason,)  # of a strategy that stops at the first
        forbidden = self._forbidden(market)
        if forbidden:
            return (*forbidden, *(code for code in failed if code not in forbidden))
        if len(failed) == 1 and idea.wanted is not None and idea.wanted.size:
            one = Quote(idea.wanted.is_bid, idea.wanted.price, CONTRACT)
            denied = self.ordering.check(market, one, self.now_ns)
            return (*failed, denied.code) if denied is not None and denied.code not in failed else failed
        return failed

    def _forbidden(self, market: MarketState) -> tuple[str, ...]:
        """Why no order at all may be sent in this market now."""
        risk, refused, is_off = self.risk, self.watch.refused(market), False
        halt = risk.breakers.halt or ("HALTED" if risk.wanted == "HALTED" else "")
        if self.series_off:
            is_off = market.contract.series in self.series_off
        if not (halt or is_off or refused):
            return ()
        return tuple(stop for stop in (halt, "SERIES_OFF" if is_off else "", refused) if stop)

    def _refused(self, market: MarketState) -> str:
        return "SERIES_OFF" if market.contract.series in self.series_off else self.watch.refused(market)

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
