"""What each gate cost or saved: what would have been bought at the moment when it alone stood in the way, held to the end.

Of every window and gate one purchase is looked at, the first that was kept: what follows in the same window is the same
bet. It is priced as it could have been had: what was wanted of the best price on display, with the exact fee. Windows that
close at one instant move together, so chance is told from closes, not from windows.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from markets.core.contract import FeeTerms
from markets.core.payout import payout_of
from markets.core.units import CONTRACT, DOLLAR, PRICE_DOLLAR
from trading.core.decision import Signal
from trading.core.events import Fill
from trading.core.fees import fill_fee
from trading.core.kept import Kept
from trading.core.reasons import TRADED

LEAST_CLOSES = 30
DRAWS = 2_000
SEED = 20_261_126
COST, SAVED, TOO_FEW = "cost", "saved", "not enough data"


class Stop(msgspec.Struct, frozen=True):
    """The first moment of a window at which one gate alone stood in the way: what was wanted then. `price` is of YES,
    `count` hundredths of a contract; `is_bid` buys YES, else NO is bought at a dollar less the price."""

    event_ns: int
    is_bid: bool
    price: int
    count: int


class Seen(msgspec.Struct):
    """What was kept of one window's evaluations: how many ended at each code, and the stop of each gate."""

    ended: dict[str, int] = {}
    alone: dict[str, Stop] = {}

    def hear(self, signal: Signal) -> None:
        """Take one evaluation that was kept."""
        self.ended[signal.reason] = self.ended.get(signal.reason, 0) + 1
        if len(signal.failed) == 1 and signal.count > 0 and signal.failed[0] not in self.alone:
            self.alone[signal.failed[0]] = Stop(signal.received_ns, signal.side == "yes", signal.price, signal.count)

    def add(self, later: "Seen") -> None:
        """The same window in a later part of the record."""
        for code, count in later.ended.items():
            self.ended[code] = self.ended.get(code, 0) + count
        for code, stop in later.alone.items():
            self.alone.setdefault(code, stop)


class Evaluations:
    """Hears every signal and keeps what the rows of a session would: memory grows with windows, not with signals."""

    def __init__(self) -> None:
        self.windows: dict[str, Seen] = {}
        self._kept = Kept()

    def hear(self, signals: Iterable[Signal]) -> None:
        """The signals of one step."""
        keeps = self._kept.keeps
        for signal in signals:
            if keeps(signal):
                seen = self.windows.get(signal.ticker)
                if seen is None:
                    seen = self.windows[signal.ticker] = Seen({}, {})
                seen.hear(signal)


class Window(NamedTuple):
    """A window and what a YES contract paid in the end (a Price); None while that is not known."""

    asset: str
    close_ns: int
    fees: FeeTerms
    yes_pays: int | None


class Outcome(msgspec.Struct, frozen=True):
    """Purchases held to the end. Money in micro-dollars, contracts in hundredths; `mean` is dollars a window, with its 95 %
    interval; None where there are fewer than 30 closes."""

    windows: int = 0
    closes: int = 0
    won: int = 0
    contracts: int = 0
    spent: int = 0
    profit: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def per_contract(self) -> float | None:
        """Dollars a contract."""
        return self.profit * CONTRACT / (self.contracts * DOLLAR) if self.contracts else None


class GateCost(msgspec.Struct, frozen=True):
    """One code: how many evaluations ended there, in how many windows, and what would have come of those that it alone
    stopped. `pending` of them have no result yet. `verdict` is "cost" where it kept us from profit, "saved" where from
    loss; `is_certain` where chance alone would hardly have done that."""

    code: str
    evaluations: int
    windows: int
    outcome: Outcome
    pending: int
    verdict: str
    is_certain: bool


class GateReport(msgspec.Struct, frozen=True):
    """Every code that an evaluation ended at, most first; and what the trades that were made brought themselves."""

    windows: int
    settled: int
    closes: int
    evaluations: int
    gates: tuple[GateCost, ...]
    taken: Outcome


def spent_on(terms: FeeTerms, stop: Stop) -> int:
    """Money: price and fee of buying what was wanted in one fill."""
    own = stop.price if stop.is_bid else PRICE_DOLLAR - stop.price
    return own * stop.count + fill_fee(terms, own, stop.count, True, -own * stop.count)[0]


def profit_of(terms: FeeTerms, stop: Stop, yes_pays: int) -> int:
    """Money: what it pays in the end less what it costs."""
    return payout_of(stop.count if stop.is_bid else -stop.count, yes_pays) - spent_on(terms, stop)


