"""Plays many settings that share their features over the tapes of one span, in threads: the compiled loop holds no lock."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import NamedTuple

import msgspec
import numpy as np

from backtests.core.trial import TrialResult
from backtests.lane.columns import Features, Floats, Longs, Shorts, Tape, Ticker, Told
from backtests.lane.compiling import compiled_loop
from backtests.lane.state import NUMBERS, OUT, POSITION, Books, books, settings_of
from backtests.lane.store import features_for
from backtests.lane.trials import Span, Written, opened, trial_of
from backtests.shelf import Reel
from markets.core.events import MarketEvent, MarketStatus
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import FIXED, Realism

CHUNK = 16  # settings a thread plays at a time
ROWS = 1 << 17  # orders or fills of one setting on one tape; with more the engine plays it
KEPT_ROWS = 1 << 16
Belief = tuple[bool, float, float]  # whether the market is heard, with what weight of ours, the error that is left
_decode = msgspec.json.Decoder(MarketEvent).decode


class Tapes(NamedTuple):
    """The features of a span, each with the tape that it is of, their tickers numbered as one."""

    features: list[Features]
    reels: list[Reel]
    names: list[str]

    @property
    def unfit(self) -> str:
        """Why only the engine can play it; "" when the lane can."""
        return next((each.unfit for each in self.features if each.unfit), "")

    @property
    def events(self) -> int:
        """How many market events that is."""
        return sum(each.events for each in self.features)


def tapes_of(reels: Sequence[Reel], parameters: Parameters, watch: Callable[[], None] | None = None) -> Tapes:
    """The features of a span under the pricing parameters of a setting. Raises TapeError, OSError or EmptyTape."""
    features: list[Features] = []
    played: list[Reel] = []
    at = 0
    late: tuple[bytes, ...] = ()
    while at < len(reels):
        starts = [reel.first_ns for reel in reels[at + 1 :]]
        found = features_for(reels[at].path, starts, late, parameters)
        features.append(found)
        played.append(reels[at])
        at, late = at + 1 + found.overlapped, found.late
        if watch is not None:
            watch()
    names = list(dict.fromkeys(ticker.name for each in features for ticker in each.tickers))
    numbers = {name: number for number, name in enumerate(names)}
    return Tapes([_renumbered(each, numbers) for each in features], played, names)


class Player:
    """The trials of a span while it is played: `number`, positions and what is held of each setting, and what it did."""

    def __init__(
        self,
        tapes: Tapes,
        capital: int,
        settings: Sequence[tuple[RiskLimits, Parameters]],
        realism: Realism = FIXED,
    ) -> None:
        self.tapes = tapes
        self.capital = capital
        self.beliefs = [_belief(parameters) for _, parameters in settings]
        self.settings = settings_of(settings, realism)
        count, tickers = len(settings), len(tapes.names)
        self.numbers: Longs = np.zeros((count, NUMBERS), np.int64)
        for number, value in opened(capital).items():
            self.numbers[:, number] = value
        self.positions: Longs = np.zeros((count, tickers, POSITION), np.int64)
        self.held: Shorts = np.zeros((count, tickers), np.int16)
        self.orders: list[list[Longs]] = [[] for _ in settings]
        self.fills: list[list[Longs]] = [[] for _ in settings]
        self.settlements: list[list[Longs]] = [[] for _ in settings]

    def play(self, watch: Callable[[], None] | None, threads: int) -> None:
        """All tapes, one after the other."""
        closed_ns = 0
        late: tuple[bytes, ...] = ()
        for features, reel in zip(self.tapes.features, self.tapes.reels, strict=True):
            times = np.array((reel.first_ns, closed_ns), np.int64)
            self._play_tape(features, times, _coming(late, self.tapes.names), watch, threads)
            closed_ns, late = int(features.tape.span[2]), features.late

    def _play_tape(
        self, features: Features, times: Longs, coming: "np.ndarray", watch: Callable[[], None] | None, threads: int
    ) -> None:
        alive = [trial for trial in range(len(self.beliefs)) if not self.numbers[trial, OUT]]
        alive.sort(key=lambda trial: self.beliefs[trial])
        told_at = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            for belief, trials in groupby(alive, key=lambda trial: self.beliefs[trial]):
                columns = believed(features.tape, belief)
                mine = list(trials)
                chunks = [mine[first : first + CHUNK] for first in range(0, len(mine), CHUNK)]
                for _ in pool.map(partial(self._play_chunk, features, columns, times, coming), chunks):
                    if watch is not None and time.monotonic() - told_at > 0.5:
                        told_at = time.monotonic()
                        watch()

    def _play_chunk(
        self,
        features: Features,
        columns: tuple[Floats, Floats, Floats],
        times: Longs,
        coming: "np.ndarray",
        trials: list[int],
    ) -> None:
        play_many, tape = compiled_loop("play_many"), features.tape
        own: Books = books(len(self.tapes.names), len(tape.markets), ROWS)
        room, left = KEPT_ROWS, np.array(trials, np.int64)
        carried = (self.numbers, self.positions, self.held)
        while len(left):
            kept = (_table(room, 6), _table(room, 7), _table(room, 5), _table(len(left), 3))
            done = play_many(tape, self.settings, columns, carried, own, kept, times, coming, left)
            self._keep(features, left[:done], kept)
            left = left[done:]
            room *= 2

    def _keep(self, features: Features, trials: Longs, kept: tuple[Longs, Longs, Longs, Longs]) -> None:
        """What each of these did, its settlements with what a YES contract paid."""
        ends = np.concatenate((np.zeros((1, 3), np.int64), np.cumsum(kept[3][: len(trials)], axis=0)))
        for place, trial in enumerate(trials):
            first, end = ends[place], ends[place + 1]
            self.orders[trial].append(kept[0][first[0] : end[0]].copy())
            self.fills[trial].append(kept[1][first[1] : end[1]].copy())
            settled = kept[2][first[2] : end[2]]
            worth = features.tape.settlements["worth"][settled[:, 2]]
            self.settlements[trial].append(np.column_stack((settled[:, (0, 1, 3, 4)], worth)))

    def results(self, first_trial: int) -> list[TrialResult | None]:
        """One for each setting; None where it came to a state that only the engine plays."""
        features = self.tapes.features
        tickers = {ticker.name: ticker for each in features for ticker in _listed(each.tickers)}
        known = {ticker.name: ticker for each in features for ticker in each.tickers} | tickers
        results: dict[str, Told] = {told.ticker: told for each in features for told in each.results}
        span = Span(self.tapes.names, known, results)
        return [
            None
            if self.numbers[trial, OUT]
            else trial_of(first_trial + trial, self.capital, span, self._written(trial))
            for trial in range(len(self.beliefs))
        ]

    def _written(self, trial: int) -> Written:
        return Written(
            np.concatenate(self.orders[trial]),
            np.concatenate(self.fills[trial]),
            np.concatenate(self.settlements[trial]),
            self.numbers[trial],
        )


def believed(tape: Tape, belief: Belief) -> tuple[Floats, Floats, Floats]:
    """What is believed of each row, the most that either side could have for an edge, and a bound of the confidence."""
    columns = (np.empty(len(tape.time)), np.empty(len(tape.time)), np.empty(len(tape.time)))
    compiled_loop("believe")(tape, *belief, *columns)
    return columns


def cores() -> int:
    """How many threads can compute at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _belief(parameters: Parameters) -> Belief:
    return parameters.pooling != "off", float(parameters.pooling_weight), float(parameters.calibration_error)


def _coming(late: Sequence[bytes], names: Sequence[str]) -> "np.ndarray":
    """Of which tickers a status is still to come."""
    events = [_decode(each) for each in late]
    to_come = {event.ticker for event in events if isinstance(event, MarketStatus)}
    return np.array([name in to_come for name in names], np.bool_)


def _renumbered(features: Features, numbers: dict[str, int]) -> Features:
    own = np.array([numbers[ticker.name] for ticker in features.tickers] or [0], np.int64)
    markets, settlements = features.tape.markets.copy(), features.tape.settlements.copy()
    markets["ticker"], settlements["ticker"] = own[markets["ticker"]], own[settlements["ticker"]]
    return features._replace(tape=features.tape._replace(markets=markets, settlements=settlements))


def _listed(tickers: Sequence[Ticker]) -> list[Ticker]:
    return [ticker for ticker in tickers if ticker.close_ns]


def _table(length: int, width: int) -> Longs:
    return np.empty((length, width), np.int64)
