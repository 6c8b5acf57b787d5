"""The skill report as text for a terminal, at most 100 columns wide."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from textwrap import wrap

from backtests.core.paired import LEAST_FOR_INTERVAL, LEAST_WINDOWS
from backtests.core.skill import Cell, Group, ModelScore, Report
from backtests.core.verdicts import NOT_ENOUGH, counted, label, short
from backtests.settled import BLIND, Rung
from backtests.skill import SettledTold, Told
from markets.core.units import SECOND_NS

WIDTH = 100
NONE = "-"
SIMULATED = "This market is simulated: its numbers show that the report works, nothing of the real market."


def text_of(told: Told) -> str:
    """Sentences first, then the tables."""
    report = told.report
    lines = [f"Skill of {told.source}", _span(report), ""]
    if told.is_simulated:
        lines += [SIMULATED, ""]
    if not report.rows:
        return "\n".join([*lines, *_left_out(told), "", _empty(told)])
    lines += [*_paragraphs(report.sentences), "", *_models(report), ""]
    lines += ["Calibration", *_calibration(report), ""]
    for kind in dict.fromkeys(group.kind for group in report.groups):
        groups = [group for group in report.groups if group.kind == kind]
        lines += [f"By {kind}: {label(_shown(groups[0]).name)}", *_groups(groups), ""]
    best = next((each for each in _diagrams(report)), None)
    if best is not None:
        lines += [f"Reliability of {best.label}", *_diagram(best), ""]
    lines += [*_left_out(told), *_paragraphs([*told.notes, *rules(report)])]
    return "\n".join(lines)


def settled_text(told: SettledTold) -> str:
    """The ladder, then each table."""
    parts = [f"The market's Brier score by minutes left ({told.ladder_table})", *_ladder(told.ladder), ""]
    return "\n".join([*parts, *(f"{text_of(table)}\n" for table in told.tables)]).rstrip()


def rules(report: Report) -> list[str]:
    """What the numbers are, and how many comparisons they are picked from."""
    chance = round(0.05 * report.cells)
    corrected = (
        f"{counted(report.comparisons, 'different model')} compared, and {counted(report.cells, 'cell')} of the tables by group "
        f"with an interval: of so many about {chance} lie outside theirs by chance alone. That a model is better is said only "
        "where it would also hold for the best of all that were compared (Bonferroni); that the market is better is said at 95 %."
    )
    return [
        "One window is one vote: losses are averaged inside a window first. Windows with the same close are drawn together.",
        f"{report.method}.",
        corrected,
        f"A score needs {LEAST_WINDOWS} windows, a comparison {LEAST_FOR_INTERVAL}.",
    ]


def _span(report: Report) -> str:
    if report.first_ns is None or report.last_ns is None:
        return "No settled window yet."
    first, last = (datetime.fromtimestamp(at // SECOND_NS, tz=UTC) for at in (report.first_ns, report.last_ns))
    return (
        f"{counted(report.windows, 'settled window')} at {counted(report.closes, 'close')} on {counted(report.days, 'day')}, "
        f"{counted(report.rows, 'forecast')},\nclosed {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}Z"
    )


def _empty(told: Told) -> str:
    score, compare = told.windows_needed
    return f"{NOT_ENOUGH}: 0 settled windows; a score needs {score}, a comparison {compare}."


def _models(report: Report) -> list[str]:
    head = ("", "Windows", "Brier", "Market", "N(d2)", "Skill", "LogLoss", "Market", "ECE", "95 % of diff.")
    return _table(head, [_model(each) for each in report.models])


def _model(each: ModelScore) -> tuple[str, ...]:
    against = next((one for one in each.versus if one.against == "market"), None)
    if each.brier is None:
        return (each.name, f"{each.windows:,}", *[NONE] * 7, NOT_ENOUGH)
    return (
        each.name, f"{each.windows:,}", _four(each.brier), _four(each.market_brier), _four(each.naive_brier),
        NONE if each.skill is None else f"{each.skill:+.2f}", _four(each.log_loss), _four(each.market_log_loss),
        NONE if each.ece is None else f"{each.ece.value:.3f}",
        NONE if against is None else NOT_ENOUGH if against.low is None else f"{against.low:+.4f} {against.high:+.4f}",
    )  # fmt: skip


def _calibration(report: Report) -> list[str]:
    rows = [
        (each.name, f"{each.brier:.4f}", *(f"{part:+.4f}" for part in each.murphy))
        for each in report.models
        if each.murphy is not None
    ]
    head = ("", "Brier =", "reliability", "- resolution", "+ uncertainty", "+ inside bins")
    return _table(head, rows) if rows else [NOT_ENOUGH]


def _groups(groups: list[Group]) -> list[str]:
    """One line for each group: the market, the naive model and the one that is shown; the difference of that."""
    head = ("", "Windows", "Market", "N(d2)", "Model", "Difference", "95 %", "")
    return _table(head, [_group(group, _shown(group)) for group in groups if group.rows])


def _shown(group: Group) -> Cell:
    """The configured model, or what stands in for it where there is no spot."""
    known = {cell.name: cell for cell in group.cells}
    return next((known[name] for name in ("fair", f"gbm_avg_t{BLIND}") if name in known), group.cells[0])


def _group(group: Group, cell: Cell) -> tuple[str, ...]:
    versus = cell.versus
    if cell.brier is None or versus.difference is None:
        return (group.key, f"{cell.windows:,}", *[NONE] * 5, NOT_ENOUGH)
    between = NONE if versus.low is None else f"{versus.low:+.4f} {versus.high:+.4f}"
    return (
        group.key, f"{cell.windows:,}", _four(cell.market_brier), _four(cell.naive_brier), _four(cell.brier),
        f"{versus.difference:+.4f}", between, short(versus),
    )  # fmt: skip


def _diagrams(report: Report) -> Iterable[ModelScore]:
    known = {each.name: each for each in report.models if each.diagram}
    return (known[name] for name in ("fair", "market") if name in known)


def _diagram(each: ModelScore) -> list[str]:
    rows = [
        (
            f"{one.low:.1f} to {one.high:.1f}",
            f"{one.rows:,}",
            f"{one.windows:,.1f}",
            _four(one.forecast),
            _four(one.happened),
        )
        for one in each.diagram
    ]
    return _table(("Forecast", "Rows", "Votes", "Mean forecast", "Came true"), rows)


def _ladder(rungs: Iterable[Rung]) -> list[str]:
    head = ("Minutes", "Both sides", "Brier", "With a bid", "Brier", "All", "Brier", "Ideal", "Ideal digital")
    rows = [
        (str(rung.minutes), f"{rung.two_sided:,}", _four(rung.brier), f"{rung.with_bid:,}", _four(rung.brier_with_bid),
         f"{rung.quotes:,}", _four(rung.brier_of_all), _four(rung.ideal), _four(rung.ideal_digital))
        for rung in rungs
    ]  # fmt: skip
    return _table(head, rows) if rows else [NOT_ENOUGH]


def _left_out(told: Told) -> list[str]:
    if not told.left_out:
        return []
    rows = [(each.why, f"{each.rows:,}", f"{each.windows:,}") for each in told.left_out]
    return [*_table(("Left out", "Forecasts", "Windows"), rows), ""]


def _four(value: float | None) -> str:
    return NONE if value is None or value != value else f"{value:.4f}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The first column to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in [head, *rows]
    ]


def _paragraphs(sentences: Iterable[str]) -> list[str]:
    return [line for words in sentences for line in wrap(words, WIDTH, initial_indent="* ", subsequent_indent="  ")]
