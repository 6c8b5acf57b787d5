"""Attribution: each cause by hand, and that the parts always add up."""

from hypothesis import given
from hypothesis import strategies as st

from backtests.core.attribution import PARTS, WORDS, Traded, attribute

T = "KXBTC15M-T"
SECOND = 1_000_000_000


def order(number: int = 1, **changes: object) -> Traded:
    """A bid for ten contracts at 50 cents that got them all, fee 0.175 dollars."""
    values: dict[str, object] = {
        "number": number, "ticker": T, "is_bid": True, "price": 5_000, "count": 1_000, "sent_ns": 10 * SECOND,
        "filled": 1_000, "spent": 5_000 * 1_000, "fee": 175_000,
    }  # fmt: skip
    return Traded(**(values | changes))  # type: ignore[arg-type]


def parts(made: list[Traded], expected: list[Traded], yes_pays: int = 10_000) -> dict[str, int]:
    found = attribute(made, expected, {T: yes_pays})
    assert found.total == sum(found.parts.values())
    return {part: money for part, money in found.parts.items() if money}


def test_the_same_is_no_difference() -> None:
    assert parts([order()], [order(7)]) == {}


def test_another_price_was_seen() -> None:
    assert parts([order(price=5_100, spent=5_100 * 1_000)], [order()]) == {"price_seen": -100_000}
    sold = {"is_bid": False}
    assert parts([order(price=5_100, spent=5_100 * 1_000, **sold)], [order(**sold)]) == {"price_seen": 100_000}


def test_the_book_moved_before_it_arrived() -> None:
    assert parts([order()], [order(spent=4_900 * 1_000)]) == {"latency": -100_000}


def test_less_was_left_of_what_was_displayed() -> None:
    half = order(filled=400, spent=5_000 * 400, fee=70_000)
    assert parts([half], [order()]) == {"partial_fill": -(5_000 * 600 - 105_000)}
    assert parts([half], [order()], yes_pays=0) == {"partial_fill": 5_000 * 600 + 105_000}


def test_others_stood_before_it_in_the_queue() -> None:
    nothing = order(rests=True, filled=0, spent=0, fee=0)
    assert parts([nothing], [order(rests=True, fee=0)]) == {"queue": -5_000_000}


def test_another_fee() -> None:
    assert parts([order(fee=200_000)], [order()]) == {"fee": -25_000}


def test_an_order_that_only_one_made() -> None:
    assert parts([], [order()]) == {"missed": -(5_000_000 - 175_000)}
    assert parts([order()], []) == {"extra": 5_000_000 - 175_000}


def test_a_refused_order() -> None:
    refused = order(filled=0, spent=0, fee=0, refused="insufficient_shard_balance")
    assert parts([refused], [order()]) == {"rejected": -(5_000_000 - 175_000)}


def test_orders_far_apart_are_not_the_same() -> None:
    assert set(parts([order(sent_ns=0)], [order(sent_ns=6 * SECOND)])) == {"missed", "extra"}


def test_markets_that_have_not_settled_are_named_and_left_out() -> None:
    found = attribute([order(ticker="OPEN")], [], {T: 10_000})
    assert (found.made, found.parts, found.open_markets) == (0, dict.fromkeys(PARTS, 0), ("OPEN",))


def test_every_part_has_its_words() -> None:
    assert tuple(WORDS) == PARTS


@st.composite
def orders(draw: st.DrawFn) -> Traded:
    filled = draw(st.integers(0, 10_000))
    return Traded(
        number=draw(st.integers(1, 99)),
        ticker=draw(st.sampled_from([T, "KXETH15M-T"])),
        is_bid=draw(st.booleans()),
        price=draw(st.integers(1, 9_999)),
        count=filled + draw(st.integers(0, 100)),
        sent_ns=draw(st.integers(0, 60)) * SECOND,
        rests=draw(st.booleans()),
        filled=filled,
        spent=filled * draw(st.integers(1, 9_999)) + (draw(st.integers(-50, 50)) if filled else 0),
        fee=draw(st.integers(-1_000, 200_000)) if filled else 0,
        refused="" if filled else draw(st.sampled_from(["", "book_unknown"])),
    )


@given(st.lists(orders(), max_size=8), st.lists(orders(), max_size=8), st.sampled_from([0, 3_700, 10_000]))
def test_the_parts_add_up_to_the_total(made: list[Traded], expected: list[Traded], yes_pays: int) -> None:
    pays = {T: yes_pays, "KXETH15M-T": 10_000 - yes_pays}
    found = attribute(made, expected, pays)
    assert found.made == sum(each.made(pays[each.ticker]) for each in made)
    assert found.expected == sum(each.made(pays[each.ticker]) for each in expected)
    assert sum(found.parts.values()) == found.total == sum(pair.difference for pair in found.pairs)
    seen = [id(each) for pair in found.pairs for each in (pair.made, pair.expected) if each is not None]
    assert sorted(seen) == sorted(map(id, [*made, *expected]))
