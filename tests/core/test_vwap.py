"""The volume-weighted window of one venue, against adding everything up anew."""

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.core.vwap import VenueVwap

WINDOW_NS = 2_000

Trade = tuple[int, float, float]  # wait, price, size

trades = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 300), st.integers(1_990, 2_010), st.integers(0, 20_000)),
        st.floats(0.01, 200_000.0),
        st.one_of(st.just(0.0), st.floats(1e-8, 1e4)),
    ),
    min_size=1,
    max_size=60,
)


def naive(seen: list[Trade], now_ns: int) -> tuple[float, int]:
    inside = [trade for trade in seen if trade[0] >= now_ns - WINDOW_NS] or seen[-1:]
    weights = [size or 1.0 for _, _, size in inside]
    products = [price * weight for (_, price, _), weight in zip(inside, weights, strict=True)]
    return fsum(products) / fsum(weights), len(inside)


@given(trades)
def test_it_is_the_volume_weighted_mean_of_the_trades_in_the_window(steps: list[Trade]) -> None:
    vwap, seen, now_ns = VenueVwap(WINDOW_NS), [], 10_000
    for wait, price, size in steps:
        now_ns += wait
        vwap.add(now_ns, price, size)
        seen.append((now_ns, price, size))
        expected, inside = naive(seen, now_ns)
        assert vwap.price == pytest.approx(expected, rel=1e-9)
        assert len(vwap) == inside


@given(trades, st.integers(0, 10_000))
def test_letting_old_trades_go_is_the_same_as_never_having_had_them(steps: list[Trade], later: int) -> None:
    vwap, seen, now_ns = VenueVwap(WINDOW_NS), [], 10_000
    for wait, price, size in steps:
        now_ns += wait
        vwap.add(now_ns, price, size)
        seen.append((now_ns, price, size))
    vwap.drop_old(now_ns + later)
    expected, inside = naive(seen, now_ns + later)
    assert vwap.price == pytest.approx(expected, rel=1e-9)
    assert len(vwap) == inside
    assert vwap.first_ns == seen[-inside][0]


def test_section_6_the_worked_example() -> None:
    vwap = VenueVwap(WINDOW_NS)
    for now_ns, (price, size) in enumerate([(100.0, 5.0), (101.0, 2.0), (103.0, 1.0)]):
        vwap.add(10_000 + now_ns, price, size)
    assert vwap.price == 100.625


def test_it_grows_with_a_busy_window_and_keeps_every_trade() -> None:
    vwap = VenueVwap(WINDOW_NS)
    for place in range(5_000):
        vwap.add(10_000 + place, 100.0 + place, 1.0)
    assert len(vwap) == WINDOW_NS + 1
    assert vwap.price == pytest.approx(100.0 + 4_999 - WINDOW_NS / 2, rel=1e-12)


def test_a_trade_exactly_as_old_as_the_window_is_still_inside() -> None:
    vwap = VenueVwap(WINDOW_NS)
    vwap.add(1_000, 10.0, 1.0)
    vwap.add(1_000 + WINDOW_NS, 20.0, 1.0)
    assert vwap.price == 15.0
    vwap.drop_old(1_001 + WINDOW_NS)
    assert vwap.price == 20.0


def test_its_newest_trade_stays_however_old_it_gets() -> None:
    vwap = VenueVwap(WINDOW_NS)
    vwap.add(1_000, 10.0, 3.0)
    vwap.drop_old(10**18)
    assert (vwap.price, vwap.weight, len(vwap)) == (10.0, 3.0, 1)


def test_rounding_errors_of_a_long_session_do_not_pile_up() -> None:
    vwap = VenueVwap(WINDOW_NS)
    seen: list[tuple[int, float, float]] = []
    for place in range(50_000):
        trade = (10_000 + 100 * place, 85_000.0 + place % 7 / 3, 1e6 if place % 500 == 0 else 1e-3)
        vwap.add(*trade)
        seen = [*seen[-30:], trade]
    expected, _ = naive(seen, seen[-1][0])
    assert vwap.price == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_trade_of_unknown_size_counts_once(size: float) -> None:
    vwap = VenueVwap(WINDOW_NS)
    vwap.add(1_000, 10.0, size)
    vwap.add(1_001, 20.0, 3.0)
    assert vwap.price == pytest.approx((10.0 + 60.0) / 4.0)
