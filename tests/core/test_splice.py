"""Tapes end to end: what is cut off, what is heard later, and what becomes of positions without a result."""

from collections.abc import Sequence

from backtests.core.splice import Cut, carried, woven
from markets.core.events import ExchangeStatus, FeedStatus, MarketEvent, SeriesDrift
from markets.core.units import DOLLAR
from tests.builders import TICKER, at, opening, snapshot, spot, status
from trading.core.events import HeldPosition

QUOTES: list[MarketEvent] = [snapshot(0), spot(10), spot(20)]
RESULTS: list[MarketEvent] = [status(900, "closed"), status(930, "settled", "yes")]
HELD = HeldPosition(TICKER, 100, 50 * DOLLAR, 0, 0, close_ns=at(900))


def played(cut: Cut, events: Sequence[MarketEvent]) -> list[MarketEvent]:
    return list(cut.through(events))


def test_a_tape_alone_is_played_to_its_end() -> None:
    cut = Cut([])
    assert played(cut, QUOTES + RESULTS) == QUOTES + RESULTS
    assert (cut.late, cut.overlapped) == ([], 0)


def test_results_after_the_next_tape_begins_are_left_to_it() -> None:
    cut = Cut([at(100)])
    assert played(cut, QUOTES + RESULTS) == QUOTES
    assert (cut.late, cut.overlapped) == (RESULTS, 0)


def test_the_end_of_a_recording_is_not_told_to_the_next() -> None:
    lost = FeedStatus(at(200), "kalshi", "lost")
    cut = Cut([at(100)])
    played(cut, [*QUOTES, lost, *RESULTS])
    assert cut.late == RESULTS


def test_what_the_exchange_was_like_after_the_cut_is_no_quote_and_nobody_elses_business() -> None:
    paused, drift = ExchangeStatus(at(200), 2, False, "maintenance"), SeriesDrift(at(300), "KXBTC15M", ("other fees",))
    cut = Cut([at(100)])
    assert played(cut, [*QUOTES, paused, drift, *RESULTS]) == QUOTES
    assert (cut.late, cut.overlapped) == (RESULTS, 0)


def test_a_tape_that_begins_while_this_one_still_quotes_overlaps() -> None:
    cut = Cut([at(15), at(950)])
    assert played(cut, QUOTES + RESULTS) == QUOTES + RESULTS
    assert (cut.late, cut.overlapped) == ([], 1)


def test_facts_before_a_late_quote_are_still_heard_in_order() -> None:
    cut = Cut([at(15), at(16)])
    early = status(16, "closed")
    assert played(cut, [snapshot(0), early, spot(20)]) == [snapshot(0), early, spot(20)]
    assert cut.overlapped == 2


def test_late_results_are_woven_in_at_their_time() -> None:
    late = [status(5, "closed"), status(30, "settled", "no")]
    assert list(woven(late, QUOTES)) == [snapshot(0), late[0], spot(10), spot(20), late[1]]


def test_a_position_whose_result_comes_late_is_carried() -> None:
    start, void = carried(opening(positions=(HELD,)), at(910), RESULTS)
    assert (start.positions, void) == ((HELD,), ())


def test_a_position_whose_market_is_still_open_is_carried() -> None:
    start, void = carried(opening(positions=(HELD,)), at(600), [])
    assert (start.positions, void) == ((HELD,), ())


def test_a_position_without_a_result_is_given_back_at_cost() -> None:
    closing = opening(1_000 * DOLLAR, positions=(HELD,), realised_today=-7, fees_today=3, orders_sent=9)
    start, void = carried(closing, at(1_000), [])
    assert (start.cash, start.positions, void) == (1_050 * DOLLAR, (), (HELD,))
    assert (start.realised_today, start.fees_today, start.orders_sent) == (-7, 3, 9)
