"""Scenarios: what the engine hears, and what it says. No clock, no files, no Django."""

from itertools import pairwise

import msgspec
import pytest

from markets.core.events import BookDelta, FeedStatus, MarketListed, SpotPrice
from markets.core.units import DAY_NS, DOLLAR, SECOND_NS
from tests.builders import EAGER, STRIKE, TICKER, Table, at, contract, opening, quarter_hour, snapshot, spot, status
from trading.core.events import (
    Event,
    Fill,
    HeldPosition,
    LimitsSet,
    ModeSet,
    OrderRejected,
    SeriesOff,
    Settled,
    Timer,
)
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters

FAR_ABOVE = STRIKE * 1.004


def calm(price: float = STRIKE, until: float = 60.0) -> list[Event]:
    """An open market with a two-sided book and a spot price every half second up to `until`."""
    path = [spot(second / 2, price) for second in range(-4, int(until * 2) + 1)]
    events: list[Event] = [MarketListed(at(-3), contract()), status(0, "open"), snapshot(0.1), *path]
    return sorted(events, key=lambda event: event.received_ns)


def traded(**changes: object) -> Table:
    """A table where YES is far too cheap for its fair value, so that it trades."""
    return Table(parameters=EAGER, **changes).hear(*calm(FAR_ABOVE))  # type: ignore[arg-type]


def test_it_buys_yes_when_the_spot_is_far_above_the_strike_and_the_ask_is_cheap() -> None:
    table = traded()
    first = table.orders[0]
    assert (first.is_bid, first.price, first.ticker) == (True, 5_100, TICKER)
    assert table.engine.portfolio.count(TICKER) > 0


def test_it_sells_yes_when_the_spot_is_far_below_the_strike() -> None:
    table = Table(parameters=EAGER).hear(*calm(STRIKE * 0.996))
    assert (table.orders[0].is_bid, table.orders[0].price) == (False, 4_900)
    assert table.engine.portfolio.count(TICKER) < 0


def test_it_stays_out_when_the_price_is_fair_and_says_so() -> None:
    table = Table(parameters=EAGER).hear(*calm(STRIKE))
    assert table.orders == []
    assert table.reasons()[-1] == "EDGE_BELOW_THRESHOLD"


def test_every_evaluation_has_a_reason_that_is_in_the_list_and_is_counted() -> None:
    table = traded()
    assert sum(table.engine.funnel.values()) == len(table.reasons())
    assert table.engine.funnel["TRADED"] == len(table.orders)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([MarketListed(at(-3), contract(strike=None)), status(0, "open"), snapshot(1), spot(5)], "NO_STRIKE"),
        ([MarketListed(at(-3), contract()), status(0, "open"), spot(5)], "FEED_LOST"),
        ([MarketListed(at(-3), contract()), status(0, "open"), snapshot(1)], "NO_SPOT"),
        ([MarketListed(at(-3), contract()), status(0, "open"), snapshot(1), spot(2)], "OPENING"),
        ([MarketListed(at(-3), contract()), status(0, "open"), snapshot(1), spot(6), snapshot(6, 6_000, 5_900)],
         "BOOK_CROSSED"),
        ([MarketListed(at(-3), contract()), status(0, "open"), spot(5), snapshot(5, 0, 10_000)], "BOOK_EMPTY"),
    ],
)  # fmt: skip
def test_it_says_what_is_in_the_way(events: list[Event], reason: str) -> None:
    assert Table(parameters=EAGER).hear(*events).reasons()[-1] == reason


def test_it_does_not_trade_in_the_last_seconds() -> None:
    table = Table(parameters=EAGER).hear(*calm(STRIKE, 884), spot(886, FAR_ABOVE), spot(887, FAR_ABOVE))
    assert table.reasons()[-1] == "CLOSING"
    assert table.orders == []


def test_a_second_of_the_settlement_average_without_a_price_keeps_it_out() -> None:
    early = [event for event in calm(STRIKE, 880) if not 855 < (event.received_ns - at(0)) / SECOND_NS < 865]
    table = Table(parameters=EAGER).hear(*early)
    assert table.reasons()[-1] == "SAMPLES_MISSING"


def test_a_low_confidence_keeps_it_out() -> None:
    table = Table(parameters=Parameters(min_confidence=99.0)).hear(*calm(FAR_ABOVE))
    assert table.orders == []
    assert table.reasons()[-1] == "CONFIDENCE_LOW"


def test_one_order_at_a_time_in_a_market() -> None:
    table = traded()
    sent = [decision.received_ns for decision in table.decisions if decision.commands]
    answered = [event.received_ns for event in table.heard_of(Fill)]
    assert all(later > earlier for earlier, later in zip(answered, sent[1:], strict=False))


