"""Runs over one small tape, queued and played where they stand."""

from typing import Any

from backtests import services
from backtests.models import BacktestRun

BOLD = {"edge": "1", "confidence": "0", "margin": "0", "pooling": "off"}  # rising.BOLD, as a person types it
MINIMUM = {"tapes": ["rising"], "capital": "10000", "max_daily_loss": "1000"}
Status = BacktestRun.Status


def queued(**changes: Any) -> BacktestRun:
    return services.run_queue(services.inputs_from(MINIMUM | BOLD | changes), by=None)


def finished(**changes: Any) -> BacktestRun:
    run = queued(**changes)
    services.run_execute(run.pk)
    run.refresh_from_db()
    return run
