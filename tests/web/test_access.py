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

from backtests import future_jobs, services
from backtests.models import BacktestRun
from backtests.studies import services as study_services
from backtests.studies import working
from backtests.studies.inputs import from_row, inputs_from
from backtests.studies.rounds import round_begin
from backtests.study_models import Study
from dashboard.routing import websocket_urlpatterns
from markets import jobs
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
RUN_API = r"api/v1/^backtests/(?P<pk>\d{1,9})/$"
STUDY = {"kind": "sweep", "tapes": ["rising"], "space": ["edge=1,2"]}
STUDY_FORM = {"tapes": ["rising"], "capital": "10000", "max_daily_loss": "1000", "space": "edge=1,2",
              "objective": "lower", "search": "grid"}  # fmt: skip
STUDY_API = r"api/v1/^studies/(?P<pk>\d{1,9})/$"
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
    Door("backtests/<int:pk>/annotate/", "post", TO_LOGIN, REFUSED, DONE, "backtests/1/annotate/", {"label": "mine"}),
    *(
        Door("backtests/<int:pk>/<str:what>", "get", TO_LOGIN, OK, OK, f"backtests/1/{what}")
        for what in ("result.json", "report.html", "trades.csv", "parquet.zip")
    ),
    Door("backtests/<int:pk>/<str:what>", "get", TO_LOGIN, GONE, GONE, "backtests/1/secret.key"),
    Door("backtests/<int:pk>/windows/<str:ticker>/", "get", TO_LOGIN, GONE, GONE, "backtests/1/windows/KXBTC15M-NEVER/"),
    Door("backtests/states.json", "get", TO_LOGIN, OK, OK, "backtests/states.json?id=1"),
    Door("backtests/compare/", "get", TO_LOGIN, 422, 422, "backtests/compare/?ids=1"),
    Door("backtests/by-digest/<str:digest>/", "get", TO_LOGIN, GONE, GONE, "backtests/by-digest/0123456789/"),
    Door("backtests/<int:pk>/future/", "post", TO_LOGIN, REFUSED, DONE, "backtests/1/future/"),
    Door("data/", "get", TO_LOGIN, OK, OK),
    Door("data/jobs.json", "get", TO_LOGIN, OK, OK),
    Door("data/tapes/<str:name>/", "get", TO_LOGIN, OK, OK, "data/tapes/rising/"),
    Door("data/jobs/<int:pk>/file/", "get", TO_LOGIN, GONE, GONE, "data/jobs/99/file/"),
    Door("data/ask/", "post", TO_LOGIN, REFUSED, DONE, body={"kind": "verify", "subject": "rising"}),
    Door("data/upload/", "post", TO_LOGIN, REFUSED, DONE),
    Door("backtests/studies/", "get", TO_LOGIN, OK, OK),
    Door("backtests/studies/new/<str:kind>/", "get", TO_LOGIN, REFUSED, OK, "backtests/studies/new/sweep/"),
    Door("backtests/studies/new/<str:kind>/", "post", TO_LOGIN, REFUSED, DONE, "backtests/studies/new/sweep/", STUDY_FORM),
    Door("backtests/studies/<int:pk>/", "get", TO_LOGIN, OK, OK, "backtests/studies/1/"),
    Door("backtests/studies/<int:pk>/state/", "get", TO_LOGIN, OK, OK, "backtests/studies/1/state/"),
    Door("backtests/studies/<int:pk>/result.json", "get", TO_LOGIN, GONE, GONE, "backtests/studies/1/result.json"),
    *(
        Door(f"backtests/studies/<int:pk>/{what}/", "post", TO_LOGIN, REFUSED, DONE, f"backtests/studies/1/{what}/")
        for what in ("annotate", "cancel", "resume")
    ),
    Door(
        "backtests/studies/<int:pk>/trials/<int:number>/run/", "post", TO_LOGIN, REFUSED, DONE,
        "backtests/studies/1/trials/0/run/",
    ),
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
    Door("api/v1/backtests/<int:pk>/future/", "get", UNKNOWN, OK, OK, "api/v1/backtests/1/future/"),
    Door("api/v1/backtests/<int:pk>/future/", "post", UNKNOWN, REFUSED, 201, "api/v1/backtests/1/future/", {"moments": 2}),
    Door("api/v1/^data/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^data/tables/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^data/(?P<name>[^/]+)/$", "get", UNKNOWN, OK, OK, "api/v1/data/rising/"),
    Door("api/v1/^data-jobs/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^data-jobs/$", "post", UNKNOWN, REFUSED, 201, body={"kind": "verify", "subject": "rising"}),
    Door("api/v1/^data-jobs/upload/$", "post", UNKNOWN, REFUSED, 400, body={}),
    Door("api/v1/^data-jobs/(?P<pk>[^/.]+)/$", "get", UNKNOWN, GONE, GONE, "api/v1/data-jobs/99/"),
    Door("api/v1/^backtests/$", "post", UNKNOWN, REFUSED, 201, body=RUN),
    Door(RUN_API, "get", UNKNOWN, OK, OK, "api/v1/backtests/1/"),
    Door(RUN_API, "patch", UNKNOWN, REFUSED, OK, "api/v1/backtests/1/", {"label": "mine"}),
    Door(RUN_API.replace("/$", "/cancel/$"), "post", UNKNOWN, REFUSED, OK, "api/v1/backtests/1/cancel/"),
    Door(RUN_API.replace("/$", "/clone/$"), "post", UNKNOWN, REFUSED, 201, "api/v1/backtests/1/clone/"),
    Door(RUN_API.replace("/$", "/files/(?P<what>[a-z.]+)/$"), "get", UNKNOWN, OK, OK, "api/v1/backtests/1/files/daily.csv/"),
    Door("api/v1/^studies/$", "get", UNKNOWN, OK, OK),
    Door("api/v1/^studies/$", "post", UNKNOWN, REFUSED, 201, body=STUDY),
    Door(STUDY_API, "get", UNKNOWN, OK, OK, "api/v1/studies/1/"),
    *(
        Door(STUDY_API.replace("/$", f"/{what}/$"), "get", UNKNOWN, OK, OK, f"api/v1/studies/1/{what}/")
        for what in ("trials", "parts")
    ),
    Door(
        STUDY_API.replace("/$", r"/parts/(?P<number>\d{1,9})/artefact/$"), "get", UNKNOWN, GONE, GONE,
        "api/v1/studies/1/parts/0/artefact/",
    ),
    *(
        Door(STUDY_API.replace("/$", f"/{what}/$"), "post", UNKNOWN, REFUSED, OK, f"api/v1/studies/1/{what}/")
        for what in ("cancel", "resume")
    ),
    Door("api/v1/^backtests/compare/$", "get", UNKNOWN, 400, 400, "api/v1/backtests/compare/?ids=1"),
]  # fmt: skip
OPEN_IN_ADMIN = {"admin/login/", "admin/(?P<url>.*)$"}
# Not the API's login: it takes a password and sets no cookie, so a foreign page gains nothing by it.
POSTS = [door for door in DOORS if door.method in {"post", "patch"} and door.route != "api/v1/login/"]


