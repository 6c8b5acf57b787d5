"""The entries of accounts that traded before there were entries, as the migration makes them: market by market."""

from collections.abc import Iterator
from copy import deepcopy
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from django.apps.registry import Apps

from trading.core.portfolio import Position
from trading.core.postings import OPENING, Posting, fill_postings, opening_postings, settled_postings

BATCH = 2_000
SHARD = 0  # all of them traded on paper, where there is but one


def backfill(apps: Apps) -> int:
    """Write the entries of every account that has none; returns how many. Models come from the migration's own state."""
    entry = apps.get_model("trading", "LedgerEntry")
    written = 0
    for account in apps.get_model("trading", "Account").objects.order_by("name"):
        if entry.objects.filter(account=account.name).exists():
            continue
        rows = _rows(apps, entry, account)
        while batch := list(islice(rows, BATCH)):
            entry.objects.bulk_create(batch)
            written += len(batch)
    return written


def _rows(apps: Apps, entry: Any, account: Any) -> Iterator[Any]:
    began_ns = int(account.created_at.timestamp() * 1_000) * 1_000_000
    yield from _entries(
        entry(account=account.name, movement=OPENING, event_ns=began_ns), opening_postings(account.opening_cash)
    )
    settlements = {
        row.ticker: row for row in apps.get_model("trading", "Settlement").objects.filter(account=account.name)
    }
    fills = apps.get_model("trading", "Fill").objects.filter(account=account.name).order_by("ticker", "event_ns", "id")
    for ticker, of_market in groupby(fills.iterator(chunk_size=BATCH), attrgetter("ticker")):
        position = Position(ticker)
        for fill in of_market:
            movement = entry(
                account=account.name, movement=f"fill {fill.trade_id}", ticker=ticker, event_ns=fill.event_ns
            )
            postings = fill_postings(
                position, is_bid=fill.is_bid, price=fill.price, count=fill.count, fee=fill.fee, shard=SHARD
            )
            yield from _entries(movement, postings)
        if settlement := settlements.pop(ticker, None):
            yield from _settled(entry, position, settlement)
    for settlement in settlements.values():
        yield from _settled(entry, Position(settlement.ticker), settlement)


def _settled(entry: Any, position: Position, row: Any) -> Iterator[Any]:
    movement = entry(account=row.account, movement=f"settlement {row.ticker}", ticker=row.ticker, event_ns=row.event_ns)
    yield from _entries(movement, settled_postings(position, row.payout, SHARD))


def _entries(movement: Any, postings: tuple[Posting, ...]) -> Iterator[Any]:
    """`movement` is an entry that says of which, and when."""
    for posting in postings:
        row = deepcopy(movement)
        row.book, row.amount, row.shard = posting
        yield row
