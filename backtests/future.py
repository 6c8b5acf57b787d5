"""Whether a run looked ahead: play it again with other futures, and see that no decision before them changes."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from backtests.core.perturb import CHANGES, Chain, Change, Comparing, Difference, Over, Rolls, moments_of, perturbed
from backtests.core.simulate import joined
from backtests.core.splice import Cut
from backtests.knobs import InputError
from backtests.replay import Inputs, Played, Progress, Tell, known_events, play_all
from backtests.shelf import Reel, reels_find
from markets.core.events import MarketEvent
from markets.moments import time_text
from trading.core.decision import Decision
from trading.core.events import Event, Opening
from trading.playback import MARKET_KINDS

MOST_MOMENTS = 200
ONE_OF = 16  # events that are chosen from
Reader = Callable[[Iterator[MarketEvent]], Iterator[MarketEvent]]


class Changed(msgspec.Struct, frozen=True):
    """A decision that another future changed, hence one that knew of it. `decided` is when it was taken, `said` what it
    then was (JSON), "" where nothing was decided any more."""

    tape: str
    moment: str
    change: str
    decided: str
    said: str


class FutureReport(msgspec.Struct):
    """`decisions` were compared before `moments` of the tapes, each with `futures` other futures. Clean is a run in which
    `changed` is empty."""

    seed: int
    wanted: int
    digest: str
    moments: list[tuple[str, str, int]]  # tape, moment, decisions up to it
    futures: int
    changed: list[Changed]

    @property
    def is_clean(self) -> bool:
        """Whether no decision changed."""
        return not self.changed

    @property
    def decisions(self) -> int:
        """How many were compared, each as often as there were futures."""
        return sum(count for _, _, count in self.moments) * self.futures

    def sentence(self) -> str:
        """What came out, for people."""
        told = f"{len(self.moments)} moments, {self.futures} other futures each, {self.decisions:,} decisions compared"
        if self.is_clean:
            return f"{told}: none changed."
        first = self.changed[0]
        return (
            f"{told}: {len(self.changed)} CHANGED. The first: on {first.tape}, with another future from {first.moment} on, "
            f"the decision of {first.decided} is another. Something looks ahead; these results are worth nothing."
        )


class Start(msgspec.Struct):
    """With what a tape was begun: the account, what earlier tapes knew of later, and when the next tapes begin."""

    reel: Reel
    opening: Opening
    late: list[MarketEvent]
    starts: Sequence[int]


def check_future(
    inputs: Inputs, *, count: int, seed: int = 1, tell: Tell | None = None, reader: Reader = iter
) -> FutureReport:
    """Play the run once as it is; then for `count` moments, chosen by `seed`, with each other future (see
    backtests.core.perturb) up to the moment. `reader` stands between tape and engine, for who wants to try it.
    Raises InputError as `replay` does, and when there is no moment to choose."""
    if not 1 <= count <= MOST_MOMENTS:
        raise InputError({"check_future": f"Check 1 to {MOST_MOMENTS} moments, not {count}."})
    reels = reels_find(inputs.tapes, since=inputs.date_from, until=inputs.date_to, files=inputs.files)
    told = Told(tell)
    first = Noted(inputs, reels, told, reader)
    play_all(first, reels, inputs)
    rolls = Rolls(seed)
    moments = _chosen(first, count, rolls)
    if not moments:
        raise InputError(
            {"check_future": "These tapes have no moment with something decided before and told after it."}
        )
    report = FutureReport(seed, count, first.digest, [], len(CHANGES), [])
    checking = _Checking(first, inputs, reader, report)
    for number, (place, at_ns) in enumerate(moments):
        told.note(0.2 + 0.8 * number / len(moments), first.parts[place].reel.name)
        checking.check(place, at_ns)
    return report


class Told:
    """Progress of the whole check; the true run is taken for a fifth of it."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell

    def first(self, share: float, note: str) -> None:
        """Of the true run."""
        self.note(0.2 * share, note)

    def note(self, share: float, note: str) -> None:
        """Pass it on."""
        if self._tell is not None:
            self._tell(share, f"another future: {note}")


