"""The exchange's messages: exact numbers or an error, whatever else it says is let through; and what requests look like."""

import contextlib
import json
import pickle
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import money_from_text, price_text
from markets.kalshi import calls_account, calls_market, calls_orders
from markets.kalshi.calls import CALLS, target
from markets.kalshi.errors import (
    AlreadyExists,
    KalshiError,
    NotDone,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Said,
    Unauthorised,
    Unavailable,
    said_in,
)
from markets.kalshi.requests import AmendOrder, CancelOrder, DecreaseOrder, Transfer, encode, encode_cancels
from markets.kalshi.wire.numbers import (
    CentPrice,
    Cents,
    CountText,
    Iso,
    Ladder,
    MoneyText,
    PriceText,
    Seconds,
    Text,
    decoder,
    iso_ns,
)
from tests.kalshi_rest_calls import IOC, OTHER_CLIENT_ID, an_order
from tests.kalshi_rest_documents import CREATED, FILL, GROUP_ID, MARKET, ORDER, ORDER_ID, TICKER, market


class Numbers(msgspec.Struct, frozen=True, gc=False):
    """One of each."""

    price: PriceText | None = None
    count: CountText | None = None
    money: MoneyText | None = None
    cents: Cents | None = None
    cent_price: CentPrice | None = None
    iso: Iso | None = None
    seconds: Seconds | None = None
    text: Text = ""
    levels: Ladder = ()


read_numbers = decoder(Numbers)


@pytest.mark.parametrize(
    ("name", "wire", "value"),
    [
        ("price", '"0.5600"', 5_600),
        ("price", '"0.560000"', 5_600),
        ("price", '"0.56"', 5_600),
        ("price", "0.56", 5_600),
        ("price", "0.1", 1_000),
        ("price", "1", 10_000),
        ("count", '"10.00"', 1_000),
        ("count", '"-54.00"', -5_400),
        ("count", '"0.01"', 1),
        ("money", '"3.648800"', 3_648_800),
        ("money", '"0.000190"', 190),
        ("money", "1e2", 100_000_000),
        ("cents", "1000", 10_000_000),
        ("cents", "1000.0", 10_000_000),
        ("cent_price", "56", 5_600),
        ("seconds", "1795366000", 1_795_366_000_000_000_000),
        ("text", '"BTC \\u0000 \\ud83d\\ude00"', "BTC \0 😀"),
        ("levels", "null", ()),
        ("levels", '[["0.56","17"],["0.45","20.00"],["0.5","0.00"]]', ((4_500, 2_000), (5_600, 1_700))),
        ("levels", '[["0.4500","20.00","a third"]]', ((4_500, 2_000),)),
    ],
)
def test_numbers_are_exact(name: str, wire: str, value: Any) -> None:
    found = getattr(read_numbers(f'{{"{name}": {wire}}}'.encode()), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("price", '"0.56001"'),
        ("price", "0.560010000000000000001"),
        ("price", '"NaN"'),
        ("price", '"\\uff11"'),
        ("price", '""'),
        ("price", "true"),
        ("price", "[1]"),
        ("count", '"0.001"'),
        ("count", '"1e3"'),
        ("money", '"0.0000001"'),
        ("cents", '"1000"'),
        ("cents", "10.5"),
        ("cents", "false"),
        ("iso", "1795366000"),
        ("iso", '"2026-11-22"'),
        ("iso", '"2026-13-22T16:50:00Z"'),
        ("iso", '"2026-11-22T16:50:00"'),
        ("text", "1"),
        ("levels", '[["0.56"]]'),
        ("levels", '["0.56"]'),
        ("levels", "5"),
        ("levels", '[["0.56", null]]'),
    ],
)
def test_what_is_no_such_number_is_refused_and_named(name: str, wire: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{name}"):
        read_numbers(f'{{"{name}": {wire}}}'.encode())


@given(st.integers(-(10**12), 10**12))
def test_money_comes_back_to_the_millionth(millionths: int) -> None:
    text = f"{'-' if millionths < 0 else ''}{abs(millionths) // 10**6}.{abs(millionths) % 10**6:06}"
    assert read_numbers(json.dumps({"money": text}).encode()).money == millionths == money_from_text(text)


@given(st.binary(max_size=60))
def test_no_body_raises_anything_else(body: bytes) -> None:
    for read in (read_numbers, calls_market.market(TICKER).read, calls_orders.create_order(an_order()).read):
        with contextlib.suppress(msgspec.DecodeError):
            read(body)
    assert isinstance(said_in(body), Said)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T16:50:00.1Z", 1_795_366_200_100_000_000),
        ("2026-11-22T16:50:00.123456789Z", 1_795_366_200_123_456_789),
        ("2026-11-22T16:50:00.1234567891Z", 1_795_366_200_123_456_789),
        ("2026-11-22T11:50:00-05:00", 1_795_366_200_000_000_000),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
    ],
)
def test_times_keep_their_nanoseconds(text: str, ns: int) -> None:
    assert iso_ns(text) == ns


