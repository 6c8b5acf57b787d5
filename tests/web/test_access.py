"""Who may do what: every path and socket against a stranger, one who looks, an operator; a new path must be entered here."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from knox.models import AuthToken

from backtests import services
from backtests.models import BacktestRun
from dashboard.routing import websocket_urlpatterns
from markets.services import tape_register
from tests.builders_web import KEY, publish, snapshot
from tests.builders_web_rows import TICKER, market
from tests.conftest import signed_in
from tests.rising import write_tape

pytestmark = pytest.mark.django_db
TO_LOGIN, OK, DONE, REFUSED, UNKNOWN, GONE = 302, 200, 302, 403, 401, 404


class Door(NamedTuple):
    """A path, how it is asked, and what a stranger (Eve), one who looks (Bob) and an operator (Olga) get."""

    route: str
    method: str
    eve: int
    bob: int
    olga: int
    path: str = ""
    body: Any = None

    @property
    def asked(self) -> str:
        """The path to ask for."""
        return "/" + (self.path or self.route.replace("^", "").replace("$", ""))


RUN = {"tapes": ["rising"], "capital": "10000", "max_daily_loss": "1000"}
MARKET_API, TAPE_API = "api/v1/^markets/(?P<pk>[A-Za-z0-9._-]+)/$", "api/v1/^tapes/(?P<name>[^/]+)/$"
RUN_API = "api/v1/^backtests/(?P<pk>[^/.]+)/$"
DOORS = [
    Door("healthz", "get", 503, 503, 503),  # no trader runs in this test, and a stranger may know that
    Door("login/", "get", OK, 302, 302),
    Door("logout/", "post", 302, 302, 302),
    Door("", "get", TO_LOGIN, OK, OK),
    Door("live.json", "get", 403, OK, OK),
    Door("mode/", "post", TO_LOGIN, REFUSED, DONE, body={"action": "pause"}),
    Door("prices/", "get", TO_LOGIN, OK, OK),
    Door("exchange/", "get", TO_LOGIN, OK, OK),
    Door("live/", "get", TO_LOGIN, OK, OK),
    Door("live/arm/", "post", TO_LOGIN, REFUSED, REFUSED),  # for risk officers: test_real_orders.py
    Door("live/disarm/", "post", TO_LOGIN, REFUSED, DONE),
    Door("live/judge/", "post", TO_LOGIN, REFUSED, DONE, body={"record": "nobody"}),
    Door("risk/", "get", TO_LOGIN, OK, OK),
    Door("orders/", "get", TO_LOGIN, OK, OK),
    Door("markets/<str:ticker>/", "get", TO_LOGIN, OK, OK, f"markets/{TICKER}/"),
    Door("index/", "get", TO_LOGIN, OK, OK),
    Door("fitted/", "get", TO_LOGIN, OK, OK),
    Door("divergence/", "get", TO_LOGIN, OK, OK),
    Door("divergence/<int:session_id>/", "get", TO_LOGIN, GONE, GONE, "divergence/99/"),
    Door("divergence/<int:session_id>/compare/", "post", TO_LOGIN, REFUSED, GONE, "divergence/99/compare/"),
    Door("ledger/", "get", TO_LOGIN, OK, OK),
    Door("ledger.csv", "get", TO_LOGIN, OK, OK),
    Door("reconciliation/", "get", TO_LOGIN, OK, OK),
    Door("reconciliation/<int:pk>/settle/", "post", TO_LOGIN, REFUSED, REFUSED, "reconciliation/99/settle/"),
    Door("health/", "get", TO_LOGIN, OK, OK),
    Door("skill/", "get", TO_LOGIN, OK, OK),
    Door("decisions/", "get", TO_LOGIN, OK, OK),
    Door("decisions/gates.csv", "get", TO_LOGIN, OK, OK),
    Door("decisions/<str:ticker>/", "get", TO_LOGIN, OK, OK, f"decisions/{TICKER}/"),
    Door("decisions/<str:ticker>/evaluations.csv", "get", TO_LOGIN, OK, OK, f"decisions/{TICKER}/evaluations.csv"),
    Door("backtests/", "get", TO_LOGIN, OK, OK),
    Door("backtests/new/", "get", TO_LOGIN, REFUSED, OK),
    Door("backtests/new/", "post", TO_LOGIN, REFUSED, DONE, body=RUN),
    Door("backtests/<int:pk>/", "get", TO_LOGIN, OK, OK, "backtests/1/"),
    Door("backtests/<int:pk>/state/", "get", TO_LOGIN, OK, OK, "backtests/1/state/"),
    Door("backtests/<int:pk>/cancel/", "post", TO_LOGIN, REFUSED, DONE, "backtests/1/cancel/"),
    Door("backtests/<int:pk>/result.json", "get", TO_LOGIN, OK, OK, "backtests/1/result.json"),
    Door("backtests/<int:pk>/trades.csv", "get", TO_LOGIN, OK, OK, "backtests/1/trades.csv"),
    Door("api/v1/login/", "post", 400, 400, 400),  # open to all: it wants a name and a password
    Door("api/v1/logout/", "post", UNKNOWN, UNKNOWN, UNKNOWN),  # ends the token that asks, which a cookie is not
    *(
        Door(f"api/v1/{name}/", "get", UNKNOWN, OK, OK)
        for name in ("status", "prices", "exchange", "feeds", "risk", "skill", "schema")
    ),
    Door("api/v1/health/", "get", UNKNOWN, 503, 503),  # no trader runs in this test
    Door("api/v1/mode/", "post", UNKNOWN, REFUSED, OK, body={"mode": "HALTED"}),
    Door("api/v1/live/", "get", UNKNOWN, OK, OK),
    Door("api/v1/live/arm/", "post", UNKNOWN, REFUSED, REFUSED),
    Door("api/v1/live/disarm/", "post", UNKNOWN, REFUSED, OK),
    Door("api/v1/docs/", "get", TO_LOGIN, OK, OK),
    *(
        Door(f"api/v1/^{name}/$", "get", UNKNOWN, OK, OK)
        for name in ("markets", "tapes", "signals", "forecasts", "fitted", "orders", "fills", "positions", "settlements", "limits", "halts", "backtests")
    ),
    Door("api/v1/gates/", "get", UNKNOWN, OK, OK),
    Door("api/v1/^ledger/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^ledger/balance/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^reconciliations/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^reconciliations/discrepancies/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^decisions/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/forecasts.csv", "get", UNKNOWN, OK, OK),
    Door(MARKET_API, "get", UNKNOWN, OK, OK, f"api/v1/markets/{TICKER}/"),
    Door(TAPE_API, "get", UNKNOWN, OK, OK, "api/v1/tapes/rising/"),
    Door("api/v1/^divergences/$", "get", UNKNOWN, OK, OK),
    Door(r"api/v1/^divergences/(?P<session_id>\d+)/$", "get", UNKNOWN, GONE, GONE, "api/v1/divergences/99/"),
    Door("api/v1/^index-audit/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^index-audit/summary/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^limits/current/$", "get", UNKNOWN, GONE, GONE),  # none were ever set
    Door("api/v1/^backtests/$", "post", UNKNOWN, REFUSED, 201, body=RUN),
    Door(RUN_API, "get", UNKNOWN, OK, OK, "api/v1/backtests/1/"),
    Door(RUN_API.replace("/$", "/cancel/$"), "post", UNKNOWN, REFUSED, OK, "api/v1/backtests/1/cancel/"),
]  # fmt: skip
OPEN_IN_ADMIN = {"admin/login/", "admin/(?P<url>.*)$"}
# Not the API's login: it takes a password and sets no cookie, so a foreign page gains nothing by it.
POSTS = [door for door in DOORS if door.method == "post" and door.route != "api/v1/login/"]


@pytest.fixture
def olga() -> User:
    """An operator: may change the mode and queue backtests, and has no part in the admin."""
    user = User.objects.create_user("olga", "olga@example.org", "steady-hand-on-the-tiller")
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_traderstatus", "add_backtestrun"]))
    return user


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A market, a tape, a finished run, and a trader that has just spoken."""
    monkeypatch.setattr(services, "_hand_over", lambda *_, **__: None)
    market()
    tape_register(write_tape(tmp_path / "rising.tape"))
    run = services.run_queue(services.inputs_from(RUN), by=None)
    services.run_execute(run.pk)
    BacktestRun.objects.filter(pk=run.pk).update(id=1) if run.pk != 1 else None
    client = redis.Redis.from_url(settings.REDIS_URL)
    publish(client, snapshot())
    yield
    client.delete(KEY)
    client.close()


