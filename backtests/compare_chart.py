"""What several runs made over time in one SVG drawing: each its own colour and dash, named beside the picture."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from backtests.charts import DAY_MS, money_ticks, thinned, time_ticks

WIDTH, HEIGHT = 1_000, 300  # of the curves' own box, which is stretched to the page
TOP, BOTTOM = 8.0, 90.0  # percent of the picture: where the highest and the lowest line are
Line = tuple[str, list[tuple[int, float]]]


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
    low, high = ticks[0], ticks[-1]

    def place(at: int, value: float) -> tuple[float, float]:
        return (at - first) / (last - first) * WIDTH, (high - value) / (high - low) * HEIGHT

    parts = [_grid((high - value) / (high - low), "start" if value == 0 else "grid") for value in ticks]
    parts.append(
        f'<svg y="{TOP}%" width="100%" height="{BOTTOM - TOP}%" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
    )
    for number, (_, points) in enumerate(lines):
        parts.append(f'<path class="curve run-{number}" d="{_steps([place(*point) for point in points])}"/>')
    parts.append("</svg>")
    parts += [_money(value, (high - value) / (high - low)) for value in ticks]
    parts += [
        _time(at, (at - first) / (last - first), last - first, at_number)
        for at_number, at in enumerate(time_ticks(first, last))
    ]
    return format_html(
        '<svg class="equity several" role="img" aria-labelledby="equities-title equities-desc">'
        '<title id="equities-title">What each run made over time</title><desc id="equities-desc">{}</desc>{}</svg>',
        " ".join(f"{name}: {_signed(points[-1][1])} at the end." for name, points in lines),
        mark_safe("".join(parts)),  # noqa: S308 - made of our own numbers above
    )


def _made(points: Sequence[Sequence[Any]]) -> list[tuple[int, float]]:
    begun = Decimal(points[0][1])
    return thinned([(int(point[0]), float(Decimal(point[1]) - begun)) for point in points])


def _signed(value: float) -> str:
    return ("\N{MINUS SIGN}" if value < 0 else "+") + f"${abs(value):,.2f}"


def _down(share: float) -> float:
    return TOP + share * (BOTTOM - TOP)


def _grid(share: float, kind: str) -> str:
    return f'<line class="{kind}" x1="0" x2="100%" y1="{_down(share):.2f}%" y2="{_down(share):.2f}%"/>'


def _money(value: float, share: float) -> str:
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    label = escape(f"{sign}${abs(value):,.2f}" if value % 1 else f"{sign}${abs(value):,.0f}")
    return f'<text class="money" x="0" y="{_down(share):.2f}%" dy="-4">{label}</text>'


def _time(at_ms: int, share: float, span_ms: int, number: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    label = f"{at:%b %d}" if span_ms > 8 * DAY_MS else f"{at:%b %d %H:%M}" if span_ms > DAY_MS else f"{at:%H:%M}"
    anchor = "start" if share < 0.12 else "end" if share > 0.88 else "middle"
    kind = "time odd" if number % 3 else "time"
    return (
        f'<line class="tick" x1="{share:.2%}" x2="{share:.2%}" y1="{BOTTOM}%" y2="{BOTTOM + 1.6:.1f}%"/>'
        f'<text class="{kind}" x="{share:.2%}" y="98%" text-anchor="{anchor}">{label}</text>'
    )


def _steps(points: list[tuple[float, float]]) -> str:
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    path += [f"H{x:.1f}V{y:.1f}" for x, y in points[1:]]
    return "".join(path)
