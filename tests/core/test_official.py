"""The index as the exchange publishes it: what it fixes of a settlement, what it teaches, and what it never is."""

from math import fsum, inf, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import Averaging
from markets.core.events import IndexValue, MarketListed
from markets.core.units import SECOND_NS
from tests.builders import (
    CLOSE_NS,
    EAGER,
    OPEN_NS,
    STRIKE,
    TICKER,
    Table,
    at,
    contract,
    opening,
    snapshot,
    spot,
    status,
)
from trading.core.confidence import ANCHORED, OFFICIAL
from trading.core.index_samples import IndexSamples
from trading.core.official import Known, Official, whole_window
from trading.core.parameters import Parameters
from trading.core.pricing import Underlying

CLOSE = CLOSE_NS // SECOND_NS
LAG_NS = 140_000_000
OPEN_RIGHT, CLOSED_RIGHT = Averaging(), Averaging(window="closed_right")
levels = st.lists(st.floats(84_000.0, 86_000.0), min_size=61, max_size=61)
heard_seconds = st.sets(st.integers(-60, 0))


def published(second: int, value: float = STRIKE, **more: object) -> IndexValue:
    """The value of a second relative to the close, heard a little later."""
    at_ns = CLOSE_NS + second * SECOND_NS
    return IndexValue(at_ns + LAG_NS, "BTC", value, at_ns, **more)  # type: ignore[arg-type]


def minute(path: list[float], seconds: set[int]) -> list[IndexValue]:
    """What is heard of the last minute, `path` being the index from -60 s to the close, with the average so far."""
    return [
        published(second, path[60 + second], window_average=fsum(path[1 : 61 + second]) / (60 + second), window_samples=60 + second)
        if second > -60
        else published(second, path[0])
        for second in sorted(seconds)
    ]  # fmt: skip


def ours(value: float | None = 1.0) -> IndexSamples:
    """An estimate of our own for each second, far from any index."""
    own = IndexSamples()
    for second in range(CLOSE - 60, CLOSE + 1):
        own.take(second, value)
    return own


def test_an_official_value_is_taken_for_its_second_and_our_own_for_the_others() -> None:
    official = Official()
    official.hear(published(-59, 300.0))
    known = official.known(ours(), OPEN_RIGHT, CLOSE_NS, CLOSE_NS - 58 * SECOND_NS)
    assert known == Known(samples=3, total=302.0, missing=0, own=2)


def test_before_anything_was_published_it_is_all_our_own() -> None:
    own = ours()
    for tau_s in (61, 60, 30, 0):
        at_ns = CLOSE_NS - tau_s * SECOND_NS
        count, total, missing = own.known(OPEN_RIGHT, CLOSE_NS, at_ns)
        assert Official().known(own, OPEN_RIGHT, CLOSE_NS, at_ns) == (count, total, missing, count)


@given(levels, heard_seconds, st.sampled_from([OPEN_RIGHT, CLOSED_RIGHT]), st.integers(-60, 0))
def test_what_was_missed_is_exact_as_soon_as_the_average_of_the_minute_is_heard(
    path: list[float], seconds: set[int], averaging: Averaging, now: int
) -> None:
    """The average covers the minute from its second value on: of that nothing is estimated up to what was heard last."""
    official = Official()
    for event in minute(path, seconds):
        official.hear(event)
    first = -60 if averaging is OPEN_RIGHT else -59
    due = [second for second in range(first, 0 if averaging is OPEN_RIGHT else 1) if second <= now]
    covered = {second for second in due if any(second <= last <= due[-1] for last in seconds) and second > -60}
    told = covered | (seconds & set(due))
    known = official.known(ours(), averaging, CLOSE_NS, CLOSE_NS + now * SECOND_NS)
    assert (known.samples, known.own, known.missing) == (len(due), len(due) - len(told), 0)
    exact = fsum(path[60 + second] for second in told) + (len(due) - len(told)) * 1.0
    assert known.total == pytest.approx(exact, rel=1e-12)


