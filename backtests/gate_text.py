"""The report on gates as text: what its numbers are, and a table for a terminal."""

from collections.abc import Iterable
from typing import Any

from backtests.core.gate_costs import LEAST_CLOSES
from backtests.presentation import MINUS, counted, dollars

ALONE = "A gate is held to account where it alone stood in the way: of each window the first such moment, whatever came after."
BOUGHT = (
    "What was wanted there is bought at the best price on display, as many as one order may take of it, with the exact fee of "
    "one fill, and held to the settlement. That nobody was faster, and that what came of it used up no limit, is supposed: "
    "with latency and the other gates in their places less would have come of it."
)
CHANCE = (
    f"Windows that close together count as one. Below {LEAST_CLOSES} closes there is no verdict. An interval holds 95 % of what "
    "drawing the closes anew gives: where it lies on both sides of nothing, chance alone may have done it."
)
KEPT = "Evaluations are those that are kept: whenever the gates that did not pass turn, at most ten a second, and once a second."
RULES = (ALONE, BOUGHT, CHANCE, KEPT)


def summary(told: dict[str, Any]) -> list[str]:
    """What the numbers are of."""
    windows, settled, closes = told["windows"], told["settled"], told["closes"]
    if not windows:
        return ["No evaluation is kept of these windows."]
    evaluations = told["evaluations"]
    return [
        f"{counted(windows, 'window')}, {settled:,} settled at {counted(closes, 'close')}; {evaluations:,} evaluations kept"
    ]


def gates_text(told: dict[str, Any]) -> list[str]:
    """The report as aligned lines."""
    head = (
        "Gate",
        "Evaluations",
        "Windows",
        "Alone in",
        "Contracts",
        "Would have made",
        "A contract",
        "A window, 95 %",
        "Verdict",
    )
    rows = [
        (
            gate["code"], f"{gate['evaluations']:,}", f"{gate['windows']:,}", f"{gate['alone']['windows']:,}",
            gate["alone"]["contracts"], dollars(gate["alone"]["profit"], signed=True), cents(gate["alone"]["per_contract"]),
            span(gate["alone"]), gate["words"],
        )
        for gate in told["gates"]
    ]  # fmt: skip
    taken = told["taken"]
    rows.append(("(traded)", "", f"{taken['windows']:,}", "", taken["contracts"], dollars(taken["profit"], signed=True),
                 cents(taken["per_contract"]), span(taken), "what our own trades made"))  # fmt: skip
    return _aligned([head, *rows])


def cents(value: float | None) -> str:
    """Dollars a contract as cents."""
    return "" if value is None else f"{value * 100:+.2f}¢".replace("-", MINUS)


def span(outcome: dict[str, Any]) -> str:
    """The interval of the mean a window, in dollars."""
    if outcome["low"] is None:
        return ""
    return f"{outcome['low']:+,.2f} to {outcome['high']:+,.2f}".replace("-", MINUS)


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """The first and the last column to the left, numbers to the right."""
    cells = list(rows)
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if column in {0, last} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
