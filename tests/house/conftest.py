"""The recorded days as tapes, imported once for all tests of the house."""

from pathlib import Path

import pytest
from django.conf import settings

from markets.recording.importing import import_run
from markets.recording.parquet import Recording
from markets.recording.summary import RunSummary

RECORDING = "kalshi_ws_btc15m_2026-05"


@pytest.fixture(scope="session")
def recorded_runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunSummary]:
    """Every recorder run of the recording, imported; those that were refused say why in `problem`."""
    folder = tmp_path_factory.mktemp("recorded")
    recording = Recording(settings.RECORDED_DATA / RECORDING)
    return [import_run(recording, run, folder) for run in recording.runs()]


@pytest.fixture(scope="session")
def recorded_tapes(recorded_runs: list[RunSummary]) -> list[Path]:
    """The tapes of those runs."""
    return [Path(run.path) for run in recorded_runs if not run.problem]


@pytest.fixture(scope="session")
def recorded_tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One recorded run with a book, spot prices and a settled market."""
    recording = Recording(settings.RECORDED_DATA / RECORDING)
    run = import_run(recording, "20260513T1522Z-rv600", tmp_path_factory.mktemp("one"))
    return Path(run.path)
