"""Every movement adds up to nothing, the books add up to the account, and booking twice is harmless; on both databases."""

from itertools import count

import pytest
from django.apps import apps
from django.db import DatabaseError, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.core.payout import payout_of, yes_pays_of
from markets.core.units import DOLLAR
from tests.builders import at
from tests.emptied import empty_ledger
from trading import double_entry, ledger, services, tasks, trial_balance
from trading.backfill import backfill
from trading.core import events
from trading.core.portfolio import Position
from trading.models import Account, Discrepancy, Fill, LedgerEntry
from trading.records import Entry, Subject, write

CAPITAL = 10_000 * DOLLAR
TICKERS = ("KXBTC15M-A", "KXETH15M-A", "KXSOL15M-A")
numbers = count()

steps = st.lists(
    st.tuples(
        st.sampled_from(("fill", "fill", "fill", "settle", "move")),
        st.sampled_from(TICKERS),
        st.booleans(),
        st.integers(1, 9_999),
        st.integers(1, 2_000),
        st.integers(-500, 20_000),
        st.sampled_from((0, 2)),
    ),
    max_size=25,
)
Step = tuple[str, str, bool, int, int, int, int]
KINDS = ("deposit", "withdrawal", "transfer", "adjustment")


class Told:
    """The events of a sequence of steps, and what they come to by another way of counting."""

    def __init__(self, told: list[Step]) -> None:
        self.entries: list[Entry] = []
        self.positions: dict[str, Position] = {}
        self.cash = {0: CAPITAL}
        self.fees = self.moved = 0
        settled = set()
        for number, (what, ticker, is_bid, price, size, fee, shard) in enumerate(told):
            at_ns = at(number)
            event: object
            position = self.positions.get(ticker) or Position(ticker)
            if what == "move":
                kind = KINDS[size % 4]
                amount = -fee if kind == "withdrawal" else fee
                event = events.CashMoved(at_ns, kind, amount, f"r{number}", shard)  # type: ignore[arg-type]
                self._cash(shard, amount)
                self.moved += amount
                self.entries.append(Entry(at_ns, event))
                continue
            if ticker in settled:
                continue
            if what == "fill":
                self.positions[ticker] = position
                event = events.Fill(at_ns, f"t{number}", ticker, 1, is_bid, price, size, fee, shard=shard)
                self._cash(shard, position.trade(is_bid, price, size) - fee)
                position.fees += fee
                self.fees += fee
            else:
                settled.add(ticker)
                result = "yes" if is_bid else "scalar"
                pays = None if is_bid else price
                payout = payout_of(position.count, yes_pays_of(result, pays))
                event = events.Settled(at_ns, ticker, result, position.count, payout, "", pays, shard)  # type: ignore[arg-type]
                self._cash(shard, payout)
                position.settle(result, pays)
            self.entries.append(Entry(at_ns, event, positions=(position.held(),)))

    def _cash(self, shard: int, money: int) -> None:
        self.cash[shard] = self.cash.get(shard, 0) + money


@pytest.fixture
def session_id(db: None) -> int:
    return services.session_start(account="any", market_source="demo").pk


def a_subject(session_id: int) -> Subject:
    account = f"a{next(numbers)}"
    services.account_open(account, CAPITAL)
    return Subject(session_id, account, is_simulated=True)


