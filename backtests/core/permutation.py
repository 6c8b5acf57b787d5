"""Whether the direction of our disagreement with the market was worth anything: the sign of p - m, shuffled (section 10.1).

Each window has our probability p and the market's mid m at the first order that filled. Held to the end at the mid, a contract
in our direction makes sign(p - m) (y - m), y being what YES paid. Who knows nothing of direction would have made as much with
the signs of other windows: the share of shuffles that do at least as well is the p-value. The signs of windows that close
together stay together; sizes stay where they are. Costs are not in it: it asks whether we know something, not whether it pays.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from backtests.core.metrics import Window
from backtests.core.scores import DRAWS, Floats
from markets.core.units import CONTRACT, PRICE_DOLLAR

SEED = 20_261_127
LEAST_CLOSES = 30


class SignNull(msgspec.Struct, frozen=True):
    """`made` is what a contract made at the mid in our direction (dollars); 95 % of the shuffles made between `low` and
    `high`; `p` is the share of them, our own included, that made at least as much. None with the words why there is none."""

    windows: int
    closes: int
    made: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    words: str = ""


def sign_null(windows: Sequence[Window], draws: int = DRAWS, seed: int = SEED) -> SignNull:
    """The test over windows whose p and m are known and differ. What was voided paid what it paid."""
    known = sorted(
        ((window.close_ns, window.ticker, window) for window in windows if _sign(window) != 0.0),
        key=lambda entry: entry[:2],
    )
    kept = [window for *_, window in known]
    times, starts = np.unique(np.array([window.close_ns for window in kept], np.int64), return_index=True)
    if times.size < LEAST_CLOSES:
        words = f"not enough data: {times.size} closes where we and the market differed, {LEAST_CLOSES} are the least"
        return SignNull(len(kept), int(times.size), words=words)
    signs = np.array([_sign(window) for window in kept])
    worth = np.array([window.count / CONTRACT * (_paid(window) - (window.mid or 0.0)) for window in kept])
    contracts = sum(window.count for window in kept) / CONTRACT
    made = float(signs @ worth) / contracts
    shuffled = _shuffled(signs, worth, starts, draws, seed) / contracts
    low, high = np.percentile(shuffled, [2.5, 97.5])
    p = (1.0 + float((shuffled >= made - 1e-12).sum())) / (1.0 + draws)
    return SignNull(len(kept), int(times.size), made, float(low), float(high), p)


def _shuffled(signs: Floats, worth: Floats, starts: "np.typing.NDArray[np.intp]", draws: int, seed: int) -> Floats:
    """What each shuffle makes: the closes' signs laid out in another order of closes."""
    random = np.random.default_rng(seed)
    length = np.diff(np.append(starts, signs.size))
    made = np.empty(draws)
    for number in range(draws):
        order = random.permutation(starts.size)
        long = length[order]
        begin = np.cumsum(long) - long
        made[number] = signs[np.repeat(starts[order] - begin, long) + np.arange(signs.size)] @ worth
    return made


def _sign(window: Window) -> float:
    if window.fair is None or window.mid is None:
        return 0.0
    return float(np.sign(window.fair - window.mid))


def _paid(window: Window) -> float:
    """What YES paid, in dollars."""
    return window.yes_pays / PRICE_DOLLAR if window.yes_pays is not None else float(window.result == "yes")
