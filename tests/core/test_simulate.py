"""The loop: one tape through a fresh engine, several in a row with one account, and a ledger that adds up."""

import msgspec
import pytest

from backtests.core.ledger import LedgerError, check
from backtests.core.metrics import measure
from backtests.core.record import Result
from backtests.core.simulate import WATCH_EVERY, EmptyTape, joined, simulate
from markets.core.events import MarketEvent
from markets.core.units import DAY_NS, DOLLAR
from tests.builders import TICKER, Table, at, opening
from tests.rising import BOLD, rising
from trading.core.events import Fill, HeldPosition, Opening
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters

CASH = 10_000 * DOLLAR


def run(events: list[MarketEvent], **changes: object) -> Result:
    start = changes.pop("start", opening())
    return simulate(iter(events), start, RiskLimits(), BOLD, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def won() -> Result:
    return run(rising())


def test_it_buys_what_is_cheap_and_is_paid(won: Result) -> None:
    assert won.fills
    assert all(fill.is_bid for fill in won.fills)
    assert won.closing.cash > CASH


def test_the_ledger_follows_from_fills_and_settlements_alone(won: Result) -> None:
    check(won)
    bought = sum(fill.price * fill.count + fill.fee for fill in won.fills)
    assert won.closing.cash == CASH - bought + sum(settled.payout for settled in won.settlements)


def test_the_ledger_notices_a_missing_micro_dollar(won: Result) -> None:
    closing = msgspec.structs.replace(won.closing, cash=won.closing.cash - 1)
    with pytest.raises(LedgerError):
        check(msgspec.structs.replace(won, closing=closing))


def test_the_ledger_notices_a_payout_that_was_not_due(won: Result) -> None:
    wrong = [msgspec.structs.replace(won.settlements[0], result="no")]
    with pytest.raises(LedgerError):
        check(msgspec.structs.replace(won, settlements=wrong))


def test_the_windows_add_up_to_what_the_account_gained(won: Result) -> None:
    measured = measure(won)
    assert sum(window.net for window in measured.windows) == measured.net == won.closing.cash - CASH
    assert measured.gross - measured.fees == measured.net


def test_a_lost_window_costs_what_was_paid() -> None:
    lost = run(rising("no"))
    assert measure(lost).net == -sum(fill.price * fill.count + fill.fee for fill in lost.fills)
    assert measure(lost).drawdown.money == -measure(lost).net


def test_it_decides_what_the_desk_decides(won: Result) -> None:
    table = Table(parameters=BOLD, start=opening(seconds=-10)).hear(*rising()).finish()
    assert won.digest == table.desk.digest
    assert won.steps == table.desk.steps


def test_the_same_tape_twice_gives_the_same_bytes(won: Result) -> None:
    assert msgspec.json.encode(run(rising())) == msgspec.json.encode(won)


def test_other_parameters_decide_otherwise(won: Result) -> None:
    assert simulate(rising(), opening(), RiskLimits(), Parameters(edge_threshold=0.9)).digest != won.digest


def test_the_account_opens_at_the_first_event(won: Result) -> None:
    assert won.opening.received_ns == won.first_ns == at(-10)


def test_equity_begins_with_the_fees_and_ends_with_the_result(won: Result) -> None:
    assert won.equity[0].equity == CASH - won.fills[0].fee
    assert won.equity[-1].equity == won.closing.cash


def test_a_tape_without_events_is_refused() -> None:
    with pytest.raises(EmptyTape):
        run([])


def test_the_watch_hears_of_progress_and_may_stop_the_run() -> None:
    heard: list[int] = []

    def watch(count: int, at_ns: int) -> None:
        heard.append(count)
        if len(heard) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run(rising() * 5, watch=watch)
    assert heard == [1, WATCH_EVERY + 1]


def test_it_reads_the_tape_only_as_it_goes() -> None:
    def stop(count: int, at_ns: int) -> None:
        raise InterruptedError

    events = iter(rising() + rising())
    with pytest.raises(InterruptedError):
        simulate(events, opening(), RiskLimits(), BOLD, watch=stop)
    assert next(events, None) is not None


# Several tapes ------------------------------------------------------------------------------------------------


def halves() -> tuple[list[MarketEvent], list[MarketEvent]]:
    """The same window torn in two: bought in the first tape, settled in the second."""
    events = rising()
    return [event for event in events if event.received_ns < at(600)], [
        event for event in events if event.received_ns >= at(900)
    ]


def test_a_position_is_carried_into_the_next_tape_and_settled_there() -> None:
    first, second = halves()
    bought = run(first)
    assert [held.ticker for held in bought.closing.positions] == [TICKER]
    settled = run(second, start=bought.closing)
    check(settled)
    whole = joined([bought, settled])
    check(whole)
    assert whole.closing.positions == ()
    assert measure(whole).win_rate.wins == 1


def test_the_numbers_of_orders_run_on_over_the_tapes() -> None:
    first, _ = halves()
    bought = run(first)
    assert bought.closing.orders_sent == len(bought.orders) == max(fill.number for fill in bought.fills)


def test_the_digest_of_several_tapes_depends_on_each(won: Result) -> None:
    first, second = halves()
    parts = [run(first), run(second)]
    assert joined(parts).digest != joined(parts[::-1]).digest
    assert joined([won]).digest == won.digest


def test_what_was_lost_today_is_carried_on_but_not_into_another_day() -> None:
    carried = Opening(at(-3_600), CASH, realised_today=-500 * DOLLAR)
    yesterday = msgspec.structs.replace(carried, received_ns=at(-10) - DAY_NS)
    assert run(rising(), start=carried).opening.realised_today == -500 * DOLLAR
    assert run(rising(), start=yesterday).opening.realised_today == 0


def test_a_loss_carried_over_keeps_trading_shut() -> None:
    limits = RiskLimits(max_daily_loss=100 * DOLLAR)
    carried = Opening(at(-60), CASH, realised_today=-100 * DOLLAR)
    shut = simulate(rising(), carried, limits, BOLD)
    assert not shut.orders
    assert shut.funnel["DAILY_LOSS"] > 0


def test_closing_the_other_side_gives_back_a_dollar_less_the_price() -> None:
    held = (HeldPosition(TICKER, -200, 800_000, 0, 0),)
    start = Opening(at(0), CASH, positions=held)
    closing = Opening(at(1), CASH + 2 * 10_000 * 100 - 2 * 100 * 3_000)
    fill = Fill(at(0), "t", TICKER, 1, True, 3_000, 200, 0)
    check(Result(opening=start, closing=closing, first_ns=at(0), last_ns=at(1), fills=[fill]))


def test_turning_a_position_over_pays_for_both_parts() -> None:
    start = Opening(at(0), CASH, positions=(HeldPosition(TICKER, 100, 400_000, 0, 0),))
    # sells 300 YES at 0.70: one closes for 0.70, two open NO at 0.30 each
    closing = Opening(at(1), CASH + 700_000 - 600_000, positions=(HeldPosition(TICKER, -200, 600_000, 0, 0),))
    fill = Fill(at(0), "t", TICKER, 1, False, 7_000, 300, 0)
    check(Result(opening=start, closing=closing, first_ns=at(0), last_ns=at(1), fills=[fill]))


def test_results_of_markets_we_did_not_trade_are_seen_too() -> None:
    seen = simulate(rising(), opening(), RiskLimits(), Parameters(edge_threshold=0.9))
    assert seen.results == {TICKER: ("yes", 10_000)}


def test_the_engines_own_halt_is_recorded_and_the_end_of_a_tape_is_not(won: Result) -> None:
    lost = simulate(rising("no"), opening(), RiskLimits(max_daily_loss=60 * DOLLAR), BOLD)
    assert won.halts == []
    assert [what for _, what in lost.halts] == ["HALTED DAILY_LOSS"]
