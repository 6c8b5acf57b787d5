"""Every limit and breaker, tried by a strategy without restraint, through the real gateway: `TRIES` has one attempt for each,
`WITHOUT` how the product is without that one. An attempt fails where the exchange saw the limit passed."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from markets.core.contract import FeeTerms
from markets.core.events import BookSnapshot, FeedStatus, MarketListed
from markets.core.units import DOLLAR, SECOND_NS
from tests.house.limits_bench import ASK, WIDE, Bench, buying, round_trips, tell_cash
from trading.core import breaker_facts, risk
from trading.core.breaker_facts import Facts, Reading
from trading.core.breaker_rules import NOT_ARMED, UNEVALUATED
from trading.core.breakers import FOR_REAL_ORDERS, Breakers
from trading.core.decision import AmendOrder
from trading.core.events import ArmedSet, ChecksRequired, CheckTold
from trading.core.limits import RiskLimits
from trading.core.risk import Risk
from trading.core.strategy import Quote, View

Try = Callable[[], None]
Take = Callable[[pytest.MonkeyPatch], None]
TRIES: dict[str, Try] = {}
WITHOUT: dict[str, Take] = {}
REACTION_S = 0.3  # from a moment at the exchange to the last order that left before it was known


def tried(name: str, without: Take) -> Callable[[Try], Try]:
    """Enter an attempt in the register."""

    def enter(attempt: Try) -> Try:
        TRIES[name], WITHOUT[name] = attempt, without
        return attempt

    return enter


def with_limits(**limits: int) -> RiskLimits:
    return msgspec.structs.replace(WIDE, **limits)


def without_cap(field: str) -> Take:
    """One field of the money limits does not bind any more."""

    def take(patch: pytest.MonkeyPatch) -> None:
        for code, fields in risk.CAPS.items():
            patch.setitem(risk.CAPS, code, tuple(each for each in fields if each != field))

    return take


def without_flow(code: str) -> Take:
    """One check of every order is gone."""
    return lambda patch: patch.delitem(risk.FLOW, code)


def without_measure(code: str) -> Take:
    """One breaker of the engine's own finds nothing."""

    def nothing(facts: Facts, now_ns: int) -> Reading:
        return Reading(is_bad=False)

    return lambda patch: patch.setitem(breaker_facts.MEASURES, code, nothing)


def without_told(code: str) -> Take:
    """What is told of one check is taken for well."""
    told = Breakers.told

    def deaf(self: Breakers, event: CheckTold) -> None:
        told(self, msgspec.structs.replace(event, is_ok=True) if event.code == code else event)

    return lambda patch: patch.setattr(Breakers, "told", deaf)


def without_budget(code: str) -> Take:
    """One money budget is gone."""
    budgets = Risk.budgets

    def fewer(self: Risk, ticker: str, close_ns: int) -> Any:
        return tuple(budget for budget in budgets(self, ticker, close_ns) if budget.code != code)

    return lambda patch: patch.setattr(Risk, "budgets", fewer)


def stops(bench: Bench, after_s: float, code: str) -> None:
    """Orders came before, and none any more once that was known."""
    times = bench.seen.times()
    assert any(at_s <= after_s for at_s in times), "nothing was sent at all"
    late = [at_s for at_s in times if at_s > after_s + REACTION_S]
    assert not late, f"{len(late)} orders came in after {code}"
    assert bench.engine.risk.halt == code


# What is at risk ------------------------------------------------------------------------------------------------


def exposure(moment: str, limit: int, limits: RiskLimits, **options: Any) -> None:
    bench = Bench(buying(4), limits, **options).play()
    most = max(getattr(each, moment) for each in bench.seen.moments)
    assert most <= limit, f"{most} of {limit} at risk"
    assert most > limit - 5 * DOLLAR, "it was never tried"


@tried("max_market_exposure", without_cap("max_market_exposure"))
def _() -> None:
    exposure("market", 20 * DOLLAR, with_limits(max_market_exposure=20 * DOLLAR))


@tried("max_market_share_bp", without_cap("max_market_share_bp"))
def _() -> None:
    exposure("market", 20 * DOLLAR, with_limits(max_market_share_bp=200), cash=1_000 * DOLLAR)


@tried("max_close_exposure", without_cap("max_close_exposure"))
def _() -> None:
    exposure("close", 20 * DOLLAR, with_limits(max_close_exposure=20 * DOLLAR), assets=("BTC", "ETH"))


@tried("max_close_share_bp", without_cap("max_close_share_bp"))
def _() -> None:
    exposure("close", 20 * DOLLAR, with_limits(max_close_share_bp=200), assets=("BTC", "ETH"), cash=1_000 * DOLLAR)


