"""Mending beside a session that records: neither takes anything from the other."""

import logging
from pathlib import Path

import pytest
from pytest_django import Settings

from markets import services
from markets.census import file_count
from markets.core.units import SECOND_NS
from markets.models import Tape
from markets.recorder import Recorder
from markets.tape import files_of
from tests.tapes import HEADER, NOON_NS, told
from trading.session_tape import mend_in_background

HOUR_NS = 3_600 * SECOND_NS


@pytest.mark.django_db
def test_a_part_that_is_sealed_while_the_parts_are_looked_through_stays_in_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path, HEADER, sealed=None)
    for event in told(100):
        recorder.append(event)
    recorder.flush()

    def listed_before(path: Path) -> list[Path]:
        files = files_of(path)
        recorder.close()
        [sealed] = files_of(path)
        services.tape_part_sealed(sealed, *file_count(sealed))
        return files

    monkeypatch.setattr(services, "files_of", listed_before)
    services.tapes_mend(tmp_path)
    assert [file["file"] for file in Tape.objects.get().files] == ["whole.p0001.tape.zst"]


@pytest.mark.django_db(transaction=True)
def test_a_recording_with_a_hole_is_logged_and_does_not_break_the_thread(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TAPES_DIR = tmp_path
    recorder = Recorder(tmp_path, HEADER)
    for hour in range(3):
        for event in told(10, start_ns=NOON_NS + hour * HOUR_NS):
            recorder.append(event)
    recorder.close()
    (tmp_path / "whole.p0002.tape.zst").unlink()
    with caplog.at_level(logging.ERROR):
        mend_in_background().join(20)
    assert "is missing between its neighbours" in caplog.text
