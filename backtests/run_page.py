"""What the page of a run shows, for the page itself and for the file that stands alone: one context for one template."""

from copy import deepcopy
from typing import Any

from backtests.models import BacktestRun
from backtests.presentation import page_of, settings_shown
from backtests.report_page import judged_context, report_context
from backtests.run_inputs import changes_between, inputs_of
from backtests.run_queue import state_of
from backtests.trials import trials_of

TRADES_SHOWN = 500
MOST_TWINS = 20


def run_context(run: BacktestRun) -> dict[str, Any]:
    """The context of templates/backtests/detail.html but for who looks: the run, its inputs and, where there is one, its
    result. Nothing of it needs a database, so that a run that was never kept can be shown too."""
    context = {"run": run, "name": name_of(run), "settings": settings_shown(run)}
    return context | (result_context(run.result) if run.result is not None else {})


def result_context(report: dict[str, Any]) -> dict[str, Any]:
    """A report's numbers and charts."""
    trades = report["trades"]
    return {
        "result": page_of(deepcopy(report | {"trades": trades[:TRADES_SHOWN]})),  # which writes its words into it
        "trades_left": max(len(trades) - TRADES_SHOWN, 0),
        **report_context(report),
    }


def name_of(run: BacktestRun) -> str:
    """What it is called: by its number, where it has one."""
    return f"Backtest #{run.pk}" if run.pk else "Backtest"


def about_context(run: BacktestRun) -> dict[str, Any]:
    """What the rows say of a run beside its result: how far it is, what it was cloned from and what was changed, who
    annotated it, and which other runs took the same decisions."""
    parent = run.cloned_from
    changed = changes_between(inputs_of(parent), inputs_of(run)) if parent is not None else []
    twins = (
        BacktestRun.objects.filter(digest=run.digest).exclude(pk=run.pk) if run.digest else BacktestRun.objects.none()
    )
    return {
        "state": state_of(run),
        "changed": changed,
        "digests": _digests_said(run, parent, is_changed=bool(changed)),
        "twins": list(twins.order_by("-id").values_list("pk", flat=True)[:MOST_TWINS]),
        "history": list(run.changes.select_related("by")),
        **(judged_context(run.result, trials_of(run).total) if run.result is not None else {}),
    }


def _digests_said(run: BacktestRun, parent: BacktestRun | None, *, is_changed: bool) -> dict[str, str]:
    """Whether a clone took the decisions of the run it was cloned from, and what that means."""
    if parent is None or not run.digest or not parent.digest:
        return {}
    if run.digest == parent.digest:
        why = "what was changed made no difference to any decision" if is_changed else "the run can be repeated"
        return {"tone": "good", "words": f"The digest is equal to that of #{parent.pk}: {why}."}
    if is_changed:
        return {"tone": "", "words": f"The digest differs from that of #{parent.pk}, as other inputs may."}
    words = f"Nothing was changed, and yet the digest differs from that of #{parent.pk}: the tapes or the software did change."
    return {"tone": "bad", "words": words}