# Messages ----------------------------------------------------------------------------------------------------------


def test_only_what_is_needed_has_to_be_there() -> None:
    read = calls_market.market(TICKER).read
    needed = ("ticker", "event_ticker", "status", "open_time", "close_time")
    bare = read(body({"market": {name: MARKET[name] for name in needed}}))
    assert (bare.strike, bare.shard, bare.price_ranges, bare.result, bare.yes_bid) == (None, None, None, "", None)
    for name in needed:
        with pytest.raises(msgspec.ValidationError, match=name):
            read(body({"market": market(**{name: ...})}))


def test_what_the_exchange_adds_or_words_anew_changes_nothing() -> None:
    read = calls_market.market(TICKER).read
    odd = market(status="frozen", strike_type="sideways", a_new_field={"deep": [1.5, {"er": None}]}, result="maybe")
    assert (read(body({"market": odd, "more": 1})).status, read(body({"market": odd})).result) == ("frozen", "maybe")
    order = calls_account.order(ORDER_ID).read(body({"order": ORDER | {"status": "sleeping", "book_side": "left"}}))
    assert (order.status, order.is_bid) == ("sleeping", False)


def test_null_is_unknown() -> None:
    nothing = dict.fromkeys(set(MARKET) - {"ticker", "event_ticker", "status", "open_time", "close_time"})
    found = calls_market.market(TICKER).read(body({"market": MARKET | nothing}))
    assert (found.strike, found.title, found.result, found.price_ranges) == (None, "", "", None)
    for page in (calls_account.fills({}), calls_account.orders({}), calls_market.markets({})):
        name = {"fills": "fills", "orders": "orders", "markets": "markets"}[page.call.name]
        assert page.read(body({name: None, "cursor": None})) == ((), "")


def test_a_list_that_is_missing_is_not_an_empty_list() -> None:
    with pytest.raises(msgspec.ValidationError, match="orders"):
        calls_account.orders({}).read(b'{"cursor": ""}')


def test_a_strike_keeps_its_digits() -> None:
    text = body({"market": market()}).replace(b"63441.03", b"0.1723456789012345678")
    assert calls_market.market(TICKER).read(text).strike == Decimal("0.1723456789012345678")


def test_a_price_that_we_cannot_hold_is_an_error_that_names_it() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"0\.210001.*\$\.fills\[0\]\.yes_price_dollars"):
        calls_account.fills({}).read(body({"fills": [FILL | {"yes_price_dollars": "0.210001"}]}))


def test_averages_of_a_fill_have_six_decimals() -> None:
    made = calls_orders.create_order(an_order()).read(
        body(CREATED | {"fill_count": "3.00", "average_fill_price": "0.576667", "average_fee_paid": "0.017033"})
    )
    assert (made.average_price, made.average_fee) == (576_667, 17_033)


