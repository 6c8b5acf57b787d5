"""The look-ahead traps of the pricing notes (section 10.3), each by its number: what we do, and beside it the wrong way, which
the same test would find. Traps 3 and 9 are in tests/edges/test_traps.py."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from backtests.core.as_of import AsOf, LookAheadError
from backtests.core.clocks import shifted
from backtests.core.metrics import measure
from backtests.core.perturb import Chain
from backtests.core.simulate import simulate
from markets.core.events import IndexValue, MarketEvent, MarketListed, MarketStatus, SeriesDrift, TickerQuote
from markets.core.units import SECOND_NS
from tests.builders import CLOSE_NS, OPEN_NS, STRIKE, TICKER, Table, at, contract, opening, snapshot, spot, status
from tests.rising import BOLD, rising
from trading.core.events import Fill, FittedSet
from trading.core.fitted import CalibrationMap, Fitted
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters


def decided(events: list[MarketEvent], *, until_ns: int = CLOSE_NS, parameters: Parameters = BOLD) -> Chain:
    """The decisions that are taken up to a time, `events` being all there is."""
    chain = Chain()

    def hear(event: object, decision: object) -> None:
        if event.received_ns <= until_ns:  # type: ignore[attr-defined]
            chain.hear(event, decision)  # type: ignore[arg-type]

    simulate(iter(in_order(events)), opening(seconds=-10), RiskLimits(), parameters, hear=hear)
    return chain


def traded(events: list[MarketEvent]) -> list[Fill]:
    """The fills of a run over these events."""
    return simulate(iter(in_order(events)), opening(seconds=-10), RiskLimits(), BOLD).fills


def early(events: list[MarketEvent]) -> str:
    """What the guard says of a tape; "" where all of it can have been known."""
    try:
        for _ in AsOf().guarded(events):
            pass
    except LookAheadError as error:
        return str(error)
    return ""


def in_order(events: list[MarketEvent]) -> list[MarketEvent]:
    """By the time at which they were received."""
    return sorted(events, key=lambda event: event.received_ns)


def short(result: str = "yes") -> list[MarketEvent]:
    """The first minute of a window in which YES is cheap, and its end."""
    return [event for event in rising(result) if event.received_ns < at(60) or isinstance(event, MarketStatus)]


def minute(strike: float | None = STRIKE) -> list[MarketEvent]:
    """A window with a minute of prices."""
    head: list[MarketEvent] = [MarketListed(at(-10), contract(strike=strike)), status(0, "open"), snapshot(0.5)]
    return [*head, *(spot(second, STRIKE + second) for second in range(-8, 60))]


def test_trap_01_no_result_and_no_next_strike_is_known_before_the_settlement() -> None:
    won, lost = decided(short("yes")), decided(short("no"))
    assert won.digest == lost.digest
    assert not early(rising())
    told_early = [event for event in rising() if not isinstance(event, MarketStatus) or event.status != "settled"]
    told_early.insert(400, replace(status(930, "settled", "yes"), received_ns=told_early[400].received_ns))
    assert f"the result of {TICKER} is told" in early(told_early)
    following = contract(
        ticker=f"{TICKER}-next", open_ns=CLOSE_NS, close_ns=CLOSE_NS + 900 * SECOND_NS, strike=STRIKE + 7
    )
    assert "the strike of" in early(
        [*in_order(minute()), MarketListed(at(60), following)]
    )  # which is this window's settlement
    assert not early([*in_order(minute()), MarketListed(CLOSE_NS, following)])


def test_trap_02_terms_count_from_the_moment_that_they_were_told() -> None:
    told_later = [*minute(strike=None), MarketListed(at(30), contract(strike=STRIKE))]
    other_later = [*minute(strike=None), MarketListed(at(30), contract(strike=STRIKE + 500))]
    before = at(30) - 1
    assert decided(told_later, until_ns=before).digest == decided(other_later, until_ns=before).digest
    as_of_now = minute(strike=STRIKE)  # the terms as they were in the end, taken for those of the beginning
    assert decided(as_of_now, until_ns=before).digest != decided(told_later, until_ns=before).digest


def test_trap_04_what_a_source_has_stamped_is_known_when_it_is_received() -> None:
    late = replace(spot(20, STRIKE + 400), received_ns=at(21.5))  # of second 20, here a second and a half later
    before = at(21.4)
    assert decided([*minute(), late], until_ns=before).digest == decided(minute(), until_ns=before).digest
    by_its_stamp = spot(20, STRIKE + 400)
    assert decided([*minute(), by_its_stamp], until_ns=before).digest != decided(minute(), until_ns=before).digest
    assert "a value of the index" in early([IndexValue(at(20), "BTC", STRIKE, at(25))])


def index(second: int, samples: int, average: float) -> IndexValue:
    """The index in the last minute: its trailing value, and the average of the first so many of the sixty."""
    return IndexValue(at(second) + 1, "BTC", STRIKE, at(second), STRIKE, average, samples)


def test_trap_05_the_running_average_of_the_last_minute_goes_up_to_the_last_tick_received() -> None:
    """The values of the minute are known one by one: those after a tick change nothing that was decided at it."""
    prices = [spot(second, STRIKE + second % 5) for second in range(700, 890)]
    ticks = [index(second, second - 839, STRIKE + (second - 839) * 0.1) for second in range(840, 890)]
    head = [*minute()[:3], *prices]
    others = [
        replace(tick, value=STRIKE - 50, window_average=STRIKE - 50) if tick.received_ns > at(860) + 1 else tick
        for tick in ticks
    ]
    assert (
        decided([*head, *ticks], until_ns=at(860) + 1).digest == decided([*head, *others], until_ns=at(860) + 1).digest
    )
    assert decided([*head, *ticks]).digest != decided([*head, *others]).digest
    whole_too_early = index(845, 60, STRIKE)
    assert "60 samples of the average" in early([whole_too_early])
    assert not early([*ticks])


@pytest.mark.parametrize(("through_ns", "is_used"), [(OPEN_NS - 1, True), (at(20), False), (CLOSE_NS, False)])
def test_trap_06_nothing_fitted_on_what_comes_later_is_used(through_ns: int, is_used: bool) -> None:
    lifting = CalibrationMap(coefficients=(2.0, 1.0), windows=10_000, through_ns=through_ns, error=0.001, group="BTC")
    fitted: list[MarketEvent | FittedSet] = [FittedSet(at(-9.5), Fitted(calibration=(lifting,)))]
    events = [event for event in minute() if event.received_ns < at(20)]
    differs = heard([*events, *fitted]) != heard(events)
    assert differs is is_used


def heard(events: Sequence[MarketEvent | FittedSet]) -> list[float | None]:
    """What was believed at each evaluation of a window."""
    table = Table(parameters=BOLD, start=opening(seconds=-10))
    table.hear(*sorted(events, key=lambda event: event.received_ns))
    return [signal.calibrated for decision in table.decisions for signal in decision.signals]


def test_trap_07_another_clock_for_spot_is_a_parameter_and_it_bites() -> None:
    events = in_order(minute())
    at_home = decided(events).digest
    assert decided(list(shifted(events, 0))).digest == at_home
    for shift_ms in (-1_000, -250, 250, 1_000):
        moved = list(shifted(events, shift_ms * 1_000_000))
        assert [event.received_ns for event in moved] == sorted(event.received_ns for event in moved)
        assert decided(moved).digest != at_home


def test_trap_08_fills_are_at_what_is_offered_never_at_the_mid_and_pay_the_fee_rounded_up() -> None:
    result = simulate(short(), opening(seconds=-10), RiskLimits(), BOLD)
    assert {fill.price for fill in result.fills} == {5_100}  # the mid is 5,000
    assert all(fill.fee > 0 for fill in result.fills)
    one = result.fills[0]
    exact = 0.07 * one.count / 100 * 0.51 * 0.49 * 1_000_000
    assert one.fee >= exact


def test_trap_08_an_empty_side_is_no_offer_at_nothing() -> None:
    empty = [event if not hasattr(event, "yes") else snapshot(0.5, 0, 10_000) for event in short()]
    quoted = [*empty, TickerQuote(at(0.6), TICKER, 0, 10_000)]
    assert not traded(quoted)
    assert traded(short())


def test_trap_10_many_fills_in_one_window_are_one_bet() -> None:
    result = simulate(short(), opening(seconds=-10), RiskLimits(), BOLD)
    measured = measure(result)
    assert len(result.fills) > 1
    assert len(measured.windows) == measured.win_rate.windows == 1
    assert measured.trade_sharpe.value is None  # one window says nothing, however many fills it had


def test_trap_11_a_change_of_terms_counts_from_when_it_was_told_and_what_was_not_foreseen_stops_trading() -> None:
    """Fees are those of the contract at its time, not of today's table; a contract that is not as assumed is not traded."""

    def dearer(event: MarketEvent) -> MarketEvent:
        if not isinstance(event, MarketListed):
            return event
        fees = replace(event.contract.fees, taker_rate=2 * event.contract.fees.taker_rate)
        return replace(event, contract=replace(event.contract, fees=fees))

    usual, dear = traded(short()), traded([dearer(event) for event in short()])
    assert {fill.fee * 10_000 // fill.count for fill in dear}.isdisjoint(
        {fill.fee * 10_000 // fill.count for fill in usual}
    )
    changed = [*short(), SeriesDrift(at(1), "KXBTC15M", ("the tick is another",))]
    assert not traded(changed)


def test_the_guard_lets_an_honest_tape_pass_and_no_tape_whose_time_runs_back() -> None:
    assert not early(rising())
    assert "comes after" in early([spot(5), spot(4)])
