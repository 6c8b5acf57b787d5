"""The only writers of Series, Market and Tape."""

import logging
from pathlib import Path
from typing import Any

import msgspec
from django.db import transaction

from markets.census import TapeCount, file_count, tape_count
from markets.core.contract import Contract
from markets.core.payout import yes_pays_of
from markets.models import Market, Series, Tape, result_text
from markets.tape import VERSION, TapeError, TapeHeader, files_of, whole_name
from markets.tapes.facts import FileFacts
from markets.tapes.mending import mend_tapes
from markets.tapes.parts import wholes_in
from markets.tapes.words import PLAIN

log = logging.getLogger(__name__)

BEFORE: dict[str, tuple[str, ...]] = {  # the states of a market from which it may come into another
    Market.Status.OPEN: (Market.Status.PAUSED,),
    Market.Status.PAUSED: (Market.Status.OPEN,),
    Market.Status.CLOSED: (Market.Status.OPEN, Market.Status.PAUSED, Market.Status.DISPUTED),
    Market.Status.DISPUTED: (Market.Status.OPEN, Market.Status.PAUSED, Market.Status.CLOSED),
}


@transaction.atomic
def market_upsert(contract: Contract, *, is_simulated: bool) -> Market:
    """Write the terms of a market as known now.

    A strike once known is not lost to terms without one. A simulated market never touches a real one of the same
    name; a real one takes the place of a simulated one, result and all.
    """
    Series.objects.get_or_create(ticker=contract.series, defaults={"asset": contract.asset, "title": _title(contract)})
    terms = _terms(contract, is_simulated)
    row, is_new = Market.objects.select_for_update().get_or_create(ticker=contract.ticker, defaults=terms)
    if is_new or (is_simulated and not row.is_simulated):
        return row
    if row.is_simulated and not is_simulated:
        terms |= {"status": Market.Status.OPEN, "result": "", "yes_pays": None, "settle_value": ""}
    elif contract.strike is None and row.strike is not None:
        terms = _terms(msgspec.structs.replace(contract, strike=row.strike), is_simulated)
    _update(row, terms)
    return row


def market_turn(ticker: str, status: str, *, is_simulated: bool = False) -> bool:
    """A market is open, paused, closed or disputed now. True if that was news.

    Trading may pause and go on, and a closed market be disputed and not any more; a closed one never opens again.
    What has settled stays so. Raises KeyError for any other status.
    """
    before = BEFORE[status]
    rows = Market.objects.filter(ticker=ticker, is_simulated=is_simulated, status__in=before)
    return bool(rows.update(status=status))


@transaction.atomic
def market_settle(
    ticker: str, *, result: str, settle_value: str, is_simulated: bool = False, yes_pays: int | None = None
) -> bool:
    """Write the result of a market. True if something was written; told again, it changes nothing.

    An official result is never overwritten, not by another official one either: that is logged as an error for a
    person to look at. Only a value that was missing is added. `yes_pays` (a Price) is what a YES contract pays; it is
    needed where the result is scalar. Raises ValueError when nothing can be paid on that.
    """
    try:
        pays = yes_pays_of(result, yes_pays)
    except ValueError as error:
        raise ValueError(f"{ticker}: {error}") from error
    kept = pays if result == Market.Result.SCALAR else None
    row = Market.objects.select_for_update().filter(ticker=ticker).first()
    if row is None or row.is_simulated != is_simulated:
        log.warning("%s has no %s row; its result was not kept", ticker, "simulated" if is_simulated else "real")
        return False
    if row.result and not is_simulated:
        return _add_value(row, result, kept, settle_value)
    values = {"status": Market.Status.SETTLED, "result": result, "yes_pays": kept, "settle_value": settle_value}
    return _update(row, values)


def tape_register(path: Path) -> Tape:
    """Count a tape and put it into the catalogue, under the name in its header; `path` may stand for a recording in
    parts. Raises TapeError when it is damaged, out of order, empty, or has the name of another tape whose file is
    still there."""
    path = path.resolve()
    count = tape_count(path)
    path = path.parent / count.files[0].file
    if not count.events:
        raise TapeError(f"{path} holds no events; there is nothing to register.")
    other = Tape.objects.filter(name=count.header.name).first()
    if other is not None and Path(other.path).is_file() and not _is_same(Path(other.path), path):
        raise TapeError(
            f"{path}: a tape named {other.name} is registered from {other.path}; rename or remove one of them."
        )
    row, _ = Tape.objects.update_or_create(name=count.header.name, defaults=_tape_fields(path, count))
    return row


