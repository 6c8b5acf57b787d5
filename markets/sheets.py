"""The only writer of TapeSheet: look at what a tape covers, verify it, and remember both by its fingerprint."""

from pathlib import Path

import msgspec
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from markets.census import TapeCount, tape_count
from markets.core.coverage import Coverage
from markets.models import Tape, TapeSheet
from markets.tape import TapeError
from markets.tapes.covering import coverage_of_tape
from markets.tapes.verifying import inconsistency


def tape_coverage(row: Tape) -> Coverage:
    """What a tape of the catalogue covers: as it was looked at, or looked at now and kept. Raises TapeError."""
    sheet = TapeSheet.objects.filter(tape=row).first()
    if sheet is not None and sheet.sha256 == row.sha256:
        return sheet.coverage()
    return tape_look(row).coverage()


def tape_look(row: Tape) -> TapeSheet:
    """Read a tape of the catalogue and write down what it covers. Raises TapeError."""
    coverage = coverage_of_tape(Path(row.path))
    values = {
        "sha256": row.sha256,
        "assets": _words(coverage.assets),
        "feeds": _words(coverage.feeds),
        "windows": len(coverage.windows),
        "whole_windows": sum(not window.holes() for window in coverage.windows),
        "coverage_json": msgspec.to_builtins(coverage),
        "looked_at": timezone.now(),
    }
    return TapeSheet.objects.update_or_create(tape=row, defaults=values)[0]


def tape_verify(row: Tape) -> str:
    """Read a tape to its end and keep the verdict: what is wrong with it, empty when it is sound."""
    problem = tape_problem(row)
    values = {"verified_sha256": row.sha256, "verified_at": timezone.now(), "problem": problem}
    TapeSheet.objects.update_or_create(tape=row, defaults=values)
    return problem


def tapes_unlooked() -> QuerySet[Tape]:
    """Tapes that nobody has looked at as they are now."""
    fresh = Q(sheet__sha256=F("sha256"))
    return Tape.objects.exclude(pk__in=Tape.objects.filter(fresh).values("pk")).order_by("first_ns", "name")


def tape_problem(row: Tape) -> str:
    """Why the files are not what the catalogue says; empty if they are."""
    path = Path(row.path)
    if not path.is_file():
        return f"{path} is gone"
    try:
        count = tape_count(path)
        known = {file["file"] for file in row.files}  # of one that is being recorded the last part is not known yet
        count = TapeCount(count.header, [file for file in count.files if not known or file.file in known])
        if count.sha256 != row.sha256:
            return f"{path} is not the file that was registered: its fingerprint differs"
        if (count.events, count.first_ns, count.last_ns) != (row.events, row.first_ns, row.last_ns):
            return f"{path} holds other events than were registered"
        return inconsistency(path)
    except TapeError as error:
        return str(error)


def _words(names: tuple[str, ...]) -> str:
    """("BTC", "ETH") -> " BTC ETH ", so that one can be searched for."""
    return f" {' '.join(names)} " if names else ""
