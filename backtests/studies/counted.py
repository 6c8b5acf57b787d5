"""How many settings were really tried on the same tapes, in this study and in all others: what luck had to choose from."""

from collections.abc import Collection

from backtests.models import BacktestRun
from backtests.shelf import ALL
from backtests.studies.inputs import StudyInputs
from backtests.study_models import Study, StudyTrial


def tapes_of(row: dict[str, object]) -> set[str]:
    """The tapes that a study is played on, from its row."""
    spans = row.get("spans") or []
    return {name for span in spans for name in span["tapes"]}  # type: ignore[attr-defined]


def studies_beside(inputs: StudyInputs) -> list[int]:
    """Every study, over or not, that was played on one of the same tapes."""
    mine = {name for span in inputs.spans for name in span.tapes}
    rows = Study.objects.values_list("pk", "inputs")
    return [pk for pk, row in rows.iterator() if mine & tapes_of(row)]


def trials_tried(inputs: StudyInputs) -> int:
    """Different trials of all studies on these tapes, and different single runs on them. One that was cancelled before it
    was played counts as well: nobody can say that its result was not looked at in part."""
    beside = studies_beside(inputs)
    trials = StudyTrial.objects.filter(study__in=beside).exclude(key="").values("key").distinct().count()
    return trials + runs_tried({name for span in inputs.spans for name in span.tapes})


def runs_tried(tapes: Collection[str]) -> int:
    """Single runs with different settings that were played on one of these tapes."""
    rows = BacktestRun.objects.filter(status=BacktestRun.Status.DONE)
    seen = {
        (str(limits), str(parameters), str(realism))
        for names, limits, parameters, realism in rows.values_list(
            "tapes", "limits_json", "parameters_json", "realism_json"
        ).iterator()
        if ALL in names or any(name in tapes for name in names)
    }
    return len(seen)


def trials_ever() -> int:
    """Different trials of all studies, whatever their tapes."""
    return StudyTrial.objects.exclude(key="").values("key").distinct().count()
