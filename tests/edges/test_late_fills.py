"""Fills that are heard after the payout of their market: the same cash and rows as if they had been heard in time, whatever
the order, however often they are told, and wherever the trader is started again; on both databases."""

from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.core.payout import payout_of, yes_pays_of
from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import CLOSE_NS, at
from trading import ledger, models, restore, services, trial_balance
from trading.core import events
from trading.core.our_side import OurSide
from trading.core.portfolio import Portfolio
from trading.core.reconcile import compare
from trading.core.venue import VenueFill, VenueSettlement, VenueState
from trading.our_rows import start_of
from trading.records import Entry, Subject, write

CAPITAL = 10_000 * DOLLAR
TICKERS = ("KXBTC15M-A", "KXETH15M-A")
RESULTS = {TICKERS[0]: ("yes", None), TICKERS[1]: ("scalar", 4_321)}
SHARD = 2
names = count()

fills = st.lists(
    st.tuples(
        st.sampled_from(TICKERS), st.booleans(), st.integers(1, 9_999), st.integers(1, 2_000), st.integers(-500, 20_000)
    ),
    min_size=1,
    max_size=7,
)
Trade = tuple[str, bool, int, int, int]


class Step(NamedTuple):
    """A fill by its place, or the settlement of a market; and whether all is started again before it."""

    fill: int | None
    ticker: str
    starts_again: bool


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Trade], list[Step]]:
    """The truth, and an order in which it is heard: each fill once or twice, each settlement once or twice."""
    trades = draw(fills)
    told = [(number, trade[0]) for number, trade in enumerate(trades)] * 2 + [(None, ticker) for ticker in TICKERS] * 2
    heard = draw(st.permutations(told))
    again = draw(st.sets(st.integers(0, len(heard) - 1), max_size=4))
    return trades, [Step(fill, ticker, place in again) for place, (fill, ticker) in enumerate(heard)]


class Account:
    """An account at an exchange: the engine's books, the side that is compared, and the rows of both."""

    def __init__(self, session_id: int, trades: list[Trade]) -> None:
        self.name = f"late{next(names)}"
        self.trades = trades
        services.account_open(self.name, 0, venue="simulated")
        self.subject = Subject(session_id, self.name, is_simulated=True)
        self.steps = 0
        self.portfolio = Portfolio()
        self.side: OurSide
        deposit = events.CashMoved(at(0), "deposit", CAPITAL, "opening shard 2", SHARD)
        self.entries = [Entry(at(0), deposit)]
        write(self.subject, self.entries)
        self.start()

    def start(self) -> None:
        """A session begins, from the rows; and what its tape still holds is written once more."""
        write(self.subject, self.entries)
        opening = restore.opening(self.name, self.now_ns)
        assert opening.cash == ledger.ledger(self.name).cash
        self.portfolio = Portfolio()
        self.portfolio.open(opening)
        self.side = start_of(self.name).side()
        self.side.hear(opening)

    @property
    def now_ns(self) -> int:
        return CLOSE_NS + self.steps * SECOND_NS

    def hear(self, step: Step) -> None:
        self.steps += 1
        if step.starts_again:
            self.start()
        event = self._settled(step.ticker) if step.fill is None else self._fill(step.fill)
        if event is None:
            return
        booked = (
            self.portfolio.fill(event, CLOSE_NS) if isinstance(event, events.Fill) else self.portfolio.settle(event)
        )
        self.side.hear(event)
        self.entries.append(Entry(self.now_ns, event, positions=(booked,) if booked else ()))
        write(self.subject, self.entries[-1:])
        self.check()

    def _fill(self, number: int) -> events.Fill:
        ticker, is_bid, price, size, fee = self.trades[number]
        return events.Fill(self.now_ns, f"t{number}", ticker, 1, is_bid, price, size, fee, shard=SHARD)

    def _settled(self, ticker: str) -> events.Settled | None:
        """As the gateway pays: what the engine holds; nothing where it knows of nothing."""
        held = self.portfolio.positions.get(ticker)
        if held is None:
            return None
        result, yes_pays = RESULTS[ticker]
        payout = payout_of(held.count, yes_pays_of(result, yes_pays))
        return events.Settled(self.now_ns, ticker, result, held.count, payout, "", yes_pays, SHARD)  # type: ignore[arg-type]

    def check(self) -> None:
        """Everybody has the same cash, and the same in every book."""
        told = ledger.ledger(self.name)
        assert told.differences == []
        assert trial_balance.check(self.name) == []
        assert self.portfolio.cash == told.cash
        assert self.side.ours().cash[SHARD] == trial_balance.balance(self.name).shards[SHARD] == told.cash
        assert {ticker: held.cost for ticker, held in ledger.holdings(self.name).items() if held.count} == {
            ticker: held.cost for ticker, held in self.portfolio.positions.items() if held.count
        }

    def rows(self) -> dict[str, object]:
        """What is left when all has been heard; a payout of nothing for nothing is none."""
        mine = {"account": self.name}
        settled = models.Settlement.objects.filter(**mine).exclude(count=0, payout=0).order_by("ticker")
        positions = models.Position.objects.filter(**mine).order_by("ticker")
        traded = models.Fill.objects.filter(**mine).order_by("trade_id")
        books = trial_balance.balance(self.name).books
        return {
            "settlements": list(settled.values_list("ticker", "result", "yes_pays", "count", "payout")),
            "positions": list(positions.values_list("ticker", "count", "cost", "realised", "fees", "close_ns")),
            "fills": list(traded.values_list("trade_id", "ticker", "is_bid", "price", "count", "fee")),
            "cash": ledger.ledger(self.name)._replace(account="", positions={}),
            "books": {book: books[book] for book in ("cash", "positions", "fees", "deposits")},
            "profit": books["trading"] + books["settlements"],
            "realised": sum(row.profit for row in ledger.realised(self.name, 0, self.now_ns + 1)),
        }

    def exchange(self) -> VenueState:
        """What the exchange says in the end."""
        net = dict.fromkeys(TICKERS, 0)
        for ticker, is_bid, _, size, _ in self.trades:
            net[ticker] += size if is_bid else -size
        paid = []
        for ticker, held in net.items():
            payout = payout_of(held, yes_pays_of(*RESULTS[ticker]))
            paid += [VenueSettlement(ticker, *RESULTS[ticker], held, payout, CLOSE_NS, SHARD)] if held else []
        traded = [
            VenueFill(f"t{number}", "v1", ticker, is_bid, price, size, fee, True, CLOSE_NS, shard=SHARD)
            for number, (ticker, is_bid, price, size, fee) in enumerate(self.trades)
        ]
        asked_ns, cash = self.now_ns + 60 * SECOND_NS, ledger.ledger(self.name).cash
        return VenueState(asked_ns, asked_ns, 0, (), tuple(traded), (), tuple(paid), ((SHARD, cash),))


