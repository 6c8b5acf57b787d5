"""A sweep of the taker strategy in vectorbt, its usual way: signals as a matrix, a column a setting, `from_signals`. Run by
vectorbt's own Python: `python run_vectorbt.py FOLDER`, the answer as JSON on stdout."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from scipy.special import ndtr

COLUMNS = 50  # settings at once: what a matrix takes of memory is bounded by it
WARM = 2_000


def panel(tops: Any, windows: Any, work: dict[str, Any]) -> dict[str, Any]:
    """What every setting shares, one value a row: fair value, both edges after the fee, the price of an order that arrives
    a latency later, whether that is not worse than what was seen, and where a market ends."""
    ns, market = tops["ns"], tops["market"]
    bid, ask = tops["bid"] / 10_000, tops["ask"] / 10_000
    opens, closes = windows["open_ns"][market], windows["close_ns"][market]
    left_s = np.maximum(closes - ns, 1) / 1e9
    sigma = volatility(tops, work)
    with np.errstate(divide="ignore", invalid="ignore"):
        fair = ndtr(np.log(tops["spot"] / windows["strike"][market]) / (sigma * np.sqrt(left_s)))
    priced = (sigma > 0) & (ns >= windows["strike_ns"][market]) & (bid > 0) & (ask < 1) & (bid < ask)
    priced &= ns - tops["spot_ns"] <= work["stale_ns"]
    rate = work["fee_rate"]
    long_edge = np.where(priced, fair - ask - rate * ask * (1 - ask), -1.0)
    short_edge = np.where(priced, bid - fair - rate * bid * (1 - bid), -1.0)
    arrives = np.minimum(np.searchsorted(ns, ns + work["latency_ns"], side="right") - 1, len(ns) - 1)
    is_end = np.append(market[1:] != market[:-1], True)
    is_long = long_edge >= short_edge
    paid = np.where(is_long, ask[arrives], bid[arrives])
    return {
        "long_edge": np.where(ask[arrives] <= ask, long_edge, -1.0),
        "short_edge": np.where(bid[arrives] >= bid, short_edge, -1.0),
        "price": np.clip(np.where(is_end, windows["pays"][market], paid), 1e-6, 1.0),
        "fee": np.where(is_end, 0.0, rate * paid * (1 - paid) * work["contracts"]),
        "is_end": is_end,
        "since_open": ns - opens,
        "left": closes - ns,
    }


def volatility(tops: Any, work: dict[str, Any]) -> Any:
    """Per sqrt(second), exponentially weighted over returns of some seconds."""
    spot = pd.Series(tops["spot"], index=pd.to_datetime(tops["spot_ns"]))
    spot = spot[~spot.index.duplicated(keep="last") & (spot.to_numpy() > 0)]
    step = int(work["step_s"])
    squared = np.log(spot.resample(f"{step}s").last()).diff().pow(2).dropna() / step
    variance = squared.ewm(halflife=work["half_life_s"] / step).mean()
    at = np.searchsorted(variance.index.as_unit("ns").asi8, tops["ns"] - step * 1_000_000_000, side="right") - 1
    return np.where(at >= 0, np.sqrt(variance.to_numpy()[np.maximum(at, 0)]), 0.0)


def sweep(shared: dict[str, Any], sets: Any, work: dict[str, Any], rows: slice) -> tuple[int, float]:
    """(orders, dollars made) of all settings: thresholds, seconds after the open, seconds before the close."""
    part = {name: column[rows] for name, column in shared.items()}
    orders, made = 0, 0.0
    price, fee = part["price"][:, None], part["fee"][:, None]
    for first in range(0, len(sets), COLUMNS):
        threshold, opening, closing = (sets[first : first + COLUMNS, number][None, :] for number in range(3))
        is_time = (part["since_open"][:, None] >= opening) & (part["left"][:, None] > closing)
        is_time &= ~part["is_end"][:, None]
        exits = np.broadcast_to(part["is_end"][:, None], is_time.shape)
        portfolio = vbt.Portfolio.from_signals(
            np.broadcast_to(price, is_time.shape),
            entries=is_time & (part["long_edge"][:, None] >= threshold),
            exits=exits,
            short_entries=is_time & (part["short_edge"][:, None] >= threshold),
            short_exits=exits,
            price=price,
            size=float(work["contracts"]),
            fixed_fees=fee,
            init_cash=10_000.0,
            accumulate=False,
            upon_opposite_entry="ignore",
        )
        orders += int(portfolio.orders.count().sum())
        made += float(portfolio.total_profit().sum())
    return orders, made


def play(folder: Path) -> dict[str, Any]:
    """Compile over a few rows, then every setting over the whole, timed; the shared columns are made within the time."""
    work = json.loads((folder / "work.json").read_text(encoding="utf-8"))
    sets = np.array(work["sets"], np.float64)
    loaded = [np.load(path) for path in sorted(folder.glob("*-rows.npz"))]
    tops, windows = loaded[0]["tops"], loaded[0]["windows"]
    began = time.perf_counter()
    sweep(panel(tops, windows, work), sets[:COLUMNS], work, slice(0, WARM))
    start_s = time.perf_counter() - began
    cpu, wall = time.process_time(), time.perf_counter()
    orders, made = sweep(panel(tops, windows, work), sets, work, slice(None))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "cpu_s": cpu,
        "wall_s": wall,
        "start_s": start_s,
        "rows": len(tops),
        "sets": len(sets),
        "orders": orders,
        "made": made,
        "peak_mb": peak_mb(),
    }


def peak_mb() -> float:
    """The most memory this process ever held, as Linux counts it; nan elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), float("nan"))


if __name__ == "__main__":
    print(json.dumps(play(Path(sys.argv[1]))))  # noqa: T201
