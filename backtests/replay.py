"""Plays tapes through the simulation, one after another with one account, and hands back the report."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from backtests.core.as_of import AsOf, LookAheadError
from backtests.core.clocks import shifted
from backtests.core.ledger import check
from backtests.core.record import Result
from backtests.core.simulate import EmptyTape, Hear, joined, simulate
from backtests.core.splice import Cut, carried, woven
from backtests.coverage import reels_asked, report_coverage, run_coverage
from backtests.knobs import InputError
from backtests.report import Part, report_of, settings_of
from backtests.shelf import Reel
from backtests.variations import bounds_of, graded, plays_of, sensitivity_of
from markets.core.events import MarketEvent
from markets.core.units import Money
from markets.tape import TapeError
from trading.core.events import Opening
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import FIXED, Realism
from trading.playback import market_events

PACE_S = 0.5
Tell = Callable[[float, str], None]  # (share done, a word on where we are); may raise to stop the run


class RunCancelled(Exception):
    """Somebody asked for the run to stop."""


@dataclass(frozen=True)
class Inputs:
    """All that decides a run. The same inputs give the same report, byte for byte."""

    tapes: tuple[str, ...]
    capital: Money
    limits: RiskLimits
    parameters: Parameters
    date_from: date | None = None
    date_to: date | None = None
    files: bool = False  # whether a tape may be named by its path
    realism: Realism = FIXED
    bounds: bool = False  # also played under the optimistic and the pessimistic realism: `bounds` of the report
    sensitivity: bool = False  # also played with more latency and another spot clock: `sensitivity` of the report
    spot_shift_ns: int = 0  # what spot and index said is heard so much later (negative: earlier) than it was
    allow_gaps: bool = False  # whether it runs though something that was asked for is on no tape
    needs_assets: tuple[str, ...] = ()  # coins that each day asked for must have quotes of; empty: whatever there is
    needs_venues: tuple[str, ...] = ()  # feeds that each day asked for must have been heard: "kalshi", "coinbase"


def replay(inputs: Inputs, tell: Tell | None = None) -> dict[str, Any]:
    """Run the back-test and report it. `tell` hears of progress at most twice a second.
    Raises InputError for tapes that cannot be played, LedgerError if cash and fills disagree."""
    reels = reels_asked(inputs)
    turns = Turns(plays_of(inputs), tell)
    played = _played(inputs, reels, turns.next())
    result = joined([part.result for part in played.parts])
    covered = run_coverage(inputs, [part.reel for part in played.parts])
    coverage = report_coverage(covered, inputs, (fill.ticker for fill in result.fills))
    asked = {name: settings_of(getattr(inputs, name)) for name in ("limits", "parameters", "realism")}
    report = report_of(played.parts, played.left_out, result) | asked | {"coverage": coverage}
    report |= graded(report["trades"], [(part.reel.grade, part.result) for part in played.parts])

    def again(other: Inputs, words: str) -> Result:
        parts = _played(other, reels, turns.next(words)).parts
        return joined([part.result for part in parts])

    if inputs.bounds:
        report["bounds"] = bounds_of(inputs, result, again)
    if inputs.sensitivity:
        report["sensitivity"] = sensitivity_of(inputs, result, again)
    return report


def _played(inputs: Inputs, reels: list[Reel], tell: Tell | None) -> "Played":
    played = Played(Opening(0, inputs.capital), Progress(reels, tell))
    play_all(played, reels, inputs)
    return played


class Turns:
    """The tapes are played several times: how far all of it is."""

    def __init__(self, plays: int, tell: Tell | None) -> None:
        self._plays = plays
        self._tell = tell
        self._begun = 0

    def next(self, words: str = "") -> Tell | None:
        """Who hears of the next play; `words` say which it is."""
        tell, done = self._tell, self._begun
        self._begun += 1
        if tell is None or self._plays == 1:
            return tell
        return lambda share, note: tell((done + share) / self._plays, f"{words}: {note}" if words else note)


def play_all(played: "Played", reels: list[Reel], inputs: Inputs) -> None:
    """Each tape up to where the next begins; the tapes that quote the same time are left out. Raises as `replay`."""
    number = 0
    while number < len(reels):
        cut = Cut([reel.first_ns for reel in reels[number + 1 :]])
        played.play(reels[number], cut, inputs)
        following = number + 1 + cut.overlapped
        for reel in reels[number + 1 : following]:
            played.leave_out(reel)
        number = following


def known_events(path: Path) -> Iterator[MarketEvent]:
    """The market's events of a tape. Raises LookAheadError at one that cannot have been known when it says, and TapeError."""
    return AsOf().guarded(market_events(path))


class Played:
    """The tapes played so far, and the account as it stands. `source` reads a tape, `hear` hears each decision; `late` is
    what earlier tapes know of later."""

    def __init__(
        self,
        opening: Opening,
        progress: "Progress",
        *,
        source: Callable[[Path], Iterator[MarketEvent]] | None = None,
        hear: Hear | None = None,
        late: Sequence[MarketEvent] = (),
    ) -> None:
        self.parts: list[Part] = []
        self.left_out: list[Reel] = []
        self._opening = opening
        self._progress = progress
        self._source = source or known_events
        self._hear = hear
        self._late: list[MarketEvent] = list(late)

    def play(self, reel: Reel, cut: Cut, inputs: Inputs) -> None:
        """Trade one tape, with what the one before left behind."""
        opening, void = carried(self._opening, reel.first_ns, self._late)
        events = cut.through(shifted(woven(self._late, self._source(reel.path)), inputs.spot_shift_ns))
        try:
            watch = self._progress.watch(reel)
            result = simulate(
                events, opening, inputs.limits, inputs.parameters, realism=inputs.realism, watch=watch, hear=self._hear
            )
        except (TapeError, OSError, EmptyTape, LookAheadError) as error:
            raise InputError({"tapes": f"Tape {reel.name!r} cannot be played: {error}"}) from error
        check(result)
        self._opening, self._late = result.closing, cut.late
        self._progress.skip(reel)
        self.parts.append(Part(reel, result, void))

    def leave_out(self, reel: Reel) -> None:
        """The tape before it quotes the same time."""
        self.left_out.append(reel)
        self._progress.skip(reel)


class Progress:
    """How much of all tapes is done; passes it on at most twice a second."""

    def __init__(self, reels: list[Reel], tell: Tell | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._guess = sum(reel.events or 0 for reel in reels) // len(reels) or 100_000
        self._total = sum(reel.events or self._guess for reel in reels)
        self._done = 0
        self._told_at = float("-inf")

    def watch(self, reel: Reel) -> Callable[[int, int], None]:
        """The watch of one tape."""

        def heard(count: int, _at_ns: int) -> None:
            now = self._clock()
            if self._tell is None or now - self._told_at < PACE_S:
                return
            self._told_at = now
            share = (self._done + min(count, reel.events or self._guess)) / self._total
            self._tell(min(share, 1.0), reel.name)

        return heard

    def skip(self, reel: Reel) -> None:
        """A tape is behind us."""
        self._done += reel.events or self._guess
