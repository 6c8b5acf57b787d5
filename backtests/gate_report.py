"""The report on gates as JSON can hold it: of an account, of a run, for page, API and command alike."""

from typing import Any

from backtests.core.gate_costs import LEAST_CLOSES, TOO_FEW, GateCost, GateReport, Outcome, Window, report_of
from backtests.core.record import Result, outcomes
from markets.core.units import count_text, money_text
from trading.core.reasons import REASONS, TRADED


def of_result(result: Result, asset: str = "") -> GateReport:
    """Gates over the windows of what was traded through."""
    ended = outcomes(result)
    windows = {
        ticker: Window(each.asset, each.close_ns, each.fees, ended[ticker].yes_pays if ticker in ended else None)
        for ticker, each in result.contracts.items()
        if asset in {"", each.asset}
    }
    return report_of(result.seen, windows, result.fills)


def report_json(report: GateReport) -> dict[str, Any]:
    """Money and counts are decimal strings in dollars and contracts; ratios are floats or null."""
    return {
        "windows": report.windows,
        "settled": report.settled,
        "closes": report.closes,
        "evaluations": report.evaluations,
        "gates": [_gate(gate) for gate in report.gates],
        "taken": _outcome(report.taken),
    }


def _gate(gate: GateCost) -> dict[str, Any]:
    return {
        "code": gate.code,
        "text": REASONS.get(gate.code, ""),
        "evaluations": gate.evaluations,
        "windows": gate.windows,
        "alone": _outcome(gate.outcome),
        "pending": gate.pending,
        "verdict": gate.verdict,
        "is_certain": gate.is_certain,
        "words": _words(gate),
    }


def _words(gate: GateCost) -> str:
    if gate.code == TRADED:
        return ""
    if not gate.outcome.windows:
        return "never stood alone before a purchase"
    if gate.verdict == TOO_FEW:
        return f"{TOO_FEW}: {gate.outcome.closes} of {LEAST_CLOSES} closes"
    return gate.verdict if gate.is_certain else f"{gate.verdict}, which chance alone may have done"


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "windows": outcome.windows,
        "closes": outcome.closes,
        "won": outcome.won,
        "contracts": count_text(outcome.contracts),
        "spent": money_text(outcome.spent),
        "profit": money_text(outcome.profit),
        "per_contract": outcome.per_contract,
        "mean": outcome.mean,
        "low": outcome.low,
        "high": outcome.high,
    }
