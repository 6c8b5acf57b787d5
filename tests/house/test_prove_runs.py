"""The proof that a backtest decides what the trader's own process decides: a small tape holds, a difference is told."""

import io
from pathlib import Path

import msgspec
import pytest
from django.core.management import call_command

from backtests.management.commands.prove_runs import line_of
from backtests.proving import Proof, Side
from markets.tape import VERSION, TapeHeader, TapeWriter
from tests.builders import at
from tests.rising import rising


@pytest.mark.slow
@pytest.mark.django_db
def test_a_tape_through_the_traders_own_process_decides_as_its_backtest(tmp_path: Path, settings: object) -> None:
    settings.BOT_HOME = tmp_path  # type: ignore[attr-defined]
    writer = TapeWriter(tmp_path / "short.tape", TapeHeader(VERSION, "short", "test", "A", 1))
    for event in rising():
        if event.received_ns < at(60):
            writer.append(event)
    out = io.StringIO()
    knobs = [word for knob in ("edge=1", "confidence=0", "pooling=off", "margin=0") for word in ("--set", knob)]
    call_command("prove_runs", str(writer.close()), *knobs, "--json", stdout=out)
    told = msgspec.json.decode(out.getvalue())
    assert told["holds"] is True
    [tape] = told["tapes"]
    assert tape["orders"] > 0
    assert tape["trader"] == tape["backtest"]
    assert not list(tmp_path.glob("proof-*"))


@pytest.mark.parametrize(
    "changed", [{"digest": "b" * 64}, {"steps": 8}, {"decisions": 4}], ids=["digest", "steps", "decisions"]
)
def test_any_difference_is_one(changed: dict[str, object]) -> None:
    side = Side("a" * 64, 9, 5)
    other = msgspec.structs.replace(side, **changed)
    assert Proof("one", 100, 1, 1, side, side).holds
    assert line_of(Proof("one", 100, 1, 1, side, side)).endswith("equal")
    assert not Proof("one", 100, 1, 1, side, other).holds
    assert line_of(Proof("one", 100, 1, 1, side, other)).endswith("DIFFERENT")
