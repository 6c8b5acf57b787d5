"""What a worker does for a TapeJob: imports, verifies, exports, keeps."""

import logging
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import zstandard
from django.conf import settings
from django.core.files.base import File

from markets.core.events import MarketEvent
from markets.jobs import SAFE_NAME, artefacts, job_claim, job_done, job_failed, job_note
from markets.models import Tape, TapeJob
from markets.recording.importing import import_run
from markets.recording.parquet import Recording, RecordingError
from markets.recording_rows import take_up
from markets.services import tape_register
from markets.sheets import tape_look, tape_verify
from markets.tape import PLAIN, SEALED, VERSION, TapeError, TapeHeader, TapeWriter, files_of, read_header
from markets.tapes.covering import MARKET_EVENTS
from markets.tapes.export import export_tape
from markets.tapes.parts import whole_rows
from markets.tapes.reading import BLOCK
from markets.tapes.room import keep

LONGEST_LINE = 64 * BLOCK
MOST_TIMES = 60  # a sealed tape that grows to more than that many times TAPE_UPLOAD_MAX_MB is no tape of ours
NOTE_EVERY = 100_000
Done = tuple[dict[str, Any], str]  # result, artefact

log = logging.getLogger(__name__)


def job_execute(job_id: int) -> bool:
    """Claim a job and do it; False when it is not ours. How it ended is in its row."""
    job = job_claim(job_id)
    if job is None:
        return False
    try:
        result, artefact = WORK[job.kind](job)
    except (TapeError, RecordingError) as error:
        job_failed(job, str(error))
    except Exception as error:
        log.exception("job %s failed", job_id)
        job_failed(job, f"An unexpected error ended it ({type(error).__name__}: {error}). The worker's log says where.")
    else:
        job_done(job, result, artefact)
    return True


def _recording(job: TapeJob) -> Done:
    """Each run of a recording as a tape, in the catalogue, looked at."""
    recording = Recording(Path(settings.RECORDED_DATA) / job.subject)
    runs = recording.runs()
    tapes, problems = [], []
    for number, run in enumerate(runs):
        job_note(job, number / len(runs), run)
        summary = import_run(recording, run, settings.TAPES_DIR)
        if summary.problem:
            problems.append(f"{run}: {summary.problem}")
            continue
        take_up(summary)
        tape_look(Tape.objects.get(name=summary.tape))
        tapes.append(summary.tape)
    return {"tapes": tapes, "left_out": problems}, ""


def _tape(job: TapeJob) -> Done:
    """A tape's file, uploaded or from the operator's folder, into the folder of tapes; never over one that is there."""
    with tempfile.TemporaryDirectory(dir=settings.BOT_HOME, prefix="import-") as folder:
        path = Path(folder) / job.subject
        _bring(job, path)
        job_note(job, 0.2, "reading it to its end")
        _refuse_bomb(path)
        header = read_header(path)
        if not SAFE_NAME.fullmatch(header.name):
            raise TapeError(f"The tape calls itself {header.name!r}; that is no name for a file. Make it again.")
        place = _place(header, path)
        shutil.move(path, place)
    try:
        row = tape_register(place)
    except TapeError:
        place.unlink(missing_ok=True)
        raise
    job_note(job, 0.6, "looking at what it covers")
    tape_look(row)
    problem = tape_verify(row)
    return {"tape": row.name, "events": row.events, "grade": row.grade, "problem": problem}, ""


def _bring(job: TapeJob, path: Path) -> None:
    if not job.upload:
        shutil.copyfile(Path(settings.RECORDED_DATA) / job.subject, path)
        return
    with artefacts().open(job.upload) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    artefacts().delete(job.upload)  # whatever comes of it


