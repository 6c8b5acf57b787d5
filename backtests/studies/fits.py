"""Which fitted artefacts a study may use on a day: those that had seen nothing of it, nor of the embargo before it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

from backtests.core.simulate import joined
from backtests.core.trial import TrialResult, trial_of
from backtests.knobs import InputError
from backtests.replay import Inputs, Played, Progress, play_all
from backtests.shelf import Reel
from backtests.studies.inputs import Setting
from markets.core.events import MarketEvent
from markets.core.units import Money
from trading.core.events import FittedSet, Opening
from trading.core.fitted import Fitted
from trading.models import FittedArtefact
from trading.playback import market_events


def versions_before(account: str, before_ns: int) -> tuple[int, ...]:
    """The versions of an account's artefacts, the newest of each kind, variety, group and time to the close among those
    that saw no window closing at `before_ns` or later. Raises InputError for an account without any."""
    mine = FittedArtefact.objects.filter(account=account)
    if not mine.exists():
        raise InputError({"fits": f"Nothing was fitted for the account {account!r}; `kalshi-bot fit` does."})
    newest: dict[tuple[Any, ...], int] = {}
    rows = mine.filter(through_ns__lt=before_ns).order_by("version")
    for version, *place in rows.values_list("version", "kind", "variety", "group", "least_s"):
        newest[tuple(place)] = version
    return tuple(sorted(newest.values()))


def fitted_of(versions: Sequence[int]) -> Fitted | None:
    """The artefacts as the engine takes them; None where there are none."""
    if not versions:
        return None
    found: dict[str, tuple[Any, ...]] = {}
    for row in FittedArtefact.objects.filter(version__in=versions).order_by("kind", "variety", "group", "least_s"):
        found[row.kind] = (*found.get(row.kind, ()), row.artefact())
    return Fitted(**found)


def play_fitted(  # noqa: PLR0917  (a span, a setting, the number of the trial, and what it may know)
    reels: Sequence[Reel], capital: int, setting: Setting, number: int, fitted: Fitted, watch: Callable[[], None]
) -> TrialResult:
    """One setting on one span by the engine, which hears of what was fitted at the beginning of every tape, as a session
    does; for any time before an artefact's last window it refuses it by itself. Raises InputError."""
    tapes = list(reels)
    inputs = Inputs(
        tuple(reel.name for reel in tapes), Money(capital), setting.limits, setting.parameters, realism=setting.realism
    )

    def source(path: Path) -> Iterator[MarketEvent]:
        events = market_events(path)
        first = next(events)
        told = cast(MarketEvent, FittedSet(first.received_ns, fitted))
        return chain((told, first), events)

    played = Played(Opening(0, Money(capital)), Progress(tapes, lambda *_: watch()), source=source)
    play_all(played, tapes, inputs)
    return trial_of(number, joined([part.result for part in played.parts]))
