"""The file HALT: whatever is in it, it halts; it can be laid on a full disk; a person's file is not overwritten by a machine."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.kill_file import Killed, is_killed, kill_path, read_kill, take_away, write_kill


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = kill_path(tmp_path)
    assert not is_killed(path)
    assert read_kill(path) is None
    assert write_kill(path, Killed("hold", "the feed\nlies", "ada", "2026-11-26T10:00:00Z"))
    assert is_killed(path)
    assert read_kill(path) == Killed("hold", "the feed lies", "ada", "2026-11-26T10:00:00Z")


@given(st.binary(max_size=200))
def test_whatever_a_person_puts_into_it_it_halts(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("home") / "HALT"
    path.write_bytes(content)
    assert is_killed(path)
    said = read_kill(path)
    assert said is not None
    assert said.policy in {"cancel", "hold", "flatten"}


@pytest.mark.parametrize(
    ("text", "policy", "reason"),
    [
        pytest.param("", "cancel", "", id="empty"),
        pytest.param("going on holiday\n", "cancel", "going on holiday", id="a-reason"),
        pytest.param("POLICY: Flatten\n", "flatten", "", id="a-policy"),
        pytest.param("policy: everything\nreason: no\n", "cancel", "no", id="no-such-policy"),
    ],
)
def test_made_by_hand(tmp_path: Path, text: str, policy: str, reason: str) -> None:
    path = kill_path(tmp_path)
    path.write_text(text)
    said = read_kill(path)
    assert said is not None
    assert (said.policy, said.reason) == (policy, reason)


def test_a_folder_of_that_name_halts_too(tmp_path: Path) -> None:
    kill_path(tmp_path).mkdir()
    assert is_killed(kill_path(tmp_path))
    said = read_kill(kill_path(tmp_path))
    assert said is not None
    assert "cannot be read" in said.reason


def test_a_file_that_lies_there_is_left_as_it_is_where_that_is_asked_for(tmp_path: Path) -> None:
    path = kill_path(tmp_path)
    write_kill(path, Killed("hold", "mine", "ada"))
    assert not write_kill(path, Killed("cancel", "the trader is dead", "watchdog"), replaces=False)
    assert read_kill(path) == Killed("hold", "mine", "ada", at=read_kill(path).at)  # type: ignore[union-attr]


def test_on_a_full_disk_it_lies_there_without_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, mode: str) -> object:
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    assert write_kill(kill_path(tmp_path), Killed(reason="the disk is full"))
    assert is_killed(kill_path(tmp_path))


def test_taken_away_it_is_gone_and_has_been_read(tmp_path: Path) -> None:
    path = kill_path(tmp_path)
    assert take_away(path) is None
    write_kill(path, Killed(reason="lunch"))
    said = take_away(path)
    assert said is not None
    assert said.reason == "lunch"
    assert not is_killed(path)
