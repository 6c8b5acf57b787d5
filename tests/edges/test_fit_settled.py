"""What can be learnt from recorded tables alone: the claims of the pricing notes reproduced, the market's mid held to its own map."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from django.conf import settings

from backtests.core.fit_seasonality import seasonal_fit, when
from backtests.core.moves import Moves, Settlement, moves_of
from backtests.core.settled_tails import settled_tails
from backtests.fitting_settled import SettledFits, maps_of_mid, settled_json, settled_text
from backtests.fitting_tapes import tapes_json, tapes_text, weights_of_models
from backtests.settled import entry_quotes, outcomes
from markets.core.units import DAY_NS
from tests.builders_fitting import FIRST_DAY_NS, QUARTER_NS, rows

MEASURED = {"BTC": 3.7, "ETH": 3.0, "SOL": 3.7, "XRP": 4.0, "DOGE": 3.9, "BNB": 3.6, "HYPE": 5.7}
"""Degrees of freedom by coin, section 5.1."""


@dataclass(frozen=True)
class Recorded:
    """The tables, read once."""

    moves: Moves

    @classmethod
    def read(cls) -> "Recorded":
        settled = outcomes(settings.RECORDED_DATA).values()
        told = [Settlement(each.asset, each.close_ns, each.settle_value) for each in settled if each.settle_value]
        return cls(moves_of(told))


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return Recorded.read()


def test_a_move_is_between_neighbours_of_one_asset_alone() -> None:
    quarter = [FIRST_DAY_NS + number * QUARTER_NS for number in range(5)]
    moves = moves_of(
        [
            Settlement("BTC", quarter[0], 100.0), Settlement("BTC", quarter[1], 101.0), Settlement("BTC", quarter[3], 103.0),
            Settlement("ETH", quarter[2], 50.0), Settlement("ETH", quarter[3], 50.5), Settlement("BTC", quarter[4], 0.0),
        ]
    )  # fmt: skip
    assert moves.asset.tolist() == ["BTC", "ETH"]
    assert moves.close_ns.tolist() == [quarter[1], quarter[3]]
    assert moves.move.tolist() == pytest.approx([np.log(1.01), np.log(1.01)])


def test_the_hours_that_moves_were_drawn_with_are_found() -> None:
    close_ns = FIRST_DAY_NS + np.arange(1, 28 * 96 + 1, dtype=np.int64) * QUARTER_NS
    slot, is_weekend = when(close_ns)
    truth = np.where(is_weekend, 0.4, 1.0 + 0.8 * np.sin(2 * np.pi * slot / 96))
    luck = np.random.default_rng(11)
    moves = Moves(np.full(len(close_ns), "BTC"), close_ns, luck.normal(size=len(close_ns)) * 1e-3 * np.sqrt(truth))
    profile = seasonal_fit(moves, "BTC")
    assert profile is not None
    mean = (5 * 1.0 + 2 * 0.4) / 7
    assert np.mean(profile.weekend) == pytest.approx(0.4 / mean, rel=0.15)
    hours = np.array(profile.weekday).reshape(8, 12).mean(axis=1)
    expected = (1.0 + 0.8 * np.sin(2 * np.pi * np.arange(96) / 96)).reshape(8, 12).mean(axis=1) / mean
    assert hours == pytest.approx(expected, rel=0.3)
    assert (5 * sum(profile.weekday) + 2 * sum(profile.weekend)) / 672 == pytest.approx(1.0)
    assert seasonal_fit(Moves(moves.asset[:1_900], close_ns[:1_900], moves.move[:1_900]), "BTC") is None


def test_a_weekday_is_told_by_the_day_in_which_a_window_opens() -> None:
    saturday_ns = 2 * DAY_NS  # 1970 began on a Thursday
    slot, is_weekend = when(np.array([saturday_ns, saturday_ns + QUARTER_NS, saturday_ns + 2 * DAY_NS], dtype=np.int64))
    assert slot.tolist() == [95, 0, 95]
    assert is_weekend.tolist() == [False, True, True]


def test_each_model_is_looked_at_beside_the_market() -> None:
    found = weights_of_models(rows(200, w=0.5, noise=1.0))
    assert {(each.model, each.windows) for each in found} == {("fair", 200)}
    text = tapes_text(found)
    assert "fair, 1 to 5 minutes left" in text
    assert "above zero by more than chance" in text
    assert json.loads(json.dumps(tapes_json(found)))[0]["interval"][0] < found[0].weight.weight
    assert "a look needs 30 windows" in tapes_text(weights_of_models(rows(29)))


@pytest.mark.recorded
def test_the_tails_of_the_notes_are_reproduced(recorded: Recorded) -> None:
    found = {asset: settled_tails(recorded.moves, asset) for asset in MEASURED}
    for asset, nu in MEASURED.items():
        tail = found[asset]
        assert tail is not None
        assert tail.has_hours
        assert tail.freedom == pytest.approx(nu, abs=0.55), asset
        assert tail.most < 8.0  # never normal
    bitcoin = found["BTC"]
    assert bitcoin is not None
    assert 0.015 < bitcoin.beyond_3 < 0.025


@pytest.mark.recorded
def test_the_quoted_mid_needs_no_map(recorded: Recorded) -> None:
    """A quarter of an hour of Bitcoin: within three errors of a = 0 and b = 1, and no map makes it better."""
    settled = outcomes(settings.RECORDED_DATA)
    quoted = [row for row in entry_quotes(settings.RECORDED_DATA, settled).rows if row.asset == "BTC"]
    (found,) = maps_of_mid("kalshi_15m_entry_quote", quoted)
    assert (found.group, found.windows) == ("BTC", 4_814)
    assert abs(found.a) < 3 * found.a_error
    assert abs(found.b - 1.0) < 3 * found.b_error
    effects = [effect for effect in found.effects.values() if effect is not None]
    assert len(effects) == 3
    assert all(effect.verdict != "better" for effect in effects)
    report = SettledFits([found], [], [])
    assert "entry_quote, BTC, 10 minutes left and more" in settled_text(report)
    assert json.loads(json.dumps(settled_json(report)))["maps"][0]["windows"] == 4_814
