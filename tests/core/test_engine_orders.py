"""The engine's own part in the life of orders: what rests is pulled when it must not stay, and what a halt does."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from markets.core.contract import FeeTerms
from markets.core.events import BookSnapshot, ExchangeStatus, FeedStatus, MarketListed, SeriesDrift
from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, at, contract, fill, opening, snapshot, spot, status
from trading.core.decision import AmendOrder, CancelOrder, Command, Decision, PlaceOrder
from trading.core.engine import Engine
from trading.core.events import (
    CashMoved,
    CashTold,
    ChangeRefused,
    ChecksRequired,
    CheckTold,
    Event,
    HeldOrder,
    HeldPosition,
    LimitsSet,
    Mode,
    ModeSet,
    Opening,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    OrderSent,
    OrderUnknown,
    ParametersSet,
    Policy,
    SeriesOff,
    Settled,
    Timer,
    Tripped,
)
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.reasons import TRADED
from trading.core.strategies import STRATEGIES
from trading.core.strategy import Idea, Quote, View

BID, ASK = Quote(True, 4_000, 300), Quote(False, 6_000, 300)
PARAMETERS = Parameters(strategy="scripted", maker_quiet_close_ns=0)


class Scripted:
    """Wants what it is told to want."""

    idea = Idea("NOTHING")

    def decide(self, view: View) -> Idea:
        return Scripted.idea


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(STRATEGIES, "scripted", Scripted)
    Scripted.idea = Idea("NOTHING")
    yield
    Scripted.idea = Idea("NOTHING")


class Room:
    """An engine in an open market at second 60, and what it has sent."""

    def __init__(self, start: Opening | None = None, limits: RiskLimits | None = None) -> None:
        self.engine = Engine()
        self.sent: list[Command] = []
        self.decision = Decision(0)
        self.hear(
            start or opening(),
            LimitsSet(at(-5), 0, limits or RiskLimits()),
            ParametersSet(at(-5), 0, PARAMETERS),
            ModeSet(at(-5), "ACTIVE"),
            MarketListed(at(-3), contract()),
            status(0, "open"),
            snapshot(0.5),
            *(spot(second) for second in range(1, 61)),
        )

    def hear(self, *events: Event) -> "Room":
        for event in events:
            self.decision = self.engine.step(event)
            self.sent += self.decision.commands
        return self

    def want(self, *quotes: Quote, seconds: float = 61) -> "Room":
        """The strategy wants these at rest, and a new price makes the engine ask it."""
        Scripted.idea = Idea("QUOTING", resting=quotes)
        return self.hear(spot(seconds, 85_000.0 + seconds))

    def rest(self, *quotes: Quote) -> "Room":
        """They are placed and accepted."""
        self.want(*quotes)
        for order in list(self.engine.orders.working.values()):
            self.hear(OrderAccepted(at(61), TICKER, order.number, f"v{order.number}"))
        self.sent.clear()
        return self

    @property
    def cancelled(self) -> list[int]:
        return [command.number for command in self.sent if isinstance(command, CancelOrder)]

    @property
    def reason(self) -> str:
        signal = self.engine.markets[TICKER].signal
        return signal.reason if signal else ""


def halt(policy: Policy = "cancel", mode: Mode = "HALTED", seconds: float = 62) -> ModeSet:
    return ModeSet(at(seconds), mode, policy=policy)


def long(count: int = 300) -> Opening:
    return opening(positions=(HeldPosition(TICKER, count, abs(count) * 5_000, 0, 0, CLOSE_NS),))


def test_wanted_quotes_are_placed_at_rest_with_an_expiry_and_post_only() -> None:
    room = Room().want(BID, ASK)
    assert room.sent == [
        PlaceOrder(1, TICKER, True, 4_000, 300, "good_till_canceled", at(91), is_post_only=True),
        PlaceOrder(2, TICKER, False, 6_000, 300, "good_till_canceled", at(91), is_post_only=True),
    ]
    assert room.reason == TRADED
    assert room.engine.orders.exposure() > 2 * 3 * 400_000


def test_quotes_are_amended_cancelled_and_left_as_they_are() -> None:
    room = Room().rest(BID, ASK)
    room.want(BID._replace(price=4_200), ASK, seconds=63)
    assert room.sent == [AmendOrder(1, TICKER, True, 4_200, 300, at(93))]
    assert room.reason == "QUOTING"
    room.want(BID._replace(price=4_400), ASK, seconds=64)
    assert len(room.sent) == 1  # it is in flight
    room.hear(OrderAmended(at(65), TICKER, 1, 4_200, 300)).want(ASK, seconds=66)
    assert room.sent[1:] == [CancelOrder(1, TICKER, "not wanted")]
    Scripted.idea = Idea("NOTHING")
    room.hear(spot(67, 85_001.0))
    assert len(room.sent) == 2


def test_a_quote_that_was_refused_is_tried_again_a_second_later() -> None:
    room = Room().want(BID).hear(OrderRejected(at(61.1), TICKER, 1, "post_only_cross"))
    room.want(BID, seconds=62)
    assert [order.number for order in room.sent if isinstance(order, PlaceOrder)] == [1]
    room.want(BID, seconds=62.2)
    assert [order.number for order in room.sent if isinstance(order, PlaceOrder)] == [1, 2]


def test_amends_count_against_the_rate_and_cancels_do_not() -> None:
    room = Room(limits=RiskLimits(max_orders_per_minute=2)).rest(BID)
    room.want(BID._replace(price=4_200), seconds=63).hear(OrderAmended(at(63), TICKER, 1, 4_200, 300))
    room.want(BID._replace(price=4_400), seconds=66)
    assert room.sent[1:] == [CancelOrder(1, TICKER, "ORDER_RATE")]
    assert room.engine.risk.sent_last_minute(at(66)) == 2


def test_an_order_that_opened_the_minute_counts_over_a_restart() -> None:
    room = Room(opening(sent_ns=(at(30), at(55))), RiskLimits(max_orders_per_minute=2)).want(BID)
    assert room.sent == []
    assert room.reason == "ORDER_RATE"


@pytest.mark.parametrize(("seconds", "is_sent"), [(46, False), (45.5, True)], ids=["it counts", "it is too long ago"])
def test_contracts_that_traded_before_a_restart_count_for_fifteen_seconds(seconds: float, *, is_sent: bool) -> None:
    start = opening(matched=((at(seconds), 100),))
    room = Room(start, RiskLimits(max_contracts_per_15s=300)).want(BID, seconds=60.5)
    assert bool(room.sent) is is_sent
    assert room.reason == (TRADED if is_sent else "CONTRACT_RATE")


def test_a_quote_that_no_limit_leaves_room_for_is_denied() -> None:
    room = Room(limits=RiskLimits(max_market_exposure=DOLLAR)).want(BID)
    assert (room.sent, room.reason) == ([], "MARKET_EXPOSURE")
    assert [denied.code for denied in room.decision.denied] == ["MARKET_EXPOSURE"]


LOST = FeedStatus(at(62), "kalshi", "lost", TICKER, "gap")
PULLED: list[tuple[str, tuple[Event, ...]]] = [
    ("halted", (halt(),)),
    ("halted to flatten", (halt("flatten"),)),
    ("the feed is lost", (LOST,)),
    ("the book is crossed", (BookSnapshot(at(62), TICKER, ((6_000, 100),), ((5_000, 100),)),)),
    ("the market is paused", (status(62, "paused"),)),
    ("the market has closed early", (status(62, "closed"),)),
    ("the exchange is paused", (ExchangeStatus(at(62), 0, is_trading=False, reason="maintenance"),)),
    ("the contract has changed", (SeriesDrift(at(62), "KXBTC15M", ("the fee",)),)),
    ("the series is switched off", (SeriesOff(at(62), ("KXBTC15M",)),)),
    ("another strategy trades", (ParametersSet(at(62), 1, Parameters()), Timer(at(62.1)))),
    ("spot is stale", (Timer(at(70)),)),
    ("too near to the close", (spot(886, 85_001.0),)),
]


@pytest.mark.parametrize("events", [events for _, events in PULLED], ids=[name for name, _ in PULLED])
def test_quotes_are_pulled_at_once_whatever_the_strategy_wants(events: tuple[Event, ...]) -> None:
    room = Room().rest(BID, ASK).hear(*events)
    assert room.cancelled == [1, 2]
    room.hear(*events)
    assert room.cancelled == [1, 2], "once"
    assert all(not isinstance(command, PlaceOrder) for command in room.sent)


def test_a_breaker_pulls_quotes_too() -> None:
    room = Room().rest(BID)
    room.hear(ChecksRequired(at(62), ("WATCHDOG",)), CheckTold(at(62), "WATCHDOG", False, "gone"))
    assert room.cancelled == [1]
    assert [change.code for change in room.decision.breakers][:1] == ["WATCHDOG"] or room.engine.risk.halt
    assert room.engine.mode == "HALTED"


def test_held_quotes_stay_and_are_not_renewed() -> None:
    room = Room().rest(BID).hear(halt("hold"))
    room.hear(*(spot(second, 85_000.0 + second) for second in range(63, 95)))
    assert room.sent == []
    assert room.engine.mode == "HALTED"
    room.hear(halt(seconds=96))
    assert room.cancelled == [1]


def lies(policy: Policy, seconds: float = 62) -> CheckTold:
    """The kill file lies there."""
    return CheckTold(at(seconds), "KILL_FILE", False, "lunch", policy=policy)


@pytest.mark.parametrize(
    ("said", "is_held"),
    [
        ((lies("hold"),), True),
        ((lies("cancel"),), False),
        ((lies("flatten"),), False),
        ((halt("hold"), lies("hold", 63)), True),
        ((halt("hold"), lies("cancel", 63)), False),
        ((halt("cancel"), lies("hold", 63)), False),
    ],
    ids=["hold", "cancel", "flatten", "both hold", "the file cancels", "the rows cancel"],
)
def test_the_policy_of_the_kill_file_is_heeded(said: tuple[Event, ...], is_held: bool) -> None:
    room = Room().rest(BID).hear(*said, Timer(at(64)))
    assert room.engine.mode == "HALTED"
    assert room.cancelled == ([] if is_held else [1])
    room.hear(lies("cancel", 65), Timer(at(66)))
    assert room.cancelled == [1]


def test_a_refused_cancel_is_sent_again_a_second_later() -> None:
    room = Room().rest(BID).hear(halt(), ChangeRefused(at(62.5), TICKER, 1, "cancel", "busy"))
    room.hear(Timer(at(63)))
    assert room.cancelled == [1]
    room.hear(Timer(at(63.5)))
    assert room.cancelled == [1, 1]


@pytest.mark.parametrize("events", [events for _, events in PULLED], ids=[name for name, _ in PULLED])
def test_a_quote_is_pulled_without_the_answer_to_an_amend(events: tuple[Event, ...]) -> None:
    room = Room().rest(BID)
    room.engine.orders.amend(AmendOrder(1, TICKER, True, 4_200, 300, at(91)), at(61.9))
    room.hear(OrderUnknown(at(61.9), TICKER, 1, "amend"), *events)
    assert room.cancelled == [1]
    room.hear(*events)
    assert room.cancelled == [1], "once"


def test_a_quote_on_its_way_is_pulled_without_the_answer_to_it() -> None:
    room = Room().want(BID).hear(OrderUnknown(at(61.5), TICKER, 1), LOST)
    assert room.cancelled == [1]
    room.hear(OrderAccepted(at(63), TICKER, 1, "v1"), Timer(at(64)))
    assert room.cancelled == [1], "once"


def test_reducing_pulls_what_opens_and_keeps_what_closes() -> None:
    room = Room(long()).rest(BID, ASK).hear(halt(mode="REDUCING"))
    assert room.cancelled == [1]
    room.want(BID, ASK._replace(size=500), seconds=63)
    assert room.cancelled == [1]
    assert len(room.sent) == 1, "no more than what is held is offered"


def test_reducing_places_what_closes_alone() -> None:
    room = Room(long(200)).hear(halt(mode="REDUCING")).want(BID, ASK, seconds=63)
    assert [(order.is_bid, order.count) for order in room.sent if isinstance(order, PlaceOrder)] == [(False, 200)]


# Flatten ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("held", "is_bid", "price"), [(300, False, 4_900), (-300, True, 5_100)], ids=["long", "short"])
def test_flatten_cancels_and_then_closes_at_the_best_price_once_a_second_until_flat(
    held: int, is_bid: bool, price: int
) -> None:
    room = Room(long(held)).rest(BID).hear(halt("flatten"))
    assert room.sent == [CancelOrder(1, TICKER, "HALTED")]
    room.hear(OrderCancelled(at(63), TICKER, 1, 300, "cancelled"), Timer(at(63.1)))
    closing = PlaceOrder(2, TICKER, is_bid, price, 300, is_reduce_only=True)
    assert room.sent[1:] == [closing]
    room.hear(OrderAccepted(at(63.2), TICKER, 2, "v2"), fill(100, price, number=2, is_bid=is_bid, received_ns=at(63.2)))
    room.hear(OrderCancelled(at(63.2), TICKER, 2, 200, "immediate_or_cancel"), Timer(at(63.9)))
    assert len(room.sent) == 2
    room.hear(Timer(at(64.2)))
    assert room.sent[2:] == [PlaceOrder(3, TICKER, is_bid, price, 200, is_reduce_only=True)]
    room.hear(fill(200, price, number=3, is_bid=is_bid, trade_id="t3", received_ns=at(65)), Timer(at(70)))
    assert len(room.sent) == 3
    assert room.engine.portfolio.count(TICKER) == 0


NOT_CLOSED: list[tuple[str, tuple[Event, ...]]] = [
    ("cancel alone", (halt(),)),
    ("hold", (halt("hold"),)),
    ("a book that is lost", (LOST, halt("flatten"))),
    ("nobody there", (snapshot(61, 0, 10_000), halt("flatten"))),
    ("paused", (status(61, "paused"), halt("flatten"))),
    ("not reconciled", (ChecksRequired(at(61), ("RECONCILED",)), halt("flatten"))),
    ("closed", (halt("flatten", seconds=901),)),
]


@pytest.mark.parametrize("events", [events for _, events in NOT_CLOSED], ids=[name for name, _ in NOT_CLOSED])
def test_nothing_is_closed_where_it_must_not_be(events: tuple[Event, ...]) -> None:
    room = Room(long()).hear(*events)
    room.hear(Timer(events[-1].received_ns + SECOND_NS))
    assert room.sent == []


# Orders that trade at once ------------------------------------------------------------------------------------


def test_an_order_that_would_trade_with_a_quote_of_ours_cancels_that_first() -> None:
    room = Room().rest(BID._replace(price=4_900))
    Scripted.idea = Idea("", quote=Quote(False, 4_900, 100))
    room.hear(spot(63, 85_001.0))
    assert room.sent == [CancelOrder(1, TICKER, "in the way of an order of our own")]
    assert room.reason == "ORDER_WORKING"
    room.hear(OrderCancelled(at(64), TICKER, 1, 300, "cancelled"), spot(65, 85_002.0))
    assert room.sent[1:] == [PlaceOrder(2, TICKER, False, 4_900, 100)]


def test_an_order_may_trade_beside_a_quote_that_is_not_in_its_way() -> None:
    room = Room().rest(BID)
    Scripted.idea = Idea("", quote=Quote(False, 4_900, 100))
    room.hear(spot(63, 85_001.0))
    assert room.sent == [PlaceOrder(2, TICKER, False, 4_900, 100)]


# What is carried over -----------------------------------------------------------------------------------------

HELD = HeldOrder(4, TICKER, True, 4_000, 300, 100, CLOSE_NS, "v4", rests=True, expires_ns=at(90), sent_ns=at(-60))


def test_an_order_of_an_earlier_session_counts_and_is_pulled_when_it_is_found() -> None:
    room = Room(opening(orders=(HELD,), orders_sent=4))
    assert room.engine.orders.exposure() >= 800_000
    room.hear(halt(), OrderAccepted(at(63), TICKER, 4, "v4"))
    assert room.cancelled == [4]
    room.hear(OrderCancelled(at(64), TICKER, 4, 200, "cancelled"))
    assert room.engine.orders.exposure() == 0
    room.hear(halt(mode="ACTIVE", seconds=65)).want(BID, seconds=66)
    assert [order.number for order in room.sent if isinstance(order, PlaceOrder)] == [5]


CARRIED = (opening(seconds=-8, orders=(HELD,), orders_sent=4), LimitsSet(at(-7), 0, RiskLimits()))
LATER = MarketListed(at(-3), contract())


def closes_at(engine: Engine) -> dict[str, int]:
    """What counts against the limit of one close, for another market that closes then."""
    budgets = engine.risk.budgets("KXETH15M-26NOV221200-00", CLOSE_NS)
    return {budget.code: budget.use for budget in budgets}


@pytest.mark.parametrize("close_ns", [CLOSE_NS, 0, CLOSE_NS - SECOND_NS], ids=["known", "unknown", "changed"])
def test_a_fill_that_is_heard_before_its_market_is_listed_counts_at_its_close(close_ns: int) -> None:
    engine = Engine()
    held = replace(HELD, close_ns=close_ns, filled=0)
    for event in (replace(CARRIED[0], orders=(held,)), CARRIED[1], fill(300, 4_000, number=4, received_ns=at(-5))):
        decision = engine.step(event)
    assert decision.positions[0].close_ns == close_ns
    assert closes_at(engine)["CLOSE_EXPOSURE"] == (0 if close_ns not in (CLOSE_NS, 0) else 1_200_000)
    listed = engine.step(LATER)
    assert [position.close_ns for position in listed.positions] == ([] if close_ns == CLOSE_NS else [CLOSE_NS])
    assert closes_at(engine)["CLOSE_EXPOSURE"] == engine.portfolio.cost_at(CLOSE_NS) == 1_200_000
    assert engine.step(replace(LATER, received_ns=at(-2))).positions == ()


def test_a_fill_that_belongs_to_no_order_counts_at_every_close_until_its_market_is_listed() -> None:
    engine = Engine()
    for event in (opening(seconds=-8), CARRIED[1], fill(300, 4_000, number=0, received_ns=at(-5))):
        engine.step(event)
    portfolio = engine.portfolio
    assert portfolio.cost_at(CLOSE_NS) == portfolio.cost_at(CLOSE_NS + SECOND_NS) == 1_200_000
    engine.step(LATER)
    assert (portfolio.cost_at(CLOSE_NS), portfolio.cost_at(CLOSE_NS + SECOND_NS)) == (1_200_000, 0)


@pytest.mark.parametrize("close_ns", [0, CLOSE_NS - SECOND_NS], ids=["unknown", "changed"])
def test_an_order_that_is_taken_over_counts_at_the_close_and_fees_of_its_market(close_ns: int) -> None:
    engine, free = Engine(), FeeTerms(taker_rate=0, maker_rate=0)
    for event in (replace(CARRIED[0], orders=(replace(HELD, close_ns=close_ns),)), CARRIED[1]):
        engine.step(event)
    assert engine.orders.exposure_at(CLOSE_NS) == (0 if close_ns else engine.orders.exposure())
    assert engine.orders.exposure() > 800_200
    engine.step(MarketListed(at(-3), contract(fees=free)))
    assert engine.orders.exposure() == engine.orders.exposure_at(CLOSE_NS) == 800_200  # balances are rounded
    assert engine.orders.exposure_at(CLOSE_NS + SECOND_NS) == 0
    engine.step(OrderCancelled(at(-2), TICKER, 4, 200, "cancelled"))
    assert engine.orders.exposure() == engine.orders.exposure_at(CLOSE_NS) == engine.orders.exposure_at(close_ns) == 0


def test_the_fee_of_a_fill_that_is_heard_before_its_market_is_listed_is_checked_then() -> None:
    engine = Engine()
    for event in (*CARRIED, fill(200, 4_000, number=4, fee=5_000_000, received_ns=at(-5))):
        engine.step(event)
    assert not engine.risk.breakers.state("FEE_MISMATCH").is_tripped
    decision = engine.step(LATER)
    assert "FEE_MISMATCH" in [change.code for change in decision.breakers]


def test_an_order_in_a_market_that_nobody_knows_is_pulled() -> None:
    gone = HeldOrder(4, "KXBTC15M-GONE-00", True, 4_000, 300, close_ns=OPEN_NS, rests=True)
    room = Room(opening(orders=(gone,), orders_sent=4))
    room.hear(OrderAccepted(at(63), gone.ticker, 4, "v4"))
    assert room.cancelled == [4]


def test_a_fill_that_was_booked_in_an_earlier_session_changes_nothing() -> None:
    room = Room(opening(trade_ids=((TICKER, ("t1",)),)))
    cash = room.engine.portfolio.cash
    room.hear(fill(100))
    assert (room.engine.portfolio.cash, room.engine.portfolio.positions) == (cash, {})


def test_a_fill_of_an_order_that_nobody_knows_is_booked() -> None:
    room = Room().rest(ASK)
    room.hear(fill(300, number=0))
    assert room.engine.portfolio.count(TICKER) == 300
    assert room.decision.positions[0].count == 300
    assert room.engine.orders.exposure() < 100_000, "the quote closes what is held now"


def test_a_fill_that_is_told_again_after_the_settlement_changes_nothing() -> None:
    room = Room().hear(fill(100), Settled(at(930), TICKER, "yes", 100, DOLLAR))
    cash = room.engine.portfolio.cash
    room.hear(fill(100))
    assert (room.engine.portfolio.cash, room.engine.portfolio.positions) == (cash, {})


def test_latched_breakers_stay_over_a_restart_until_a_person_sets_the_mode() -> None:
    room = Room(opening(tripped=(Tripped("DRAWDOWN", "12 %", at(-100)),))).want(BID)
    assert (room.sent, room.engine.mode, room.engine.risk.halt) == ([], "HALTED", "DRAWDOWN")
    room.hear(ModeSet(at(63), "ACTIVE", by="ann", clears=True))
    assert room.engine.mode == "ACTIVE"
    assert [(change.code, change.is_tripped, change.by) for change in room.decision.breakers] == [
        ("DRAWDOWN", False, "ann")
    ]


# Money --------------------------------------------------------------------------------------------------------


def test_cash_that_moves_is_no_profit_and_moves_once() -> None:
    room = Room()
    deposit = CashMoved(at(61), "deposit", 100 * DOLLAR, "d1")
    room.hear(deposit, deposit)
    portfolio = room.engine.portfolio
    assert (portfolio.cash, portfolio.loss_today) == (10_100 * DOLLAR, 0)
    room.hear(CashMoved(at(62), "transfer", -DOLLAR, "x", 0), CashMoved(at(62), "transfer", DOLLAR, "x", 2))
    assert portfolio.cash == 10_100 * DOLLAR


def test_cash_on_a_shard_goes_on_from_what_was_told() -> None:
    room = Room().hear(CashTold(at(61), ((0, 5 * DOLLAR), (2, 95 * DOLLAR)), 2), fill(100, 5_000, shard=2))
    portfolio = room.engine.portfolio
    assert (portfolio.shard_cash, portfolio.traded_shards) == ({0: 5 * DOLLAR, 2: 94_500_000}, (2,))


@pytest.mark.parametrize(
    ("traded", "least"), [((), 100), ((0, 2), 100), ((0,), 900), ((2, 1), 0), ((0, 2, 3), 50)],
    ids=["the one that is told", "two", "another", "one without cash", "three"],
)  # fmt: skip
def test_of_several_shards_the_one_with_the_least_cash_counts(traded: tuple[int, ...], least: int) -> None:
    by_shard = ((0, 900 * DOLLAR), (2, 100 * DOLLAR), (3, 50 * DOLLAR))
    room = Room().hear(CashTold(at(61), by_shard, 2, traded))
    budgets = {budget.code: budget.limit for budget in room.engine.risk.budgets(TICKER, CLOSE_NS)}
    assert budgets["SHARD_CASH"] == least * DOLLAR
    room.hear(CashTold(at(62), (), 2, traded))
    assert "SHARD_CASH" not in [budget.code for budget in room.engine.risk.budgets(TICKER, CLOSE_NS)]


def test_what_is_only_told_of_an_order_leads_to_no_decision() -> None:
    room = Room().rest(BID)
    for event in (OrderSent(at(62), TICKER, 1), OrderUnknown(at(62), TICKER, 1), OrderRejected(at(62), TICKER, 9, "x")):
        room.hear(event)
        assert not room.decision.has_effect
