"""Charges against the fee terms: what the exchange charges rightly is never called wrong, whatever the order it is heard in."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import FeeTerms
from tests.builders import TICKER, contract, fill
from tests.builders_matching import SHARD, A, B, Hall
from trading.core.events import Fill
from trading.core.fee_check import CENT, FeeCheck
from trading.core.fees import trade_fee
from trading.core.matching.messages import Filled

RICHER = 10**13
TERMS = [
    FeeTerms(taker_rate, maker_rate, precision=precision)
    for taker_rate in (700, 0, 7_000)
    for maker_rate in (0, 175)
    for precision in (100, 10_000)
]
PLACED = st.tuples(st.sampled_from([A, B]), st.booleans(), st.integers(1, 99), st.integers(1, 3_000))


def trades(terms: FeeTerms, placed: list[tuple[int, bool, int, int]]) -> list[Fill]:
    """Two accounts trade with one another, in orders that fill in many parts; the fills of both, as we would hear them."""
    hall = Hall(contract(fees=terms), accounts=())
    for account in (A, B):
        hall.matching.open_account(account, {SHARD: RICHER}, precision=terms.precision)
    for account, is_bid, cents, count in placed:
        (hall.bid if is_bid else hall.ask)(account, cents * 100, count)
    return [
        Fill(each.at_ns, f"{each.trade}-{each.account}", TICKER, each.order, each.is_bid, each.price, each.count, each.fee, each.is_taker)
        for each in hall.of(Filled)
    ]  # fmt: skip


@given(st.sampled_from(TERMS), st.lists(PLACED, min_size=2, max_size=60), st.randoms(use_true_random=False))
def test_what_the_exchange_charges_is_never_a_mismatch(terms: FeeTerms, placed, random) -> None:  # type: ignore[no-untyped-def]
    fills, check = trades(terms, placed), FeeCheck()
    random.shuffle(fills)
    assert [each for each in fills if check.charged(each, terms)] == []
    assert [number for number in {each.number: None for each in fills} if check.ended(number)] == []


def test_a_refund_of_the_rounding_account_is_part_of_it() -> None:
    """Otherwise the property would say nothing of refunds."""
    terms = FeeTerms(precision=10_000)
    small = [(B, False, 50 + cent, 110) for cent in range(8)]
    fills = trades(terms, [*small, (A, True, 58, 880)])
    free = FeeTerms(precision=1)
    assert any(
        each.fee < trade_fee(free, each.price, each.count) + (-each.price * each.count - trade_fee(free, each.price, each.count)) % 10_000
        for each in fills
        if each.number == fills[-1].number or each.is_taker
    )  # fmt: skip
    check = FeeCheck()
    assert [check.charged(each, terms) for each in reversed(fills)] == [0] * len(fills)


@given(
    st.sampled_from(TERMS),
    st.integers(1, 9_999),
    st.integers(1, 100_000),
    st.booleans(),
    st.booleans(),
    st.integers(-(10**7), 10**7),
)
def test_any_other_charge_is_a_mismatch_of_that_size_but_for_whole_cents_back(
    terms: FeeTerms, price: int, count: int, is_bid: bool, is_taker: bool, off: int
) -> None:
    own = price if is_bid else 10_000 - price
    trade = trade_fee(terms, price, count, is_taker)
    full = trade + (-own * count - trade) % terms.precision
    charged = fill(count, price, is_bid=is_bid, is_taker=is_taker, fee=full + off)
    found = FeeCheck().charged(charged, terms)
    if off >= 0:
        assert found == off
    else:
        assert found == min(abs(-off - cents) for cents in range(0, full + 1, CENT))


def test_cents_that_were_never_rounded_up_are_a_mismatch_once_all_fills_are_known() -> None:
    """Three cents less on a fee of thirty-five: no single fill shows it, the order as a whole does."""
    terms, check = FeeTerms(), FeeCheck()
    whole = fill(300, 2_100, fee=34_900 - 3 * CENT)
    assert check.charged(whole, terms) == 0
    assert check.ended(1) == 3 * CENT
    assert check.ended(1) == 0  # said once


def test_an_order_of_an_earlier_session_may_get_back_what_that_session_paid() -> None:
    terms, check = FeeTerms(), FeeCheck()
    check.carried(frozenset({1}))
    check.charged(fill(300, 2_100, fee=34_900 - 3 * CENT), terms)
    assert check.ended(1) == 0
    second = msgspec.structs.replace(fill(300, 2_100, fee=34_900 + 1), number=1)
    assert check.charged(second, terms) == 1  # a charge that is wrong by itself is still seen
