"""The promotion gate of an account: its record from the rows, judged, and kept."""

from typing import NamedTuple

from backtests.core.gate import Criterion, Evidence, Weight, Window, criteria, evidence_of
from backtests.forecast_rows import is_simulated
from backtests.models import BacktestRun
from backtests.trials import trials_all
from markets.core.units import DOLLAR
from markets.models import Market
from trading import selectors
from trading.arming import promotion_note
from trading.core.fitted import ALL, ENDLESS, PoolingWeight
from trading.models import Forecast, Position, Promotion, Settlement, StrategyParameters

INVENTED = "its newest windows are those of a simulated market: that says nothing of the real one"
AT_ONCE = 5_000


class Gate(NamedTuple):
    """What the gate says of an account, and what it says it of."""

    account: str
    evidence: Evidence
    criteria: list[Criterion]
    missing: list[str]


def gate_of(account: str) -> Gate:
    """Judge the record of an account as it is now."""
    evidence = evidence_of(windows_of(account), weights_of(account), trials())
    conditions = criteria(evidence)
    missing = [each.lacks for each in conditions if each.lacks]
    if is_simulated(account):
        missing.insert(0, INVENTED)
    return Gate(account, evidence, conditions, missing)


def promote(account: str) -> Promotion:
    """Judge it, and keep what was found."""
    gate = gate_of(account)
    found = gate.evidence
    return promotion_note(
        Promotion(
            account=account, windows=found.windows, traded=found.traded, deflated_sharpe=found.sharpe,
            bootstrap_low=found.low, pooling_weight=found.weight, pooling_low=found.weight_low,
            is_passed=not gate.missing, missing=gate.missing,
        )
    )  # fmt: skip


def kept(row: Promotion) -> list[Criterion]:
    """The conditions again, with the numbers that were kept."""
    found = Evidence(
        row.windows, row.traded, row.deflated_sharpe, row.bootstrap_low, row.pooling_weight, row.pooling_low
    )
    return criteria(found)


def windows_of(account: str) -> list[Window]:
    """The settled windows that the account forecast, in the order of their close, with what it made in them."""
    said = Forecast.objects.filter(account=account, fair__isnull=False).order_by().values_list("ticker", "close_ns")
    closes: dict[str, int] = dict(said.distinct())
    settled = set(Market.objects.exclude(result="").values_list("ticker", flat=True).iterator(AT_ONCE))
    settled |= set(Settlement.objects.filter(account=account).values_list("ticker", flat=True))
    made = {
        row[0]: (row[1] - row[2]) / DOLLAR
        for row in Position.objects.filter(account=account, count=0).values_list("ticker", "realised", "fees")
    }
    found = [
        Window(close_ns, made.get(ticker, 0.0), ticker in made)
        for ticker, close_ns in closes.items()
        if ticker in settled
    ]
    return sorted(found)


def weights_of(account: str) -> list[Weight]:
    """The weights of our opinion that are in force: those of all assets together where there are any."""
    rows = [row for row in selectors.artefacts_in_force(account) if row.kind == "pooling"]
    rows = [row for row in rows if row.group == ALL] or rows
    fitted: list[PoolingWeight] = [row.artefact() for row in rows]
    return [Weight(each.weight, each.standard_error) for each in fitted if each.standard_error < ENDLESS]


def trials() -> int:
    """How many configurations were tried: every version of the parameters is one, every backtest that was played, and every
    trial of a study."""
    played = BacktestRun.objects.filter(status=BacktestRun.Status.DONE).count()
    return max(1, StrategyParameters.objects.count() + played + trials_all())
