"""The recorder: parts of an hour that are tapes of their own, and a whole that is exactly what was heard."""

import errno
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot, FeedStatus, MarketEvent, SpotBook, SpotLevels
from markets.core.units import SECOND_NS
from markets.core.venue_book import VenueBook
from markets.recorder import TURN_NS, Recorder
from markets.tape import TapeError, files_of, read_end, read_header, read_tape, read_whole
from markets.tapes.room import keep
from tests.tapes import HEADER, HOUR_NS, NOON_NS, noise, sealed, told


def record(folder: Path, events: list[MarketEvent], **how: Any) -> Path:
    recorder = Recorder(folder, HEADER, **how)
    for event in events:
        recorder.append(event)
    assert recorder.events == len(events)
    return recorder.close()


def test_a_recording_turns_with_the_hour_of_the_events_and_reads_back_as_one(tmp_path: Path) -> None:
    events = list(told(300, step_ns=60 * SECOND_NS))  # five hours
    path = record(tmp_path, events)
    assert sealed(tmp_path) == [f"whole.p{number:04}.tape.zst" for number in range(1, 7)]
    assert path.name == "whole.p0001.tape.zst"
    assert list(read_whole(path, MarketEvent)) == events
    turns = [read_end(part).first_ns for part in files_of(path)[1:]]  # type: ignore[union-attr]
    assert all((turn - TURN_NS) % HOUR_NS < 60 * SECOND_NS for turn in turns)
    assert turns[0] - NOON_NS == 8 * 60 * SECOND_NS


def books(events: list[MarketEvent], until: int) -> dict[Any, Any]:
    """Every book that stands after so many events."""
    stand: dict[Any, Any] = {}
    for event in events[:until]:
        if isinstance(event, SpotBook):
            spot = stand[event.venue] = VenueBook()
            spot.replace(event.bids, event.asks, event.depth)
        elif isinstance(event, SpotLevels) and event.venue in stand:
            stand[event.venue].change(event.bids, event.asks)
        elif isinstance(event, BookSnapshot):
            book = stand[event.ticker] = OrderBook()
            book.replace(event.yes, event.no)
        elif isinstance(event, BookDelta) and event.ticker in stand:
            stand[event.ticker].change(event.is_yes, event.price, event.change)
        elif isinstance(event, FeedStatus) and event.state == "lost":
            stand.pop(event.feed, None)
    return {
        name: (book.bids, book.asks) if isinstance(book, VenueBook) else (book.yes, book.no)
        for name, book in stand.items()
    }


def test_every_part_can_be_played_alone_because_it_begins_with_what_was_true(tmp_path: Path) -> None:
    events = list(told(2_000, step_ns=7 * SECOND_NS))
    parts = files_of(record(tmp_path, events))
    assert len(parts) == 5
    heard = 0
    for part in parts:
        alone = list(read_tape(part, MarketEvent))
        header = read_header(part)
        times = [event.received_ns for event in alone]
        assert times == sorted(times)
        heard += len(alone) - header.preface
        assert books(alone, len(alone)) == books(events, heard)
        assert (header.name, header.part > 1) == ("whole", header.preface > 0)


def test_a_part_ends_when_it_has_grown_large(tmp_path: Path) -> None:
    events = list(told(5_000))
    recorder = Recorder(tmp_path, HEADER, part_bytes=100_000)
    for event in events:
        recorder.append(event)
        recorder.flush()
    path = recorder.close()
    assert 3 <= len(files_of(path)) <= 8
    assert list(read_whole(path, MarketEvent)) == events


def test_what_is_lost_at_a_turn_is_lost_in_the_next_part_too(tmp_path: Path) -> None:
    events = list(told(10))
    start = NOON_NS + 20 * SECOND_NS
    events += [FeedStatus(start, "kraken", "lost", "BTC", "why"), FeedStatus(start, "gemini", "unavailable", "", "no")]
    events += [event for event in told(12, start_ns=start + HOUR_NS) if getattr(event, "venue", "") != "kraken"][6:]
    first, second = files_of(record(tmp_path, events))
    ends = read_end(first), read_end(second)
    assert ends[0]
    assert ends[1]
    assert {(gap.feed, gap.subject) for gap in ends[0].gaps} == {("kraken", "BTC"), ("gemini", "")}
    assert {gap[:3] for gap in ends[1].gaps} == {
        (ends[1].first_ns, ends[1].last_ns, "kraken"),
        (ends[1].first_ns, ends[1].last_ns, "gemini"),
    }


def test_what_a_session_says_of_an_event_stays_in_the_same_part(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HEADER)
    first = next(told(1))
    recorder.append(first)
    recorder.append(type(HEADER)(1, "late", "x", "", NOON_NS + 2 * HOUR_NS))
    assert recorder.path.name == "whole.p0001.tape"
    recorder.close()


