"""Which tapes the engines are measured on side by side: those that are named, the recorded ones, or a demo market's."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from backtests.peers.day import Day, busiest_day
from backtests.shelf import Reel, reels_find
from kalshi_site.bench_tape import RECORDING, demo_tape
from markets.recording.importing import import_run
from markets.recording.parquet import Recording, RecordingError
from markets.tape import read_header
from trading.playback import INVENTED, SESSION

DAY = "20260513"  # of the recording: a book nearly throughout, every spot trade


def bench_day(named: Sequence[str], folder: Path) -> Day:
    """The busiest day of the named tapes; of the recorded ones that lie in TAPES_DIR; of the recording in RECORDED_DATA,
    imported into `folder`; else an hour of the demo market, and it says so. Raises InputError for a tape that is not there."""
    if named:
        return busiest_day(reels_find(named, files=True))
    return busiest_day(_of_files(_recorded(Path(settings.TAPES_DIR)) or _imported(folder) or [_demo(folder)]))


def _recorded(folder: Path) -> list[Path]:
    headers = {path: read_header(path) for path in sorted(folder.glob("*.tape.zst"))}
    return [path for path, header in headers.items() if header.grade != INVENTED and header.source != SESSION]


def _imported(folder: Path) -> list[Path]:
    """One day of the recording as tapes; made once."""
    place = folder / "tapes"
    if (place / "done").is_file():
        return _recorded(place)
    try:
        recording = Recording(settings.RECORDED_DATA / RECORDING)
        runs = [run for run in recording.runs() if run.startswith(DAY)]
        place.mkdir(parents=True, exist_ok=True)
        for run in runs:
            import_run(recording, run, place)
    except (RecordingError, OSError):
        return []
    (place / "done").touch()
    return _recorded(place)


def _demo(folder: Path) -> Path:
    place = folder / "demo"
    place.mkdir(parents=True, exist_ok=True)
    made = place / "demo.tape.zst"
    return made if made.is_file() else demo_tape(place)


def _of_files(paths: Sequence[Path]) -> list[Reel]:
    return reels_find([str(path) for path in paths], files=True)
