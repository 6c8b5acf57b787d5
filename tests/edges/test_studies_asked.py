"""A study refuses what its tapes do not have, as a single run does, and says in its result what they cover."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from pytest_django import Settings

from backtests.knobs import InputError
from backtests.studies import services, working
from backtests.studies.inputs import Kind, from_row, inputs_from
from backtests.studies.plan import planned
from backtests.studies.text import text_of
from backtests.study_models import Study
from markets.models import Tape
from tests.builders_studies import MINIMUM, played, queued, register_days, told

pytestmark = pytest.mark.django_db
GAP: dict[str, Any] = {"date_from": "2026-11-22", "date_to": "2026-11-25"}
KINDS: dict[Kind, dict[str, Any]] = {
    "sweep": {"space": ["edge=1,60"]},
    "walkforward": {"space": ["edge=1,60"], "train": "1", "embargo": "0"},
    "versus": {"a": {"edge": "1"}, "b": {"edge": "60"}},
}


@pytest.fixture(autouse=True)
def days(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days with two tapes each, 22 and 23 November 2026, and a storage of their own."""
    settings.STORAGES = django_settings.STORAGES | {
        "artefacts": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "artefacts")},
        }
    }
    for module in (services, working):
        monkeypatch.setattr(module, "nudge", lambda *_: None)
    register_days(tmp_path, windows=2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (GAP, "2026-11-24, 2026-11-25 have no tape. Ask for other days or tapes, or allow gaps"),
        ({"needs_assets": "btc, eth"}, "2026-11-22, 2026-11-23 have no ETH."),
        ({"needs_venues": ["kalshi", "kraken"]}, "have no kraken."),
    ],
    ids=["day", "coin", "feed"],
)
def test_what_is_on_no_tape_is_refused_unless_gaps_are_allowed(kind: Kind, wish: dict[str, Any], words: str) -> None:
    asked = MINIMUM | KINDS[kind] | wish
    with pytest.raises(InputError, match=words):
        services.study_queue(inputs_from(kind, asked), by=None)
    assert not Study.objects.exists()
    allowed = planned(inputs_from(kind, asked | {"allow_gaps": True}))
    assert [len(span.tapes) for span in allowed.spans] == [2, 2]


def test_what_the_tapes_have_is_not_refused() -> None:
    wish = {
        "date_from": "2026-11-22",
        "date_to": "2026-11-23",
        "needs_assets": "BTC",
        "needs_venues": "kalshi,coinbase",
    }
    assert len(planned(inputs_from("sweep", MINIMUM | KINDS["sweep"] | wish)).spans) == 2


def test_the_result_says_what_was_covered() -> None:
    study = played(queued(**GAP, allow_gaps=True, needs_assets="ETH"))
    assert (study.status, study.error) == ("done", "")
    coverage = told(study)["coverage"]
    assert coverage["allowed"] is True
    assert [(day["day"], len(day["tapes"]), day["missing"]) for day in coverage["days"]] == [
        ("2026-11-22", 2, ["ETH"]),
        ("2026-11-23", 2, ["ETH"]),
        ("2026-11-24", 0, ["a tape"]),
        ("2026-11-25", 0, ["a tape"]),
    ]
    assert (coverage["windows"], coverage["traded"]) == (4, 4)
    assert coverage["with_holes"] == coverage["traded_with_holes"] + coverage["no_trade_with_holes"]
    assert "Not covered: 2026-11-24, 2026-11-25 have no tape." in text_of(study)
    assert "Not covered: 2026-11-22, 2026-11-23 have no ETH." in text_of(study)


def test_without_wishes_a_study_is_as_it_was_and_its_row_too() -> None:
    study = played(queued())
    assert told(study)["coverage"]["missing"] == []
    assert told(study)["coverage"]["allowed"] is False
    old = {
        name: value
        for name, value in study.inputs.items()
        if name not in {"allow_gaps", "needs_assets", "needs_venues"}
    }
    assert from_row(old) == from_row(study.inputs)


def test_a_tape_that_is_gone_after_it_was_played_costs_no_result() -> None:
    study = queued()
    while working.free_parts(study.pk) > 1:
        assert working.work_once(study.pk)
    inputs = from_row(study.inputs)
    Tape.objects.filter(name=inputs.spans[0].tapes[0]).delete()
    done = played(study)
    assert done.status == "done"
    assert told(done)["coverage"]["missing"][0].startswith(
        "What the tapes cover cannot be said any more: There is no tape"
    )
    assert "cannot be said any more" in text_of(done)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--to", "2026-11-24"], "2026-11-24 has no tape."),
        (["--needs-assets", "ETH"], "have no ETH."),
        (["--needs-venues", "kraken"], "have no kraken."),
        (["--from", "tomorrow"], "'tomorrow' is not a day; write it like 2026-05-13."),
        (["--from", "2026-11-23", "--to", "2026-11-22"], "The last day is before the first."),
    ],
    ids=["day", "coin", "feed", "no-day", "backwards"],
)
def test_the_command_says_it_and_ends_with_2(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as error:
        call_command("sweep", "--tape", "all", "--try", "edge=1,60", *words)
    assert error.value.returncode == 2
    assert not Study.objects.exists()


def test_the_command_plays_with_gaps_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    turned = ["--set=confidence=0", "--set=margin=0", "--set=pooling=off"]
    call_command(
        "sweep", "--tape", "all", "--try", "edge=1,60", *turned, "--to", "2026-11-24", "--allow-gaps", "--engine"
    )
    assert "Not covered: 2026-11-24 has no tape." in capsys.readouterr().out
