"""Equity and drawdown as SVG drawings, each with a description for who cannot see it."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

from django.utils.safestring import SafeString

from backtests.charts_frame import (
    Point,
    area,
    curve,
    frame_of,
    grid,
    moment,
    money_ticks,
    money_words,
    picture,
    thinned,
    time_ticks,
)

__all__ = ["drawdown_chart", "equity_chart", "money_ticks", "thinned", "time_ticks"]
Rows = Sequence[Sequence[Any]]
Row = TypeVar("Row", tuple[int, float], tuple[int, float, float])
APART_MS = 1_800_000


def equity_chart(equity: Rows, band: Rows = (), marked: Rows = ()) -> SafeString:
    """`equity` is [unix ms, dollars as text] in order; `band` [ms, low, high] is where 95 % of the resampled curves are, `marked`
    [ms, low, high, last] the equity at the market's middle. Returns one <svg>."""
    points = _points(equity)
    if not points:
        return SafeString("")
    spread = [(int(at), float(low), float(high)) for at, low, high in band]
    worth = [(int(at), float(Decimal(low)), float(Decimal(high))) for at, low, high, _ in marked]
    values = [value for _, value in points] + [value for _, *both in (*spread, *worth) for value in both]
    ticks = money_ticks(min(values), max(values))
    frame = frame_of([at for at, _ in points], ticks[0], ticks[-1])
    curves = [
        area("band", frame, *_sides(_from(points[0], spread))),
        "".join(area("marked", frame, *_sides(part)) for part in _stretches(worth)),
        curve("curve", frame, points, steps=True),
    ]
    start = grid("start", frame.y(points[0][1]))
    words = ("Settled equity over time", _equity_words(points, spread, worth))
    return picture("equity-curve", words, frame, "".join(curves), start, ticks=ticks, label=money_words)


def drawdown_chart(equity: Rows, marked: Rows = ()) -> SafeString:
    """How far equity is below its peak, in percent of the peak: settled, and marked at the market's middle. "" without any."""
    settled = _below(_points(equity))
    if not settled:
        return SafeString("")
    worth = _below_marked(float(Decimal(equity[0][1])), marked)
    lowest = min(value for _, value in (*settled, *worth))
    ticks = money_ticks(min(lowest, -0.01), 0.0)
    frame = frame_of([at for at, _ in settled], ticks[0], 0.0)
    none = [(at, 0.0) for at, _ in settled]
    curves = area("fall", frame, _stairs(settled), none) + "".join(
        curve("marked-line", frame, part, steps=True) for part in _stretches(worth)
    )
    words = (
        "Drawdown over time",
        f"The settled equity is at most {-min(value for _, value in settled):.2f} % below its peak"
        + (f", the marked one {-min(value for _, value in worth):.2f} %." if worth else "."),
    )
    return picture("drawdown", words, frame, curves, ticks=ticks, label=lambda value: f"{value:g} %")


def _points(equity: Rows) -> list[Point]:
    return thinned([(int(at), float(Decimal(dollars))) for at, dollars in equity])


def _from(start: Point, spread: list[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """The band begins where the curve does: before the first close nothing is open to chance."""
    return [(start[0], start[1], start[1]), *spread] if spread else []


def _sides(spread: list[tuple[int, float, float]]) -> tuple[list[Point], list[Point]]:
    return [(at, low) for at, low, _ in spread], [(at, high) for at, _, high in spread]


def _stretches(worth: Sequence[Row]) -> list[list[Row]]:
    """Marked points that belong together: nothing is drawn across hours in which nothing was held."""
    parts: list[list[Row]] = []
    for row in worth:
        if parts and row[0] - parts[-1][-1][0] <= APART_MS:
            parts[-1].append(row)
        else:
            parts.append([row])
    return parts


def _below(points: Sequence[Point]) -> list[Point]:
    peak, found = float("-inf"), []
    for at, value in points:
        peak = max(peak, value)
        found.append((at, 100.0 * (value - peak) / peak if peak > 0 else 0.0))
    return found


def _below_marked(start: float, marked: Rows) -> list[Point]:
    """Of each stretch its lowest against the peak before it."""
    peak, found = start, []
    for at, low, high, _ in marked:
        found.append((int(at), min(100.0 * (float(Decimal(low)) - peak) / peak, 0.0) if peak > 0 else 0.0))
        peak = max(peak, float(Decimal(high)))
    return found


def _stairs(points: list[Point]) -> list[Point]:
    """The corners of a staircase through these."""
    corners = points[:1]
    for before, after in pairwise(points):
        corners += [(after[0], before[1]), after]
    return corners


def _equity_words(points: list[Point], band: Sequence[Any], marked: Sequence[Any]) -> str:
    values = [value for _, value in points]
    words = (
        f"From ${values[0]:,.2f} at {moment(points[0][0])} UTC to ${values[-1]:,.2f} at {moment(points[-1][0])} UTC; "
        f"lowest ${min(values):,.2f}, highest ${max(values):,.2f}."
    )
    if band:
        words += f" 95 % of the resampled curves end between ${band[-1][1]:,.2f} and ${band[-1][2]:,.2f}."
    if marked:
        words += f" At the market's middle it was between ${min(row[1] for row in marked):,.2f} and ${max(row[2] for row in marked):,.2f}."
    return words
