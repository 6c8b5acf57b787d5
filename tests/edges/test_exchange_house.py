"""The house of the simulated exchange: its markets live as the real ones do, its books and results are the world's."""

import random
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import WINDOW_NS
from markets.core.events import BookDelta, BookSnapshot, IndexValue, MarketListed, MarketStatus, TickerQuote, TradePrint
from markets.core.units import DOLLAR, PRICE_DOLLAR, SECOND_NS
from markets.kalshi.ticker import NEW_YORK, market_ticker
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, Hand, at, contract
from tests.exchange_builders import CASH, Stretch, heard, order, place, settle, small_house
from trading.core.matching.messages import Filled, Quoted, Refusal
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_ids import Ids, Kind
from trading.simulator.exchange.house_news import IndexTick, Lifecycle, Printed, TickerChanged
from trading.simulator.exchange.index import Index
from trading.simulator.exchange.listing import LISTED_AHEAD_NS, is_listed, next_maintenance
from trading.simulator.standing import Standing
from trading.simulator.world import EPOCH_NS, DemoWorld

HOUR_NS = 3_600 * SECOND_NS


def status_of(house: House, ticker: str = TICKER) -> str:
    return house.markets[ticker].status


# The demo world in the house --------------------------------------------------------------------------------


@pytest.mark.parametrize("into_s", [0, 431])
def test_its_books_are_the_worlds_over_an_open_and_a_close(into_s: int) -> None:
    from_ns = EPOCH_NS + 2 * HOUR_NS + into_s * SECOND_NS
    stretch = Stretch(5, from_ns, ("ETH",))
    world_events = DemoWorld(5, ("ETH",)).exchange_events(from_ns)
    truth = Standing()
    waiting = next(world_events)
    compared = 0
    for second in (30, 400, 899 - into_s, 905 - into_s, 1_000):
        until_ns = from_ns + second * SECOND_NS
        stretch.until(until_ns)
        while waiting.received_ns <= until_ns:
            truth.hear([waiting])
            waiting = next(world_events)
        for event in truth.told(until_ns):
            if isinstance(event, BookSnapshot) and status_of(stretch.house, event.ticker) == "active":
                yes, no = stretch.house.book(event.ticker)
                assert (yes, no) == (sorted(event.yes), sorted(event.no))
                compared += bool(yes and no)
    assert compared >= 3


