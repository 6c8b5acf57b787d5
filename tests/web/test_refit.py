"""Refit: what is learnt from an account's settled windows becomes rows, once, and only where there are windows enough."""

import fcntl
import math
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from backtests import fitting, tasks
from backtests.fitting_record import kinds_by_version, record_of, under_of_versions
from markets.core.units import DAY_NS
from markets.models import Market
from tests.builders_fitting import FIRST_DAY_NS, QUARTER_NS, record, rows
from trading import selectors
from trading.artefacts import artefacts_add
from trading.core.events import Event, FittedSet
from trading.core.fitted import (
    ALL,
    BUCKETS,
    CalibrationMap,
    Fitted,
    FittedTails,
    PoolingWeight,
    SeasonalProfile,
    VolatilityWeights,
    applying,
)
from trading.core.parameters import Parameters
from trading.core.pricing import calibration_of
from trading.models import Account, AppendOnlyError, FittedArtefact
from trading.services import parameters_set

pytestmark = pytest.mark.django_db
UNTIL_NS = FIRST_DAY_NS + 2_000 * QUARTER_NS


def refit(account: str = "demo", until_ns: int = UNTIL_NS) -> fitting.Refit:
    return fitting.refit(account, until_ns=until_ns)


def weight(windows: int = 600, **different: object) -> PoolingWeight:
    values = {
        "group": "BTC",
        "windows": windows,
        "first_ns": 1,
        "through_ns": 2,
        "weight": 0.12,
        "standard_error": 0.0867,
    }
    return PoolingWeight(**(values | different))  # type: ignore[arg-type]


def _of(created_at: datetime, through_ns: int) -> FittedArtefact:
    return FittedArtefact(
        account="demo", kind="pooling", group="BTC", least_s=0.0, windows=1, first_ns=1, through_ns=through_ns, payload={},
        created_at=created_at,
    )  # fmt: skip


# What is fitted -------------------------------------------------------------------------------------------------


def test_what_is_learnt_is_a_row_with_the_windows_it_saw() -> None:
    record("demo", rows(400, a=0.3, b=0.8))
    made = refit()
    places = {(row.kind, row.variety, row.group) for row in made.new}
    assert places == {("calibration", "platt", "BTC"), ("calibration", "beta", "BTC"), ("pooling", "", "BTC")}
    row = FittedArtefact.objects.filter(variety="platt", least_s=60).get()
    assert (row.windows, row.first_ns) == (400, FIRST_DAY_NS + QUARTER_NS)
    assert row.through_ns == FIRST_DAY_NS + 400 * QUARTER_NS
    assert (
        row.report["walk_forward"]["windows"] == 400 - 4 * 96
    )  # the fifth day is the first with 300 windows before it
    assert made.windows == 400


def test_tails_weights_of_the_volatility_and_isotonic_maps_come_with_more_windows() -> None:
    made = rows(1_100, marks=(480,))
    record("demo", made)
    found = {(row.kind, row.variety): row for row in refit().new}
    assert set(found) == {
        ("calibration", "platt"), ("calibration", "beta"), ("pooling", ""), ("tails", ""), ("volatility", "")
    }  # fmt: skip
    report = found["tails", ""].report
    assert report["interval"][0] <= found["tails", ""].payload["freedom"] <= report["interval"][1]
    assert {"qlike_before", "qlike_after"} == set(found["volatility", ""].report)


def test_what_a_settlement_came_to_is_measured_in_the_deviations_that_were_expected() -> None:
    """Eight minutes before the close, at the strike, 50 % a year: s is 0.5 sqrt((480 - 40.4972) / 31536000)."""
    record("demo", rows(1, marks=(480,)))
    Market.objects.update(settle_value="100.20", result="yes")
    found = record_of("demo", UNTIL_NS).residuals.value
    s = math.hypot(0.5 * math.sqrt((480 - 40.497222) / 31_536_000), 1e-5)
    assert found.tolist() == pytest.approx([math.log(100.20 / 99.995) / s], rel=1e-6)


