"""The table of settings: every default comes back as itself, in the very type it had."""

import pytest

from backtests.knobs import KNOBS, InputError, Knob, money_from, settings_from
from markets.core.units import DOLLAR, Money
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_what_is_built_in_reads_back_as_itself(knob: Knob) -> None:
    built_in = getattr(RiskLimits() if knob.is_limit else Parameters(), knob.field)
    value = knob.read(knob.default())
    assert value == built_in
    assert type(value) is type(built_in)


def test_no_two_knobs_share_a_name_or_a_field() -> None:
    assert len({knob.name for knob in KNOBS}) == len({(knob.is_limit, knob.field) for knob in KNOBS}) == len(KNOBS)


def test_all_defaults_together_are_the_built_in_settings() -> None:
    values = {knob.name: knob.default() for knob in KNOBS}
    limits, parameters = settings_from(values, max_daily_loss=Money(RiskLimits().max_daily_loss))
    assert (limits, parameters) == (RiskLimits(), Parameters())


def test_every_wrong_setting_has_its_own_sentence() -> None:
    with pytest.raises(InputError) as caught:
        settings_from({"edge": "much", "latency": "1e99", "model": "magic"}, max_daily_loss=Money(0))
    assert list(caught.value.problems) == ["model", "edge", "latency"]


@pytest.mark.parametrize(("text", "money"), [("10000", 10_000), (" $1,000 ", 1_000), ("0.5", 0.5)])
def test_dollars_are_read_as_people_write_them(text: str, money: float) -> None:
    assert money_from(text, "Capital") == money * DOLLAR


@pytest.mark.parametrize("text", ["", "ten", "1e3", "0.0000001", "-1", "99999999999999", "nan", "1.2.3"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Capital"):
        money_from(text, "Capital")
