"""What the lane keeps of one setting while it plays: arrays of integers, the same whoever compiles."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from backtests.lane.columns import Longs, Records, Shorts
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import Realism, in_force


class Fees(NamedTuple):
    """FeeTerms as numbers that can be compiled."""

    taker_rate: int
    maker_rate: int
    increment: int
    precision: int


FRACTIONS = (
    *("edge_threshold", "slippage", "min_confidence", "kelly_fraction", "probability_margin", "calibration_error"),
    *("depth_share", "top_up_share", "exit_margin", "volume_share", "correlation_floor"),
)
WHOLE = (
    *("unit", "joint_kelly", "quiet_open_ns", "quiet_close_ns", "order_interval_ns"),
    *("max_daily_loss", "max_market_exposure", "max_close_exposure", "max_total_exposure", "max_market_share_bp"),
    *("max_close_share_bp", "max_total_share_bp", "max_order_count", "max_orders_per_minute", "max_drawdown_bp"),
    *("max_losing_streak", "max_contracts_per_15s", "max_stale_ms", "max_rejects_per_minute"),
)
HOPS = (
    *("order_median_ns", "order_p95_ns", "reply_median_ns", "reply_p95_ns", "compute_median_ns", "compute_p95_ns"),
    *("added_ns", "seed"),
)
SETTING = np.dtype(
    [(name, np.float64) for name in FRACTIONS]
    + [(name, np.int64) for name in (*WHOLE, *HOPS, "is_gross", "is_pooled", "last_wait_ns")]
)
"""Limits, parameters and realism of one trial, as they are looked at; those of the same name mean the same."""


def settings_of(settings: Sequence[tuple[RiskLimits, Parameters]], realism: Realism) -> Records:
    """One record of SETTING each."""
    laid: Records = np.zeros(len(settings), SETTING)
    for record, (limits, parameters) in zip(laid, settings, strict=True):
        now = in_force(realism, parameters)
        for name in (*FRACTIONS, *WHOLE):
            record[name] = getattr(limits if hasattr(limits, name) else parameters, name)
        for name in HOPS:
            record[name] = getattr(now, name)
        record["is_gross"], record["is_pooled"] = parameters.edge_basis == "gross", parameters.pooling != "off"
        record["last_wait_ns"] = parameters.order_latency_ns + parameters.reply_latency_ns
    return laid


class Books(NamedTuple):
    """The state of one trial. `number` holds what there is once (see below); positions and what works are by ticker, orders
    sent lately by market; the others are lists whose lengths are in `number`."""

    number: Longs  # (NUMBERS,)
    position: Longs  # (tickers, POSITION)
    held: Shorts  # tickers with a position, in the order in which they came
    working: Longs  # (tickers, WORKING)
    in_flight: Shorts  # tickers with a working order, oldest first
    ordered_ns: Longs  # by market
    arrivals: Longs  # (n, ARRIVAL)
    replies: Longs  # (n, REPLY)
    consumed: Longs  # (n, CONSUMED)
    planned: Longs  # (n, 2): price of a level, count
    rejected: Longs  # when, of the last minute and before
    orders: Longs  # (n, ORDER_ROW)
    fills: Longs  # (n, FILL_ROW)
    settlements: Longs  # (n, SETTLED_ROW)


(
    CASH, AT_EXCHANGE, EXPOSURE, REALISED, FEES, DAY, PEAK, STREAK, SENT, WAS_SILENT, STEADY_NS, DRAWN, STREAKED, HALTED,
    OLDEST_NS, IS_OPEN, NEXT_SECOND_NS, NEXT_REVIEW, NEXT_SETTLEMENT, DUE_NS, TURN, OUT, CURVE_PEAK, DEEPEST, HELD, IN_FLIGHT,
    ARRIVALS, REPLIES, TAKEN, REJECTED, FIRST_REJECTED, ORDERS, FIRST_SENT, FILLS, FIRST_MATCHED, MATCHED, SETTLEMENTS, IS_OVER,
    NUMBERS,
) = range(39)  # fmt: skip
COUNT, COST, MADE, PAID, CLOSE_NS, IS_HELD, THERE, IS_THERE, IS_PAID_OUT, POSITION = range(10)
ORDER, BUYS, PRICE, LEFT, IN_MARKET, WORKING = range(6)
ARRIVES_NS, A_TURN, A_ORDER, A_MARKET, A_BUYS, A_PRICE, A_COUNT, A_ON_GRID, ARRIVAL = range(9)
HEARD_NS, R_TURN, R_KIND, R_ORDER, R_TICKER, R_BUYS, R_PRICE, R_COUNT, R_FEE, REPLY = range(10)
ACCEPTED, FILLED, CANCELLED, REFUSED = range(4)
C_SIDE, C_PRICE, C_COUNT, C_UNTIL_NS, CONSUMED = range(5)
ORDER_ROW, FILL_ROW, SETTLED_ROW = 6, 7, 5
FITS, NO_ROOM, NOT_PROVEN = 0, 1, 2
"""How a tape ends for a setting: whole; a list was too short; or it came to a state that only the engine plays."""
NEVER_NS = 1 << 62
MOST_IN_FLIGHT, MOST_CONSUMED, MOST_PLANNED = 64, 256, 512


def books(tickers: int, markets: int, rows: int) -> Books:
    """Empty books with room for so many rows of orders, fills and settlements."""

    def table(length: int, width: int) -> Longs:
        return np.zeros((length, width), np.int64)

    return Books(
        np.zeros(NUMBERS, np.int64),
        table(tickers, POSITION),
        np.zeros(tickers, np.int16),
        table(tickers, WORKING),
        np.zeros(tickers, np.int16),
        np.zeros(markets, np.int64),
        table(MOST_IN_FLIGHT, ARRIVAL),
        table(4 * MOST_PLANNED, REPLY),
        table(MOST_CONSUMED, CONSUMED),
        table(MOST_PLANNED, 2),
        np.zeros(rows, np.int64),
        table(rows, ORDER_ROW),
        table(rows, FILL_ROW),
        table(rows, SETTLED_ROW),
    )
