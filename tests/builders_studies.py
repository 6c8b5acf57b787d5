"""Small tapes that studies are tried on: short windows over several days, in which YES is cheap and mostly wins."""

from math import sin
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from backtests.studies import services, working
from backtests.studies.inputs import Kind, inputs_from
from backtests.study_models import Study
from markets.core.events import MarketEvent, MarketListed
from markets.services import tape_register
from markets.tape import VERSION, TapeHeader, TapeWriter
from tests.builders import at, contract, snapshot, spot, status
from tests.rising import later

DAY_S, HOUR_S = 86_400, 3_600
BOLD = {"confidence": "0", "margin": "0", "pooling": "off"}
MINIMUM = {"tapes": ["all"], "capital": "10000", "max_daily_loss": "1000", "settings": BOLD, "engine": True}
EDGES = ["edge=1,60"]


def short(number: int) -> list[MarketEvent]:
    """The last minute and a half of a window; every third one is lost."""
    drift = 0.5 + 0.2 * (number % 4)
    path = [spot(812 + second, 85_000 + drift * second + 4 * sin(2 * second)) for second in range(72)]
    events: list[MarketEvent] = [
        MarketListed(at(811), contract()),
        status(811.2, "open"),
        snapshot(811.4, 4_900, 5_100),
        *path,
        status(900, "closed"),
        status(900.5, "settled", "no" if number % 3 == 2 else "yes"),
    ]
    return sorted(events, key=lambda event: event.received_ns)


def write_days(folder: Path, *, days: int = 2, windows: int = 3) -> list[Path]:
    """For each day so many tapes of one window, an hour apart."""
    return [
        _write(folder / f"day{day}-{number}.tape", day * windows + number, day * DAY_S + number * HOUR_S)
        for day in range(days)
        for number in range(windows)
    ]


def register_days(folder: Path, *, days: int = 2, windows: int = 3) -> None:
    """The same in the catalogue."""
    for path in write_days(folder, days=days, windows=windows):
        tape_register(path)


def queued(kind: Kind = "sweep", **changes: Any) -> Study:
    """A study that waits for workers."""
    asked = MINIMUM | ({} if kind == "versus" else {"space": EDGES}) | changes
    return services.study_queue(inputs_from(kind, asked), by=None)


def played(study: Study) -> Study:
    """The study after one worker played all of it."""
    while working.work_once(study.pk):
        pass
    study.refresh_from_db()
    return study


def told(study: Study) -> dict[str, Any]:
    """The result of a study that is done."""
    assert study.result is not None, study.error
    found: dict[str, Any] = study.result
    return found


def _write(path: Path, number: int, shift_s: int) -> Path:
    writer = TapeWriter(path, TapeHeader(VERSION, path.stem, "test", "A", 1))
    for event in later(short(number), shift_s):
        writer.append(event)
    return writer.close()


def without_workers(folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What studies make lies in `folder`, and nobody is told that there is work."""
    settings.STORAGES = django_settings.STORAGES | {
        "artefacts": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    }
    for module in (services, working):
        monkeypatch.setattr(module, "nudge", lambda *_: None)