@pytest.fixture
def olga() -> User:
    """An operator: may change the mode and queue backtests, and has no part in the admin."""
    user = User.objects.create_user("olga", "olga@example.org", "steady-hand-on-the-tiller")
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["change_traderstatus", "add_backtestrun", "add_tapejob"])
    )
    return user


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A market, a tape, a finished run, and a trader that has just spoken."""
    for module in (services, jobs, future_jobs):
        monkeypatch.setattr(module, "_hand_over", lambda *_, **__: None)
    market()
    tape_register(write_tape(tmp_path / "rising.tape"))
    run = services.run_queue(services.inputs_from(RUN), by=None)
    services.run_execute(run.pk)
    BacktestRun.objects.filter(pk=run.pk).update(id=1) if run.pk != 1 else None
    study_one(monkeypatch)
    client = redis.Redis.from_url(settings.REDIS_URL)
    publish(client, snapshot())
    yield
    client.delete(KEY)
    client.close()


def study_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that waits; its number is 1, whatever was before."""
    for module in (study_services, working):
        monkeypatch.setattr(module, "nudge", lambda *_: None)
    asked = RUN | {"space": ["edge=1,2"]}
    study = study_services.study_queue(inputs_from("sweep", asked), by=None)
    if study.pk != 1:
        study.parts.all().delete()
        study.trials.all().delete()
        Study.objects.filter(pk=study.pk).update(id=1)
        study = Study.objects.get(pk=1)
        round_begin(study, from_row(study.inputs))


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
        return int(getattr(client, door.method)(door.asked, body, content_type="application/json").status_code)
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
    before = list(BacktestRun.objects.values_list("id", "status", "cancel_wanted", "label"))
    assert ask(client, door) in {UNKNOWN, REFUSED}
    assert list(BacktestRun.objects.values_list("id", "status", "cancel_wanted", "label")) == before


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
        text = b"".join(as_ada.get(path)).decode(errors="replace")
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
