"""The compiled lane decides as the engine does: the same orders, fills, fees, settlements and cash, whatever the tape."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backtests.lane import loop, player, runner, store
from backtests.lane.by_engine import play_by_engine
from backtests.lane.proof import CAPITAL, OWN, PROVEN, swept
from backtests.lane.runner import Setting, by_lane, is_worth_it, play_span, problem
from backtests.shelf import Reel
from markets.recording.importing import import_run
from markets.recording.parquet import Recording
from tests.lane_tapes import Wandering, reel_of
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import FIXED, STATED, Realism
from trading.playback import market_events

MS = 1_000_000
DRAWN = Realism(order_median_ns=60 * MS, order_p95_ns=400 * MS, reply_median_ns=50 * MS, reply_p95_ns=250 * MS, seed=7)
EAGER = msgspec.structs.replace(OWN, min_confidence=0.0, edge_threshold=0.01)

limits_of = st.builds(
    RiskLimits,
    max_daily_loss=st.sampled_from([0, 20_000_000, 500_000_000]),
    max_market_exposure=st.sampled_from([5_000_000, 200_000_000]),
    max_close_share_bp=st.sampled_from([10, 400]),
    max_total_exposure=st.sampled_from([8_000_000, 1_000_000_000]),
    max_order_count=st.sampled_from([150, 50_000]),
    max_orders_per_minute=st.sampled_from([3, 60]),
    max_drawdown_bp=st.sampled_from([5, 1_000]),
    max_losing_streak=st.sampled_from([1, 12]),
    max_contracts_per_15s=st.sampled_from([2_000, 200_000]),
    max_stale_ms=st.sampled_from([700, 60_000]),
)
parameters_of = st.builds(
    msgspec.structs.replace,
    st.just(EAGER),
    edge_threshold=st.sampled_from([0.0, 0.01, 0.04]),
    edge_basis=st.sampled_from(["net", "gross"]),
    slippage=st.sampled_from([0.0, 0.004]),
    min_confidence=st.sampled_from([0.0, 15.0, 35.0]),
    kelly_fraction=st.sampled_from([0.0, 0.25, 1.0]),
    probability_margin=st.sampled_from([0.0, 0.5]),
    depth_share=st.sampled_from([0.1, 0.25, 1.0]),
    top_up_share=st.sampled_from([0.0, 0.25]),
    exit_margin=st.sampled_from([0.0, 0.03]),
    volume_share=st.sampled_from([0.1, 1.0]),
    quiet_close_ns=st.sampled_from([0, 15_000 * MS]),
    order_interval_ns=st.sampled_from([0, 1_000 * MS]),
    order_latency_ns=st.sampled_from([1 * MS, 100 * MS, 1_300 * MS]),
    reply_latency_ns=st.sampled_from([0, 40 * MS, 900 * MS]),
    pooling=st.sampled_from(["off", "fitted"]),
    pooling_weight=st.sampled_from([0.5, 1.0]),
    calibration_error=st.sampled_from([0.015, 0.05]),
    fractional=st.booleans(),
)


@pytest.fixture(autouse=True)
def _nothing_kept(tmp_path: Path, settings: Any) -> None:
    """Features are kept in a folder of the test."""
    store.forget()
    settings.STORAGES = django_settings.STORAGES | {
        "artefacts": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "artefacts")},
        }
    }


@pytest.fixture
def _as_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop as it is written, without waiting for a compiler: it is the same code."""
    monkeypatch.setattr(player, "compiled_loop", plain)


def plain(name: str) -> Callable[..., Any]:
    return getattr(loop, name)  # type: ignore[no-any-return]


def tapes(folder: Path, seed: int, steps: int = 400) -> list[Reel]:
    """Two tapes in a row, the second one beginning where the first has ended."""
    return [
        reel_of(folder / f"random-{seed}-{part}.tape", Wandering(seed + part, shift=3 * part).made(steps))
        for part in range(2)
    ]


def assert_equal(reels: list[Reel], asked: list[Setting], realism: Realism = FIXED) -> int:
    """Each setting by both; returns how many orders that were where the lane went through."""
    orders = 0
    for number, found in enumerate(by_lane(reels, CAPITAL, asked, realism=realism, threads=1)):
        if found is not None:
            assert found == play_by_engine(reels, CAPITAL, *asked[number], realism, number)
            orders += found.orders
    return orders


