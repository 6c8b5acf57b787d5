"""The work that all engines are given: the nearest equivalent taker strategy, in everybody's own terms."""

from itertools import product
from typing import Any

import msgspec

from markets.core.units import DOLLAR, SECOND_NS, Money
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters

CAPITAL = Money(10_000 * DOLLAR)
NO_END = Money(10**9 * DOLLAR)  # a limit that a run of any length does not reach
CONTRACTS = 10
LATENCY_NS, REPLY_NS = 100_000_000, 40_000_000
THRESHOLDS = tuple(round(0.005 * step, 3) for step in range(1, 11))
AFTER_OPEN_NS = tuple((1 + 3 * step) * SECOND_NS for step in range(10))
BEFORE_CLOSE_NS = tuple((10 + 5 * step) * SECOND_NS for step in range(10))
SWEPT = tuple(product(THRESHOLDS, AFTER_OPEN_NS, BEFORE_CLOSE_NS))  # a thousand settings

TAKER: dict[str, Any] = {
    "threshold": 0.03,  # dollars a contract, after the fee
    "fee_rate": 0.07,  # times p (1 - p), a contract
    "contracts": CONTRACTS,
    "half_life_s": 1_800.0,  # of the variance
    "step_s": 15.0,  # length of the returns
    "latency_ns": LATENCY_NS,
    "reply_ns": REPLY_NS,
    "interval_ns": SECOND_NS,  # between two orders in one market
    "quiet_open_ns": 3 * SECOND_NS,
    "quiet_close_ns": 15 * SECOND_NS,
    "stale_ns": 5 * SECOND_NS,  # a spot price older than this is none
}

_TAKER = Parameters(
    model="digital",
    tails="normal",
    level_noise_bp=0.0,
    volatility_half_life_s=TAKER["half_life_s"],
    volatility_step_s=int(TAKER["step_s"]),
    volatility_forecast="single",
    seasonality=False,
    calibration="off",
    pooling="off",
    edge_threshold=TAKER["threshold"],
    min_confidence=0.0,
    quorum=1,
    kelly_fraction=1.0,  # the size is bound by the largest order and the market's limit
    probability_margin=0.0,
    joint_kelly=False,
    depth_share=1.0,
    volume_share=1.0,
    top_up_share=1.0,
    order_latency_ns=LATENCY_NS,
    reply_latency_ns=REPLY_NS,
    order_interval_ns=TAKER["interval_ns"],
    quiet_open_ns=TAKER["quiet_open_ns"],
    quiet_close_ns=TAKER["quiet_close_ns"],
    stale_spot_ns=TAKER["stale_ns"],
)
_LIMITS = RiskLimits(
    max_daily_loss=NO_END,
    max_market_exposure=CONTRACTS * DOLLAR,
    max_close_exposure=NO_END,
    max_total_exposure=NO_END,
    max_market_share_bp=10_000,
    max_close_share_bp=10_000,
    max_total_share_bp=10_000,
    max_order_count=CONTRACTS * 100,
    max_drawdown_bp=10_000,
    max_losing_streak=1_000_000,
)


def equivalent() -> tuple[RiskLimits, Parameters]:
    """Our strategy with everything off that the others do not do: a digital under a normal law, one volatility, no
    pooling, calibration or confidence; at most ten contracts a market."""
    return _LIMITS, _TAKER


def sweep_settings() -> list[tuple[RiskLimits, Parameters]]:
    """The same with a thousand thresholds and quiet times."""
    limits, parameters = equivalent()
    return [
        (
            limits,
            msgspec.structs.replace(
                parameters, edge_threshold=threshold, quiet_open_ns=opening, quiet_close_ns=closing
            ),
        )
        for threshold, opening, closing in SWEPT
    ]


def eager() -> tuple[RiskLimits, Parameters]:
    """Orders one contract whenever there is any edge, answered within two milliseconds, without a limit on how many."""
    limits = msgspec.structs.replace(
        _LIMITS,
        max_market_exposure=NO_END,
        max_order_count=100,
        max_orders_per_minute=1_000_000_000,
        max_contracts_per_15s=1_000_000_000,
    )
    parameters = msgspec.structs.replace(
        _TAKER,
        edge_threshold=0.0,
        order_interval_ns=0,
        order_latency_ns=1_000_000,
        reply_latency_ns=1_000_000,
        top_up_share=0.0,
        quiet_open_ns=0,
        quiet_close_ns=0,
    )
    return limits, parameters
