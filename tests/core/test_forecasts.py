"""The forecast record: every mark of every window once, in time or not at all, and never with what came later."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.core.events import BookDelta, FeedStatus, MarketListed, MarketStatus, SpotPrice
from markets.core.units import DAY_NS, SECOND_NS
from tests.builders import (
    CLOSE_NS,
    OPEN_NS,
    STRIKE,
    TICKER,
    Table,
    at,
    contract,
    opening,
    quarter_hour,
    snapshot,
    spot,
    status,
)
from trading.core.calibration import pooled
from trading.core.decision import Forecast
from trading.core.events import Event, FittedSet, ModeSet, ParametersSet, SeriesOff
from trading.core.fitted import CalibrationMap, Fitted, FittedTails, VolatilityWeights
from trading.core.forecasts import LATEST_NS, MARKS_S, NEVER, Forecaster
from trading.core.market import MarketState
from trading.core.parameters import Parameters
from trading.core.reasons import REASONS

NARROW = Parameters(quorum=1)


def path(until: float = 900.0, first: float = -30.0) -> list[tuple[float, float]]:
    """A spot price every second that wanders a little."""
    seconds = [first + number for number in range(int(until - first) + 1)]
    return [(second, STRIKE * (1 + 2e-5 * ((second * 7) % 13 - 6))) for second in seconds]


def window() -> list[Event]:
    return quarter_hour(path())


def played(events: Iterable[Event], parameters: Parameters = NARROW) -> Table:
    return Table(parameters=parameters, start=opening(seconds=-50)).hear(*events)


def record(table: Table) -> list[Forecast]:
    return [each for decision in table.decisions for each in decision.forecasts]


def of(table: Table, seconds_left: int) -> Forecast:
    [found] = [each for each in record(table) if each.seconds_left == seconds_left]
    return found


def test_every_mark_of_a_window_is_forecast_once_and_in_time() -> None:
    made = record(played(window()))
    assert [each.seconds_left for each in made] == list(MARKS_S)
    for each in made:
        late_ns = each.received_ns - (CLOSE_NS - each.seconds_left * SECOND_NS)
        assert 0 <= late_ns <= SECOND_NS // 10
        assert (each.ticker, each.asset, each.close_ns, each.reason) == (TICKER, "BTC", CLOSE_NS, "")


def test_it_says_what_each_model_and_the_market_said() -> None:
    table = played([*window()[:-2]], msgspec.structs.replace(NARROW, pooling_weight=0.4))
    told = of(table, 600)
    assert (told.bid, told.ask, told.bid_count, told.ask_count) == (4_900, 5_100, 100_000, 100_000)
    assert told.book_age_ns == told.received_ns - at(0.5)
    assert told.strike == STRIKE
    assert told.spot is not None
    assert told.spot_age_ns == SECOND_NS  # the timer of the mark comes before the price of that moment
    assert told.fair is not None
    assert told.calibrated == told.fair  # no map is in force
    assert told.pooled == pytest.approx(pooled(told.fair, 0.5, 0.4))
    assert told.digital is not None
    averages = (told.abm_avg, told.gbm_avg, told.gbm_avg_t, told.gbm_avg_mix)
    assert None not in averages
    assert len({told.digital, *averages}) == 5
    assert told.gbm_avg_t == told.fair  # the model that is set
    assert told.gbm_avg_emp is None  # nothing was fitted
    assert len(told.rates) == 3
    assert told.sigma is not None
    assert told.sigma > 0
    assert told.level_error == pytest.approx(0.8e-4, rel=10)
    assert told.z is not None
    assert (told.known, told.missing, told.is_official) == (0, 0, False)
    assert of(table, 30).known == 30  # the samples of 60 to 31 s before the close
    assert of(table, 30).missing == 0


def test_the_versions_it_was_made_with_go_with_it() -> None:
    seen = CalibrationMap(windows=400, through_ns=at(-60), version=7, coefficients=(0.5, 1.0))
    unseen = CalibrationMap(windows=400, through_ns=at(700), version=9, coefficients=(2.0, 1.0))
    table = Table(start=opening(seconds=-50))
    table.hear(ParametersSet(at(-45), 12, NARROW), FittedSet(at(-45), Fitted(calibration=(seen, unseen))), *window())
    told = of(table, 600)
    assert told.fitted_versions == (7,)
    assert told.calibrated is not None
    assert told.fair is not None
    assert told.calibrated > told.fair
    assert of(table, 120).fitted_versions == (9,)  # it had closed by then, and is the newer one


@pytest.mark.parametrize(
    ("changes", "versions"),
    [({}, (3, 4)), ({"volatility_forecast": "single"}, (3,)), ({"tails": "normal"}, (4,))],
    ids=["all", "a single half-life", "normal tails"],
)
def test_what_had_no_say_is_not_among_the_versions(changes: dict[str, Any], versions: tuple[int, ...]) -> None:
    fitted = Fitted(
        calibration=(CalibrationMap(windows=400, through_ns=at(-60), version=2),),  # of a time before the others
        tails=(FittedTails(windows=600, through_ns=at(-60), version=3),),
        volatility=(VolatilityWeights(windows=1_000, through_ns=at(-60), version=4),),
    )
    table = Table(start=opening(seconds=-50))
    parameters = msgspec.structs.replace(NARROW, **changes)
    table.hear(ParametersSet(at(-45), 12, parameters), FittedSet(at(-45), fitted), *window())
    assert of(table, 600).fitted_versions == versions


@pytest.mark.parametrize(
    "before",
    [
        [ModeSet(at(-45), "HALTED", "pause", "ada")],
        [SeriesOff(at(-45), ("KXBTC15M",))],
    ],
    ids=["halted", "switched off"],
)
def test_what_is_not_traded_is_forecast_all_the_same(before: list[Event]) -> None:
    told, traded = record(played([*before, *window()])), whole_record()
    assert [each.fair for each in told] == [each.fair for each in traded]
    assert [each.seconds_left for each in told] == list(MARKS_S)


def without(events: list[Event], kind: type) -> list[Event]:
    return [event for event in events if type(event) is not kind]


def unstruck() -> list[Event]:
    return [MarketListed(at(-40), contract(strike=None)), *without(window(), MarketListed)]


CASES: dict[str, tuple[list[Event], str]] = {
    "no strike": (unstruck(), "NO_STRIKE"),
    "no price": (without(window(), SpotPrice), "NO_SPOT"),
    "no book": ([event for event in window() if type(event) is not type(snapshot(0))], "FEED_LOST"),
    "broken book": ([*window()[:-2], BookDelta(at(899), TICKER, True, 4_900, -200_000)], ""),
    "lost book": (sorted([*window(), FeedStatus(at(1), "kalshi", "lost", reason="gap")], key=lambda event: event.received_ns), "FEED_LOST"),
    "not open": ([event for event in window() if not isinstance(event, MarketStatus)], "NOT_OPEN"),
    "paused": (sorted([*window(), status(2, "paused")], key=lambda event: event.received_ns), "MARKET_PAUSED"),
    "crossed": (sorted([*window(), snapshot(2, 6_000, 5_900)], key=lambda event: event.received_ns), "BOOK_CROSSED"),
    "empty": (sorted([*window(), snapshot(2, 0, 10_000)], key=lambda event: event.received_ns), "BOOK_EMPTY"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_window_that_cannot_be_judged_is_a_row_with_the_reason(case: str) -> None:
    events, reason = CASES[case]
    made = record(played(events))
    assert [each.seconds_left for each in made] == list(MARKS_S)
    assert {each.reason for each in made} == {reason}
    assert reason in {"", *REASONS}
    for each in made:
        assert (each.fair is None) == (reason in {"NO_STRIKE", "NO_SPOT"})
        assert (each.book_age_ns is None) == (reason == "FEED_LOST")
        if reason == "FEED_LOST":
            assert (each.bid, each.ask, each.bid_count, each.ask_count) == (0, 10_000, 0, 0)
            assert each.pooled == each.calibrated  # no market to hear
        if reason in {"NO_STRIKE", "NO_SPOT"}:
            assert (each.bid, each.ask) == (4_900, 5_100)  # the market is told all the same


def test_a_level_that_moves_no_best_price_is_news_of_the_book() -> None:
    events = [*window(), BookDelta(at(299), TICKER, True, 4_000, 500)]
    table = played(sorted(events, key=lambda event: event.received_ns))
    age_ns = of(table, 600).book_age_ns
    assert age_ns is not None
    assert age_ns <= 1_100_000_000


def test_a_mark_that_nobody_looked_at_in_time_is_left_out() -> None:
    market = MarketState(contract())
    forecaster, asked = Forecaster(), []

    def tell(_market: MarketState, seconds_left: int) -> Forecast:
        asked.append(seconds_left)
        return Forecast(0, TICKER, "BTC", CLOSE_NS, seconds_left)

    for seconds in (59.9, 60.0, 60.1, 182.5, 301.9, 420.0 + LATEST_NS / SECOND_NS, 541.0):
        forecaster.due(at(seconds), [market], tell)
    assert asked == [840, 600, 480, 360]  # that of 720 s was asked 2.5 s late
    assert forecaster.next_ns == at(600)


def test_a_start_in_mid_window_makes_up_for_nothing() -> None:
    listed, opened, book = MarketListed(at(400), contract()), status(400, "open"), snapshot(400.5)
    table = Table(parameters=NARROW, start=None)
    table.hear(listed, opened, book, *(spot(second, price) for second, price in path(900, 401)))
    assert [each.seconds_left for each in record(table)] == [mark for mark in MARKS_S if mark < 500]


def test_a_window_that_opens_later_than_a_mark_has_none_there() -> None:
    short = contract(open_ns=CLOSE_NS - 300 * SECOND_NS)
    events = [event for event in window() if not isinstance(event, MarketListed)]
    table = played([MarketListed(at(-40), short), *events])
    assert [each.seconds_left for each in record(table)] == [mark for mark in MARKS_S if mark <= 300]


def test_nothing_is_asked_between_marks() -> None:
    market = MarketState(contract())
    forecaster = Forecaster()
    forecaster.due(at(-10), [market], no_forecast)
    assert forecaster.next_ns == at(60)
    forecaster.due(at(-10), [], no_forecast)
    assert forecaster.next_ns == NEVER


def no_forecast(_market: MarketState, _seconds_left: int) -> Forecast:
    raise AssertionError("no mark is due")


def test_what_is_over_is_forgotten() -> None:
    """A day of five series: as many windows as are open at once are known, not as many as there were."""
    forecaster, most, made = Forecaster(), 0, 0
    for quarter in range(96):
        shift = quarter * 900 * SECOND_NS
        terms = [contract(f"KX{number}-{quarter}", open_ns=OPEN_NS + shift, close_ns=CLOSE_NS + shift) for number in range(5)]  # fmt: skip
        markets = [MarketState(each) for each in terms]
        forecaster.next_ns = 0
        for mark in (900, *MARKS_S, 0):
            told = forecaster.due(
                CLOSE_NS + shift - mark * SECOND_NS,
                markets,
                lambda market, left: Forecast(0, market.contract.ticker, "BTC", market.contract.close_ns, left),
            )
            made += len(told)
        most = max(most, len(forecaster._passed))
    assert made == 96 * 5 * len(MARKS_S)
    assert most == 5
    forecaster.due(CLOSE_NS + DAY_NS, [], no_forecast)
    assert forecaster._passed == {}


def encoded(table: Table, before_ns: int) -> bytes:
    return msgspec.json.encode([each for each in record(table) if each.received_ns < before_ns])


def test_the_same_events_give_the_same_record() -> None:
    assert encoded(played(window()), CLOSE_NS) == encoded(played(window()), CLOSE_NS)


@cache
def whole_record() -> list[Forecast]:
    return record(played(window()))


def as_it_was(before_ns: int) -> bytes:
    return msgspec.json.encode([each for each in whole_record() if each.received_ns < before_ns])


@settings(max_examples=10, deadline=None)
@given(cut=st.integers(0, 899), jump=st.sampled_from([0.99, 1.01]), result=st.sampled_from(["yes", "no"]))
def test_what_comes_later_changes_no_earlier_forecast(cut: int, jump: float, result: str) -> None:
    """The future is another one: other prices, another book, another result, or none at all."""
    cut_ns = at(cut)
    events = window()
    past = [event for event in events if event.received_ns < cut_ns]
    future: list[Any] = [
        msgspec.structs.replace(event, price=event.price * jump) if isinstance(event, SpotPrice) else event
        for event in events
        if event.received_ns >= cut_ns
    ]
    other = [*past, snapshot(cut, 1_000, 1_200), *future[:-1], status(930, "settled", result)]
    told = as_it_was(cut_ns)
    assert encoded(played(past), cut_ns) == told
    assert encoded(played(other), cut_ns) == told
