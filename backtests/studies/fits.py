"""Which fitted artefacts a study may use on a day: those that had seen nothing of it, nor of the embargo before it."""

from collections.abc import Sequence
from typing import Any

from backtests.knobs import InputError
from trading.core.fitted import Fitted
from trading.models import FittedArtefact


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
