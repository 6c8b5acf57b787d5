"""The paper exchange: an order meets the book as it is when it arrives, and nothing is bought twice."""

from hypothesis import given
from hypothesis import strategies as st

from markets.core.events import BookSnapshot, MarketListed
from markets.core.units import DOLLAR, MILLISECOND_NS, SECOND_NS
from tests.builders import TICKER, at, contract, opening, snapshot, status
from trading.core.decision import PlaceOrder
from trading.core.events import (
    Event,
    Fill,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    ParametersSet,
    Settled,
    Timer,
)
from trading.core.market import MarketState
from trading.core.paper import PaperExchange
from trading.core.parameters import Parameters

SENT = at(10)
ARRIVED = SENT + 100 * MILLISECOND_NS


class Venue:
    """A paper exchange with one open market, and everything the account heard from it."""

    def __init__(self, cash: int = 1_000 * DOLLAR, book: BookSnapshot | None = None) -> None:
        self.market = MarketState(contract())
        self.market.status = "open"
        self.exchange = PaperExchange({TICKER: self.market})
        self.heard: list[Event] = []
        self.hear(opening(cash), ParametersSet(at(-5), 0, Parameters()))
        self.quote(book or snapshot(9))

    def quote(self, book: BookSnapshot) -> None:
        self.market.book.replace(book.yes, book.no)
        self.market.lost = ""

    def hear(self, *events: Event) -> None:
        for event in events:
            self.heard += [each for each in self.exchange.hear(event) if each is not event]

    def send(self, *, is_bid: bool = True, price: int = 5_100, count: int = 1_000, number: int = 1) -> None:
        self.exchange.submit([PlaceOrder(number, TICKER, is_bid, price, count)], SENT)

    def settle(self) -> "Venue":
        self.hear(Timer(SENT + SECOND_NS))
        return self

    def kinds(self) -> list[type]:
        return [type(event) for event in self.heard]

    @property
    def fills(self) -> list[Fill]:
        return [event for event in self.heard if isinstance(event, Fill)]


def test_an_order_is_filled_from_the_book_it_arrives_at_not_from_the_one_it_was_sent_on() -> None:
    venue = Venue()
    venue.send(price=5_200)
    venue.hear(Timer(ARRIVED - 1))
    venue.quote(snapshot(10, ask=5_200))
    venue.settle()
    assert [fill.price for fill in venue.fills] == [5_200]


def test_what_moved_away_before_the_order_arrived_is_not_bought() -> None:
    venue = Venue()
    venue.send(price=5_100)
    venue.quote(snapshot(10, ask=5_200))
    venue.settle()
    assert venue.kinds() == [OrderAccepted, OrderCancelled]


def test_it_answers_after_the_way_there_and_the_way_back() -> None:
    venue = Venue()
    venue.send()
    venue.settle()
    assert {event.received_ns for event in venue.heard} == {ARRIVED + 40 * MILLISECOND_NS}


def test_it_walks_the_levels_best_first_and_loses_what_the_limit_leaves() -> None:
    book = BookSnapshot(at(9), TICKER, (), ((4_900, 300), (4_800, 400), (4_700, 5_000)))
    venue = Venue(book=book)
    venue.send(price=5_200, count=1_000)
    venue.settle()
    assert [(fill.price, fill.count) for fill in venue.fills] == [(5_100, 300), (5_200, 400)]
    cancelled = [event for event in venue.heard if isinstance(event, OrderCancelled)]
    assert [event.left for event in cancelled] == [300]


def test_selling_yes_takes_the_bids_from_the_top_down() -> None:
    book = BookSnapshot(at(9), TICKER, ((4_900, 300), (4_800, 400)), ())
    venue = Venue(book=book)
    venue.send(is_bid=False, price=4_800, count=500)
    venue.settle()
    assert [(fill.price, fill.count) for fill in venue.fills] == [(4_900, 300), (4_800, 200)]


def test_size_that_we_took_is_gone_for_a_second_whatever_the_feed_shows() -> None:
    venue = Venue(book=snapshot(9, count=1_000))
    venue.send(count=800, number=1)
    venue.send(count=800, number=2)
    venue.settle()
    assert [(fill.number, fill.count) for fill in venue.fills] == [(1, 800), (2, 200)]
    venue.exchange.submit([PlaceOrder(3, TICKER, True, 5_100, 500)], SENT + 2 * SECOND_NS)
    venue.hear(Timer(SENT + 4 * SECOND_NS))
    assert [(fill.number, fill.count) for fill in venue.fills][2:] == [(3, 500)]


def test_the_fee_is_the_exchange_s_own_to_the_last_digit() -> None:
    venue = Venue(book=snapshot(9, ask=9_560))
    venue.send(price=9_560, count=500)
    venue.settle()
    assert [fill.fee for fill in venue.fills] == [14_800]


