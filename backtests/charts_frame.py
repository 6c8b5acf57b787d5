"""The frame of a drawing over time: axes in round values, curves in a box that is stretched to the page, words that are not."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import ceil, floor, log10
from typing import NamedTuple, TypeVar

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 1_000, 300  # of the curve's own box, which is stretched to the page; words are never stretched
TOP, BOTTOM = 8.0, 90.0  # percent of the picture: where the highest and the lowest line are
MOST_POINTS = 1_500
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
Point = tuple[int, float]
Number = TypeVar("Number", int, float)
STEPS_MS = (60_000, 300_000, 900_000, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS)


class Frame(NamedTuple):
    """From when to when (unix ms), and between which values."""

    first_ms: int
    last_ms: int
    low: float
    high: float

    def x(self, at_ms: float) -> float:
        """A time as a share of the width."""
        return min(max((at_ms - self.first_ms) / (self.last_ms - self.first_ms), 0.0), 1.0)

    def y(self, value: float) -> float:
        """A value as a share of the height, from above."""
        return (self.high - value) / (self.high - self.low)

    def place(self, point: Point) -> tuple[float, float]:
        """A point in the curve's box."""
        return self.x(point[0]) * WIDTH, self.y(point[1]) * HEIGHT


def frame_of(times_ms: Sequence[int], low: float, high: float) -> Frame:
    """The frame around these."""
    return Frame(times_ms[0], max(times_ms[-1], times_ms[0] + 1), low, high)


def picture(
    name: str, words: tuple[str, str], frame: Frame, curves: str, marks: str = "", *, ticks: Sequence[float],
    label: Callable[[float], str],
) -> SafeString:  # fmt: skip
    """One <svg class="equity NAME">. `words` are its title and its description, `curves` stand in the stretched box, `marks` in
    the picture itself, in percent (`down` tells how far)."""
    parts = [grid("grid", frame.y(value)) for value in ticks]
    parts.append(
        f'<svg y="{TOP}%" width="100%" height="{BOTTOM - TOP}%" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="none">{curves}</svg>'
    )
    parts += [_value_label(label(value), frame.y(value)) for value in ticks]
    times = [(at_ms, frame.x(at_ms)) for at_ms in time_ticks(frame.first_ms, frame.last_ms)]
    span = frame.last_ms - frame.first_ms
    parts += [_time_axis(at_ms, at, span, number) for number, (at_ms, at) in enumerate(times)]
    parts.append(marks)
    return format_html(
        '<svg class="equity {}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>',
        name, name, name, name, words[0], name, words[1], mark_safe("".join(parts)),  # noqa: S308 - our own numbers
    )  # fmt: skip


def curve(kind: str, frame: Frame, points: Sequence[Point], *, steps: bool = False) -> str:
    """A line through points; `steps` where a value stands still until the next."""
    return f'<path class="{kind}" d="{_path(frame, points, steps)}"/>' if points else ""


def area(kind: str, frame: Frame, low: Sequence[Point], high: Sequence[Point]) -> str:
    """What is between two lines."""
    if not low:
        return ""
    back = "".join(f"L{x:.1f} {y:.1f}" for x, y in map(frame.place, reversed(low)))
    return f'<path class="{kind}" d="{_path(frame, high, False)}{back}Z"/>'


def thinned(points: list[tuple[int, Number]]) -> list[tuple[int, Number]]:
    """At most some 1,500 points: of each stretch its first, lowest and highest, so that no peak or fall is lost."""
    stretch = ceil(len(points) / (MOST_POINTS // 3))
    if stretch <= 3:
        return points
    kept: list[tuple[int, Number]] = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        chosen: set[tuple[int, Number]] = {
            part[0],
            min(part, key=lambda point: point[1]),
            max(part, key=lambda point: point[1]),
        }
        kept += [point for point in dict.fromkeys(part) if point in chosen]
    if kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


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


def down(share: float) -> float:
    """A height in the curve's box as percent of the picture."""
    return TOP + share * (BOTTOM - TOP)


def grid(kind: str, share: float) -> str:
    """A line across."""
    return f'<line class="{kind}" x1="0" x2="100%" y1="{down(share):.2f}%" y2="{down(share):.2f}%"/>'


def money_words(value: float) -> str:
    """An axis' dollars."""
    return f"${value:,.2f}" if abs(value) < 100_000 and value % 1 else f"${value:,.0f}"


def moment(at_ms: int) -> str:
    """UTC, to the minute."""
    return f"{datetime.fromtimestamp(at_ms / 1000, tz=UTC):%Y-%m-%d %H:%M}"


def _path(frame: Frame, points: Sequence[Point], steps: bool) -> str:
    placed = [frame.place(point) for point in points]
    first = f"M{placed[0][0]:.1f} {placed[0][1]:.1f}"
    if steps:
        return first + "".join(f"H{x:.1f}V{y:.1f}" for x, y in placed[1:])
    return first + "".join(f"L{x:.1f} {y:.1f}" for x, y in placed[1:])


def _value_label(label: str, share: float) -> str:
    return f'<text class="money" x="0" y="{down(share):.2f}%" dy="-4">{escape(label)}</text>'


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
