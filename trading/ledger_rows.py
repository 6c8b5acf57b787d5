"""The entries of the ledger as people ask for them: by movement, a page at a time, and all of them as CSV."""

import csv
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time
from io import StringIO
from typing import NamedTuple

from asgiref.sync import sync_to_async
from django.db.models import Q, QuerySet

from markets.core.units import DAY_NS, money_text
from markets.moments import time_ns, time_text
from trading.models import LedgerEntry
from trading.models.ledger import BOOKS

KINDS = ("opening", "fill", "settlement", "deposit", "withdrawal", "transfer", "adjustment")
SHOWN = 50  # movements on a page
PAGE = 2_000  # entries in memory at a time
LAST_YEAR, LARGEST = 2200, 2**63 - 1  # what a column of the database holds
COLUMNS = ("at", "account", "movement", "book", "shard", "ticker", "amount")


class Asked(NamedTuple):
    """Which entries; days are UTC dates such as 2026-11-26, "" for all. What is none of its kind asks for nothing."""

    account: str
    kind: str = ""
    book: str = ""
    ticker: str = ""
    first: str = ""
    last: str = ""


class Movement(NamedTuple):
    """One movement with its entries, which add up to nothing. `amounts` by book; cash with its shard."""

    name: str
    event_ns: int
    ticker: str
    entries: tuple[LedgerEntry, ...]


class Page(NamedTuple):
    """A page of movements; `older` is where the next one begins, "" at the end."""

    movements: tuple[Movement, ...]
    older: str


def entries(asked: Asked) -> QuerySet[LedgerEntry]:
    """All entries that were asked for."""
    rows = LedgerEntry.objects.filter(account=asked.account)
    if asked.kind in KINDS:
        rows = rows.filter(Q(movement=asked.kind) | Q(movement__startswith=f"{asked.kind} "))
    if asked.book in BOOKS:
        rows = rows.filter(book=asked.book)
    if asked.ticker:
        rows = rows.filter(ticker__iexact=asked.ticker)
    if first_ns := _day_ns(asked.first):
        rows = rows.filter(event_ns__gte=first_ns)
    if last_ns := _day_ns(asked.last):
        rows = rows.filter(event_ns__lt=last_ns + DAY_NS)
    return rows


def movements(asked: Asked, before: str = "") -> Page:
    """The newest movements that have an entry that was asked for, each with all its entries."""
    heads = entries(asked if asked.book in BOOKS else asked._replace(book="cash")).order_by("-event_ns", "-id")
    if place := _place(before):
        event_ns, pk = place
        heads = heads.filter(event_ns__lte=event_ns).filter(Q(event_ns__lt=event_ns) | Q(id__lt=pk))
    found = list(heads[: SHOWN + 1])
    shown = found[:SHOWN]
    whole = LedgerEntry.objects.filter(account=asked.account, movement__in=[row.movement for row in shown])
    by_name: dict[str, list[LedgerEntry]] = {}
    for row in whole.order_by("id"):
        by_name.setdefault(row.movement, []).append(row)
    named = {row.movement: row for row in reversed(shown)}  # a book of cash on two shards is one movement
    told = tuple(Movement(name, row.event_ns, row.ticker, tuple(by_name[name])) for name, row in named.items())
    older = f"{shown[-1].event_ns}-{shown[-1].pk}" if len(found) > SHOWN else ""
    return Page(told[::-1], older)


async def csv_stream(asked: Asked) -> AsyncIterator[str]:
    """All entries that were asked for, the oldest first, as lines of CSV: amounts in dollars, six decimals."""
    yield _text([list(COLUMNS)])
    after = 0
    while True:
        text, after = await sync_to_async(_csv_page)(asked, after)
        if not text:
            return
        yield text


def _csv_page(asked: Asked, after: int) -> tuple[str, int]:
    rows = list(entries(asked).filter(id__gt=after).order_by("id")[:PAGE])
    lines = [
        [time_text(row.event_ns), row.account, row.movement, row.book, row.shard, row.ticker, money_text(row.amount)]
        for row in rows
    ]
    return (_text(lines), rows[-1].pk) if rows else ("", after)


def _text(lines: list[list[object]] | list[list[str]]) -> str:
    page = StringIO(newline="")
    csv.writer(page, lineterminator="\n").writerows(lines)
    return page.getvalue()


def _day_ns(day: str) -> int:
    try:
        begins = datetime.combine(date.fromisoformat(day), time(), UTC)
    except ValueError:
        return 0
    return time_ns(begins) if 1970 <= begins.year < LAST_YEAR else 0


def _place(before: str) -> tuple[int, int] | None:
    event_ns, _, pk = before.partition("-")
    is_place = re.fullmatch(r"[0-9]{1,18}", pk) and re.fullmatch(r"[0-9]{1,19}", event_ns)
    return (min(int(event_ns), LARGEST), int(pk)) if is_place else None
