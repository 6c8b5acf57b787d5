"""The filter: one venue, several, a basis, an anchor, surprises; and that no number runs away."""

import os
import random
from math import log, sqrt

import pytest

from markets.core.units import SECOND_NS
from trading.core.fusion import LEAST_VARIANCE, Fusion

START_NS = 1_778_680_000 * SECOND_NS
NOISE = (0.2e-4) ** 2
SIGMA = 8e-5
BP = 1e-4
LONG = pytest.mark.skipif("LONG_RUNS" not in os.environ, reason="two minutes: set LONG_RUNS=1")


def made(*quotes: str) -> Fusion:
    fusion = Fusion()
    fusion.process = SIGMA * SIGMA
    for quote in quotes:
        fusion.add(quote)
    return fusion


def at(seconds: float) -> int:
    return START_NS + round(seconds * SECOND_NS)


def walk(
    fusion: Fusion, bases: list[float], *, seconds: int, seed: int = 1, start: float = 11.0, first: int = 0
) -> float:
    """Ten ticks a second of venues with these bases; the true level at the end."""
    rng, level = random.Random(seed), start
    for step in range(first * 10, (first + seconds) * 10):
        level += rng.gauss(0.0, SIGMA * sqrt(0.1))
        place = rng.randrange(len(bases))
        fusion.tick(place + 1, level + bases[place] + rng.gauss(0.0, 0.2e-4), NOISE, at(step / 10))
    return level


def test_the_first_tick_is_the_level_as_uncertain_as_a_basis() -> None:
    fusion = made("USD")
    fusion.tick(1, 11.0, NOISE, at(0))
    assert fusion.state == [11.0, 0.0]
    assert fusion.error == pytest.approx(5e-4, rel=1e-3)


def test_one_venue_is_followed() -> None:
    fusion = made("USD")
    level = walk(fusion, [0.0], seconds=120)
    assert fusion.state[0] == pytest.approx(level, abs=0.6e-4)


def test_several_venues_are_one_level_and_their_differences() -> None:
    fusion = made("USD", "USD", "USD")
    level = walk(fusion, [2 * BP, -1 * BP, -1 * BP], seconds=600)
    assert fusion.state[0] == pytest.approx(level, abs=0.6e-4)
    assert [basis / BP for basis in fusion.state[1:]] == pytest.approx([2.0, -1.0, -1.0], abs=0.5)


def test_a_large_basis_of_one_tether_venue_hardly_moves_the_level() -> None:
    fusion = made("USD", "USD", "USD", "USDT")
    level = walk(fusion, [0.0, 0.0, 0.0, -6 * BP], seconds=600)
    assert fusion.state[4] / BP == pytest.approx(-5.6, abs=0.6)
    assert abs(fusion.state[0] - level) < 1.0 * BP


def test_an_anchor_tells_the_level_from_the_basis() -> None:
    fusion = made("USD")
    level = walk(fusion, [4 * BP], seconds=60)
    before = fusion.error
    fusion.anchor(level - fusion.state[0], (0.5 * BP) ** 2)
    assert fusion.state[1] / BP == pytest.approx(4.0, abs=0.6)
    assert fusion.error < 0.2 * before
    level = walk(fusion, [4 * BP], seconds=60, seed=2, start=level, first=60)
    assert fusion.state[0] == pytest.approx(level, abs=0.8 * BP)


def test_waiting_without_anchors_makes_nothing_surer() -> None:
    fusion = made("USD", "USD")
    walk(fusion, [0.0, 0.0], seconds=60)
    before = fusion.error
    for second in range(60, 8 * 3_600, 30):
        for place in (1, 2):
            fusion.tick(place, 11.0, NOISE, at(second))
    assert fusion.error > 0.95 * before


