"""What the page of a run shows, for the page itself and for the file that stands alone: one context for one template."""

from typing import Any

from backtests.charts import equity_chart
from backtests.models import BacktestRun
from backtests.presentation import page_of, settings_shown

TRADES_SHOWN = 500


def run_context(run: BacktestRun) -> dict[str, Any]:
    """The context of templates/backtests/detail.html but for who looks: the run, its inputs and, where there is one, its
    result. Nothing of it needs a database, so that a run that was never kept can be shown too."""
    context = {"run": run, "name": name_of(run), "settings": settings_shown(run)}
    return context | (result_context(run.result) if run.result is not None else {})


def result_context(report: dict[str, Any]) -> dict[str, Any]:
    """A report's numbers and charts."""
    trades = report["trades"]
    return {
        "result": page_of(report | {"trades": trades[:TRADES_SHOWN]}),
        "chart": equity_chart(report["equity"]),
        "trades_left": max(len(trades) - TRADES_SHOWN, 0),
    }


def name_of(run: BacktestRun) -> str:
    """What it is called: by its number, where it has one."""
    return f"Backtest #{run.pk}" if run.pk else "Backtest"
