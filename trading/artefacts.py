"""artefacts_add: the one writer of what was fitted; and what of it is in force."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import msgspec
from django.db import transaction

from trading.core.fitted import ENDLESS, CalibrationMap, Learnt
from trading.models import FittedArtefact
from trading.models.fitted import STRUCTS
from trading.services import nudge


def artefacts_add(account: str, found: Sequence[tuple[Learnt, Mapping[str, Any]]]) -> list[FittedArtefact]:
    """Add what was fitted on the forecasts of an account, each with what the fit says of itself; the trader has it within
    two seconds. What says nothing that the newest of its place does not say already is left out. Returns the new rows."""
    with transaction.atomic():
        rows = [_row(account, learnt, report) for learnt, report in found]
        new = [row for row in rows if not _is_known(row)]
        for row in new:
            row.save()
        if new:
            transaction.on_commit(nudge)
    return new


def _row(account: str, learnt: Learnt, report: Mapping[str, Any]) -> FittedArtefact:
    payload = {name: getattr(learnt, name) for name in learnt.__struct_fields__ if name != "version"}
    return FittedArtefact(
        account=account,
        kind=next(kind for kind, struct in STRUCTS.items() if type(learnt) is struct),
        variety=learnt.kind if isinstance(learnt, CalibrationMap) else "",
        group=learnt.group,
        least_s=learnt.least_s,
        most_s=None if learnt.most_s >= ENDLESS else learnt.most_s,
        windows=learnt.windows,
        first_ns=learnt.first_ns,
        through_ns=learnt.through_ns,
        payload=msgspec.json.decode(msgspec.json.encode(payload)),
        report={name: _finite(value) for name, value in report.items()},
    )


def _finite(value: Any) -> Any:
    """As JSON can say it: what is no number is null."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value


def _is_known(row: FittedArtefact) -> bool:
    place = {name: getattr(row, name) for name in ("account", "kind", "variety", "group", "least_s", "most_s")}
    newest = FittedArtefact.objects.filter(**place).order_by("-version").first()
    return newest is not None and bool(newest.payload == row.payload)
