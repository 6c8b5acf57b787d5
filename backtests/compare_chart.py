"""What several runs made over time in one SVG drawing: each its own colour and dash, named beside the picture."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.safestring import SafeString

from backtests.charts_frame import Frame, Point, curve, grid, money_ticks, picture, thinned

MINUS = "\N{MINUS SIGN}"


def equities_chart(runs: Sequence[tuple[str, Sequence[Sequence[Any]]]]) -> SafeString:
    """`runs` are names with [unix ms, equity in dollars as text, ...] in order; drawn is what was made: equity less what it
    was at the start, so that runs with different capital can be held side by side. Returns one <svg>."""
    lines = [(name, _made(points)) for name, points in runs if points]
    if not lines:
        return SafeString("")
    first = min(points[0][0] for _, points in lines)
    last = max(*(points[-1][0] for _, points in lines), first + 1)
    values = [value for _, points in lines for _, value in points]
    ticks = money_ticks(min(values), max(values))
    frame = Frame(first, last, ticks[0], ticks[-1])
    curves = "".join(
        curve(f"curve run-{number}", frame, points, steps=True) for number, (_, points) in enumerate(lines)
    )
    said = " ".join(f"{name}: {_signed(points[-1][1])} at the end." for name, points in lines)
    words = ("What each run made over time", said)
    return picture("several", words, frame, curves, grid("start", frame.y(0.0)), ticks=ticks, label=_axis)


def _made(points: Sequence[Sequence[Any]]) -> list[Point]:
    begun = Decimal(points[0][1])
    return thinned([(int(point[0]), float(Decimal(point[1]) - begun)) for point in points])


def _signed(value: float) -> str:
    return f"{MINUS if value < 0 else '+'}${abs(value):,.2f}"


def _axis(value: float) -> str:
    sign = MINUS if value < 0 else ""
    return f"{sign}${abs(value):,.2f}" if value % 1 else f"{sign}${abs(value):,.0f}"