def test_a_part_of_a_sum_is_not_known() -> None:
    """An average that begins before the samples that are asked for says nothing exact of them."""
    official = Official()
    official.hear(published(-10, 300.0, window_average=200.0, window_samples=50))
    twenty = Averaging(samples=20)
    known = official.known(ours(), twenty, CLOSE_NS, CLOSE_NS - 10 * SECOND_NS)
    assert known == (11, 10.0 + 300.0, 0, 10)


def test_without_an_estimate_of_our_own_what_is_not_published_is_missing_and_bridged() -> None:
    official = Official()
    for second, value in ((-60, 100.0), (-58, 200.0)):
        official.hear(published(second, value))
    known = official.known(IndexSamples(), OPEN_RIGHT, CLOSE_NS, CLOSE_NS - 58 * SECOND_NS)
    assert known == (3, 450.0, 1, 1)


def test_a_value_that_comes_after_the_question_changes_the_answer() -> None:
    official, own, now_ns = Official(), ours(), CLOSE_NS - 59 * SECOND_NS
    official.hear(published(-60, 300.0))
    assert official.known(own, OPEN_RIGHT, CLOSE_NS, now_ns).total == 301.0
    own.take(CLOSE - 59, 2.0)
    assert official.known(own, OPEN_RIGHT, CLOSE_NS, now_ns).total == 302.0
    official.hear(published(-59, 400.0))
    assert official.known(own, OPEN_RIGHT, CLOSE_NS, now_ns) == (2, 700.0, 0, 0)


@pytest.mark.parametrize("value", [0.0, -1.0, inf, nan])
def test_what_is_no_price_is_not_heard(value: float) -> None:
    official = Official()
    assert official.hear(published(-30, value)) is False
    assert official.published(CLOSE_NS) is None


@pytest.mark.parametrize(
    ("average", "count", "venue_ns"),
    [(nan, 30, 0), (0.0, 30, 0), (300.0, 0, 0), (300.0, 61, 0), (300.0, 29, 0), (300.0, 30, 500_000_000)],
)
def test_an_average_that_cannot_be_of_the_minute_fixes_nothing(average: float, count: int, venue_ns: int) -> None:
    official = Official()
    event = published(-30, 300.0, window_average=average, window_samples=count)
    official.hear(IndexValue(event.received_ns, "BTC", 300.0, event.venue_ns + venue_ns, None, average, count))
    assert official.known(ours(), OPEN_RIGHT, CLOSE_NS, event.venue_ns).own >= 30


def test_a_page_sees_the_last_value_with_its_age_and_whether_it_is_of_now() -> None:
    official = Official()
    event = published(-10, 300.0, average=299.0)
    official.hear(event)
    seen = official.published(event.received_ns + SECOND_NS)
    assert seen == (300.0, SECOND_NS, True, 299.0, None, 0)
    later = official.published(event.received_ns + 3 * SECOND_NS)
    assert later is not None
    assert later.is_fresh is False


def test_a_value_that_was_held_back_is_not_one_of_now_and_still_the_truth_of_its_second() -> None:
    official = Official()
    official.hear(IndexValue(CLOSE_NS - 50 * SECOND_NS, "BTC", 300.0, CLOSE_NS - 60 * SECOND_NS))
    assert official.is_fresh(CLOSE_NS - 50 * SECOND_NS) is False
    assert official.known(ours(), OPEN_RIGHT, CLOSE_NS, CLOSE_NS - 60 * SECOND_NS) == (1, 300.0, 0, 0)


@pytest.mark.parametrize(
    ("second", "count", "whole"), [(0, 60, True), (0, 59, False), (-1, 60, False), (900, 60, True), (450, 60, False)]
)
def test_only_the_whole_minute_at_the_end_of_a_window_is_a_strike(second: int, count: int, whole: bool) -> None:
    event = published(second, window_average=STRIKE, window_samples=count)
    assert whole_window(event) == ((CLOSE_NS + second * SECOND_NS, STRIKE) if whole else None)


