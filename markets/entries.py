"""The catalogue as people look for things in it: tapes and downloaded tables, filtered; and what each day has of each coin."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.db.models import F, QuerySet

from markets.core.units import DAY_NS, SECOND_NS
from markets.grades import meaning
from markets.models import Tape, TapeSheet
from markets.tapes.room import kept_names

DOWNLOAD = "download "
TABLES = "tables"


class Wanted(NamedTuple):
    """What the catalogue is asked for; "" and None are anything. `state`: verified, unverified, damaged, kept."""

    asset: str = ""
    feed: str = ""
    grade: str = ""
    origin: str = ""
    state: str = ""
    since: date | None = None
    until: date | None = None


class Table(msgspec.Struct):
    """A downloaded table, as its own schema describes it."""

    name: str
    kind: str
    source: str
    request: str
    grade: str
    units: str
    first_ns: int
    last_ns: int
    rows: int
    size_bytes: int
    columns: list[str]
    counts: dict[str, Any]


class DayOfAsset(NamedTuple):
    """How much of a UTC day has a fresh price of a coin, and how much a book that can be believed of its markets."""

    day: int  # since 1970
    asset: str
    spot_s: float
    book_s: float
    grade: str  # the best of its tapes


def tapes_wanted(wanted: Wanted) -> QuerySet[Tape]:
    """The tapes, newest first, each with its sheet."""
    rows = Tape.objects.select_related("sheet").order_by("-first_ns", "name")
    if wanted.asset:
        rows = rows.filter(sheet__assets__contains=f" {wanted.asset} ")
    if wanted.feed:
        rows = rows.filter(sheet__feeds__contains=f" {wanted.feed} ")
    if wanted.grade:
        rows = rows.filter(grade="" if wanted.grade == "none" else wanted.grade)
    if wanted.since:
        rows = rows.filter(last_ns__gte=_start_ns(wanted.since))
    if wanted.until:
        rows = rows.filter(first_ns__lt=_start_ns(wanted.until) + DAY_NS)
    return _of_state(_of_origin(rows, wanted.origin), wanted.state)


def _of_origin(rows: QuerySet[Tape], origin: str) -> QuerySet[Tape]:
    if origin == "downloaded":
        return rows.filter(source__startswith=DOWNLOAD)
    if origin in ("session", "recorder"):
        return rows.filter(source=origin)
    if origin == "invented":
        return rows.filter(grade="invented")
    if origin == "recorded":
        return rows.exclude(source__startswith=DOWNLOAD).exclude(source="session").exclude(grade="invented")
    return rows


def _of_state(rows: QuerySet[Tape], state: str) -> QuerySet[Tape]:
    if state == "damaged":
        return rows.exclude(sheet__problem="").filter(sheet__isnull=False)
    if state == "verified":
        return rows.filter(sheet__problem="", sheet__verified_sha256=F("sha256"))
    if state == "unverified":
        return rows.exclude(pk__in=rows.filter(sheet__verified_sha256=F("sha256")).values("pk"))
    if state == "kept":
        return rows.filter(name__in=kept_names(Path(settings.TAPES_DIR)))
    return rows


def fingerprint_state(row: Tape, sheet: TapeSheet | None) -> str:
    """Whether its files were verified, in words."""
    if sheet is None or sheet.verified_at is None:
        return "never verified"
    when = f"{sheet.verified_at:%Y-%m-%d %H:%M}"
    if sheet.verified_sha256 != row.sha256:
        return f"changed since it was verified on {when}"
    return f"not sound ({when}): {sheet.problem}" if sheet.problem else f"verified {when}"


def sheet_of(row: Tape) -> TapeSheet | None:
    """Its sheet, None when nobody has looked."""
    try:
        return row.sheet
    except TapeSheet.DoesNotExist:
        return None


def names_known() -> tuple[list[str], list[str]]:
    """All coins and feeds of the catalogue."""
    assets: set[str] = set()
    feeds: set[str] = set()
    for row in TapeSheet.objects.values_list("assets", "feeds").distinct():
        assets.update(row[0].split())
        feeds.update(row[1].split())
    return sorted(assets), sorted(feeds)


def tables() -> list[Table]:
    """What was downloaded as tables, by name. A file that is none is left out."""
    folder = Path(settings.BOT_HOME) / TABLES
    found = (_table(path) for path in sorted(folder.glob("*.parquet")))
    return [table for table in found if table is not None]


def _table(path: Path) -> Table | None:
    try:
        file = pq.ParquetFile(path)
        told = {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}
        return Table(
            path.stem, told.get("kind", ""), told.get("source", ""), told.get("request", ""), told.get("grade", ""),
            told.get("units", ""), int(told.get("first_ns", 0)), int(told.get("last_ns", 0)), file.metadata.num_rows,
            path.stat().st_size, file.schema_arrow.names, msgspec.json.decode(told.get("counts", "{}")),
        )  # fmt: skip
    except (OSError, pa.ArrowException, ValueError, msgspec.DecodeError):
        return None


def days_of_assets(rows: Iterable[Tape]) -> list[DayOfAsset]:
    """By day and coin, over these tapes; where two tapes have the same time it is counted once for prices."""
    spot: dict[tuple[int, str], list[tuple[int, int]]] = {}
    book: dict[tuple[int, str], int] = {}
    grades: dict[tuple[int, str], str] = {}
    for row in rows:
        sheet = sheet_of(row)
        if sheet is None or not sheet.coverage_json:
            continue
        coverage = sheet.coverage()
        for asset, spans in coverage.spot.items():
            for begin, end in spans:
                for day in range(begin // DAY_NS, end // DAY_NS + 1):
                    span = max(begin, day * DAY_NS), min(end, (day + 1) * DAY_NS)
                    spot.setdefault((day, asset), []).append(span)
                    _better(grades, (day, asset), row.grade)
        for window in coverage.windows:
            key = window.open_ns // DAY_NS, window.asset
            book[key] = book.get(key, 0) + window.book_ns
            _better(grades, key, row.grade)
    return [
        DayOfAsset(*key, length_ns(spot.get(key, ())) / SECOND_NS, min(book.get(key, 0), DAY_NS) / SECOND_NS, grade)
        for key, grade in sorted(grades.items())
    ]


def length_ns(spans: Iterable[tuple[int, int]]) -> int:
    """Of all spans together, what they share counted once."""
    total, until = 0, 0
    for begin, end in sorted(spans):
        total += max(0, end - max(begin, until))
        until = max(until, end)
    return total


def _better(grades: dict[tuple[int, str], str], key: tuple[int, str], grade: str) -> None:
    order = ("A", "B", "", "C", "invented")
    known = grades.get(key)
    if known is None or (grade in order and known in order and order.index(grade) < order.index(known)):
        grades[key] = grade


def _start_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND_NS


def entry_json(row: Tape) -> dict[str, Any]:
    """What the API and a page say of a tape, without its gaps and windows."""
    sheet = sheet_of(row)
    is_looked = sheet is not None and sheet.sha256 == row.sha256
    return {
        "assets": sheet.assets.split() if sheet else None,
        "feeds": sheet.feeds.split() if sheet else None,
        "windows": sheet.windows if sheet else None,
        "whole_windows": sheet.whole_windows if sheet else None,
        "is_looked_at": is_looked,
        "grade_means": meaning(row.grade),
        "parts": row.parts,
        "is_cut": row.is_cut,
        "is_kept": row.name in kept_names(Path(row.path).parent),
        "fingerprint": fingerprint_state(row, sheet),
        "is_sound": None if sheet is None or sheet.verified_sha256 != row.sha256 else not sheet.problem,
    }
