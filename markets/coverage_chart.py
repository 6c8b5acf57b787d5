"""What each day has of each coin, as one SVG drawing made on the server: prices above, books below, by share of the day."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from markets.core.units import DAY_NS, SECOND_NS
from markets.entries import DayOfAsset

LABEL, TOP, ROW, CELL, LEAST_CELL = 64, 30, 34, 72, 4
MOST_DAYS = 180
DAY_S = DAY_NS / SECOND_NS
LEVELS = 5


def coverage_chart(cells: Sequence[DayOfAsset]) -> SafeString:
    """One row a coin, one column a day, the last 180 days of them; "" without any."""
    if not cells:
        return SafeString("")
    last = max(cell.day for cell in cells)
    first = max(min(cell.day for cell in cells), last - MOST_DAYS + 1)
    shown = [cell for cell in cells if cell.day >= first]
    assets = sorted({cell.asset for cell in shown})
    count = last - first + 1
    wide = max(min(CELL, 860 // count), LEAST_CELL)
    width, height = LABEL + count * wide + 4, TOP + ROW * len(assets) + 4
    parts = [_row(number, asset) for number, asset in enumerate(assets)]
    parts += [_day(first, number, wide) for number in range(count) if _is_marked(first + number, number, count)]
    parts += [
        _cell(cell, LABEL + (cell.day - first) * wide, TOP + assets.index(cell.asset) * ROW, wide) for cell in shown
    ]
    words = "; ".join(
        f"{cell.asset} {_text(cell.day)}: prices {cell.spot_s / DAY_S:.0%}, books {cell.book_s / DAY_S:.0%}"
        for cell in shown
    )
    return format_html(
        '<svg class="coverage" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-labelledby="coverage-title coverage-desc">'
        '<title id="coverage-title">What each day has of each coin</title><desc id="coverage-desc">{}</desc>{}</svg>',
        width, height, width, height, words, mark_safe("".join(parts)),  # noqa: S308 - our own numbers and escaped names
    )  # fmt: skip


def _cell(cell: DayOfAsset, x: int, y: int, wide: int) -> str:
    kind = {"A": "a", "B": "b", "C": "c", "invented": "i"}.get(cell.grade, "n")
    half = (ROW - 8) // 2
    words = (
        f"{cell.asset}, {_text(cell.day)}, grade {cell.grade or 'none'}: prices for {cell.spot_s / 3600:.1f} h, books for "
        f"{cell.book_s / 3600:.1f} h"
    )
    return (
        f"<g><title>{escape(words)}</title>"
        f'<rect class="spot {kind} l{_level(cell.spot_s)}" x="{x}" y="{y}" width="{wide - 1}" height="{half}"/>'
        f'<rect class="book {kind} l{_level(cell.book_s)}" x="{x}" y="{y + half + 1}" width="{wide - 1}" height="{half}"/></g>'
    )


def _level(seconds: float) -> int:
    """0: nothing; 1 to 5 by fifths of the day."""
    return 0 if seconds <= 0 else min(LEVELS, 1 + int(LEVELS * seconds / DAY_S))


def _row(number: int, asset: str) -> str:
    return f'<text class="asset" x="0" y="{TOP + number * ROW + 18}">{escape(asset)}</text>'


def _day(first: int, number: int, wide: int) -> str:
    return f'<text class="tick" x="{LABEL + number * wide}" y="{TOP - 10}">{_text(first + number)[5:]}</text>'


def _is_marked(day: int, number: int, count: int) -> bool:
    """Every day of few, the first of a month or a week of many."""
    if count <= 10:
        return number % 2 == 0
    moment = datetime.fromtimestamp(day * DAY_S, UTC)
    return number == 0 or (moment.day == 1 if count > 60 else moment.weekday() == 0 and number > 3)


def _text(day: int) -> str:
    return f"{datetime.fromtimestamp(day * DAY_S, UTC):%Y-%m-%d}"
