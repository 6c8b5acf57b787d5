"""The report of a run: every number as JSON can hold it, the same for page, API and command line.

Money, prices and counts are decimal strings in dollars and contracts; ratios are floats or null with words.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from backtests.core.markout import HORIZONS_S, graded
from backtests.core.metrics import Figure, Metrics, Window, account_value, account_value_at_open, measure, value_of
from backtests.core.record import Outcome, Result, outcomes
from backtests.gate_report import of_result, report_json
from backtests.report_statistics import statistics_of
from backtests.shelf import Reel
from markets.core.units import DAY_NS, MILLISECOND_NS, PRICE_DOLLAR, SECOND_NS, count_text, money_text, price_text
from trading.core.events import Fill, HeldPosition
from trading.core.evidence import grade_of
from trading.core.reasons import REASONS

VERSION = 2
TRADE_COLUMNS = (
    "time", "ticker", "asset", "order", "trade_id", "side", "price", "contracts", "fee", "fair", "edge", "confidence",
    "result", "net", "evidence", "grade",
)  # fmt: skip
WINDOWS_SAY = (
    "Windows traded to their result: {count}. At even odds a true edge of 2 cents a contract needs about 2,500 "
    "windows before it stands out from chance; fills in one window are not independent trades."
)
ORDERS_SAY = (
    "Every order met the recorded book as it was when it arrived, as late as the settings say. Other traders would have seen our "
    "orders, and nobody's hidden or faster orders are in the recording."
)
QUOTES_SAY = (
    "Orders that rested stood behind all that was displayed at their price, and who left was taken to have stood behind "
    "them. Fills without them would have come later or not at all; what others would have done about our quotes is unknown."
)
TRIES_SAY = "Each run tried on the same tapes makes the best of them look better than it is."


@dataclass(frozen=True)
class Part:
    """One tape of the run and what it gave; `void` was given back at cost before it, for want of a result."""

    reel: Reel
    result: Result
    void: tuple[HeldPosition, ...] = ()


def report_of(parts: list[Part], left_out: list[Reel], whole: Result) -> dict[str, Any]:
    """All numbers of a run over `parts`, joined in `whole`."""
    metrics = measure(whole)
    void = [held for part in parts for held in part.void]
    return {
        "version": VERSION,
        "digest": whole.digest,
        "tapes": [_tape(part) for part in parts],
        "left_out": [{"name": reel.name, "why": "the tape before it quotes the same time"} for reel in left_out],
        "first": time_text(whole.first_ns),
        "last": time_text(whole.last_ns),
        "events": whole.events,
        "steps": whole.steps,
        "decisions": whole.decisions,
        **_totals(whole, metrics),
        "without_result": [_held(held) for held in (*void, *whole.closing.positions)],
        "win": {
            "wins": metrics.win_rate.wins,
            "windows": metrics.win_rate.windows,
            "rate": metrics.win_rate.rate.value,
            "words": metrics.win_rate.rate.words,
            "low": metrics.win_rate.low,
            "high": metrics.win_rate.high,
        },
        "trade_sharpe": _figure(metrics.trade_sharpe),
        "windows_for_proof": metrics.windows_for_proof,
        "daily_sharpe": _figure(metrics.daily_sharpe),
        "drawdown": {"money": money_text(metrics.drawdown.money), "share": metrics.drawdown.share},
        "net_per_contract": _figure(metrics.net_per_contract),
        "brier": {"model": _figure(metrics.brier_model), "market": _figure(metrics.brier_market)},
        "daily": _daily(metrics),
        "windows": [_window(window) for window in metrics.windows],
        "trades": _trades(whole),
        "markouts": _markouts(whole),
        **statistics_of(whole, metrics),
        "funnel": _counted(whole.funnel),
        "denials": _counted(whole.denials),
        "gates": report_json(of_result(whole)),
        "halts": [{"time": time_text(at), "what": what} for at, what in whole.halts],
        "caveats": caveats(parts, left_out, whole, metrics),
    }


def caveats(parts: list[Part], left_out: list[Reel], whole: Result, metrics: Metrics) -> list[str]:
    """What these numbers do not prove, in plain words."""
    count = len(metrics.windows)
    words = [WINDOWS_SAY.format(count=count), ORDERS_SAY, TRIES_SAY]
    if metrics.windows_for_proof is not None and metrics.windows_for_proof > count:
        words.insert(1, f"At this Sharpe about {metrics.windows_for_proof:,} windows would be needed for two standard "
                     f"errors; there are {count}.")  # fmt: skip
    if any(not fill.is_taker for fill in whole.fills):
        words.append(QUOTES_SAY)
    if any(part.reel.is_simulated for part in parts):
        words.insert(0, "A tape of this run is simulated: it says nothing about the real market.")
    if held := len(whole.closing.positions) + sum(len(part.void) for part in parts):
        words.append(f"Positions in markets whose result is on no tape: {held}. They count at what they cost.")
    if metrics.voided:
        words.append(f"Windows that the exchange voided: {metrics.voided}. They count as the money they paid, and in no "
                     "Brier score.")  # fmt: skip
    if left_out:
        words.append(f"Tapes left out because the one before them quotes the same time: {len(left_out)}.")
    return words


def time_text(time_ns: int) -> str:
    """UTC with milliseconds, as ISO 8601."""
    at = datetime.fromtimestamp(time_ns // SECOND_NS, tz=UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{time_ns // MILLISECOND_NS % 1000:03d}Z"


def _tape(part: Part) -> dict[str, Any]:
    result = part.result
    return {
        "name": part.reel.name,
        "source": part.reel.source,
        "grade": part.reel.grade,
        "first": time_text(result.first_ns),
        "last": time_text(result.last_ns),
        "events": result.events,
        "fills": len(result.fills),
        "net": money_text(account_value(result) - account_value_at_open(result)),
        "digest": result.digest,
    }


def _totals(whole: Result, metrics: Metrics) -> dict[str, Any]:
    opened = account_value_at_open(whole)
    return {
        "capital": money_text(opened),
        "net": money_text(metrics.net),
        "gross": money_text(metrics.gross),
        "fees": money_text(metrics.fees),
        "return": metrics.net / opened if opened else None,
        "cash": money_text(whole.closing.cash),
        "equity_at_end": money_text(account_value(whole)),
        "fills": metrics.fills,
        "contracts": count_text(metrics.contracts),
        "orders": len(whole.orders),
        "orders_filled": sum(order.filled > 0 for order in whole.orders),
        "markets_seen": len(whole.contracts),
        "markets_settled": len(whole.results),
        "markets_traded": len({fill.ticker for fill in whole.fills}),
    }


def _held(held: HeldPosition) -> dict[str, str]:
    return {"ticker": held.ticker, "count": count_text(held.count), "cost": money_text(held.cost)}


def _figure(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "words": figure.words}


def _daily(metrics: Metrics) -> list[dict[str, Any]]:
    return [
        {
            "day": time_text(day.day * DAY_NS)[:10],
            "net": money_text(day.net),
            "fees": money_text(day.fees),
            "fills": day.fills,
            "settled": day.settled,
        }
        for day in metrics.days
    ]


def _window(window: Window) -> dict[str, Any]:
    return {
        "ticker": window.ticker,
        "asset": window.asset,
        "close": time_text(window.close_ns),
        "result": window.result,
        "yes_pays": None if window.yes_pays is None else price_text(window.yes_pays),
        "fills": window.fills,
        "contracts": count_text(window.count),
        "fees": money_text(window.fees),
        "net": money_text(window.net),
        "fair": window.fair,
        "mid": window.mid,
        "side": "YES" if window.is_bid else "NO",
        "price": price_text(window.price),
        "spent": money_text(window.spent),
        "edge": window.edge,
        "seconds_left": window.seconds_left,
    }


def _trades(whole: Result) -> list[dict[str, Any]]:
    orders = {order.number: order for order in whole.orders}
    ended = outcomes(whole)
    return [_trade(fill, ended.get(fill.ticker), orders.get(fill.number), whole) for fill in whole.fills]


def _trade(fill: Fill, outcome: Outcome | None, order: Any, whole: Result) -> dict[str, Any]:
    """One fill. A bid buys YES at p, an ask buys NO at 1 - p; `net` is known once the market has its result."""
    signal = order.signal if order is not None else None
    contract = whole.contracts.get(fill.ticker)
    edge = (signal.edge_yes if fill.is_bid else signal.edge_no) if signal is not None else None
    return {
        "time": time_text(fill.received_ns),
        "ticker": fill.ticker,
        "asset": contract.asset if contract else "",
        "order": fill.number,
        "trade_id": fill.trade_id,
        "side": "YES" if fill.is_bid else "NO",
        "price": price_text(fill.price if fill.is_bid else PRICE_DOLLAR - fill.price),
        "contracts": count_text(fill.count),
        "fee": money_text(fill.fee),
        "fair": signal.fair if signal is not None else None,
        "edge": edge,
        "confidence": signal.confidence if signal is not None else None,
        "result": outcome.result if outcome else "",
        "net": money_text(value_of(fill, outcome.yes_pays) - fill.fee) if outcome else None,
        "evidence": fill.evidence,
        "grade": grade_of(fill.evidence),
    }


def _markouts(whole: Result) -> list[dict[str, Any]]:
    """What fills were worth later, in dollars a contract after fees, by why they are believed."""
    yes_pays = {ticker: outcome.yes_pays for ticker, outcome in outcomes(whole).items()}
    return [
        {
            "evidence": row.evidence,
            "fills": row.fills,
            "contracts": count_text(row.contracts),
            "fees": money_text(row.fees),
            "after": {str(seconds): value for seconds, value in zip(HORIZONS_S, row.after, strict=True)},
            "settled": row.settled,
        }
        for row in graded(whole.fills, whole.markouts, yes_pays)
    ]


def _counted(counts: dict[str, int]) -> list[dict[str, Any]]:
    """Most frequent first, each code with its sentence."""
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [{"code": code, "count": count, "text": REASONS.get(code, "")} for code, count in ordered]


def settings_of(struct: msgspec.Struct) -> dict[str, Any]:
    """A struct's fields by name, fit for JSON."""
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
