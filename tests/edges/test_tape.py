"""Tapes: what is written comes back, whole or not at all, and a damaged one says so."""

import logging
from pathlib import Path
from time import perf_counter

import pytest

from markets.census import tape_count
from markets.core.contract import Contract
from markets.core.events import BookDelta, BookSnapshot, FeedStatus, MarketEvent, MarketListed, MarketStatus, SpotPrice
from markets.core.units import SECOND_NS
from markets.tape import (
    VERSION,
    TapeEnd,
    TapeError,
    TapeHeader,
    TapeWriter,
    is_complete,
    read_header,
    read_rows,
    read_tape,
    seal_tape,
)

TICKER = "KXBTC15M-26MAY131130-30"
CHECKSUM = 4  # bytes of zstd at the very end, behind all events
HEADER = TapeHeader(VERSION, "a tape", "a test", "A", 1)
EVENTS: list[MarketEvent] = [
    MarketListed(1, Contract(TICKER, "KXBTC15M", "BTC", 1, 900 * SECOND_NS)),
    BookSnapshot(2, TICKER, ((4000, 100),), (), 1),
    BookDelta(3, TICKER, True, 4000, -50, 2),
    SpotPrice(4, "coinbase", "BTC", 80_000.5),
    MarketStatus(5, TICKER, "settled", "yes", "80010.00"),
]


def write(folder: Path, events: list[MarketEvent] | None = None, *, seal: bool = True, name: str = "t.tape") -> Path:
    writer = TapeWriter(folder / name, HEADER)
    for event in EVENTS if events is None else events:
        writer.append(event)
    return writer.close(seal=seal)


@pytest.mark.parametrize("seal", [True, False])
def test_what_is_written_comes_back(seal: bool, tmp_path: Path) -> None:
    path = write(tmp_path, seal=seal)
    assert list(read_tape(path, MarketEvent)) == EVENTS
    assert read_header(path) == HEADER
    assert is_complete(path)


def test_sealing_leaves_the_sealed_tape_alone(tmp_path: Path) -> None:
    assert write(tmp_path).name == "t.tape.zst"
    assert [path.name for path in tmp_path.iterdir()] == ["t.tape.zst"]


def test_a_line_is_a_json_array_that_begins_with_the_type(tmp_path: Path) -> None:
    lines = write(tmp_path, seal=False).read_bytes().splitlines()
    assert lines[0] == b'["TapeHeader",1,"a tape","a test","A",1,"",0,0]'
    assert lines[3] == b'["BookDelta",3,"KXBTC15M-26MAY131130-30",true,4000,-50,2,0]'
    assert lines[-1].startswith(b'["TapeEnd",5,"')


def test_the_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


def test_flushed_events_can_be_read_while_the_tape_is_written(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "t.tape", HEADER)
    writer.append(EVENTS[0])
    writer.flush()
    writer.append(EVENTS[1])
    assert list(read_tape(writer.path, MarketEvent)) == EVENTS[:1]
    assert not is_complete(writer.path)
    writer.close()


def test_a_line_that_a_crash_cut_off_is_dropped_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, seal=False)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b'["MarketStatus"') + 20])
    with caplog.at_level(logging.WARNING):
        assert list(read_tape(path, MarketEvent)) == EVENTS[:4]
    assert "its 20 bytes are left out" in caplog.text
    assert not is_complete(path)


def test_every_cut_of_a_plain_tape_gives_the_events_before_it(tmp_path: Path) -> None:
    path = write(tmp_path, seal=False)
    whole = path.read_bytes()
    header = whole.index(b"\n") + 1
    for cut in range(header, len(whole) + 1):
        path.write_bytes(whole[:cut])
        lines = whole[header:cut].count(b"\n")
        assert list(read_tape(path, MarketEvent)) == EVENTS[: min(lines, 5)]


def test_every_cut_of_a_sealed_tape_that_loses_something_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path)
    whole = path.read_bytes()
    for cut in range(len(whole) - CHECKSUM):
        path.write_bytes(whole[:cut])
        with pytest.raises(TapeError):
            list(read_tape(path, MarketEvent))


def test_no_flipped_byte_in_a_sealed_tape_ever_gives_other_events(tmp_path: Path) -> None:
    path = write(tmp_path)
    whole = path.read_bytes()
    errors = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            assert list(read_tape(path, MarketEvent)) == EVENTS
        except TapeError:
            errors += 1
    assert errors > 0.9 * len(whole)  # the rest only says how the frame is laid out


