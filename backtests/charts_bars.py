"""Bars that lie beside their labels: P&L by day and by bucket, each with its interval. Words keep their size on any page."""

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

ROW, HALF = 26, 13
LEFT, RIGHT = 24.0, 80.0  # percent: between label and value
MOST_ROWS = 400


class Bar(NamedTuple):
    """One bar: what it is, how long, its interval, what stands beside it, and more for who points at it."""

    label: str
    value: float
    shown: str
    low: float | None = None
    high: float | None = None
    more: str = ""


def bars(name: str, title: str, rows: Sequence[Bar], left: float = LEFT) -> SafeString:
    """One <svg class="bars">, the zero line where it falls; "" without a row. Of more than 400 the last are drawn. `left` is how
    much of the width labels have, in percent."""
    rows = rows[-MOST_ROWS:]
    if not rows:
        return SafeString("")
    values = [0.0, *(value for row in rows for value in (row.value, row.low, row.high) if value is not None)]
    low, high = min(values), max(values)
    scale = (RIGHT - left) / ((high - low) or 1.0)

    def x(value: float) -> float:
        return left + (value - low) * scale

    height = ROW * len(rows)
    parts = [f'<line class="zero" x1="{x(0.0):.2f}%" x2="{x(0.0):.2f}%" y1="0" y2="{height}"/>']
    for number, row in enumerate(rows):
        parts.append(_bar(number * ROW, row, x(0.0), x(row.value)))
        if row.low is not None and row.high is not None:
            parts.append(_whisker(number * ROW + HALF, x(row.low), x(row.high)))
    words = "; ".join(f"{row.label}: {row.shown}" + (f" ({row.more})" if row.more else "") for row in rows)
    return format_html(
        '<svg class="bars" width="100%" height="{}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>',
        height, name, name, name, title, name, words, mark_safe("".join(parts)),  # noqa: S308 - escaped where it is made
    )  # fmt: skip


def _bar(top: int, row: Bar, zero: float, end: float) -> str:
    kind = "gain" if row.value > 0 else "loss"
    hint = f"<title>{escape(row.more)}</title>" if row.more else ""
    return (
        f'<text class="label" x="0" y="{top + HALF + 4}">{escape(row.label)}</text>'
        f'<rect class="{kind}" x="{min(zero, end):.2f}%" y="{top + 4}" width="{abs(end - zero):.2f}%" height="{ROW - 8}">{hint}</rect>'
        f'<text class="value" x="100%" y="{top + HALF + 4}" text-anchor="end">{escape(row.shown)}</text>'
    )


def _whisker(y: int, low: float, high: float) -> str:
    ends = "".join(
        f'<line class="whisker" x1="{x:.2f}%" x2="{x:.2f}%" y1="{y - 4}" y2="{y + 4}"/>' for x in (low, high)
    )
    return f'<line class="whisker" x1="{low:.2f}%" x2="{high:.2f}%" y1="{y}" y2="{y}"/>{ends}'