@pytest.mark.parametrize("item", [{"order_id": ORDER_ID}, {"fill_count": "0.00", "remaining_count": "1.00"}, {}])
def test_an_item_of_a_batch_is_a_result_or_an_error(item: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        calls_orders.create_orders([an_order()]).read(body({"orders": [item]}))
    with pytest.raises(msgspec.ValidationError):
        calls_orders.cancel_orders([CancelOrder(ORDER_ID, 2)]).read(body({"orders": [item]}))


def test_an_item_that_the_exchange_is_not_sure_of_is_marked() -> None:
    [item] = calls_orders.create_orders([an_order()]).read(
        body({"orders": [{"error": {"code": "exchange_unavailable", "message": ""}}]})
    )
    assert getattr(item, "is_unknown", False)


# Errors ------------------------------------------------------------------------------------------------------------


def test_what_did_nothing_is_one_family_and_what_may_have_another() -> None:
    for kind in (Refused, NotFound, AlreadyExists, Unauthorised, RateLimited, NotSent):
        assert issubclass(kind, NotDone)
    for other in (Unavailable, OutcomeUnknown):
        assert issubclass(other, KalshiError)
        assert not issubclass(other, NotDone)


def test_an_error_is_the_same_in_another_process() -> None:
    error = OutcomeUnknown(503, "sorry", "later", call="create_order", client_order_ids=["a", "b"], sent_ns=5)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (OutcomeUnknown, str(error), vars(error))
    assert str(error) == "create_order - HTTP 503 - sorry: later"


def test_long_words_of_the_exchange_are_cut() -> None:
    assert len(said_in(body({"error": {"code": "x", "message": "word " * 1_000}})).message) <= 300
    assert said_in(b"a " * 10_000).message.startswith("a a")
    assert said_in(body({"error": {"code": "fill_or_kill_insufficient_resting_volume"}})).code.endswith("_volume")


# Requests ----------------------------------------------------------------------------------------------------------


def test_an_immediate_order_has_no_expiry_and_leaves_out_what_is_not_asked() -> None:
    assert json.loads(encode(IOC)) == {
        "ticker": TICKER,
        "client_order_id": OTHER_CLIENT_ID,
        "side": "ask",
        "count": "10.00",
        "price": "0.7000",
        "time_in_force": "immediate_or_cancel",
        "self_trade_prevention_type": "maker",
        "reduce_only": True,
        "cancel_order_on_pause": True,
        "order_group_id": GROUP_ID,
        "subaccount": 0,
        "exchange_index": 2,
    }
    assert "subaccount" not in json.loads(encode(an_order(subaccount=None)))


def test_an_amendment_tells_no_expiry_from_the_same_expiry() -> None:
    amend = AmendOrder(order_id=ORDER_ID, ticker=TICKER, is_bid=False, price=9_990, count=1, shard=0)
    assert json.loads(encode(amend)) == {
        "ticker": TICKER,
        "side": "ask",
        "price": "0.9990",
        "count": "0.01",
        "exchange_index": 0,
    }
    assert json.loads(encode(msgspec.structs.replace(amend, expires_s=0)))["expiration_time"] == 0


def test_a_decrease_is_by_or_to_and_a_transfer_in_centicents() -> None:
    assert json.loads(encode(DecreaseOrder(order_id="1", shard=2, reduce_to=0))) == {
        "reduce_to": "0.00",
        "exchange_index": 2,
    }
    for both in ({}, {"reduce_by": 1, "reduce_to": 1}):
        with pytest.raises(ValueError, match="exactly one"):
            encode(DecreaseOrder(order_id="1", shard=2, **both))
    with pytest.raises(ValueError, match=r"\$0.0001"):
        encode(Transfer(client_transfer_id="1", from_shard=0, to_shard=2, amount=150))


def test_a_cancel_of_several_names_each_shard() -> None:
    assert json.loads(encode_cancels([CancelOrder("1", 0), CancelOrder("2", 2, 7)])) == {
        "orders": [
            {"order_id": "1", "exchange_index": 0},
            {"order_id": "2", "exchange_index": 2, "subaccount": 7},
        ]
    }


@given(st.integers(1, 9_999), st.integers(1, 10**12))
def test_any_price_and_count_are_said_exactly(price: int, count: int) -> None:
    told = json.loads(encode(an_order(price=price, count=count)))
    assert Decimal(told["price"]) * 10_000 == price
    assert Decimal(told["count"]) * 100 == count
    assert told["price"] == price_text(price)


@given(st.text(min_size=1))
def test_a_name_in_a_path_stays_one_part_of_it(name: str) -> None:
    try:
        path = target(CALLS["order"], order_id=name)
    except (ValueError, UnicodeEncodeError):
        return
    assert path.isascii()
    assert path.count("/") == 3
    assert "?" not in path
    assert path.removeprefix("/portfolio/orders/") not in ("", ".", "..")


def body(told: Any) -> bytes:
    return json.dumps(told).encode()
