"""What is drawn for an order: from seed, number and hop alone, with the median and 95th percentile that were asked for."""

from math import erf, sqrt
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.builders import TICKER
from trading.core.decision import CancelOrder, PlaceOrder
from trading.core.delays import CANCEL, COMPUTE, ORDER, REPLY, delay_ns, happens, normal_quantile, uniform
from trading.core.hops import Hops
from trading.core.parameters import Parameters
from trading.core.realism import STATED, Realism

MS = 1_000_000
seeds = st.integers(0, 2**63 - 1)
numbers = st.integers(0, 2**62)


@given(seeds, numbers, st.integers(1, 9), st.integers(0, 1_000))
def test_what_is_drawn_is_strictly_between_0_and_1_and_always_the_same(
    seed: int, number: int, hop: int, turn: int
) -> None:
    drawn = uniform(seed, number, hop, turn)
    assert 0.0 < drawn < 1.0
    assert uniform(seed, number, hop, turn) == drawn


@pytest.mark.parametrize("hop", [ORDER, CANCEL, REPLY, COMPUTE])
@pytest.mark.parametrize("seed", [1, 7, 2**40])
def test_it_is_spread_evenly(seed: int, hop: int) -> None:
    drawn = [uniform(seed, number, hop) for number in range(1, 20_001)]
    for share in (0.01, 0.05, 0.5, 0.95, 0.99):
        below = sum(each < share for each in drawn)
        assert abs(below - 20_000 * share) < 5 * sqrt(20_000 * share * (1 - share))


@given(seeds, st.integers(1, 10_000))
@settings(max_examples=20, deadline=None)
def test_numbers_hops_turns_and_seeds_have_nothing_to_do_with_each_other(seed: int, first: int) -> None:
    own = [uniform(seed, first + number, ORDER) for number in range(1_000)]
    others = (
        [uniform(seed, first + number + 1, ORDER) for number in range(1_000)],
        [uniform(seed, first + number, REPLY) for number in range(1_000)],
        [uniform(seed, first + number, ORDER, 1) for number in range(1_000)],
        [uniform((seed + 1) % 2**63, first + number, ORDER) for number in range(1_000)],
    )
    for other in others:
        covariance = sum((a - 0.5) * (b - 0.5) for a, b in zip(own, other, strict=True)) / 1_000
        assert abs(covariance * 12) < 6 / sqrt(1_000)


@given(st.floats(1e-9, 1 - 1e-9))
def test_the_quantile_is_that_of_the_normal(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(NormalDist().inv_cdf(p), abs=2e-8)
    assert 0.5 * (1 + erf(normal_quantile(p) / sqrt(2))) == pytest.approx(p, abs=1e-8)


@given(st.integers(1_000, 500 * MS), st.floats(1.0, 20.0))
def test_the_median_and_the_95th_percentile_are_those_asked_for(median: int, times: float) -> None:
    p95 = int(median * times)
    assert delay_ns(0.5, median, p95) == pytest.approx(median, rel=1e-6, abs=1)
    assert delay_ns(0.95, median, p95) == pytest.approx(p95, rel=1e-6, abs=1)


def test_and_so_are_those_of_many_orders() -> None:
    drawn = sorted(delay_ns(uniform(3, number, ORDER), 60 * MS, 250 * MS) for number in range(1, 20_001))
    assert drawn[10_000] == pytest.approx(60 * MS, rel=0.03)
    assert drawn[19_000] == pytest.approx(250 * MS, rel=0.06)


@given(st.floats(0.0001, 0.9999), st.floats(0.0001, 0.9999))
def test_a_later_quantile_is_a_longer_delay(one: float, other: float) -> None:
    first, second = sorted((one, other))
    assert delay_ns(first, 60 * MS, 250 * MS) <= delay_ns(second, 60 * MS, 250 * MS)


@given(st.floats(0.0001, 0.9999), st.integers(0, 10**9))
def test_a_hop_without_a_spread_takes_just_its_median(u: float, median: int) -> None:
    assert delay_ns(u, median, median) == median


def test_a_rate_of_0_never_happens_and_a_rate_of_1_always_does() -> None:
    drawn = [uniform(1, number, 5) for number in range(5_000)]
    assert not any(happens(each, 0.0) for each in drawn)
    assert all(happens(each, 1.0) for each in drawn)
    assert 150 < sum(happens(each, 0.04) for each in drawn) < 250


def hops(realism: Realism) -> Hops:
    made = Hops()
    made.set_parameters(Parameters())
    made.set_realism(realism)
    return made


def order(number: int) -> PlaceOrder:
    return PlaceOrder(number, TICKER, True, 5_000, 100)


@given(st.lists(st.integers(1, 60), unique=True, min_size=1), st.data())
def test_an_order_more_or_less_changes_the_delay_of_no_other(sent: list[int], data: st.DataObject) -> None:
    left_out = data.draw(st.sampled_from(sent))
    all_of_them, without = hops(STATED), hops(STATED)
    way = {number: all_of_them.arrives_ns(order(number), number * MS) for number in sent}
    back = {number: all_of_them.heard_ns(number, way[number]) for number in sent}
    for number in reversed([each for each in sent if each != left_out]):
        arrives_ns = without.arrives_ns(order(number), number * MS)
        assert (arrives_ns, without.heard_ns(number, arrives_ns)) == (way[number], back[number])


@given(st.lists(st.integers(0, 400), min_size=2, max_size=20), st.integers(1, 1_000))
def test_nothing_of_one_order_overtakes_anything_else_of_it(waits: list[int], number: int) -> None:
    made, now_ns, last_ns, heard_ns = hops(STATED), 0, 0, 0
    for turn, wait in enumerate(waits):
        now_ns += wait * MS
        command = CancelOrder(number, TICKER) if turn else order(number)
        arrives_ns = made.arrives_ns(command, now_ns)
        assert arrives_ns >= max(last_ns, now_ns)
        last_ns = arrives_ns
    for wait in waits:
        last_ns += wait * MS
        told_ns = made.heard_ns(number, last_ns)
        assert told_ns >= max(heard_ns, last_ns)
        assert made.heard_ns(number, last_ns) == told_ns
        heard_ns = told_ns


def test_what_the_realism_leaves_open_follows_the_parameters() -> None:
    made = hops(Realism(reply_median_ns=10 * MS, reply_p95_ns=10 * MS))
    assert made.arrives_ns(order(1), 0) == Parameters().order_latency_ns
    assert made.heard_ns(1, 200 * MS) == 210 * MS
    made.set_parameters(Parameters(order_latency_ns=7 * MS))
    assert made.arrives_ns(order(2), 0) == 7 * MS


def test_latency_that_is_added_comes_on_top_of_what_was_drawn() -> None:
    plain, added = hops(STATED), hops(replace(STATED, added_ns=50 * MS))
    for number in range(1, 50):
        assert added.arrives_ns(order(number), 0) == plain.arrives_ns(order(number), 0) + 50 * MS


def test_what_is_long_over_is_forgotten_and_what_is_not_is_kept() -> None:
    made = hops(STATED)
    first = [made.arrives_ns(order(number), 0) for number in range(1, 5_001)]
    hours_later = 3 * 3_600 * 1_000 * MS
    for number in range(5_001, 20_000):
        made.arrives_ns(order(number), hours_later)
    assert len(made._ways) < 16_000
    assert [hops(STATED).arrives_ns(order(number), 0) for number in (1, 5_000)] == [first[0], first[-1]]
