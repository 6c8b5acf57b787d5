"""The report over audits: which reading is better, what an alert needs, decimals and ties, the basis and the advice."""

from math import sqrt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import WINDOW_NS
from tests.builders import CLOSE_NS, STRIKE
from trading.core.decision import SettlementAudit
from trading.core.fusion import LARGEST_BASIS, OTHER_BASIS, USUAL_BASIS
from trading.core.index_truth import (
    FAR_BP,
    FAR_ELSEWHERE_BP,
    LEAST,
    RECENT,
    UNSTABLE_BP,
    AssetTruth,
    Basis,
    advice_on,
    half_up,
    is_match,
    readings_of,
    truths_of,
)


def audit(window: int = 0, value: str = "85029.50", **different: object) -> SettlementAudit:
    """A window that `open_right` explains exactly."""
    close_ns = CLOSE_NS + window * WINDOW_NS
    told = SettlementAudit(
        close_ns, f"KXBTC15M-{window}", "BTC", close_ns, value, 2, 2, "yes", STRIKE,
        open_right=85_029.496, closed_right=85_030.5,
    )  # fmt: skip
    return msgspec.structs.replace(told, **different)


def truth(*audits: SettlementAudit, configured: str | None = None) -> AssetTruth:
    (found,) = truths_of(audits, configured)
    return found


@pytest.mark.parametrize(
    ("value", "decimals", "units"),
    [(83_817.7073, 2, 8_381_771), (83_817.705, 2, 8_381_771), (83_817.70499, 2, 8_381_770), (2.00005, 4, 20_001), (0.21345675, 7, 2_134_568)],
)  # fmt: skip
def test_halves_are_rounded_up_though_a_float_is_a_little_less(value: float, decimals: int, units: int) -> None:
    """Section 1.1: 83817.7073 settled as 83817.71. 83817.705 is held as 83817.70499999999."""
    assert half_up(value, decimals) == units


@given(st.integers(1, 10**9), st.integers(0, 59), st.sampled_from([2, 4, 7]))
def test_the_average_of_sixty_printed_values_is_rounded_as_exact_arithmetic_does(
    whole: int, sixtieths: int, decimals: int
) -> None:
    average = (whole + sixtieths / 60) / 10**decimals
    assert half_up(average, decimals) == whole + (2 * sixtieths >= 60)


def test_a_value_without_its_last_zero_is_the_same_value() -> None:
    assert is_match(85_029.496, audit(value="85029.5", decimals=1))
    assert not is_match(85_029.494, audit(value="85029.5", decimals=1))


def test_doge_must_match_to_the_seventh_decimal() -> None:
    doge = audit(value="0.2134568", decimals=7, expected_decimals=7, asset="DOGE")
    assert is_match(0.21345676, doge)
    assert not is_match(0.21345674, doge)


def test_more_decimals_than_were_told_are_compared_with_all_of_them() -> None:
    assert not is_match(85_029.496, audit(value="85029.495", decimals=3))


def test_the_better_reading_has_more_exact_matches_and_among_equals_the_smaller_error() -> None:
    assert readings_of([audit()]).better == "open_right"
    near = audit(open_right=85_029.40, closed_right=85_029.45)
    assert readings_of([near]).better == "closed_right"
    far_off = audit(1, open_right=85_029.5, closed_right=85_500.0)
    off = [audit(window, open_right=86_000.0, closed_right=85_029.4) for window in (2, 3)]
    assert readings_of([far_off, *off]).better == "open_right"
    assert readings_of([audit(closed_right=85_029.496)]).better == ""
    assert readings_of([audit(open_right=None)]) == readings_of([])


def test_errors_are_means_in_dollars() -> None:
    found = readings_of([audit(open_right=85_029.6), audit(1, open_right=85_029.2)])
    assert (found.windows, found.open_right.matches) == (2, 0)
    assert found.open_right.error == pytest.approx(0.2)


def test_an_alert_stands_when_the_reading_that_is_configured_is_not_the_better_one_of_the_last_fifty() -> None:
    ours = [audit(window) for window in range(RECENT)]
    assert truth(*ours).alerts == ()
    (alert,) = truth(*ours, configured="closed_right").alerts
    assert "of the last 50 windows open_right was the settlement exactly 50 times" in alert
    assert "closed_right, which is configured, 0 times" in alert
    assert "nothing switches by itself" in alert


def test_what_is_older_than_fifty_windows_is_not_what_an_alert_is_about() -> None:
    before = [audit(window, open_right=85_030.5, closed_right=85_029.5) for window in range(200)]
    after = [audit(200 + window) for window in range(RECENT)]
    found = truth(*before, *after)
    assert found.alerts == ()
    assert (found.recent.better, found.official.better) == ("open_right", "closed_right")


