"""A study as its page shows it."""

from collections.abc import Mapping
from typing import Any

from django.db.models import F, QuerySet
from django.utils.safestring import SafeString

from backtests.charts import equity_chart
from backtests.core.studies.objective import OBJECTIVES
from backtests.core.studies.plateau import HeatMap, best_of, heat_map
from backtests.knobs import plain_money
from backtests.report_page import not_covered
from backtests.run_inputs import NEEDS
from backtests.studies.inputs import StudyInputs, from_row
from backtests.studies.plan import budget_words
from backtests.studies.result import sides_of, tried_of
from backtests.studies.text import change_text, number_text, percent_text, values_text
from backtests.studies_charts import heat_chart
from backtests.study_models import Study, StudyPart, StudyTrial

SORTS = {"objective": "Objective", "net": "P&L", "windows": "Windows", "number": "Trial"}


def trials_sorted(study: Study, sort: str) -> QuerySet[StudyTrial]:
    """The trials of a study, the largest first; by number from the first on."""
    rows = StudyTrial.objects.filter(study=study)
    if sort == "number":
        return rows.order_by("number")
    return rows.order_by(F(sort if sort in SORTS else "objective").desc(nulls_last=True), "number")


def study_context(study: Study, x: str = "", y: str = "") -> dict[str, Any]:
    """What its template needs; `x` and `y` are the settings of the map."""
    inputs = from_row(study.inputs)
    context: dict[str, Any] = {"study": study, "inputs": inputs_shown(inputs), "parts": _parts(study)}
    if study.result is None:
        return context
    result: Mapping[str, Any] = study.result
    unit = result["objective"]["unit"]
    context |= {"result": result, "unit": unit, "reasons": result.get("reasons", []),
                "not_covered": not_covered(result.get("coverage"))}  # fmt: skip
    if study.kind == "versus":
        return context | _versus_shown(result)
    if study.kind == "walkforward":
        return context | _forward_shown(result, unit)
    return context | _sweep_shown(study, inputs, result, unit) | _map_shown(study, inputs, unit, x, y)


def inputs_shown(inputs: StudyInputs) -> list[tuple[str, str]]:
    """What was asked, in words."""
    rows = [
        (
            "Tapes",
            ", ".join(inputs.tapes[:6]) + (f" and {len(inputs.tapes) - 6} more" if len(inputs.tapes) > 6 else ""),
        ),
        ("Work", budget_words(inputs)),
        ("Capital, each day anew", f"${plain_money(inputs.capital)}"),
        ("Maximum daily loss", f"${plain_money(inputs.max_daily_loss)}"),
        ("All trials have", values_text(inputs.settings)),
        ("Judged by", OBJECTIVES[inputs.objective].words),
    ]
    rows += [("Tried", axis.spoken()) for axis in inputs.space]
    rows += [(f"Side {side.name}", values_text(side.settings)) for side in inputs.sides]
    if inputs.search == "optuna":
        rows.append(("Search", f"Optuna, {inputs.trials} trials in batches of {inputs.batch}, seed {inputs.seed}"))
    if scheme := inputs.scheme:
        way = "anchored" if scheme.is_anchored else "rolling"
        words = f"{way}: {scheme.train} days to learn on, {scheme.embargo} of embargo, {scheme.test} to judge, step {scheme.step}"
        rows.append(("Folds", words))
    rows += [(NEEDS[name][0], ", ".join(getattr(inputs, name))) for name in NEEDS if getattr(inputs, name)]
    rows.append(("Gaps", "allowed" if inputs.allow_gaps else "refused: what is asked for must be on a tape"))
    rows.append(("Fitted artefacts", f"of {inputs.fits}, each on days after what it saw" if inputs.fits else "none"))
    return rows


def trial_shown(told: Mapping[str, Any] | None, unit: str) -> dict[str, str] | None:
    """A trial of a result in words."""
    if told is None:
        return None
    rate = percent_text(told["win_rate"])
    if told["win_low"] is not None:
        rate += f" ({100 * told['win_low']:.0f} to {100 * told['win_high']:.0f} %)"
    return {
        "values": values_text(told["values"]) if "values" in told else "",
        "objective": number_text(told.get("objective"), unit),
        "net": change_text(float(told["net"])),
        "tone": "up" if float(told["net"]) > 0 else "down" if float(told["net"]) < 0 else "",
        "windows": f"{told['windows']:,} at {told['closes']:,} closes",
        "rate": rate,
        "sharpe": number_text(told["sharpe"]),
        "drawdown": f"${float(told['drawdown']):,.2f}",
        "lower": number_text(told["lower"], "$"),
    }


