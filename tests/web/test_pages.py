"""Who sees which page, what the pages say, and who may change the mode."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from dashboard import health
from dashboard.snapshot_feeds import Feed
from dashboard.templatetags import units
from markets.models import Market
from tests.builders_web import KEY, exchange, feed, publish, snapshot
from tests.builders_web_rows import TICKER, fill, market, order, session, signal, traded_market
from tests.conftest import signed_in
from trading.models import Heartbeat, TraderStatus

PAGES = ["/", "/prices/", "/exchange/", "/index/", "/orders/", "/health/", "/api/v1/docs/", f"/markets/{TICKER}/"]


@pytest.fixture
def wire() -> Iterator[redis.Redis]:
    """The real Redis of the tests, without a snapshot."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.delete(KEY)
    yield client
    client.delete(KEY)
    client.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_the_login_page(as_eve: Client, db: None, path: str) -> None:
    assert as_eve.get(path).headers["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize("path", PAGES)
def test_somebody_who_only_looks_sees_every_page(as_bob: Client, path: str) -> None:
    market()
    reply = as_bob.get(path)
    assert reply.status_code == 200
    assert "DEMO" in reply.content.decode()


def test_health_tells_how_many_feeds_are_up_and_why_the_others_are_not(as_bob: Client, wire: redis.Redis) -> None:
    publish(wire, snapshot())
    text = as_bob.get("/health/").content.decode()
    assert "2 of 3 up; binance unavailable: Service unavailable from a restricted location" in text
    assert "1.25 of 5.00 GB used" in text


@pytest.mark.parametrize(
    ("states", "expected"),
    [(["up", "up"], "ok"), (["up", "unavailable"], "ok"), (["up", "lost"], "warn"), (["lost", "unavailable"], "bad")],
)
def test_feeds_are_well_unless_one_is_lost_and_down_when_none_is_up(states: list[str], expected: str) -> None:
    rows = [msgspec.convert(feed(f"venue{number}", state=state), Feed) for number, state in enumerate(states)]
    assert health.feeds(rows).state == expected


def test_the_login_page_signs_in_and_logging_out_signs_out(as_eve: Client, ada: User) -> None:
    form = {"username": "ada", "password": "enchantress-of-numbers"}
    assert as_eve.post("/login/", form).headers["Location"] == "/"
    assert as_eve.get("/").status_code == 200
    as_eve.post("/logout/")
    assert as_eve.get("/").status_code == 302


def test_a_wrong_password_says_so_and_many_lock_the_door(as_eve: Client, ada: User) -> None:
    wrong = {"username": "ada", "password": "difference-engine"}
    assert 'role="alert"' in as_eve.post("/login/", wrong).content.decode()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        reply = as_eve.post("/login/", wrong)
    assert reply.status_code == 429
    assert as_eve.post("/login/", {"username": "ada", "password": "enchantress-of-numbers"}).status_code == 429


def test_no_page_carries_a_script_or_a_style_of_its_own(as_ada: Client) -> None:
    traded_market()
    for path in PAGES:
        text = as_ada.get(path).content.decode()
        assert " style=" not in text
        assert " onclick=" not in text
        assert "<script>" not in text


def test_the_live_page_disables_the_buttons_of_somebody_who_only_looks(as_bob: Client) -> None:
    assert as_bob.get("/").content.decode().count(" disabled ") == 4


def test_the_live_page_enables_the_buttons_of_an_operator(bob: User) -> None:
    bob.user_permissions.add(Permission.objects.get(codename="change_traderstatus"))
    assert " disabled " not in signed_in(bob).get("/").content.decode()


@pytest.mark.parametrize(
    ("action", "mode", "reason"),
    [
        ("start", "ACTIVE", "started by ada"),
        ("reduce", "REDUCING", "reduce only by ada"),
        ("pause", "HALTED", "paused by ada"),
    ],
)
def test_an_operator_changes_the_mode_with_one_press(as_ada: Client, action: str, mode: str, reason: str) -> None:
    assert as_ada.post("/mode/", {"action": action}).status_code == 302
    row = TraderStatus.objects.get(pk=1)
    assert (row.wanted_mode, row.wanted_by, row.wanted_reason) == (mode, "ada", reason)


def test_a_stop_without_the_second_answer_only_asks(as_ada: Client) -> None:
    reply = as_ada.post("/mode/", {"action": "stop"})
    assert "Stop trading?" in reply.content.decode()
    assert not TraderStatus.objects.filter(wanted_mode="HALTED").exists()


def test_a_confirmed_stop_halts(as_ada: Client) -> None:
    reply = as_ada.post("/mode/", {"action": "stop", "confirm": "yes"}, headers={"Accept": "application/json"})
    assert reply.json()["wanted"] == "HALTED"
    assert TraderStatus.objects.get(pk=1).wanted_reason == "stopped by ada"


def test_somebody_who_only_looks_cannot_change_the_mode(as_bob: Client) -> None:
    assert as_bob.post("/mode/", {"action": "start"}).status_code == 403
    assert not TraderStatus.objects.filter(wanted_by="bob").exists()


def test_a_mode_without_the_token_of_the_page_is_refused(ada: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert client.post("/mode/", {"action": "start"}).status_code == 403


def test_an_unknown_action_is_refused(as_ada: Client) -> None:
    assert as_ada.post("/mode/", {"action": "format-disk"}).status_code == 400


def test_the_market_page_shows_terms_result_picture_orders_and_fills(as_bob: Client) -> None:
    traded_market()
    text = as_bob.get(f"/markets/{TICKER}/").content.decode()
    for words in (
        "64,120.55",
        "64,131.02",
        "settled YES",
        "$12.00",
        "+$5.69",
        "52.6",
        "$0.2100",
        "an order was sent",
        '<path class="fair" d="M',
    ):
        assert words in text


def test_the_market_page_says_that_a_market_was_voided_and_what_it_paid(as_bob: Client) -> None:
    traded_market()
    Market.objects.update(result="scalar", yes_pays=4_000)
    text = as_bob.get(f"/markets/{TICKER}/").content.decode()
    assert text.count("voided: YES paid $0.4000") == 2
    assert "settled voided" not in text


def test_the_market_page_leaves_other_accounts_out(as_bob: Client) -> None:
    market()
    other = session("tape-monday")
    fill(order(other), "of-monday")
    signal(other, 5)
    text = as_bob.get(f"/markets/{TICKER}/").content.decode()
    assert "of-monday" not in text
    assert "No signal is kept" in text


def test_a_market_nobody_knows_is_not_found(as_bob: Client) -> None:
    assert as_bob.get("/markets/KXNONE/").status_code == 404


def test_the_orders_page_shows_the_newest_first(as_bob: Client) -> None:
    life = session()
    order(life, 1)
    order(life, 2, sent_ns=1_778_510_900 * 10**9)
    text = as_bob.get("/orders/").content.decode()
    assert text.index(f"{life.pk}-2<") < text.index(f"{life.pk}-1<")


def test_the_poll_returns_the_snapshot_and_its_age(as_bob: Client, wire: redis.Redis) -> None:
    publish(wire, snapshot(12))
    reply = as_bob.get("/live.json")
    assert reply.json()["seq"] == 12
    assert int(reply.headers["X-Snapshot-Age-Ms"]) < 5_000


def test_the_poll_says_that_there_is_no_trader(as_bob: Client, wire: redis.Redis) -> None:
    assert as_bob.get("/live.json").json() == {"state": "no trader"}


def test_the_poll_says_stale_when_redis_is_away(as_bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "unix:///nonexistent/redis.sock")
    assert as_bob.get("/live.json").json() == {"state": "stale"}


def test_the_poll_tells_a_stranger_nothing(as_eve: Client, db: None, wire: redis.Redis) -> None:
    publish(wire, snapshot(12))
    reply = as_eve.get("/live.json")
    assert (reply.status_code, reply.json()) == (403, {"state": "not signed in"})


def test_the_health_page_says_what_is_down_and_what_to_do(as_bob: Client, wire: redis.Redis) -> None:
    text = as_bob.get("/health/").content.decode()
    assert "has never run" in text
    assert "no snapshot in the last minute" in text


def test_health_is_well_when_everything_has_just_spoken(db: None, wire: redis.Redis) -> None:
    publish(wire, snapshot())
    TraderStatus.objects.create(heartbeat_at=timezone.now(), actual_mode="ACTIVE")
    Heartbeat.objects.create(name="worker", beat_at=timezone.now())
    assert {part.name: part.state for part in health.components()} == {
        "Database": "ok", "Redis": "ok", "Trader": "ok", "Worker": "ok", "Live numbers": "ok",
        "Exchange": "ok", "Feeds": "ok", "Recorder": "ok",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"how": "polled"}, "ok", "no API key is set"),
        ({"state": "lost", "reason": "nothing was heard for 15 s"}, "bad", "lost: nothing was heard for 15 s"),
        ({"drift": ["KXBTC15M: fee_multiplier is 2, the code assumes 1"]}, "bad", "fee_multiplier is 2"),
        ({"shards": [{"shard": 2, "is_trading": False, "reason": "closed"}]}, "warn", "shard 2 does not trade closed"),
    ],
)
def test_health_says_how_the_exchange_is(
    db: None, wire: redis.Redis, changes: dict[str, Any], state: str, words: str
) -> None:
    publish(wire, snapshot(exchange=exchange(**changes)))
    [part] = [part for part in health.components() if part.name == "Exchange"]
    assert part.state == state
    assert words in part.text