def test_sealing_never_holds_up_who_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next part is being written while the thread still waits to seal the last one."""
    go = threading.Event()
    settle = cast(Any, Recorder.append.__globals__["TapeWriter"]).settle

    def slow(writer: Any, *, seal: bool, level: int) -> Path:
        assert go.wait(30)
        return cast(Path, settle(writer, seal=seal, level=level))

    monkeypatch.setattr("markets.recorder.TapeWriter.settle", slow)
    recorder = Recorder(tmp_path, HEADER)
    for event in told(30, step_ns=240 * SECOND_NS):
        recorder.append(event)
    recorder.flush()
    assert sealed(tmp_path) == ["whole.p0001.tape", "whole.p0002.tape", "whole.p0003.tape"]
    go.set()
    assert len(files_of(recorder.close())) == 3
    assert all(name.endswith(".zst") for name in sealed(tmp_path))


def test_a_name_is_used_once(tmp_path: Path) -> None:
    record(tmp_path, list(told(10)))
    with pytest.raises(TapeError, match="exists already"):
        Recorder(tmp_path, HEADER)


def test_an_unsealed_end_stays_plain(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HEADER)
    for event in told(10):
        recorder.append(event)
    assert recorder.close(seal=False).name == "whole.p0001.tape"
    assert recorder.close().name == "whole.p0001.tape"
    assert list(read_whole(tmp_path / "whole", MarketEvent)) == list(told(10))


class FullDisk:
    """A file whose disk is full after so many bytes."""

    def __init__(self, file: Any, room: int) -> None:
        self._file = file
        self.room = room

    def write(self, data: Any) -> int:
        fits = min(len(data), self.room)
        if not fits:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= fits
        return cast(int, self._file.write(data[:fits]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Any:
        return self._file

    def __exit__(self, *_: object) -> None:
        self._file.close()


def test_a_full_disk_is_said_and_what_waits_is_written_when_there_is_room_again(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HEADER)
    disk = FullDisk(recorder._writer._file, 500)
    recorder._writer._file = cast(Any, disk)
    events = list(told(30))
    for event in events:
        recorder.append(event)
    with pytest.raises(TapeError, match=r"cannot be written \(No space left on device\); free space"):
        recorder.flush()
    assert list(read_tape(recorder.path, MarketEvent)) == events[: recorder.path.read_bytes().count(b"\n") - 1]
    disk.room = 1 << 20
    assert list(read_whole(recorder.close(), MarketEvent)) == events


def test_a_turn_on_a_full_disk_ends_the_recording_loudly(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HEADER)
    events = list(told(10))
    for event in events:
        recorder.append(event)
    recorder.flush()
    recorder._writer._file = cast(Any, FullDisk(recorder._writer._file, 0))
    late = next(told(1, start_ns=NOON_NS + HOUR_NS))
    for _ in range(2):
        with pytest.raises(TapeError, match="No space left"):
            recorder.append(late)
        with pytest.raises(TapeError, match="No space left"):
            recorder.flush()
    assert list(read_whole(recorder.close(), MarketEvent)) == events


def test_the_oldest_parts_go_when_the_room_is_used_up(tmp_path: Path) -> None:
    gone: list[Path] = []
    events = list(noise(8_000))
    recorder = Recorder(tmp_path, HEADER, max_bytes=400_000, removed=gone.append)
    for number, event in enumerate(events):
        recorder.append(event)
        if number % 20 == 0:
            recorder.flush()
            assert recorder.usage().bytes < 400_000
    path = recorder.close()
    assert [part.name for part in gone[:2]] == ["whole.p0001.tape.zst", "whole.p0002.tape.zst"]
    left = files_of(path)
    assert path == left[0] == files_of(tmp_path / "whole")[0]
    rest = list(read_whole(path, MarketEvent))
    preface = read_header(path).preface
    assert preface
    assert rest[preface:] == events[-len(rest) + preface :]
    assert recorder.usage().parts == len(left)


def test_what_is_kept_or_played_or_no_part_is_never_removed(tmp_path: Path) -> None:
    record(tmp_path, list(told(3_000)), part_bytes=50_000)
    (tmp_path / "imported.tape.zst").write_bytes(bytes(300_000))
    before = set(sealed(tmp_path))
    keep(tmp_path, "whole", is_kept=True)
    with pytest.raises(TapeError, match="raise TAPES_MAX_GB, or let go of what is kept"):
        Recorder(tmp_path, type(HEADER)(1, "next", "recorder", "", 1), max_bytes=10_000)
    keep(tmp_path, "whole", is_kept=False)
    playing: set[str] = {"whole"}
    with pytest.raises(TapeError, match="no part of them can be removed"):
        Recorder(tmp_path, type(HEADER)(1, "next", "recorder", "", 1), max_bytes=10_000, protected=lambda: playing)
    assert set(sealed(tmp_path)) == before
    playing.clear()
    Recorder(tmp_path, type(HEADER)(1, "next", "recorder", "", 1), max_bytes=10_000).close()
    assert sealed(tmp_path) == ["imported.tape.zst", "next.p0001.tape.zst"]


def test_when_no_room_can_be_made_the_recording_stops_loudly_and_keeps_what_it_has(tmp_path: Path) -> None:
    kept: set[str] = {"whole"}
    recorder = Recorder(tmp_path, HEADER, max_bytes=200_000, protected=lambda: kept)
    heard: list[MarketEvent] = []

    def hear_on() -> None:
        for event in noise(20_000):
            recorder.append(event)
            heard.append(event)
            recorder.flush()

    with pytest.raises(TapeError, match="raise TAPES_MAX_GB"):
        hear_on()
    assert list(read_whole(recorder.close(), MarketEvent)) == heard[: recorder.events]
    assert recorder.usage().bytes < 400_000


def test_nothing_is_removed_when_nobody_can_say_what_is_played(tmp_path: Path) -> None:
    record(tmp_path, list(told(500)))
    before = sealed(tmp_path)

    def away() -> set[str]:
        raise ConnectionError("no database")

    with pytest.raises(TapeError, match="no part of them can be removed"):
        Recorder(tmp_path, type(HEADER)(1, "next", "recorder", "", 1), max_bytes=1_000, protected=away)
    assert sealed(tmp_path) == before