def test_the_hours_of_the_week_come_with_four_weeks_of_settlements() -> None:
    luck = np.random.default_rng(7)
    level = 100.0 * np.exp(np.cumsum(luck.normal(0.0, 1e-3, 28 * 96 + 1)))
    made = rows(28 * 96 + 1, marks=(480,))
    record("demo", made)
    for row, value in zip(made, level.tolist(), strict=True):
        Market.objects.filter(ticker=row.ticker).update(settle_value=f"{value:.4f}")
    refit(until_ns=FIRST_DAY_NS + 3_000 * QUARTER_NS)
    (profile,) = selectors.fitted_in_force("demo").seasonality
    week = [*profile.weekday] * 5 + [*profile.weekend] * 2
    assert np.mean(week) == pytest.approx(1.0, abs=1e-9)
    assert min(week) > 0.3
    assert max(week) < 2.5


def test_voided_and_unsettled_windows_have_no_part_in_it() -> None:
    made = rows(330, a=0.3, b=0.8)
    record("demo", made)
    Market.objects.filter(
        ticker__in=[row.ticker for row in made if row.close_ns > FIRST_DAY_NS + 310 * QUARTER_NS]
    ).update(result="scalar", yes_pays=5_000)
    Market.objects.filter(ticker__in=[made[0].ticker, made[4].ticker]).update(
        status="closed", result="", settle_value=""
    )
    assert {row.windows for row in refit().new} == {308}


def test_what_settled_after_the_time_of_the_refit_has_no_part_in_it() -> None:
    record("demo", rows(400))
    refit(until_ns=FIRST_DAY_NS + 351 * QUARTER_NS)
    assert {row.through_ns for row in FittedArtefact.objects.all()} == {FIRST_DAY_NS + 350 * QUARTER_NS}


def test_another_accounts_forecasts_have_no_part_in_it() -> None:
    record("other", rows(400))
    assert (refit().new, refit().windows) == ([], 0)


def test_too_few_windows_give_nothing_and_say_so() -> None:
    record("demo", rows(99))
    assert refit() == ([], 99, "99 settled windows are too few: the first weight is shown from 100 on")


# What was said with other artefacts in force ------------------------------------------------------------------


def tails(**different: object) -> FittedTails:
    """Fitted on what came before the record, unless told otherwise."""
    values: dict[str, Any] = {"group": "BTC", "windows": 600, "first_ns": 1, "through_ns": 2, "freedom": 3.7}
    return FittedTails(**(values | different))


def corrections() -> list[tuple[str, str, int, list[str]]]:
    """The maps and weights that stand, 1 to 5 minutes before the close."""
    found = FittedArtefact.objects.filter(kind__in=["calibration", "pooling"], least_s=60).order_by("version")
    return [(row.kind, row.variety, row.windows, row.payload["under"]) for row in found]


def test_the_versions_of_a_forecast_say_which_kinds_it_was_made_with() -> None:
    learnt = [
        VolatilityWeights(group="BTC", windows=1, first_ns=1, through_ns=2),
        tails(),
        tails(least_s=60.0),
        weight(),
        CalibrationMap(group="BTC", windows=1, first_ns=1, through_ns=2),
    ]
    versions = [row.version for row in artefacts_add("demo", [(each, {}) for each in learnt])]
    kinds = kinds_by_version()
    assert under_of_versions(versions, kinds) == ("tails", "volatility")
    assert under_of_versions(versions[1:3], kinds) == ("tails",)
    assert under_of_versions([*versions[3:], 999_999], kinds) == under_of_versions([], kinds) == ()


def test_a_fit_takes_what_was_said_with_the_same_kinds_as_are_in_force_now() -> None:
    """The first 350 windows were said without tails and are far off; the later 400 with them, and are right. They are
    fitted as they are alone."""
    (row,) = artefacts_add("demo", [(tails(), {})])
    early, late = rows(350, a=1.5, b=0.4, seed=5), rows(750)[350 * 4 :]
    record("demo", [*early, *late], versions={each.ticker: [row.version] for each in late})
    refit()
    assert corrections() == [
        ("calibration", "platt", 400, ["tails"]), ("calibration", "beta", 400, ["tails"]), ("pooling", "", 400, ["tails"])
    ]  # fmt: skip
    record("alone", [each._replace(ticker=f"alone-{each.ticker}") for each in late])
    refit("alone")
    place = {"variety": "platt", "least_s": 60}
    mixed, alone = (FittedArtefact.objects.get(account=account, **place).payload for account in ("demo", "alone"))
    assert (mixed["coefficients"], alone["under"]) == (pytest.approx(alone["coefficients"]), [])


