"""The volatility's forecasts on recorded data: the running one on Coinbase's seconds, its like on settled windows."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
from pyarrow import ArrowException

from backtests.core.moves import Settlement, moves_of
from backtests.core.variance_forecasts import Judged, Score, blocks_of, of_moves, of_seconds, scores, seconds_of
from backtests.settled import SETTLED, SettledError, outcomes

RECORDER = "kalshi_ws_btc15m_2026-05"
TRADES, SAMPLED = "coinbase_btcusd_trade", "coinbase_btcusd_sampled"
SEEDED = "v28_context_tailer_seed"  # rows repeated from older logs
LEAST = 30  # forecasts, for a score


class Told(NamedTuple):
    """One table: of what, how many forecasts in how many blocks, and the scores; none where there are too few."""

    title: str
    asset: str
    forecasts: int
    blocks: int
    block: str
    scores: list[Score]


def told_of(folder: Path) -> list[Told]:
    """The seconds of BTC for each horizon, then the settlements of every coin. Raises SettledError."""
    if not any((folder / name).exists() for name in (RECORDER, f"{SETTLED}.parquet")):
        raise SettledError(
            f"{folder} holds neither {RECORDER} nor {SETTLED}.parquet; name the folder of the recorded data."
        )
    return [*_seconds(folder / RECORDER), *_settlements(folder)]


def _seconds(folder: Path) -> Iterator[Told]:
    if not folder.is_dir():
        return
    seconds, prices = seconds_of(_heard(folder))
    for minutes in (15, 5, 1):
        judged = of_seconds("BTC", seconds, prices, ahead_s=minutes * 60)
        yield _told(f"Coinbase seconds, the next {minutes} min", "BTC", judged, "hours")


def _settlements(folder: Path) -> Iterator[Told]:
    if not (folder / f"{SETTLED}.parquet").is_file():
        return
    settled = outcomes(folder).values()
    moves = moves_of(
        Settlement(each.asset, each.close_ns, each.settle_value) for each in settled if each.settle_value is not None
    )
    for asset in sorted({str(asset) for asset in moves.asset}):
        yield _told("settle to settle, the next 15 min", asset, of_moves(moves, asset), "days")


def _told(title: str, asset: str, judged: Judged, block: str) -> Told:
    count = len(judged.came)
    return Told(title, asset, count, blocks_of(judged), block, scores(judged) if count >= LEAST else [])


def _heard(folder: Path) -> Iterator[tuple[int, float]]:
    """Each price with the microsecond it was received in, ascending; ticks, and the recorder's samples between them."""
    times, prices = _columns(folder, TRADES, ("recv_us", "price_cents", "is_last_match"))
    sampled_times, sampled_prices = _columns(folder, SAMPLED, ("spot_recv_us", "price_cents", "origin"))
    rows = sorted(zip([*times, *sampled_times], [*prices, *sampled_prices], strict=True))
    return ((at_us, cents / 100) for at_us, cents in rows)


def _columns(folder: Path, name: str, columns: tuple[str, str, str]) -> tuple[list[int], list[int]]:
    """Times and prices, without what repeats something older."""
    path = folder / f"{name}.parquet"
    try:
        table = pq.read_table(path, columns=list(columns))
    except (ArrowException, OSError) as error:
        raise SettledError(f"{path} cannot be read: {error}") from error
    times, prices, marks = (table[column].to_pylist() for column in columns)
    kept = [place for place, mark in enumerate(marks) if mark not in (True, SEEDED)]
    return [times[place] for place in kept], [prices[place] for place in kept]


def text_of(tables: list[Told]) -> str:
    """As plain text, a line a forecast."""
    lines = [
        "QLIKE of the variance: less is better. `worse` is against the first of a table, ± one standard error by blocks."
    ]
    for told in tables:
        lines += ["", f"{told.asset}  {told.title}: {told.forecasts} forecasts in {told.blocks} {told.block}"]
        if not told.scores:
            lines.append("  not enough data")
            continue
        lines.append(f"  {'forecast':<22}{'QLIKE':>9}{'worse':>10}{'±':>9}{'came / said':>13}")
        lines += [
            f"  {each.name:<22}{each.loss:>9.4f}{each.worse:>+10.4f}{_number(each.error):>9}{each.ratio:>13.2f}"
            for each in told.scores
        ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4f}"
