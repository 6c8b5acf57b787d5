"""The skill report: every model next to the market's mid, the naive N(d2) and a coin, on the same rows, with what chance can do.

A model is scored on the rows on which it, the market and the naive model all said something, so that nobody is flattered by
easier windows; what is left out is counted. One window is one vote.
"""

from collections.abc import Mapping
from math import log

import msgspec
import numpy as np

from backtests.core.paired import Blocks, Tally, Versus, may_compare, may_score, stacked
from backtests.core.scores import (
    ECE_BINS,
    Bin,
    CalibrationError,
    Floats,
    Ints,
    Murphy,
    brier_losses,
    calibration_error,
    log_losses,
    murphy,
    reliability_diagram,
    skill,
    vote_weights,
)
from backtests.core.splits import Split, splits
from backtests.core.table import COIN, MARKET, Table
from backtests.core.verdicts import label, sentence

OTHERS = frozenset({MARKET, COIN})
COIN_BRIER, COIN_LOG = 0.25, log(2.0)
HEADLINE_FIRST = ("pooled", "calibrated", "fair")
KEPT = ("fair", "calibrated", "pooled")  # of models that say the same, the first of these is told


class ModelScore(msgspec.Struct, frozen=True):
    """One forecaster on the rows that it shares with the market and the naive model; None is not enough data.
    `not_priced` rows were quoted but had no probability of it, `no_quote` rows it priced while nobody quoted."""

    name: str
    label: str
    rows: int
    windows: int
    closes: int
    not_priced: int
    no_quote: int
    brier: float | None = None
    log_loss: float | None = None
    skill: float | None = None
    market_brier: float | None = None
    market_log_loss: float | None = None
    naive_brier: float | None = None
    naive_log_loss: float | None = None
    coin_brier: float = COIN_BRIER
    coin_log_loss: float = COIN_LOG
    murphy: Murphy | None = None
    ece: CalibrationError | None = None
    diagram: tuple[Bin, ...] = ()
    versus: tuple[Versus, ...] = ()
    same_as: str = ""  # another model with the very same probabilities


class Cell(msgspec.Struct, frozen=True):
    """One model in one group, against the market and next to the naive model."""

    name: str
    rows: int
    windows: int
    versus: Versus
    brier: float | None = None
    market_brier: float | None = None
    naive_brier: float | None = None
    log_loss: float | None = None
    market_log_loss: float | None = None
    skill: float | None = None


class Group(msgspec.Struct, frozen=True):
    """Rows of one asset, one time to the close or one range of the market's price."""

    kind: str
    key: str
    rows: int
    windows: int
    cells: tuple[Cell, ...]


class Report(msgspec.Struct, frozen=True):
    """All of it. `comparisons` different models were held against the market, and in `cells` groups of rows an
    interval was found."""

    rows: int
    windows: int
    closes: int
    days: int
    first_ns: int | None
    last_ns: int | None
    quoted: int
    method: str
    comparisons: int
    cells: int
    models: tuple[ModelScore, ...]
    groups: tuple[Group, ...]
    sentences: tuple[str, ...]


def report(table: Table) -> Report:
    """Score every model of the table. An empty table gives a report without numbers."""
    blocks = Blocks(table.close_ns)
    names = list(table.probabilities)
    compared = len({column.tobytes() for column in table.probabilities.values()})
    models = [_scored(table, blocks, name, compared) for name in [MARKET, *names, COIN]]
    groups = [group for split in splits(table) for group in _grouped(table, blocks, names, split)]
    empty = not table.close_ns.size
    return Report(
        rows=int(table.close_ns.size),
        windows=table.windows,
        closes=int(blocks.times.size),
        days=int(blocks.days.size),
        first_ns=None if empty else int(blocks.times[0]),
        last_ns=None if empty else int(blocks.times[-1]),
        quoted=int((~np.isnan(table.mid)).sum()),
        method=blocks.method,
        comparisons=compared,
        cells=sum(cell.versus.low is not None for group in groups for cell in group.cells),
        models=tuple(models),
        groups=tuple(groups),
        sentences=tuple(_sentences(models)),
    )


def _scored(table: Table, blocks: Blocks, name: str, compared: int) -> ModelScore:
    p = table.of(name)
    chosen = table.shared(p)
    head = _head(table, name, p, chosen)
    if not may_score(head.windows):
        return msgspec.structs.replace(head, versus=_verdicts(table, blocks, name, chosen, compared))
    y, mid, own = table.outcome[chosen], table.mid[chosen], p[chosen]
    w = vote_weights(np.unique(table.window[chosen], return_inverse=True)[1])
    naive = table.of(table.naive)[chosen] if table.knows(table.naive) else None
    brier, market = float(brier_losses(own, y) @ w / w.sum()), float(brier_losses(mid, y) @ w / w.sum())
    return msgspec.structs.replace(
        head,
        brier=brier,
        log_loss=float(log_losses(own, y) @ w / w.sum()),
        skill=skill(brier, market),
        market_brier=market,
        market_log_loss=float(log_losses(mid, y) @ w / w.sum()),
        naive_brier=None if naive is None else float(brier_losses(naive, y) @ w / w.sum()),
        naive_log_loss=None if naive is None else float(log_losses(naive, y) @ w / w.sum()),
        murphy=murphy(own, y, w),
        ece=calibration_error(own, y, w) if head.windows >= 5 * ECE_BINS else None,
        diagram=reliability_diagram(own, y, w),
        versus=_verdicts(table, blocks, name, chosen, compared),
    )


