"""Wanted quotes against working ones: what is sent, amended, cancelled, and left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import FeeTerms
from markets.core.units import MILLISECOND_NS, SECOND_NS
from tests.builders import CLOSE_NS, TICKER, at
from trading.core.decision import AmendOrder, CancelOrder, Command, PlaceOrder
from trading.core.parameters import Parameters
from trading.core.quoting import Frame, Wanted, cancel, expiry, moves
from trading.core.working import WorkingOrder

LIFE = Parameters(quote_life_ns=30 * SECOND_NS, maker_quiet_close_ns=90 * SECOND_NS)
BID, ASK = (True, 4_000, 300), (False, 6_000, 300)


def working(
    is_bid: bool = True, price: int = 4_000, count: int = 300, number: int = 1, **changes: object
) -> WorkingOrder:
    """A quote that works, placed at second 60."""
    order = PlaceOrder(number, TICKER, is_bid, price, count, "good_till_canceled", expires_ns=at(90), is_post_only=True)
    made = WorkingOrder(order, CLOSE_NS, FeeTerms(), at(60))
    made.state = "working"
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def sent(wanted: list[Wanted], orders: list[WorkingOrder], seconds: float = 65, **changes: object) -> list[Command]:
    parameters = Parameters(**({name: getattr(LIFE, name) for name in LIFE.__struct_fields__} | changes))
    return moves(wanted, orders, Frame(TICKER, CLOSE_NS, at(seconds), parameters))


def placed(is_bid: bool = True, price: int = 4_000, count: int = 300, expires: float = 95) -> PlaceOrder:
    return PlaceOrder(0, TICKER, is_bid, price, count, "good_till_canceled", expires_ns=at(expires), is_post_only=True)


def amended(price: int = 4_000, count: int = 300, expires: float = 95) -> AmendOrder:
    return AmendOrder(1, TICKER, True, price, count, at(expires))


IMMEDIATE = WorkingOrder(PlaceOrder(9, TICKER, False, 6_000, 100), CLOSE_NS, FeeTerms(), at(60))
CASES: list[tuple[str, list[Wanted], list[WorkingOrder], list[Command]]] = [
    ("nothing wanted, nothing there", [], [], []),
    ("a quote", [BID], [], [placed()]),
    ("both", [BID, ASK], [], [placed(), placed(False, 6_000)]),
    ("a quote of nothing", [(True, 4_000, 0)], [], []),
    ("as it is", [BID], [working()], []),
    ("no longer wanted", [], [working()], [CancelOrder(1, TICKER, "not wanted")]),
    ("the other side is wanted", [ASK], [working()], [CancelOrder(1, TICKER, "not wanted"), placed(False, 6_000)]),
    ("a price that is off by less", [(True, 4_050, 300)], [working()], []),
    ("a price that is off by as much", [(True, 4_100, 300)], [working()], [amended(4_100)]),
    ("a better price", [(True, 3_900, 300)], [working()], [amended(3_900)]),
    ("a little more", [(True, 4_000, 399)], [working()], []),
    ("much more", [(True, 4_000, 400)], [working()], [amended(count=400)]),
    ("much less", [(True, 4_000, 200)], [working()], [amended(count=200)]),
    ("after a fill, the same again", [BID], [working(filled=100)], [amended(count=400)]),
    ("after a fill, what is left", [(True, 4_000, 200)], [working(filled=100)], []),
    ("a price, and the size that is wanted with it", [(True, 4_200, 290)], [working(filled=50)], [amended(4_200, 340)]),
    ("sent a moment ago", [(True, 4_500, 300)], [working(asked_ns=at(64.5))], []),
    ("on its way", [(True, 4_500, 300)], [working(state="sent")], []),
    ("on its way, and not wanted", [], [working(state="sent")], [CancelOrder(1, TICKER, "not wanted")]),
    ("lost sight of", [(True, 4_500, 300)], [working(state="unknown")], []),
    ("lost sight of, and not wanted", [], [working(state="unknown")], [CancelOrder(1, TICKER, "not wanted")]),
    ("being amended", [(True, 4_500, 300)], [working(amend=amended())], []),
    ("being amended, and not wanted", [], [working(amend=amended())], [CancelOrder(1, TICKER, "not wanted")]),
    ("being cancelled", [], [working(is_cancelling=True)], []),
    ("being cancelled, and wanted again", [BID], [working(is_cancelling=True)], []),
    ("refused a moment ago", [], [working(retry_ns=at(66))], []),
    ("refused a while ago", [], [working(retry_ns=at(65))], [CancelOrder(1, TICKER, "not wanted")]),
    ("past its expiry", [(True, 4_500, 300)], [working(expires_ns=at(65))], []),
    ("two of one side", [BID], [working(), working(number=2)], [CancelOrder(1, TICKER, "not wanted"), CancelOrder(2, TICKER, "not wanted")]),
    ("it would trade with our own", [BID], [working(False, 4_000)], [CancelOrder(1, TICKER, "not wanted")]),
    ("our own moves away first", [(True, 5_000, 300), (False, 6_000, 300)], [working(False, 5_000, number=2)],
     [AmendOrder(2, TICKER, False, 6_000, 300, at(95))]),
    ("an immediate order is out", [BID], [IMMEDIATE], []),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "orders", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_is_sent(wanted: list[Wanted], orders: list[WorkingOrder], expected: list[Command]) -> None:
    assert sent(wanted, orders) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(74.9, []), (75, [amended(expires=105)]), (80, [amended(expires=110)]), (89.9, [amended(expires=119)])]
)  # fmt: skip
def test_a_quote_lives_on_when_half_of_its_life_is_used(seconds: float, expected: list[Command]) -> None:
    assert sent([BID], [working()], seconds) == expected


def test_a_life_that_cannot_be_longer_is_not_renewed() -> None:
    order = working(expires_ns=at(810))
    assert sent([BID], [order], 800) == []
    assert sent([(True, 4_500, 300)], [order], 800) == [amended(4_500, expires=810)]


@pytest.mark.parametrize(
    ("seconds", "expires"),
    [(65, 95), (65.9, 95), (779, 809), (780, 810), (790, 810), (808, 810), (808.1, 0), (810, 0), (850, 0), (899, 0)],
)
def test_an_order_expires_before_the_quiet_time_in_whole_seconds(seconds: float, expires: float) -> None:
    assert expiry(Frame(TICKER, CLOSE_NS, at(seconds), LIFE)) == (at(expires) if expires else 0)


def test_nothing_is_placed_that_would_expire_at_once() -> None:
    assert sent([BID], [], 809) == []


def test_a_cancel_waits_for_no_answer_but_is_never_sent_twice() -> None:
    for order in (working(state="sent"), working(state="unknown"), working(amend=amended())):
        assert cancel(order, at(65), "FEED_LOST") == CancelOrder(1, TICKER, "FEED_LOST")
    assert cancel(working(is_cancelling=True), at(65), "FEED_LOST") is None
    assert cancel(working(retry_ns=at(66)), at(65), "FEED_LOST") is None
    assert cancel(IMMEDIATE, at(65), "FEED_LOST") is None


QUOTES = st.lists(
    st.tuples(st.booleans(), st.integers(1, 99).map(lambda cents: cents * 100), st.integers(0, 1_000)),
    max_size=2, unique_by=lambda quote: quote[0],
)  # fmt: skip


@given(QUOTES, QUOTES, st.floats(60, 899), st.integers(0, 2_000))
def test_whatever_is_wanted_each_side_is_asked_once_and_expires_before_the_close(
    wanted: list[Wanted], there: list[Wanted], seconds: float, interval_ms: int
) -> None:
    orders = [working(is_bid, price, count + 1, number) for number, (is_bid, price, count) in enumerate(there, start=1)]
    commands = sent(wanted, orders, seconds, quote_interval_ns=interval_ms * MILLISECOND_NS)
    numbers = [command.number for command in commands if command.number]
    assert len(set(numbers)) == len(numbers)
    placed_sides = [command.is_bid for command in commands if isinstance(command, PlaceOrder)]
    assert len(set(placed_sides)) == len(placed_sides)
    for command in commands:
        if isinstance(command, CancelOrder):
            continue
        assert command.expires_ns % SECOND_NS == 0
        assert command.expires_ns < CLOSE_NS
        if isinstance(command, PlaceOrder):
            assert at(seconds) < command.expires_ns <= CLOSE_NS - LIFE.maker_quiet_close_ns
            assert not any(order.is_bid == command.is_bid for order in orders)