def test_the_position_stays_inside_the_market_limit() -> None:
    table = traded(limits=RiskLimits(max_market_exposure=20 * DOLLAR))
    assert 0 < table.engine.portfolio.cost(TICKER) <= 20 * DOLLAR
    assert table.reasons()[-1] == "MARKET_EXPOSURE"
    denied = [denied for decision in table.decisions for denied in decision.denied]
    assert denied[-1].limit == 20 * DOLLAR
    assert denied[-1].would_be > denied[-1].limit


def test_halted_it_goes_on_thinking_and_sends_nothing() -> None:
    table = Table(parameters=EAGER)
    table.hear(ModeSet(at(-4), "HALTED", "pause", "ada"), *calm(FAR_ABOVE))
    assert table.orders == []
    assert table.reasons()[-1] == "HALTED"
    signal = table.engine.markets[TICKER].signal
    assert signal is not None
    assert signal.edge_yes is not None
    assert signal.edge_yes > 0.03


def test_reducing_it_only_closes_what_is_held() -> None:
    held = (HeldPosition(TICKER, -5_000, 25 * DOLLAR, 0, 0, at(900)),)
    table = Table(parameters=EAGER, start=opening(positions=held))
    table.hear(ModeSet(at(-4), "REDUCING"), *calm(FAR_ABOVE))
    assert table.engine.portfolio.count(TICKER) == 0
    assert table.orders[0].count == 5_000
    assert table.reasons()[-1] == "REDUCING_ONLY"


def test_the_daily_loss_limit_shuts_trading_down_and_a_new_day_opens_it_again() -> None:
    held = (HeldPosition(TICKER, 60_000, 300 * DOLLAR, 0, 0, at(900)),)
    table = Table(parameters=EAGER, limits=RiskLimits(max_daily_loss=300 * DOLLAR), start=opening(positions=held))
    table.hear(MarketListed(at(-3), contract()), status(930, "settled", "no"))
    table.hear(Timer(at(930) + DAY_NS))
    changes = [(decision.mode.mode, decision.mode.reason) for decision in table.decisions if decision.mode]
    assert changes == [("ACTIVE", ""), ("HALTED", "DAILY_LOSS"), ("ACTIVE", "")]


def test_new_limits_hold_from_the_next_event_on() -> None:
    table = Table(parameters=EAGER)
    tight = msgspec.structs.replace(RiskLimits(), max_total_exposure=0)
    table.hear(LimitsSet(at(-4), 2, tight), *calm(FAR_ABOVE))
    assert table.orders == []
    assert table.reasons()[-1] == "TOTAL_EXPOSURE"


def test_a_gap_in_the_feed_makes_a_market_untradable_until_its_next_snapshot() -> None:
    table = Table(parameters=EAGER).hear(*calm(STRIKE))
    table.hear(FeedStatus(at(61), "kalshi", "lost", TICKER, "sequence gap 5 to 9"), spot(61, FAR_ABOVE))
    assert table.reasons()[-1] == "FEED_LOST"
    table.hear(BookDelta(at(61.1), TICKER, True, 4_900, 100), FeedStatus(at(61.2), "kalshi", "up", TICKER))
    assert table.engine.markets[TICKER].lost == "sequence gap 5 to 9"
    table.hear(snapshot(61.3))
    assert table.engine.markets[TICKER].lost == ""


def test_a_delta_that_cannot_be_makes_the_book_unknown() -> None:
    table = Table(parameters=EAGER).hear(*calm(STRIKE))
    table.hear(BookDelta(at(61), TICKER, True, 4_900, -999_999))
    assert "would hold" in table.engine.markets[TICKER].lost


def test_a_lost_spot_venue_leaves_no_price() -> None:
    table = Table(parameters=EAGER).hear(*calm(STRIKE), FeedStatus(at(61), "coinbase", "lost"), snapshot(61.1))
    assert table.reasons()[-1] == "NO_SPOT"


def test_a_stale_spot_price_is_no_price() -> None:
    table = Table(parameters=EAGER).hear(*calm(STRIKE, 60), snapshot(66))
    assert table.reasons()[-1] == "NO_SPOT"


def test_a_position_is_settled_with_the_official_result() -> None:
    table = Table(parameters=EAGER).hear(*quarter_hour([(s / 2, FAR_ABOVE) for s in range(-4, 1_800)]))
    bought = sum(fill.count for fill in table.heard_of(Fill))
    assert [event.payout for event in table.heard_of(Settled)] == [bought * 10_000]
    assert table.engine.portfolio.positions == {}
    assert table.engine.portfolio.cash == table.exchange.cash


def test_what_is_settled_is_forgotten() -> None:
    table = Table(parameters=EAGER).hear(*quarter_hour([(s / 2, FAR_ABOVE) for s in range(-4, 1_800)]))
    assert table.engine.markets == {}
    assert table.engine.underlyings["BTC"].markets == []


