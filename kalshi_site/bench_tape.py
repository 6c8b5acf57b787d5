"""Which tape to measure on: the one that is named, the largest recorded one, or one made for the purpose."""

from itertools import islice
from pathlib import Path

from django.conf import settings

from markets.recording.importing import import_run
from markets.recording.parquet import Recording, RecordingError
from markets.tape import VERSION, TapeHeader, TapeWriter, read_header
from trading.playback import INVENTED, SESSION
from trading.simulator.world import EPOCH_NS, DemoWorld

DEMO_EVENTS = 150_000
RECORDING, RUN = "kalshi_ws_btc15m_2026-05", "20260513T215131Z-c50bb572"  # a book throughout, every spot trade


def bench_tape(folder: Path) -> tuple[Path, str]:
    """A tape (made in `folder` where there is none yet), and what it is in words."""
    recorded = _recorded()
    if recorded:
        return recorded, f"{recorded.name} (recorded)"
    try:
        run = import_run(Recording(settings.RECORDED_DATA / RECORDING), RUN, folder)
        return Path(run.path), f"{run.tape} (recorded, imported for this)"
    except (RecordingError, OSError):
        return demo_tape(folder), f"the demo market, {DEMO_EVENTS:,} events (no recorded data here)"


def demo_tape(folder: Path) -> Path:
    """Some of the demo market as a tape."""
    writer = TapeWriter(folder / "demo.tape", TapeHeader(VERSION, "demo", "demo", INVENTED, 0))
    for event in islice(DemoWorld(settings.DEMO_SEED).events(EPOCH_NS), DEMO_EVENTS):
        writer.append(event)
    return writer.close()


def _recorded() -> Path | None:
    """The largest complete recording among the tapes, or the largest of all."""
    headers = {path: read_header(path) for path in Path(settings.TAPES_DIR).glob("*.tape.zst")}
    found = [path for path, header in headers.items() if header.grade != INVENTED and header.source != SESSION]
    complete = [path for path in found if headers[path].grade == "A"]
    return max(complete or found, key=lambda path: path.stat().st_size, default=None)
