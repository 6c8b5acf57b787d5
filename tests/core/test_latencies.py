"""How long our own orders took: percentiles, answers that were lost, and from how many it is said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.core.latencies import LEAST_ORDERS, LOST_NS, Times, TooFewOrders, latencies

MS = 1_000_000
START = 10**18


def times(number: int, compute: int = 2, answer: int = 80) -> Times:
    decided = START + number * 1_000 * MS
    return Times(decided, decided + compute * MS, decided + (compute + answer) * MS)


def test_median_and_95th_percentile_are_the_nearest_ranks() -> None:
    found = latencies(times(number, compute=number, answer=1_000 + number) for number in range(1, 101))
    assert found.compute == (50 * MS, 95 * MS, 100)
    assert found.round_trip == (1_050 * MS, 1_095 * MS, 100)
    assert (found.lost, found.orders) == (0, 100)


def test_half_of_the_round_trip_is_the_way_there() -> None:
    realism = latencies(times(number, answer=80 + number % 3) for number in range(LEAST_ORDERS)).realism()
    assert realism.problems() == []
    assert (realism.order_median_ns, realism.reply_median_ns) == (81 * MS // 2, 81 * MS // 2)
    assert (realism.order_p95_ns, realism.compute_median_ns) == (41 * MS, 2 * MS)
    assert (realism.cancel_median_ns, realism.unknown_rate) == (-1, 0)


def test_an_answer_that_came_too_late_or_never_was_lost() -> None:
    orders = [times(number) for number in range(190)]
    orders += [times(number, answer=LOST_NS // MS) for number in range(5)]
    orders += [times(number)._replace(answered_ns=0) for number in range(5)]
    found = latencies(orders)
    assert (found.lost, found.orders, found.round_trip.orders) == (10, 200, 190)
    assert found.realism().unknown_rate == 0.05


def test_orders_that_never_left_or_were_answered_before_say_nothing() -> None:
    orders = [times(number) for number in range(LEAST_ORDERS)]
    strange = [times(1)._replace(left_ns=0), times(2)._replace(answered_ns=START), times(3)._replace(decided_ns=0)]
    assert latencies([*strange, *orders]) == latencies(orders)


@pytest.mark.parametrize("count", [0, 1, LEAST_ORDERS - 1])
def test_too_few_say_nothing(count: int) -> None:
    with pytest.raises(TooFewOrders) as raised:
        latencies(times(number) for number in range(count))
    assert raised.value.count == count


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9_000)), min_size=LEAST_ORDERS, max_size=LEAST_ORDERS))
@settings(max_examples=20, deadline=None)
def test_what_was_measured_can_always_be_drawn_from(taken: list[tuple[int, int]]) -> None:
    found = latencies(times(number, *each) for number, each in enumerate(taken))
    assert found.realism().problems() == []