@pytest.mark.usefixtures("_as_python")
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), limits=limits_of, parameters=parameters_of)
def test_random_tapes_under_random_settings(
    tmp_path_factory: pytest.TempPathFactory, seed: int, limits: RiskLimits, parameters: Parameters
) -> None:
    assert_equal(tapes(tmp_path_factory.mktemp("random"), seed), [(limits, parameters), (RiskLimits(), EAGER)])


@pytest.mark.usefixtures("_as_python")
@pytest.mark.parametrize("realism", [FIXED, DRAWN], ids=["fixed", "drawn"])
def test_orders_are_sent_and_filled_on_them(tmp_path: Path, realism: Realism) -> None:
    assert assert_equal(tapes(tmp_path, 4), [(RiskLimits(), EAGER)], realism) > 10


def recorded(run: str, folder: Path) -> list[Reel]:
    """A run of the recordings, imported."""
    source = Recording(django_settings.RECORDED_DATA / "kalshi_ws_btc15m_2026-05")
    path = Path(import_run(source, run, folder).path)
    return [Reel(path.stem, path, "", "A", next(market_events(path)).received_ns, None)]


@pytest.mark.recorded
@pytest.mark.slow
def test_a_recorded_run_compiled(tmp_path: Path) -> None:
    reels = recorded("20260514T010745Z-e0be9915", tmp_path)
    assert_equal(reels, list(PROVEN.values()))
    assert_equal(reels, list(PROVEN.values()), DRAWN)


@pytest.mark.recorded
@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "trades"),
    [
        ("20260511T053741Z-long900", "tight limits"),
        ("20260513T1640Z-rv600", "hundredths"),
        ("20260514T130133Z-8d3821c2", "own opinion"),
    ],
)
def test_whole_recorded_windows_of_every_day_compiled(tmp_path: Path, run: str, trades: str) -> None:
    """One run of each recorded day, under a setting that trades on it and under one that nearly always does."""
    assert assert_equal(recorded(run, tmp_path), [PROVEN[trades], PROVEN["eager"]]) > 0


def test_what_the_lane_cannot_play_is_said_in_words() -> None:
    assert not problem(RiskLimits(), Parameters(), FIXED)
    assert not problem(RiskLimits(), Parameters(), DRAWN)
    assert "edge_maker" in problem(RiskLimits(), Parameters(strategy="edge_maker"), FIXED)
    assert "on arrival" in problem(RiskLimits(), Parameters(), STATED)
    assert "lost answers" in problem(RiskLimits(), Parameters(), Realism(unknown_rate=0.1))
    assert "take some time" in problem(RiskLimits(), Parameters(order_latency_ns=0), FIXED)
    assert "max_daily_loss" in problem(RiskLimits(max_daily_loss=10**16), Parameters(), FIXED)


@pytest.mark.usefixtures("_as_python")
def test_what_it_cannot_play_is_played_by_the_engine_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reels = tapes(tmp_path, 2, steps=120)
    asked = [(RiskLimits(), EAGER), (RiskLimits(), msgspec.structs.replace(EAGER, order_latency_ns=0))]
    monkeypatch.setattr(runner, "is_compiled", lambda: True)
    found = play_span(reels, CAPITAL, asked, 5)
    assert [each.trial for each in found] == [5, 6]
    assert found[1] == play_by_engine(reels, CAPITAL, *asked[1], FIXED, 6)


def test_little_work_is_not_worth_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = Reel("s", Path("s"), "", "A", 0, 2_000), Reel("l", Path("l"), "", "A", 0, 1_500_000)
    monkeypatch.setattr(runner, "is_compiled", lambda: False)
    assert not is_worth_it([small], 1_000)
    assert is_worth_it([large], 2)
    monkeypatch.setattr(runner, "is_compiled", lambda: True)
    assert is_worth_it([small], 2)
    assert not is_worth_it([large], 1)


@pytest.mark.usefixtures("_as_python")
def test_features_are_made_once_for_all_that_only_decides_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reels = tapes(tmp_path, 3, steps=120)
    first = by_lane(reels, CAPITAL, [(RiskLimits(), EAGER)], threads=1)
    store.forget()
    monkeypatch.setattr(store, "features_of", None)  # from now on only what was kept
    assert by_lane(reels, CAPITAL, [(RiskLimits(), EAGER), *swept(3)], threads=1)[:1] == first
    with pytest.raises(TypeError):
        by_lane(reels, CAPITAL, [(RiskLimits(), msgspec.structs.replace(EAGER, model="digital"))], threads=1)
