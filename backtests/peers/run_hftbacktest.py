"""The taker strategy in hftbacktest, its usual way: numba over `wait_next_feed`. Run by hftbacktest's own Python:
`python run_hftbacktest.py FOLDER`, the answer as JSON on stdout."""

import json
import sys
import time
from math import erfc, isnan, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.order import IOC, LIMIT
from numba import njit

WARM = 2_000  # rows that are played while it compiles
QUIET_NS = 60_000_000_000
ORDERS, POSITIONS, HEARD, SEEN, MADE, WRONG = range(6)


def taker(hbt: Any, windows: Any, work: Any, out: Any) -> None:  # noqa: C901, PLR0912, PLR0915  (one compiled loop, as is usual there)
    """Fair value and both edges at every feed; an IOC where one is enough after the fee; one position a market, held to its
    settlement. `out`: orders, markets with a position, feeds, feeds with an edge, dollars made before fees, the error."""
    threshold, rate, most, half_life_s, step_s = work[0], work[1], work[2], work[3], work[4]
    interval_ns, quiet_open_ns, quiet_close_ns, stale_ns = work[5], work[6], work[7], work[8]
    opens, closes, strikes, strikes_ns, pays = windows
    spot, spot_ns, variance = 0.0, 0, 0.0
    sample, sample_ns = 0.0, 0
    at, base, sent_ns, number = -1, 0.0, 0, 0
    while True:
        said = hbt.wait_next_feed(True, QUIET_NS)
        if said == 1:
            break
        if said != 0 and said != 2 and said != 3:
            out[WRONG] = said
            break
        now = hbt.current_timestamp
        out[HEARD] += 1
        trades = hbt.last_trades(1)
        if len(trades) > 0:
            spot, spot_ns = trades[len(trades) - 1].px, now
            hbt.clear_last_trades(1)
            passed = (now - sample_ns) / 1e9
            if sample_ns == 0 or passed > 20 * step_s:
                sample, sample_ns = spot, now
            elif passed >= step_s:
                change = log(spot / sample)
                weight = 1.0 - 0.5 ** (passed / half_life_s)
                seen = change * change / passed
                variance = seen if variance == 0.0 else variance + weight * (seen - variance)
                sample, sample_ns = spot, now
        while at + 1 < len(opens) and now >= opens[at + 1]:
            held = hbt.position(0)
            if at >= 0 and held != base:
                out[MADE] += (held - base) * pays[at]
                out[POSITIONS] += 1
            at, base = at + 1, held
        if said == 3:
            hbt.clear_inactive_orders(0)
        if at < 0 or now >= closes[at] or now < strikes_ns[at] or variance == 0.0:
            continue
        depth = hbt.depth(0)
        bid, ask = depth.best_bid, depth.best_ask
        if isnan(bid) or isnan(ask) or bid >= ask:
            continue
        left_s = (closes[at] - now) / 1e9
        fair = 0.5 * erfc(-log(spot / strikes[at]) / sqrt(2.0 * variance * left_s))
        long_edge = fair - ask - rate * ask * (1.0 - ask)
        short_edge = bid - fair - rate * bid * (1.0 - bid)
        if long_edge < threshold and short_edge < threshold:
            continue
        out[SEEN] += 1
        if now < opens[at] + quiet_open_ns or now >= closes[at] - quiet_close_ns or now - spot_ns > stale_ns:
            continue
        if hbt.position(0) != base or now - sent_ns < interval_ns or len(hbt.orders(0)) > 0:
            continue
        number, sent_ns = number + 1, now
        if long_edge >= threshold:
            size = min(most, depth.ask_qty_at_tick(depth.best_ask_tick))
            hbt.submit_buy_order(0, number, ask, size, IOC, LIMIT, False)
        else:
            size = min(most, depth.bid_qty_at_tick(depth.best_bid_tick))
            hbt.submit_sell_order(0, number, bid, size, IOC, LIMIT, False)
    held = hbt.position(0)
    if at >= 0 and held != base:
        out[MADE] += (held - base) * pays[at]
        out[POSITIONS] += 1
    out[ORDERS] = number
    out[MADE] += hbt.state_values(0).balance


def engine(book: list[Any], spot: list[Any], work: dict[str, Any]) -> Any:
    """Two assets: the contract of the open window, and the underlying, which is only heard."""
    assets = [
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(work["latency_ns"], work["reply_ns"])
        .risk_adverse_queue_model()
        .partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(tick)
        .lot_size(0.01)
        .last_trades_capacity(capacity)
        for data, tick, capacity in ((book, 0.001, 0), (spot, 0.01, 64))
    ]
    return HashMapMarketDepthBacktest(assets)


def play(folder: Path) -> dict[str, Any]:
    """Compile over a few rows, then the whole, timed."""
    work = json.loads((folder / "work.json").read_text(encoding="utf-8"))
    books, spots = sorted(folder.glob("*-book.npz")), sorted(folder.glob("*-spot.npz"))
    windows = _windows(sorted(folder.glob("*-rows.npz")))
    names = ("threshold", "fee_rate", "contracts", "half_life_s", "step_s")
    times = ("interval_ns", "quiet_open_ns", "quiet_close_ns", "stale_ns")
    numbers = tuple(float(work[name]) for name in names) + tuple(int(work[name]) for name in times)
    began = time.perf_counter()
    compiled = njit(taker)
    few = [np.load(paths[0])["data"][:WARM].copy() for paths in (books, spots)]  # it keeps no reference of its own
    first = engine(few[:1], few[1:], work)
    compiled(first, windows, numbers, np.zeros(6))
    first.close()
    compile_s = time.perf_counter() - began
    out = np.zeros(6)
    cpu, wall = time.process_time(), time.perf_counter()
    whole = engine([str(path) for path in books], [str(path) for path in spots], work)
    compiled(whole, windows, numbers, out)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    whole.close()
    if out[WRONG]:
        raise SystemExit(f"hftbacktest ended with error {out[WRONG]:.0f}")
    return {
        "cpu_s": cpu,
        "wall_s": wall,
        "start_s": compile_s,
        "orders": int(out[ORDERS]),
        "positions": int(out[POSITIONS]),
        "heard": int(out[HEARD]),
        "with_edge": int(out[SEEN]),
        "made": float(out[MADE]),
        "peak_mb": peak_mb(),
    }


def _windows(paths: list[Path]) -> tuple[Any, ...]:
    whole = np.concatenate([np.load(path)["windows"] for path in paths])
    whole = whole[np.argsort(whole["open_ns"], kind="stable")]
    return tuple(np.ascontiguousarray(whole[name]) for name in ("open_ns", "close_ns", "strike", "strike_ns", "pays"))


def peak_mb() -> float:
    """The most memory this process ever held, as Linux counts it; nan elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), float("nan"))


if __name__ == "__main__":
    print(json.dumps(play(Path(sys.argv[1]))))  # noqa: T201