def _parts(study: Study) -> dict[str, int]:
    states = StudyPart.objects.filter(study=study).values_list("status", flat=True)
    found: dict[str, int] = {}
    for status in states.iterator():
        found[status] = found.get(status, 0) + 1
    return found


def _sweep_shown(study: Study, inputs: StudyInputs, result: Mapping[str, Any], unit: str) -> dict[str, Any]:
    near = result["plateau"]
    return {
        "kept": [
            (words, result[name]["trial"], trial_shown(result[name], unit))
            for name, words in (("best", "Best"), ("median", "Median"), ("steadiest", "Middle of the best plateau"))
            if result[name]
        ],
        "neighbours": [
            (each["trial"], values_text(each["values"]), number_text(each["objective"], unit))
            for each in (near["neighbours"] if near else ())
        ],
        "pbo": percent_text(result["pbo"]["probability"]),
        "luck": result["deflated"],
        "dsr": percent_text(result["deflated"]["dsr"]) if result["deflated"] else "",
        "psr": percent_text(result["deflated"]["psr"]) if result["deflated"] else "",
    }


def _map_shown(study: Study, inputs: StudyInputs, unit: str, x: str, y: str) -> dict[str, Any]:
    """The map over two settings: those asked for, else those with the most values."""
    names = [axis.name for axis in sorted(inputs.space, key=lambda axis: (-len(axis.values), axis.name))]
    if len(names) < 2:
        names = names * 2
    x = x if x in names else names[0]
    y = y if y in names and (y != x or len(inputs.space) < 2) else next((name for name in names if name != x), x)
    tried = tried_of(inputs, list(StudyTrial.objects.filter(study=study).order_by("number")))
    heat = heat_map(sides_of(inputs), tried, x, y)
    best = best_of(tried)
    at = _place(heat, inputs, best.places) if best else None
    return {"heat": heat_chart(heat, unit, at), "x": x, "y": y, "axes": sorted(axis.name for axis in inputs.space)}


def _place(heat: HeatMap, inputs: StudyInputs, places: tuple[int, ...]) -> tuple[int, int]:
    found = []
    for name, labels in ((heat.x, heat.columns), (heat.y, heat.rows)):
        number = next(at for at, axis in enumerate(inputs.space) if axis.name == name)
        width = -(-len(inputs.space[number].values) // len(labels))
        found.append(places[number] // width)
    return found[0], found[1]


def _forward_shown(result: Mapping[str, Any], unit: str) -> dict[str, Any]:
    folds = [
        fold | {
            "shown": values_text(fold["values"]) if fold["trial"] is not None else "no choice",
            "inside_shown": number_text(fold["inside"], unit),
            "outside_shown": number_text(fold["outside"], unit),
            "inside_day_shown": number_text(fold["inside_day"], "$"),
            "outside_day_shown": number_text(fold["outside_day"], "$"),
        }
        for fold in result["folds"]
    ]  # fmt: skip
    chart = equity_chart(result["equity"]) if len(result["equity"]) > 1 else SafeString("")
    return {"folds": folds, "outside": trial_shown(result["outside"], unit), "chart": chart,
            "left": percent_text(result["decay"]["left"])}  # fmt: skip


def _versus_shown(result: Mapping[str, Any]) -> dict[str, Any]:
    rows = [{"asset": "all"} | result["difference"], *result["by_asset"]]
    for row in rows:
        row["mean_shown"] = number_text(row["mean"], "$")
        row["interval"] = "–" if row["low"] is None else f"{row['low']:+.2f} to {row['high']:+.2f}"  # noqa: RUF001
        row["total_shown"] = number_text(row["total"], "$")
        row["p_shown"] = number_text(row["p"])
    return {
        "sides": [(side["name"], values_text(side["values"]), trial_shown(side, "$")) for side in result["sides"]],
        "differences": rows,
    }
