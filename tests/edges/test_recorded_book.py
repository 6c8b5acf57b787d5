"""The book of a recorded market: what is believed of it, and where it is lost."""

from pathlib import Path

from markets.core.events import BookDelta, BookSnapshot
from tests.edges.test_import_recording import Imported, seconds
from tests.recordings import CLOSE_S, WrittenRecording, quiet_recording


def book_recording(*, until: float = 110) -> WrittenRecording:
    """A watched market with a book and ten deltas, sequence 2 to 11, the first at 101 s."""
    recording = WrittenRecording()
    recording.watch(100)
    recording.snapshot(100.5)
    recording.deltas(101, until, first_seq=2)
    return recording


def test_a_hole_in_the_sequence_loses_the_book_until_the_next_snapshot(tmp_path: Path) -> None:
    recording = book_recording()
    recording.delta(111, 13)
    recording.delta(112, 14)
    recording.snapshot(113, 20)
    recording.delta(114, 21)
    done = Imported(recording, tmp_path)
    assert done.feed() == [("lost", 111, "sequence gap: expected 12, got 13"), ("up", 113, "a new snapshot")]
    assert [event.seq for event in done.of(BookDelta)] == [*range(2, 12), 21]
    assert done.summary.refused == {"delta: after a hole in the sequence": 1, "delta: no book after a loss": 1}


def test_the_feed_is_up_again_only_once_the_new_book_is_there(tmp_path: Path) -> None:
    recording = book_recording()
    recording.delta(111, 13)
    recording.snapshot(113, 20)
    recording.delta(114, 21)
    kinds = [type(event).__name__ for event in Imported(recording, tmp_path).events if seconds(event) == 113]
    assert kinds == ["BookSnapshot", "FeedStatus"]


def test_a_reconnect_begins_a_new_sequence(tmp_path: Path) -> None:
    recording = book_recording()
    recording.snapshot(140, 1)
    recording.deltas(141, 150, first_seq=2)
    done = Imported(recording, tmp_path)
    assert done.feed() == [("lost", 110, "the recorded book breaks off here"), ("up", 140, "a new snapshot")]
    assert len(done.of(BookDelta)) == 20
    assert done.summary.grade == "B"


def test_deltas_that_start_anew_without_a_snapshot_are_refused(tmp_path: Path) -> None:
    recording = book_recording()
    recording.delta(112, 2)
    recording.delta(113, 3)
    done = Imported(recording, tmp_path)
    assert done.feed() == [("lost", 112, "sequence gap: expected 12, got 2")]
    assert len(done.of(BookDelta)) == 10


def test_deltas_before_any_snapshot_are_refused(tmp_path: Path) -> None:
    recording = WrittenRecording()
    recording.watch(100)
    recording.deltas(101, 103, first_seq=700)
    recording.snapshot(110, 703)
    recording.deltas(111, 114, first_seq=704)
    done = Imported(recording, tmp_path)
    assert done.summary.refused == {"delta: before a usable snapshot": 3}
    assert done.feed() == [("lost", 100, "no book yet"), ("up", 110, "the first snapshot")]


def test_a_delta_that_comes_twice_is_taken_once(tmp_path: Path) -> None:
    recording = book_recording(until=105)
    recording.delta(105.1, 6, price=100, exch=105)
    recording.delta(106, 7)
    done = Imported(recording, tmp_path)
    assert done.summary.refused == {"delta: repeated": 1}
    assert [event.seq for event in done.of(BookDelta)] == [2, 3, 4, 5, 6, 7]
    assert done.feed() == []


def test_a_level_below_zero_loses_the_book(tmp_path: Path) -> None:
    recording = book_recording()
    recording.delta(111, 12, price=400, change=-1001)
    done = Imported(recording, tmp_path)
    assert done.feed() == [("lost", 111, "impossible book: level 4000 would hold -1")]
    assert done.summary.refused == {"delta: impossible book": 1}


def test_a_price_outside_a_dollar_loses_the_book(tmp_path: Path) -> None:
    recording = book_recording()
    recording.delta(111, 12, price=1000)
    assert Imported(recording, tmp_path).feed() == [("lost", 111, "impossible book: a level at 10000 cannot be")]


def test_a_snapshot_that_no_delta_continues_would_be_a_frozen_book_and_is_refused(tmp_path: Path) -> None:
    recording = WrittenRecording()
    recording.watch(100)
    recording.snapshot(100.5)
    recording.delta(300, 5_000)
    recording.snapshot(CLOSE_S + 3, 5_001, yes=(), no=())
    done = Imported(recording, tmp_path)
    assert done.summary.refused == {"snapshot: no delta continues it": 1, "delta: before a usable snapshot": 1}
    assert [seconds(event) for event in done.of(BookSnapshot)] == [CLOSE_S + 3]


def test_an_impossible_snapshot_is_refused(tmp_path: Path) -> None:
    recording = WrittenRecording()
    recording.watch(100)
    recording.snapshot(101, 1, yes=((400, 10),), no=((600, 10),))
    recording.snapshot(102, 2, yes=((1000, 10),))
    recording.snapshot(103, 3, no=((500, -1),))
    done = Imported(recording, tmp_path)
    assert done.summary.refused == {"snapshot: crossed book": 1, "snapshot: impossible level": 2}


def test_a_bad_snapshot_loses_the_book_there_was(tmp_path: Path) -> None:
    recording = book_recording()
    recording.snapshot(111, 12, yes=((400, 10),), no=((600, 10),))
    recording.delta(112, 13)
    done = Imported(recording, tmp_path)
    assert done.feed() == [("lost", 111, "a new snapshot cannot be used")]
    assert done.summary.refused["delta: no book after a loss"] == 1


def test_a_book_that_breaks_off_is_lost_at_its_last_message(tmp_path: Path) -> None:
    recording = book_recording()
    recording.quote(200)
    assert Imported(recording, tmp_path).feed() == [("lost", 110, "the recorded book breaks off here")]


def test_a_book_that_is_only_quiet_is_not_lost(tmp_path: Path) -> None:
    recording = book_recording()
    recording.delta(130, 12)
    assert Imported(recording, tmp_path).feed() == []


def test_the_end_of_the_run_does_not_lose_the_book_of_a_market(tmp_path: Path) -> None:
    assert Imported(quiet_recording(), tmp_path).feed() == []


def test_a_market_that_closes_is_not_lost_and_its_book_empties(tmp_path: Path) -> None:
    recording = WrittenRecording()
    recording.watch(880)
    recording.snapshot(881)
    last = recording.deltas(882, 899, first_seq=2)
    recording.snapshot(CLOSE_S + 7, last + 1, yes=(), no=())
    recording.quote(CLOSE_S + 20)
    done = Imported(recording, tmp_path)
    assert done.feed() == []
    assert [(event.yes, event.no) for event in done.of(BookSnapshot)][1] == ((), ())
