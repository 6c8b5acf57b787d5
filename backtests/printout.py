"""The report as aligned text for a terminal."""

from collections.abc import Iterable
from textwrap import wrap
from typing import Any

from backtests.gate_text import RULES, gates_text
from backtests.presentation import dollars, headline, markouts_shown

WIDTH = 110
REASONS_SHOWN = 12


def text_of(report: dict[str, Any]) -> str:
    """The same numbers as the page, without the list of trades."""
    tapes = report["tapes"]
    played = (
        f"{len(tapes)} tape{'s' if len(tapes) != 1 else ''}, {report['events']:,} events, {report['steps']:,} steps"
    )
    lines = [
        f"{played}, {report['first'][:19]}Z to {report['last'][:19]}Z",
        "",
        *_rows((tile["label"], tile["value"], tile["note"]) for tile in headline(report)),
        "",
        *_table(("Day (UTC)", "P&L", "Fees", "Trades", "Settled"), [
            (day["day"], dollars(day["net"], signed=True), dollars(day["fees"]), str(day["fills"]), str(day["settled"]))
            for day in report["daily"]
        ]),
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


def _markouts(report: dict[str, Any]) -> list[str]:
    """What fills were worth later; nothing where there is no fill."""
    rows = markouts_shown(report["markouts"])
    if not rows:
        return []
    head = ("Fills, by why they are believed", "Fills", "Contracts", "Fees", "After 1 s", "5 s", "30 s", "Settled")
    cells = [(row["evidence"], row["fills"], row["contracts"], row["fees"], *row["cents"]) for row in rows]
    return ["", *_table(head, cells), "Markouts in cents a contract, after fees."]


def _rows(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    cells = list(rows)
    first, second = (max(len(row[column]) for row in cells) for column in (0, 1))
    short = min(second, 16)  # words in the place of a number must not push the notes away
    return [f"{label:<{first}}  {value:>{short}}  {note}" for label, value, note in cells]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
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
