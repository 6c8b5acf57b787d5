"""What is believed, what it costs, and what is left: section 7 of the pricing notes, number by number."""

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from markets.core.book import OrderBook
from markets.core.contract import FeeTerms
from markets.core.units import CONTRACT
from trading.core.calibration import pooled
from trading.core.edge import Belief, belief, breaks_even_at, cost, edge, market_mid, proceeds, raw_edge, walk
from trading.core.fitted import Z_LOWER_QUARTER, Fitted, PoolingWeight
from trading.core.market import Pricing
from trading.core.parameters import Parameters

EXACT = FeeTerms(increment=1, precision=1)  # as near to no rounding as money is kept
CENTS = FeeTerms(precision=10_000)  # brokers: the balance in whole cents
NOW_NS = 1_000
POOLING = Parameters()
chances = st.floats(0.001, 0.999)
ladders = st.dictionaries(st.integers(1, 48).map(lambda cents: cents * 100), st.integers(1, 5_000), min_size=1)


def book(yes: dict[int, int], no: dict[int, int]) -> OrderBook:
    made = OrderBook()
    made.replace(yes.items(), no.items())
    return made


def quoted(bid: int, ask: int, count: int = 100_000) -> OrderBook:
    return book({bid: count} if bid else {}, {10_000 - ask: count} if ask < 10_000 else {})


def priced(p: float) -> Pricing:
    """The map has been laid: what the model itself says is something else."""
    return Pricing(0.123, 0.5, 0.0, 0.0, 85_000.0, 0.5, 0, calibrated=p)


def held(
    p: float,
    at: OrderBook,
    parameters: Parameters = POOLING,
    *weights: PoolingWeight,
    asset: str = "BTC",
    under: tuple[str, ...] = (),
) -> Belief:
    return belief(
        msgspec.structs.replace(priced(p), under=under), at, parameters, Fitted(pooling=weights), asset, 300.0, NOW_NS
    )


def fitted(weight: float, error: float = 0.0, **changes: object) -> PoolingWeight:
    known: dict[str, object] = {"windows": 500, "through_ns": NOW_NS - 1, "version": 7}
    return PoolingWeight(weight=weight, standard_error=error, **(known | changes))  # type: ignore[arg-type]


# What is believed (section 7.4) -------------------------------------------------------------------------------


def test_until_a_weight_is_fitted_a_quarter_of_our_opinion_counts() -> None:
    believed = held(0.80, quoted(4_900, 5_100))
    assert msgspec.structs.replace(believed, pooled=0.0) == Belief(0.0, 0.5, 0.25)
    assert believed.pooled == pytest.approx(0.58578644)  # odds of 4 to the power of a quarter
    assert held(0.80, quoted(4_900, 5_100), msgspec.structs.replace(POOLING, pooling_weight=0.5)).pooled == (
        pytest.approx(2 / 3)
    )


@given(chances, chances)
def test_a_weight_of_nothing_is_the_market_and_a_weight_of_one_is_ours(p: float, m: float) -> None:
    assert pooled(p, m, 0.0) == pytest.approx(m)
    assert pooled(p, m, 1.0) == pytest.approx(p)


