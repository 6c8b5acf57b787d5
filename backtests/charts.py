"""The equity curve as an SVG drawing: steps, axes in dollars and UTC time, a description for who cannot see it."""

from datetime import UTC, datetime
from decimal import Decimal
from math import ceil, floor, log10
from typing import Any, TypeVar

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 1_000, 300  # of the curve's own box, which is stretched to the page; words are never stretched
TOP, BOTTOM = 8.0, 90.0  # percent of the picture: where the highest and the lowest line are
MOST_POINTS = 1_500
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
Point = tuple[int, float]
Number = TypeVar("Number", int, float)
STEPS_MS = (60_000, 300_000, 900_000, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS)


def equity_chart(equity: list[list[Any]]) -> SafeString:
    """`equity` is [unix ms, dollars as text] in order; returns one <svg>."""
    points = thinned([(int(at), float(Decimal(dollars))) for at, dollars in equity])
    if not points:
        return SafeString("")
    first_ms, last_ms = points[0][0], max(points[-1][0], points[0][0] + 1)
    ticks = money_ticks(min(value for _, value in points), max(value for _, value in points))
    low, high = ticks[0], ticks[-1]

    def x(at_ms: int) -> float:
        return (at_ms - first_ms) / (last_ms - first_ms)

    def y(value: float) -> float:
        return (high - value) / (high - low)

    start = y(points[0][1])
    curve = _steps([(x(at) * WIDTH, y(value) * HEIGHT) for at, value in points])
    parts = [_line("grid", y(value)) for value in ticks]
    parts.append(_line("start", start))
    parts.append(
        f'<svg y="{TOP}%" width="100%" height="{BOTTOM - TOP}%" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="none"><path class="curve" d="{curve}"/></svg>'
    )
    parts += [_money_label(value, y(value)) for value in ticks]
    times = [(at_ms, x(at_ms)) for at_ms in time_ticks(first_ms, last_ms)]
    parts += [_time_axis(at_ms, at, last_ms - first_ms, number) for number, (at_ms, at) in enumerate(times)]
    return format_html(
        '<svg class="equity" role="img" aria-labelledby="equity-title equity-desc">'
        '<title id="equity-title">Settled equity over time</title><desc id="equity-desc">{}</desc>{}</svg>',
        _description(points),
        mark_safe("".join(parts)),  # noqa: S308 - made of our own numbers above
    )


def thinned(points: list[tuple[int, Number]]) -> list[tuple[int, Number]]:
    """At most some 1,500 points: of each stretch its first, lowest and highest, so that no peak or fall is lost."""
    stretch = ceil(len(points) / (MOST_POINTS // 3))
    if stretch <= 3:
        return points
    kept: list[tuple[int, Number]] = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        chosen = {part[0], min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        kept += [point for point in dict.fromkeys(part) if point in chosen]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def money_ticks(low: float, high: float) -> list[float]:
    """Four to eight round values that enclose low and high."""
    span = max(high - low, abs(high) * 1e-4, 0.01)
    raw = span / 5
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first, last = floor(low / step), ceil(high / step)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def time_ticks(first_ms: int, last_ms: int) -> list[int]:
    """Round UTC times between the two, at most eight."""
    step = next((step for step in STEPS_MS if (last_ms - first_ms) / step <= 8), STEPS_MS[-1])
    while (last_ms - first_ms) / step > 8:
        step *= 2
    return list(range(-(-first_ms // step) * step, last_ms + 1, step))


def _down(share: float) -> float:
    """A height in the curve's box as percent of the picture."""
    return TOP + share * (BOTTOM - TOP)


def _line(kind: str, share: float) -> str:
    return f'<line class="{kind}" x1="0" x2="100%" y1="{_down(share):.2f}%" y2="{_down(share):.2f}%"/>'


def _money_label(value: float, share: float) -> str:
    label = escape(f"${value:,.2f}" if abs(value) < 100_000 and value % 1 else f"${value:,.0f}")
    return f'<text class="money" x="0" y="{_down(share):.2f}%" dy="-4">{label}</text>'


def _time_axis(at_ms: int, share: float, span_ms: int, number: int) -> str:
    """A mark and its time; two of three step aside on a narrow page, those at the edges stay inside."""
    at = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    label = f"{at:%b %d}" if span_ms > 8 * DAY_MS else f"{at:%b %d %H:%M}" if span_ms > DAY_MS else f"{at:%H:%M}"
    anchor = "start" if share < 0.12 else "end" if share > 0.88 else "middle"
    kind = "time odd" if number % 3 else "time"
    return (
        f'<line class="tick" x1="{share:.2%}" x2="{share:.2%}" y1="{BOTTOM}%" y2="{BOTTOM + 1.6:.1f}%"/>'
        f'<text class="{kind}" x="{share:.2%}" y="98%" text-anchor="{anchor}">{label}</text>'
    )


def _steps(points: list[tuple[float, float]]) -> str:
    """Equity stands still until the next fill or settlement: a staircase."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    path += [f"H{x:.1f}V{y:.1f}" for x, y in points[1:]]
    return "".join(path)


def _description(points: list[Point]) -> str:
    values = [value for _, value in points]
    first, last = (datetime.fromtimestamp(at / 1000, tz=UTC) for at in (points[0][0], points[-1][0]))
    return (
        f"From ${values[0]:,.2f} at {first:%Y-%m-%d %H:%M} UTC to ${values[-1]:,.2f} at {last:%Y-%m-%d %H:%M} UTC; "
        f"lowest ${min(values):,.2f}, highest ${max(values):,.2f}."
    )