class Noted(Played):
    """The true run: with what each tape was begun, its chain of decisions, and moments worth a look."""

    def __init__(self, inputs: Inputs, reels: list[Reel], told: Told, reader: Reader) -> None:
        self.begun: list[Start] = []
        self.chains: list[Chain] = []
        self.told: list[list[int]] = []  # by tape: when something was said of the market; thinned
        self.telling: list[list[int]] = []  # and when something was decided that had an effect
        self._pending = False
        self._heard = 0
        super().__init__(
            Opening(0, inputs.capital),
            Progress(reels, told.first),
            source=lambda path: reader(known_events(path)),
            hear=self._note,
        )

    @property
    def digest(self) -> str:
        """Of the whole run, as its report has it."""
        return joined([part.result for part in self.parts]).digest

    def play(self, reel: Reel, cut: Cut, inputs: Inputs) -> None:
        """Note with what it begins."""
        self.begun.append(Start(reel, self._opening, list(self._late), cut.starts))
        self.chains.append(Chain())
        self.told.append([])
        self.telling.append([])
        super().play(reel, cut, inputs)

    def _note(self, heard: Event, decision: Decision) -> None:
        self.chains[-1].hear(heard, decision)
        self._pending = self._pending or decision.has_effect
        if type(heard) not in MARKET_KINDS:
            return
        if self._pending:
            self.telling[-1].append(heard.received_ns)
            self._pending = False
        self._heard += 1
        if not self._heard % ONE_OF and self.chains[-1].at_ns:
            self.told[-1].append(heard.received_ns)


def _chosen(first: Noted, count: int, rolls: Rolls) -> list[tuple[int, int]]:
    """(tape, moment): tapes by their number of events; no moment at a tape's end, where nothing follows."""
    weights = [part.result.events for part in first.parts]
    wanted = [0] * len(weights)
    for _ in range(count):
        place = rolls.below(sum(weights))
        number = 0
        while place >= weights[number]:
            place -= weights[number]
            number += 1
        wanted[number] += 1
    chosen: list[tuple[int, int]] = []
    for number, many in enumerate(wanted):
        last_ns = first.parts[number].result.last_ns
        times, telling = ([at_ns for at_ns in pool[number] if at_ns < last_ns] for pool in (first.told, first.telling))
        chosen += [(number, at_ns) for at_ns in moments_of(times, telling, many, rolls)]
    return chosen


class _Checking:
    """Plays a tape of the run again with other futures."""

    def __init__(self, first: Noted, inputs: Inputs, reader: Reader, report: FutureReport) -> None:
        self._first = first
        self._inputs = inputs
        self._reader = reader
        self._report = report

    def check(self, place: int, at_ns: int) -> None:
        """One moment of one tape under each other future."""
        begun, true, report = self._first.begun[place], self._first.chains[place], self._report
        name, moment = begun.reel.name, time_text(at_ns)
        report.moments.append((name, moment, true.through(at_ns)))
        for change in CHANGES:
            found = self._difference(begun, Comparing(true, at_ns), at_ns, change)
            if found is not None:
                report.changed.append(Changed(name, moment, change, time_text(found.at_ns), found.said))

    def _difference(self, begun: Start, comparing: Comparing, at_ns: int, change: Change) -> Difference | None:
        seed = self._report.seed

        def source(path: Path) -> Iterator[MarketEvent]:
            return self._reader(perturbed(known_events(path), at_ns, change, seed))

        late = list(perturbed(begun.late, at_ns, "altered", seed))
        again = Played(begun.opening, Progress([begun.reel], None), source=source, hear=comparing.hear, late=late)
        try:
            again.play(begun.reel, Cut(begun.starts), self._inputs)
        except Over:
            return comparing.difference
        return comparing.finish()
