"""No number gets in that would make the engine bet more the less it knows."""

from math import inf, nan

import msgspec
import pytest

from markets.core.units import SECOND_NS
from trading.core.parameters import Parameters

FLOATS = [name for name, value in msgspec.structs.asdict(Parameters()).items() if type(value) is float]
SIGNED = {"drift"}
NUMBERS = [name for name, value in msgspec.structs.asdict(Parameters()).items() if type(value) in {int, float}]


def changed(name: str, value: float) -> Parameters:
    return msgspec.structs.replace(Parameters(), **{name: value})


def test_the_defaults_are_usable() -> None:
    assert Parameters().problems() == []


@pytest.mark.parametrize("name", [name for name in NUMBERS if name not in SIGNED])
def test_a_negative_number_is_refused(name: str) -> None:
    assert len(changed(name, -1).problems()) == 1


@pytest.mark.parametrize("name", FLOATS)
def test_what_is_no_number_is_refused(name: str) -> None:
    assert len(changed(name, nan).problems()) == 1


@pytest.mark.parametrize("name", [name for name in FLOATS if "freedom" not in name and "half_life" not in name])
def test_infinity_is_refused(name: str) -> None:
    assert len(changed(name, inf).problems()) == 1


CHOICES = ("model", "tails", "price_method", "settlement_window", "volatility_forecast", "calibration", "pooling", "edge_basis")  # fmt: skip
OUTSIDE = {
    "edge_threshold": 1.0,
    "min_confidence": 100.5,
    "kelly_fraction": 1.01,
    "depth_share": 0.0,
    "top_up_share": 1.01,
    "quorum": 0,
    "pooling_weight": 1.01,
    "pooling_windows": 0,
    "calibration_windows": 0,
    "calibration_error": 1.01,
    "exit_margin": 1.0,
    "slippage": 1.0,
    "settlement_failure": 1.0,
    "drift": -101.0,
    "mixture_weight": 1.0,
    "mixture_narrow": 1.06,
    "least_volatility": 4.0,
    "most_volatility": 0.1,
    "index_step_s": 301,
    "volatility_step_s": 0,
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_that_does_not_exist_is_refused(name: str) -> None:
    assert len(msgspec.structs.replace(Parameters(), **{name: "magic"}).problems()) == 1


@pytest.mark.parametrize(("name", "value"), OUTSIDE.items(), ids=OUTSIDE)
def test_a_number_just_outside_of_its_bounds_is_refused(name: str, value: float) -> None:
    assert len(changed(name, value).problems()) == 1


def test_the_half_lives_of_the_blend_are_in_order_and_a_single_one_is_free() -> None:
    short = changed("volatility_half_life_s", 60.0)
    assert short.problems() == ["the half-lives of the blend must not be shorter from fast to middle to slow"]
    assert msgspec.structs.replace(short, volatility_forecast="single").problems() == []


def test_what_is_new_has_the_defaults_of_the_reference() -> None:
    built_in = Parameters()
    assert (built_in.edge_threshold, built_in.edge_basis, built_in.min_confidence) == (0.03, "net", 70.0)
    assert (built_in.pooling, built_in.pooling_weight, built_in.pooling_windows) == ("fitted", 0.25, 500)
    assert (built_in.kelly_fraction, built_in.probability_margin, built_in.depth_share) == (0.25, 0.5, 0.25)
    assert (built_in.volatility_error, built_in.calibration_error, built_in.exit_margin) == (0.12, 0.015, 0.0)
    assert (built_in.quiet_open_ns, built_in.quiet_close_ns) == (3 * SECOND_NS, 15 * SECOND_NS)