def report_of(seen: Mapping[str, Seen], windows: Mapping[str, Window], fills: Iterable[Fill]) -> GateReport:
    """All gates of these windows. What is seen of a window that is not in `windows` is left out."""
    known = {ticker: each for ticker, each in seen.items() if ticker in windows}
    ended: dict[str, int] = {}
    within: dict[str, int] = {}
    for each in known.values():
        for code, count in each.ended.items():
            ended[code] = ended.get(code, 0) + count
            within[code] = within.get(code, 0) + 1
    codes = dict.fromkeys([*ended, *(code for each in known.values() for code in each.alone)])
    gates = [_gate(code, ended.get(code, 0), within.get(code, 0), known, windows) for code in codes]
    gates.sort(key=lambda gate: (-gate.evaluations, gate.code))
    settled = [windows[ticker] for ticker in known if windows[ticker].yes_pays is not None]
    return GateReport(
        len(known), len(settled), len({window.close_ns for window in settled}), sum(ended.values()), tuple(gates),
        taken_of(fills, windows),
    )  # fmt: skip


def taken_of(fills: Iterable[Fill], windows: Mapping[str, Window]) -> Outcome:
    """What our own fills brought in the windows that have ended, fees included: each window once. `spent` is what all
    purchases cost, those that closed a position included."""
    bets: dict[str, list[int]] = {}
    for fill in fills:
        window = windows.get(fill.ticker)
        if window is None or window.yes_pays is None:
            continue
        bet = bets.setdefault(fill.ticker, [0, 0, 0])
        own = fill.price if fill.is_bid else PRICE_DOLLAR - fill.price
        pays = window.yes_pays if fill.is_bid else PRICE_DOLLAR - window.yes_pays
        bet[0] += fill.count
        bet[1] += own * fill.count + fill.fee
        bet[2] += (pays - own) * fill.count - fill.fee
    return _outcome([(windows[ticker].close_ns, *bet) for ticker, bet in bets.items()])


def _gate(
    code: str, evaluations: int, within: int, seen: Mapping[str, Seen], windows: Mapping[str, Window]
) -> GateCost:
    bets = []
    pending = 0
    for ticker, each in seen.items():
        stop, window = each.alone.get(code), windows[ticker]
        if stop is None:
            continue
        if window.yes_pays is None:
            pending += 1
            continue
        profit = profit_of(window.fees, stop, window.yes_pays)
        bets.append((window.close_ns, stop.count, spent_on(window.fees, stop), profit))
    outcome = _outcome(bets)
    certain = outcome.low is not None and outcome.high is not None and (outcome.low > 0 or outcome.high < 0)
    verdict = "" if code == TRADED else verdict_of(outcome)
    return GateCost(code, evaluations, within, outcome, pending, verdict, certain)


def verdict_of(outcome: Outcome) -> str:
    """Cost, saved, nothing, or too little to say."""
    if outcome.mean is None:
        return TOO_FEW
    return COST if outcome.profit > 0 else SAVED if outcome.profit < 0 else "nothing"


def _outcome(bets: Iterable[tuple[int, ...]]) -> Outcome:
    """Of (close_ns, count, spent, profit), a window each."""
    bets = sorted(bets)
    closes: dict[int, list[int]] = {}
    for close_ns, _, _, profit in bets:
        at = closes.setdefault(close_ns, [0, 0])
        at[0] += profit
        at[1] += 1
    contracts, spent, profits = (sum(bet[column] for bet in bets) for column in (1, 2, 3))
    won = sum(bet[3] > 0 for bet in bets)
    if len(closes) < LEAST_CLOSES:
        return Outcome(len(bets), len(closes), won, contracts, spent, profits)
    low, high = interval([at[0] for at in closes.values()], [at[1] for at in closes.values()])
    mean = profits / len(bets) / DOLLAR
    return Outcome(len(bets), len(closes), won, contracts, spent, profits, mean, low, high)


def interval(profits: list[int], windows: list[int], draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % percentile interval of the mean profit a window (dollars), closes drawn with replacement: of each close its
    windows' profit (Money) and how many they are. The same numbers give the same interval."""
    random = np.random.default_rng(SEED)
    sums, counts = np.array(profits, np.float64) / DOLLAR, np.array(windows, np.float64)
    means = np.empty(draws)
    for number in range(draws):
        drawn = random.integers(0, sums.size, sums.size)
        means[number] = sums[drawn].sum() / counts[drawn].sum()
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