def rows_of(account: str) -> list[tuple[str, str, int, str, int]]:
    mine = LedgerEntry.objects.filter(account=account).order_by("movement", "book", "shard")
    return list(mine.values_list("movement", "book", "shard", "ticker", "amount"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, st.integers(1, 6))
def test_the_books_add_up_to_the_account_however_it_is_written(session_id: int, told: list[Step], size: int) -> None:
    told_of, subject = Told(told), a_subject(session_id)
    for start in range(0, len(told_of.entries), size):
        write(subject, told_of.entries[start : start + size])
    written = rows_of(subject.account)
    write(subject, told_of.entries)
    assert rows_of(subject.account) == written
    sums = LedgerEntry.objects.filter(account=subject.account).order_by().values("movement").annotate(all=Sum("amount"))
    assert {row["all"] for row in sums} == {0}
    found = trial_balance.balance(subject.account)
    assert found.total == 0
    assert {shard: cash for shard, cash in found.shards.items() if cash} == {
        shard: cash for shard, cash in told_of.cash.items() if cash
    }
    assert found.books["fees"] == told_of.fees
    assert found.books["positions"] == sum(one.cost for one in told_of.positions.values())
    assert found.traded + found.settled == sum(one.realised for one in told_of.positions.values())
    assert found.equity == found.explained
    assert found.opening == CAPITAL
    assert found.books["cash"] == ledger.ledger(subject.account).cash
    assert trial_balance.check(subject.account) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_accounts_from_before_get_the_entries_that_they_would_have(session_id: int, told: list[Step]) -> None:
    """But those of one shard, for there was but one, and no cash that moved."""
    told_of, subject = Told([(*step[:-1], 0) for step in told if step[0] != "move"]), a_subject(session_id)
    with transaction.atomic():
        write(subject, told_of.entries)
    wanted = rows_of(subject.account)
    empty_ledger(subject.account)
    assert backfill(apps) == len(wanted)
    assert rows_of(subject.account) == wanted
    assert backfill(apps) == 0
    assert trial_balance.check(subject.account) == []


def test_an_entry_is_never_changed(session_id: int) -> None:
    subject = a_subject(session_id)
    with pytest.raises(DatabaseError), transaction.atomic():
        LedgerEntry.objects.filter(account=subject.account).update(amount=1)


def test_however_many_fills_there_are_the_queries_are_few(
    session_id: int, django_assert_max_num_queries: object
) -> None:
    subject = a_subject(session_id)
    fills = [events.Fill(at(n), f"t{n}", TICKERS[n % 3], 1, n % 2 == 0, 5_000, 100, 3) for n in range(500)]
    with django_assert_max_num_queries(20):  # type: ignore[operator]  # SQLite takes a few hundred rows at a time
        double_entry.book(subject.account, fills)


def test_the_two_sides_of_a_transfer_meet_in_their_book(session_id: int) -> None:
    subject = a_subject(session_id)
    left = events.CashMoved(at(1), "transfer", -300, "x", 0)
    double_entry.book(subject.account, [left])
    found = trial_balance.balance(subject.account)
    assert (found.shards, found.under_way, found.equity) == ({0: CAPITAL - 300}, 300, CAPITAL)
    double_entry.book(subject.account, [left, events.CashMoved(at(2), "transfer", 300, "x", 2)])
    found = trial_balance.balance(subject.account)
    assert (found.shards, found.under_way, found.equity) == ({0: CAPITAL - 300, 2: 300}, 0, CAPITAL)


def test_the_check_of_the_ledger_finds_a_fill_without_entries_and_entries_without_a_fill(session_id: int) -> None:
    told_of, subject = Told([("fill", TICKERS[0], True, 4_000, 100, 5, 0)]), a_subject(session_id)
    write(subject, told_of.entries)
    assert tasks.ledger_check() == 0
    Fill.objects.create(
        account=subject.account, trade_id="late", ticker=TICKERS[0], is_bid=True, price=4_000, count=100, fee=5,
        is_taker=True, evidence="book", event_ns=at(9),
    )  # fmt: skip
    assert {one.subject for one in trial_balance.check(subject.account)} == {"cash", "fees"}
    tasks.ledger_check()
    assert Discrepancy.objects.filter(kind="ledger", subject=f"{subject.account} cash", closed_at=None).exists()


def test_an_account_that_was_made_without_the_service_begins_with_its_first_movement(session_id: int) -> None:
    Account.objects.create(name="bare", opening_cash=CAPITAL)
    assert trial_balance.check("bare") == []
    double_entry.book("bare", [events.CashMoved(at(1), "deposit", 7, "d")])
    assert trial_balance.balance("bare").shards == {0: CAPITAL + 7}
    assert ledger.ledger("bare").cash == CAPITAL + 7
