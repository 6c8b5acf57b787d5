"""The maker at its desk: what it quotes, when it pulls its quotes, and that it never crosses, never doubles, never exceeds."""

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.core.events import BookSnapshot, FeedStatus, IndexValue, MarketListed, SpotQuote, TradePrint
from markets.core.units import DOLLAR, PRICE_DOLLAR
from tests.builders import OPEN_NS, STRIKE, TICKER, Table, at, contract, opening, snapshot, spot, status
from trading.core.decision import AmendOrder, CancelOrder, PlaceOrder
from trading.core.events import Event, Fill, FittedSet, HeldPosition
from trading.core.fitted import Fitted, PoolingWeight
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.reasons import REASONS
from trading.core.strategies.edge_maker import MOVED, QUOTING, STALE

MAKER = Parameters(
    strategy="edge_maker", model="abm_avg", pooling="off", probability_margin=0.0
)  # at the money one half
EVERY_S = 0.2


def ticking(price: float = STRIKE, since: float = -4.0, until: float = 30.0) -> list[Event]:
    """Spot prices of one venue, often enough not to be stale."""
    steps = round((until - since) / EVERY_S)
    return [spot(since + step * EVERY_S, price) for step in range(steps + 1)]


def market(*more: Event, price: float = STRIKE, until: float = 30.0, book: BookSnapshot | None = None) -> list[Event]:
    """An open market with a steady price; 47 bid, 53 asked unless another book is given."""
    events = [
        MarketListed(at(-3), contract()),
        status(0, "open"),
        book or snapshot(0.1, 4_700, 5_300),
        *ticking(price, until=until),
        *more,
    ]
    return sorted(events, key=lambda event: event.received_ns)


def table(*events: Event, parameters: Parameters = MAKER, position: int = 0, **changes: object) -> Table:
    held = (HeldPosition(TICKER, position, abs(position) * 5_000, 0, 0, at(900)),) if position else ()
    start = opening(10_000 * DOLLAR, positions=held)
    return Table(parameters=parameters, start=start, **changes).hear(*events)  # type: ignore[arg-type]


def resting(heard: Table) -> dict[bool, tuple[int, int]]:
    """What rests at the exchange: by side the YES price and the count."""
    return {state.order.is_bid: (state.price, state.remaining) for state in heard.exchange.resting}


def prices(heard: Table) -> dict[bool, int]:
    return {is_bid: price for is_bid, (price, _) in resting(heard).items()}


def reason(heard: Table) -> str:
    signal = heard.engine.markets[TICKER].signal
    assert signal is not None
    return signal.reason


# What is quoted -----------------------------------------------------------------------------------------------


def test_both_sides_are_quoted_alike_around_even_odds() -> None:
    quotes = resting(table(*market()))
    assert quotes[True][0] + quotes[False][0] == PRICE_DOLLAR
    assert quotes[True][1] == quotes[False][1] > 0


def test_what_rests_is_post_only_expires_and_has_no_fee_where_makers_pay_none() -> None:
    heard = table(*market())
    assert {(order.rests, order.is_post_only, 0 < order.expires_ns < at(900)) for order in heard.orders} == {
        (True, True, True)
    }
    assert reason(heard) in {QUOTING, "TRADED"}


def test_a_wide_market_is_bettered_by_one_tick_at_most() -> None:
    assert prices(table(*market())) == {True: 4_800, False: 5_200}


def test_a_market_tighter_than_our_spread_is_quoted_behind() -> None:
    found = prices(table(*market(book=snapshot(0.1, 4_950, 5_050), until=20)))
    assert found[True] <= 4_900
    assert found[False] >= 5_100


def test_holding_yes_lowers_the_bid_and_holding_no_raises_the_ask() -> None:
    book = snapshot(0.1, 4_900, 5_100)
    flat = prices(table(*market(book=book)))
    long = prices(table(*market(book=book), position=20_000))
    short = prices(table(*market(book=book), position=-20_000))
    assert long[True] < flat[True]
    assert long[False] == flat[False]
    assert short[False] > flat[False]
    assert short[True] == flat[True]


