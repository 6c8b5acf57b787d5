"""Signs of life: a beat that is renewed, one that stops, and what can be seen of the process that wrote it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trading import beats
from trading.beats import Beater, Listener, Process, read_beat, state_of, this_process

SLEEPER = (
    "import sys, time; from pathlib import Path; from trading.beats import Beater; "
    "Beater(Path(sys.argv[1])).beat(); print('here', flush=True); time.sleep(600)"
)


@pytest.fixture
def sleeper(tmp_path: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Another process that has shown itself once."""
    words = [sys.executable, "-c", SLEEPER, str(tmp_path / beats.TRADER)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def until(process: Process, state: str) -> str:
    """The state, once it is that, or as it is after ten seconds."""
    deadline = time.monotonic() + 10
    while state_of(process) != state and time.monotonic() < deadline:
        time.sleep(0.01)
    return state_of(process)


def test_a_beat_says_who_wrote_it(tmp_path: Path) -> None:
    Beater(tmp_path / beats.TRADER, account="live").beat(groups=(("g-1", 2),), text="2 orders work")
    beat = read_beat(tmp_path / beats.TRADER)
    assert beat is not None
    assert (beat.count, beat.account, beat.groups, beat.text, beat.is_over) == (1, "live", (("g-1", 2),), "2 orders work", False)  # fmt: skip
    assert beat.process.pid == os.getpid()
    assert state_of(beat.process) == "running"


def test_silence_is_counted_by_our_own_clock_from_the_last_change(tmp_path: Path) -> None:
    path = tmp_path / beats.TRADER
    listener = Listener(path)
    assert listener.look(0.0) is None
    assert listener.silent_s(5.0) is None
    beater = Beater(path)
    beater.beat()
    listener.look(10.0)
    listener.look(13.0)
    assert listener.silent_s(13.5) == 3.5
    beater.beat()
    listener.look(14.0)
    assert listener.silent_s(14.0) == 0.0


def test_where_nothing_can_be_written_the_time_of_the_file_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / beats.TRADER
    beater, listener = Beater(path), Listener(path)
    beater.beat()
    listener.look(1.0)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    os.utime(path, ns=(1, 1))
    listener.look(2.0)
    beater.beat()
    listener.look(9.0)
    assert listener.silent_s(9.0) == 0.0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"count": "x"}', b"\xff"])
def test_what_cannot_be_read_is_no_beat(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / beats.TRADER
    path.write_bytes(content)
    assert read_beat(path) is None


@pytest.mark.slow
def test_a_stopped_process_is_seen_to_be_stopped_and_a_dead_one_to_be_dead(
    tmp_path: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    beat = read_beat(tmp_path / beats.TRADER)
    assert beat is not None
    assert state_of(beat.process) == "running"
    sleeper.send_signal(signal.SIGSTOP)
    assert until(beat.process, "stopped") == "stopped"
    sleeper.send_signal(signal.SIGCONT)
    assert until(beat.process, "running") == "running"
    sleeper.kill()
    assert until(beat.process, "dead") == "dead"
    sleeper.wait()
    assert state_of(beat.process) == "dead"


def test_a_number_that_was_given_to_another_process_since_is_a_dead_one() -> None:
    mine = this_process()
    assert state_of(Process(mine.pid, "1", mine.space)) == "dead"


def test_of_a_process_in_another_container_nothing_can_be_said() -> None:
    mine = this_process()
    assert state_of(Process(mine.pid, mine.began, "elsewhere")) == "unknown"
    assert state_of(Process()) == "unknown"
