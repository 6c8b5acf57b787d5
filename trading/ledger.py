"""The ledger: cash, positions and profit recomputed from opening cash, what moved from outside, fills, fees and settlements."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F, Sum

from markets.core.units import PRICE_DOLLAR
from trading.core import portfolio
from trading.core.postings import OPENING
from trading.models import Account, Fill, LedgerEntry, Position, Settlement


class Difference(NamedTuple):
    """One thing that does not add up; `subject` is the ticker of the market."""

    subject: str
    text: str


class MarketTotals(NamedTuple):
    """All fills of an account in one market: signed count (Count), and what the ledger cash changed by (Money)."""

    net: int
    traded: int
    fees: int

    @property
    def cash(self) -> int:
        """What the venue's cash changed by: it holds a dollar for each contract short."""
        return self.traded - max(0, -self.net) * PRICE_DOLLAR - self.fees


class Ledger(NamedTuple):
    """What must be true of an account (Money and Count), and where its rows say otherwise."""

    account: str
    opening_cash: int
    moved: int  # deposits less withdrawals since, transfers under way and adjustments that a person accepted
    cash: int
    fees: int
    payouts: int
    positions: dict[str, int]  # ticker to signed count, of the markets that have not settled
    differences: list[Difference]


class Realised(NamedTuple):
    """Profit (Money, without fees) booked when something was closed or settled."""

    event_ns: int
    ticker: str
    profit: int


def ledger(account: str) -> Ledger:
    """Recompute an account, and compare it with its Position rows. Raises Account.DoesNotExist."""
    with one_moment():
        opening_cash = Account.objects.get(pk=account).opening_cash
        moved = _moved(account)
        totals = _totals(account)
        settlements = {row.ticker: row for row in Settlement.objects.filter(account=account)}
        rows = {row.ticker: row for row in Position.objects.filter(account=account)}
    payouts = sum(row.payout for row in settlements.values())
    return Ledger(
        account=account,
        opening_cash=opening_cash,
        moved=moved,
        cash=opening_cash + moved + payouts + sum(market.cash for market in totals.values()),
        fees=sum(market.fees for market in totals.values()),
        payouts=payouts,
        positions={ticker: market.net for ticker, market in totals.items() if ticker not in settlements},
        differences=list(_differences(totals, settlements, rows)),
    )


def holdings(account: str) -> dict[str, portfolio.Position]:
    """What fills and settlements say of each market that has not settled, flat ones included."""
    settled = Settlement.objects.filter(account=account).values("ticker")
    fills = Fill.objects.filter(account=account).exclude(ticker__in=settled)
    return replayed(fills.order_by("event_ns", "id"))


def replayed(fills: Iterable[Fill]) -> dict[str, portfolio.Position]:
    """The positions that fills (in the order of time) lead to, by ticker."""
    positions: dict[str, portfolio.Position] = {}
    for fill in fills:
        _book(positions.setdefault(fill.ticker, portfolio.Position(fill.ticker)), fill)
    return positions


def realised(account: str, start_ns: int, end_ns: int) -> list[Realised]:
    """Profit booked from `start_ns` until before `end_ns`, at the moment of the closing fill or settlement."""
    mine = {"account": account, "event_ns__gte": start_ns, "event_ns__lt": end_ns}
    tickers = set(Settlement.objects.filter(**mine).values_list("ticker", flat=True))
    tickers |= set(Fill.objects.filter(**mine).values_list("ticker", flat=True))
    known = {"account": account, "event_ns__lt": end_ns, "ticker__in": tickers}
    rows: list[Fill | Settlement] = [*Fill.objects.filter(**known).order_by("event_ns", "id")]
    rows += Settlement.objects.filter(**known).order_by()
    positions: dict[str, portfolio.Position] = {}
    paid: dict[str, Settlement] = {}
    booked: list[Realised] = []
    for row in sorted(rows, key=attrgetter("event_ns")):  # of one moment the fills stay before the payout
        position = positions.setdefault(row.ticker, portfolio.Position(row.ticker))
        before = position.realised
        _book(position, row)
        if isinstance(row, Settlement):
            paid[row.ticker] = row
        elif row.ticker in paid:
            _book(position, paid[row.ticker])  # heard late, paid out at once
        if row.event_ns >= start_ns and position.realised != before:
            booked.append(Realised(row.event_ns, row.ticker, position.realised - before))
    return sorted(booked)


def _book(position: portfolio.Position, row: Fill | Settlement) -> None:
    if isinstance(row, Fill):
        position.trade(row.is_bid, row.price, row.count)
        position.fees += row.fee
    else:
        position.settle(row.result, row.yes_pays)


def _moved(account: str) -> int:
    """Cash that came or went by no trade: only the entries know of it."""
    moves = LedgerEntry.objects.filter(account=account, book__in=("deposits", "transfers")).exclude(movement=OPENING)
    return -int(moves.aggregate(all=Sum("amount"))["all"] or 0)


def _totals(account: str) -> dict[str, MarketTotals]:
    """By ticker. The sums are made by the database: an account may have a million fills."""
    fills = Fill.objects.filter(account=account).order_by().values("ticker", "is_bid")
    sums = fills.annotate(contracts=Sum("count"), worth=Sum(F("price") * F("count")), charged=Sum("fee"))
    totals: dict[str, MarketTotals] = defaultdict(lambda: MarketTotals(0, 0, 0))
    for row in sums:
        sign = 1 if row["is_bid"] else -1
        was = totals[row["ticker"]]
        totals[row["ticker"]] = MarketTotals(
            net=was.net + sign * int(row["contracts"]),
            traded=was.traded - sign * int(row["worth"]),
            fees=was.fees + int(row["charged"]),
        )
    return dict(totals)


def _differences(
    totals: dict[str, MarketTotals], settlements: dict[str, Settlement], rows: dict[str, Position]
) -> Iterator[Difference]:
    for ticker in sorted(totals.keys() | settlements.keys() | rows.keys()):
        market = totals.get(ticker, MarketTotals(0, 0, 0))
        settlement, row = settlements.get(ticker), rows.get(ticker)
        if settlement and settlement.count != market.net:
            yield Difference(ticker, f"settled for {settlement.count}, fills say {market.net}")
        if row is None:
            if market != MarketTotals(0, 0, 0):
                yield Difference(ticker, "fills without a position")
            continue
        open_count = 0 if settlement else market.net
        payout = settlement.payout if settlement else 0
        for what, said, true in (
            ("count", row.count, open_count),
            ("fees", row.fees, market.fees),
            ("cash", row.realised - row.cost - row.fees, market.cash + payout),
        ):
            if said != true:
                yield Difference(ticker, f"{what}: the position says {said}, the ledger {true}")


@contextmanager
def one_moment() -> Iterator[None]:
    """All reads see the same moment, though the journal goes on writing."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