def test_what_is_held_in_other_markets_of_the_same_close_leans_on_it_too() -> None:
    other = "KXETH15M-26NOV221200-00"
    held = (HeldPosition(other, 20_000, 20_000 * 5_000, 0, 0, at(900)),)
    limits = RiskLimits(max_close_exposure=10**10, max_close_share_bp=1_000, max_market_share_bp=1_000)
    start = opening(10_000 * DOLLAR, positions=held)
    leaning = Table(parameters=MAKER, start=start, limits=limits).hear(*market(book=snapshot(0.1, 4_900, 5_100)))
    assert prices(leaning)[True] < 4_900


def test_a_full_inventory_is_quoted_on_the_side_that_empties_it_alone() -> None:
    assert list(resting(table(*market(), position=40_000))) == [False]
    assert list(resting(table(*market(), position=-40_000))) == [True]


def test_what_is_held_is_sold_by_a_quote_and_never_by_crossing() -> None:
    heard = table(*market(price=STRIKE * 0.999), position=5_000)
    assert heard.orders
    assert all(order.rests and order.is_post_only for order in heard.orders)


def test_no_quote_is_larger_than_it_may_be() -> None:
    few = msgspec.structs.replace(MAKER, maker_max_count=300)
    assert {size for _, size in resting(table(*market(), parameters=few)).values()} == {300}
    thin = snapshot(0.1, 4_700, 5_300, count=2_000)
    assert {size for _, size in resting(table(*market(book=thin))).values()} == {500}


def test_it_does_not_better_itself_where_its_own_quote_is_all_that_is_displayed() -> None:
    found = resting(table(*market()))
    bids, asks = ((4_800, found[is_bid][1]) for is_bid in (True, False))
    shown = BookSnapshot(at(25), TICKER, (bids, (4_700, 100_000)), (asks, (4_700, 100_000)))
    assert prices(table(*market(shown, until=29.9))) == {True: 4_800, False: 5_200}


def test_a_level_that_nobody_has_confirmed_is_too_unsure_for_so_small_an_edge() -> None:
    unsure = msgspec.structs.replace(MAKER, probability_margin=Parameters().probability_margin)
    assert reason(table(*market(), parameters=unsure)) == "SIZE_ZERO"
    told = [IndexValue(at(second), "BTC", STRIKE, at(second)) for second in range(-3, 30)]
    assert resting(table(*market(*told), parameters=unsure))


def test_a_fast_market_is_quoted_wider() -> None:
    wide, tight = (
        table(
            *market(book=snapshot(0.1, 4_900, 5_100)),
            parameters=msgspec.structs.replace(MAKER, maker_reaction_ns=ms * 1_000_000),
        )
        for ms in (4_000, 100)
    )
    assert prices(wide).get(True, 0) < prices(tight)[True]


# When nothing is ----------------------------------------------------------------------------------------------


def test_quotes_are_gone_in_the_last_ninety_seconds() -> None:
    heard = table(*market(until=815))
    assert resting(heard) == {}
    assert reason(heard) == "CLOSING"
    assert all(order.expires_ns <= at(810) for order in heard.orders)


def test_quotes_are_pulled_when_the_price_is_too_old_and_come_back() -> None:
    heard = table(*market(until=20), TradePrint(at(20.9), TICKER, 5_000, 100, True))
    assert resting(heard) == {}
    assert reason(heard) == STALE
    assert any(isinstance(each, CancelOrder) for decision in heard.decisions for each in decision.commands)
    heard.hear(*ticking(since=21.0, until=24.0))
    assert resting(heard)


def test_quotes_are_pulled_when_the_next_index_value_is_overdue() -> None:
    told = [IndexValue(at(second), "BTC", STRIKE, at(second)) for second in range(1, 21)]
    assert reason(table(*market(*told, until=20.8))) != STALE
    assert reason(table(*market(*told, until=21.6))) == STALE


def test_quotes_are_pulled_on_a_jump_and_come_back_when_it_is_over() -> None:
    jumped = ticking(STRIKE * 1.0004, since=20.1, until=20.5)
    heard = table(*market(*jumped, until=20.0))
    assert reason(heard) == MOVED
    heard.hear(*ticking(STRIKE * 1.0004, since=20.7, until=30))
    assert reason(heard) != MOVED
    assert resting(heard)


