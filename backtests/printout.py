"""The report as aligned text for a terminal."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from backtests.gate_text import RULES, gates_text
from backtests.lab import Section, sections
from backtests.presentation import dollars, markouts_shown
from backtests.report_page import bounds_shown, buckets_shown, not_covered, played_shown
from backtests.verdict import judged

WIDTH = 110
NOTES_END = 150
REASONS_SHOWN = 12
OF_BEFORE = "This run is of a time when no statistics were kept. Queue it again with the same inputs, or take its JSON."


def text_of(report: dict[str, Any], trials: int | None = None) -> str:
    """The same numbers as the page, without the lists of trades and windows. `trials` is how many configurations were tried on
    these tapes, None where nobody has counted."""
    if "statistics" not in report:
        return OF_BEFORE
    found = judged(report, trials)
    lines = [
        f"{played_shown(report)}, {report['steps']:,} steps, {report['first'][:19]}Z to {report['last'][:19]}Z",
        f"{report['orders']:,} orders, {report['orders_filled']:,} of them filled in {report['fills']:,} fills",
        *(f"Not covered: {words}" for words in not_covered(report.get("coverage"))),
        "",
        *wrap(found.sentence, WIDTH),
        *paragraphs(found.reasons),
        *_bounds(report),
        *_numbers(sections(report, found.deflated)),
        report["statistics"]["method"] or "Fewer than 30 closes: no intervals.",
        "",
        *_table(("Day (UTC)", "P&L", "Fees", "Trades", "Settled"), [
            (day["day"], dollars(day["net"], signed=True), dollars(day["fees"]), str(day["fills"]), str(day["settled"]))
            for day in report["daily"]
        ]),
        *_buckets(report),
        "",
        *_table(("Why it did and did not trade", "Times"), [
            (f"{entry['code']}: {entry['text']}", f"{entry['count']:,}") for entry in report["funnel"][:REASONS_SHOWN]
        ]),
        *_markouts(report),
        "",
        *gates_text(report["gates"]),
        "",
        *paragraphs([*report["caveats"], *RULES]),
        "",
        f"Digest of all decisions  {report['digest']}",
    ]  # fmt: skip
    return "\n".join(lines)


def _numbers(parts: list[Section]) -> list[str]:
    """Every number with its interval; what it says beside it, wrapped."""
    rows = [row for part in parts for row in part.rows]
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    indent = sum(wide) + 6
    lines = []
    for part in parts:
        lines += ["", part.title]
        for row in part.rows:
            note = wrap(row.note, max(NOTES_END - indent, 30)) or [""]
            lines.append(f"{row.label:<{wide[0]}}  {row.value:>{wide[1]}}  {row.span:<{wide[2]}}  {note[0]}".rstrip())
            lines += [" " * indent + line for line in note[1:]]
    return lines


def _bounds(report: dict[str, Any]) -> list[str]:
    """The bounds side by side, and how it changes with time; nothing where they were not played."""
    lines = []
    if bounds := bounds_shown(report.get("bounds")):
        head = ("Orders treated at their best, as asked, at their worst", *bounds["head"])
        lines += [
            "",
            *_table(head, [(label, *values) for label, values in bounds["rows"]]),
            *paragraphs([bounds["words"]]),
        ]
    if told := report.get("sensitivity"):
        rows = [(f"latency {row['ms']:+d} ms", dollars(row["net"], signed=True)) for row in told["latency"]]
        rows += [(f"spot heard {row['ms']:+d} ms later", dollars(row["net"], signed=True)) for row in told["spot"]]
        lines += ["", *_table(("What is left of the P&L", "Net"), rows), *paragraphs([told["verdict"]])]
    return lines


def _buckets(report: dict[str, Any]) -> list[str]:
    """P&L by edge, time left and price, the buckets in which something was traded."""
    lines = []
    for card in buckets_shown(report["buckets"]):
        if card["rows"]:
            rows = [
                (label, windows, wins, count, net, each, span)
                for label, windows, wins, count, net, _, each, span in card["rows"]
            ]
            head = (card["title"], "Windows", "Won", "Contracts", "P&L", "A contract", "95 %")
            lines += ["", *_table(head, rows)]
    return lines


def _markouts(report: dict[str, Any]) -> list[str]:
    """What fills were worth later; nothing where there is no fill."""
    rows = markouts_shown(report["markouts"])
    if not rows:
        return []
    head = ("Fills, by why they are believed", "Fills", "Contracts", "Fees", "After 1 s", "5 s", "30 s", "Settled")
    cells = [(row["evidence"], row["fills"], row["contracts"], row["fees"], *row["cents"]) for row in rows]
    return ["", *_table(head, cells), "Markouts in cents a contract, after fees."]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in [head, *rows]
    ]


def paragraphs(sentences: list[str]) -> list[str]:
    """Each as a point of a list, wrapped."""
    return [line for words in sentences for line in wrap(words, WIDTH, initial_indent="* ", subsequent_indent="  ")]