def test_a_lone_wild_price_is_refused_and_the_third_in_a_row_believed() -> None:
    fusion = made("USD")
    level = walk(fusion, [0.0], seconds=60)
    assert fusion.tick(1, level + 30 * BP, NOISE, at(60.1)) == "refused"
    assert fusion.state[0] == pytest.approx(level, abs=1e-4)
    assert fusion.tick(1, level, NOISE, at(60.2)) == "believed"
    found = [fusion.tick(1, level + 30 * BP, NOISE, at(60.2 + step / 10)) for step in (1, 2, 3)]
    assert found == ["refused", "refused", "moved"]
    assert fusion.state[0] == pytest.approx(level + 30 * BP, abs=2 * BP)


def test_when_one_of_several_jumps_its_basis_has_changed() -> None:
    fusion = made("USD", "USD", "USD")
    level = walk(fusion, [0.0, 0.0, 0.0], seconds=60)
    found = []
    for step in range(1, 4):
        for place in (2, 3):
            fusion.tick(place, level, NOISE, at(60 + step / 10))
        found.append(fusion.tick(1, level + 10 * BP, NOISE, at(60 + step / 10)))
    assert found == ["refused", "refused", "reopened"]
    assert fusion.state[1] / BP == pytest.approx(10.0, abs=1.5)
    assert fusion.state[0] == pytest.approx(level, abs=1 * BP)


def test_when_most_jump_the_market_has_moved() -> None:
    fusion = made("USD", "USD", "USD")
    level = walk(fusion, [0.0, 0.0, 0.0], seconds=60)
    for step in range(1, 5):
        for place in (1, 2, 3):
            fusion.tick(place, level + 12 * BP, NOISE, at(60 + step / 10))
    assert fusion.state[0] == pytest.approx(level + 12 * BP, abs=2 * BP)


def test_no_basis_is_more_than_three_times_the_usual() -> None:
    fusion = made("USD", "USDT")
    for step in range(20_000):
        fusion.tick(1, 11.0, NOISE, at(step / 10))
        fusion.tick(2, 11.0 + step * 1e-6, NOISE, at(step / 10))
        assert abs(fusion.state[1]) <= fusion.bound(1) == pytest.approx(15 * BP)
        assert abs(fusion.state[2]) <= fusion.bound(2) == pytest.approx(30 * BP)


def sound(fusion: Fusion) -> bool:
    """Symmetric to the last bit, no variance lost, no correlation beyond one."""
    p = fusion._p
    size = range(len(p))
    is_symmetric = all(p[one][other] == p[other][one] for one in size for other in size)
    is_positive = all(p[place][place] >= LEAST_VARIANCE for place in size)
    return (
        is_symmetric
        and is_positive
        and all(p[one][other] ** 2 <= p[one][one] * p[other][other] * (1 + 1e-6) for one in size for other in size)
    )


@pytest.mark.parametrize("updates", [100_000, pytest.param(10_000_000, marks=LONG)])
def test_nothing_runs_away_over_many_updates(updates: int) -> None:
    fusion, rng = made("USD", "USD", "USDT"), random.Random(7)
    level, bases = log(85_000.0), (1 * BP, -1 * BP, -5 * BP)
    for step in range(updates):
        level += rng.gauss(0.0, SIGMA * sqrt(0.05))
        place = step % 3
        fusion.tick(place + 1, level + bases[place] + rng.gauss(0.0, 0.2e-4), NOISE, at(step / 20))
        if step % 18_000 == 17_999:
            fusion.anchor(level + rng.gauss(0.0, 0.5 * BP) - fusion.state[0], (0.5 * BP) ** 2)
    assert sound(fusion)
    assert fusion.state[0] == pytest.approx(level, abs=1.5 * BP)
    assert 0.1 * BP < fusion.error < 1.5 * BP
    assert [basis / BP for basis in fusion.state[1:]] == pytest.approx([1.0, -1.0, -5.0], abs=1.5)


def test_anchors_without_any_tick_teach_nothing() -> None:
    fusion = made("USD")
    fusion.anchor(1e-4, 1e-9)
    assert not fusion.is_set
    assert fusion.state == [0.0, 0.0]