def test_too_few_windows_since_give_no_map_and_the_older_one_no_longer_applies() -> None:
    made = rows(600)
    (row,) = artefacts_add("demo", [(tails(through_ns=made[400 * 4].close_ns), {})])
    record("demo", made, versions={each.ticker: [row.version] for each in made[401 * 4 :]})
    refit(until_ns=made[399 * 4].close_ns)
    asked = (Parameters(), "BTC", 120.0)
    before = selectors.fitted_in_force("demo")
    at_ns = made[400 * 4].close_ns
    assert calibration_of(before, *asked, at_ns, under=()) is not None
    assert {under == [] for *_, under in corrections()} == {True}
    refit()
    after = selectors.fitted_in_force("demo")
    assert calibration_of(after, *asked, UNTIL_NS, under=("tails",)) is None
    assert [(each.windows, each.under) for each in after.pooling if each.least_s == 60.0] == [(199, ("tails",))]


def test_what_is_switched_off_is_not_waited_for() -> None:
    made = rows(700)
    (row,) = artefacts_add("demo", [(VolatilityWeights(group="BTC", windows=1_000, first_ns=1, through_ns=2), {})])
    record("demo", made, versions={each.ticker: [row.version] for each in made[: 350 * 4]})
    parameters_set(Parameters(volatility_forecast="single"), author=None, reason="one half-life is enough")
    refit()
    assert {(windows, tuple(under)) for _, _, windows, under in corrections()} == {(350, ())}
    assert FittedArtefact.objects.get(variety="platt", least_s=60).first_ns == made[350 * 4].close_ns


def test_each_asset_is_fitted_under_what_is_in_force_for_it() -> None:
    (row,) = artefacts_add("demo", [(tails(), {})])  # Bitcoin's alone
    made = [*rows(320), *rows(310, asset="ETH", seed=2)]
    record("demo", made, versions={each.ticker: [row.version] for each in made if each.asset == "BTC"})
    refit()
    platt = FittedArtefact.objects.filter(variety="platt", least_s=60)
    found = {each.group: (each.windows, each.payload["under"]) for each in platt}
    assert found == {"BTC": (320, ["tails"]), "ETH": (310, [])}


def test_a_row_of_before_there_were_regimes_is_of_none() -> None:
    for made in (weight(), CalibrationMap(group="BTC", windows=1, first_ns=1, through_ns=2)):
        (row,) = artefacts_add("demo", [(made, {})])
        del row.payload["under"]
        assert row.artefact() == msgspec.structs.replace(made, version=row.version)
        assert row.artefact().under == ()


# Twice, and at the same time ------------------------------------------------------------------------------------


def test_a_refit_on_nothing_new_adds_nothing() -> None:
    record("demo", rows(320))
    first = refit()
    again = refit()
    assert (len(again.new), again.words) == (0, "the 320 settled windows say nothing that is not in force already")
    assert FittedArtefact.objects.count() == len(first.new)


def test_the_task_fits_once_a_day_and_only_where_something_settled() -> None:
    Account.objects.create(name="demo", opening_cash=0)
    record("demo", rows(320))
    assert not fitting.is_due("other")
    assert fitting.is_due("demo")
    now_ns = int(timezone.now().timestamp() * 1e9)
    FittedArtefact.objects.bulk_create([_of(timezone.now() - timedelta(days=1), FIRST_DAY_NS)])
    assert fitting.is_due("demo")
    FittedArtefact.objects.bulk_create([_of(timezone.now() - timedelta(days=1), now_ns)])
    assert not fitting.is_due("demo")  # nothing has settled since
    FittedArtefact.objects.bulk_create([_of(timezone.now(), FIRST_DAY_NS)])
    assert not fitting.is_due("demo")  # there is one of today
    assert tasks.refit() == 0


def test_one_refit_at_a_time() -> None:
    record("demo", rows(320))
    path = Path(settings.BOT_HOME) / "refit.lock"
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert refit() == ([], 0, "another refit is at work")
    assert refit().new != []


# Rows that are only added ---------------------------------------------------------------------------------------


