"""A report as its page shows it: the verdict, the numbers with their intervals, the pictures, each with a table beside it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.safestring import SafeString

from backtests.charts import drawdown_chart, equity_chart
from backtests.charts_bars import Bar, bars
from backtests.core.scores import Bin
from backtests.core.skill import ModelScore
from backtests.lab import sections
from backtests.presentation import NOTHING, cents, contracts, counted, dollars, number, percent, tone
from backtests.skill_charts import reliability
from backtests.verdict import judged

REASONS_SHOWN = 14
WINDOWS_SHOWN = 300
BUCKETS = {
    "edge": ("P&L by net edge at the decision", "cents a contract, after the fee"),
    "seconds_left": ("P&L by time left at the first fill's order", "minutes to the close"),
    "price": ("P&L by price", "what the first contract cost, of the side that was bought"),
}
BOUNDS = (("optimistic", "Optimistic"), ("record", "As asked"), ("pessimistic", "Pessimistic"))


def report_context(report: dict[str, Any]) -> dict[str, Any]:
    """The context of the parts of templates/backtests/detail.html that show a result. A report of before, without
    statistics, has its curve alone."""
    if "statistics" not in report:
        return {"chart": equity_chart(report["equity"])}
    return judged_context(report, None) | {
        "chart": equity_chart(report["equity"], report["band"], report["marked"]),
        "drawdown": drawdown_chart(report["equity"], report["marked"]),
        "daily_chart": _daily(report["daily"]),
        "buckets": buckets_shown(report["buckets"]),
        "calibration": _calibration(report["calibration"]),
        "funnel_chart": _funnel(report["funnel"]),
        "bounds": bounds_shown(report.get("bounds")),
        "sensitivity": _sensitivity(report.get("sensitivity")),
        "played": played_shown(report),
        "not_covered": not_covered(report.get("coverage")),
        "windows": [window_shown(window) for window in report["windows"][:WINDOWS_SHOWN]],
        "windows_left": max(len(report["windows"]) - WINDOWS_SHOWN, 0),
    }


def judged_context(report: dict[str, Any], trials: int | None) -> dict[str, Any]:
    """The verdict and the numbers, beside so many tries where somebody has counted them."""
    if "statistics" not in report:
        return {}
    found = judged(report, trials)
    return {"judged": found, "sections": sections(report, found.deflated), "method": report["statistics"]["method"]}


def played_shown(report: dict[str, Any]) -> str:
    """How many tapes of which grade, and what was left out."""
    grades: dict[str, int] = {}
    for tape in report["tapes"]:
        grades[tape["grade"] or NOTHING] = grades.get(tape["grade"] or NOTHING, 0) + 1
    told = ", ".join(f"{count:,} of grade {grade}" for grade, count in sorted(grades.items()))
    words = f"{counted(len(report['tapes']), 'tape')} ({told}), {report['events']:,} events"
    return words + (f"; {len(report['left_out']):,} left out" if report["left_out"] else "")


def not_covered(coverage: dict[str, Any] | None) -> list[str]:
    """What was asked for and is on no tape, in sentences."""
    if not coverage:
        return []
    words = [str(line) for line in coverage.get("missing", ())]
    if coverage.get("with_holes"):
        words.append(
            f"{counted(coverage['with_holes'], 'window')} on these tapes have holes: {coverage['traded_with_holes']:,} of them "
            "were traded, the others count as no trade."
        )
    return words


def bounds_shown(bounds: dict[str, Any] | None) -> dict[str, Any] | None:
    """The bounds beside the run of record: a row for each number, a column for each treatment of orders."""
    if not bounds:
        return None
    columns = [(words, bounds[name]) for name, words in BOUNDS if name in bounds]
    rows = (
        ("P&L, net", [dollars(each["net"], signed=True) for _, each in columns]),
        ("Fees", [dollars(each["fees"]) for _, each in columns]),
        ("Fills of orders", [f"{each['fills']:,} of {each['orders']:,}" for _, each in columns]),
        ("Contracts", [contracts(each["contracts"]) for _, each in columns]),
        ("Net a contract", [_per_contract(each) for _, each in columns]),
        ("Win rate", [percent(each["win"]["rate"]) for _, each in columns]),
        ("95 % interval", [_span(each["win"]["low"], each["win"]["high"]) for _, each in columns]),
        ("Windows", [f"{each['windows']:,}" for _, each in columns]),
    )
    return {"head": [words for words, _ in columns], "rows": rows, "words": bounds.get("words", "")}


def _sensitivity(told: dict[str, Any] | None) -> dict[str, Any] | None:
    if not told:
        return None
    rows = [(f"{row['ms']:+d} ms", dollars(row["net"], signed=True), tone(row["net"])) for row in told["latency"]]
    shifted = [(f"{row['ms']:+d} ms", dollars(row["net"], signed=True), tone(row["net"])) for row in told["spot"]]
    return {"latency": rows, "spot": shifted, "words": told["verdict"], "is_bad": told["is_latency_edge"]}


def _daily(days: Sequence[dict[str, Any]]) -> SafeString:
    rows = [
        Bar(day["day"], float(day["net"]), dollars(day["net"], signed=True), more=f"{day['fills']} fills, {day['settled']} settled")
        for day in days
    ]  # fmt: skip
    return bars("daily-chart", "P&L of each UTC day", rows)


def buckets_shown(buckets: dict[str, Any]) -> list[dict[str, Any]]:
    """P&L by edge, time left and price: a drawing and a table each."""
    return [_bucket_card(name, *words, buckets[name]) for name, words in BUCKETS.items()]


def _bucket_card(name: str, title: str, unit: str, buckets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    full = [(_label(name, each), each) for each in buckets if each["windows"]]
    drawn = [
        Bar(label, float(each["net"]), dollars(each["net"], signed=True), *_in_dollars(each), more=_more(each))
        for label, each in full
    ]
    rows = [
        (label, f"{each['windows']:,}", f"{each['wins']:,}", contracts(each["contracts"]), dollars(each["net"], signed=True),
         tone(each["net"]), cents(each["per_contract"]), _cents_span(each["interval"]))
        for label, each in full
    ]  # fmt: skip
    return {"name": name, "title": title, "unit": unit, "chart": bars(f"by-{name}", title, drawn), "rows": rows}


def _label(name: str, bucket: dict[str, Any]) -> str:
    low, high = (None if value is None else _unit(name, value) for value in (bucket["low"], bucket["high"]))
    unit = "min" if name == "seconds_left" else "¢"
    if low is None:
        return f"below {high} {unit}"
    return f"{low} {unit} and more" if high is None else f"{low} to {high} {unit}"


def _unit(name: str, value: float) -> str:
    return f"{value / 60:g}" if name == "seconds_left" else f"{value * 100:g}"


def _in_dollars(bucket: dict[str, Any]) -> tuple[float | None, float | None]:
    if bucket["interval"] is None:
        return None, None
    low, high = (value * float(bucket["contracts"]) for value in bucket["interval"])
    return low, high


def _more(bucket: dict[str, Any]) -> str:
    return f"{counted(bucket['windows'], 'window')}, {bucket['wins']:,} won, {cents(bucket['per_contract'])} a contract"


def _calibration(told: dict[str, Any]) -> dict[str, Any] | None:
    if told["fair"] is None:
        return None
    ours, market = (
        ModelScore(
            name, label, told["rows"], told["windows"], 0, 0, 0, diagram=tuple(Bin(*row) for row in told[name]["bins"])
        )
        for name, label in (("fair", "our fair value"), ("mid", "the market's middle"))
    )
    rows = [
        (f"{one.low:.1f} to {one.high:.1f}", f"{one.rows:,}", _two(one.forecast), _two(one.happened), f"{other.rows:,}",
         _two(other.forecast), _two(other.happened))
        for one, other in zip(ours.diagram, market.diagram, strict=True)
    ]  # fmt: skip
    words = f"{told['rows']:,} forecasts of {counted(told['windows'], 'window')}, traded or not"
    return {"chart": reliability(ours, market), "rows": rows, "words": words}


def _funnel(funnel: Sequence[dict[str, Any]]) -> SafeString:
    """The reasons by how often, most first."""
    total = sum(entry["count"] for entry in funnel) or 1
    rows = [
        Bar(entry["code"], float(entry["count"]), f"{entry['count'] / total:.1%}", more=f"{entry['count']:,}: {entry['text']}")
        for entry in funnel[:REASONS_SHOWN]
    ]  # fmt: skip
    return bars("funnel-chart", "Evaluations by what they ended at", rows, left=42.0)


def window_shown(window: dict[str, Any]) -> dict[str, Any]:
    """A row of the report's windows, readable."""
    left = window["seconds_left"]
    return window | {
        "at": window["close"][:16].replace("T", " "),
        "result_shown": {"scalar": "voided"}.get(window["result"], window["result"].upper()),
        "net_shown": dollars(window["net"], signed=True),
        "tone": tone(window["net"]),
        "contracts_shown": contracts(window["contracts"]),
        "edge_shown": NOTHING if window["edge"] is None else cents(window["edge"]),
        "left_shown": NOTHING if left is None else f"{int(left // 60)}:{int(left % 60):02d}",
    }


def _per_contract(summary: dict[str, Any]) -> str:
    count = Decimal(summary["contracts"])
    return cents(float(Decimal(summary["net"]) / count)) if count else NOTHING


def _span(low: float | None, high: float | None) -> str:
    return NOTHING if low is None or high is None else f"{percent(low)} to {percent(high)}"


def _cents_span(span: Sequence[float] | None) -> str:
    return NOTHING if span is None else f"{number(span[0] * 100, 1)} to {number(span[1] * 100, 1)} ¢"


def _two(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"
