"""Our index level against recorded settlements: one spot venue, 34 quarter hours of May 2026."""

import os
from collections.abc import Iterator
from math import sqrt
from pathlib import Path

import pytest
from pyarrow import parquet

from markets.core.contract import Averaging
from markets.core.events import SpotPrice
from markets.core.units import SECOND_NS
from trading.core.index_samples import IndexSamples
from trading.core.parameters import Parameters
from trading.core.spot import Spot

RECORDED = Path(os.environ.get("RECORDED_DATA", "../shared/data")) / "kalshi_ws_btc15m_2026-05"
A_DAY_S = 86_400


def trades() -> Iterator[tuple[int, float]]:
    rows = parquet.read_table(RECORDED / "coinbase_btcusd_trade.parquet").to_pydict()
    kept = zip(rows["recv_us"], rows["price_cents"], rows["is_last_match"], strict=True)
    yield from sorted((time * 1_000, cents / 100) for time, cents, is_old in kept if not is_old)


def settlements() -> list[tuple[int, float]]:
    rows = parquet.read_table(RECORDED / "markets.parquet", columns=["close_utc", "settle_value"]).to_pydict()
    known = zip(rows["close_utc"], rows["settle_value"], strict=True)
    return sorted((round(close.timestamp()), value) for close, value in known if value is not None)


def differences() -> list[tuple[int, float]]:
    """(close, our average / the official one - 1) of every close that was recorded whole."""
    spot, samples = Spot("BTC", Parameters()), IndexSamples(keep=5 * A_DAY_S)
    last = 0
    for time_ns, price in trades():
        now = time_ns // SECOND_NS
        for second in range(max(last + 1, now - 60), now + 1):
            samples.take(second, spot.estimate(second * SECOND_NS))
        last = now
        spot.hear(SpotPrice(time_ns, "coinbase", "BTC", price))
    averages = ((close, samples.average(Averaging(), close * SECOND_NS), value) for close, value in settlements())
    return [(close, average / value - 1.0) for close, average, value in averages if average is not None]


def root_mean_square(values: list[float]) -> float:
    return sqrt(sum(value * value for value in values) / len(values))


@pytest.mark.recorded
def test_anchoring_on_each_strike_halves_the_error_of_the_next() -> None:
    if not RECORDED.exists():
        pytest.skip(f"no recordings at {RECORDED}")
    plain, anchored, spot, before = [], [], Spot("BTC", Parameters()), 0
    for close, difference in differences():
        if close - before > 3 * 3_600:
            spot = Spot("BTC", Parameters())
        if spot.is_anchored:
            plain.append(difference)
            anchored.append((1.0 + difference) / (1.0 + spot.basis) - 1.0)
        spot.anchor(100.0, 100.0 * (1.0 + difference) / (1.0 + spot.basis))
        before = close
    assert len(plain) > 20
    assert root_mean_square(plain) < 1.5e-4
    assert root_mean_square(anchored) < 0.5 * root_mean_square(plain)
