"""What a gate cost or saved: tables small enough to be added up by hand, and what must hold of any."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.gate_costs import (
    COST,
    LEAST_CLOSES,
    SAVED,
    TOO_FEW,
    GateCost,
    GateReport,
    Outcome,
    Seen,
    Stop,
    Window,
    interval,
    profit_of,
    report_of,
    spent_on,
)
from markets.core.contract import FeeTerms
from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import fill
from trading.core.decision import Signal
from trading.core.edge import at_one_price

TERMS = FeeTerms()
CENTS = FeeTerms(precision=10_000)
EVEN = Stop(1, True, 5_000, 10_000)  # a hundred YES at 50 cents: $50.00, and 0.07 x 100 x 0.25 = $1.75 of fee
QUARTER_NS = 900 * SECOND_NS
GATE = "CONFIDENCE_LOW"


def signal(second: float = 1, *failed: str, **changes: object) -> Signal:
    values: dict[str, object] = {"side": "yes", "failed": failed, "price": 5_000, "count": 10_000, "cost": 0.5175}
    reason = failed[0] if failed else "TRADED"
    return Signal(round(second * SECOND_NS), "W", reason, **(values | changes))  # type: ignore[arg-type]


def told(stops: Iterable[tuple[str, int, Stop, int | None]]) -> GateReport:
    """Windows of (ticker, close, the stop of one gate, what YES paid)."""
    seen, windows = {}, {}
    for ticker, close_ns, stop, yes_pays in stops:
        seen[ticker] = Seen({GATE: 3}, {GATE: stop})
        windows[ticker] = Window("BTC", close_ns, TERMS, yes_pays)
    return report_of(seen, windows, ())


def gate_of(report: GateReport, code: str = GATE) -> GateCost:
    return next(gate for gate in report.gates if gate.code == code)


@pytest.mark.parametrize(
    ("stop", "terms", "yes_pays", "cents"),
    [
        pytest.param(EVEN, TERMS, 10_000, 48_25, id="yes that won"),
        pytest.param(EVEN, TERMS, 0, -51_75, id="yes that lost"),
        pytest.param(Stop(1, False, 5_000, 10_000), TERMS, 0, 48_25, id="no that won"),
        pytest.param(Stop(1, False, 8_000, 10_000), TERMS, 10_000, -21_12, id="no at 20 cents that lost, fee $1.12"),
        pytest.param(EVEN, TERMS, 4_000, -11_75, id="voided at 40 cents"),
        pytest.param(Stop(1, True, 5_000, 100), CENTS, 10_000, 48, id="one contract, the fee of 1.75 cents rounded up"),
        pytest.param(EVEN, FeeTerms(taker_rate=0), 10_000, 50_00, id="no fee"),
    ],
)
def test_a_purchase_held_to_the_end_makes_what_it_makes_by_hand(
    stop: Stop, terms: FeeTerms, yes_pays: int, cents: int
) -> None:
    assert profit_of(terms, stop, yes_pays) == cents * 10_000


def test_a_gate_is_charged_with_what_it_alone_kept_us_from_and_credited_with_what_it_alone_saved() -> None:
    gate = gate_of(
        told([("A", QUARTER_NS, EVEN, 10_000), ("B", 2 * QUARTER_NS, EVEN, 0), ("C", 3 * QUARTER_NS, EVEN, 0)])
    )
    assert gate.outcome == Outcome(
        windows=3, closes=3, won=1, contracts=30_000, spent=15_525 * 10_000, profit=-5_525 * 10_000
    )
    assert gate.outcome.per_contract == pytest.approx(-0.184167, abs=1e-6)
    assert (gate.verdict, gate.is_certain) == (TOO_FEW, False)
    assert (gate.evaluations, gate.windows, gate.pending) == (9, 3, 0)


def test_what_has_not_settled_waits() -> None:
    gate = gate_of(told([("A", QUARTER_NS, EVEN, None), ("B", QUARTER_NS, EVEN, 10_000)]))
    assert (gate.pending, gate.outcome.windows) == (1, 1)


@pytest.mark.parametrize(("yes_pays", "verdict", "mean"), [(10_000, COST, 48.25), (0, SAVED, -51.75)])
def test_thirty_closes_give_a_verdict_and_twenty_nine_do_not(yes_pays: int, verdict: str, mean: float) -> None:
    rows = [(f"W{number}", number * QUARTER_NS, EVEN, yes_pays) for number in range(1, LEAST_CLOSES + 1)]
    assert gate_of(told(rows[1:])).verdict == TOO_FEW
    gate = gate_of(told(rows))
    assert (gate.verdict, gate.is_certain) == (verdict, True)
    for value in (gate.outcome.mean, gate.outcome.low, gate.outcome.high):
        assert value == pytest.approx(mean)


def test_windows_that_close_together_are_one() -> None:
    rows = [(f"W{number}", number // 3 * QUARTER_NS, EVEN, 10_000) for number in range(3 * (LEAST_CLOSES - 1))]
    gate = gate_of(told(rows))
    assert (gate.outcome.windows, gate.outcome.closes, gate.verdict) == (87, 29, TOO_FEW)


def test_what_chance_alone_may_have_done_is_said_to_be_so() -> None:
    rows = [(f"W{number}", number * QUARTER_NS, EVEN, 10_000 * (number % 2)) for number in range(60)]
    gate = gate_of(told(rows))
    assert gate.verdict == SAVED  # half of them won, and the fees are gone
    assert not gate.is_certain
    assert gate.outcome.low is not None
    assert gate.outcome.high is not None
    assert gate.outcome.low < -1.75 < gate.outcome.high


def test_an_interval_is_wider_where_windows_win_and_lose_together() -> None:
    profits = [(DOLLAR if number % 2 else -DOLLAR) for number in range(120)]
    low, high = interval(profits, [1] * 120)
    together = interval([3 * each for each in profits[:40]], [3] * 40)
    assert together[1] - together[0] > 1.5 * (high - low)
    assert interval(profits, [1] * 120) == (low, high)


def test_of_a_window_the_first_moment_counts_at_which_the_gate_stood_alone() -> None:
    seen = Seen({}, {})
    seen.hear(signal(1, "EDGE_BELOW_THRESHOLD", GATE))  # not alone
    seen.hear(signal(2, GATE, count=0))  # nothing wanted
    seen.hear(signal(3, GATE, price=4_900))
    seen.hear(signal(4, GATE, price=100))
    seen.hear(signal(5))
    assert seen.alone == {GATE: Stop(3 * SECOND_NS, True, 4_900, 10_000)}
    assert seen.ended == {"EDGE_BELOW_THRESHOLD": 1, GATE: 3, "TRADED": 1}


def test_a_later_part_of_the_record_adds_up_and_takes_no_first_moment_away() -> None:
    early, late = (
        Seen({GATE: 1}, {GATE: EVEN}),
        Seen({GATE: 2, "TOO_SOON": 1}, {GATE: Stop(9, False, 1, 1), "TOO_SOON": EVEN}),
    )
    early.add(late)
    assert early == Seen({GATE: 3, "TOO_SOON": 1}, {GATE: EVEN, "TOO_SOON": EVEN})


def test_windows_that_nobody_knows_are_left_out() -> None:
    report = report_of({"A": Seen({GATE: 1}, {})}, {}, ())
    assert (report.windows, report.evaluations, report.gates) == (0, 0, ())


def test_our_own_trades_make_what_their_fills_make_whatever_was_closed_in_between() -> None:
    windows = {"W": Window("BTC", 1, TERMS, 10_000), "X": Window("BTC", 1, TERMS, None)}
    bought = fill(10_000, 5_000, ticker="W", fee=1_750_000)
    sold = fill(4_000, 6_000, ticker="W", is_bid=False, trade_id="t2", fee=500_000)
    open_still = fill(100, ticker="X", trade_id="t3")
    taken = report_of({}, windows, [bought, sold, open_still]).taken
    # 60 are held and pay $60, 40 were sold for $24, the 100 cost $50, the fees are $2.25
    assert (taken.windows, taken.contracts, taken.profit) == (1, 14_000, 31_750_000)


terms = st.builds(
    FeeTerms, st.integers(0, 1_000), st.just(0), st.sampled_from([1, 100, 10_000]), st.sampled_from([1, 100, 10_000])
)
stops = st.builds(
    Stop, st.just(1), st.booleans(), st.integers(1, 9_999), st.integers(1, 10_000).map(lambda each: each * 100)
)


@given(terms, stops)
def test_what_it_costs_is_what_the_decision_said_to_the_micro_dollar(terms: FeeTerms, stop: Stop) -> None:
    own = stop.price if stop.is_bid else 10_000 - stop.price
    assert round(at_one_price(terms, own, stop.count, 0.0).net * stop.count * 10_000) == spent_on(terms, stop)


@given(terms, stops)
def test_both_sides_of_a_window_pay_a_dollar_together(terms: FeeTerms, stop: Stop) -> None:
    won, lost = (profit_of(terms, stop, yes_pays) for yes_pays in (10_000, 0))
    assert abs(won - lost) == stop.count * 10_000
    assert min(won, lost) == -spent_on(terms, stop)


@given(
    st.lists(st.tuples(st.integers(1, 5), stops, st.sampled_from([0, 10_000, 3_300, None])), max_size=20), st.randoms()
)
def test_the_order_of_windows_changes_nothing_and_the_sum_is_theirs(
    rows: list[tuple[int, Stop, int | None]], random: object
) -> None:
    named = [(f"W{number}", close, stop, paid) for number, (close, stop, paid) in enumerate(rows)]
    report = told(named)
    random.shuffle(named)  # type: ignore[attr-defined]
    assert told(named) == report
    if rows:
        made = sum(profit_of(TERMS, stop, paid) for _, stop, paid in rows if paid is not None)
        assert gate_of(report).outcome.profit == made