@given(st.floats(0.0, 1.0), chances, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_what_is_believed_lies_between_and_moves_towards_us_with_the_weight(
    p: float, m: float, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    nearer, farther = pooled(p, m, high), pooled(p, m, low)
    assert min(p, m) - 1e-9 <= farther <= max(p, m) + 1e-9
    assert abs(nearer - m) >= abs(farther - m) - 1e-12


def test_the_fitted_weight_is_its_lower_quarter_s_bound_once_enough_windows_were_seen() -> None:
    at = quoted(4_900, 5_100)
    believed = held(0.80, at, POOLING, fitted(0.6, 0.1))
    assert believed.version == 7
    assert believed.weight == pytest.approx(0.6 - 0.1 * Z_LOWER_QUARTER)
    assert believed.pooled == pytest.approx(pooled(0.80, 0.5, believed.weight))
    assert held(0.80, at, POOLING, fitted(0.6, 0.1, windows=499)) == held(0.80, at)
    assert held(0.80, at, msgspec.structs.replace(POOLING, pooling_windows=499), fitted(0.6, windows=499)).version == 7


def test_a_weight_with_too_few_windows_does_not_stand_before_one_with_enough() -> None:
    own = fitted(0.9, windows=100, group="BTC", version=9)
    assert held(0.80, quoted(4_900, 5_100), POOLING, own, fitted(0.5)).version == 7


@pytest.mark.parametrize(
    ("fitted_under", "under", "is_used"),
    [((), (), True), ((), ("tails",), False), (("tails",), (), False), (("tails",), ("tails",), True),
     (("tails",), ("tails", "volatility"), False)],
)  # fmt: skip
def test_a_weight_of_what_we_said_under_other_artefacts_is_not_used(
    fitted_under: tuple[str, ...], under: tuple[str, ...], is_used: bool
) -> None:
    believed = held(0.80, quoted(4_900, 5_100), POOLING, fitted(0.6, under=fitted_under), under=under)
    assert (believed.weight, believed.version) == ((0.6, 7) if is_used else (POOLING.pooling_weight, 0))


def test_a_weight_of_other_times_or_of_the_future_is_not_used() -> None:
    at = quoted(4_900, 5_100)
    for other in (
        fitted(0.6, least_s=301.0),
        fitted(0.6, most_s=300.0),
        fitted(0.6, through_ns=NOW_NS),
        fitted(0.6, group="ETH"),
    ):
        assert held(0.80, at, POOLING, other) == held(0.80, at)


@pytest.mark.parametrize(
    ("weight", "error", "is_measurable"),
    [(0.3, 0.1, True), (0.3, 0.16, False), (0.0, 0.0, False), (-0.2, 0.05, False), (0.196, 0.1, True), (0.195, 0.1, False)],
)  # fmt: skip
def test_a_weight_that_chance_could_explain_is_no_measurable_edge(
    weight: float, error: float, is_measurable: bool
) -> None:
    assert held(0.80, quoted(4_900, 5_100), POOLING, fitted(weight, error)).is_measurable is is_measurable


def test_without_pooling_our_opinion_stands_alone_and_no_weight_is_asked() -> None:
    off = msgspec.structs.replace(POOLING, pooling="off")
    assert held(0.80, quoted(4_900, 5_100), off, fitted(-1.0, 0.1)) == Belief(0.80, 0.5, 1.0)


@pytest.mark.parametrize("at", [quoted(0, 5_100), quoted(4_900, 10_000), quoted(0, 10_000), quoted(5_200, 5_100)])
def test_a_book_that_is_one_sided_or_crossed_has_no_opinion(at: OrderBook) -> None:
    assert market_mid(at) is None
    assert held(0.80, at, POOLING, fitted(0.6)) == Belief(0.80, None, 0.6, True, 7)
    assert raw_edge(0.80, None) is None


def test_the_raw_edge_is_ours_less_the_middle_whatever_is_displayed() -> None:
    lopsided = book({4_900: 1}, {4_900: 100_000})
    assert raw_edge(0.60, market_mid(lopsided)) == pytest.approx(0.10)


# What it costs (sections 7.1 and 7.2) -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "exact", "in_cents"),
    [
        (500, 0.053325, 0.06),
        (1_000, 0.106300, 0.11),
        (2_500, 0.263125, 0.27),
        (5_000, 0.517500, 0.52),
        (7_500, 0.763125, 0.77),
        (9_000, 0.906300, 0.91),
        (9_500, 0.953325, 0.96),
        (9_900, 0.990693, 1.00),
    ],
)
def test_section_7_1_where_a_side_breaks_even(price: int, exact: float, in_cents: float) -> None:
    assert breaks_even_at(EXACT, price, 10_000 * CONTRACT) == pytest.approx(exact, abs=1e-9)
    assert breaks_even_at(CENTS, price) == pytest.approx(in_cents)
    spent = cost(quoted(100, price), CENTS, True, CONTRACT)
    assert spent is not None
    assert spent.net == pytest.approx(in_cents)


def test_section_7_1_one_contract_at_five_and_a_half_cents_pays_half_a_cent() -> None:
    spent = cost(quoted(100, 550), CENTS, True, CONTRACT)
    assert spent is not None
    assert spent.price == 0.055
    assert spent.fee == pytest.approx(0.005)
    assert spent.net == pytest.approx(0.06)


def test_section_7_2_at_even_odds_the_model_must_differ_by_five_and_a_quarter_cents() -> None:
    at = quoted(4_950, 5_050)
    spent = cost(at, EXACT, True, 100 * CONTRACT)
    assert spent is not None
    assert edge(0.5525, spent) == pytest.approx(0.03, abs=2e-6)  # the fee of 0.505 is 1.7498 cents
    assert raw_edge(0.5525, market_mid(at)) == pytest.approx(0.0525)
    assert edge(0.5525, spent, is_gross=True) == pytest.approx(0.0475)


def test_section_7_2_at_the_edge_of_the_grid_the_fee_is_a_third_of_a_cent() -> None:
    at = quoted(9_490, 9_500)
    spent = cost(at, EXACT, True, 10_000 * CONTRACT)
    assert spent is not None
    assert spent.net - market_mid(at) == pytest.approx(0.0038, abs=5e-5)  # type: ignore[operator]


def test_either_side_is_priced_by_what_it_meets() -> None:
    at = quoted(4_000, 4_300)
    yes, no = cost(at, EXACT, True, CONTRACT), cost(at, EXACT, False, CONTRACT, slippage=0.01)
    assert yes is not None
    assert no is not None
    assert (yes.price, no.price) == (0.43, 0.60)
    assert no.net == pytest.approx(0.60 + 0.07 * 0.6 * 0.4 + 0.01)


def test_a_larger_order_walks_the_book_and_pays_by_volume() -> None:
    at = book({4_000: 500}, {5_500: 300, 5_400: 100, 5_000: 10_000})  # asks of 45, 46, 50 cents
    spent = cost(at, EXACT, True, 600)
    assert spent is not None
    assert spent.price == pytest.approx((3 * 0.45 + 1 * 0.46 + 2 * 0.50) / 6)
    fees = [0.07 * p * (1 - p) * n for p, n in ((0.45, 3), (0.46, 1), (0.50, 2))]
    assert spent.fee == pytest.approx(sum(fees) / 6, abs=1e-6)
    assert list(walk(at, True, 600)) == [(4_500, 300), (4_600, 100), (5_000, 200)]


def test_what_the_fills_of_one_order_lose_by_rounding_is_given_back_in_whole_cents() -> None:
    """Five fills of two cents each; after the fourth a cent has been rounded away and comes back."""
    at = book({4_000: 500}, {10_000 - price: 100 for price in (5_000, 5_100, 5_200, 5_300, 5_400)})
    spent = cost(at, CENTS, True, 500)
    assert spent is not None
    assert spent.fee == pytest.approx(0.09 / 5)


def test_nothing_beyond_the_limit_is_taken() -> None:
    at = book({4_000: 500, 3_900: 500}, {5_500: 300, 5_400: 100})
    within = cost(at, EXACT, True, 600, 4_500)
    assert within is not None
    assert (within.size, within.price) == (300, 0.45)
    assert cost(at, EXACT, True, 600, 4_400) is None
    no = cost(at, EXACT, False, 600, 4_000)
    assert no is not None
    assert no.size == 500
    assert no.price == pytest.approx(0.60)


@pytest.mark.parametrize("is_bid", [True, False])
def test_nobody_there_costs_nothing_that_is_known(is_bid: bool) -> None:
    assert cost(OrderBook(), EXACT, is_bid, CONTRACT) is None
    assert proceeds(OrderBook(), EXACT, CONTRACT if is_bid else -CONTRACT) is None


@given(ladders, ladders, st.booleans(), st.integers(1, 50_000))
def test_a_walk_is_never_better_than_the_best_price_and_never_more_than_there_is(
    yes: dict[int, int], no: dict[int, int], is_bid: bool, count: int
) -> None:
    at = book(yes, no)
    spent = cost(at, EXACT, is_bid, count)
    assert spent is not None
    best = at.ask if is_bid else 10_000 - at.bid
    assert spent.price >= best / 10_000 - 1e-12
    assert spent.size == min(count, sum((no if is_bid else yes).values()))
    more = cost(at, EXACT, is_bid, count + 100)
    assert more is not None
    assert more.price >= spent.price - 1e-12


@given(ladders, ladders, chances, st.integers(1, 500), st.sampled_from([EXACT, CENTS, FeeTerms()]))
def test_both_edges_together_are_below_nothing_by_spread_and_fees(
    yes: dict[int, int], no: dict[int, int], p: float, contracts: int, terms: FeeTerms
) -> None:
    at = book(yes, no)
    assume(not at.is_crossed)
    buys, sells = (cost(at, terms, is_bid, contracts * CONTRACT) for is_bid in (True, False))
    assert buys is not None
    assert sells is not None
    both = edge(p, buys) + edge(1.0 - p, sells)
    spread = (at.ask - at.bid) / 10_000
    assert both <= -(spread + buys.fee + sells.fee) + 1e-9
    assert both < 0


@given(st.integers(1, 99), st.integers(1, 200), st.sampled_from([EXACT, CENTS, FeeTerms()]))
def test_one_large_fill_is_charged_no_more_a_contract_than_one_contract(
    cents: int, contracts: int, terms: FeeTerms
) -> None:
    assert breaks_even_at(terms, cents * 100, contracts * CONTRACT) <= breaks_even_at(terms, cents * 100) + 1e-12


# What selling brings ------------------------------------------------------------------------------------------


def test_selling_brings_the_bid_less_its_fee_and_what_is_short_is_bought_back() -> None:
    at = quoted(6_000, 6_300)
    assert proceeds(at, EXACT, 10 * CONTRACT) == pytest.approx(0.60 - 0.07 * 0.6 * 0.4)
    assert proceeds(at, EXACT, -10 * CONTRACT) == pytest.approx(0.37 - 0.07 * 0.37 * 0.63)


def test_a_large_position_is_sold_down_the_bids_to_the_limit() -> None:
    at = book({6_000: 100, 5_000: 300}, {3_000: 100})
    whole, best = proceeds(at, EXACT, 400), proceeds(at, EXACT, 400, 6_000)
    assert whole == pytest.approx((0.60 + 3 * 0.50 - 0.07 * (0.24 + 3 * 0.25)) / 4, abs=1e-6)
    assert best == pytest.approx(0.60 - 0.07 * 0.24, abs=1e-6)


@given(ladders, ladders, st.integers(1, 200), st.sampled_from([EXACT, CENTS, FeeTerms()]))
def test_buying_and_selling_at_once_never_pays(
    yes: dict[int, int], no: dict[int, int], contracts: int, terms: FeeTerms
) -> None:
    at = book(yes, no)
    assume(not at.is_crossed)
    spent = cost(at, terms, True, contracts * CONTRACT)
    back = proceeds(at, terms, contracts * CONTRACT)
    assert spent is not None
    assert back is not None
    assert back < spent.net
