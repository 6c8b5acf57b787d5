"""`kalshi-bot tapes`: what is there, what is in it, whether it is sound, and the same as Parquet."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from markets import catalogue
from markets.core.contract import Contract
from markets.core.events import (
    BookDelta,
    FeedStatus,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SpotPrice,
    SpotQuote,
    TickerQuote,
    TradePrint,
)
from markets.core.units import SECOND_NS
from markets.recorder import Recorder
from markets.services import tape_register
from markets.tape import TapeWriter, files_of, read_tape
from markets.tapes.export import KINDS, export_tape
from markets.tapes.inspecting import inspect_tape
from markets.tapes.verifying import inconsistency
from tests.tapes import HEADER, NOON_NS, TICKER, told
from trading.core.events import Opening

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.TAPES_DIR = tmp_path / "tapes"
    return tmp_path / "tapes"


def everything() -> list[MarketEvent]:
    """Four hours, with every kind of event among it."""
    at = NOON_NS + 3_700 * SECOND_NS
    rest: list[MarketEvent] = [
        TickerQuote(at, TICKER, 4_900, 5_100, 1, 2, 3, 4, 5, at - 1),
        TradePrint(at, TICKER, 5_000, 100, taker_yes=True),
        SpotQuote(at, "binance", "BTC", 85_000.1, 0.5, 85_000.2, 0.25, at - 5_000_000),
        FeedStatus(at, "binance", "unavailable", "", "HTTP 451"),
        MarketListed(at, Contract("OTHER", "OTHERS", "ETH", 1, 2)),
    ]
    return sorted([*told(480, step_ns=30 * SECOND_NS), *rest], key=lambda event: event.received_ns)


def recorded(folder: Path) -> Path:
    recorder = Recorder(folder, HEADER, sealed=catalogue.part_sealed, removed=catalogue.part_removed)
    recorder.append(Opening(NOON_NS, 1_000))
    for event in everything():
        recorder.append(event)
    return recorder.close()


def run(*words: str) -> str:
    out = StringIO()
    call_command("tapes", *words, stdout=out)
    return out.getvalue()


def test_a_recording_in_parts_is_one_line(home: Path) -> None:
    path = recorded(home)
    lines = run().splitlines()
    assert lines[1].startswith("whole ")
    assert lines[1].endswith(f" {len(files_of(path))}")
    assert lines[2].startswith(f"Sessions and recorders: {len(files_of(path))} parts, 0.0")
    assert json.loads(run("list", "--json"))[0]["parts"] == len(files_of(path)) > 3
    assert run("verify", "whole").splitlines()[1].endswith("sound")


def test_what_is_kept_is_marked_until_it_is_let_go(home: Path) -> None:
    recorded(home)
    assert run("keep", "whole") == "whole is kept\n"
    assert run().splitlines()[1].endswith("kept")
    run("release", "whole")
    assert not run().splitlines()[1].endswith("kept")


def test_what_is_in_it(home: Path) -> None:
    recorded(home)
    report = json.loads(run("inspect", "whole", "--json"))
    assert report["events"] == len(everything()) + 1
    assert report["kinds"]["SpotQuote"] == report["kinds"]["Opening"] == 1
    assert report["feeds"]["binance"]["lag_ms"] == {"p50": 5.0, "p90": 5.0, "p99": 5.0}
    assert [gap[2:] for gap in report["gaps"] if gap[2] == "binance"] == [["binance", "", "HTTP 451"]]
    text = run("inspect", "whole")
    assert f"{len(everything()) + 1} events" in text
    assert "binance : HTTP 451" in text


def test_a_gap_over_several_parts_is_one(home: Path) -> None:
    report = inspect_tape(recorded(home))
    gap = next(gap for gap in report.gaps if gap.feed == "binance")
    assert (gap.from_ns, gap.to_ns) == (NOON_NS + 3_700 * SECOND_NS, report.last_ns)


def test_a_recording_that_goes_on_is_sound_too(home: Path) -> None:
    recorder = Recorder(home, HEADER, sealed=catalogue.part_sealed)
    for event in everything():
        recorder.append(event)
    recorder.flush()
    recorder._backlog.close()
    try:
        assert run("verify").splitlines()[1].endswith("sound")
    finally:
        recorder._writer.drop()


@pytest.mark.parametrize("words", [["inspect"], ["export", "whole"], ["inspect", "nothing"], ["keep", "nothing"]])
def test_what_is_missing_is_said(home: Path, words: list[str]) -> None:
    recorded(home)
    with pytest.raises(CommandError, match=r"needs|there is no tape"):
        run(*words)


def test_a_part_that_begins_otherwise_than_the_one_before_it_ended_is_found(home: Path) -> None:
    path = recorded(home)
    assert inconsistency(path) == ""
    second = files_of(path)[1]
    events = list(read_tape(second, MarketEvent))
    second.unlink()
    writer = TapeWriter(home / "whole.p0002.tape", msgspec.structs.replace(HEADER, part=2, preface=1))
    writer._gaps.hear(events[0])
    for event in events:
        writer.append(event)
    writer.events -= 1
    writer.close()
    assert "does not begin with what the part before it left" in inconsistency(path)


def test_a_book_below_zero_is_found(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "t.tape", HEADER)
    for event in [*told(6), BookDelta(NOON_NS, TICKER, True, 4_900, -101)]:
        writer.append(event)
    assert "leaves a book that cannot be" in inconsistency(writer.close())


def test_what_a_dead_writer_left_is_mended_by_hand(home: Path) -> None:
    recorder = Recorder(home, HEADER)
    for event in told(20):
        recorder.append(event)
    recorder.flush()
    recorder._backlog.close()
    recorder._writer.drop()
    assert run("mend") == "whole.p0001.tape.zst was ended and sealed\n"
    assert " cut" in run()
    assert "nothing to mend" in run("mend")


def back(folder: Path) -> list[MarketEvent]:
    """The events of an export, in their order."""
    rows: list[tuple[int, MarketEvent]] = []
    for path in folder.glob("*.parquet"):
        kind = KINDS.get(path.stem)
        for values in pq.read_table(path).to_pylist() if kind else ():
            number = values.pop("number")
            rows.append((number, msgspec.convert([path.stem, *map(_lists, values.values())], MarketEvent)))
    return [event for _, event in sorted(rows, key=lambda row: row[0])]


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return [_lists(item) for item in value.values()]
    return [_lists(item) for item in value] if isinstance(value, list) else value


def test_an_export_is_the_same_events_with_columns_that_have_types(home: Path, tmp_path: Path) -> None:
    recorded(home)
    text = run("export", "whole", "--to", str(tmp_path / "out"))
    assert "SpotQuote.parquet: 1\n" in text
    assert back(tmp_path / "out") == everything()
    schema = pq.read_schema(tmp_path / "out" / "SpotLevels.parquet")
    assert str(schema.field("received_ns").type) == "int64"
    assert "list<item: struct<price: double, size: double>>" in str(schema.field("bids").type).replace(
        "element", "item"
    )
    other = pq.read_table(tmp_path / "out" / "Opening.parquet").to_pylist()
    assert json.loads(other[0]["json"])[:3] == ["Opening", NOON_NS, 1_000]
    with pytest.raises(CommandError, match="holds Parquet files already"):
        run("export", "whole", "--to", str(tmp_path / "out"))


def test_a_tape_of_before_is_inspected_verified_and_exported_too(tmp_path: Path, home: Path) -> None:
    home.mkdir()
    path = home / "old.tape"
    path.write_text(
        '["TapeHeader",1,"old","a test","A",1,""]\n["SpotPrice",5,"coinbase","BTC",80000.5,0.0,0]\n'
        f'["MarketStatus",6,"{TICKER}","settled","yes","80010.00"]\n["TapeEnd",2]\n'
    )
    events = [SpotPrice(5, "coinbase", "BTC", 80_000.5), MarketStatus(6, TICKER, "settled", "yes", "80010.00")]
    tape_register(path)
    assert run("--verify").splitlines()[1].endswith("sound")
    assert inspect_tape(path).kinds == {"MarketStatus": 1, "SpotPrice": 1}
    assert export_tape(path, tmp_path / "out") == {"MarketStatus": 1, "SpotPrice": 1}
    assert back(tmp_path / "out") == events