def test_a_damaged_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = write(tmp_path, seal=False)
    path.write_bytes(path.read_bytes().replace(b'["SpotPrice",4', b'["SpotPrice","four"'))
    with pytest.raises(TapeError, match="line 5"):
        list(read_tape(path, MarketEvent))


def test_a_tape_for_another_reader_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match=r"line 2: Invalid value 'MarketListed'"):
        list(read_tape(write(tmp_path), BookDelta | SpotPrice))


def test_an_end_that_counts_otherwise_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, seal=False)
    path.write_bytes(path.read_bytes().replace(b'["TapeEnd",5,', b'["TapeEnd",6,'))
    with pytest.raises(TapeError, match="holds 5 events but its end says 6"):
        list(read_tape(path, MarketEvent))


def test_two_tapes_joined_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, seal=False)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(TapeError):
        list(read_tape(path, MarketEvent))


@pytest.mark.parametrize("text", [b"", b"not a tape", b"not a tape\n", b'["BookDelta",1]\n'])
def test_something_else_is_not_a_tape(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.tape"
    path.write_bytes(text)
    with pytest.raises(TapeError):
        read_header(path)
    with pytest.raises(TapeError):
        list(read_tape(path, MarketEvent))


def test_a_tape_of_a_later_version_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, seal=False)
    path.write_bytes(path.read_bytes().replace(b'["TapeHeader",1', b'["TapeHeader",2'))
    with pytest.raises(TapeError, match="has version 2"):
        read_header(path)


@pytest.mark.parametrize("name", ["absent.tape", "absent.tape.zst", "tape.txt"])
def test_a_file_that_is_not_there_or_no_tape_by_name_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(TapeError):
        read_header(tmp_path / name)


@pytest.mark.parametrize("seal", [True, False])
def test_a_tape_is_never_overwritten(seal: bool, tmp_path: Path) -> None:
    write(tmp_path, seal=seal)
    with pytest.raises(TapeError, match="exists already"):
        TapeWriter(tmp_path / "t.tape", HEADER)


def test_a_tape_is_replaced_on_purpose_and_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path)
    writer = TapeWriter(tmp_path / "t.tape", HEADER, replace=True)
    writer.append(EVENTS[0])
    writer.flush()
    assert list(read_tape(path, MarketEvent)) == EVENTS
    assert list(read_tape(writer.close(), MarketEvent)) == EVENTS[:1]


def test_an_unclean_tape_can_be_sealed_once_it_has_an_end(tmp_path: Path) -> None:
    path = write(tmp_path, seal=False)
    assert is_complete(seal_tape(path))
    assert not path.exists()


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "t.tape", HEADER)
    assert writer.close() == writer.close() == tmp_path / "t.tape.zst"


def test_a_tape_being_written_has_a_plain_name(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match=r"ends in \.tape"):
        TapeWriter(tmp_path / "t.tape.zst", HEADER)


def test_rows_come_as_they_are_written(tmp_path: Path) -> None:
    rows = list(read_rows(write(tmp_path)))
    assert rows[3] == ["SpotPrice", 4, "coinbase", "BTC", 80_000.5, 0.0, 0, "", ""]
    assert len(rows) == 5


def test_many_blocks_are_read_fast(tmp_path: Path) -> None:
    count = 200_000
    path = write(tmp_path, [BookDelta(n, TICKER, True, 4000, 1, n, n) for n in range(count)])
    start = perf_counter()
    last = 0
    for event in read_tape(path, MarketEvent):
        last = event.received_ns
    assert last == count - 1
    assert count / (perf_counter() - start) > 150_000  # ten times that on a quiet machine


def test_a_census_counts_markets_and_the_gaps_that_something_followed(tmp_path: Path) -> None:
    lost = FeedStatus(3, "coinbase", "lost", "BTC")
    events = [*EVENTS[:2], lost, SpotPrice(4, "coinbase", "BTC", 1.0), FeedStatus(5, "kalshi", "lost"), EVENTS[4]]
    count = tape_count(write(tmp_path, events))
    assert (count.events, count.markets, count.gaps, count.first_ns, count.last_ns) == (6, 1, 1, 1, 5)


def test_a_census_refuses_a_tape_on_which_time_runs_backwards(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="event 2 is 1 ns older"):
        tape_count(write(tmp_path, [EVENTS[1], EVENTS[0]]))


def test_a_census_counts_what_is_not_of_the_market_too(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "t.tape", HEADER)
    writer.append(TapeEnd(3))  # any message that is no market event
    writer.append(EVENTS[0])
    assert tape_count(writer.close()).events == 2