@pytest.fixture
def session_id(db: None) -> int:
    return services.session_start(account="any", market_source="demo").pk


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories())
def test_whatever_is_heard_late_or_twice_comes_to_the_same(
    session_id: int, story: tuple[list[Trade], list[Step]]
) -> None:
    trades, steps = story
    late, in_time = Account(session_id, trades), Account(session_id, trades)
    for step in [*steps, *(Step(None, ticker, False) for ticker in TICKERS)]:
        late.hear(step)
    for number, trade in enumerate(trades):
        in_time.hear(Step(number, trade[0], False))
    for ticker in TICKERS:
        in_time.hear(Step(None, ticker, False))
    assert late.rows() == in_time.rows()
    for account in (late, in_time):
        for side in (account.side, start_of(account.name).side()):
            outcome = compare(side.ours(), account.exchange(), account.now_ns + 60 * SECOND_NS)
            assert (outcome.repairs, outcome.awaited) == ((), ())


def test_a_fill_of_yesterdays_market_is_paid_out_by_the_session_of_today(session_id: int) -> None:
    account = Account(session_id, [(TICKERS[0], True, 4_000, 100, 5), (TICKERS[0], False, 7_000, 60, 3)])
    account.hear(Step(0, TICKERS[0], False))
    account.hear(Step(None, TICKERS[0], False))
    account.steps += 86_400
    account.hear(Step(1, TICKERS[0], True))
    row = models.Settlement.objects.get(account=account.name)
    assert (row.count, row.payout) == (40, 40 * 10_000)
    assert account.portfolio.cash == CAPITAL - 400_000 - 5 + 60 * 7_000 - 3 + 40 * 10_000
    movements = models.LedgerEntry.objects.filter(account=account.name, ticker=TICKERS[0]).order_by("id")
    assert list(dict.fromkeys(movements.values_list("movement", flat=True))) == [
        "fill t0", f"settlement {TICKERS[0]}", "fill t1", "settlement fill t1",
    ]  # fmt: skip
    booked = ledger.realised(account.name, 0, account.now_ns + 1)
    assert [row.profit for row in booked] == [600_000, -180_000]
    assert sum(row.profit for row in ledger.realised(account.name, account.now_ns, account.now_ns + 1)) == -180_000
