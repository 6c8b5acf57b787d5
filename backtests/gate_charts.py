"""Where evaluations ended, as bars in one SVG drawing on the server."""

from typing import Any

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from trading.core.reasons import TRADED

ROW, LABEL, WIDTH, SIDE = 26, 210, 900, 160
MOST = 14


def funnel(told: dict[str, Any]) -> SafeString:
    """A bar for each code by its share of the evaluations, most first; "" without any. What is last are the others."""
    gates = [gate for gate in told["gates"] if gate["evaluations"]]
    if not gates:
        return SafeString("")
    most = gates[0]["evaluations"]
    parts = [_bar(number, gate, most, told) for number, gate in enumerate(gates[:MOST])]
    others = len(gates) - MOST
    height = ROW * len(parts) + (20 if others > 0 else 0)
    if others > 0:
        parts.append(f'<text class="tick" x="0" y="{height - 4}">and {others} more in the table below</text>')
    words = "; ".join(f"{gate['code']} {gate['evaluations']:,}" for gate in gates)
    return format_html(
        '<svg class="funnel" viewBox="0 0 {} {}" role="img" aria-labelledby="funnel-title funnel-desc">'
        '<title id="funnel-title">Evaluations by the first gate that did not pass</title><desc id="funnel-desc">{}</desc>{}</svg>',
        WIDTH, height, words, mark_safe("".join(parts)),  # noqa: S308 - our own numbers
    )  # fmt: skip


def _bar(number: int, gate: dict[str, Any], most: int, told: dict[str, Any]) -> str:
    y = number * ROW
    wide = max((WIDTH - LABEL - SIDE) * gate["evaluations"] / most, 1.0)
    share = gate["evaluations"] / told["evaluations"]
    kind = "traded" if gate["code"] == TRADED else "stopped"
    return (
        f'<text class="code" x="0" y="{y + 17}">{escape(gate["code"])}</text>'
        f'<rect class="{kind}" x="{LABEL}" y="{y + 4}" width="{wide:.1f}" height="{ROW - 8}" rx="3">'
        f"<title>{escape(gate['text'])}</title></rect>"
        f'<text class="count" x="{LABEL + wide + 8:.1f}" y="{y + 17}">{gate["evaluations"]:,} ({share:.1%})</text>'
    )