def test_health_notices_a_trader_and_a_worker_that_hang(db: None, wire: redis.Redis) -> None:
    before = timezone.now() - timedelta(minutes=2)
    TraderStatus.objects.create(heartbeat_at=before, actual_mode="ACTIVE")
    Heartbeat.objects.create(name="worker", beat_at=before)
    states = {part.name: part.state for part in health.components()}
    assert (states["Trader"], states["Worker"]) == ("bad", "bad")


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (units.dollars(15_047_200), "$15.05"),
        (units.dollars(-1_234_567_890_000), "\N{MINUS SIGN}$1,234,567.89"),
        (units.dollars(15_047_200, "signed"), "+$15.05"),
        (units.dollars(-4_000), "$0.00"),
        (units.dollars(None), "\N{EN DASH}"),
        (units.exact_dollars(210_000), "$0.2100"),
        (units.cents(5625), "56.2"),
        (units.contracts(2687), "26.87"),
        (units.contracts(-500), "\N{MINUS SIGN}5"),
        (units.edge_cents(0.0312), "+3.1"),
        (units.written("64131.0"), "64,131.0"),
        (units.written("0.0712"), "0.0712"),
        (units.written("n/a"), "n/a"),
        (units.written(""), "\N{EN DASH}"),
        (units.number(None), "\N{EN DASH}"),
        (units.utc(0), "\N{EN DASH}"),
        (units.reason("CLOSING"), "too close to the close"),
        (units.reason("SOMETHING_NEW"), "something new"),
    ],
)
def test_numbers_read_as_a_person_writes_them(shown: str, text: str) -> None:
    assert shown == text