def refusal(venue: Venue) -> str:
    venue.settle()
    rejected = [event for event in venue.heard if isinstance(event, OrderRejected)]
    return rejected[0].code if rejected else ""


def test_it_refuses_a_price_off_the_grid() -> None:
    venue = Venue()
    venue.send(price=5_150)
    assert refusal(venue) == "invalid_order"


def test_it_refuses_an_order_that_cash_does_not_cover_with_its_fee() -> None:
    venue = Venue(cash=5_100_000)
    venue.send(price=5_100, count=1_000)
    assert refusal(venue) == "insufficient_balance"


def test_it_refuses_an_order_that_arrives_after_the_close() -> None:
    venue = Venue()
    venue.exchange.submit([PlaceOrder(1, TICKER, True, 5_100, 100)], at(899.95))
    venue.hear(Timer(at(901)))
    assert [event.code for event in venue.heard if isinstance(event, OrderRejected)] == ["market_inactive"]


def test_it_refuses_an_order_while_nobody_knows_the_book() -> None:
    venue = Venue()
    venue.market.lost = "sequence gap"
    venue.send()
    assert refusal(venue) == "book_unknown"


def test_it_refuses_an_order_in_a_market_it_does_not_have() -> None:
    venue = Venue()
    venue.exchange.submit([PlaceOrder(1, "KXBTC15M-NONE", True, 5_100, 100)], SENT)
    assert refusal(venue) == "market_not_found"


def test_a_market_pays_out_on_its_official_result_and_only_once() -> None:
    venue = Venue(book=snapshot(9, bid=4_000))
    venue.send(is_bid=False, price=4_000, count=1_000)
    venue.settle()
    venue.hear(status(930, "settled", "no"), status(931, "settled", "no"))
    paid = [event for event in venue.heard if isinstance(event, Settled)]
    assert [(event.count, event.payout) for event in paid] == [(-1_000, 10_000_000)]


def test_closing_what_is_held_needs_no_cash() -> None:
    venue = Venue(cash=6 * DOLLAR)
    venue.send(price=5_100, count=1_000)
    venue.settle()
    venue.exchange.submit([PlaceOrder(2, TICKER, False, 4_900, 1_000)], SENT + 2 * SECOND_NS)
    venue.hear(Timer(SENT + 4 * SECOND_NS))
    assert [fill.number for fill in venue.fills] == [1, 2]


levels = st.dictionaries(st.integers(1, 49).map(lambda cents: cents * 100), st.integers(1, 3_000), max_size=6)
orders = st.lists(
    st.tuples(st.booleans(), st.integers(1, 99).map(lambda cents: cents * 100), st.integers(1, 2_000)), max_size=8
)


@given(levels, levels, orders)
def test_it_never_sells_more_than_is_displayed_nor_beyond_the_limit_and_cash_adds_up(
    yes: dict[int, int], no: dict[int, int], wanted: list[tuple[bool, int, int]]
) -> None:
    cash = 10**12
    book = BookSnapshot(at(9), TICKER, tuple(yes.items()), tuple(no.items()))
    venue = Venue(cash=cash, book=book)
    for number, (is_bid, price, count) in enumerate(wanted, start=1):
        tapered = contract().floor(price)
        venue.send(is_bid=is_bid, price=tapered, count=count, number=number)
    venue.settle()
    venue.hear(status(930, "settled", "yes"))
    limits = {number: price for number, (_, price, _) in enumerate(wanted, start=1)}
    for fill in venue.fills:
        assert fill.price <= limits[fill.number] if fill.is_bid else fill.price >= limits[fill.number]
    assert sum(fill.count for fill in venue.fills if fill.is_bid) <= sum(no.values())
    assert sum(fill.count for fill in venue.fills if not fill.is_bid) <= sum(yes.values())
    value = sum((fill.count if fill.is_bid else -fill.count) * (10_000 - fill.price) for fill in venue.fills)
    assert venue.exchange.cash == cash + value - sum(fill.fee for fill in venue.fills)


def test_a_listing_is_passed_on_untouched() -> None:
    venue = Venue()
    event = MarketListed(at(11), contract())
    assert list(venue.exchange.hear(event)) == [event]


def test_an_order_that_trades_nothing_leaves_no_position_to_settle() -> None:
    venue = Venue()
    venue.send(price=4_000)
    venue.settle()
    venue.hear(status(930, "settled", "yes"))
    assert venue.kinds() == [OrderAccepted, OrderCancelled]


def test_a_settlement_without_a_result_pays_nothing_and_the_result_that_comes_later_does() -> None:
    venue = Venue()
    venue.send(price=5_100, count=1_000)
    venue.settle()
    venue.hear(status(930, "settled", ""), status(990, "settled", "yes"))
    paid = [event for event in venue.heard if isinstance(event, Settled)]
    assert [(event.received_ns, event.payout) for event in paid] == [(at(990), 10 * DOLLAR)]
