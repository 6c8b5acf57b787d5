"""Skill of the forecast record: rows and columns of it, the page, the API, and what is kept of it."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
import redis
from django.conf import settings
from django.test import Client

from backtests import skill_cache
from backtests.core.skill import report
from backtests.core.table import table_of
from backtests.forecast_rows import record_of_account, rows_of_account
from backtests.forecast_table import table_of_account
from backtests.skill import Bounds, of_account
from backtests.tasks import skill as skill_task
from markets.core.units import SECOND_NS
from tests.builders_web_rows import CLOSE_NS, forecast, market, session
from trading.core.forecasts import MARKS_S

pytestmark = pytest.mark.django_db
QUARTER_NS = 900 * SECOND_NS


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """What other tests' databases held is in no report of this one's."""
    client = redis.Redis.from_url(settings.REDIS_URL)

    def forget() -> None:
        for key in client.scan_iter("bot:skill:*"):
            client.delete(key)

    forget()
    yield
    forget()
    client.close()


def record(windows: int, *, account: str = "demo", first: int = 0, marks: tuple[int, ...] = (600, 60)) -> None:
    """Settled windows in which the market knows more than we do."""
    random = np.random.default_rng(3)
    life = session(account)
    for number in range(first, first + windows):
        asset = "BTC" if number % 2 else "ETH"
        ticker, close_ns = f"KX{asset}15M-{number}", CLOSE_NS + number * QUARTER_NS
        yes = bool(random.random() < 0.5)
        market(ticker, asset=asset, close_ns=close_ns, open_ns=close_ns - QUARTER_NS, result="yes" if yes else "no")
        for mark in marks:
            said = 0.75 if yes else 0.25
            ours = float(np.clip(said + random.normal(0, 0.2), 0.02, 0.98))
            middle = round(10_000 * said)
            forecast(
                life, mark, ticker=ticker, asset=asset, close_ns=close_ns, event_ns=close_ns - mark * SECOND_NS,
                bid=middle - 50, ask=middle + 50, fair=ours, calibrated=ours, pooled=said, digital=ours, gbm_avg_emp=None,
            )  # fmt: skip


# Rows ---------------------------------------------------------------------------------------------------


def test_rows_hold_what_was_said_and_what_came_of_it() -> None:
    market()
    forecast(session(), 300)
    (row,) = rows_of_account("demo")
    assert (row.asset, row.close_ns, row.seconds_left, row.bid, row.ask, row.outcome) == (
        "BTC",
        CLOSE_NS,
        300,
        5_300,
        5_500,
        1,
    )
    assert row.probabilities["gbm_avg_t"] == 0.6
    assert row.probabilities["gbm_avg_emp"] is None
    assert row.book_age_ns == 180_000_000


def test_what_has_no_outcome_is_counted_by_why_and_never_scored() -> None:
    life = session()
    for number, (status, result, pays) in enumerate(
        [("settled", "no", None), ("settled", "scalar", 5_000), ("closed", "", None)]
    ):
        market(f"M{number}", status=status, result=result, yes_pays=pays)
        for mark in MARKS_S[:3]:
            forecast(life, mark, ticker=f"M{number}")
    forecast(life, 300, ticker="NOBODY-KNOWS-IT")
    found = record_of_account("demo")
    assert {row.ticker for row in found.rows} == {"M0"}
    assert {(each.why, each.rows, each.windows) for each in found.left_out} == {
        ("voided", 3, 1),
        ("not settled, or the result is not known", 4, 2),
        ("no forecast at that time (the session or tape did not cover it)", len(MARKS_S) - 3, 1),
    }


def test_another_accounts_forecasts_are_not_ours() -> None:
    market()
    forecast(session("other"), 300)
    assert rows_of_account("demo") == []


def test_bounds_are_of_the_close_and_the_asset() -> None:
    record(4)
    closes = sorted({row.close_ns for row in rows_of_account("demo")})
    assert len(closes) == 4
    assert {row.close_ns for row in rows_of_account("demo", closes[1], closes[3])} == set(closes[1:3])
    assert {row.asset for row in record_of_account("demo", asset="ETH").rows} == {"ETH"}


@pytest.mark.parametrize("asset", ["", "ETH"])
def test_columns_are_the_rows(asset: str) -> None:
    record(40)
    market("VOID", result="scalar", yes_pays=5_000)
    forecast(session(), 300, ticker="VOID", bid=0)
    forecast(session(), 45, ticker="KXETH15M-0", asset="ETH", close_ns=CLOSE_NS, bid=0, book_age_ns=None)
    rows = record_of_account("demo", asset=asset)
    table, left_out = table_of_account("demo", asset=asset)
    assert left_out == rows.left_out
    first, second = (msgspec.to_builtins(report(each)) for each in (table, table_of(rows.rows)))
    assert first["models"] == second["models"]
    assert first == second


def test_an_empty_record_has_no_columns() -> None:
    table, left_out = table_of_account("demo")
    assert (table.mid.size, table.windows, left_out) == (0, 0, ())


# The page -----------------------------------------------------------------------------------------------


def page(client: Client, query: str = "", status: int = 200) -> str:
    reply = client.get(f"/skill/{query}")
    assert reply.status_code == status
    return reply.content.decode()


def test_an_empty_page_says_when_numbers_will_come(as_bob: Client) -> None:
    shown = page(as_bob)
    assert "Not enough data: 0 of 30 settled windows." in shown
    assert "No forecast has been made yet; it needs a running trader." in shown


def test_windows_so_far_are_told(as_bob: Client) -> None:
    record(12)
    shown = page(as_bob)
    assert "Not enough data: 12 of 30 settled windows." in shown
    assert "24 forecasts so far." in shown
    assert '<progress max="30" value="12"' in shown
    assert 'id="models"' not in shown


def test_the_page_says_that_the_market_is_better_and_shows_every_model_next_to_it(as_bob: Client) -> None:
    record(120)
    shown = page(as_bob)
    told = of_account("demo").report
    sentence = next(each for each in told.models if each.name == "fair").versus[0].sentence
    assert sentence.startswith("The market's mid is better than the configured model (Brier 0.0625 against ")
    assert sentence.replace("'", "&#x27;") in shown
    for name in ("the market's mid", "naive N(d2)", "a coin (0.5)", "gbm_avg, Student's t", "the pooled probability"):
        assert name.replace("'", "&#x27;") in shown
    assert 'class="reliability"' in shown
    assert 'class="distances"' in shown
    assert "style=" not in shown.split("<main", 1)[1]  # the content security policy takes none
    assert shown.count("not enough data") >= 1  # price ranges that nobody quoted


def test_another_model_can_be_looked_at_and_an_unknown_one_is_the_configured_one(as_bob: Client) -> None:
    record(40)
    assert "Reliability: naive N(d2)" in page(as_bob, "?model=digital")
    assert "Reliability: the configured model" in page(as_bob, "?model=%3Cscript%3E")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?since=yesterday", "&#x27;yesterday&#x27; is not a day; write it like 2026-05-13."),
        ("?since=2026-05-13&until=2026-05-12", "The day 2026-05-13 is after 2026-05-12."),
        ("?asset=%3Cb%3E", "An asset is written like BTC."),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(as_bob: Client, query: str, sentence: str) -> None:
    assert sentence in page(as_bob, query, 400)
    reply = as_bob.get(f"/api/v1/skill/{query}")
    assert reply.status_code == 400
    assert reply.json()["detail"] == sentence.replace("&#x27;", "'")


def test_a_simulated_market_is_called_one_and_a_real_one_is_not(as_bob: Client) -> None:
    record(2)
    assert "This market is simulated" in page(as_bob)
    assert as_bob.get("/api/v1/skill/").json()["is_simulated"] is True
    market("REAL", close_ns=CLOSE_NS + 50 * QUARTER_NS, is_simulated=False)
    forecast(session(), 300, ticker="REAL", close_ns=CLOSE_NS + 50 * QUARTER_NS)
    assert "This market is simulated" not in page(as_bob)


def test_one_asset_alone(as_bob: Client) -> None:
    record(80)
    assert as_bob.get("/api/v1/skill/?asset=eth").json()["report"]["windows"] == 40


# The API ------------------------------------------------------------------------------------------------


def test_the_api_tells_the_numbers_of_the_report(as_bob: Client) -> None:
    record(120)
    found = as_bob.get("/api/v1/skill/").json()
    assert (found["account"], found["is_old"], found["forecasts"], found["windows_for_a_score"]) == (
        "demo",
        False,
        240,
        30,
    )
    assert found["report"] == msgspec.json.decode(msgspec.json.encode(of_account("demo").report))
    fair = next(each for each in found["report"]["models"] if each["name"] == "fair")
    assert fair["versus"][0]["verdict"] == "worse"
    assert {each["against"] for each in fair["versus"]} == {"market", "digital", "coin"}


# What is kept -------------------------------------------------------------------------------------------


def scored_again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The accounts that are scored from now on."""
    made: list[str] = []

    def counted(account: str, bounds: Bounds) -> Any:
        made.append(account)
        return of_account(account, bounds)

    monkeypatch.setattr(skill_cache, "of_account", counted)
    return made