def test_a_market_whose_settlement_never_came_is_forgotten_unless_something_is_held_in_it() -> None:
    other = "KXBTC15M-26NOV221215-15"
    held = (HeldPosition(TICKER, 5_000, 25 * DOLLAR, 0, 0, at(900)),)
    table = Table(parameters=EAGER, start=opening(positions=held))
    table.hear(MarketListed(at(-3), contract()), MarketListed(at(-3), contract(other)), Timer(at(900) + 2 * DAY_NS))
    assert list(table.engine.markets) == [TICKER]


def test_the_strike_of_a_window_teaches_how_far_our_own_average_is_off() -> None:
    table = Table(parameters=EAGER, start=opening(seconds=-150))
    table.hear(MarketListed(at(-120), contract(strike=None)))
    table.hear(*[spot(second, STRIKE * 1.0001) for second in range(-100, 1)])
    assert not table.engine.underlyings["BTC"].spot.is_anchored
    table.hear(MarketListed(at(0.7), contract()))
    basis = table.engine.underlyings["BTC"].spot.basis
    assert 0.00009 < basis < 0.0001  # nearly all of it is believed: nothing was known before


def test_a_refused_order_leaves_nothing_behind() -> None:
    table = Table(parameters=EAGER, start=opening(100 * DOLLAR))
    table.exchange.cash = 0
    table.hear(*calm(FAR_ABOVE, 20)).finish()
    assert table.heard_of(OrderRejected)
    assert table.engine.orders.exposure() == 0
    assert table.engine.portfolio.exposure == 0


def test_the_same_events_give_the_same_digest_and_other_events_another() -> None:
    path = [(s / 2, STRIKE + s) for s in range(-4, 1_800)]
    first, again = (Table(parameters=EAGER).hear(*quarter_hour(path)) for _ in range(2))
    other = Table(parameters=EAGER).hear(*quarter_hour([*path[:-1], (899.0, STRIKE)]))
    assert first.desk.digest == again.desk.digest
    assert first.decisions == again.decisions
    assert other.desk.digest != first.desk.digest


def test_what_comes_later_changes_no_earlier_decision() -> None:
    path = [(s / 2, STRIKE + s) for s in range(-4, 1_800)]
    changed = [(second, price if second < 400 else STRIKE) for second, price in path]
    first, other = (Table(parameters=EAGER).hear(*quarter_hour(each)) for each in (path, changed))
    before = at(400)
    assert [each for each in first.decisions if 0 < each.received_ns < before] == [
        each for each in other.decisions if 0 < each.received_ns < before
    ]


def test_time_never_runs_backwards_for_the_engine() -> None:
    table = Table(parameters=EAGER).hear(*calm(STRIKE))
    late = SpotPrice(at(10), "kraken", "BTC", STRIKE, 1.0)
    table.hear(late)
    times = [event.received_ns for event in table.heard]
    assert times == sorted(times)


def test_a_limit_of_one_market_does_not_hold_back_another() -> None:
    other = "KXBTC15M-26NOV221215-15"
    table = traded(limits=RiskLimits(max_market_exposure=20 * DOLLAR, max_market_share_bp=10_000))
    later = contract(other, open_ns=at(0), close_ns=at(1_800))
    table.hear(MarketListed(at(61), later), status(61, "open", ticker=other), snapshot(61, ticker=other))
    table.hear(*[spot(62 + second / 2, FAR_ABOVE) for second in range(20)])
    assert table.engine.portfolio.count(other) > 0


def test_it_waits_between_two_orders_in_one_market() -> None:
    table = traded(limits=RiskLimits(max_orders_per_minute=10_000))
    sent = [decision.received_ns for decision in table.decisions if decision.commands]
    assert len(sent) > 1
    assert min(later - earlier for earlier, later in pairwise(sent)) >= SECOND_NS
    assert "TOO_SOON" in table.reasons()


def test_a_series_that_is_switched_off_is_watched_and_not_traded_until_it_is_on_again() -> None:
    table = Table(parameters=EAGER).hear(SeriesOff(at(-4), ("KXBTC15M",)), *calm(FAR_ABOVE))
    assert table.orders == []
    assert table.reasons()[-1] == "SERIES_OFF"
    table.hear(SeriesOff(at(60.5), ()), spot(61, FAR_ABOVE))
    assert len(table.orders) == 1


def test_an_order_on_a_long_way_is_answered_before_the_end() -> None:
    slow = msgspec.structs.replace(EAGER, order_latency_ns=3 * SECOND_NS, reply_latency_ns=2 * SECOND_NS)
    table = Table(parameters=slow).hear(*calm(FAR_ABOVE, 5))
    assert len(table.orders) == 1
    assert table.heard_of(Fill) == []
    table.finish()
    assert sum(fill.count for fill in table.heard_of(Fill)) == table.orders[0].count
    assert table.engine.orders.working == {}
