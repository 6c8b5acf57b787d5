"""Whether the best setting stands on a plateau or alone: its neighbours, and the map of the objective over two settings."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

MOST_CELLS = 24  # of one side of a map: more values than that are put together
HALF = 0.5
ALIKE = 0.05  # of the best: neighbours that are as near to it carry it, however flat the rest is


class Tried(NamedTuple):
    """One trial: its number, the place of each of its values on its axis, what it came to (None: too little to say)."""

    number: int
    places: tuple[int, ...]
    objective: float | None


class Side(NamedTuple):
    """An axis: its name, its values as a person writes them, and whether they have an order."""

    name: str
    values: tuple[str, ...]
    is_ordered: bool


class Around(NamedTuple):
    """The neighbours of a trial, and their median; `is_lonely` where they do not carry it."""

    number: int
    neighbours: tuple[int, ...]
    objectives: tuple[float | None, ...]
    middle: float | None
    is_lonely: bool


class Cell(NamedTuple):
    """One field of a map: the median of its trials' objectives, and how many there were; None where it has no value."""

    x: int
    y: int
    value: float | None
    trials: int


class HeatMap(NamedTuple):
    """The objective over two settings, the median over all others. Fields are named by their values, low to high."""

    x: str
    y: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[Cell, ...]


def best_of(tried: Sequence[Tried]) -> Tried | None:
    """The largest objective; of equal ones the first tried. None where no trial has one."""
    rated = [each for each in tried if each.objective is not None]
    return max(rated, key=lambda each: (each.objective, -each.number), default=None)


def median_of(tried: Sequence[Tried]) -> Tried | None:
    """The trial in the middle of those that have an objective; the lower of two."""
    rated = sorted(
        (each for each in tried if each.objective is not None), key=lambda each: (each.objective or 0.0, each.number)
    )
    return rated[(len(rated) - 1) // 2] if rated else None


def around(sides: Sequence[Side], tried: Sequence[Tried], centre: Tried) -> Around:
    """The neighbours of a trial. On a grid those that differ in one setting by one step (of names: by any other name);
    where a search tried no such settings, the nearest of those it tried, two for each setting.

    It is lonely where the median of its neighbours is not even half as far above the median of all trials as it is
    itself, or where it makes something and they do not (but not where that median is within a twentieth of it); and where it has no neighbours at all among several trials."""
    near = _steps(sides, tried, centre) or _nearest(sides, tried, centre)
    values = [each.objective for each in near]
    known = sorted(value for value in values if value is not None)
    middle = median(known) if known else None
    return Around(
        centre.number,
        tuple(each.number for each in near),
        tuple(values),
        middle,
        _is_lonely(tried, centre, middle) if len(tried) > 1 else False,
    )


def steadiest(sides: Sequence[Side], tried: Sequence[Tried]) -> Tried | None:
    """The trial whose weakest of itself and its neighbours' median is largest: the middle of the best plateau. A
    neighbour that could not be judged, for it hardly traded, carries nothing: it counts as the worst of all. None where no trial
    has neighbours by one step."""
    worst = min((each.objective for each in tried if each.objective is not None), default=0.0)
    by_place = {each.places: each for each in tried}
    found: list[tuple[float, int, Tried]] = []
    for each in tried:
        near = _stepped(sides, by_place, each)
        if each.objective is not None and near:
            values = [worst if other.objective is None else other.objective for other in near]
            found.append((min(each.objective, median(values)), -each.number, each))
    return max(found)[2] if found else None


def heat_map(sides: Sequence[Side], tried: Sequence[Tried], x: str, y: str) -> HeatMap:
    """The map over the settings `x` (columns) and `y` (rows). Raises KeyError for a setting that was not tried."""
    at = {side.name: number for number, side in enumerate(sides)}
    across, down = sides[at[x]], sides[at[y]]
    wide, high = _bins(across), _bins(down)
    fields: dict[tuple[int, int], list[Tried]] = {}
    for each in tried:
        place = each.places[at[x]] // wide, each.places[at[y]] // high
        fields.setdefault(place, []).append(each)
    cells = []
    for (column, row), found in sorted(fields.items()):
        known = [each.objective for each in found if each.objective is not None]
        cells.append(Cell(column, row, median(known) if known else None, len(found)))
    return HeatMap(x, y, _labels(across, wide), _labels(down, high), tuple(cells))


def _is_lonely(tried: Sequence[Tried], centre: Tried, middle: float | None) -> bool:
    if centre.objective is None or middle is None:
        return True
    if abs(centre.objective - middle) <= ALIKE * abs(centre.objective):
        return False
    usual = median(each.objective for each in tried if each.objective is not None)
    half_way = usual + HALF * (centre.objective - usual)
    return middle < half_way or (centre.objective > 0.0 >= middle)


def _steps(sides: Sequence[Side], tried: Sequence[Tried], centre: Tried) -> list[Tried]:
    return _stepped(sides, {each.places: each for each in tried}, centre)


def _stepped(sides: Sequence[Side], by_place: dict[tuple[int, ...], Tried], centre: Tried) -> list[Tried]:
    found = []
    for at, side in enumerate(sides):
        here = centre.places[at]
        others = (here - 1, here + 1) if side.is_ordered else range(len(side.values))
        for other in others:
            place = (*centre.places[:at], other, *centre.places[at + 1 :])
            if other != here and place in by_place:
                found.append(by_place[place])
    return found


def _nearest(sides: Sequence[Side], tried: Sequence[Tried], centre: Tried) -> list[Tried]:
    """By the share of each axis that lies between; another name is as far as the whole axis."""

    def apart(each: Tried) -> float:
        far = 0.0
        for side, here, there in zip(sides, centre.places, each.places, strict=True):
            far += abs(here - there) / max(len(side.values) - 1, 1) if side.is_ordered else float(here != there)
        return far

    others = sorted(
        (each for each in tried if each.number != centre.number), key=lambda each: (apart(each), each.number)
    )
    return others[: 2 * len(sides)]


def _bins(side: Side) -> int:
    """How many values are put into one field; names never share one."""
    return -(-len(side.values) // MOST_CELLS) if side.is_ordered else 1


def _labels(side: Side, width: int) -> tuple[str, ...]:
    parts = [side.values[start : start + width] for start in range(0, len(side.values), width)]
    return tuple(part[0] if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts)