def test_the_strike_to_come_is_the_average_of_the_reading_that_is_configured() -> None:
    """Section 1.3: both are published with the value at the close, and are a second apart."""
    event = published(0, average=STRIKE + 1.0, window_average=STRIKE + 2.0, window_samples=60)
    assert whole_window(event, "open_right") == (CLOSE_NS, STRIKE + 1.0)
    assert whole_window(event, "closed_right") == (CLOSE_NS, STRIKE + 2.0)
    assert whole_window(msgspec.structs.replace(event, average=None), "open_right") == (CLOSE_NS, STRIKE + 2.0)
    assert whole_window(msgspec.structs.replace(event, average=nan), "open_right") is None


# In the engine --------------------------------------------------------------------------------------------------


def listening(
    *, off: float = 1.0, until: float = 30, parameters: Parameters | None = None, strike: float = STRIKE
) -> Table:
    """Venues that are `off` the index, which stays where it is and is heard from the second 5 on."""
    terms = contract(strike=strike)
    table = Table(parameters=parameters).hear(MarketListed(at(-3), terms), status(0, "open"), snapshot(0.1))
    for second in range(1, int(until)):
        table.hear(spot(second, STRIKE * off))
        if second >= 5:
            table.hear(index(second))
    return table


def index(second: float, value: float = STRIKE, **more: object) -> IndexValue:
    return IndexValue(at(second) + LAG_NS, "BTC", value, at(second), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["fusion", "vwap", "median"])
def test_our_level_learns_how_far_it_is_off(method: str) -> None:
    table = listening(off=1.0003, parameters=Parameters(price_method=method))  # type: ignore[arg-type]
    heard = table.engine.underlyings["BTC"].spot
    assert heard.estimate(at(29.5)) == pytest.approx(STRIKE, rel=3e-5)
    assert heard.basis == pytest.approx(3e-4, rel=0.1)


def test_the_more_it_hears_the_surer_it_is() -> None:
    errors = [listening(until=until).engine.underlyings["BTC"].spot.sigma for until in (6, 30, 120)]
    assert errors[0] > errors[1] > errors[2]


def test_the_index_is_full_marks_for_its_quality_as_long_as_it_is_heard() -> None:
    """The strike is far below, so that only the quality of the index is left to tell the two scores apart."""
    table = listening(strike=STRIKE * 0.9)
    scores = []
    for second in (31.4, 31.9):
        signal = table.hear(spot(second)).engine.markets[TICKER].signal
        assert signal is not None
        scores.append(signal.confidence or 0.0)
    assert scores[0] > 0.0
    assert scores[1] == pytest.approx(scores[0] * ANCHORED / OFFICIAL)


def test_an_index_that_is_too_far_off_is_not_what_our_level_is_held_against() -> None:
    table = listening().hear(spot(31), index(31, STRIKE * 1.02), spot(31.5))
    pricing = table.engine.markets[TICKER].pricing
    assert pricing is not None
    assert not pricing.is_official
    assert table.engine.underlyings["BTC"].spot.estimate(at(31.5)) == pytest.approx(STRIKE, rel=1e-4)


def in_the_last_minute(*, heard: bool, until: int = 890) -> Table:
    table = Table(parameters=EAGER).hear(MarketListed(at(-3), contract()), status(0, "open"))
    table.hear(snapshot(0.1))
    for second in range(700, until + 1):
        table.hear(spot(second, STRIKE * 1.0002))
        if heard:
            table.hear(index(second, STRIKE * 1.0001))
    return table.hear(spot(until + 0.5, STRIKE * 1.0002))


def test_the_samples_that_are_known_exactly_leave_less_to_doubt() -> None:
    guessed, known = (in_the_last_minute(heard=heard).engine.markets[TICKER].pricing for heard in (False, True))
    assert guessed is not None
    assert known is not None
    assert known.fair > 0.99 > 0.9 > guessed.fair
    assert known.level_error < guessed.level_error


