"""Which tapes a run is made of: by catalogue name, by file, or all of them; in order of time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from django.db import OperationalError, ProgrammingError
from django.db.models import QuerySet

from backtests.knobs import InputError
from markets.core.units import SECOND_NS
from markets.models import Tape
from markets.tape import TapeError, read_header
from trading.playback import INVENTED, SESSION, market_events

ALL = "all"


@dataclass(frozen=True)
class Reel:
    """One tape to play. `events` is None when nobody has counted them."""

    name: str
    path: Path
    source: str
    grade: str
    first_ns: int
    events: int | None = None
    last_ns: int = 0  # 0 when nobody has looked

    @property
    def is_simulated(self) -> bool:
        """Whether its market was invented."""
        return self.grade == INVENTED


def reels_find(
    names: Iterable[str], *, since: date | None = None, until: date | None = None, files: bool = False
) -> list[Reel]:
    """The tapes meant by `names`, each once, by their first event; those that begin outside the days (UTC, both
    included) left out. A path is only a name where `files` says so: nobody may point a web server at its disk.
    Raises InputError when one is unknown or unreadable, or none is left."""
    wanted = list(dict.fromkeys(names))
    if not wanted:
        raise InputError({"tapes": "Choose a tape."})
    found: dict[str, Reel] = {}
    for name in wanted:
        for reel in _catalogue() if name == ALL else [_reel(name, files=files)]:
            found.setdefault(reel.name, reel)
    if not found:
        raise InputError({"tapes": "There is no recording to play; import one, or name the tape of a demo market."})
    kept = [reel for reel in found.values() if _begins_within(reel, since, until)]
    if not kept:
        raise InputError({"date_from": "No chosen tape begins between these dates."})
    return sorted(kept, key=lambda reel: (reel.first_ns, reel.name))


def recorded() -> QuerySet[Tape]:
    """What "all" means: recordings of the real market. Sessions hold the same market again, and what is invented
    must not be added to what was."""
    return Tape.objects.exclude(source=SESSION).exclude(grade=INVENTED).order_by("first_ns", "name")


def playable() -> QuerySet[Tape]:
    """Every tape but those of sessions on the demo market: their quotes are left to the seed."""
    return Tape.objects.exclude(source=SESSION, grade=INVENTED).order_by("first_ns", "name")


def _catalogue() -> list[Reel]:
    try:
        return [_of_row(row) for row in recorded()]
    except (OperationalError, ProgrammingError):
        return []


def _reel(name: str, *, files: bool) -> Reel:
    if files and Path(name).is_file():
        return _of_file(Path(name))
    row = _row(name)
    if row is None:
        where = ", neither in the catalogue nor as a file" if files else " in the catalogue"
        raise InputError({"tapes": f"There is no tape {name!r}{where}."})
    return _of_row(row)


def _row(name: str) -> Tape | None:
    """The catalogue's row. A file can be played before there is a catalogue: a database without tables has none."""
    try:
        return Tape.objects.filter(name=name).first()
    except (OperationalError, ProgrammingError):
        return None


def _of_row(row: Tape) -> Reel:
    path = Path(row.path)
    if not path.is_file():
        raise InputError({"tapes": f"The file of tape {row.name!r} is gone."})
    _refuse_bare(row.name, row.source, row.grade)
    return Reel(row.name, path, row.source, row.grade, row.first_ns, row.events, row.last_ns)


def _of_file(path: Path) -> Reel:
    try:
        header = read_header(path)
        first = next(market_events(path), None)
    except (TapeError, OSError, UnicodeDecodeError) as error:
        raise InputError({"tapes": _sentence(error)}) from None
    if first is None:
        raise InputError({"tapes": f"{path.name} holds no events."})
    _refuse_bare(header.name, header.source, header.grade)
    row = _row(header.name)
    if row is None or row.first_ns != first.received_ns:
        return Reel(header.name, path, header.source, header.grade, first.received_ns)
    return Reel(header.name, path, header.source, header.grade, first.received_ns, row.events, row.last_ns)


def _refuse_bare(name: str, source: str, grade: str) -> None:
    if source == SESSION and grade == INVENTED:
        words = "is a session on the demo market and holds no quotes; `kalshi-bot demo-tape` writes a tape that does"
        raise InputError({"tapes": f"{name!r} {words}."})


def _begins_within(reel: Reel, since: date | None, until: date | None) -> bool:
    day = datetime.fromtimestamp(reel.first_ns // SECOND_NS, tz=UTC).date()
    return (since is None or day >= since) and (until is None or day <= until)


def _sentence(error: Exception) -> str:
    text = str(error).strip()
    return text if text.endswith(".") else f"{text}."
