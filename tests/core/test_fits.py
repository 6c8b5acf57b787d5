"""Fits find what rows were made with, keep their promises of shape, and know how little a repeated window tells."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.core.cases import Cases, Part, cases_of, groups_of
from backtests.core.fit_calibration import LEAST_ERROR, beta_fit, calibration_maps, isotonic_fit, platt_fit
from backtests.core.fit_pooling import pooling_fit, pooling_weights
from backtests.core.fit_tails import Residuals, fitted_tails, freedom_fit, table_cdf
from backtests.core.fit_volatility import Rates, har_fit, volatility_weights
from backtests.core.rows import Row
from tests.builders_fitting import FIRST_DAY_NS, MARKS, QUARTER_NS, rows
from trading.core.calibration import beta, mapped
from trading.core.fitted import ALL, BUCKETS, Z_95, MapKind
from trading.core.tails import EMPIRICAL, Tails, student_cdf, tail_cdf

ONE_MARK = (120,)


def cases(made: Sequence[Row], name: str = "fair") -> Cases:
    return cases_of(made, name)[0]


def part(made: Sequence[Row]) -> Part:
    return Part("BTC", 60.0, 300.0, cases(made))


# Calibration ----------------------------------------------------------------------------------------------------


def test_platt_finds_the_line_that_the_outcomes_were_drawn_from() -> None:
    found = platt_fit(cases(rows(6_000, a=0.4, b=0.7, marks=ONE_MARK)))
    errors = np.sqrt(np.diag(found.covariance))
    assert np.all(np.abs(found.coefficients - (0.4, 0.7)) < 3 * errors)
    assert np.all(errors < 0.06)


def test_platt_leaves_a_model_that_is_right_as_it_is() -> None:
    found = platt_fit(cases(rows(6_000, a=0.0, b=1.0, noise=0.0, marks=ONE_MARK)))
    assert found.coefficients == pytest.approx([0.0, 1.0], abs=0.1)


def test_beta_finds_the_two_slopes_that_the_outcomes_were_drawn_from() -> None:
    luck = np.random.default_rng(5)
    p = luck.uniform(0.02, 0.98, 20_000)
    truth = np.array([beta(x, 0.5, 1.2, 0.3) for x in p])
    made = _drawn(p, luck.random(len(p)) < truth)
    found = beta_fit(made)
    assert found.coefficients == pytest.approx([0.5, 1.2, 0.3], abs=0.12)


def test_the_slopes_of_beta_are_never_below_zero() -> None:
    """Outcomes that fall where our probability rises: the best map that does not turn it around says the same of all."""
    luck = np.random.default_rng(6)
    p = luck.uniform(0.02, 0.98, 2_000)
    found = beta_fit(_drawn(p, luck.random(len(p)) < 1.0 - p))
    a, b, c = found.coefficients
    assert (a, b) == (0.0, 0.0)
    assert c == pytest.approx(0.0, abs=0.15)


@given(
    st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=2, max_size=120),
    st.lists(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True), min_size=2, max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_an_isotonic_map_never_falls_and_keeps_off_the_ends(made: list[tuple[float, bool]], asked: list[float]) -> None:
    drawn = _drawn(np.array([p for p, _ in made]), np.array([y for _, y in made]))
    (fitted,) = calibration_maps(drawn, "isotonic", 1)
    assert all(low < high for low, high in pairwise(fitted.x))
    said = [mapped(p, fitted) for p in sorted(asked)]
    assert all(low <= high + 1e-12 for low, high in pairwise(said))
    edge = 1.0 / (len(made) + 2)
    assert all(edge - 1e-12 <= p <= 1.0 - edge + 1e-12 for p in said)


def test_an_isotonic_map_pools_what_is_out_of_order() -> None:
    made = _drawn(np.array([0.1, 0.2, 0.3, 0.9]), np.array([0, 1, 0, 1]))
    x, y, weight = isotonic_fit(made)
    assert x.tolist() == pytest.approx([0.1, 0.25, 0.9])
    assert y.tolist() == pytest.approx([1 / 6, 0.5, 5 / 6])  # clipped to 1/(4+2) and 1 - 1/(4+2)
    assert weight.tolist() == [1.0, 2.0, 1.0]


def test_what_is_certain_has_no_part_in_a_map() -> None:
    made = rows(400, a=0.4, b=0.7)
    wrong = [row._replace(ticker=f"sure-{row.ticker}", probabilities={"fair": 1.0}, outcome=0) for row in made]
    assert calibration_maps(cases([*made, *wrong]), "platt") == calibration_maps(cases(made), "platt")


@pytest.mark.parametrize("kind", ["platt", "beta", "isotonic"])
def test_what_is_certain_stays_certain(kind: MapKind) -> None:
    fitted = calibration_maps(cases(rows(400, a=0.4, b=0.7, marks=ONE_MARK)), kind, 1)[0]
    assert [mapped(p, fitted) for p in (0.0, 1.0)] == [0.0, 1.0]
    assert mapped(0.3, fitted) != 0.3


def test_a_map_says_how_wrong_it_may_still_be_and_less_so_with_more_windows() -> None:
    few, many = (calibration_maps(cases(rows(n, marks=ONE_MARK)), "platt")[0] for n in (400, 6_400))
    assert 0.01 < few.error < 0.05
    assert many.error == pytest.approx(few.error / 4, rel=0.4)


@pytest.mark.parametrize("kind", ["platt", "beta"])
def test_a_map_of_ever_so_many_windows_may_still_be_wrong(kind: MapKind) -> None:
    """10,000 windows that all say nearly the same: the sampling error of their frequency is sqrt(p (1 - p) / n)."""
    luck = np.random.default_rng(3)
    p = luck.uniform(0.049, 0.051, 10_000)
    (fitted,) = calibration_maps(_drawn(p, luck.random(len(p)) < p), kind, 1)
    assert (fitted.error, LEAST_ERROR) == (LEAST_ERROR, 0.005)


@pytest.mark.parametrize(("kind", "least"), [("platt", 300), ("beta", 300), ("isotonic", 3_000)])
def test_too_few_windows_give_nothing_and_enough_give_a_map(kind: str, least: int) -> None:
    assert calibration_maps(cases(rows(least - 1, marks=ONE_MARK)), kind) == ()  # type: ignore[arg-type]
    (fitted,) = calibration_maps(cases(rows(least, marks=ONE_MARK)), kind)  # type: ignore[arg-type]
    assert (fitted.kind, fitted.windows, fitted.group) == (kind, least, "BTC")
    assert fitted.first_ns == FIRST_DAY_NS + QUARTER_NS
    assert fitted.through_ns == FIRST_DAY_NS + least * QUARTER_NS


# Groups and windows ---------------------------------------------------------------------------------------------


def test_there_is_a_map_for_each_asset_and_one_for_all_at_each_time_to_the_close() -> None:
    made = [*rows(350, asset="BTC"), *rows(350, asset="ETH", seed=2)]
    found = calibration_maps(cases(made), "platt")
    assert {(each.group, each.least_s, each.most_s) for each in found} == {
        (group, *bucket) for group in (ALL, "BTC", "ETH") for bucket in BUCKETS
    }
    assert groups_of(cases(rows(1)).asset) == ("BTC",)  # one asset alone says nothing of all


def test_assets_that_close_together_are_one_window() -> None:
    made = [*rows(299, asset="BTC"), *rows(299, asset="ETH", seed=2)]
    assert cases(made).windows == 299
    assert calibration_maps(cases(made), "platt") == ()


def test_a_window_counts_once_however_often_it_was_forecast() -> None:
    once, often = rows(500, w=0.5, marks=(120,)), rows(500, w=0.5, marks=(240, 180, 120, 90))
    a, b = platt_fit(cases(once)), platt_fit(cases(often))
    assert b.coefficients == pytest.approx(a.coefficients, abs=1e-8)
    assert b.covariance == pytest.approx(a.covariance, rel=1e-6)


# Pooling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("w", [0.0, 0.3, 1.0])
def test_the_weight_that_the_outcomes_were_drawn_with_is_found(w: float) -> None:
    found = pooling_fit(part(rows(6_000, w=w, noise=1.0, marks=ONE_MARK)))
    assert found is not None
    assert abs(found.weight - w) < 3 * found.standard_error
    assert found.standard_error < 0.06
    assert found.is_positive == (w > 0)


def test_the_interval_of_a_weight_is_honest() -> None:
    """Of 200 intervals of 95 % about ten miss the truth; 2 to 21 by chance (binomial, 99.9 %)."""
    found = [pooling_fit(part(rows(150, w=0.4, noise=1.0, marks=ONE_MARK, seed=seed))) for seed in range(200)]
    missed = sum(abs(each.weight - 0.4) > Z_95 * each.standard_error for each in found if each is not None)
    assert 2 <= missed <= 21


def test_assets_that_move_together_widen_the_interval() -> None:
    """Two assets that always do the same are no more than one of them."""
    alone = rows(400, w=0.3, noise=1.0, marks=ONE_MARK)
    twin = [row._replace(asset="ETH", ticker=f"ETH-{row.ticker}") for row in alone]
    one, both = pooling_fit(part(alone)), pooling_fit(part([*alone, *twin]))
    assert one is not None
    assert both is not None
    assert both.weight == pytest.approx(one.weight, rel=1e-3)
    assert both.standard_error == pytest.approx(one.standard_error, rel=1e-3)


def test_what_is_used_is_the_lower_quarter_between_nothing_and_all() -> None:
    (fitted,) = pooling_weights(cases(rows(400, w=0.0, noise=1.0, marks=ONE_MARK, seed=3)))
    assert fitted.used == pytest.approx(min(max(fitted.weight - 0.6745 * fitted.standard_error, 0.0), 1.0), abs=1e-4)


def test_who_says_what_the_market_says_has_no_weight() -> None:
    made = [row._replace(probabilities={"fair": (row.bid + row.ask) / 20_000}) for row in rows(200)]
    assert pooling_weights(cases(made)) == ()


def test_without_a_market_to_pool_with_there_is_no_weight() -> None:
    assert pooling_weights(cases([row._replace(bid=0) for row in rows(200)])) == ()
    assert pooling_weights(cases([row._replace(book_age_ns=None) for row in rows(200)])) == ()


def test_a_weight_is_shown_from_a_hundred_windows_on() -> None:
    assert pooling_weights(cases(rows(99))) == ()
    assert {each.windows for each in pooling_weights(cases(rows(100)))} == {100}


# Tails ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nu", [3.0, 4.0, 8.0])
def test_the_degrees_of_freedom_that_moves_were_drawn_with_are_found(nu: float) -> None:
    values = _student(nu, 8_000)
    fit = freedom_fit(values, np.ones(len(values)))
    assert fit.least < nu < fit.most
    assert fit.freedom == pytest.approx(nu, rel=0.2)
    assert fit.gain > 0.0


def test_the_table_is_a_distribution_that_is_symmetric_and_joins_students_tails() -> None:
    (fitted,) = fitted_tails(_residuals(_student(4.0, 4_000)))
    assert fitted.values[0] == pytest.approx(0.01, abs=1e-6)
    assert fitted.values[-1] == pytest.approx(0.99, abs=1e-6)
    assert all(low < high for low, high in pairwise(fitted.values))
    engine = Tails(EMPIRICAL, fitted.freedom, start=fitted.start, step=fitted.step)
    for z in np.linspace(-12.0, 12.0, 301).tolist():
        p = tail_cdf(z, engine, fitted.values)
        assert p + tail_cdf(-z, engine, fitted.values) == pytest.approx(1.0, abs=1e-9)
        assert p == pytest.approx(table_cdf(z, fitted), abs=1e-9)
        assert p == pytest.approx(student_cdf(z, 4.0), abs=0.02)


def test_tails_want_five_hundred_windows() -> None:
    assert fitted_tails(_residuals(_student(4.0, 499))) == ()
    assert [each.windows for each in fitted_tails(_residuals(_student(4.0, 500)))] == [500]


# Volatility -----------------------------------------------------------------------------------------------------


def test_the_weights_that_variances_were_drawn_with_are_found() -> None:
    luck = np.random.default_rng(9)
    said = np.exp(luck.normal(math.log(1e-8), 0.8, (40_000, 3)))
    variance = np.exp(-1.0 + np.log(said) @ (0.3, 0.4, 0.25))
    found = har_fit(
        said, variance * luck.normal(size=len(said)) ** 2, np.ones(len(said)), np.array([0.0, 0.2, 0.4, 0.4])
    )
    assert found[1:].tolist() == pytest.approx([0.3, 0.4, 0.25], abs=0.05)
    assert np.exp(found[0] + np.log(said) @ found[1:]) == pytest.approx(variance, rel=0.15)


def test_weights_of_the_volatility_want_a_thousand_windows() -> None:
    def rates(count: int) -> Rates:
        luck = np.random.default_rng(2)
        fast, middle, slow = np.exp(luck.normal(-18.0, 0.5, (3, count)))
        places = _residuals(np.zeros(count))
        return Rates(places.asset, places.window, places.close_ns, places.seconds_left, fast, middle, slow, middle)

    assert volatility_weights(rates(999)) == ()
    assert [each.windows for each in volatility_weights(rates(1_000))] == [1_000]


def _drawn(
    p: "np.typing.NDArray[np.float64]", happened: "np.typing.NDArray[np.bool_] | np.typing.NDArray[np.int64]"
) -> Cases:
    count = len(p)
    places = np.arange(count, dtype=np.int64)
    return Cases(
        np.full(count, "BTC"), places, FIRST_DAY_NS + places * QUARTER_NS, np.full(count, 120.0), p, np.full(count, np.nan),
        np.asarray(happened, dtype=np.float64),
    )  # fmt: skip


def _student(nu: float, count: int) -> "np.typing.NDArray[np.float64]":
    values: np.typing.NDArray[np.float64] = np.random.default_rng(4).standard_t(nu, count) * math.sqrt((nu - 2.0) / nu)
    return values


def _residuals(values: "np.typing.NDArray[np.float64]") -> Residuals:
    made = _drawn(np.full(len(values), 0.5), np.zeros(len(values), dtype=np.int64))
    return Residuals(made.asset, made.window, made.close_ns, made.seconds_left, values)


def test_the_marks_of_a_record_fall_into_every_time_to_the_close() -> None:
    assert {place for mark in MARKS for place in BUCKETS if place[0] <= mark < place[1]} == set(BUCKETS)
