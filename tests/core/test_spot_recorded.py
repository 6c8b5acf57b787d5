"""Our index level against recorded settlements: one spot venue, 34 quarter hours of May 2026, every price method."""

import os
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from statistics import fmean, pstdev
from typing import NamedTuple

import pytest
from pyarrow import parquet

from markets.core.contract import Averaging
from markets.core.events import SpotPrice
from markets.core.units import SECOND_NS
from trading.core.composite import METHODS
from trading.core.index_samples import IndexSamples
from trading.core.parameters import Parameters, PriceMethod
from trading.core.spot import Spot
from trading.core.volatility import Volatility

RECORDED = Path(os.environ.get("RECORDED_DATA", "../shared/data")) / "kalshi_ws_btc15m_2026-05"
NEW_RUN_S = 3 * 3_600  # without a trade: a trader would have been started anew


class Close(NamedTuple):
    """What the exchange published, and what we had averaged without and with what earlier strikes taught."""

    at: int
    value: float
    plain: float
    anchored: float
    was_anchored: bool


def trades() -> Iterator[tuple[int, float]]:
    rows = parquet.read_table(RECORDED / "coinbase_btcusd_trade.parquet").to_pydict()
    kept = zip(rows["recv_us"], rows["price_cents"], rows["is_last_match"], strict=True)
    yield from sorted((time * 1_000, cents / 100) for time, cents, is_old in kept if not is_old)


def settlements() -> list[tuple[int, float]]:
    rows = parquet.read_table(RECORDED / "markets.parquet", columns=["close_utc", "settle_value"]).to_pydict()
    known = zip(rows["close_utc"], rows["settle_value"], strict=True)
    return sorted((round(close.timestamp()), value) for close, value in known if value is not None)


class Runner:
    """A spot with the samples of every method: as an underlying keeps them, with or without anchors."""

    def __init__(self) -> None:
        self.spot = Spot("BTC", Parameters())
        self.volatility = Volatility("BTC", Parameters())
        self.samples = {method: IndexSamples() for method in METHODS}

    def second(self, second: int) -> None:
        for method, level in zip(METHODS, self.spot.sample(second * SECOND_NS), strict=True):
            self.samples[method].take(second, level)
            if method == "fusion" and level is not None:
                self.volatility.sample(second, level)
        self.spot.volatility(self.volatility.sigma)

    def average(self, method: PriceMethod, close: int) -> float | None:
        return self.samples[method].average(Averaging(), close * SECOND_NS)


def closes(methods: tuple[PriceMethod, ...] = METHODS) -> dict[PriceMethod, list[Close]]:
    """Every close that was recorded whole, by method."""
    plain, anchored, last = Runner(), Runner(), 0
    due = settlements()
    found: dict[PriceMethod, list[Close]] = {method: [] for method in methods}
    for time_ns, price in trades():
        now = time_ns // SECOND_NS
        if now - last > NEW_RUN_S:
            plain, anchored = Runner(), Runner()
        for second in range(max(last + 1, now - 60), now + 1):
            while due and due[0][0] <= second:
                close, value = due.pop(0)
                for method in methods:
                    ours, theirs = plain.average(method, close), anchored.average(method, close)
                    if ours is not None and theirs is not None:
                        was_anchored = anchored.spot.is_anchored
                        found[method].append(
                            Close(close, value, ours / value - 1.0, theirs / value - 1.0, was_anchored)
                        )
                averages = [(method, anchored.average(method, close)) for method in methods]
                for method, average in averages:
                    if average is not None:
                        anchored.spot.anchor(value, average, method)
            plain.second(second)
            anchored.second(second)
        last = now
        for runner in (plain, anchored):
            runner.spot.hear(SpotPrice(time_ns, "coinbase", "BTC", price))
    return found


def root_mean_square(values: list[float]) -> float:
    return sqrt(sum(value * value for value in values) / len(values))


def signs(found: list[Close]) -> tuple[int, int]:
    """(windows whose result we would have had right, windows whose strike is known)."""
    strikes = {close + 900: value for close, value in settlements()}
    known = [(close, strikes[close.at]) for close in found if close.at in strikes]
    right = [(close.value * (1.0 + close.anchored) >= strike) == (close.value >= strike) for close, strike in known]
    return sum(right), len(right)


@pytest.mark.recorded
def test_anchoring_on_each_strike_halves_the_error_of_the_next() -> None:
    if not RECORDED.exists():
        pytest.skip(f"no recordings at {RECORDED}")
    for method, found in closes(("fusion", "vwap", "median")).items():
        later = [close for close in found if close.was_anchored]
        plain, anchored = [close.plain for close in later], [close.anchored for close in later]
        print(  # noqa: T201  # to be read with -s
            f"{method}: {len(later)} closes; plain {fmean(plain) * 1e4:+.2f} bp, sd {pstdev(plain) * 1e4:.2f}; "
            f"anchored {fmean(anchored) * 1e4:+.2f} bp, sd {pstdev(anchored) * 1e4:.2f}; signs {signs(found)}"
        )
        assert len(later) > 20
        assert root_mean_square(plain) < 1.5e-4
        assert root_mean_square(anchored) < 0.5 * root_mean_square(plain)
