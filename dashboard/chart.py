"""The picture of one market: fair value against bid and ask over the quarter hour, as SVG paths."""

from typing import Any, NamedTuple

from django.db.models import QuerySet

from trading.models import Signal

WIDTH, HEIGHT = 900, 220
MOST_POINTS = 900
PRICES = 10_000


class Chart(NamedTuple):
    """Paths in a box of WIDTH x HEIGHT; empty strings where nothing is known."""

    fair: str
    bid: str
    ask: str
    first_ns: int
    last_ns: int
    width: int = WIDTH
    height: int = HEIGHT
    middle: int = HEIGHT // 2


def of_signals(signals: QuerySet[Signal]) -> Chart | None:
    """None with fewer than two moments. The latest MOST_POINTS signals are drawn."""
    newest = signals.values_list("event_ns", "fair", "bid", "ask")[:MOST_POINTS]
    rows = sorted(newest)
    if len(rows) < 2 or rows[0][0] == rows[-1][0]:
        return None
    first, last = rows[0][0], rows[-1][0]

    def points(column: int, scale: float, empty: Any) -> list[tuple[float, float] | None]:
        return [_point(row[0], row[column], (first, last), scale, empty) for row in rows]

    return Chart(
        fair=_path(points(1, 1.0, None)), bid=_path(points(2, PRICES, 0)), ask=_path(points(3, PRICES, PRICES)),
        first_ns=first, last_ns=last,
    )  # fmt: skip


def _point(at: int, value: Any, span: tuple[int, int], scale: float, empty: Any) -> tuple[float, float] | None:
    if value is None or value == empty:
        return None
    x = (at - span[0]) / (span[1] - span[0]) * WIDTH
    return round(x, 1), round(HEIGHT - value / scale * HEIGHT, 1)


def _path(points: list[tuple[float, float] | None]) -> str:
    """Steps: a value holds until the next one; a gap lifts the pen."""
    parts: list[str] = []
    is_down = False
    for point in points:
        if point is not None:
            parts.append(f"H{point[0]}V{point[1]}" if is_down else f"M{point[0]} {point[1]}")
        is_down = point is not None
    return "".join(parts)
