"""What a trial made over its days, in the numbers that tables show. Counted in windows and closes, never in fills."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from backtests.core.metrics import LEAST_WINDOWS, wilson
from backtests.core.studies.objective import Span, closes_of, dollars, lower_bound, proven, resampled_means, sharpe
from backtests.core.trial import TrialResult
from markets.core.units import money_text


def summary_of(spans: Sequence[Span], results: Sequence[TrialResult]) -> dict[str, Any]:
    """Money as decimal text in dollars, ratios as floats or None. `closes_low` and `closes_high` are the 95 % interval of
    the mean of a close, in dollars, by resampling runs of closes."""
    windows = [window for span in spans for window in span.windows]
    closes = closes_of(spans)
    won = sum(window.net > 0 for window in windows)
    low, high = wilson(won, len(windows)) if windows else (None, None)
    means = resampled_means(dollars(closes)) if len(closes) >= LEAST_WINDOWS else None
    return {
        "net": money_text(sum(span.net for span in spans)),
        "fees": money_text(sum(window.fees for window in windows)),
        "days": len(spans),
        "windows": len(windows),
        "closes": len(closes),
        "won": won,
        "win_rate": won / len(windows) if windows else None,
        "win_low": low,
        "win_high": high,
        "net_per_window": float(np.mean([window.net for window in windows])) / 1e6 if windows else None,
        "closes_low": None if means is None else float(np.quantile(means, 0.025)),
        "closes_high": None if means is None else float(np.quantile(means, 0.975)),
        "lower": lower_bound(spans),
        "sharpe": sharpe(spans),
        "psr": proven(spans),
        "drawdown": money_text(max((result.drawdown for result in results), default=0)),
        "worst_day": money_text(min((span.net for span in spans), default=0)),
        "orders": sum(result.orders for result in results),
        "fills": sum(window.fills for window in windows),
        "contracts": sum(window.contracts for window in windows) / 100,
    }
