"""The measurements as a page of text, and as the tables of a document."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backtests.peers.bench import Found
from backtests.peers.environments import NAMES
from backtests.peers.goals import goals, number, rate, swept

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
Row = tuple[str, ...]


def tables(report: Found) -> list[tuple[str, list[Row]]]:
    """(heading, rows), the first row being the names of the columns."""
    made = []
    if report["sizes"]:
        made.append(("Side by side", [*_side_by_side(report)]))
    if "sweep" in report:
        made.append(("A sweep", [*_sweep(report)]))
    if "orders" in report:
        made.append(("Orders", [*_orders(report["orders"])]))
    goal_rows = [(goal.name, goal.text, _aim(goal), goal.verdict) for goal in goals(report)]
    return [*made, ("Goals", [("goal", "found", "aim", "verdict"), *goal_rows])]


def text_of(report: Found) -> str:
    """For a terminal."""
    lines = list(_head(report))
    for heading, rows in tables(report):
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines += ["", heading]
        lines += ["  ".join(_cell(cell, width, at) for at, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]  # fmt: skip
    return "\n".join(lines)


def markdown_of(report: Found) -> str:
    """For a document."""
    lines = [f"- {line}" for line in _head(report)]
    for heading, (names, *rows) in tables(report):
        ruler = ["---", *("---:" for _ in names[1:])]
        lines += ["", f"**{heading}**", "", *(f"| {' | '.join(row)} |" for row in (names, ruler, *rows))]
    return "\n".join(lines)


def write_into(path: Path, report: Found) -> None:
    """Put the tables between the two markers of a document. Raises ValueError where it does not have them."""
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} lacks the lines {BEGIN} and {END}; add them where the tables belong.")
    path.write_text(f"{before}{BEGIN}\n{markdown_of(report)}\n{END}{after}", encoding="utf-8")


def _head(report: Found) -> Iterator[str]:
    box = report["machine"]
    yield f"Day: {report['day']}"
    yield f"Machine: {box['processor']}, {box['cores']} cores, load {box['load_a_minute']} at the start and {report['load_at_end']} at the end; Python {box['python']}"  # fmt: skip
    yield f"Measured {report['measured_at']}; up to a million events the median of {report['runs']} fresh processes"
    for name, reason in report["left_out"].items():
        yield f"{NAMES[name]} is left out: {reason}"


def _side_by_side(report: Found) -> Iterator[Row]:
    yield ("events", "engine", "events a CPU second", "events a second, wall", "peak MB", "start s", "orders", "engine of record is", "compiled lane is")  # fmt: skip
    for size in sorted(report["sizes"], key=int):
        found = report["sizes"][size]
        events = found["events"]
        base, lane = rate(found.get("engine"), events), rate(found.get("lane"), events)
        for name, words in NAMES.items():
            answer = found.get(name)
            if answer is None:
                continue
            yield _row(events, words, answer, base, lane)
            yield from _others(events, name, answer, base, lane)


def _row(events: int, words: str, answer: Found, base: float | None, lane: float | None) -> Row:
    own = rate(answer, events) or 0.0
    wall = answer["wall_s"] + answer.get("build_cpu_s", 0.0)
    return (
        f"{events:,}",
        words,
        number(own),
        number(events / wall),
        f"{answer['peak_mb']:.0f}",
        f"{answer['start_s']:.1f}" if "start_s" in answer else "",
        f"{answer['orders']:,}",
        _times(base, own),
        _times(lane, own),
    )


def _further(events: int, words: str, spent: Found, base: float | None, lane: float | None) -> Row:
    """A row of one time alone."""
    own = events / spent["cpu_s"]
    wall, peak = number(events / spent["wall_s"]), f"{spent['peak_mb']:.0f}" if "peak_mb" in spent else ""
    return (f"{events:,}", words, number(own), wall, peak, "", "", _times(base, own), _times(lane, own))


def _others(events: int, name: str, answer: Found, base: float | None, lane: float | None) -> Iterator[Row]:
    """What of a measurement is told apart."""
    if "build_cpu_s" in answer:
        run = {"cpu_s": answer["cpu_s"], "wall_s": answer["wall_s"]}
        yield _further(events, f"{NAMES[name]}, its objects built before", run, base, lane)
    if "columns" in answer:
        yield _further(events, "making the lane's columns, once", answer["columns"], base, lane)
    more = answer.get("one_more", {})
    if more and more["cpu_s"] > 0 and more["wall_s"] > 0:
        yield _further(events, "the lane, one more setting", more, base, lane)


def _times(one: float | None, other: float) -> str:
    return f"{one / other:.3g}x" if one and other else ""


def _sweep(report: Found) -> Iterator[Row]:
    rates, sweep = swept(report), report["sweep"]
    yield ("engine", "settings", "events", "parameter-events a second", "peak MB", "what it is")
    if parts := sweep.get("ours"):
        peak = f"{max(part['peak_mb'] for part in parts):.0f}"
        row = (NAMES["lane"], f"{sum(part['sets'] for part in parts):,}", f"{sweep['events']:,}")
        yield (*row, number(rates["wall"] or 0), peak, "wall, all cores")
        yield (*row, number(rates["wall_loading"] or 0), peak, "the same with loading the columns")
        yield (*row, number(rates["cpu"] or 0), peak, "a CPU second")
    if theirs := sweep.get("vectorbt"):
        row, peak = (NAMES["vectorbt"], f"{theirs['sets']:,}", f"{theirs['events']:,}"), f"{theirs['peak_mb']:.0f}"
        yield (*row, number(rates["vectorbt"] or 0), peak, "a CPU second, by recorded events")
        fed = f"a CPU second, by the {theirs['rows']:,} rows it was fed"
        yield (*row, number(rates["vectorbt_rows"] or 0), peak, fed)


def _orders(found: Found) -> Iterator[Row]:
    yield ("orders so far", "CPU µs an order, with its share of the events", "peak MB")
    so_far = 0
    for each in found["of_each"]:
        so_far += each["orders"]
        spent = each["cpu_s"] / max(each["orders"], 1) * 1e6
        yield (f"{so_far:,}", f"{spent:,.0f}", f"{found['peak_mb']:.0f}" if each is found["of_each"][-1] else "")


def _aim(goal: Any) -> str:
    return f"{'at most' if goal.most else 'at least'} {number(goal.goal)}{goal.unit}"


def _cell(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 or not cell[:1].isdigit() else cell.rjust(width)
