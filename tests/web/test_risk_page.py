"""The page Risk and its API: every limit and breaker is there, with its rule; what was stopped and who cleared it."""

from collections.abc import Iterator

import pytest
import redis
from django.conf import settings
from django.test import Client

from tests.builders_risk import risk_now, risk_section
from tests.builders_web import KEY, publish, snapshot
from tests.builders_web_rows import session
from trading import halt_rows
from trading.core.breakers import RULES
from trading.core.decision import BreakerChange
from trading.core.limits import LIMITS, RiskLimits
from trading.risk_rows import again

pytestmark = pytest.mark.django_db


@pytest.fixture
def wire() -> Iterator[redis.Redis]:
    """Without a snapshot of any other test."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.delete(KEY)
    yield client
    client.delete(KEY)
    client.close()


def test_the_page_has_a_place_for_every_limit_and_every_breaker_with_its_rule(as_bob: Client) -> None:
    text = as_bob.get("/risk/").content.decode()
    assert [field for field in RiskLimits.__struct_fields__ if f'data-limit="{field}"' not in text] == []
    assert [rule.code for rule in RULES if f'data-breaker="{rule.code}"' not in text] == []
    words = text.replace("&#x27;", "'")
    assert [rule.code for rule in RULES if rule.trips not in words or rule.clears not in words] == []


def test_the_page_lists_open_and_past_halts_and_who_cleared_them(as_bob: Client) -> None:
    assert "No breaker has tripped." in as_bob.get("/risk/").content.decode()
    trip = BreakerChange("DRAWDOWN", True, True, "10.40 % below $10000")
    halt_rows.write(session("demo").pk, "demo", [
        (10**18, trip), (10**18 + 1, BreakerChange("DRAWDOWN", False, True, by="ada")),
        (10**18 + 2, BreakerChange("STALE", True, False, "silent for 15.0 s")),
    ])  # fmt: skip
    text = as_bob.get("/risk/").content.decode()
    assert all(part in text for part in ("10.40 % below $10000", "ada", "silent for 15.0 s", "by itself"))


def test_the_page_has_neither_script_nor_style_of_its_own(as_bob: Client) -> None:
    text = as_bob.get("/risk/").content.decode()
    assert "style=" not in text
    assert "<style" not in text
    assert text.count("<script") == 1


def test_the_section_has_every_field_and_every_breaker() -> None:
    told = risk_section(real=True)
    assert [row["name"] for row in told["limits"]] == list(LIMITS)
    assert set(LIMITS) == set(RiskLimits.__struct_fields__)
    assert [row["code"] for row in told["breakers"]] == [rule.code for rule in RULES]
    assert {row["age_ms"] for row in told["limits"] if row["is_required"] and row["code"] != "CLOCK_SKEW"} == {400}


@pytest.mark.parametrize(
    ("halted", "real", "wanted", "said"),
    [
        (False, False, "ACTIVE", "Nothing: orders go out whenever a signal passes every limit."),
        (False, False, "REDUCING", "Set the mode to ACTIVE (Start on the live page): only orders that close what is held go out now."),
        (False, False, "HALTED", "Set the mode to ACTIVE (Start on the live page): a person has halted."),
        (True, False, "ACTIVE", "Set the mode to ACTIVE again (Start on the live page)."),
        (False, True, "ACTIVE", "Take the file HALT out of the folder of the bot, then wait until every check is told again (below is which are not), then arm real orders."),
    ],
)  # fmt: skip
def test_one_sentence_says_what_to_do(halted: bool, real: bool, wanted: str, said: str) -> None:
    risk = risk_now(halted=halted, real=real)
    risk.wanted = wanted  # type: ignore[assignment]
    assert again(risk) == said


def test_the_api_tells_every_limit_and_breaker_of_the_latest_snapshot(as_bob: Client, wire: redis.Redis) -> None:
    assert as_bob.get("/api/v1/risk/").status_code == 503
    publish(wire, snapshot(risk=risk_section(halted=True)))
    told = as_bob.get("/api/v1/risk/").json()
    assert (told["mode"], told["halt"], len(told["limits"])) == ("HALTED", "DRAWDOWN", len(LIMITS))
    drawdown = next(row for row in told["breakers"] if row["code"] == "DRAWDOWN")
    assert (drawdown["is_tripped"], drawdown["is_latched"], drawdown["since"]) == (
        True,
        True,
        "2026-11-22T16:40:00.000000Z",
    )
    assert drawdown["clears"] == "when a person sets the mode again; the peak is then counted from there"


def test_halts_are_listed_newest_first_and_found_by_code_time_and_whether_they_are_open(as_bob: Client) -> None:
    told = [
        (10**18, BreakerChange("DRAWDOWN", True, True, "far down", 1_040, 1_000)),
        (10**18 + 10**9, BreakerChange("DRAWDOWN", False, True, by="ada")),
        (10**18 + 2 * 10**9, BreakerChange("STALE", True, False)),
    ]
    halt_rows.write(session("demo").pk, "demo", told)
    halt_rows.write(session("other").pk, "other", told[:1])
    queries = {
        "": 2,
        "code=STALE": 1,
        "is_open=true": 1,
        "is_open=false": 1,
        "account=other": 1,
        "since=2001-09-09T01:46:41Z": 1,
    }
    assert {query: len(as_bob.get(f"/api/v1/halts/?{query}").json()["results"]) for query in queries} == queries
    newest, oldest = as_bob.get("/api/v1/halts/").json()["results"]
    assert (newest["code"], newest["cleared_at"]) == ("STALE", None)
    assert (oldest["cleared_by"], oldest["cleared_at"]) == ("ada", "2001-09-09T01:46:41.000000Z")
    assert as_bob.get("/api/v1/halts/?is_open=perhaps").status_code == 400