def test_a_report_is_made_once_until_another_window_settles_or_is_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    record(4)
    made = scored_again(monkeypatch)
    first = skill_cache.skill_of("demo")
    assert skill_cache.skill_of("demo").told == first.told
    assert made == ["demo"]
    record(1, first=4)
    again = skill_cache.skill_of("demo").told
    assert again is not None
    assert again.report.windows == 5
    assert made == ["demo", "demo"]


def test_a_large_record_is_the_workers_and_the_page_waits_without_it(
    monkeypatch: pytest.MonkeyPatch, as_bob: Client
) -> None:
    record(40)
    monkeypatch.setattr(skill_cache, "AT_ONCE", 10)
    asked: list[Any] = []
    monkeypatch.setattr(skill_cache, "_hand_over", lambda *words: asked.append(words))
    made = scored_again(monkeypatch)
    assert "The worker is scoring 80 forecasts." in page(as_bob)
    assert as_bob.get("/api/v1/skill/").json()["report"] is None
    assert asked == [("demo", "", "", "")]  # once, however often it is looked at
    assert made == []
    assert skill_task(*asked[0]) is True
    assert made == ["demo"]
    assert 'id="models"' in page(as_bob)
    record(1, first=40)
    assert "Windows have settled since this report; a new one is being made." in page(as_bob)
    assert made == ["demo"]
    assert len(asked) == 2


def test_what_another_version_kept_is_made_anew() -> None:
    record(4)
    skill_cache.skill_of("demo")
    client = redis.Redis.from_url(settings.REDIS_URL)
    (key,) = client.scan_iter("bot:skill:*")
    client.set(key, b'["of another form"]')
    client.close()
    told = skill_cache.skill_of("demo").told
    assert told is not None
    assert told.report.windows == 4


def test_a_record_of_one_sided_quotes_is_compared_where_that_is_asked_for() -> None:
    market()
    forecast(session(), 60, bid=9_900, ask=10_000)
    assert of_account("demo").report.quoted == 0
    told = of_account("demo", one_sided=True)
    assert told.report.quoted == 1
    assert any("nobody offers as an offer of $1" in note for note in told.notes)
