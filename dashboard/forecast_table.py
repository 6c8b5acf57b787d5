"""The forecast record of one window as a table: times before the close by models, and how far each was off."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trading.core.forecasts import MARKS_S
from trading.forecast_rows import mid_of, outcome_of, squared_error
from trading.models import Forecast

MARKET = "mid"
COLUMNS = {
    MARKET: "Market",
    "digital": "N(d2)",
    "abm_avg": "abm",
    "gbm_avg": "gbm",
    "gbm_avg_t": "gbm t",
    "gbm_avg_mix": "gbm mix",
    "gbm_avg_emp": "gbm found",
    "fair": "Set model",
    "calibrated": "Calibrated",
    "pooled": "Pooled",
}


class Cell(NamedTuple):
    """A probability and, once the window has settled, its squared error; None where not known."""

    probability: float | None
    error: float | None


class Line(NamedTuple):
    """One time before the close; `cells` in the order of COLUMNS."""

    row: Forecast
    cells: list[Cell]


class Table(NamedTuple):
    """`means` are the errors' means over the times at which every column that ever spoke did; `outcome` 1 for YES, 0 for
    NO, None while nobody knows. `missed` are the times that nobody looked at in time."""

    columns: list[str]
    lines: list[Line]
    means: list[float | None]
    compared: int
    outcome: int | None
    missed: list[int]


def table_of(rows: Iterable[Forecast], result: str) -> Table | None:
    """The record of one window, the earliest time first; None where there is none."""
    outcome = outcome_of(result)
    lines = [Line(row, _cells(row, outcome)) for row in sorted(rows, key=lambda row: -row.seconds_left)]
    if not lines:
        return None
    made = {line.row.seconds_left for line in lines}
    missed = [mark for mark in MARKS_S if mark not in made and mark > lines[-1].row.seconds_left]
    means, compared = _means(lines)
    return Table(list(COLUMNS.values()), lines, means, compared, outcome, missed)


def _cells(row: Forecast, outcome: int | None) -> list[Cell]:
    market = None if row.book_age_ns is None else mid_of(row.bid, row.ask)
    said = [market if name == MARKET else getattr(row, name) for name in COLUMNS]
    return [Cell(each, squared_error(each, outcome)) for each in said]


def _means(lines: Sequence[Line]) -> tuple[list[float | None], int]:
    """Only what was said at the same times is compared."""
    errors = [[cell.error for cell in line.cells] for line in lines]
    spoke = [any(error is not None for error in column) for column in zip(*errors, strict=True)]
    alike = [row for row in errors if all(error is not None for error, is_in in zip(row, spoke, strict=True) if is_in)]
    if not alike or not any(spoke):
        return [None] * len(COLUMNS), 0
    return [_mean(column) for column in zip(*alike, strict=True)], len(alike)


def _mean(column: Sequence[float | None]) -> float | None:
    known = [each for each in column if each is not None]
    return sum(known) / len(known) if known else None