def test_its_results_are_the_worlds_and_come_from_the_index() -> None:
    from_ns = EPOCH_NS + 2 * HOUR_NS + 500 * SECOND_NS
    stretch = Stretch(8, from_ns, ("BTC", "SOL"))
    news = heard(stretch.house)
    stretch.until(from_ns + WINDOW_NS + 500 * SECOND_NS)
    settled = [market for market in stretch.house.markets.values() if market.settled_ns and market.close_ns > from_ns]
    assert len(settled) == 4
    for market in settled:
        truth = stretch.world.settlement(market.ticker)
        assert truth is not None
        assert (market.result, market.expiration_value) == (truth.result, truth.settle_value)
        assert market.determined_ns == truth.received_ns
        assert market.settled_ns == truth.received_ns + SECOND_NS
    published = {(one.index_id, one.source_ms): one.trailing.value for one in news if isinstance(one, IndexTick)}
    for market in settled:
        index = {"BTC": "BRTI", "ETH": "ETHUSD_RTI", "SOL": "SOLUSD_RTI"}[market.contract.asset]
        average = Decimal(published[index, market.close_ns // 1_000_000])
        places = Decimal(1).scaleb(-market.contract.decimals)
        assert average.quantize(places, "ROUND_HALF_UP") == Decimal(market.expiration_value)


def test_the_next_windows_strike_is_what_this_one_settled_on() -> None:
    from_ns = EPOCH_NS + 2 * HOUR_NS
    stretch = Stretch(8, from_ns, ("BTC",))
    stretch.until(from_ns + 2 * WINDOW_NS + 60 * SECOND_NS)
    bitcoin = [market for market in stretch.house.markets.values() if market.series == "KXBTC15M"][:3]
    first, second, third = bitcoin
    assert [first.status, second.status, third.status] == ["finalized", "finalized", "active"]
    assert second.contract.strike == float(first.expiration_value)
    assert third.contract.strike == float(second.expiration_value)
    assert third.yes_sub_title == f"Target Price: ${third.contract.strike:,.2f}"
    assert "at least" in third.rules_primary


def test_money_is_conserved_while_members_trade_with_the_crowd() -> None:
    stretch = Stretch(11, assets=("SOL",))
    house, from_ns = stretch.house, stretch.clock.now_ns
    for _ in range(2):
        house.open_account({2: CASH})
    rng = random.Random(4)
    for step in range(1, 190):
        stretch.until(from_ns + step * 5 * SECOND_NS)
        ticker = rng.choice([market.ticker for market in house.markets.values() if market.status == "active"])
        quote, is_bid = house.quote(ticker), rng.random() < 0.5
        price = max(min((quote.ask if is_bid else quote.bid) + rng.choice((-100, 0, 100)), 9_900), 100)
        price = house.markets[ticker].contract.floor(price)
        count = rng.randint(1, 3_000)
        place(house, order(f"o{step}", account=1 + step % 2, ticker=ticker, is_bid=is_bid, price=price, count=count))
    stretch.until(from_ns + 2 * WINDOW_NS + 100 * SECOND_NS)
    for account in (1, 2):
        fills, settlements = house.reads.fills(account), house.reads.settlements(account)
        assert len(fills) > 20
        assert settlements
        assert not any(row.count for row in house.reads.positions(account))
        spent = received = 0
        held: dict[str, int] = {}
        for fill in reversed(fills):
            signed = fill.count if fill.is_bid else -fill.count
            before = held.get(fill.ticker, 0)
            after = held[fill.ticker] = before + signed
            assert fill.position_after == after
            # buying back what was sold gives a dollar back for each pair of YES and NO
            paired = (abs(before) + abs(signed) - abs(after)) // 2
            spent += (fill.price if fill.is_bid else PRICE_DOLLAR - fill.price) * fill.count + fill.fee
            received += paired * PRICE_DOLLAR
        received += sum(row.payout for row in settlements)
        assert house.reads.cash(account) == {2: CASH - spent + received}
        for row in settlements:
            assert row.payout == (
                row.count * row.yes_pays if row.count > 0 else -row.count * (PRICE_DOLLAR - row.yes_pays)
            )


# Listings and hours -----------------------------------------------------------------------------------------


def test_windows_are_listed_hours_ahead_without_a_strike() -> None:
    stretch = Stretch(1, assets=("ETH",))
    now_ns = stretch.clock.now_ns
    ahead = [market for market in stretch.house.markets.values() if market.open_ns > now_ns]
    assert len(ahead) == (LISTED_AHEAD_NS // WINDOW_NS)
    assert {market.status for market in ahead} == {"initialized"}
    assert {market.contract.strike for market in ahead} == {None}
    assert {market.yes_sub_title for market in ahead} == {"Target Price: TBD"}
    assert all(market.ticker == market_ticker(market.series, market.close_ns) for market in ahead)
    assert all(market.created_ns <= now_ns for market in ahead)
    news = heard(stretch.house)
    stretch.until(now_ns + WINDOW_NS)
    created = [one for one in news if isinstance(one, Lifecycle) and one.event_type == "created"]
    listed = [stretch.house.markets[one.ticker] for one in created]
    assert [market.open_ns for market in listed if market.open_ns >= now_ns] == [now_ns + WINDOW_NS + LISTED_AHEAD_NS]


def test_nothing_closes_in_the_maintenance_hours_of_new_york_and_the_exchange_does_not_trade_then() -> None:
    thursday = int(datetime(2026, 1, 8, 0, 0, tzinfo=NEW_YORK).timestamp()) * SECOND_NS
    closes = [thursday + number * WINDOW_NS for number in range(1, 40)]
    listed = [
        f"{datetime.fromtimestamp(close // SECOND_NS, NEW_YORK):%H:%M}" for close in closes if is_listed("BTC", close)
    ]
    assert "02:45" in listed
    assert "05:15" in listed
    assert not any("03:00" <= label <= "05:00" for label in listed)
    assert next_maintenance(thursday) == (thursday + 3 * HOUR_NS, thursday + 5 * HOUR_NS)
    assert next_maintenance(thursday + 4 * HOUR_NS).start_ns == thursday + 3 * HOUR_NS
    assert next_maintenance(thursday + 5 * HOUR_NS).start_ns == thursday + 3 * HOUR_NS + 7 * 24 * HOUR_NS

    clock = Hand(thursday + 2 * HOUR_NS)
    house = House(clock, decimals={"BTC": 2})
    assert all(state.is_trading for state in house.shards.values())
    house.tick(thursday + 3 * HOUR_NS)
    assert not any(state.is_trading for state in house.shards.values())
    assert house.shards[2].is_active
    assert house.shards[2].resume_ns == thursday + 5 * HOUR_NS
    house.tick(thursday + 5 * HOUR_NS)
    assert all(state.is_trading for state in house.shards.values())
    opened = [market for market in house.markets.values() if market.status == "active"]
    assert [market.close_ns for market in opened] == [thursday + 5 * HOUR_NS + WINDOW_NS]


def test_one_that_never_rests_lists_and_trades_through_those_hours() -> None:
    thursday = int(datetime(2026, 1, 8, 0, 0, tzinfo=NEW_YORK).timestamp()) * SECOND_NS
    clock = Hand(thursday + 2 * HOUR_NS)
    house = House(clock, decimals={"BTC": 2}, rests=False)
    closes = {market.close_ns for market in house.markets.values()}
    assert {thursday + 3 * HOUR_NS + number * WINDOW_NS for number in range(8)} <= closes
    house.tick(thursday + 4 * HOUR_NS)
    assert all(state.is_trading for state in house.shards.values())


def test_how_a_market_ended_before_the_house_was_there_is_known_of_the_demo_world() -> None:
    stretch = Stretch(1, assets=("ETH",))
    past = market_ticker("KXETH15M", EPOCH_NS + 2 * WINDOW_NS)
    market, truth = stretch.house.recall(past), stretch.world.settlement(past)
    assert market is not None
    assert truth is not None
    assert (market.status, market.result, market.expiration_value) == ("finalized", truth.result, truth.settle_value)
    assert (market.close_ns, market.settled_ns) == (EPOCH_NS + 2 * WINDOW_NS, truth.received_ns + SECOND_NS)
    assert (Decimal(market.expiration_value) >= Decimal(str(market.contract.strike))) == (truth.result == "yes")
    assert past not in stretch.house.markets
    assert stretch.house.recall(market_ticker("KXETH15M", stretch.clock.now_ns + 90 * WINDOW_NS)) is None
    assert stretch.house.recall("KXETH15M-SOMETHING") is None


def test_what_was_settled_long_ago_is_forgotten() -> None:
    clock = Hand(EPOCH_NS)
    house = House(clock, decimals={"BTC": 2})
    kept = []
    for number in range(900):
        now_ns = EPOCH_NS + number * WINDOW_NS
        house.tick(now_ns)
        for market in [each for each in house.markets.values() if each.status == "closed"]:
            house.take(MarketStatus(now_ns + 20 * SECOND_NS, market.ticker, "settled", "yes"))
        kept.append(len(house.markets))
    assert max(kept[700:]) - min(kept[700:]) <= 12  # the maintenance hours have no windows
    assert len(house.ledger.reads.orders(1)) == 0


# One market -------------------------------------------------------------------------------------------------


def test_a_market_opens_by_the_clock_gets_its_strike_later_and_closes_by_the_clock() -> None:
    clock = Hand(OPEN_NS - 60 * SECOND_NS)
    house = House(clock)
    news = heard(house)
    house.take(MarketListed(clock.now_ns, contract(strike=None)))
    market = house.markets[TICKER]
    assert (market.status, market.expected_expiration_ns) == ("initialized", CLOSE_NS + 300 * SECOND_NS)
    house.tick(OPEN_NS)
    assert (status_of(house), market.contract.strike) == ("active", None)
    house.take(MarketListed(at(0.7), contract()))
    assert market.contract.strike == 85_000.0
    house.take(MarketListed(at(0.9), contract(strike=None)))
    assert market.contract.strike == 85_000.0
    house.tick(CLOSE_NS - 1)
    assert status_of(house) == "active"
    house.tick(CLOSE_NS)
    assert status_of(house) == "closed"
    assert house.book(TICKER) == ([], [])
    told = [one.event_type for one in news if isinstance(one, Lifecycle)]
    assert told == ["created", "metadata_updated"]  # nobody says that a market opens or closes


def test_the_index_decides_and_the_source_only_where_the_index_is_incomplete() -> None:
    for samples, value, source, result, said in (
        (60, 85_000.0, "no", "yes", "85000.00"),  # a tie pays YES
        (60, 84_999.994, "yes", "no", "84999.99"),
        (60, 84_999.996, "no", "yes", "85000.00"),  # rounded before it is compared
        (59, 90_000.0, "no", "no", ""),
    ):
        house, clock = small_house()
        for second in range(60 - samples + 1, 61):
            at_ns = CLOSE_NS - (61 - second) * SECOND_NS
            house.take(IndexValue(at_ns, "BTC", value, at_ns))
        settle(house, clock, source)
        market = house.markets[TICKER]
        assert (market.result, market.expiration_value) == (result, said)
        assert market.yes_pays == (PRICE_DOLLAR if result == "yes" else 0)


def test_a_settlement_pays_a_second_after_it_is_determined() -> None:
    house, clock = small_house()
    state = place(house, order("a", count=1_000))
    assert (state.status, state.filled) == ("executed", 1_000)
    fee = house.reads.fills(1)[0].fee
    clock.now_ns = CLOSE_NS + 20 * SECOND_NS
    house.take(MarketStatus(clock.now_ns, TICKER, "settled", "yes"))
    assert status_of(house) == "determined"
    assert house.reads.cash(1) == {2: CASH - 5_100 * 1_000 - fee}
    house.tick(clock.now_ns + SECOND_NS)
    assert status_of(house) == "finalized"
    assert house.reads.cash(1) == {2: CASH - 5_100 * 1_000 - fee + 1_000 * PRICE_DOLLAR}
    row = house.reads.settlements(1)[0]
    assert (row.result, row.count, row.payout, row.fees) == ("yes", 1_000, 10 * DOLLAR, fee)
    position = house.reads.positions(1)[0]
    assert (position.count, position.realised, position.settled_ns) == (0, 4_900 * 1_000, row.at_ns)


def test_a_disputed_market_pays_when_it_is_determined_by_hand_and_may_be_voided() -> None:
    house, clock = small_house()
    place(house, order("a", count=1_000))
    clock.now_ns = CLOSE_NS + 20 * SECOND_NS
    house.take(MarketStatus(clock.now_ns, TICKER, "settled", "yes"))
    house.dispute(TICKER)
    house.tick(clock.now_ns + 100 * SECOND_NS)
    assert status_of(house) == "disputed"
    assert not house.reads.settlements(1)
    clock.now_ns += 200 * SECOND_NS
    house.determine(TICKER, "scalar", 5_100)
    house.tick(clock.now_ns + SECOND_NS)
    assert (status_of(house), house.markets[TICKER].result) == ("finalized", "scalar")
    assert house.reads.settlements(1)[0].payout == 5_100 * 1_000


def test_a_market_that_trades_cannot_be_determined() -> None:
    house, _ = small_house()
    with pytest.raises(Refusal, match="active"):
        house.determine(TICKER, "yes")


def test_settlements_come_later_when_they_are_told_to() -> None:
    house, clock = small_house()
    house.life.settle_delay = lambda: 90 * SECOND_NS
    settle(house, clock, "yes")
    assert status_of(house) == "closed"
    house.tick(CLOSE_NS + 111 * SECOND_NS)
    assert status_of(house) == "finalized"


def test_a_market_that_goes_on_after_a_pause_has_no_resting_orders() -> None:
    house, _ = small_house()
    news = heard(house)
    state = place(house, order("a", price=4_000))
    house.pause_market(TICKER)
    assert status_of(house) == "inactive"
    assert house.reads.order(state.number).status == "resting"  # type: ignore[union-attr]
    house.resume_market(TICKER)
    after = house.reads.order(state.number)
    assert after is not None
    assert after.status == "canceled"
    assert [one.event_type for one in news if isinstance(one, Lifecycle)] == ["deactivated", "activated"]


# The crowd and what is remembered ---------------------------------------------------------------------------


def test_trades_of_the_crowd_are_printed_once_and_members_parts_are_theirs() -> None:
    house, _ = small_house()
    news = heard(house)
    place(house, order("a", price=4_900, count=500))  # behind 1,000 contracts of the crowd
    house.take(TradePrint(at(61), TICKER, 4_900, 30_000, taker_yes=False))
    house.take(BookDelta(at(61), TICKER, True, 4_900, -30_000))
    assert [one.trade.count for one in news if isinstance(one, Printed)] == [30_000]
    house.take(TradePrint(at(62), TICKER, 4_900, 70_500, taker_yes=False))
    printed = [one.trade for one in news if isinstance(one, Printed)]
    assert sum(trade.count for trade in printed) == 30_000 + 70_500
    assert len({trade.trade_id for trade in printed}) == len(printed)
    fills = [one for one in news if isinstance(one, Filled)]
    assert sum(one.count for one in fills) == 500
    assert house.reads.fills(1)[0].trade_id in {trade.trade_id for trade in printed}
    assert house.trades(TICKER)[0].at_ns == at(62)
    assert house.markets[TICKER].volume == 100_500


def test_candles_hold_what_was_quoted_and_traded_by_the_minute() -> None:
    house, clock = small_house(seconds=60)
    for second, price in ((61, 5_000), (70, 5_300), (119, 4_700)):
        house.take(TradePrint(at(second), TICKER, price, 1_000, taker_yes=True))
    house.take(TradePrint(at(121), TICKER, 4_800, 3_000, taker_yes=True))
    clock.now_ns = at(130)
    house.tick(clock.now_ns)
    open_s = OPEN_NS // SECOND_NS
    first, second_candle = house.candles(TICKER, open_s + 61, open_s + 900, 1)
    assert (first.end_s, first.price, first.volume) == (open_s + 120, (5_000, 4_700, 5_300, 4_700), 3_000)
    assert first.mean == 5_000
    assert (second_candle.price, second_candle.previous) == ((4_800,) * 4, 4_700)
    assert second_candle.bid[3] == 4_900
    (hour,) = house.candles(TICKER, open_s, open_s + 3_600, 60)
    assert (hour.price, hour.volume) == ((5_000, 4_700, 5_300, 4_800), 6_000)


def test_the_clock_of_a_market_moves_with_each_action_and_only_then() -> None:
    house, _ = small_house()
    market = house.markets[TICKER]
    before = market.clock
    house.take(BookDelta(at(61), TICKER, True, 4_800, 1_000))
    assert market.clock == before + 1
    house.take(TickerQuote(at(61), TICKER, 4_900, 5_100))
    assert market.clock == before + 1
    place(house, order("a", price=5_100, count=2_000))
    assert market.clock == before + 2


def test_what_is_read_is_as_old_as_it_is_told_to_be() -> None:
    house, clock = small_house(read_lag_ns=SECOND_NS)
    cash = house.reads.cash(1)
    state = place(house, order("a", price=4_000))
    assert house.reads.order(state.number) is None
    assert house.reads.cash(1) == cash
    clock.now_ns += SECOND_NS - 1
    house.tick(clock.now_ns)
    assert house.reads.order(state.number) is None
    clock.now_ns += 1
    house.tick(clock.now_ns)
    assert house.reads.orders(1)[0].number == state.number
    assert house.reads.cash(1) != cash
    assert house.reads.as_of_ns == clock.now_ns - SECOND_NS


def test_a_summary_is_said_when_something_of_it_has_changed() -> None:
    house, clock = small_house()
    news = heard(house)
    clock.now_ns += SECOND_NS
    house.tick(clock.now_ns)
    assert not [one for one in news if isinstance(one, TickerChanged)]
    house.take(BookDelta(at(61.1), TICKER, True, 4_900, -1_000))
    house.tick(at(62))
    assert [one.ticker for one in news if isinstance(one, TickerChanged)] == [TICKER]
    assert house.quote(TICKER).bid_count == 99_000


def test_every_change_of_a_book_is_told_members_orders_too() -> None:
    house, _ = small_house()
    yes, no = (dict(side) for side in house.book(TICKER))
    news = heard(house)
    place(house, order("a", price=4_800, count=300))
    place(house, order("b", is_bid=False, price=5_300, count=700))
    place(house, order("c", price=5_100, count=2_500))
    for one in news:
        if isinstance(one, Quoted):
            side = yes if one.is_yes else no
            side[one.price] = side.get(one.price, 0) + one.change
            assert side[one.price] >= 0
            if not side[one.price]:
                del side[one.price]
    assert (sorted(yes.items()), sorted(no.items())) == house.book(TICKER)


def test_a_close_takes_everything_out_of_the_book_and_says_so() -> None:
    house, clock = small_house()
    sizes = {
        (is_yes, price): count
        for is_yes, side in zip((True, False), house.book(TICKER), strict=True)
        for price, count in side
    }
    news = heard(house)
    place(house, order("a", price=4_800, count=300))
    clock.now_ns = CLOSE_NS
    house.tick(clock.now_ns)
    for one in news:
        if isinstance(one, Quoted):
            sizes[one.is_yes, one.price] = sizes.get((one.is_yes, one.price), 0) + one.change
    assert set(sizes.values()) == {0}
    house.take(BookDelta(CLOSE_NS + 1, TICKER, True, 4_000, 100))
    assert house.book(TICKER) == ([], [])


# Small parts ------------------------------------------------------------------------------------------------


@given(st.sampled_from(["order", "trade", "group"]), st.integers(0, 2**48), st.text(max_size=8))
def test_ids_are_uuids_that_lead_back_to_their_number_in_their_own_life_alone(
    kind: Kind, number: int, salt: str
) -> None:
    text = Ids(salt).text(kind, number)
    assert UUID(text).version == 4
    assert Ids(salt).number(kind, text) == number
    assert Ids(salt).number("user", text) is None
    assert Ids(salt + "'").number(kind, text) is None
    assert Ids(salt).text(kind, number + 1) != text


@given(st.text())
def test_what_is_no_id_leads_nowhere(text: str) -> None:
    assert Ids().number("order", text) is None


@given(
    st.lists(st.tuples(st.integers(1, 70), st.integers(1, 10**8)), min_size=1, max_size=80),
    st.integers(0, 900),
)
def test_the_averages_of_the_index_are_those_of_its_values(steps: list[tuple[int, int]], start: int) -> None:
    index = Index("BTC")
    heard_values: list[tuple[int, Decimal]] = []
    second = 1_795_366_800 - 900 + start
    for step, cents in steps:
        second += step
        value = Decimal(cents) / 100
        tick = index.hear(float(value), second * 1_000, second * SECOND_NS)
        assert tick is not None
        assert index.hear(float(value), second * 1_000, second * SECOND_NS) is None
        before = [one for at_s, one in heard_values if at_s >= second - 60] or [value]
        heard_values.append((second, value))
        assert Decimal(tick.trailing.value) == mean(before)
        close = -(-second // 900) * 900
        minute = [one for at_s, one in heard_values if close - 60 < at_s <= close]
        assert (tick.last_minute is None) == (not minute)
        assert index.settled(close * SECOND_NS, 2) is None or len(settling(heard_values, close)) == 60
        if tick.last_minute is not None:
            assert (Decimal(tick.last_minute.value), tick.last_minute.samples) == (mean(minute), len(minute))


def settling(heard_values: list[tuple[int, Decimal]], close: int) -> list[Decimal]:
    return [one for at_s, one in heard_values if close - 60 <= at_s < close]


def test_a_window_settles_on_the_sixty_values_before_its_close_without_the_closes_own() -> None:
    """The trailing average at the close has them; the average of the last minute of the window is a second later."""
    index, close = Index("BTC"), 1_795_366_800
    ticks = [index.hear(85_000.0 + second, (close + second) * 1_000, 0) for second in range(-61, 1)]
    last = ticks[-1]
    assert last is not None
    assert last.last_minute is not None
    assert index.settled(close * SECOND_NS, 2) == "84969.50"
    assert (last.trailing.value, last.last_minute.value) == ("84969.50000000", "84970.50000000")


def mean(values: list[Decimal]) -> Decimal:
    return (sum(values, Decimal(0)) / len(values)).quantize(Decimal("0.00000001"), "ROUND_HALF_UP")


# Money ------------------------------------------------------------------------------------------------------


def test_money_moves_between_shards_in_a_while_and_only_once() -> None:
    house, _ = small_house()
    move = house.transfer_shards(1, "t1", 2, 0, 100 * DOLLAR)
    assert (move.status, house.reads.cash(1)) == ("pending", {2: CASH - 100 * DOLLAR})
    with pytest.raises(Refusal) as refused:
        house.transfer_shards(1, "t1", 2, 0, 100 * DOLLAR)
    assert refused.value.code == "transfer_already_exists"
    with pytest.raises(Refusal) as refused:
        house.transfer_shards(1, "t2", 2, 0, CASH)
    assert refused.value.code == "insufficient_balance"
    house.tick(move.due_ns)
    assert (move.status, house.reads.cash(1)) == ("completed", {0: 100 * DOLLAR, 2: CASH - 100 * DOLLAR})
    house.shards[0].has_transfers = False
    with pytest.raises(Refusal, match="transfers"):
        house.transfer_shards(1, "t3", 2, 0, DOLLAR)


def test_pockets_have_their_own_money() -> None:
    house, _ = small_house()
    house.transfer_shards(1, "t1", 2, 0, 100 * DOLLAR)
    house.tick(house.now_ns() + 10 * SECOND_NS)
    pocket = house.make_subaccount(1)
    house.transfer_subaccounts(1, "t2", 0, pocket, 40 * DOLLAR)
    assert house.reads.cash(1, pocket) == {0: 40 * DOLLAR}
    assert house.reads.cash(1)[0] == 60 * DOLLAR
    with pytest.raises(Refusal):
        house.transfer_subaccounts(1, "t3", 0, pocket + 1, DOLLAR)


def test_nothing_trades_on_a_shard_that_is_paused() -> None:
    house, _ = small_house()
    state = place(house, order("a", price=4_000))
    house.pause(2)
    with pytest.raises(Refusal) as refused:
        place(house, order("b", price=4_000))
    assert refused.value.code == "trading_is_paused"
    house.do(lambda matching, now_ns: matching.cancel(1, state.number, now_ns))
    house.pause(2, is_active=False)
    assert not house.shards[2].is_active
    house.resume(2)
    place(house, order("c", price=4_000))
