"""The page and the API of what was learnt: the weight of our opinion first and in words, what is in force, what was before."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.builders_fitting import record, rows
from tests.conftest import signed_in
from tests.web.test_refit import refit, weight
from trading.artefacts import artefacts_add
from trading.core.fitted import CalibrationMap, FittedTails, Learnt, SeasonalProfile, VolatilityWeights
from trading.core.parameters import Parameters
from trading.fitted_words import effect_words, reach, sentence
from trading.models import FittedArtefact
from trading.services import parameters_set

pytestmark = pytest.mark.django_db
PLACE = {"group": "BTC", "windows": 600, "first_ns": 1, "through_ns": 2}
WALKED = {"brier_before": 0.1234, "brier_after": 0.1239, "windows": 1_234, "verdict": "no difference beyond chance"}


def row_of(learnt: Learnt, report: dict[str, object] | None = None) -> FittedArtefact:
    return artefacts_add("demo", [(learnt, report or {})])[0]


def page(client: Client, query: str = "") -> str:
    return client.get(f"/fitted/{query}").content.decode()


def test_without_anything_learnt_the_page_says_what_is_used_and_what_is_needed(as_bob: Client) -> None:
    text = page(as_bob)
    assert "Not known yet." in text
    assert "Until 500 windows exist 0.25 is used" in text
    assert "tails 500" in text


def test_the_weight_is_told_in_words_with_its_interval(as_bob: Client) -> None:
    row_of(weight(windows=1_600), {"walk_forward": WALKED})
    text = page(as_bob)
    assert "w = 0.12 (-0.05 to 0.29): not above zero by more than chance" in text
    assert "no measurable edge, so nothing is bought on it" in text
    assert "Brier 0.1239, the market 0.1234, on 1,234 unseen windows: no difference beyond chance" in text
    assert "1,600" in text
    assert text.index("How much is our opinion worth") < text.index("In force")


def test_a_weight_of_few_windows_says_that_another_is_used(as_bob: Client) -> None:
    row_of(weight(windows=120))
    assert "until 500 windows exist 0.25 is used (120 do)" in page(as_bob)
    parameters_set(Parameters(pooling_windows=100, pooling_weight=0.1), author=None, reason="earlier")
    text = page(as_bob)
    assert "used: 0.06, its lower quarter" in text
    assert "(while no tails, hours or volatility are fitted)" in text
    assert "Until 100 windows exist 0.1 is used" in text
    parameters_set(Parameters(pooling="off"), author=None, reason="our own")
    assert "Pooling is switched off" in page(as_bob)


def test_what_was_in_force_before_is_kept_below(as_bob: Client) -> None:
    row_of(weight(weight=0.8))
    row_of(weight(weight=0.2))
    text = page(as_bob)
    assert text.index("w = 0.20") < text.index("Before") < text.index("w = 0.80")


def test_a_long_history_comes_a_page_at_a_time(as_bob: Client) -> None:
    artefacts_add("demo", [(weight(weight=number / 100), {}) for number in range(70)])
    assert "page 1 of 2" in page(as_bob)
    assert "w = 0.00" in page(as_bob, "?page=2")
    assert "page 2 of 2" in page(as_bob, "?page=999")


def test_a_real_refit_is_a_page(as_bob: Client) -> None:
    record("demo", rows(400, a=0.3, b=0.8))
    refit()
    text = page(as_bob)
    assert "shrinks towards even" in text
    assert "the last minute" in text
    assert "10 minutes left and more" in text


@pytest.mark.parametrize(
    ("learnt", "words"),
    [
        (CalibrationMap(**PLACE, coefficients=(-0.1, 1.2)), "logit p' = -0.100 +1.200 logit p: sharpens"),  # type: ignore[arg-type]
        (
            CalibrationMap(**PLACE, kind="beta", coefficients=(0.5, 1.5, -0.2)),  # type: ignore[arg-type]
            "logit p' = 0.500 ln p -1.500 ln(1 - p) -0.200",
        ),
        (
            CalibrationMap(**PLACE, kind="isotonic", x=(0.1, 0.9), y=(0.2, 0.8)),  # type: ignore[arg-type]
            "2 steps from 0.200 to 0.800, straight lines between",
        ),
        (FittedTails(**PLACE, freedom=3.74, values=(0.01, 0.99)), "nu = 3.7 (3.1 to 4.6), and a table of 2 points"),  # type: ignore[arg-type]
        (
            VolatilityWeights(**PLACE, coefficients=(-0.5, 0.2, 0.3, 0.4)),  # type: ignore[arg-type]
            "ln v = -0.50 + 0.20 fast, 0.30 middle, 0.40 slow (logarithms of the variance rates)",
        ),
        (
            SeasonalProfile(**PLACE, weekday=(0.5, 2.0) * 48, weekend=(0.4,) * 96),  # type: ignore[arg-type]
            "from 0.40 to 2.00 times the variance of the week; 0.40 at the weekend",
        ),
    ],
    ids=lambda each: type(each).__name__,
)
def test_every_kind_has_its_words(learnt: Learnt, words: str) -> None:
    assert sentence(row_of(learnt, {"interval": [3.1, 4.6]})) == words


@pytest.mark.parametrize(
    ("least_s", "most_s", "words"),
    [(0.0, 60.0, "the last minute"), (60.0, 300.0, "1 to 5 minutes left"), (600.0, 1e9, "10 minutes left and more"),
     (0.0, 1e9, "all the time")],
)  # fmt: skip
def test_the_time_to_the_close_is_told_in_minutes(least_s: float, most_s: float, words: str) -> None:
    assert reach(row_of(weight(least_s=least_s, most_s=most_s))) == words


def test_what_was_not_judged_says_so() -> None:
    assert effect_words(row_of(weight(), {"walk_forward": None})) == "not judged: too few windows before"
    assert effect_words(row_of(weight(weight=0.3), {"qlike_before": -17.2, "qlike_after": -17.25})) == (
        "QLIKE -17.2500, the blend -17.2000, on the later half"
    )


# The API --------------------------------------------------------------------------------------------------------


def test_the_api_lists_what_was_learnt_newest_first(as_bob: Client) -> None:
    artefacts_add("demo", [(weight(weight=0.8, through_ns=1_778_000_000 * 10**9), {"interval": [0.5, 1.1]})])
    artefacts_add("demo", [(weight(weight=0.2), {}), (CalibrationMap(**PLACE), {})])  # type: ignore[arg-type]
    artefacts_add("other", [(weight(weight=0.7), {})])
    found = as_bob.get("/api/v1/fitted/").json()["results"]
    assert [each["kind"] for each in found] == ["calibration", "pooling", "pooling"]
    last = found[-1]
    assert (last["payload"]["weight"], last["report"], last["most_s"]) == (0.8, {"interval": [0.5, 1.1]}, None)
    assert last["last_closed_at"] == "2026-05-05T16:53:20.000000Z"
    assert last["in_words"].startswith("w = 0.80 (0.63 to 0.97): above zero")
    in_force = as_bob.get("/api/v1/fitted/?in_force=true&kind=pooling").json()["results"]
    assert [each["payload"]["weight"] for each in in_force] == [0.2]
    other = as_bob.get("/api/v1/fitted/?account=other&group=BTC").json()["results"]
    assert [each["payload"]["weight"] for each in other] == [0.7]
    assert as_bob.get("/api/v1/fitted/?kind=magic").status_code == 400


def test_nobody_writes_over_the_api_or_in_the_admin(as_ada: Client, ada: User) -> None:
    row = row_of(weight())
    for method in ("post", "put", "patch", "delete"):
        assert getattr(as_ada, method)("/api/v1/fitted/").status_code == 405
    assert as_ada.get(reverse("admin:trading_fittedartefact_changelist")).status_code == 200
    shown = as_ada.get(reverse("admin:trading_fittedartefact_change", args=[row.pk]))
    assert shown.status_code == 200
    assert 'name="_save"' not in shown.content.decode()
    assert as_ada.get(reverse("admin:trading_fittedartefact_add")).status_code == 403
    assert (
        as_ada.post(reverse("admin:trading_fittedartefact_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    )
    assert signed_in(ada).get("/fitted/").status_code == 200
