"""What was fitted reaches a study only where it is asked for, and only on days that it saw nothing of."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from backtests.studies import parts
from backtests.study_models import StudyPart, StudyTrial
from markets.core.units import DAY_NS
from tests.builders_studies import BOLD, played, queued, register_days, without_workers
from trading.artefacts import artefacts_add
from trading.core.fitted import PoolingWeight

pytestmark = pytest.mark.django_db
OURS = BOLD | {"pooling": "fitted", "pooling_weight": "1"}  # ours alone, until a weight was fitted


@pytest.fixture(autouse=True)
def days(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    register_days(tmp_path, days=3, windows=2)
    without_workers(tmp_path / "artefacts", settings, monkeypatch)


def windows_by_day(**changes: Any) -> list[int]:
    """How many windows were traded on each of the three days."""
    study = played(queued(space=["edge=1"], settings=OURS, **changes))
    assert (study.status, study.error) == ("done", "")
    assert StudyTrial.objects.filter(study=study).count() == 1
    return [len(parts.made(row.artefact, row.digest).results[0].windows)
            for row in StudyPart.objects.filter(study=study).order_by("number")]  # fmt: skip


def test_a_fitted_weight_is_used_after_the_days_it_saw_and_only_where_it_is_asked_for() -> None:
    first = queued(space=["edge=1"], settings=OURS).inputs["spans"][0]["day"]
    nothing = PoolingWeight(
        weight=0.0, standard_error=0.01, windows=600, first_ns=1, through_ns=(first + 1) * DAY_NS - 1
    )
    artefacts_add("demo", [(nothing, {})])
    assert windows_by_day() == [2, 2, 2]
    assert windows_by_day(fits="demo") == [2, 0, 0]  # it saw the first day; from the second on the market is believed


def test_the_embargo_of_a_walk_forward_holds_for_what_was_fitted_too() -> None:
    first = queued(space=["edge=1"], settings=OURS).inputs["spans"][0]["day"]
    seen = PoolingWeight(weight=0.5, standard_error=0.01, windows=600, first_ns=1, through_ns=(first + 1) * DAY_NS - 1)
    artefacts_add("demo", [(seen, {})])
    study = queued("walkforward", space=["edge=1"], settings=OURS, fits="demo", train="1", test="1", embargo="1")
    assert [len(span["fits"]) for span in study.inputs["spans"]] == [0, 0, 1]
