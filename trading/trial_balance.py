"""The trial balance of an account, and what in its entries does not agree with fills, settlements and positions."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Sum

from trading import ledger
from trading.core.postings import OPENING
from trading.ledger import Difference
from trading.models import LedgerEntry, Position
from trading.models.ledger import BOOKS

MOST_NAMED = 20  # movements that are named when they do not add up


class Balance(NamedTuple):
    """The sum of each book (Money), cash by shard too. `opening` is a part of `deposits`."""

    books: dict[str, int]
    shards: dict[int, int]
    opening: int

    @property
    def total(self) -> int:
        """Nothing, if every movement adds up."""
        return sum(self.books.values())

    @property
    def deposited(self) -> int:
        """What came from outside since the opening, withdrawals and adjustments taken off."""
        return -self.books["deposits"] - self.opening

    @property
    def traded(self) -> int:
        """Profit by closing."""
        return -self.books["trading"]

    @property
    def settled(self) -> int:
        """Profit by settlement."""
        return -self.books["settlements"]

    @property
    def under_way(self) -> int:
        """Cash that has left one shard and not arrived at another."""
        return self.books["transfers"]

    @property
    def equity(self) -> int:
        """What there is: cash, what is open at cost, and what is under way."""
        return self.books["cash"] + self.books["positions"] + self.under_way

    @property
    def explained(self) -> int:
        """What there has to be: what came in and what was made of it."""
        return self.opening + self.deposited + self.traded + self.settled - self.books["fees"]


def balance(account: str) -> Balance:
    """The sums of all entries of an account."""
    mine = LedgerEntry.objects.filter(account=account).order_by()
    books = dict.fromkeys(BOOKS, 0)
    shards: dict[int, int] = {}
    for book, shard, amount in (
        mine.values("book", "shard").annotate(all=Sum("amount")).values_list("book", "shard", "all")
    ):
        books[book] += int(amount)
        if book == "cash":
            shards[shard] = int(amount)
    opening = mine.filter(movement=OPENING, book="cash").aggregate(all=Sum("amount"))["all"]
    return Balance(books, dict(sorted(shards.items())), int(opening or 0))


def check(account: str) -> list[Difference]:
    """Everything that does not add up: movements, the trial balance, and the books against fills, settlements and
    positions. Raises Account.DoesNotExist."""
    with ledger.one_moment():
        return list(_differences(account))


def _differences(account: str) -> Iterator[Difference]:
    mine = LedgerEntry.objects.filter(account=account).order_by()
    sums = mine.values("movement").annotate(all=Sum("amount")).exclude(all=0).values_list("movement", "all")
    for movement, amount in sums[:MOST_NAMED]:
        yield Difference(movement, f"its entries add up to {amount}, not to nothing")
    told, is_empty = ledger.ledger(account), not mine.exists()
    if is_empty and not told.fees and not told.payouts and not told.positions:
        return  # it has not begun
    found = balance(account)
    for book, said, true in (
        ("all books", found.total, 0),
        ("cash", found.books["cash"], told.cash),
        ("fees", found.books["fees"], told.fees),
    ):
        if said != true:
            yield Difference(book, f"the entries say {said}, fills and settlements {true}")
    yield from _markets(account)


def _markets(account: str) -> Iterator[Difference]:
    """Each market's books against its Position row."""
    mine = LedgerEntry.objects.filter(account=account).exclude(ticker="").order_by()
    books: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(BOOKS, 0))
    sums = mine.values("ticker", "book").annotate(all=Sum("amount")).values_list("ticker", "book", "all")
    for ticker, book, amount in sums:
        books[ticker][book] += int(amount)
    rows = Position.objects.filter(account=account).order_by()
    held = {row.ticker: (row.cost, row.fees, row.realised) for row in rows}
    for ticker in sorted(books.keys() | held.keys()):
        sums_of = books[ticker]
        said = (sums_of["positions"], sums_of["fees"], -sums_of["trading"] - sums_of["settlements"])
        for what, entry, position in zip(("cost", "fees", "profit"), said, held.get(ticker, (0, 0, 0)), strict=True):
            if entry != position:
                yield Difference(ticker, f"{what}: the entries say {entry}, the position {position}")
