"""What is asked for with tapes: imports, uploads, verifications, exports; and what is refused."""

import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from markets import jobs
from markets.core.events import MarketEvent
from markets.job_work import job_execute
from markets.models import Tape, TapeJob, TapeSheet
from markets.recorder import Recorder
from markets.services import tape_register
from markets.sheets import tape_coverage, tapes_unlooked
from markets.tape import read_tape
from markets.tapes.room import kept_names
from tests.recordings import quiet_recording
from tests.rising import write_tape
from tests.tapes import HEADER, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def places(tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of our own, and nobody to hand a job to."""
    (tmp_path / "tapes").mkdir()
    (tmp_path / "recorded").mkdir()
    settings.BOT_HOME = tmp_path  # type: ignore[attr-defined]
    settings.TAPES_DIR = tmp_path / "tapes"  # type: ignore[attr-defined]
    settings.RECORDED_DATA = tmp_path / "recorded"  # type: ignore[attr-defined]
    settings.STORAGES = settings.STORAGES | {  # type: ignore[attr-defined]
        "artefacts": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "artefacts")},
        }
    }
    monkeypatch.setattr(jobs, "_hand_over", lambda *_: None)
    return tmp_path


def done(job: TapeJob) -> TapeJob:
    assert job_execute(job.pk)
    job.refresh_from_db()
    return job


def registered(places: Path) -> Tape:
    return tape_register(write_tape(places / "tapes" / "rising.tape"))


def test_an_upload_is_read_to_its_end_looked_at_and_verified(places: Path) -> None:
    data = write_tape(places / "rising.tape").read_bytes()
    job = done(jobs.job_upload(SimpleUploadedFile("mine.tape.zst", data), "mine.tape.zst", by=None))
    assert (job.status, job.error) == ("done", "")
    row = Tape.objects.get(name="rising")
    assert Path(row.path) == places / "tapes" / "rising.tape.zst"
    sheet = TapeSheet.objects.get(tape=row)
    assert (sheet.assets, sheet.feeds, sheet.problem) == (" BTC ", " coinbase kalshi ", "")
    assert sheet.verified_sha256 == sheet.sha256 == row.sha256
    assert not list((places / "artefacts" / "tapes" / "uploads").iterdir())
    again = done(jobs.job_upload(SimpleUploadedFile("mine.tape.zst", data), "mine.tape.zst", by=None))
    assert again.status == "failed"
    assert "already; it is not overwritten" in again.error


@pytest.mark.parametrize("name", ["../../etc/passwd", "mine.zip", ".tape", "a b.tape.zst", "/tmp/x.tape.zst", "", "x" * 200 + ".tape"])  # fmt: skip
def test_a_name_that_is_no_tapes_is_refused(name: str) -> None:
    with pytest.raises(jobs.JobProblem, match="Name the file"):
        jobs.job_upload(ContentFile(b"x"), name, by=None)


def test_a_file_that_is_too_large_or_empty_is_refused(settings: object) -> None:
    settings.TAPE_UPLOAD_MAX_MB = 1  # type: ignore[attr-defined]
    with pytest.raises(jobs.JobProblem, match="1 MB may be uploaded"):
        jobs.job_upload(ContentFile(b"x" * 1_000_001), "a.tape.zst", by=None)
    with pytest.raises(jobs.JobProblem, match="empty"):
        jobs.job_upload(ContentFile(b""), "a.tape.zst", by=None)


def test_a_file_that_grows_out_of_all_bounds_or_calls_itself_a_path_goes_nowhere(
    places: Path, settings: object
) -> None:
    settings.TAPE_UPLOAD_MAX_MB = 1  # type: ignore[attr-defined]
    zeros = zstandard.compress(b"0" * 70_000_000)
    bomb = done(jobs.job_upload(ContentFile(zeros), "bomb.tape.zst", by=None))
    assert "grows out of all bounds" in bomb.error
    head = b'["TapeHeader",1,"../outside","x","A",1,"",0,0]\n["TapeEnd",0]\n'
    liar = done(jobs.job_upload(ContentFile(zstandard.compress(head)), "liar.tape.zst", by=None))
    assert "no name for a file" in liar.error
    junk = done(jobs.job_upload(ContentFile(b"junk"), "junk.tape.zst", by=None))
    assert "damaged" in junk.error
    assert not list((places / "tapes").iterdir())
    assert not Tape.objects.exists()


def test_only_what_lies_in_the_operators_folder_can_be_imported(places: Path) -> None:
    quiet_recording().write(places / "recorded" / "may")
    write_tape(places / "recorded" / "one.tape")
    (places / "recorded" / "notes").mkdir()
    assert jobs.importable() == ["may", "one.tape.zst"]
    for name in ("../tapes", "notes", "/etc", "", "may/.."):
        with pytest.raises(jobs.JobProblem, match="There is no recording or tape"):
            jobs.job_queue("recording", name, by=None)
    job = done(jobs.job_queue("recording", "may", by=None))
    assert (job.status, len(job.result["tapes"])) == ("done", 1)
    assert done(jobs.job_queue("tape", "one.tape.zst", by=None)).result["tape"] == "one"
    assert Tape.objects.count() == TapeSheet.objects.count() == 2


def test_verifying_finds_what_was_changed_and_says_when(places: Path) -> None:
    row = registered(places)
    assert done(jobs.job_queue("verify", "rising", by=None)).result == {"is_sound": True, "problem": ""}
    data = Path(row.path).read_bytes()
    Path(row.path).write_bytes(data[:-40])
    job = done(jobs.job_queue("verify", "rising", by=None))
    assert job.result["is_sound"] is False
    assert TapeSheet.objects.get(tape=row).problem == job.result["problem"] != ""


def test_exports_hold_the_same_events(places: Path) -> None:
    row = registered(places)
    job = done(jobs.job_queue("parquet", "rising", by=None))
    with jobs.artefacts().open(job.artefact) as file, zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        with archive.open("SpotPrice.parquet") as table:
            assert pq.read_table(table).num_rows == job.result["rows"]["SpotPrice"]
    assert "MarketListed.parquet" in names
    whole = done(jobs.job_queue("whole", "rising", by=None))
    with jobs.artefacts().open(whole.artefact) as file:
        assert file.read() == Path(row.path).read_bytes()


def test_a_recording_in_parts_is_exported_as_one_tape(places: Path) -> None:
    recorder = Recorder(places / "tapes", HEADER, part_bytes=20_000)
    events = list(told(2_000))
    for event in events:
        recorder.append(event)
    path = recorder.close()
    assert len(list((places / "tapes").glob("*.zst"))) > 1
    row = tape_register(path)
    job = done(jobs.job_queue("whole", row.name, by=None))
    target = places / "whole.tape.zst"
    with jobs.artefacts().open(job.artefact) as file:
        target.write_bytes(file.read())
    assert list(read_tape(target, MarketEvent)) == events


def test_keeping_and_releasing(places: Path) -> None:
    registered(places)
    done(jobs.job_queue("keep", "rising", by=None))
    assert kept_names(places / "tapes") == {"rising"}
    done(jobs.job_queue("release", "rising", by=None))
    assert kept_names(places / "tapes") == set()


def test_what_is_unknown_or_already_asked_for_is_refused(places: Path) -> None:
    registered(places)
    with pytest.raises(jobs.JobProblem, match="There is no tape 'other'"):
        jobs.job_queue("verify", "other", by=None)
    with pytest.raises(jobs.JobProblem, match="cannot be done"):
        jobs.job_queue("burn", "rising", by=None)
    first = jobs.job_queue("verify", "rising", by=None)
    with pytest.raises(jobs.JobProblem, match="already being worked on"):
        jobs.job_queue("verify", "rising", by=None)
    assert done(first).is_over
    assert not job_execute(first.pk)  # handed out twice, it is done once


def test_what_a_tape_covers_is_looked_at_once_and_again_when_it_changes(places: Path) -> None:
    row = registered(places)
    assert list(tapes_unlooked()) == [row]
    first = tape_coverage(row)
    assert [window.result for window in first.windows] == ["yes"]
    assert not tapes_unlooked()
    Tape.objects.filter(pk=row.pk).update(sha256="0" * 64)
    assert list(tapes_unlooked()) == [row]