def test_an_artefact_is_never_changed_and_never_deleted() -> None:
    (row,) = artefacts_add("demo", [(weight(), {})])
    row.windows = 1
    for attempt in (row.save, row.delete, FittedArtefact.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            attempt()
    with pytest.raises(AppendOnlyError):
        FittedArtefact.objects.update(windows=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        connection.cursor().execute("UPDATE trading_fittedartefact SET windows = 1")


def test_every_kind_is_the_same_after_the_table_and_after_a_tape() -> None:
    place: Any = {"group": "BTC", "windows": 600, "first_ns": 1, "through_ns": 2}
    learnt = [
        CalibrationMap(**place, coefficients=(0.1, 0.9), error=0.01),
        CalibrationMap(**place, kind="isotonic", x=(0.1, 0.9), y=(0.2, 0.8)),
        weight(),
        FittedTails(**place, freedom=3.7, start=-3.0, step=0.1, values=(0.01, 0.5, 0.99)),
        VolatilityWeights(**place, coefficients=(0.1, 0.2, 0.3, 0.4)),
        SeasonalProfile(**place, weekday=(1.0,) * 96, weekend=(1.0,) * 96),
    ]
    rows_added = artefacts_add("demo", [(each, {"endless": float("inf")}) for each in learnt])
    assert [row.report for row in rows_added] == [{"endless": None}] * len(learnt)
    fitted = selectors.fitted_in_force("demo")
    found = [*fitted.calibration, *fitted.pooling, *fitted.tails, *fitted.volatility, *fitted.seasonality]
    stripped = [msgspec.structs.replace(each, version=0) for each in found]
    assert sorted(map(repr, stripped)) == sorted(map(repr, learnt))
    assert {each.version for each in found} == {row.version for row in rows_added}
    event = FittedSet(5, fitted)
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event


def test_the_newest_of_each_place_is_in_force() -> None:
    artefacts_add("demo", [(weight(), {}), (weight(group=ALL, weight=0.4), {}), (weight(least_s=60.0), {})])
    newest = artefacts_add("demo", [(weight(weight=0.2), {})])
    artefacts_add("other", [(weight(weight=0.9), {})])
    found = {(each.group, each.least_s): each.weight for each in selectors.fitted_in_force("demo").pooling}
    assert found == {("BTC", 0.0): 0.2, (ALL, 0.0): 0.4, ("BTC", 60.0): 0.12}
    assert selectors.fitted_version("demo") == newest[0].version
    assert (selectors.fitted_version("nobody"), selectors.fitted_in_force("nobody")) == (0, Fitted())


def test_an_artefact_applies_only_after_all_that_it_saw() -> None:
    record("demo", rows(400))
    refit()
    fitted = selectors.fitted_in_force("demo")
    through_ns = FIRST_DAY_NS + 400 * QUARTER_NS
    for least_s, _ in BUCKETS:
        assert applying(fitted.pooling, "BTC", least_s, through_ns) is None
        assert applying(fitted.pooling, "BTC", least_s, through_ns + 1) is not None
    assert applying(fitted.pooling, "ETH", 0.0, through_ns + 1) is None


@pytest.mark.parametrize("days", [0, 400, 40_000], ids=["a tape of long ago", "lately", "a market ahead of our clock"])
def test_an_account_lives_by_the_clock_of_its_market(days: int) -> None:
    made = [row._replace(close_ns=row.close_ns + days * DAY_NS) for row in rows(350)]
    record("demo", made)
    assert fitting.refit("demo").windows == 350
    assert {row.through_ns for row in FittedArtefact.objects.all()} == {made[-1].close_ns}


# The command ----------------------------------------------------------------------------------------------------


def said(*words: str) -> str:
    out = StringIO()
    call_command("fit", *words, stdout=out)
    return out.getvalue()


def test_the_command_fits_and_shows_what_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "until 500 windows exist the weight of our opinion is 0.25" in said("--account", "demo", "--show")
    artefacts_add("demo", [(weight(), {}), (weight(windows=120, least_s=60.0, most_s=300.0), {})])
    text = said("--account", "demo", "--show")
    assert "w = 0.12 (-0.05 to 0.29): not above zero by more than chance" in text
    assert "used: 0.06, its lower quarter; no measurable edge, so nothing is bought on it" in text
    assert "until 500 windows exist 0.25 is used (120 do)" in text
    assert '"weight": 0.12' in said("--account", "demo", "--show", "--json")
    assert "demo: 0 settled windows, 0 new artefacts." in said("--account", "demo")


def test_the_command_refuses_what_does_not_go_together(tmp_path: Path) -> None:
    for words in (["--settled", str(tmp_path)], ["--settled", str(tmp_path), "--show"]):
        with pytest.raises(CommandError):
            said(*words)