@pytest.mark.parametrize(("windows", "own", "alerts"), [(LEAST, 0, 1), (LEAST - 1, 0, 0), (RECENT, 1, 0)])
def test_an_alert_needs_windows_that_were_heard_whole(windows: int, own: int, alerts: int) -> None:
    """From samples of our own nothing follows: they are further off than the two readings are apart."""
    found = truth(*[audit(window, own=own) for window in range(windows)], configured="closed_right")
    assert len(found.alerts) == alerts
    assert found.mixed.windows == windows * bool(own)


def test_more_decimals_than_were_told_are_an_alert_at_once_and_fewer_only_when_zeros_cannot_be_the_reason() -> None:
    assert "with 3 decimals" in truth(audit(value="85029.495", decimals=3)).alerts[0]
    short = [audit(window, value="85029.5", decimals=1) for window in range(LEAST)]
    assert truth(*short[1:]).alerts == ()
    assert "more than 1 decimals" in truth(*short).alerts[0]
    assert truth(*short, audit(LEAST)).alerts == ()


def test_ties_are_counted_and_one_that_does_not_pay_yes_is_an_alert() -> None:
    """Section 0.4: 91 of 91 printed ties paid YES."""
    ties = [audit(0, is_tie=True), audit(1, is_tie=True), audit(2)]
    assert (truth(*ties).digits.ties, truth(*ties).alerts) == (2, ())
    lost = truth(*ties, audit(3, is_tie=True, result="no"))
    assert lost.digits.lost == 1
    assert "1 printed ties did not pay YES" in lost.alerts[0]


def test_the_basis_of_our_own_index_is_told_in_bp_with_how_it_moves_and_whether_it_took_the_right_side() -> None:
    """Section 2.2. The third window is not the next of the second: no move is counted between them."""
    told = [
        audit(0, value="100.00", estimate=100.01, strike=100.0, result="yes"),
        audit(1, value="100.00", estimate=99.99, strike=100.0, result="yes"),
        audit(3, value="100.00", estimate=100.03, strike=None, result="yes"),
        audit(4, value="100.00", estimate=None),
    ]
    basis = truth(*told).estimate
    assert basis is not None
    assert (basis.windows, basis.agreed, basis.asked) == (3, 1, 2)
    assert basis.bias == pytest.approx(1.0)
    assert basis.rmse == pytest.approx(sqrt(11 / 3))
    assert basis.sd == pytest.approx(2.0)
    assert basis.moved == pytest.approx(2.0)


def test_each_method_and_venue_has_its_own_basis() -> None:
    told = [
        audit(0, methods=(("fusion", 85_029.5), ("vwap", 85_114.5295)), venues=(("kraken", 84_944.4705),)),
        audit(1, methods=(("fusion", 85_029.5),)),
    ]
    found = truth(*told)
    assert [(each.name, each.windows, round(each.bias, 6)) for each in found.methods] == [
        ("fusion", 2, 0.0),
        ("vwap", 1, 10.0),
    ]
    assert [(each.name, round(each.bias, 6), each.advice) for each in found.venues] == [("kraken", -10.0, "")]


def basis(name: str, bias: float, moved: float, windows: int = LEAST) -> Basis:
    return Basis(name, windows, bias, abs(bias), 1.0, moved, windows, windows)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (basis("kraken", FAR_BP, UNSTABLE_BP), ""),
        (basis("kraken", -FAR_BP - 0.1, 0.1), "leave it out: it is -15.1 bp from the index in the mean, more than 15"),
        (basis("binance", FAR_BP + 1.0, 0.1), ""),
        (basis("binance", FAR_ELSEWHERE_BP + 1.0, 0.1), "leave it out: it is +31.0 bp from the index in the mean, more than 30"),
        (basis("kraken", 0.0, 2.5), "leave it out: it moves by 2.5 bp from one window to the next, more than 1.8"),
        (basis("kraken", 99.0, 99.0, LEAST - 1), ""),
    ],
)  # fmt: skip
def test_a_venue_that_is_far_or_moves_is_advised_against_once_enough_windows_say_so(told: Basis, words: str) -> None:
    assert advice_on(told) == words


def test_a_venue_is_far_where_its_basis_would_no_longer_be_believed() -> None:
    assert pytest.approx(LARGEST_BASIS * USUAL_BASIS["USD"] * 1e4) == FAR_BP
    assert pytest.approx(LARGEST_BASIS * OTHER_BASIS * 1e4) == FAR_ELSEWHERE_BP


def test_assets_are_told_apart_in_whatever_order_their_windows_come() -> None:
    found = truths_of([audit(1), audit(0, asset="ETH", value="3000.10"), audit(0)])
    assert [(each.asset, each.windows) for each in found] == [("BTC", 2), ("ETH", 1)]
    assert truths_of([]) == []
