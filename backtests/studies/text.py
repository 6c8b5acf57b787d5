"""What a terminal shows of a study that is over."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from backtests.report_page import not_covered
from backtests.study_models import Study, StudyTrial

SHOWN = 12
NO_NUMBER = "\N{EN DASH}"


def text_of(study: Study) -> str:
    """The result in lines; the error where there is none."""
    if study.result is None:
        return study.error or f"{study}: {study.status}."
    result = study.result
    kinds = {"sweep": _sweep, "walkforward": _forward, "versus": _versus}
    return "\n".join([*_head(study, result), "", *kinds[study.kind](study, result)])


def values_text(values: Mapping[str, str] | None) -> str:
    """edge=3, kelly=10"""
    return ", ".join(f"{name}={value}" for name, value in (values or {}).items()) or "as set"


def number_text(value: float | None, unit: str = "") -> str:
    """A ratio or an amount, and what it is; a dash where there is none."""
    if value is None:
        return NO_NUMBER
    if not unit.startswith("$"):
        return f"{value:.4f}"
    return f"{'-' if round(value, 2) < 0 else ''}${abs(value):,.2f}"


def change_text(value: float) -> str:
    """An amount with its sign: +$1,234.50."""
    sign = "" if round(value, 2) == 0 else "+" if value > 0 else "-"
    return f"{sign}${abs(value):,.2f}"


def percent_text(value: float | None) -> str:
    """0.412 -> "41.2 %"."""
    return NO_NUMBER if value is None else f"{100 * value:.1f} %"


def _head(study: Study, result: Mapping[str, Any]) -> Iterator[str]:
    days = result["days"]
    yield f"{study} over {len(days)} day{'' if len(days) == 1 else 's'} ({days[0]} to {days[-1]})"
    yield f"Objective: {result['objective']['words']}"
    left_out = f"; {result['left_out_count']} that do not go together left out" if result["left_out_count"] else ""
    yield f"Settings tried: {result['trials']:,} here, {result['tried']:,} in all on these tapes{left_out}"
    yield from (f"Not covered: {words}" for words in not_covered(result.get("coverage")))
    yield f"Digest: {result['digest']}"


def _sweep(study: Study, result: Mapping[str, Any]) -> Iterator[str]:
    unit = result["objective"]["unit"]
    trials = StudyTrial.objects.filter(study=study).exclude(objective=None).order_by("-objective", "number")
    yield from _table(trials[:SHOWN], unit)
    yield from _others(trials.count(), result["trials"])
    for name, words in (("best", "Best"), ("median", "Median"), ("steadiest", "Middle of the best plateau")):
        if told := result[name]:
            yield f"{words}: {values_text(told['values'])}: objective {number_text(told['objective'], unit)}, {_made(told)}"
    if near := result["plateau"]:
        around = ", ".join(number_text(each["objective"], unit) for each in near["neighbours"]) or "none was tried"
        words = "a lonely peak" if near["is_lonely"] else "on a plateau"
        yield f"Neighbours of the best: {around}; {words}"
    words = result["pbo"]["words"]
    yield f"PBO: {percent_text(result['pbo']['probability'])}" + ("" if words in result["reasons"] else f" ({words})")
    if luck := result["deflated"]:
        yield (
            f"Deflated Sharpe ratio: {percent_text(luck['dsr'])} over {luck['closes']} closes, {luck['trials']:,} "
            f"settings tried (PSR {percent_text(luck['psr'])})"
        )
    yield from _verdict(result)


def _verdict(result: Mapping[str, Any]) -> Iterator[str]:
    if result["recommended"] is not None:
        yield f"Recommended: {values_text(result['best']['values'])}"
        return
    yield "Nothing is recommended:"
    yield from (f"  - {words}" for words in result["reasons"])


def _forward(study: Study, result: Mapping[str, Any]) -> Iterator[str]:
    unit = result["objective"]["unit"]
    for fold in result["folds"]:
        train, test = fold["train"], fold["test"]
        chosen = "no choice" if fold["trial"] is None else values_text(fold["values"])
        rank = f", place {fold['rank']} of {fold['rated']}" if fold["rank"] else ""
        yield (
            f"{_days(train)} → {_days(test)}: {chosen}: in sample "
            f"{number_text(fold['inside'], unit)}, out of sample {number_text(fold['outside'], unit)} "
            f"({number_text(fold['outside_day'], '$')} a day, {fold['windows']} windows{rank}); {fold['purged']} purged"
        )
    told = result["outside"]
    yield f"Out of sample, joined: {_made(told)}"
    yield from result["words"]


def _days(days: Sequence[str]) -> str:
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _versus(study: Study, result: Mapping[str, Any]) -> Iterator[str]:
    for side in result["sides"]:
        yield f"{side['name']}: {values_text(side['values'])}: {_made(side)}"
    rows = [{"asset": "all"} | result["difference"], *result["by_asset"]]
    for row in rows:
        interval = f" [{row['low']:+.2f}, {row['high']:+.2f}]" if row["low"] is not None else ""
        mean = NO_NUMBER if row["mean"] is None else change_text(row["mean"])
        yield (
            f"A less B, {row['asset']}: {change_text(row['total'])} over {row['closes']} closes, {mean} a close{interval}; "
            f"more at {row['won']}, less at {row['lost']}. {row['sentence']}"
        )


def _made(told: Mapping[str, Any]) -> str:
    rate = f"{told['won']} won ({percent_text(told['win_rate'])})"
    return f"net {change_text(float(told['net']))} over {told['windows']} windows, {rate}, Sharpe {number_text(told['sharpe'])} a close"


def _table(trials: Iterable[StudyTrial], unit: str) -> Iterator[str]:
    yield f"{'trial':>6}  {'objective':>12}  {'net':>12}  {'windows':>7}  {'won':>7}  settings"
    for trial in trials:
        told = trial.summary
        yield (
            f"{trial.number:>6}  {number_text(trial.objective, unit):>12}  {float(told['net']):>+12,.2f}  "
            f"{told['windows']:>7}  {percent_text(told['win_rate']):>7}  {values_text(trial.values)}"
        )


def _others(judged: int, tried: int) -> Iterator[str]:
    """What the table does not show."""
    if judged > SHOWN:
        yield f"{judged - SHOWN:>6,}  more that were judged, below these"
    if tried > judged:
        yield f"{tried - judged:>6,}  more traded at too few closes to be judged"
    yield ""
