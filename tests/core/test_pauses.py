"""When the exchange takes no orders, or a series is not what it was: nothing is sent, and everybody is told why."""

import msgspec
import pytest

from markets.core.events import ExchangeStatus, FeedStatus, MarketListed, SeriesDrift
from markets.core.units import SECOND_NS
from tests.builders import EAGER, STRIKE, TICKER, Table, at, contract, snapshot, spot, status
from trading.core.events import Event, Fill, ModeSet, OrderAccepted, OrderRejected, SeriesOff
from trading.core.reasons import REASONS

CHANGES = ("the taker fee is 0.14, not 0.07", "the strike type is `less`")
STOPS: list[tuple[Event, Event, str]] = [
    (ExchangeStatus(at(30), 2, False, "maintenance"), ExchangeStatus(at(40), 2, True), "EXCHANGE_PAUSED"),
    (status(30, "paused"), status(40, "open"), "MARKET_PAUSED"),
    (SeriesDrift(at(30), "KXBTC15M", CHANGES), SeriesDrift(at(40), "KXBTC15M", ()), "CONTRACT_CHANGED"),
]


def table_at(seconds: float = 29.0, price: float = STRIKE) -> Table:
    table = Table(parameters=EAGER).hear(MarketListed(at(-3), contract()), status(0, "open"), snapshot(0.1))
    return table.hear(*path(0.5, seconds, price))


def path(first: float, last: float, price: float) -> list[Event]:
    return [spot(half / 2, price) for half in range(int(first * 2), int(last * 2) + 1)]


@pytest.mark.parametrize(("stop", "over", "reason"), STOPS)
def test_nothing_is_sent_until_it_is_over(stop: Event, over: Event, reason: str) -> None:
    table = table_at().hear(stop)
    assert table.reasons()[-1] == reason
    assert reason in REASONS
    table.hear(*path(30.5, 39.5, STRIKE * 1.004), snapshot(39.6, 4_800, 5_000))
    assert (table.orders, table.reasons()[-1]) == ([], reason)
    table.hear(over, *path(40.5, 50, STRIKE * 1.004))
    assert table.orders != []
    assert "TRADED" in table.reasons()


@pytest.mark.parametrize(("stop", "over", "reason"), STOPS)
def test_what_is_held_is_not_closed_meanwhile_either(stop: Event, over: Event, reason: str) -> None:
    table = table_at(29, STRIKE * 1.004)
    held, sent = table.engine.portfolio.count(TICKER), len(table.orders)
    assert held > 0
    table.hear(stop, *path(30.5, 39.5, STRIKE * 0.996))
    assert (table.engine.portfolio.count(TICKER), len(table.orders), table.reasons()[-1]) == (held, sent, reason)
    table.hear(over, *path(40.5, 60, STRIKE * 0.996))
    assert table.orders[sent].is_bid is False


@pytest.mark.parametrize(("stop", "over", "reason"), STOPS)
def test_who_has_halted_or_switched_off_reads_that_first(stop: Event, over: Event, reason: str) -> None:
    table = table_at().hear(stop, SeriesOff(at(31), ("KXBTC15M",)))
    assert table.reasons()[-1] == "SERIES_OFF"
    table.hear(ModeSet(at(32), "HALTED"), spot(33))
    assert table.reasons()[-1] == "HALTED"


@pytest.mark.parametrize(
    ("stop", "code"),
    [(ExchangeStatus(at(4.05), 2, False), "trading_is_paused"), (status(4.05, "paused"), "market_inactive")],
)
def test_an_order_that_is_on_its_way_when_a_pause_begins_is_refused(stop: Event, code: str) -> None:
    slow = msgspec.structs.replace(EAGER, order_latency_ns=SECOND_NS)
    table = Table(parameters=slow).hear(MarketListed(at(-3), contract()), status(0, "open"), snapshot(0.1))
    table.hear(*path(0.5, 60, STRIKE * 1.004))
    sent_s = (
        (table.heard_of(OrderAccepted)[0].received_ns - at(0)) / SECOND_NS - 1.0 - slow.reply_latency_ns / SECOND_NS
    )
    again = Table(parameters=slow).hear(MarketListed(at(-3), contract()), status(0, "open"), snapshot(0.1))
    again.hear(*path(0.5, int(sent_s), STRIKE * 1.004), msgspec.structs.replace(stop, received_ns=at(sent_s + 0.1)))
    again.hear(spot(sent_s + 5))
    assert len(again.orders) == 1
    assert [event.code for event in again.heard_of(OrderRejected)] == [code]
    assert again.heard_of(Fill) == []


def test_any_shard_that_does_not_trade_stops_all_until_each_of_them_does() -> None:
    table = table_at().hear(ExchangeStatus(at(30), 0, False, "one"), ExchangeStatus(at(31), 2, False, "two"))
    table.hear(ExchangeStatus(at(32), 2, True))
    assert (table.reasons()[-1], table.engine.watch.paused) == ("EXCHANGE_PAUSED", {0: "one"})
    table.hear(ExchangeStatus(at(33), 0, True))
    assert (table.reasons()[-1] != "EXCHANGE_PAUSED", table.engine.watch.paused) == (True, {})


def test_a_changed_contract_stops_its_own_series_alone_and_is_kept_in_words() -> None:
    other = "KXETH15M-26NOV221200-00"
    table = table_at().hear(
        MarketListed(at(29), contract(other, asset="ETH")), status(29, "open", ticker=other), snapshot(29, ticker=other)
    )
    table.hear(SeriesDrift(at(30), "KXBTC15M", CHANGES), spot(30.5), snapshot(31, 4_800, ticker=other))
    told = {signal.ticker: signal.reason for decision in table.decisions for signal in decision.signals}
    assert (told[TICKER], told[other]) == ("CONTRACT_CHANGED", "NO_SPOT")
    assert table.engine.watch.drifts == {"KXBTC15M": CHANGES}
    table.hear(SeriesDrift(at(32), "KXBTC15M", ("another",)))
    assert table.engine.watch.drifts == {"KXBTC15M": ("another",)}
    table.hear(SeriesDrift(at(33), "KXBTC15M", ()))
    assert table.engine.watch.drifts == {}


def test_a_window_listed_after_the_change_is_not_traded_either() -> None:
    later = "KXBTC15M-26NOV221215-15"
    table = table_at().hear(SeriesDrift(at(30), "KXBTC15M", CHANGES))
    table.hear(
        MarketListed(at(899), contract(later, open_ns=at(900), close_ns=at(1_800))), status(900, "open", ticker=later)
    )
    table.hear(snapshot(901, ticker=later), *path(901, 960, STRIKE * 1.004))
    assert table.orders == []
    assert table.reasons()[-1] == "CONTRACT_CHANGED"


def test_a_disputed_market_is_over_and_is_not_asked_about_any_more() -> None:
    table = table_at().hear(status(900, "closed"))
    thought = len(table.reasons())
    table.hear(status(905, "disputed"), spot(906), spot(907))
    assert len(table.reasons()) == thought
    assert table.engine.markets[TICKER].status == "disputed"
    table.hear(status(930, "settled", "yes"))
    assert TICKER not in table.engine.markets


def test_a_book_that_was_lost_in_a_pause_is_asked_for_after_it() -> None:
    table = table_at().hear(
        status(30, "paused"), FeedStatus(at(31), "kalshi", "lost", TICKER, "gap"), status(40, "open")
    )
    assert table.reasons()[-1] == "FEED_LOST"
