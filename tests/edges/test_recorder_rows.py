"""Recordings in parts in the catalogue: one row, kept as parts are sealed, removed, and found again."""

from pathlib import Path

import pytest

from markets import catalogue
from markets.census import tape_count
from markets.core.events import FeedStatus, MarketEvent, SpotPrice
from markets.core.units import SECOND_NS
from markets.models import Tape
from markets.recorder import Recorder
from markets.services import tape_part_removed, tape_register, tapes_mend
from markets.tape import TapeHeader, files_of
from tests.tapes import HEADER, HOUR_NS, NOON_NS, told
from trading.playback import market_events

FIELDS = ("name", "path", "events", "markets", "gaps", "first_ns", "last_ns", "size_bytes", "sha256", "files", "is_cut")


def record(folder: Path, events: list[MarketEvent], *, header: TapeHeader = HEADER, rows: bool = False) -> Path:
    told_of = {"sealed": catalogue.part_sealed, "removed": catalogue.part_removed} if rows else {}
    recorder = Recorder(folder, header, **told_of)  # type: ignore[arg-type]
    for event in events:
        recorder.append(event)
    return recorder.close()


def row() -> dict[str, object]:
    found: dict[str, object] = Tape.objects.values(*FIELDS).get()
    return found


def hours(count: int) -> list[MarketEvent]:
    return list(told(count * 30, step_ns=120 * SECOND_NS))


@pytest.mark.django_db(transaction=True)
def test_what_the_recorder_knows_is_what_is_counted(tmp_path: Path) -> None:
    events = hours(4)
    lost = FeedStatus(NOON_NS + 7 * 120 * SECOND_NS, "gemini", "lost")
    events[8:8] = [lost, SpotPrice(lost.received_ns, "coinbase", "BTC", 1.0)]
    path = record(tmp_path, events, rows=True)
    as_recorded = row()
    assert as_recorded["events"] == len(events)
    assert as_recorded["path"] == str(path)
    Tape.objects.all().delete()
    tape_register(path)
    assert row() == as_recorded
    assert Tape.objects.get().parts == len(files_of(path)) == 5
    assert as_recorded["gaps"] == tape_count(path).gaps > 1


@pytest.mark.django_db(transaction=True)
def test_with_each_part_that_goes_the_row_says_what_is_left(tmp_path: Path) -> None:
    files = files_of(record(tmp_path, hours(3), rows=True))
    for number, file in enumerate(files[:-1], 1):
        file.unlink()
        catalogue.part_removed(file)
        assert row()["path"] == str(files[number])
        assert row()["events"] == sum(count.events for count in tape_count(files[number]).files)
        assert next(market_events(Path(str(row()["path"])))).received_ns == row()["first_ns"]
    files[-1].unlink()
    tape_part_removed(files[-1])
    assert not Tape.objects.exists()


@pytest.mark.django_db
def test_what_the_catalogue_lacks_is_found_and_only_that(tmp_path: Path) -> None:
    path = record(tmp_path, hours(3))
    other = Recorder(tmp_path, TapeHeader(1, "running", "recorder", "", 1))
    other.append(next(told(1)))
    tapes_mend(tmp_path)
    expected = row()
    assert (expected["name"], expected["events"]) == ("whole", 90)
    files_of(path)[0].unlink()
    tapes_mend(tmp_path)
    assert row()["path"] == str(files_of(tmp_path / "whole")[0])
    other._backlog.close()
    other._writer.drop()
    tapes_mend(tmp_path)
    assert Tape.objects.filter(name="running", is_cut=False).count() == 0


@pytest.mark.django_db
def test_what_a_dead_writer_left_is_registered_as_cut(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HEADER)
    for event in told(20, step_ns=HOUR_NS // 10):
        recorder.append(event)
    recorder.flush()
    recorder._backlog.close()
    recorder._writer.drop()
    assert len(tapes_mend(tmp_path)) == 1
    assert (row()["events"], row()["is_cut"]) == (20, True)


def test_any_part_is_played_alone_and_the_first_one_stands_for_all(tmp_path: Path) -> None:
    path = record(tmp_path, hours(3))
    second = files_of(path)[1]
    assert list(market_events(path)) == hours(3) == list(market_events(tmp_path / "whole"))
    alone = list(market_events(second))
    assert alone[-1] in hours(3)
    assert len(alone) < 60
    path.unlink()
    assert len(list(market_events(second))) > 60