def _refuse_bomb(path: Path) -> None:
    """A small file can hold endless zeros: look at its size and the length of its lines before anything else."""
    most, size, since_line = MOST_TIMES * settings.TAPE_UPLOAD_MAX_MB * 1_000_000, 0, 0
    for block in _blocks(path):
        size += len(block)
        end = block.rfind(b"\n")
        since_line = since_line + len(block) if end < 0 else len(block) - end
        if size > most or since_line > LONGEST_LINE:
            raise TapeError(f"{path.name} is no tape of ours: it grows out of all bounds when it is read.")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        source = zstandard.ZstdDecompressor().stream_reader(file) if path.name.endswith(SEALED) else file
        try:
            while block := source.read(BLOCK):
                yield block
        except zstandard.ZstdError as error:
            raise TapeError(f"{path.name} is damaged ({error}); copy it again.") from error


def _place(header: TapeHeader, path: Path) -> Path:
    """Where the file of this tape belongs. Raises TapeError when there is one of that name."""
    if Tape.objects.filter(name=header.name).exists():
        raise TapeError(f"There is a tape {header.name!r} already; it is not overwritten.")
    suffix = SEALED if path.name.endswith(SEALED) else PLAIN
    part = f".p{header.part:04}" if header.part else ""
    place = Path(settings.TAPES_DIR) / f"{header.name}{part}{suffix}"
    if place.exists():
        raise TapeError(f"There is a file {place.name} already; `kalshi-bot tapes --register` takes it up.")
    return place


def _verify(job: TapeJob) -> Done:
    row = _row(job)
    job_note(job, 0.1, "reading it to its end")
    problem = tape_verify(row)
    if not problem:
        job_note(job, 0.7, "looking at what it covers")
        tape_look(row)
    return {"is_sound": not problem, "problem": problem}, ""


def _parquet(job: TapeJob) -> Done:
    """One file a kind of event, together in a zip."""
    with tempfile.TemporaryDirectory(dir=settings.BOT_HOME, prefix="export-") as folder:
        job_note(job, 0.1, "writing the tables")
        rows = export_tape(Path(_row(job).path), Path(folder) / "tables")
        job_note(job, 0.8, "packing them")
        packed = Path(folder) / "packed.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted((Path(folder) / "tables").glob("*.parquet")):
                archive.write(path, path.name)
        return {"rows": rows}, _kept(packed, f"{job.subject}-parquet-{job.pk}.zip")


def _whole(job: TapeJob) -> Done:
    """All parts as one sealed tape, of a session what it heard of the market; a tape of one file as it is."""
    row = _row(job)
    files = files_of(Path(row.path))
    if len(files) == 1 and files[0].name.endswith(SEALED):
        return {"events": row.events}, _kept(files[0], f"{job.subject}-{job.pk}{SEALED}")
    header = TapeHeader(VERSION, row.name, f"whole of {row.source}", row.grade, row.first_ns)
    with tempfile.TemporaryDirectory(dir=settings.BOT_HOME, prefix="export-") as folder:
        writer = TapeWriter(Path(folder) / f"{row.name}{PLAIN}", header)
        for number, event in enumerate(whole_rows(Path(row.path))):
            if event[0] in MARKET_EVENTS:
                writer.append(msgspec.convert(event, MarketEvent))
            if number % NOTE_EVERY == 0:
                job_note(job, number / max(row.events, 1), "writing the tape")
        return {"events": writer.events}, _kept(writer.close(), f"{job.subject}-{job.pk}{SEALED}")


def _keeping(job: TapeJob) -> Done:
    row = _row(job)
    is_kept = job.kind == TapeJob.Kind.KEEP
    keep(Path(row.path).parent, row.name, is_kept=is_kept)
    return {"is_kept": is_kept}, ""


def _row(job: TapeJob) -> Tape:
    row = Tape.objects.filter(name=job.subject).first()
    if row is None:
        raise TapeError(f"There is no tape {job.subject!r} in the catalogue any more.")
    return row


def _kept(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return artefacts().save(f"tapes/exports/{name}", File(file))


WORK: dict[str, Callable[[TapeJob], Done]] = {
    TapeJob.Kind.RECORDING: _recording,
    TapeJob.Kind.TAPE: _tape,
    TapeJob.Kind.VERIFY: _verify,
    TapeJob.Kind.PARQUET: _parquet,
    TapeJob.Kind.WHOLE: _whole,
    TapeJob.Kind.KEEP: _keeping,
    TapeJob.Kind.RELEASE: _keeping,
}
