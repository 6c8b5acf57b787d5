"""How the simulated exchange reads what is sent to it, without a socket: whatever it is, it is taken or refused, never an error."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import MultiDict

from trading.simulator.exchange.auth import KEY, SIGNATURE, STAMP, admit
from trading.simulator.exchange.doors import decoded
from trading.simulator.exchange.doors_orders import CreateBody, client_id_of, count_of, expiry_of, price_of
from trading.simulator.exchange.doors_pages import page
from trading.simulator.exchange.doors_query import Query
from trading.simulator.exchange.errors import ApiError, broken, invalid, malformed, too_many
from trading.simulator.exchange.keys import new_key

TEXTS = st.text() | st.sampled_from(
    ["0", "-1", "+1", "1" * 19, "9" * 30, "true", "1e5", "٣", "0x1", " 1", "1_0", "\x00"]
)


def tried(read: Callable[[], Any]) -> Any:
    """What was read, or the refusal: a 400 that can be put into a body."""
    try:
        result = read()
    except ApiError as error:
        result = error
    if isinstance(result, ApiError):
        assert result.status == 400
        assert msgspec.json.decode(result.body)
    return result


@given(TEXTS)
@example("-" + str(2**63))
@example(str(2**63))
def test_numbers_and_flags(text: str) -> None:
    query = Query(MultiDict(n=text))
    number = tried(lambda: query.number("n"))
    if isinstance(number, int):
        assert -(2**63) <= number < 2**63
        assert number == int(text)
    flag = tried(lambda: query.flag("n"))
    assert isinstance(flag, ApiError) or flag is (text.lower() in {"1", "t", "true"})
    for read in (query.text, query.words, query.has):
        tried(lambda read=read: read("n"))  # type: ignore[misc]
    tried(lambda: query.many("n", 3, 10))


@given(TEXTS)
def test_prices_and_counts_are_exact_or_refused(text: str) -> None:
    price, count = tried(lambda: price_of("price", text)), tried(lambda: count_of("count", text))
    if isinstance(price, int):
        assert price == round(float(text) * 10_000)
    if isinstance(count, int):
        assert count == round(float(text) * 100)
    tried(lambda: client_id_of("client_order_id", text))


@given(st.integers(), st.sampled_from(["", "good_till_canceled"]))
def test_expiries(at_s: int, time_in_force: str) -> None:
    expiry = tried(lambda: expiry_of(at_s, time_in_force))
    assert isinstance(expiry, ApiError) or expiry == at_s * 10**9


@given(st.binary() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["ticker", "side", "count", "subaccount", "x"]), inner)).map(lambda one: msgspec.json.encode(one) if fits(one) else b"{}"))  # fmt: skip
def test_bodies(body: bytes) -> None:
    read = tried(lambda: decoded(body, CreateBody))
    assert isinstance(read, CreateBody) or read.shape == "flat"


def fits(value: object) -> bool:
    try:
        msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):
        return False
    return True


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.text(max_size=3)), unique=True),
    st.lists(st.integers(1, 7), min_size=1),
)
def test_pages_are_whole_whatever_their_size(rows: list[tuple[int, str]], limits: list[int]) -> None:
    rows = sorted(rows, key=lambda row: -row[0])  # where the first parts are equal in any order
    found: list[tuple[int, str]] = []
    cursor, turn = "", 0
    while turn == 0 or cursor:
        limit = limits[turn % len(limits)]
        part, cursor = page(
            Query(MultiDict(limit=str(limit), cursor=cursor, status="x")), rows, lambda row: row, "GET /x 1"
        )
        assert len(part) == limit or not cursor
        found, turn = found + part, turn + 1
    assert found == sorted(rows, reverse=True)


@given(TEXTS | st.from_regex(r"[A-Za-z0-9_\-]{1,60}", fullmatch=True))
def test_a_cursor_that_is_none(cursor: str) -> None:
    tried(lambda: page(Query(MultiDict(cursor=cursor)), [(2, "b"), (1, "a")], lambda row: row, "GET /x 1"))


def test_a_cursor_fits_one_call_of_one_account_with_its_filters() -> None:
    rows = [(3,), (2,), (1,)]

    def asked(whose: str, **query: str) -> tuple[list[tuple[int]], str]:
        return page(Query(MultiDict(query)), rows, lambda row: row, whose)

    _, cursor = asked("GET /x 1", limit="1", status="a")
    assert asked("GET /x 1", limit="2", status="a", cursor=cursor)[0] == [(2,), (1,)]
    assert asked("GET /x 1", limit="2", status="a", cursor=cursor, empty="")[0] == [(2,), (1,)]
    for whose, status in (("GET /x 2", "a"), ("GET /y 1", "a"), ("GET /x 1", "b")):
        with pytest.raises(ApiError, match="invalid_parameters"):
            asked(whose, status=status, cursor=cursor)
    other = [("a",), ("b",)]
    with pytest.raises(ApiError):
        page(Query(MultiDict(status="a", cursor=cursor)), other, lambda row: row, "GET /x 1")


@given(st.dictionaries(st.sampled_from([KEY, STAMP, SIGNATURE]), TEXTS | st.just("k")), TEXTS)
def test_headers_that_are_nonsense_are_a_401(headers: dict[str, str], path: str) -> None:
    keys = {"k": new_key("hmac", "k", secret=b"s")[0]}
    with pytest.raises(ApiError) as refused:
        admit(keys, headers, "GET", path, 0, behind_ms=10, ahead_ms=10)
    assert refused.value.status == 401


def test_the_three_shapes() -> None:
    assert invalid("x").body == b'{"error":{"code":"invalid_parameters","message":"invalid parameters","details":"x"}}'
    assert malformed("x").body == b'{"code":"bad_request","message":"bad request","details":"x"}'
    assert too_many().body == b'{"error":"too many requests"}'
    assert [broken(status).code for status in (500, 502, 503, 504)] == [
        "internal_server_error", "bad_gateway", "service_unavailable", "timeout",
    ]  # fmt: skip
