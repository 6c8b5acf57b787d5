"""What is paid when a market has its result: always exactly a dollar for a YES and a NO together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core import ledger
from backtests.core.metrics import account_value, account_value_at_open, value_of
from backtests.core.record import Result
from markets.core.events import BookSnapshot, MarketListed, MarketStatus
from markets.core.payout import is_awaited, payout_of, yes_pays_of
from markets.core.units import DOLLAR, PRICE_DOLLAR
from tests.builders import CLOSE_NS, EAGER, STRIKE, TICKER, Table, at, contract, fill, opening, snapshot, spot, status
from trading.core.events import Fill, Settled
from trading.core.portfolio import Portfolio, Position

prices = st.integers(0, PRICE_DOLLAR)
counts = st.integers(1, 10_000_000)
trades = st.lists(st.tuples(st.booleans(), st.integers(1, 9_999), st.integers(1, 5_000)), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("result", "yes_pays", "worth"),
    [
        ("yes", None, 10_000),
        ("no", None, 0),
        ("yes", 10_000, 10_000),
        ("no", 0, 0),
        ("scalar", 4_321, 4_321),
        ("scalar", 0, 0),
    ],
)
def test_a_result_says_what_a_yes_contract_pays(result: str, yes_pays: int | None, worth: int) -> None:
    assert yes_pays_of(result, yes_pays) == worth


@pytest.mark.parametrize(
    ("result", "yes_pays"),
    [("", None), ("void", 5_000), ("scalar", None), ("scalar", -1), ("scalar", 10_001), ("yes", 0), ("no", 5_000)],
)
def test_what_cannot_be_paid_is_refused(result: str, yes_pays: int | None) -> None:
    with pytest.raises(ValueError, match="cannot be paid out"):
        yes_pays_of(result, yes_pays)


def test_a_scalar_result_without_its_price_is_still_awaited() -> None:
    assert [is_awaited("", None), is_awaited("scalar", None), is_awaited("scalar", 0), is_awaited("no", None)] == [
        True, True, False, False,
    ]  # fmt: skip


@given(counts, prices)
def test_a_yes_holder_and_a_no_holder_get_exactly_a_dollar_a_contract(count: int, yes_pays: int) -> None:
    paid = payout_of(count, yes_pays) + payout_of(-count, yes_pays)
    assert paid == count * PRICE_DOLLAR
    assert payout_of(count, yes_pays) >= 0 <= payout_of(-count, yes_pays)


@given(trades, prices)
def test_two_who_only_traded_with_each_other_share_what_they_brought(
    traded: list[tuple[bool, int, int]], yes_pays: int
) -> None:
    """Whatever was bought and sold between them, and however the market ends: no money is made or lost."""
    one, other = Position(TICKER), Position(TICKER)
    cash = 0
    for is_bid, price, count in traded:
        cash += one.trade(is_bid, price, count) + other.trade(not is_bid, price, count)
    cash += one.settle("scalar", yes_pays) + other.settle("scalar", yes_pays)
    assert cash == 0
    assert one.realised + other.realised == 0
    assert (one.count, one.cost, other.count, other.cost) == (0, 0, 0, 0)


@given(trades, prices)
def test_account_ledger_and_figures_agree_on_a_voided_market(
    traded: list[tuple[bool, int, int]], yes_pays: int
) -> None:
    start = opening(100_000 * DOLLAR)
    held = Portfolio()
    held.open(start)
    fills: list[Fill] = []
    for number, (is_bid, price, count) in enumerate(traded):
        fills.append(fill(count, price, is_bid=is_bid, trade_id=str(number), fee=number))
        held.fill(fills[-1], CLOSE_NS)
    count = held.count(TICKER)
    settled = Settled(at(930), TICKER, "scalar", count, payout_of(count, yes_pays), "", yes_pays)
    held.settle(settled)
    done = Result(start, opening(held.cash), at(0), at(930), fills=fills, settlements=[settled])
    ledger.check(done)
    made = sum(value_of(each, yes_pays) - each.fee for each in fills)
    assert account_value(done) - account_value_at_open(done) == made


def test_the_ledger_finds_a_voided_market_that_was_paid_as_if_it_were_won() -> None:
    start = opening(1_000 * DOLLAR)
    settled = Settled(at(930), TICKER, "scalar", 100, DOLLAR, "", 5_000)
    done = Result(start, opening(1_000 * DOLLAR), at(0), at(930), fills=[fill(100, 5_000)], settlements=[settled])
    with pytest.raises(ledger.LedgerError, match="500000 for 100 was due"):
        ledger.check(done)


def played(status_told: MarketStatus) -> Table:
    """A table that has bought YES, and whose market then ends."""
    table = Table(parameters=EAGER).hear(MarketListed(at(-3), contract()), status(0, "open"))
    quotes: list[BookSnapshot] = [snapshot(0.1, count=1_000)]
    table.hear(*quotes, *[spot(second / 2, STRIKE * 1.004) for second in range(1, 121)])
    assert table.engine.portfolio.count(TICKER) > 0
    return table.hear(status(900, "closed"), status(905, "disputed"), status_told)


def test_a_voided_market_pays_the_holder_its_price() -> None:
    table = played(MarketStatus(at(930), TICKER, "settled", "scalar", "", 3_000))
    [paid] = table.heard_of(Settled)
    assert (paid.result, paid.yes_pays, paid.payout) == ("scalar", 3_000, 3_000 * paid.count)
    spent = sum(each.price * each.count + each.fee for each in table.heard_of(Fill))
    assert table.engine.portfolio.cash == table.exchange.cash == 10_000 * DOLLAR - spent + paid.payout
    assert table.engine.portfolio.exposure == 0


def test_a_voided_market_whose_price_is_not_told_yet_waits_for_it() -> None:
    table = played(MarketStatus(at(930), TICKER, "settled", "scalar"))
    held = table.engine.portfolio.count(TICKER)
    assert (table.heard_of(Settled), held > 0) == ([], True)
    table.hear(MarketStatus(at(940), TICKER, "settled", "scalar", "", 3_000))
    assert [event.payout for event in table.heard_of(Settled)] == [3_000 * held]
    assert table.engine.portfolio.count(TICKER) == 0
