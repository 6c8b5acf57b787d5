"""No number gets in that would make the engine bet more the less it knows."""

from math import inf, nan

import msgspec
import pytest

from trading.core.parameters import Parameters

FLOATS = [name for name, value in msgspec.structs.asdict(Parameters()).items() if type(value) is float]
NUMBERS = [name for name, value in msgspec.structs.asdict(Parameters()).items() if type(value) in {int, float}]


def changed(name: str, value: float) -> Parameters:
    return msgspec.structs.replace(Parameters(), **{name: value})


def test_the_defaults_are_usable() -> None:
    assert Parameters().problems() == []


@pytest.mark.parametrize("name", NUMBERS)
def test_a_negative_number_is_refused(name: str) -> None:
    assert len(changed(name, -1).problems()) == 1


@pytest.mark.parametrize("name", FLOATS)
def test_what_is_no_number_is_refused(name: str) -> None:
    assert len(changed(name, nan).problems()) == 1


@pytest.mark.parametrize("name", [name for name in FLOATS if "freedom" not in name and "half_life" not in name])
def test_infinity_is_refused(name: str) -> None:
    assert len(changed(name, inf).problems()) == 1
