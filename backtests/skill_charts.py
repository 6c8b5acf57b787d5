"""Pictures of the skill report as SVG: reliability with counts, and every model's distance from the market's mid."""

from collections.abc import Sequence

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from backtests.core.scores import Bin
from backtests.core.skill import ModelScore

SIDE, PAD, BARS = 300, 34, 70  # of the square, of its margin, of the bars of counts below
ROW, LABEL, WIDTH = 30, 190, 720


def reliability(ours: ModelScore, market: ModelScore | None) -> SafeString:
    """Forecast against outcome for a model and, faint, the market; below, how many votes each bin has. "" without data."""
    if not any(one.rows for one in ours.diagram):
        return SafeString("")
    parts = [_axes(), _curve("market", market.diagram) if market is not None else "", _curve("ours", ours.diagram)]
    parts.append(_counts(ours.diagram))
    height = SIDE + 2 * PAD + BARS
    return format_html(
        '<svg class="reliability" viewBox="0 0 {} {}" role="img" aria-labelledby="rel-title rel-desc">'
        '<title id="rel-title">Reliability of {}</title><desc id="rel-desc">{}</desc>{}</svg>',
        SIDE + 2 * PAD, height, ours.label, _said(ours.diagram), mark_safe("".join(parts)),  # noqa: S308 - our own numbers
    )  # fmt: skip


def distances(models: Sequence[ModelScore]) -> SafeString:
    """Brier less the market's with its 95 % interval, a row for each model; left of the line is better. "" without data."""
    rows = [
        (each, one) for each in models for one in each.versus if one.against == "market" and one.difference is not None
    ]
    if not rows:
        return SafeString("")
    most = max(max(abs(value or 0.0) for value in (one.difference, one.low, one.high)) for _, one in rows)
    limit = _round_up(most)
    zero, scale = LABEL + (WIDTH - LABEL) / 2, (WIDTH - LABEL - 20) / 2 / limit
    parts = [f'<line class="zero" x1="{zero}" x2="{zero}" y1="0" y2="{ROW * len(rows)}"/>']
    for number, (each, one) in enumerate(rows):
        y = ROW * number + ROW / 2
        parts.append(f'<text x="0" y="{y + 4}">{escape(each.label)}</text>')
        if one.low is not None and one.high is not None:
            parts.append(
                f'<line class="span" x1="{zero + one.low * scale:.1f}" x2="{zero + one.high * scale:.1f}" y1="{y}" y2="{y}"/>'
            )
        parts.append(
            f'<circle class="{one.verdict}" cx="{zero + (one.difference or 0.0) * scale:.1f}" cy="{y}" r="5"/>'
        )
    foot = ROW * len(rows) + 16
    parts.append(f'<text class="tick" x="{LABEL + 10}" y="{foot}">{-limit:+.3g} better than the market</text>')
    parts.append(f'<text class="tick end" x="{WIDTH}" y="{foot}">{limit:+.3g} worse</text>')
    return format_html(
        '<svg class="distances" viewBox="0 0 {} {}" role="img" aria-labelledby="dist-title">'
        '<title id="dist-title">Brier score less that of the market, with 95 % intervals</title>{}</svg>',
        WIDTH, foot + 8, mark_safe("".join(parts)),  # noqa: S308 - our own numbers
    )  # fmt: skip


def _axes() -> str:
    lines = [f'<rect class="box" x="{PAD}" y="{PAD / 2}" width="{SIDE}" height="{SIDE}"/>']
    lines.append(f'<line class="even" x1="{PAD}" y1="{_y(0.0)}" x2="{PAD + SIDE}" y2="{_y(1.0)}"/>')
    for tenth in (0, 25, 50, 75, 100):
        share = tenth / 100
        lines.append(f'<text class="tick mid" x="{_x(share):.1f}" y="{SIDE + PAD}">{share:g}</text>')
        lines.append(f'<text class="tick end" x="{PAD - 5}" y="{_y(share) + 4:.1f}">{share:g}</text>')
    return "".join(lines)


def _curve(kind: str, bins: Sequence[Bin]) -> str:
    points = [
        (_x(one.forecast), _y(one.happened)) for one in bins if one.forecast is not None and one.happened is not None
    ]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points)
    return f'<path class="{kind}" d="{path}"/>{dots}' if points else ""


def _counts(bins: Sequence[Bin]) -> str:
    most = max(one.windows for one in bins) or 1.0
    wide = SIDE / len(bins)
    bottom = SIDE + 2 * PAD + BARS - 8
    parts = []
    for one in bins:
        high = (BARS - 14) * one.windows / most
        parts.append(
            f'<rect class="count" x="{_x(one.low) + 1:.1f}" y="{bottom - high:.1f}" width="{wide - 2:.1f}" height="{high:.1f}">'
            f"<title>{one.rows:,} forecasts, {one.windows:,.1f} windows' votes</title></rect>"
            f'<text class="tick mid" x="{_x(one.low) + wide / 2:.1f}" y="{bottom - high - 3:.1f}">{_short(one.windows)}</text>'
        )
    return "".join(parts)


def _said(bins: Sequence[Bin]) -> str:
    told = [
        f"forecast {one.forecast:.2f}, came true {one.happened:.2f}, {one.rows:,} forecasts"
        for one in bins
        if one.forecast is not None and one.happened is not None
    ]
    return "; ".join(told) + "."


def _short(votes: float) -> str:
    return f"{votes:,.0f}" if votes < 10_000 else f"{votes / 1000:,.0f}k"


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 0.0001
    while True:
        for factor in (1, 2, 5):
            if value <= factor * power:
                return factor * power
        power *= 10


def _x(share: float) -> float:
    return PAD + share * SIDE


def _y(share: float) -> float:
    return PAD / 2 + (1.0 - share) * SIDE