def _head(table: Table, name: str, p: Floats, chosen: Ints) -> ModelScore:
    quoted, priced = ~np.isnan(table.mid), ~np.isnan(p)
    return ModelScore(
        name,
        label(name),
        rows=int(chosen.size),
        windows=int(np.unique(table.window[chosen]).size),
        closes=int(np.unique(table.close_ns[chosen]).size),
        not_priced=int((quoted & ~priced).sum()),
        no_quote=int((~quoted & priced).sum()),
        same_as=_twin(table, name),
    )


def _verdicts(table: Table, blocks: Blocks, name: str, chosen: Ints, compared: int) -> tuple[Versus, ...]:
    """Against market, naive and coin, where these are others."""
    others = [other for other in (MARKET, table.naive, COIN) if other != name and table.knows(other)]
    if name in {MARKET, COIN}:
        others = []
    own = brier_losses(table.of(name)[chosen], table.outcome[chosen])
    found = []
    for other in others:
        theirs = brier_losses(table.of(other)[chosen], table.outcome[chosen])
        one = np.zeros(table.window.size, np.int64)
        tally = blocks.tally(chosen, table.window, one, 1, stacked([own, theirs]))
        (versus,) = blocks.compared(other, tally, compared)
        found.append(msgspec.structs.replace(versus, sentence=sentence(name, versus, compared)))
    return tuple(found)


def _grouped(table: Table, blocks: Blocks, names: list[str], split: Split) -> list[Group]:
    tallies = {name: _tallied(table, blocks, name, split) for name in names}
    cells_in_all = sum(
        may_compare(int(windows), int(closes))
        for tally in tallies.values()
        for windows, closes in zip(tally.windows, tally.closes, strict=True)
    )
    cells: dict[str, list[Versus]] = {
        name: blocks.compared(MARKET, tally, cells_in_all) for name, tally in tallies.items()
    }
    quoted = ~np.isnan(table.mid)
    groups = []
    for number, key in enumerate(split.keys):
        here = quoted & (split.code == number)
        groups.append(
            Group(
                split.kind,
                key,
                rows=int(here.sum()),
                windows=int(np.unique(table.window[here]).size),
                cells=tuple(_cell(name, tallies[name], number, cells[name][number]) for name in names),
            )
        )
    return groups


def _tallied(table: Table, blocks: Blocks, name: str, split: Split) -> Tally:
    p = table.of(name)
    chosen = table.shared(p)
    y, mid, own = table.outcome[chosen], table.mid[chosen], p[chosen]
    naive = table.of(table.naive)[chosen] if table.knows(table.naive) else np.full(chosen.size, np.nan)
    losses = [
        brier_losses(own, y),
        brier_losses(mid, y),
        brier_losses(naive, y),
        log_losses(own, y),
        log_losses(mid, y),
    ]
    return blocks.tally(chosen, table.window, split.code, len(split.keys), stacked(losses))


def _cell(name: str, tally: Tally, group: int, versus: Versus) -> Cell:
    rows, windows = int(tally.rows[group]), int(tally.windows[group])
    if not may_score(windows):
        return Cell(name, rows, windows, versus)
    own, market, naive, own_log, market_log = (float(value) for value in tally.means[group])
    return Cell(
        name, rows, windows, versus, own, market, None if np.isnan(naive) else naive, own_log, market_log,
        skill(own, market),
    )  # fmt: skip


def _twin(table: Table, name: str) -> str:
    """Another model with the same probabilities in every row, under the name that comes first: the configured one's before
    those of its parts."""
    if name not in table.probabilities:
        return ""
    order = sorted(table.probabilities, key=lambda each: (*KEPT, each).index(each))
    for other in order:
        if other == name:
            break
        if np.array_equal(table.probabilities[other], table.probabilities[name], equal_nan=True):
            return other
    return ""


def _sentences(models: list[ModelScore]) -> list[str]:
    """Every different model against the market, then the configured one against the naive one."""
    order: Mapping[str, int] = {name: number for number, name in enumerate(HEADLINE_FIRST)}
    told = sorted((each for each in models if each.versus), key=lambda each: order.get(each.name, len(order)))
    naive = [one.sentence for each in told if each.name == KEPT[0] for one in each.versus if one.against not in OTHERS]
    return [each.versus[0].sentence for each in told if not each.same_as] + naive