@tried("max_total_exposure", without_cap("max_total_exposure"))
def _() -> None:
    exposure("total", 20 * DOLLAR, with_limits(max_total_exposure=20 * DOLLAR), assets=("BTC", "ETH"))


@tried("max_total_share_bp", without_cap("max_total_share_bp"))
def _() -> None:
    exposure("total", 20 * DOLLAR, with_limits(max_total_share_bp=200), assets=("BTC", "ETH"), cash=1_000 * DOLLAR)


@tried("max_daily_loss", without_cap("max_daily_loss"))
def _() -> None:
    bench = Bench(buying(4), with_limits(max_daily_loss=20 * DOLLAR), assets=("BTC", "ETH")).play()
    most = max(each.total - each.realised for each in bench.seen.moments)
    assert most <= 20 * DOLLAR, f"{most} could be lost today"
    assert most > 15 * DOLLAR, "it was never tried"


@tried("max_total_exposure at rest", without_cap("max_total_exposure"))
def _() -> None:
    """A quote that grows by amendments, a dollar's worth at a time."""
    begin_ns: list[int] = []

    def want(view: View) -> tuple[Quote, ...]:
        begin_ns.append(view.now_ns)
        return (Quote(True, 4_500, 200 + 200 * ((view.now_ns - begin_ns[0]) // SECOND_NS)),)

    bench = Bench(want, with_limits(max_total_exposure=10 * DOLLAR), seconds=30.0).play()
    assert any(isinstance(command, AmendOrder) for decision in bench.decisions for command in decision.commands)
    assert bench.seen.most_at_rest <= 10 * DOLLAR, f"{bench.seen.most_at_rest} at risk"
    assert bench.seen.most_at_rest > 8 * DOLLAR, "it was never tried"


@tried("CASH", without_budget("CASH"))
def _() -> None:
    bench = Bench(buying(4), WIDE, cash=20 * DOLLAR).play()
    assert bench.seen.moments[-1].total > 15 * DOLLAR, "it was never tried"
    assert not bench.seen.refused, "the exchange had to refuse what there was no cash for"


@tried("SHARD_CASH", without_budget("SHARD_CASH"))
def _() -> None:
    script = dict.fromkeys((0.0, 4.0, 8.0), tell_cash)
    bench = Bench(buying(4), WIDE, cash=20 * DOLLAR, told_cash=1_000 * DOLLAR, script=script).play()
    assert bench.seen.moments[-1].total > 15 * DOLLAR, "it was never tried"
    assert not bench.seen.refused, "the exchange had to refuse what there was no cash for on the shard"


# How much, and how often ----------------------------------------------------------------------------------------


@tried("max_order_count", without_flow("ORDER_COUNT"))
def _() -> None:
    sizes = iter([1, 6, 5, 9, 3, 50] * 100)

    def want(view: View) -> Quote:
        return Quote(True, ASK, next(sizes) * 100)

    bench = Bench(want, with_limits(max_order_count=500)).play()
    assert max(state.initial for _, state in bench.seen.orders.values()) == 500


@tried("max_orders_per_minute", without_flow("ORDER_RATE"))
def _() -> None:
    bench = Bench(buying(1), with_limits(max_orders_per_minute=5), seconds=62.0).play()
    times = bench.seen.times()
    assert len([at_s for at_s in times if at_s < times[0] + 59.5]) == 5
    assert len(times) > 5, "it goes on after a minute"


@tried("max_contracts_per_15s", without_flow("CONTRACT_RATE"))
def _() -> None:
    bench = Bench(buying(7), with_limits(max_contracts_per_15s=3_000), assets=("BTC", "ETH"), seconds=32.0).play()
    fills = [(at_s, fill.count) for at_s, fill in bench.seen.fills]
    most = max(sum(count for other_s, count in fills if at_s - 15 < other_s <= at_s) for at_s, _ in fills)
    assert most <= 3_000, f"{most} traded within 15 s"
    assert most > 2_000, "it was never tried"
    assert fills[-1][0] > fills[0][0] + 15, "it goes on after that"


# Breakers that the engine evaluates -----------------------------------------------------------------------------


@tried("DAILY_LOSS", without_measure("DAILY_LOSS"))
def _() -> None:
    bench = Bench(round_trips(1), with_limits(max_daily_loss=3 * DOLLAR), seconds=40.0).play()
    known_s = next(each.at_s for each in bench.seen.moments if 3 * DOLLAR + each.realised < DOLLAR)
    stops(bench, known_s, "DAILY_LOSS")


@tried("max_drawdown_bp", without_measure("DRAWDOWN"))
def _() -> None:
    bench = Bench(round_trips(10), with_limits(max_drawdown_bp=200), cash=100 * DOLLAR, seconds=20.0).play()
    known_s = next(each.at_s for each in bench.seen.moments if each.equity <= 98 * DOLLAR)
    stops(bench, known_s, "DRAWDOWN")


@tried("max_losing_streak", without_measure("LOSING_STREAK"))
def _() -> None:
    bench = Bench(buying(1), with_limits(max_losing_streak=2), assets=("BTC", "ETH"), closes_s=6.0, seconds=20.0).play()
    stops(bench, bench.seen.paid[1], "LOSING_STREAK")


@tried("max_fee_difference", without_measure("FEE_MISMATCH"))
def _() -> None:
    def other_fees(bench: Bench) -> None:
        contract = bench.crowd.contracts[0]
        bench.hear(MarketListed(bench.now_ns, msgspec.structs.replace(contract, fees=FeeTerms(taker_rate=690))))

    bench = Bench(buying(1), with_limits(max_fee_difference=100), script={5.0: other_fees}).play()
    first_s = next(at_s for at_s, _ in bench.seen.fills if at_s > 5.0)
    stops(bench, first_s, "FEE_MISMATCH")


@tried("max_rejects_per_minute", without_measure("REJECTS"))
def _() -> None:
    bench = Bench(buying(4), with_limits(max_rejects_per_minute=3), cash=20 * DOLLAR, told_cash=10**12).play()
    assert len(bench.seen.refused) == 3
    assert bench.engine.risk.halt == "REJECTS"


@tried("max_stale_ms", without_measure("STALE"))
def _() -> None:
    def silent(bench: Bench) -> None:
        bench.crowd.spot_until_s = 5.0

    bench = Bench(buying(1), with_limits(max_stale_ms=2_000), script={0.0: silent}, seconds=14.0).play()
    stops(bench, 8.0, "STALE")


@tried("STALE books", without_measure("STALE"))
def _() -> None:
    def lost(bench: Bench) -> None:
        bench.hear(FeedStatus(bench.now_ns, "kalshi", "lost", bench.crowd.contracts[0].ticker, "silent"))
        bench.world.hear = lambda event: None if isinstance(event, BookSnapshot) else bench.hear(event)

    bench = Bench(buying(1), with_limits(max_stale_ms=2_000), script={5.0: lost}, seconds=14.0)
    bench.play()
    stops(bench, 8.0, "STALE")


# Breakers that are told -----------------------------------------------------------------------------------------


def told(code: str) -> Try:
    def attempt() -> None:
        checks = tuple(each for each in FOR_REAL_ORDERS if each != "ORDER_GROUP")
        if code == "ORDER_GROUP":  # the gateway tells it, for it has the group
            bench = Bench(buying(1), WIDE, checks=checks, script={5.0: trigger}).play()
        else:
            bench = Bench(buying(1), WIDE, checks=checks, failing={code: (5.0, False)}).play()
        stops(bench, 5.0, code)

    return attempt


def trigger(bench: Bench) -> None:
    house, number = bench.world.house, bench.world.counter.account.number
    (group,) = house.matching.groups(number)
    house.do(lambda matching, now_ns: matching.trigger_group(number, group.group, now_ns))
    house.tick(bench.now_ns)


FIELDS = {"CLOCK_SKEW": "max_clock_skew_ms", "PARSE_RATE": "min_parse_rate_bp"}
for _code in FOR_REAL_ORDERS:
    tried(FIELDS.get(_code, _code), without_told(_code))(told(_code))


def _without_ages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Breakers, "late", lambda self, now_ns: [])
    patch.setattr(Risk, "unevaluated", lambda self, now_ns: [])


@tried(UNEVALUATED, _without_ages)
def _() -> None:
    bench = Bench(buying(1), WIDE, checks=("WATCHDOG",), failing={"WATCHDOG": (5.0, None)}, seconds=28.0).play()
    stops(bench, 21.0, UNEVALUATED)


def _without_arming(patch: pytest.MonkeyPatch) -> None:
    required = Breakers.required

    def careless(self: Breakers, event: ChecksRequired) -> None:
        required(self, msgspec.structs.replace(event, needs_arming=False))

    patch.setattr(Breakers, "required", careless)


@tried(NOT_ARMED, _without_arming)
def _() -> None:
    bench = Bench(buying(1), WIDE, armed_until_s=5.0).play()
    stops(bench, 6.0, NOT_ARMED)


@tried("NOT_ARMED by hand", _without_arming)
def _() -> None:
    script = {5.0: lambda bench: bench.hear(ArmedSet(bench.now_ns, 0, "ada"))}
    bench = Bench(buying(1), WIDE, armed_until_s=600.0, script=script).play()
    stops(bench, 5.0, NOT_ARMED)