def routes(patterns: list[Any] | None = None, before: str = "") -> Iterator[str]:
    """Every route of the site, as it is written."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def ask(client: Client, door: Door) -> int:
    body = {} if door.body is None else door.body
    if door.method == "get":
        return client.get(door.asked).status_code
    if door.route.startswith("api/"):
        return client.post(door.asked, body, content_type="application/json").status_code
    return client.post(door.asked, body).status_code


def test_every_path_of_the_site_is_in_the_table() -> None:
    known = {door.route for door in DOORS}
    assert {route for route in routes() if not route.startswith("admin/")} == known


def test_there_is_one_socket_and_it_is_the_live_one() -> None:
    assert [str(pattern.pattern) for pattern in websocket_urlpatterns] == ["ws/live/"]  # test_live_socket says who may


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.method} {door.route}")
def test_each_gets_what_is_theirs(door: Door, as_eve: Client, as_bob: Client, olga: User, world: None) -> None:
    assert ask(as_eve, door) == door.eve
    assert ask(as_bob, door) == door.bob
    assert ask(signed_in(olga), door) == door.olga


@pytest.mark.parametrize("door", POSTS, ids=lambda door: door.route)
def test_nothing_is_done_from_a_foreign_page(door: Door, ada: User, world: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    before = list(BacktestRun.objects.values_list("id", "status", "cancel_wanted"))
    assert ask(client, door) in {UNKNOWN, REFUSED}
    assert list(BacktestRun.objects.values_list("id", "status", "cancel_wanted")) == before


def admin_paths() -> list[str]:
    """Every page of the admin that can be asked for without knowing a row, and each change page of row 1."""
    pages = (route for route in routes() if route.startswith("admin/"))
    asked = (re.sub(r"<[^>]+>|\(\?P<[^>]+>.*?\)(?=/|\$|$)", "1", page) for page in pages if page not in OPEN_IN_ADMIN)
    return ["/" + page.replace("^", "").replace("$", "") for page in asked]


def test_the_admin_is_for_staff_alone(as_eve: Client, as_bob: Client, olga: User) -> None:
    doors = {"eve": as_eve, "bob": as_bob, "olga": signed_in(olga)}
    open_to = [
        (who, path, status)
        for path in admin_paths()
        for who, client in doors.items()
        if (status := client.get(path).status_code) not in {302, 404} and path != "/admin/jsi18n/"
    ]
    assert len(admin_paths()) > 50
    assert open_to == []
    assert as_bob.get("/admin/").headers["Location"].startswith("/admin/login/")


def test_the_admin_has_its_own_rights_for_each_kind_of_row(as_bob: Client, bob: User) -> None:
    bob.is_staff = True
    bob.save(update_fields=["is_staff"])
    for path in ("risklimits", "strategyparameters", "traderstatus", "order"):
        assert as_bob.get(reverse(f"admin:trading_{path}_changelist")).status_code == 403
    assert as_bob.post(reverse("admin:trading_risklimits_add"), {}).status_code == 403


def test_no_page_tells_a_secret(as_ada: Client, ada: User, world: None) -> None:
    instance, token = AuthToken.objects.create(ada)
    secrets = {"key": settings.SECRET_KEY, "password": ada.password, "token": token, "redis": settings.REDIS_URL}
    paths = [door.asked for door in DOORS if door.method == "get"]
    paths += [
        reverse(f"admin:auth_user_{view}", args=args) for view, args in (("changelist", []), ("change", [ada.pk]))
    ]
    for path in paths:
        text = b"".join(as_ada.get(path)).decode()
        assert {name for name, secret in secrets.items() if secret in text} == set(), path
    assert instance.digest != token
    assert token not in {instance.digest, instance.token_key}
    assert instance.expiry is not None


def test_passwords_and_tokens_are_kept_as_hashes_alone(as_eve: Client, bob: User) -> None:
    login = {"username": "bob", "password": "just-looking-around"}
    token = as_eve.post("/api/v1/login/", login, content_type="application/json").json()["token"]
    row = AuthToken.objects.get()
    assert token not in str(vars(row))
    assert len(row.token_key) < len(token) // 2  # a handle to find it by, not the token
    assert login["password"] not in bob.password
