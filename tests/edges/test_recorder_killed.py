"""A recorder that dies: what was flushed is there, exactly once and in order, wherever it was killed or cut."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as some

from markets.core.events import MarketEvent
from markets.core.units import SECOND_NS
from markets.recorder import Recorder
from markets.tape import TapeHeader, TapeWriter, files_of, is_complete, read_end, read_whole
from markets.tapes.mending import mend_tape, mend_tapes
from tests.tapes import HEADER, NOON_NS, sealed, told

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from itertools import islice
from pathlib import Path
from markets.core.units import SECOND_NS
from markets.recorder import Recorder
from tests.tapes import HEADER, told
recorder = Recorder(Path(sys.argv[1]), HEADER, part_bytes=200_000)
for number, event in enumerate(told(10**9, step_ns=SECOND_NS // 100), 1):
    recorder.append(event)
    if number % 500 == 0:
        recorder.flush()
        print(number, flush=True)
"""


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Path, int]:
    """What a killed process leaves, and how many events it had flushed at least."""
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout
        for line in one.stdout:
            if int(line) >= 12_000:
                break
        one.send_signal(signal.SIGKILL)
        said = [int(line), *(int(more) for more in one.stdout if more.endswith("\n"))]
        assert one.wait(30) == -signal.SIGKILL
    return tmp_path, said[-1]


def test_a_killed_process_loses_at_most_what_was_not_flushed(killed: tuple[Path, int]) -> None:
    folder, flushed = killed
    before = list(read_whole(folder / "whole", MarketEvent))
    assert len(before) >= flushed
    assert before == list(first(len(before)))
    was_ended = read_end(files_of(folder / "whole")[-1]) is not None  # it was killed between two parts
    mend_tapes(folder)
    files = files_of(folder / "whole")
    assert all(is_complete(file) and file.name.endswith(".zst") for file in files)
    assert len(files) > 2
    ends = [read_end(file) for file in files]
    assert [end.cut for end in ends if end] == [False] * (len(files) - 1) + [not was_ended]
    assert list(read_whole(folder / "whole", MarketEvent)) == before
    assert [name for name in sealed(folder) if not name.endswith(".tape.zst")] == []


def first(count: int) -> Iterator[MarketEvent]:
    for number, event in enumerate(told(10**9, step_ns=SECOND_NS // 100)):
        if number == count:
            return
        yield event


def test_a_tape_with_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HEADER)
    for event in told(20):
        recorder.append(event)
    recorder.flush()
    assert mend_tapes(tmp_path) == []
    assert list(read_whole(recorder.close(), MarketEvent)) == list(told(20))


def test_what_was_sealed_but_not_yet_removed_is_tidied_up(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HEADER)
    for event in told(20):
        recorder.append(event)
    plain = recorder.close(seal=False)
    data = plain.read_bytes()
    recorder = Recorder(tmp_path, TapeHeader(1, "next", "recorder", "", 1))
    assert [path.name for path in mend_tapes(tmp_path)] == ["whole.p0001.tape.zst"]
    plain.write_bytes(data)
    (tmp_path / "gone.p0001.tape.zst.part").write_bytes(b"half")
    assert mend_tape(plain) == tmp_path / "whole.p0001.tape.zst"
    mend_tapes(tmp_path)
    assert sealed(tmp_path) == ["next.p0001.tape", "whole.p0001.tape.zst"]
    recorder.close()


def test_a_file_that_nothing_was_written_to_is_removed(tmp_path: Path) -> None:
    (tmp_path / "whole.p0001.tape").write_bytes(b'["TapeHea')
    assert mend_tapes(tmp_path) == []
    assert sealed(tmp_path) == []


def test_a_damaged_one_is_said_and_the_others_are_mended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "bad.tape").write_bytes(b'["TapeHeader",1,"bad","x","",1]\n["SpotPrice",oops]\n["FeedBeat",1,"x"]\n')
    writer = TapeWriter(tmp_path / "good.tape", HEADER)
    writer.append(next(told(1)))
    writer.flush()
    writer.drop()
    assert [path.name for path in mend_tapes(tmp_path)] == ["good.tape.zst"]
    assert "bad.tape, line 2" in caplog.text


def test_every_cut_of_the_last_part_is_mended_to_the_events_before_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, HEADER)
    events = list(told(12))
    for event in events:
        recorder.append(event)
    plain = recorder.close(seal=False)
    data = plain.read_bytes()
    begin = data.index(b"\n") + 1
    for cut in [*range(begin, len(data) - 60, 61), *range(len(data) - 60, len(data) + 1, 6), len(data)]:
        plain.write_bytes(data[:cut])
        path = mend_tape(plain)
        assert path is not None
        lines = data[begin:cut].count(b"\n")
        assert list(read_whole(path, MarketEvent)) == events[: min(lines, 12)]
        end = read_end(path)
        assert end is not None
        assert (end.cut, end.events) == (lines < 13, min(lines, 12))
        path.unlink()


@given(
    turns=some.lists(some.integers(0, 4_000), max_size=4),
    part_bytes=some.sampled_from([3_000, 20_000, 1 << 20]),
    flushes=some.sets(some.integers(0, 199), max_size=8),
    cut=some.integers(0, 1 << 16),
)
@how(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_heard_and_wherever_it_dies_what_was_flushed_reads_back_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    turns: list[int],
    part_bytes: int,
    flushes: set[int],
    cut: int,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    events = [event for start in [0, *sorted(turns)] for event in _stretch(start)][:200]
    recorder, flushed = Recorder(folder, HEADER, part_bytes=part_bytes), 0
    for number, event in enumerate(events):
        recorder.append(event)
        if number in flushes:
            recorder.flush()
            flushed = recorder.path.stat().st_size
    last, number = recorder.path, recorder.events
    recorder._backlog.close()
    recorder._writer.drop()  # it dies: what is in its buffer is lost
    data = last.read_bytes()
    keep = data.index(b"\n") + 1 + cut % (len(data) - data.index(b"\n"))
    last.write_bytes(data[: max(keep, min(flushed, len(data)))])
    mend_tapes(folder)
    back = list(read_whole(folder / "whole", MarketEvent))
    assert back == events[: len(back)]
    at_least = max((position + 1 for position in flushes if position < number), default=0)
    assert len(back) >= at_least or keep < len(data)
    assert all(is_complete(file) for file in files_of(folder / "whole"))


def _stretch(minutes: int) -> list[MarketEvent]:
    """All of one moment."""
    return list(told(40, start_ns=NOON_NS + minutes * 60 * SECOND_NS, step_ns=0))
