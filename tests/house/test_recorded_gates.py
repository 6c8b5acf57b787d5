"""The gates of the recorded days: the report runs, its numbers add up, and an independent sum gives the same money."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from backtests.core.gate_costs import Seen
from backtests.core.record import outcomes
from backtests.core.simulate import simulate
from backtests.gate_report import of_result
from markets.core.units import DOLLAR
from tests.builders import EAGER
from trading.core.events import Opening
from trading.core.limits import RiskLimits
from trading.core.reasons import REASONS
from trading.playback import market_events

pytestmark = [pytest.mark.recorded, pytest.mark.slow]
SOME = 8  # of the recording's runs
SHUT = replace(EAGER, min_confidence=20.0)


def test_the_gates_of_recorded_days_add_up(recorded_tapes: list[Path]) -> None:
    stops = 0
    for path in recorded_tapes[:SOME]:
        result = simulate(market_events(path), Opening(0, 10_000 * DOLLAR), RiskLimits(), SHUT)
        report, ended = of_result(result), outcomes(result)
        assert sum(gate.evaluations for gate in report.gates) == report.evaluations
        assert {gate.code for gate in report.gates} <= REASONS.keys()
        for gate in report.gates:
            by_hand = [
                _made(seen, gate.code, ended[ticker].yes_pays)
                for ticker, seen in result.seen.items()
                if ticker in ended
            ]
            made = [each for each in by_hand if each is not None]
            assert gate.outcome.windows == len(made)
            assert gate.outcome.profit == pytest.approx(sum(made), abs=100 * max(len(made), 1)), path.name
            stops += len(made)
    assert stops > 0


def _made(seen: Seen, code: str, yes_pays: int) -> float | None:
    """Money in floats, with the fee as the pricing notes write it: to the hundredth of a cent."""
    stop = seen.alone.get(code)
    if stop is None:
        return None
    own, paid = (stop.price, yes_pays) if stop.is_bid else (10_000 - stop.price, 10_000 - yes_pays)
    p, contracts = own / 10_000, stop.count / 100
    return 1_000_000 * contracts * (paid / 10_000 - p) - 1_000_000 * 0.07 * contracts * p * (1 - p)
