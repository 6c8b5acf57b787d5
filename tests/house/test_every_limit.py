"""No limit is passed at the exchange, whatever the strategy wants; and each of these tests fails once its limit is gone."""

import pytest

from tests.house.limits_tried import TRIES, WITHOUT
from trading.core.breakers import RULES
from trading.core.limits import RiskLimits


def test_every_limit_and_every_breaker_is_tried() -> None:
    """A breaker that goes by a limit is tried by the name of that limit; the day's loss has two tries."""
    wanted = {
        *RiskLimits.__struct_fields__,
        *(rule.code for rule in RULES if not rule.limit),
        "DAILY_LOSS",
        "CASH",
        "SHARD_CASH",
    }
    assert wanted - set(TRIES) == set()
    assert set(WITHOUT) == set(TRIES)


@pytest.mark.parametrize("name", TRIES)
def test_it_is_not_passed_at_the_exchange(name: str) -> None:
    TRIES[name]()


@pytest.mark.parametrize("name", TRIES)
def test_without_it_the_attempt_succeeds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation check: take that single limit out, and its test fails."""
    WITHOUT[name](monkeypatch)
    with pytest.raises(AssertionError):
        TRIES[name]()