def test_the_official_samples_count_and_not_ours() -> None:
    underlying = in_the_last_minute(heard=True).engine.underlyings["BTC"]
    known = underlying.known(contract(), at(890))
    assert (known.samples, known.missing, known.own) == (51, 0, 0)
    assert known.total == pytest.approx(51 * STRIKE * 1.0001, rel=1e-12)


def test_a_minute_that_was_missed_is_priced_once_its_average_is_heard() -> None:
    table = in_the_last_minute(heard=False, until=850)
    table.hear(spot(871, STRIKE * 1.0002), spot(871.5, STRIKE * 1.0002))
    assert table.reasons()[-1] == "SAMPLES_MISSING"
    table.hear(
        index(872, STRIKE * 1.0001, window_average=STRIKE * 1.0001, window_samples=32), spot(872.5, STRIKE * 1.0002)
    )
    pricing = table.engine.markets[TICKER].pricing
    assert pricing is not None
    assert pricing.missing == 0


def test_a_value_heard_between_two_prices_is_priced_at_once() -> None:
    table = in_the_last_minute(heard=False)
    before = table.engine.markets[TICKER].pricing
    table.hear(index(890, STRIKE * 1.0001, window_average=STRIKE * 0.9999, window_samples=50))
    after = table.engine.markets[TICKER].pricing
    assert before is not None
    assert after is not None
    assert before.fair > 0.7 > 0.1 > after.fair


def test_the_strike_that_is_known_early_is_shown_and_never_traded_on() -> None:
    later = "KXBTC15M-26NOV221215-15"
    table = in_the_last_minute(heard=True, until=898)
    table.hear(MarketListed(at(899), contract(later, open_ns=at(900), close_ns=at(1_800), strike=None)))
    table.hear(index(900, STRIKE, window_average=STRIKE * 1.0001, window_samples=60))
    table.hear(status(900.5, "open", ticker=later), snapshot(900.6, ticker=later), spot(901), spot(910))
    assert table.engine.underlyings["BTC"].next_strike == (CLOSE_NS, STRIKE * 1.0001)
    assert table.engine.markets[later].contract.strike is None
    assert table.engine.markets[later].pricing is None
    assert table.reasons()[-1] == "NO_STRIKE"


def before_the_open(*, late: bool) -> Underlying:
    """A minute in which nothing of the index is heard, then its whole average; too late for its last value to be of now."""
    table = Table(start=opening(seconds=-150)).hear(MarketListed(at(-120), contract(strike=None)))
    table.hear(*[spot(second / 2, STRIKE * 1.0002) for second in range(-200, 1)], spot(4, STRIKE * 1.0002))
    if late:
        table.hear(IndexValue(at(5), "BTC", STRIKE, OPEN_NS, None, STRIKE, 60))
    table.hear(MarketListed(at(6), contract()))
    return table.engine.underlyings["BTC"]


def test_the_average_of_the_minute_before_teaches_what_the_strike_would_have_and_that_once() -> None:
    early, by_strike = before_the_open(late=True).spot, before_the_open(late=False).spot
    assert early.anchors == by_strike.anchors == 1
    assert early.basis == pytest.approx(by_strike.basis)
    assert early.basis == pytest.approx(2e-4, rel=0.05)


def test_where_its_values_were_heard_one_by_one_their_average_teaches_nothing_more() -> None:
    table = Table(start=opening(seconds=-150)).hear(MarketListed(at(-120), contract(strike=None)))
    for second in range(-100, 1):
        table.hear(spot(second, STRIKE * 1.0002), index(second))
    anchors = table.engine.underlyings["BTC"].spot.anchors
    table.hear(MarketListed(at(0.7), contract()))
    assert table.engine.underlyings["BTC"].spot.anchors == anchors


def test_the_same_events_with_the_index_give_the_same_digest() -> None:
    assert in_the_last_minute(heard=True).desk.digest == in_the_last_minute(heard=True).desk.digest
    assert in_the_last_minute(heard=True).desk.digest != in_the_last_minute(heard=False).desk.digest
