"""The part of a report that says how sure its numbers are, and what its pictures are drawn of; as JSON can hold it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from backtests.charts_frame import thinned
from backtests.core.buckets import Bucket, buckets_of
from backtests.core.evidence import Evidence, Sharpe, annualised, evidence_of
from backtests.core.marked import MarkedPoint
from backtests.core.marked import thinned as thinned_marks
from backtests.core.metrics import Drawdown, Metrics, account_value, account_value_at_open
from backtests.core.record import Result, outcomes
from backtests.core.scores import Bin, brier_losses, mean, reliability_diagram, vote_weights
from backtests.core.window_paths import points_of
from markets.core.units import DOLLAR, MILLISECOND_NS, count_text, money_text, price_text

MOST_MARKS = 600
MOST_PATHS = 200  # windows whose path a report carries: those that made or lost most


def statistics_of(whole: Result, metrics: Metrics) -> dict[str, Any]:
    """The keys `statistics`, `band`, `marked`, `buckets`, `calibration`, `paths` and `equity` of a report. Sharpe ratios are
    not annualised but where the name says so; money is decimal strings where it was made, floats where it is an estimate."""
    found = evidence_of(whole, metrics)
    capital = account_value_at_open(whole) / DOLLAR
    band = found.resampled.band if found.resampled else ()
    buckets = buckets_of(metrics.windows)
    return {
        "statistics": _statistics(found),
        "band": [
            [point.time_ns // MILLISECOND_NS, round(capital + point.low, 2), round(capital + point.high, 2)]
            for point in band
        ],
        "equity": _equity(whole),
        "marked": [_marked(point) for point in thinned_marks(whole.marked, MOST_MARKS)],
        "buckets": {
            "edge": [_bucket(each) for each in buckets.edge],
            "seconds_left": [_bucket(each) for each in buckets.seconds_left],
            "price": [_bucket(each) for each in buckets.price],
        },
        "calibration": _calibration(whole),
        "paths": _paths(whole, metrics),
    }


def _statistics(found: Evidence) -> dict[str, Any]:
    spans = found.resampled
    return {
        "closes": found.closes,
        "windows": found.windows,
        "days": found.days,
        "method": spans.method if spans else "",
        "intervals": None if spans is None else {
            "net": list(spans.net),
            "net_per_contract": list(spans.net_per_contract),
            "net_per_window": list(spans.net_per_window),
            "return_on_cost": list(spans.return_on_cost),
            "win_rate": list(spans.win_rate),
            "sharpe_window": list(spans.window_sharpe) if spans.window_sharpe else None,
            "sharpe_close": list(spans.close_sharpe) if spans.close_sharpe else None,
            "drawdown": list(spans.drawdown),
            "drawdown_share": list(spans.drawdown_share),
        },
        "sharpe": {
            "window": _sharpe(found.per_window),
            "close": _sharpe(found.per_close),
            "day": _sharpe(found.per_day) | {"annualised": annualised(found.per_day.value)},
        },
        "shape": None if found.shape is None else {"skew": found.shape.skew, "kurtosis": found.shape.kurtosis},
        "psr": found.psr,
        "least_record": found.least_record,
        "return_on_cost": found.return_on_cost,
        "net_per_window": found.net_per_window,
        "net_per_day": found.net_per_day,
        "drawdown": {"settled": _drawdown(found.settled), "marked": _drawdown(found.marked)},
        "signs": {
            "windows": found.signs.windows, "closes": found.signs.closes, "made": found.signs.made, "low": found.signs.low,
            "high": found.signs.high, "p": found.signs.p, "words": found.signs.words,
        },
    }  # fmt: skip


def _sharpe(sharpe: Sharpe) -> dict[str, Any]:
    return {
        "value": sharpe.value, "count": sharpe.count, "needed": sharpe.needed, "low": sharpe.low, "high": sharpe.high,
    }  # fmt: skip


def _drawdown(fall: Drawdown) -> dict[str, Any]:
    return {"money": money_text(fall.money), "share": fall.share}


def _marked(point: MarkedPoint) -> list[Any]:
    return [point.time_ns // MILLISECOND_NS, *(money_text(value) for value in (point.low, point.high, point.equity))]


def _equity(whole: Result) -> list[list[Any]]:
    """[unix milliseconds, dollars], with the capital at the start and the value at the end; of a long run every peak and
    fall, not every point."""
    points = [(whole.first_ns, account_value_at_open(whole))]
    points += [(point.time_ns, point.equity) for point in whole.equity]
    points.append((max(whole.last_ns, points[-1][0]), account_value(whole)))
    return [[time_ns // MILLISECOND_NS, money_text(equity)] for time_ns, equity in thinned(points)]


def _bucket(bucket: Bucket) -> dict[str, Any]:
    return {
        "low": bucket.low, "high": bucket.high, "windows": bucket.windows, "wins": bucket.wins,
        "contracts": count_text(bucket.contracts), "net": money_text(bucket.net), "per_contract": bucket.per_contract,
        "interval": None if bucket.interval is None else list(bucket.interval),
    }  # fmt: skip


def _calibration(whole: Result) -> dict[str, Any]:
    """Our fair value and the market's middle against what came, over the windows of the run that ended YES or NO, traded or
    not; one window, one vote."""
    ended = {ticker: outcome.result for ticker, outcome in outcomes(whole).items() if not outcome.is_void}
    rows = [said for said in whole.said if said.ticker in ended]
    if not rows:
        return {"windows": 0, "rows": 0, "fair": None, "mid": None}
    _, window = np.unique(np.array([said.ticker for said in rows]), return_inverse=True)
    came = np.array([ended[said.ticker] == "yes" for said in rows], np.float64)
    weights = vote_weights(window.astype(np.int64))

    def judged(values: Sequence[float]) -> dict[str, Any]:
        p = np.array(values, np.float64)
        return {
            "brier": mean(brier_losses(p, came), weights),
            "bins": [_bin(each) for each in reliability_diagram(p, came, weights)],
        }

    return {
        "windows": int(window.max()) + 1,
        "rows": len(rows),
        "fair": judged([said.fair for said in rows]),
        "mid": judged([said.mid for said in rows]),
    }


def _bin(each: Bin) -> list[Any]:
    return [each.low, each.high, each.rows, each.windows, each.forecast, each.happened]


def _paths(whole: Result, metrics: Metrics) -> dict[str, list[list[Any]]]:
    """[unix milliseconds, bid, ask, fair] by market."""
    most = sorted(metrics.windows, key=lambda window: (-abs(window.net), window.ticker))[:MOST_PATHS]
    return {
        window.ticker: [
            [point.time_ns // MILLISECOND_NS, price_text(point.bid), price_text(point.ask), point.fair]
            for point in points_of(whole.paths[window.ticker])
        ]
        for window in sorted(most, key=lambda window: (window.close_ns, window.ticker))
        if window.ticker in whole.paths
    }
