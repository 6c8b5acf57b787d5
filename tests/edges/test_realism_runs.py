"""How orders are treated, from end to end: sessions and their replays, runs with bounds and sensitivity, measured latency."""

import json
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from msgspec.structs import replace

from backtests import services
from backtests.core.latencies import LEAST_ORDERS
from backtests.core.retraced import retraced
from backtests.core.simulate import simulate
from backtests.knobs import InputError
from backtests.latency import REAL, REHEARSED, measure
from backtests.realism_knobs import REALISM_KNOBS
from backtests.replay import replay as run_of
from kalshi_site.market_settings import paper_realism
from markets.core.units import SECOND_NS
from markets.tape import VERSION, TapeHeader, TapeWriter
from tests.builders import EAGER, opening
from tests.builders_web_rows import order, session
from tests.edges.test_session import market, on_tape, play
from tests.edges.test_session import session as paper_session
from tests.rising import rising
from trading.core.events import Fill, RealismSet
from trading.core.limits import RiskLimits
from trading.core.realism import PRESETS, STATED, Realism, realism_of

MS = 1_000_000
ROUGH = replace(
    STATED, queue="proportional", snapshots="before", reject_rate=0.2, unknown_rate=0.3, settle_delay_ns=40 * SECOND_NS
)
BOLD = {"edge": "1", "confidence": "0", "margin": "0", "pooling": "off"}


async def test_a_paper_session_decides_as_a_run_with_the_same_realism_and_its_tape_says_which(tmp_path: Path) -> None:
    made, _ = paper_session(tmp_path, market(), resumed_ns=0)
    made.realism = ROUGH
    await play(made, opening(seconds=-10))
    messages = on_tape(made)
    alone = simulate(market(), opening(seconds=-10), RiskLimits(), EAGER, realism=ROUGH)
    assert [each.realism for each in messages if isinstance(each, RealismSet)] == [ROUGH]
    assert alone.fills == [each for each in messages if isinstance(each, Fill)]
    assert alone.fills
    found = retraced(messages).attribution()
    assert (found.total, found.parts) == (0, dict.fromkeys(found.parts, 0))


def inputs(tmp_path: Path, **asked: Any) -> Any:
    tape = tmp_path / "short.tape.zst"
    if not tape.exists():
        writer = TapeWriter(tmp_path / "short.tape", TapeHeader(VERSION, "short", "test", "A", 1))
        for event in rising()[:200]:
            writer.append(event)
        writer.close()
    values = {"tapes": [str(tape)], "capital": "10000", "max_daily_loss": "1000", "files": True}
    return services.inputs_from(values | BOLD | asked)


@pytest.mark.django_db
def test_bounds_and_sensitivity_stand_beside_a_run_of_record_that_they_do_not_change(tmp_path: Path) -> None:
    heard: list[float] = []
    plain = run_of(inputs(tmp_path))
    full = run_of(inputs(tmp_path, bounds=True, sensitivity=True), lambda share, note: heard.append(share))
    bounds, sensitivity = full.pop("bounds"), full.pop("sensitivity")
    assert full == plain
    assert set(bounds) == {"optimistic", "pessimistic", "record", "words"}
    assert bounds["record"]["digest"] == plain["digest"]
    assert bounds["record"]["net"] == plain["net"]
    for name in ("optimistic", "pessimistic"):
        realism = realism_of(bounds[name]["realism"])
        assert bounds[name]["digest"] == run_of(inputs(tmp_path, **values_by_name(realism)))["digest"]
    assert [point["ms"] for point in sensitivity["latency"]] == [0, 50, 100, 250, 500, 1_000]
    assert [point["ms"] for point in sensitivity["spot"]] == [-1_000, -250, 0, 250, 1_000]
    assert {point["net"] for point in sensitivity["latency"] + sensitivity["spot"] if not point["ms"]} == {plain["net"]}
    assert len({point["digest"] for point in sensitivity["latency"]}) > 1
    assert sensitivity["verdict"]
    assert all(before <= after for before, after in pairwise(heard))


def values_by_name(realism: Realism) -> dict[str, str]:
    """Every field of it, as a person would ask for it."""
    values = {knob.name: knob.shown(getattr(realism, knob.field)) for knob in REALISM_KNOBS}
    return values | {"realism": "fixed"}


@pytest.mark.django_db
def test_every_trade_has_its_grade(tmp_path: Path) -> None:
    report = run_of(inputs(tmp_path))
    assert {trade["grade"] for trade in report["trades"]} == {report["grades"][0]["grade"]}
    assert sum(row["fills"] for row in report["grades"]) == report["fills"] > 0


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["stated", "optimistic", "pessimistic"])
def test_a_preset_is_asked_for_by_name(tmp_path: Path, name: str) -> None:
    asked = inputs(tmp_path, realism=name)
    assert asked.realism == PRESETS[name]
    assert run_of(asked)["realism"]["order_median_ns"] == PRESETS[name].order_median_ns


def orders(count: int, market_source: str, took_ms: int) -> None:
    of = session()
    type(of).objects.filter(pk=of.pk).update(market_source=market_source)
    for number in range(count):
        row = order(of, number=number + 1)
        row.left_ns, row.answered_ns = row.sent_ns + 3 * MS, row.sent_ns + (3 + took_ms) * MS
        row.save()


@pytest.mark.django_db
def test_nothing_is_said_of_latency_from_too_few_orders() -> None:
    orders(LEAST_ORDERS - 1, "demo", 20)
    with pytest.raises(InputError, match="Of 99 orders it is known how long they took at an exchange; 100 are needed"):
        measure()


@pytest.mark.django_db
def test_orders_of_the_real_market_count_before_those_of_rehearsals() -> None:
    orders(LEAST_ORDERS, "demo", 20)
    assert measure().market == REHEARSED
    orders(LEAST_ORDERS, "real", 90)
    found = measure()
    assert (found.market, found.found.round_trip) == (REAL, (90 * MS, 90 * MS, LEAST_ORDERS))


@pytest.mark.django_db
def test_what_was_measured_is_written_down_and_read_by_paper_trading_and_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(LEAST_ORDERS, "demo", 20)
    out, path = StringIO(), tmp_path / "realism.json"
    call_command("latency", "--to", str(path), stdout=out)
    assert "100 orders at a rehearsal, 0 of them without an answer in time." in out.getvalue()
    monkeypatch.setenv("PAPER_REALISM", str(path))
    assert paper_realism() == measure().found.realism() == inputs(tmp_path, realism="measured").realism
    told = StringIO()
    call_command("latency", "--json", stdout=told)
    assert json.loads(told.getvalue())["round_trip"] == {
        "median_ns": 20 * MS,
        "p95_ns": 20 * MS,
        "orders": LEAST_ORDERS,
    }
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("latency", "--to", str(tmp_path / "nowhere" / "realism.json"), stdout=out)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("swift", "is neither one of fixed, stated, optimistic, pessimistic nor a file that can be read"),
        ('{"speed": 1}', "the file says no treatment of orders .it has no field speed."),
        ("not json", "the file says no treatment of orders"),
    ],
)
def test_a_treatment_that_is_none_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    path = tmp_path / "realism.json"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PAPER_REALISM", text if text == "swift" else str(path))
    with pytest.raises(ImproperlyConfigured, match=sentence):
        paper_realism()


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_treatment_is_named_for_paper_trading_too(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PAPER_REALISM", name)
    assert paper_realism() == PRESETS[name]