def test_a_move_of_one_venue_alone_is_enough() -> None:
    def quoted(second: float, middle: float, venue: str) -> SpotQuote:
        return SpotQuote(at(second), venue, "BTC", middle - 0.5, 1.0, middle + 0.5, 1.0, at(second))

    venues = ("coinbase", "kraken", "bitstamp", "gemini", "lmax")
    steady = [quoted(-4 + step * EVERY_S, STRIKE, venue) for step in range(121) for venue in venues]
    before: list[Event] = [MarketListed(at(-3), contract()), status(0, "open"), snapshot(0.1, 4_700, 5_300)]
    heard = table(*sorted([*before, *steady], key=lambda event: event.received_ns))
    assert resting(heard)
    heard.hear(quoted(20.1, STRIKE * 1.0003, "lmax"))
    assert reason(heard) == MOVED


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        (snapshot(20, 0, 5_300), "BOOK_ONE_SIDED"),
        (snapshot(20, 5_300, 4_700), "BOOK_CROSSED"),
        (FeedStatus(at(20), "kalshi", "lost", "", "gone"), "FEED_LOST"),
        (status(20, "paused"), "MARKET_PAUSED"),
    ],
    ids=["one-sided", "crossed", "lost", "paused"],
)
def test_quotes_are_pulled_when_the_market_cannot_be_believed(spoilt: Event, code: str) -> None:
    heard = table(*market(spoilt, until=22))
    assert resting(heard) == {}
    assert reason(heard) == code


def test_nothing_is_quoted_without_a_strike_nor_just_after_the_open() -> None:
    unwritten = [MarketListed(at(-3), contract(strike=None)), *market()[1:]]
    events = [event for event in unwritten if not isinstance(event, MarketListed)]
    assert table(unwritten[0], *events).orders == []
    early = table(*market(until=2.5))
    assert early.orders == []
    assert reason(early) == "OPENING"


def test_what_past_windows_show_to_be_worth_nothing_is_not_quoted_on() -> None:
    found = PoolingWeight(weight=0.15, standard_error=0.1, windows=500, through_ns=OPEN_NS - 1, version=3)
    fitted = FittedSet(at(-4), Fitted(pooling=(found,)))
    heard = table(fitted, *market(), parameters=msgspec.structs.replace(MAKER, pooling="fitted"))
    assert heard.orders == []
    assert reason(heard) == "NO_MEASURABLE_EDGE"


def test_every_reason_it_gives_has_its_sentence() -> None:
    assert {QUOTING, STALE, MOVED} <= set(REASONS)


# Always -------------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.floats(0.05, 3.0),
        st.sampled_from(["spot", "book", "print", "cut"]),
        st.integers(-12, 12),
        st.integers(1, 8),
        st.integers(1, 40),
    ),
    max_size=60,
)


def played(moves: Iterable[tuple[float, str, int, int, int]]) -> list[Event]:
    """A market that does what it likes."""
    now, price, events = 5.0, STRIKE, market(until=5.0)
    for seconds, kind, shift, width, size in moves:
        now += seconds
        middle = 5_000 + shift * 300
        if kind == "spot":
            price *= 1 + shift * 3e-5
            events += ticking(price, since=now, until=now + 1.0)
            now += 1.0
        elif kind == "book":
            events.append(snapshot(now, middle - width * 100, middle + width * 100, count=size * 500))
        elif kind == "print":
            events.append(TradePrint(at(now), TICKER, middle, size * 300, shift % 2 == 0))
        else:
            now += 2.0
    return events


@settings(max_examples=25, deadline=None)
@given(steps)
def test_quotes_are_on_the_grid_apart_post_only_and_within_every_limit(
    moves: list[tuple[float, str, int, int, int]],
) -> None:
    limits = RiskLimits(max_market_exposure=40 * DOLLAR, max_close_exposure=60 * DOLLAR, max_order_count=2_000)
    heard = Table(parameters=MAKER, start=opening(1_000 * DOLLAR), limits=limits)
    for event in played(moves):
        heard.hear(event)
        quotes = prices(heard)
        assert len(heard.exchange.resting) == len(quotes) <= 2
        assert quotes.get(True, 0) < quotes.get(False, PRICE_DOLLAR)
        portfolio, orders = heard.engine.portfolio, heard.engine.orders
        assert portfolio.exposure + orders.exposure() <= 40 * DOLLAR
    for order in (each for decision in heard.decisions for each in decision.commands):
        if isinstance(order, PlaceOrder | AmendOrder):
            assert contract().is_on_grid(order.price)
        if isinstance(order, PlaceOrder):
            assert order.rests
            assert order.is_post_only
            assert order.count <= 2_000
    assert all(not fill.is_taker for fill in heard.heard_of(Fill))