@transaction.atomic
def tape_part_sealed(path: Path, header: TapeHeader, facts: FileFacts) -> Tape | None:
    """A recorder has sealed one more part of a recording. A part without events is not worth a row."""
    path = path.resolve()
    row = Tape.objects.select_for_update().filter(name=header.name).first()
    known = _files(row) if row is not None and Path(row.path).parent == path.parent else []
    files = sorted([*(file for file in known if file.file != facts.file), facts], key=lambda file: file.file)
    count = TapeCount(header, files)
    if not count.events:
        return row
    values = _tape_fields(path.parent / files[0].file, count)
    return Tape.objects.update_or_create(name=header.name, defaults=values)[0]


@transaction.atomic
def tape_part_removed(path: Path) -> None:
    """A part of a recording is gone: its row says what is left; with the last part it goes too."""
    path = path.resolve()
    row = Tape.objects.select_for_update().filter(name=whole_name(path)).first()
    if row is None or Path(row.path).parent != path.parent:
        return
    files = [file for file in _files(row) if file.file != path.name]
    if not files:
        row.delete()
        return
    header = TapeHeader(VERSION, row.name, row.source, row.grade, 0)
    fields = _tape_fields(path.parent / files[0].file, TapeCount(header, files))
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))


def tapes_mend(folder: Path) -> list[Path]:
    """End and seal what writers that died have left in a folder, and register each part that the catalogue lacks.
    Returns the files that were sealed. What cannot be read is logged."""
    mended = mend_tapes(folder)
    for path in wholes_in(folder):
        try:
            _register_missing(path)
        except TapeError as error:
            log.warning("%s", error)
    return mended


def _register_missing(path: Path) -> None:
    """Only the files that are not known yet are read: a recording may be long."""
    row = Tape.objects.filter(name=whole_name(path)).first()
    known = {file.file for file in _files(row)} if row is not None else set()
    files = files_of(path)  # looked at last: a recorder may seal and register one more part meanwhile
    for name in sorted(known - {file.name for file in files}):
        tape_part_removed(path.parent / name)
    for file in files:
        if file.name not in known and not file.name.endswith(PLAIN):  # a plain one is being written
            tape_part_sealed(file, *file_count(file))


def _is_same(one: Path, other: Path) -> bool:
    return one == other or (one.parent == other.parent and whole_name(one) == whole_name(other))


def _files(row: Tape) -> list[FileFacts]:
    return msgspec.convert(row.files, list[FileFacts])


def _add_value(row: Market, result: str, yes_pays: int | None, settle_value: str) -> bool:
    """A settled market is told its result once more."""
    is_same_value = not settle_value or row.settle_value in {"", settle_value}
    if (row.result, row.yes_pays) != (result, yes_pays) or not is_same_value:
        was, now = row.result_text, result_text(result, yes_pays)
        told = (row.ticker, was, row.settle_value, now, settle_value)
        log.error("%s settled %s at %r, now is said to be %s at %r; the first is kept", *told)
        return False
    return bool(settle_value) and _update(row, {"settle_value": settle_value})


def _title(contract: Contract) -> str:
    return f"{contract.asset} up in the next 15 minutes"


def _terms(contract: Contract, is_simulated: bool) -> dict[str, Any]:
    return {
        "series_id": contract.series,
        "asset": contract.asset,
        "open_ns": contract.open_ns,
        "close_ns": contract.close_ns,
        "strike": contract.strike,
        "decimals": contract.decimals,
        "terms": msgspec.json.decode(msgspec.json.encode(contract)),  # lists, as the database gives them back
        "is_simulated": is_simulated,
    }


def _update(row: Market, values: dict[str, Any]) -> bool:
    """Write what differs; True if anything did."""
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if changed:
        row.save(update_fields=changed)
    return bool(changed)


def _tape_fields(path: Path, count: TapeCount) -> dict[str, Any]:
    return {
        "path": str(path),
        "source": count.header.source,
        "grade": count.header.grade,
        "first_ns": count.first_ns,
        "last_ns": count.last_ns,
        "events": count.events,
        "markets": count.markets,
        "gaps": count.gaps,
        "size_bytes": count.size_bytes,
        "sha256": count.sha256,
        "files": msgspec.to_builtins(count.files),
        "is_cut": count.cut,
    }
