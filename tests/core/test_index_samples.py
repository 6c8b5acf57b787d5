"""The one-second samples of our index estimate, and the average they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import Averaging
from markets.core.units import SECOND_NS
from trading.core.fair_value import terms_of
from trading.core.index_samples import IndexSamples
from trading.core.model import samples_left

CLOSE = 1_778_686_200
CLOSE_NS = CLOSE * SECOND_NS
OPEN_RIGHT, CLOSED_RIGHT = Averaging(), Averaging(window="closed_right")


def samples(values: dict[int, float | None]) -> IndexSamples:
    """Samples by the second relative to the close."""
    taken = IndexSamples()
    for second in sorted(values):
        taken.take(CLOSE + second, values[second])
    return taken


def every_second(first: int = -120, last: int = 5) -> dict[int, float | None]:
    return {second: 85_000.0 + second for second in range(first, last)}


def test_the_average_is_of_the_sixty_seconds_before_the_close() -> None:
    assert samples(every_second()).average(OPEN_RIGHT, CLOSE_NS) == pytest.approx(85_000.0 - 30.5)


def test_the_other_convention_is_one_second_later() -> None:
    assert samples(every_second()).average(CLOSED_RIGHT, CLOSE_NS) == pytest.approx(85_000.0 - 29.5)


def test_without_one_of_them_there_is_no_average() -> None:
    assert samples(every_second() | {-17: None}).average(OPEN_RIGHT, CLOSE_NS) is None


def test_nothing_is_known_before_the_window() -> None:
    assert samples(every_second()).known(OPEN_RIGHT, CLOSE_NS, CLOSE_NS - 60 * SECOND_NS - 1) == (0, 0.0, 0)


def test_a_sample_is_known_from_its_own_second_on() -> None:
    taken = samples(every_second())
    assert taken.known(OPEN_RIGHT, CLOSE_NS, CLOSE_NS - 60 * SECOND_NS) == (1, 84_940.0, 0)
    assert taken.known(OPEN_RIGHT, CLOSE_NS, CLOSE_NS - 59 * SECOND_NS) == (2, 84_940.0 + 84_941.0, 0)


@given(st.integers(-2 * SECOND_NS, 70 * SECOND_NS), st.sampled_from([OPEN_RIGHT, CLOSED_RIGHT]))
def test_every_sample_is_either_known_or_to_come(tau_ns: int, averaging: Averaging) -> None:
    count, _, _ = samples(every_second()).known(averaging, CLOSE_NS, CLOSE_NS - tau_ns)
    remaining, _ = samples_left(terms_of(1.0, 0.0, averaging), tau_ns)
    assert count + remaining == 60


def test_a_hole_is_bridged_with_a_straight_line_and_counted() -> None:
    taken = samples(every_second() | {-58: None, -57: None, -56: None})
    whole = samples(every_second())
    at_ns = CLOSE_NS - 50 * SECOND_NS
    count, total, missing = taken.known(OPEN_RIGHT, CLOSE_NS, at_ns)
    assert (count, missing) == (11, 3)
    assert total == pytest.approx(whole.known(OPEN_RIGHT, CLOSE_NS, at_ns)[1])


def test_a_hole_at_the_edge_takes_the_nearest_value() -> None:
    taken = samples({-58: 10.0, -57: 20.0, -56: None})
    assert taken.known(OPEN_RIGHT, CLOSE_NS, CLOSE_NS - 55 * SECOND_NS) == (6, 10.0 * 3 + 20.0 * 3, 4)


def test_with_no_sample_at_all_every_one_is_missing() -> None:
    assert IndexSamples().known(OPEN_RIGHT, CLOSE_NS, CLOSE_NS - 55 * SECOND_NS) == (6, 0.0, 6)


def test_an_answer_is_not_remembered_past_a_new_sample() -> None:
    taken = samples(every_second(last=-50))
    at_ns = CLOSE_NS - 50 * SECOND_NS
    assert taken.known(OPEN_RIGHT, CLOSE_NS, at_ns)[2] == 1
    taken.take(CLOSE - 50, 84_950.0)
    assert taken.known(OPEN_RIGHT, CLOSE_NS, at_ns)[2] == 0


def test_it_forgets_what_is_older_than_it_keeps() -> None:
    taken = IndexSamples(keep=100)
    for second in range(250):
        taken.take(second, float(second))
    assert [taken.at(second) for second in (149, 150, 249, 250)] == [None, 150.0, 249.0, None]


@given(st.lists(st.one_of(st.none(), st.floats(1.0, 2.0)), min_size=60, max_size=60))
def test_a_bridged_sum_stays_between_the_lowest_and_the_highest(values: list[float | None]) -> None:
    taken = samples(dict(zip(range(-60, 0), values, strict=True)))
    count, total, missing = taken.known(OPEN_RIGHT, CLOSE_NS, CLOSE_NS)
    known = [value for value in values if value is not None]
    assert (count, missing) == (60, 60 - len(known))
    if known:
        assert 60 * min(known) - 1e-9 <= total <= 60 * max(known) + 1e-9


@pytest.mark.parametrize("step_ns", [SECOND_NS // 5, SECOND_NS * 3 // 2])
def test_it_refuses_an_average_of_part_seconds(step_ns: int) -> None:
    with pytest.raises(ValueError, match="one a second"):
        samples(every_second()).known(Averaging(step_ns=step_ns), CLOSE_NS, CLOSE_NS)


def test_an_average_may_take_every_fifth_second() -> None:
    averaging = Averaging(samples=12, step_ns=5 * SECOND_NS)
    assert samples(every_second()).average(averaging, CLOSE_NS) == pytest.approx(85_000.0 - 32.5)
