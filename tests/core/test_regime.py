"""What is in force of that which was learnt: kind by kind, before any map is laid."""

from typing import Any

import msgspec
import pytest

from trading.core.fitted import CalibrationMap, Fitted, FittedTails, PoolingWeight, SeasonalProfile, VolatilityWeights
from trading.core.parameters import Parameters
from trading.core.regime import SHAPING, TAILS_WINDOWS, shaping, under_of

NOW_NS = 1_000
SEEN: dict[str, Any] = {"windows": 2_000, "through_ns": NOW_NS - 1}
ALL_KINDS = Fitted(
    tails=(FittedTails(**SEEN, version=2),),
    volatility=(VolatilityWeights(**SEEN, least_s=60.0, version=3),),
    seasonality=(SeasonalProfile(**SEEN, group="BTC", version=1),),
)


def under(
    fitted: Fitted = ALL_KINDS, asset: str = "BTC", seconds_left: float = 120.0, **set_to: Any
) -> tuple[str, ...]:
    return under_of(fitted, Parameters(**set_to), asset, seconds_left, NOW_NS)


def test_all_kinds_are_named_in_order_with_their_artefacts() -> None:
    assert under() == SHAPING == tuple(sorted(SHAPING))
    found = shaping(ALL_KINDS, Parameters(), "BTC", 120.0, NOW_NS)
    assert [each.version for each in found.values()] == [1, 2, 3]
    assert under(Fitted()) == ()


@pytest.mark.parametrize(
    ("set_to", "expected"),
    [
        ({"seasonality": False}, ("tails", "volatility")),
        ({"volatility_forecast": "single"}, ("tails",)),
        ({"tails": "empirical"}, SHAPING),
        ({"tails": "normal"}, ("seasonality", "volatility")),
        ({"tails": "mixture"}, ("seasonality", "volatility")),
        ({"model": "digital"}, ("seasonality", "volatility")),
    ],
)
def test_what_is_switched_off_is_not_in_force(set_to: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert under(**set_to) == expected


def test_what_is_of_another_asset_or_time_or_of_the_future_is_not_in_force() -> None:
    assert under(asset="ETH") == ("tails", "volatility")
    assert under(seconds_left=59.0) == ("seasonality", "tails")
    assert under_of(ALL_KINDS, Parameters(), "BTC", 120.0, NOW_NS - 1) == ()
    few = FittedTails(windows=TAILS_WINDOWS - 1, through_ns=1)
    assert under(Fitted(tails=(few,))) == ()


@pytest.mark.parametrize(
    "made", [CalibrationMap(version=5, windows=9), PoolingWeight(version=5, windows=9, weight=0.3)]
)
def test_what_was_written_before_there_were_regimes_is_of_none(made: CalibrationMap | PoolingWeight) -> None:
    """The field is the last one: a tape of before ends one earlier."""
    written = msgspec.json.decode(msgspec.json.encode(made))
    assert type(made).__struct_fields__[-1] == "under"
    assert msgspec.convert(written[:-1], type(made)) == made
    under_tails = msgspec.structs.replace(made, under=("tails",))
    assert msgspec.json.decode(msgspec.json.encode(under_tails), type=type(made)) == under_tails
