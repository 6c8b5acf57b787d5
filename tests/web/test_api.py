"""The API: tokens, who may what, exact numbers as text, filters, pages, and a schema that is true."""

from collections.abc import Iterator
from datetime import datetime

import pytest
import redis
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from knox.models import AuthToken

from markets.core.units import SECOND_NS
from markets.models import Market
from markets.moments import time_ns, time_text
from tests.builders_web import KEY, publish, snapshot
from tests.builders_web_rows import OPEN_NS, TICKER, fill, forecast, market, order, session, signal, traded_market
from trading import services
from trading.core.limits import RiskLimits
from trading.models import Fill, Settlement, TraderStatus

LISTS = [
    "markets", "tapes", "signals", "forecasts", "orders", "fills", "positions", "settlements", "limits", "halts", "backtests",
]  # fmt: skip
SINGLES = ["status", "health", "prices", "exchange", "feeds", "risk", "skill"]


@pytest.fixture
def wire() -> Iterator[redis.Redis]:
    """The real Redis of the tests, without a snapshot."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.delete(KEY)
    yield client
    client.delete(KEY)
    client.close()


def token_of(user: User) -> dict[str, str]:
    """The header of a fresh token."""
    return {"Authorization": f"Token {AuthToken.objects.create(user)[1]}"}


def test_name_and_password_become_a_token_that_opens_the_api(as_eve: Client, bob: User) -> None:
    reply = as_eve.post("/api/v1/login/", {"username": "bob", "password": "just-looking-around"}, "application/json")
    assert reply.status_code == 200
    header = {"Authorization": f"Token {reply.json()['token']}"}
    assert as_eve.get("/api/v1/status/", headers=header).status_code == 200
    assert as_eve.get("/api/v1/status/").status_code == 401


def test_a_token_login_signs_no_browser_in(as_eve: Client, bob: User) -> None:
    as_eve.post("/api/v1/login/", {"username": "bob", "password": "just-looking-around"}, "application/json")
    assert as_eve.get("/").status_code == 302


def test_a_program_that_logs_in_often_leaves_no_row_for_each(as_eve: Client, bob: User) -> None:
    login = {"username": "bob", "password": "just-looking-around"}
    for _ in range(3):
        assert as_eve.post("/api/v1/login/", login, "application/json").status_code == 200
    assert (AccessLog.objects.count(), AccessAttempt.objects.count()) == (0, 0)


def test_a_wrong_password_gives_no_token(as_eve: Client, bob: User) -> None:
    reply = as_eve.post("/api/v1/login/", {"username": "bob", "password": "guess"}, "application/json")
    assert reply.status_code == 403
    assert not AuthToken.objects.exists()


def test_guessing_over_the_api_locks_the_same_door(as_eve: Client, bob: User) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        as_eve.post("/api/v1/login/", {"username": "bob", "password": "guess"}, "application/json")
    right = {"username": "bob", "password": "just-looking-around"}
    assert as_eve.post("/api/v1/login/", right, "application/json").status_code in {403, 429}
    assert not AuthToken.objects.exists()


def test_a_token_that_was_given_back_opens_nothing(as_eve: Client, bob: User) -> None:
    header = token_of(bob)
    assert as_eve.post("/api/v1/logout/", headers=header).status_code == 204
    assert as_eve.get("/api/v1/status/", headers=header).status_code == 401


@pytest.mark.parametrize("name", LISTS + SINGLES)
def test_a_stranger_reads_nothing(as_eve: Client, db: None, name: str) -> None:
    assert as_eve.get(f"/api/v1/{name}/").status_code == 401


@pytest.mark.parametrize("name", LISTS)
def test_somebody_who_only_looks_reads_every_list(as_bob: Client, name: str) -> None:
    reply = as_bob.get(f"/api/v1/{name}/")
    assert reply.status_code == 200
    assert reply.json()["results"] == []


def test_exact_numbers_are_decimal_text(as_bob: Client) -> None:
    traded_market()
    [row] = as_bob.get("/api/v1/fills/").json()["results"]
    assert (row["price"], row["count"], row["fee"]) == ("0.5260", "12.00", "0.210000")
    assert row["at"] == "2026-05-11T14:35:01.000000Z"


def test_a_market_is_read_by_its_ticker(as_bob: Client) -> None:
    market()
    row = as_bob.get(f"/api/v1/markets/{TICKER}/").json()
    assert (row["strike"], row["result"], row["closes_at"]) == (64_120.55, "yes", "2026-05-11T14:45:00.000000Z")


def test_markets_are_filtered_by_asset_status_and_time(as_bob: Client) -> None:
    market()
    market("KXBTC15M-OPEN", status="open", result="", settle_value="")
    for query, count in (("asset=BTC", 2), ("asset=ETH", 0), ("status=open", 1), ("since=2026-05-11T14:45:01Z", 0)):
        assert len(as_bob.get(f"/api/v1/markets/?{query}").json()["results"]) == count


def test_rows_are_filtered_by_account_ticker_and_time(as_bob: Client) -> None:
    life, other = session("demo"), session("tape-monday")
    order(life, 1)
    order(life, 2, ticker="KXETH15M-X", sent_ns=OPEN_NS + 900 * SECOND_NS)
    order(other, 1)
    queries = {
        "": 2,
        "account=tape-monday": 1,
        f"ticker={TICKER}": 1,
        "since=2026-05-11T14:40:00Z": 1,
        "account=nobody": 0,
    }
    found = {query: len(as_bob.get(f"/api/v1/orders/?{query}").json()["results"]) for query in queries}
    assert found == queries


def test_a_time_that_is_none_is_refused(as_bob: Client) -> None:
    reply = as_bob.get("/api/v1/orders/?since=yesterday")
    assert reply.status_code == 400
    assert "since" in reply.json()


def test_pages_follow_each_other_without_a_gap_or_a_double(as_bob: Client) -> None:
    life = session()
    for second in range(10):
        signal(life, second)
    seen: list[str] = []
    address = "/api/v1/signals/?limit=4"
    while address:
        page = as_bob.get(address).json()
        seen += [row["at"] for row in page["results"]]
        address = page["next"]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 10


def test_unknown_is_null_and_never_0(as_bob: Client) -> None:
    signal(session(), 5, fair=None, digital=None, edge_yes=None, spot=None, reason="NO_STRIKE")
    [row] = as_bob.get("/api/v1/signals/").json()["results"]
    assert (row["fair"], row["edge_yes"], row["spot"]) == (None, None, None)


def test_the_limits_in_force_are_the_newest(as_bob: Client) -> None:
    assert as_bob.get("/api/v1/limits/current/").status_code == 404
    services.limits_set(RiskLimits(), author=None, reason="first")
    services.limits_set(RiskLimits(max_daily_loss=0), author=None, reason="none today")
    assert as_bob.get("/api/v1/limits/current/").json()["max_daily_loss"] == "0.000000"
    assert len(as_bob.get("/api/v1/limits/").json()["results"]) == 2


def test_prices_are_the_snapshot_s(as_bob: Client, wire: redis.Redis) -> None:
    publish(wire, snapshot())
    body = as_bob.get("/api/v1/prices/").json()
    held, _, unknown = body["windows"]
    assert (held["bid"], held["ask"], held["fair"]) == ("0.5300", "0.5500", 0.5892)
    assert (unknown["bid"], unknown["ask"], unknown["fair"], unknown["spot"]) == (None, None, None, None)
    assert (held["models"]["digital"], held["models"]["gbm_avg_emp"], held["pooled"]) == (0.5489, None, 0.5445)
    assert (unknown["models"], unknown["calibrated"], unknown["pooled"]) == ({}, None, None)
    assert [venue["state"] for venue in body["venues"]] == ["fresh", "fresh", "stale", "lost"]


def test_every_method_has_its_price_beside_the_one_that_is_traded_on(as_bob: Client, wire: redis.Redis) -> None:
    publish(wire, snapshot())
    [bitcoin] = as_bob.get("/api/v1/prices/").json()["estimates"]
    assert (bitcoin["method"], bitcoin["value"]) == ("fusion", 64_133.02)
    assert [each["method"] for each in bitcoin["methods"]] == ["fusion", "vwap", "median", "replica"]
    assert bitcoin["methods"][3]["value"] is None
    assert bitcoin["volatility"]["signature"][2] == {"step_s": 5, "annualised": 0.431, "seconds": 1_800}
    assert [each["name"] for each in bitcoin["volatility"]["news"]] == ["US consumer prices"]
    assert bitcoin["methods"][0]["left_out"] == [{"venue": "kraken", "code": "stale", "text": "silent for 7.4 s"}]


def test_feeds_tell_their_state_in_the_venue_s_words_and_what_the_recorder_uses(
    as_bob: Client, wire: redis.Redis
) -> None:
    publish(wire, snapshot())
    body = as_bob.get("/api/v1/feeds/").json()
    assert [feed["state"] for feed in body["feeds"]] == ["up", "up", "unavailable"]
    assert "restricted location" in body["feeds"][2]["reason"]
    assert body["tape"]["bytes"] == 1_250_000_000


def test_the_exchange_is_told_as_it_is_heard_and_null_on_a_tape(as_bob: Client, wire: redis.Redis) -> None:
    publish(wire, snapshot())
    body = as_bob.get("/api/v1/exchange/").json()["exchange"]
    assert (body["how"], body["state"], body["clock_offset_ms"]) == ("socket", "up", -120.0)
    opened, awaited = body["windows"]
    assert (opened["strike"], awaited["strike"], awaited["shard"]) == (64_100.02, None, None)
    assert opened["closes_at"].endswith("Z")
    assert [lane["name"] for lane in body["budgets"]] == ["read", "write"]
    publish(wire, snapshot(exchange=None))
    assert as_bob.get("/api/v1/exchange/").json()["exchange"] is None


@pytest.mark.parametrize("path", ["prices", "exchange", "feeds"])
def test_without_a_trader_there_are_no_prices(as_bob: Client, wire: redis.Redis, path: str) -> None:
    assert as_bob.get(f"/api/v1/{path}/").status_code == 503


def test_the_status_shows_the_day_in_dollars(as_bob: Client, wire: redis.Redis) -> None:
    publish(wire, snapshot())
    body = as_bob.get("/api/v1/status/").json()
    assert body["day"]["pnl"] == "12.506600"
    assert (body["label"], body["is_alive"]) == ("DEMO", False)


def test_the_status_without_a_trader_is_null_where_it_is_unknown(as_bob: Client, wire: redis.Redis) -> None:
    body = as_bob.get("/api/v1/status/").json()
    assert (body["cash"], body["day"], body["heartbeat_age_s"]) == (None, None, None)


def test_health_answers_503_while_a_part_is_down(as_bob: Client, wire: redis.Redis) -> None:
    reply = as_bob.get("/api/v1/health/")
    assert reply.status_code == 503
    assert reply.json()["is_well"] is False


def test_an_operator_sets_the_mode(as_eve: Client, ada: User) -> None:
    reply = as_eve.post(
        "/api/v1/mode/", {"mode": "HALTED", "reason": "lunch"}, "application/json", headers=token_of(ada)
    )
    assert reply.json()["wanted_mode"] == "HALTED"
    assert TraderStatus.objects.get(pk=1).wanted_reason == "lunch"


def test_somebody_who_only_looks_cannot_set_the_mode(as_eve: Client, bob: User) -> None:
    reply = as_eve.post("/api/v1/mode/", {"mode": "HALTED"}, "application/json", headers=token_of(bob))
    assert reply.status_code == 403
    assert "operator" in reply.json()["detail"]


def test_a_mode_that_does_not_exist_is_refused(as_eve: Client, ada: User) -> None:
    reply = as_eve.post("/api/v1/mode/", {"mode": "YOLO"}, "application/json", headers=token_of(ada))
    assert reply.status_code == 400


def test_a_voided_market_says_what_a_yes_contract_paid(as_bob: Client) -> None:
    traded_market()
    assert as_bob.get("/api/v1/markets/").json()["results"][0]["yes_pays"] is None
    Market.objects.update(status="settled", result="scalar", yes_pays=4_000)
    Settlement.objects.update(result="scalar", yes_pays=4_000, payout=4_800_000)
    [market] = as_bob.get("/api/v1/markets/?status=settled").json()["results"]
    [settlement] = as_bob.get("/api/v1/settlements/").json()["results"]
    assert (market["result"], market["yes_pays"]) == ("scalar", "0.4000")
    assert (settlement["result"], settlement["yes_pays"], settlement["payout"]) == ("scalar", "0.4000", "4.800000")


def test_the_schema_is_valid_and_has_nothing_to_warn_of(tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    assert "/api/v1/orders/" in target.read_text()


def test_every_answer_has_exactly_the_fields_of_its_schema(as_bob: Client, wire: redis.Redis) -> None:
    traded_market()
    publish(wire, snapshot())
    services.limits_set(RiskLimits(), author=None, reason="first")
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    schemas = schema["components"]["schemas"]
    names = {"markets": "Market", "signals": "Signal", "orders": "Order", "fills": "Fill", "positions": "Position", "settlements": "Settlement", "limits": "Limits", "forecasts": "Forecast"}  # fmt: skip
    forecast(session(), 600)
    for path, name in names.items():
        row = as_bob.get(f"/api/v1/{path}/").json()["results"][0]
        assert set(row) == set(schemas[name]["properties"]), path
    assert set(as_bob.get("/api/v1/status/").json()) == set(schemas["Status"]["properties"])
    assert set(as_bob.get("/api/v1/prices/").json()["windows"][0]) == set(schemas["Window"]["properties"])
    assert set(as_bob.get("/api/v1/feeds/").json()["feeds"][0]) == set(schemas["Feed"]["properties"])


def test_the_documentation_page_names_every_call(as_bob: Client) -> None:
    text = as_bob.get("/api/v1/docs/").content.decode()
    for name in LISTS + SINGLES + ["login", "logout", "mode"]:
        assert f"/api/v1/{name}/" in text
    assert "/api/v1/forecasts.csv" in text


def test_times_go_out_and_come_back_exactly() -> None:
    text = time_text(OPEN_NS + 123_456_789)
    assert text == "2026-05-11T14:30:00.123456Z"
    assert time_ns(datetime.fromisoformat(text)) == OPEN_NS + 123_456_000


def test_a_fill_whose_order_we_do_not_know_is_shown(as_bob: Client) -> None:
    row = fill(order(session()))
    Fill.objects.filter(pk=row.pk).update(order=None)
    [shown] = as_bob.get("/api/v1/fills/").json()["results"]
    assert shown["client_order_id"] is None
