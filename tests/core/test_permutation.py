"""The sign of our disagreement, shuffled: who knows the direction is seen, who does not is not."""

import numpy as np
import pytest

from backtests.core.metrics import Window
from backtests.core.permutation import LEAST_CLOSES, sign_null
from markets.core.units import CONTRACT


def told(number: int, sign: int, won: bool, *, close: int | None = None, count: int = 10) -> Window:
    """A window whose fair value stands on one side of a middle of one half."""
    result = "yes" if won == (sign > 0) else "no"
    return Window(
        f"W{number:04}", "BTC", number if close is None else close, result, 1, count * CONTRACT, 0, 0,
        fair=0.5 + 0.1 * sign, mid=0.5,
    )  # fmt: skip


def guessed(seed: int, right: float, count: int = 200) -> list[Window]:
    random = np.random.default_rng(seed)
    return [told(number, 1 if random.random() < 0.5 else -1, bool(random.random() < right)) for number in range(count)]


def test_who_knows_the_direction_is_seen() -> None:
    found = sign_null(guessed(1, 0.75))
    assert found.p is not None
    assert found.p < 0.01
    assert found.made is not None
    assert found.high is not None
    assert found.made > found.high
    assert found.made == pytest.approx(0.25, abs=0.08)


def test_who_guesses_is_taken_for_one_who_knows_about_as_rarely_as_it_says() -> None:
    values = [sign_null(guessed(seed, 0.5, 80), draws=200).p for seed in range(120)]
    false = sum(p is not None and p <= 0.05 for p in values)
    assert false <= 14  # 6 are expected
    assert 0.4 < np.mean([p for p in values if p is not None]) < 0.6


def test_who_is_always_wrong_has_a_p_near_one() -> None:
    found = sign_null(guessed(2, 0.2))
    assert found.p is not None
    assert found.p > 0.99


def test_to_buy_the_same_side_always_proves_nothing() -> None:
    """Every window ended YES and we were above the middle in each: no shuffle can tell knowing from habit."""
    found = sign_null([told(number, 1, won=True) for number in range(60)])
    assert found.p == 1.0


def test_windows_that_close_together_keep_their_signs_together() -> None:
    """Four coins that move together are one guess: twenty lucky closes of four are no proof, eighty single ones are."""
    random = np.random.default_rng(7)
    signs = [1 if random.random() < 0.5 else -1 for _ in range(32)]
    lucky = [random.random() < 0.62 for _ in range(32)]
    four = [
        (close, sign, bool(won)) for close, (sign, won) in enumerate(zip(signs, lucky, strict=True)) for _ in range(4)
    ]
    together = [told(number, sign, won, close=close) for number, (close, sign, won) in enumerate(four)]
    apart = [told(number, sign, won) for number, (_, sign, won) in enumerate(four)]
    first, second = sign_null(together), sign_null(apart)
    assert (first.closes, second.closes) == (32, 128)
    assert first.p is not None
    assert second.p is not None
    assert first.p > second.p


def test_the_order_in_which_windows_are_told_changes_nothing() -> None:
    windows = guessed(3, 0.6)
    assert sign_null(windows[::-1]) == sign_null(windows)


def test_where_we_and_the_market_agree_there_is_no_direction() -> None:
    agreed = [Window(f"W{number}", "BTC", number, "yes", 1, 100, 0, 0, fair=0.5, mid=0.5) for number in range(100)]
    unknown = [Window(f"V{number}", "BTC", number, "yes", 1, 100, 0, 0, fair=None, mid=0.5) for number in range(100)]
    found = sign_null(agreed + unknown)
    assert (found.windows, found.p) == (0, None)
    assert "not enough data: 0 closes" in found.words


def test_it_takes_thirty_closes() -> None:
    assert sign_null(guessed(4, 0.6, LEAST_CLOSES - 1)).p is None
    assert sign_null(guessed(4, 0.6, LEAST_CLOSES)).p is not None


def test_a_voided_window_paid_what_it_paid() -> None:
    windows = guessed(5, 0.6, 40)
    void = Window("V", "BTC", 999, "scalar", 1, 1_000_000, 0, 0, fair=0.9, mid=0.5, yes_pays=5_000)
    with_it, without = sign_null([*windows, void]), sign_null(windows)
    assert with_it.made is not None
    assert without.made is not None
    assert abs(with_it.made) < abs(without.made)  # it weighs most and made nothing
