"""The plateau as a drawing: the objective over two settings, each field with its number, the best and its neighbours marked."""

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from backtests.core.studies.plateau import Cell, HeatMap

LEFT, TOP, WIDTH, HEIGHT = 110, 26, 64, 30
SHADES = 8


def heat_chart(heat: HeatMap, unit: str, best: tuple[int, int] | None) -> SafeString:
    """One <svg>: columns are `heat.x`, rows `heat.y` with the lowest value below. Fields above zero are shaded by how far
    above, those below by how far below; a field without a number had too few closes. `best` is outlined."""
    if not heat.cells:
        return SafeString("")
    values = [abs(cell.value) for cell in heat.cells if cell.value is not None]
    most = max(values, default=0.0) or 1.0
    wide, high = LEFT + WIDTH * len(heat.columns), TOP + HEIGHT * (len(heat.rows) + 1)
    parts = [_cell(cell, len(heat.rows), most, unit, best == (cell.x, cell.y)) for cell in heat.cells]
    parts += [
        f'<text class="axis" x="{LEFT + WIDTH * number + WIDTH / 2}" y="{TOP + HEIGHT * len(heat.rows) + 18}" '
        f'text-anchor="middle">{escape(label)}</text>'
        for number, label in enumerate(heat.columns)
    ]
    parts += [
        f'<text class="axis" x="{LEFT - 8}" y="{_top(number, len(heat.rows)) + 20}" text-anchor="end">{escape(label)}</text>'
        for number, label in enumerate(heat.rows)
    ]
    words = f"{heat.x} across, {heat.y} upwards; the median over all other settings, {unit or 'a ratio'}"
    return format_html(
        '<svg class="heat" role="img" viewBox="0 0 {} {}" width="{}" height="{}"><title>The objective over two settings'
        '</title><desc>{}</desc><text class="name" x="{}" y="14">{} →</text><text class="name" x="0" y="14">{} ↑</text>{}</svg>',
        wide, high, wide, high, words, LEFT, heat.x, heat.y,
        mark_safe("".join(parts)),  # noqa: S308 - made of our own numbers, and labels escaped above
    )  # fmt: skip


def _cell(cell: Cell, rows: int, most: float, unit: str, is_best: bool) -> str:
    x, y = LEFT + WIDTH * cell.x, _top(cell.y, rows)
    shade = "none" if cell.value is None else f"{'gain' if cell.value >= 0 else 'loss'} s{_shade(cell.value, most)}"
    shown = "too few" if cell.value is None else _number(cell.value, unit)
    trials = f"{cell.trials} trial{'' if cell.trials == 1 else 's'}"
    return (
        f'<g><title>{shown}, {trials}</title><rect class="field {shade}{" best" if is_best else ""}" x="{x + 1}" y="{y + 1}" '
        f'width="{WIDTH - 2}" height="{HEIGHT - 2}"/><text x="{x + WIDTH / 2}" y="{y + 20}" text-anchor="middle">{shown}</text></g>'
    )


def _top(row: int, rows: int) -> int:
    return TOP + HEIGHT * (rows - 1 - row)


def _shade(value: float, most: float) -> int:
    return min(int(abs(value) / most * SHADES), SHADES - 1)


def _number(value: float, unit: str) -> str:
    if unit.startswith("$"):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
    return f"{value:.3f}"
