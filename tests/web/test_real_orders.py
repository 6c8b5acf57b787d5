"""Arming: whatever is missing refuses, by page, API and command alike; and each way in which it ends by itself."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.builders import at, opening
from tests.builders_arming import ACCOUNT, CONFIRMATION, FORM, MISTYPED, SPOILT, latched, promotion, ready, status
from tests.conftest import signed_in
from trading import arming, control, orders_standing, roles, services, tasks
from trading.core.engine import Engine
from trading.core.events import ArmedSet, ChecksRequired, CheckTold, ModeSet
from trading.models import Account, Arming, Halt, Promotion, TradingSession
from trading.services import UnusableError

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.BOT_HOME = tmp_path
    settings.ACCOUNT = ACCOUNT
    return tmp_path


@pytest.fixture
def rita(db: None) -> User:
    """A risk officer."""
    roles.make(apps)
    user = User.objects.create_user("rita", "rita@example.org", "nobody-else-may-do-this")
    user.groups.add(Group.objects.get(name=roles.RISK_OFFICERS))
    return user


@pytest.fixture
def olga(db: None) -> User:
    """An operator."""
    roles.make(apps)
    user = User.objects.create_user("olga", "olga@example.org", "steady-hand-on-the-tiller")
    user.groups.add(Group.objects.get(name=roles.OPERATORS))
    return user


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a person types at the terminal."""
    words = [CONFIRMATION]
    monkeypatch.setattr("builtins.input", lambda _: words[0])
    return words


def armed() -> Arming | None:
    return Arming.objects.filter(disarmed_at=None).first()


def asked(reason: str = "the record is good") -> arming.Asked:
    return arming.Asked(CONFIRMATION, reason, 2.0)


def by_page(user: User, form: dict[str, str]) -> tuple[int, str]:
    answer = signed_in(user).post("/live/arm/", FORM | form)
    return answer.status_code, answer.content.decode()


def by_api(user: User, form: dict[str, str]) -> tuple[int, str]:
    answer = signed_in(user).post("/api/v1/live/arm/", FORM | form, content_type="application/json")
    return answer.status_code, answer.content.decode()


def by_command(user: User, form: dict[str, str], **options: Any) -> str:
    filled = FORM | form
    words = {name: filled[name] for name in ("reason", "override", "record")} | {"hours": float(filled["hours"])}
    out = io.StringIO()
    call_command("arm", user=user.username, stdout=out, **words, **options)
    return out.getvalue()


def test_with_everything_in_place_a_risk_officer_arms_on_the_page(rita: User) -> None:
    ready(rita)
    code, _ = by_page(rita, {})
    row = armed()
    assert code == 302
    assert row is not None
    assert (row.account, row.venue, row.armed_by, row.reason, row.override_reason) == (ACCOUNT, "production", "rita", "the record is good", "")  # fmt: skip
    assert timedelta(hours=1.9) < row.until_at - timezone.now() < timedelta(hours=2)
    assert row.checks["gate"] == Promotion.objects.get().pk


def test_with_everything_in_place_it_is_armed_over_the_api_and_by_the_command(rita: User, typing: list[str]) -> None:
    ready(rita)
    code, said = by_api(rita, {})
    assert (code, '"armed_by":"rita"' in said) == (200, True)
    services.disarm(None, by="rita", reason="once more")
    assert "Armed: real orders of live may go until" in by_command(rita, {})


@pytest.mark.parametrize("name", SPOILT)
def test_whatever_is_missing_refuses_by_page_api_and_command(
    rita: User, home: Path, typing: list[str], name: str
) -> None:
    ready(rita)
    spoil, words = SPOILT[name]
    spoil(home)
    before = Arming.objects.count()
    code, said = by_page(rita, {})
    assert (code, words in said) == (409, True), said
    code, said = by_api(rita, {})
    assert (code, words in said) == (409, True), said
    with pytest.raises(CommandError, match=words):
        by_command(rita, {})
    assert Arming.objects.count() == before


@pytest.mark.parametrize("name", MISTYPED)
def test_whatever_is_typed_wrongly_refuses_by_page_api_and_command(rita: User, typing: list[str], name: str) -> None:
    ready(rita)
    form, words = MISTYPED[name]
    typing[0] = form.get("typed", CONFIRMATION)
    code, said = by_page(rita, form)
    assert (code, words in said) == (409, True), said
    code, said = by_api(rita, form)
    assert (code, words in said) == (409, True), said
    with pytest.raises(CommandError, match=words):
        by_command(rita, form)
    assert armed() is None


def test_who_lacks_the_right_is_refused_by_page_api_and_command(rita: User, olga: User, typing: list[str]) -> None:
    ready(rita)
    assert by_page(olga, {})[0] == 403
    assert by_api(olga, {})[0] == 403
    with pytest.raises(CommandError, match="you lack the right to arm"):
        by_command(olga, {})
    with pytest.raises(CommandError, match="name the login of who arms"):
        call_command("arm", user="nobody")
    assert armed() is None


def test_without_a_reason_it_is_refused(rita: User) -> None:
    ready(rita)
    assert "say why" in by_page(rita, {"reason": " "})[1]
    assert by_api(rita, {"reason": " "})[0] == 400
    assert armed() is None


def test_all_that_is_missing_is_said_at_once(olga: User) -> None:
    status(heartbeat_at=None)
    with pytest.raises(UnusableError) as refusal:
        arming.arm(olga, arming.Asked("", "", 0.0))
    codes = [lack.code for lack in arming.lacks(olga, arming.Asked("", "", 0.0), arming.standing())]
    assert codes == ["right", "confirmation", "reason", "hours", "limits", "trader", "reconciliation", "gate"]
    assert len(refusal.value.problems) == len(codes)


def test_the_gate_can_be_overruled_with_words_that_are_kept_and_nothing_else_can(rita: User) -> None:
    ready(rita)
    promotion(is_passed=False, missing=["12 settled windows with forecasts: 500 are needed"])
    assert "20 characters or more" in by_page(rita, {"override": "I want to"})[1]
    assert armed() is None
    words = "a small test with ten dollars at risk"
    latched()
    assert by_page(rita, {"override": words})[0] == 409
    Halt.objects.all().delete()
    assert by_page(rita, {"override": words})[0] == 302
    row = armed()
    assert row is not None
    assert row.override_reason == words
    assert row.checks["gate_lacks"] == ["12 settled windows with forecasts: 500 are needed"]


def test_a_reason_that_was_not_needed_is_not_kept_as_one(rita: User) -> None:
    ready(rita)
    by_page(rita, {"override": "just in case it is asked for"})
    row = armed()
    assert row is not None
    assert row.override_reason == ""


def test_on_the_practice_site_other_words_are_typed(rita: User) -> None:
    ready(rita)
    Account.objects.filter(pk=ACCOUNT).update(venue="demo")
    assert by_page(rita, {})[0] == 409
    assert by_page(rita, {"typed": "TRADE ON PRACTICE"})[0] == 302


PLAY_MONEY: dict[str, list[dict[str, str]]] = {
    "practice site": [{"market_source": "real", "venue": "practice"}],
    "an address of its own": [{"market_source": "real", "venue": "elsewhere"}],
    "demo market": [{"market_source": "demo", "venue": ""}],
    "tape": [{"market_source": "tape", "venue": ""}],
    "nobody knows": [{"market_source": "real", "venue": ""}],
    "nothing": [],
    "some of it": [{"market_source": "real", "venue": "practice"}, {"market_source": "real", "venue": "production"}],
}


@pytest.mark.parametrize("name", PLAY_MONEY)
def test_a_record_of_play_money_does_not_arm_real_money(rita: User, name: str) -> None:
    ready(rita)
    Account.objects.create(name="other", opening_cash=1)
    for said in PLAY_MONEY[name]:
        TradingSession.objects.create(account="other", ended_at=timezone.now(), **said)
    promotion(account="other")
    with pytest.raises(UnusableError, match="the record of 'other' was not made on the exchange's own market"):
        arming.arm(rita, asked()._replace(record="other"))
    Account.objects.filter(pk=ACCOUNT).update(venue="demo")
    assert arming.arm(rita, asked()._replace(record="other", typed="TRADE ON PRACTICE")).venue == "practice"


@pytest.mark.parametrize("venue", ["demo", "simulated"])
def test_a_record_that_was_traded_for_play_money_at_an_exchange_does_not_arm_real_money(rita: User, venue: str) -> None:
    ready(rita)
    Account.objects.filter(pk="paper").update(venue=venue)
    with pytest.raises(UnusableError, match="was not made on the exchange's own market"):
        arming.arm(rita, asked())


def test_where_the_trader_says_production_the_words_of_practice_arm_nothing(rita: User) -> None:
    ready(rita)
    Account.objects.filter(pk=ACCOUNT).update(venue="demo")
    services.session_start(account=ACCOUNT, market_source="real", venue="production")
    assert arming.standing().kind == arming.PRODUCTION
    assert by_page(rita, {"typed": "TRADE ON PRACTICE"})[0] == 409


def test_a_rehearsal_needs_no_arming_and_takes_none(rita: User) -> None:
    ready(rita)
    status(market_source="demo")
    assert not arming.standing().needs_arming
    with pytest.raises(UnusableError, match="a rehearsal trades play money"):
        arming.arm(rita, asked())


def test_yes_is_for_practice_alone(rita: User) -> None:
    ready(rita)
    with pytest.raises(CommandError, match="--yes is not accepted for real money"):
        by_command(rita, {}, yes=True)
    Account.objects.filter(pk=ACCOUNT).update(venue="demo")
    assert "Armed" in by_command(rita, {}, yes=True)


# How it ends ------------------------------------------------------------------------------------------------------


def the_end(account: str = ACCOUNT) -> tuple[str, str]:
    row = Arming.objects.get(account=account)
    assert row.disarmed_at is not None
    assert control.wanted().armed_until_ns == 0
    return row.disarmed_by, row.disarmed_reason


@pytest.fixture
def one(rita: User) -> Arming:
    """Armed for two hours; the trader has heard of it."""
    ready(rita)
    row = arming.arm(rita, asked())
    assert control.wanted().armed_until_ns == round(row.until_at.timestamp()) * 10**9
    return row


def test_the_trader_hears_of_it_and_of_its_end(rita: User) -> None:
    ready(rita)
    before = control.wanted()
    row = arming.arm(rita, asked())
    during = control.wanted()
    (told,) = during.changes(before, 7)
    assert told == ArmedSet(7, round(row.until_at.timestamp()) * 10**9, "rita")
    services.disarm(ACCOUNT, by="rita", reason="enough")
    assert control.wanted().changes(during, 8) == [ArmedSet(8, 0, "")]


def test_it_ends_when_its_time_is_over(one: Arming) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Arming.objects.update(armed_at=past - timedelta(hours=2), until_at=past)
    assert control.wanted().armed_until_ns == 0  # whoever ends the row
    arming.disarm_when_due(ACCOUNT)
    assert the_end() == ("the clock", "its time was over")


def test_it_ends_without_a_trader_too(one: Arming) -> None:
    assert tasks.armings_end() == 0
    past = timezone.now() - timedelta(seconds=1)
    Arming.objects.update(armed_at=past - timedelta(hours=2), until_at=past)
    assert tasks.armings_end() == 1
    assert the_end()[0] == "the clock"


def test_it_ends_at_a_latched_halt_of_the_rows(one: Arming) -> None:
    latched(code="DRAWDOWN")
    arming.disarm_when_due(ACCOUNT)
    assert the_end() == ("the trader", "DRAWDOWN halted trading")


def test_it_ends_at_a_latched_halt_that_the_engine_knows_of(one: Arming) -> None:
    arming.disarm_when_due(ACCOUNT, "LOSING_STREAK")
    assert the_end() == ("the trader", "LOSING_STREAK halted trading")


@pytest.mark.parametrize("code", ["DAILY_LOSS", "STALE", "UNEVALUATED", "KILL_FILE"])
def test_it_ends_at_a_halt_that_clears_itself_also_when_it_has_already(one: Arming, code: str) -> None:
    after_ns = round(one.armed_at.timestamp() * 1_000) * 10**6 + 10**9
    Halt.objects.create(account=ACCOUNT, code=code, is_latched=False, event_ns=after_ns, cleared_ns=after_ns + 1)
    arming.disarm_when_due(ACCOUNT)
    assert the_end() == ("the trader", f"{code} halted trading")


@pytest.mark.parametrize(("code", "seconds"), [("STALE", -5), ("NOT_ARMED", 5)], ids=["before it", "itself"])
def test_a_halt_from_before_it_was_armed_does_not_end_it(one: Arming, code: str, seconds: int) -> None:
    at_ns = round((one.armed_at.timestamp() + seconds) * 10**9)
    Halt.objects.create(account=ACCOUNT, code=code, is_latched=False, event_ns=at_ns, cleared_ns=at_ns + 1)
    assert arming.disarm_when_due(ACCOUNT) == []
    assert armed() is not None


def test_a_halt_is_told_whatever_it_is_once_all_checks_were_told() -> None:
    engine = Engine()
    engine.step(opening(seconds=1))
    engine.step(ChecksRequired(at(1), ("WATCHDOG", "CLOCK_SKEW"), needs_arming=True))
    engine.step(CheckTold(at(1), "WATCHDOG", False, "nobody watches"))
    assert orders_standing.standing(engine, "").halt == ""
    engine.step(CheckTold(at(1), "CLOCK_SKEW", True))
    assert orders_standing.standing(engine, "").halt == "WATCHDOG"
    engine.step(CheckTold(at(1), "WATCHDOG", True))
    engine.step(ModeSet(at(1), "REDUCING"))
    assert orders_standing.standing(engine, "").halt in {"", "STALE"}  # nobody says here what is heard


def test_another_accounts_halt_does_not_end_it(one: Arming) -> None:
    latched(account="paper")
    assert arming.disarm_when_due(ACCOUNT) == []
    assert armed() is not None


@pytest.mark.parametrize("how", ["page", "api", "admin", "command", "service"])
def test_it_ends_when_a_person_halts(one: Arming, ada: User, as_ada: Client, how: str) -> None:
    if how == "page":
        as_ada.post("/mode/", {"action": "stop", "confirm": "yes", "policy": "cancel"})
    elif how == "api":
        as_ada.post("/api/v1/mode/", {"mode": "HALTED"}, content_type="application/json")
    elif how == "admin":
        as_ada.post("/admin/trading/traderstatus/1/change/", {"wanted_mode": "HALTED", "wanted_reason": "lunch"})
    elif how == "command":
        call_command("halt", reason="lunch", stdout=io.StringIO())
    else:
        services.mode_set("HALTED", by="ada", reason="lunch")
    assert the_end()[1].startswith("trading was halted: ")


@pytest.mark.parametrize("mode", ["ACTIVE", "REDUCING"])
def test_another_mode_does_not_end_it(one: Arming, mode: Any) -> None:
    services.mode_set(mode, by="ada", reason="go on")
    assert armed() is not None


def test_it_ends_with_the_session_and_is_not_for_the_next(one: Arming, rita: User) -> None:
    session = services.session_start(account=ACCOUNT, market_source="real")
    assert the_end() == ("the trader", "a session began")
    Arming.objects.all().delete()
    arming.arm(rita, asked())
    services.session_finish(session.pk, is_clean=True)
    assert the_end() == ("the trader", "its session ended")


def test_another_accounts_session_does_not_end_it(one: Arming) -> None:
    services.session_start(account="paper", market_source="real")
    assert armed() is not None


def test_disarming_by_page_api_and_command(one: Arming, olga: User) -> None:
    client = signed_in(olga)  # who may stop may disarm
    assert client.post("/live/disarm/", {"reason": "too windy"}).status_code == 302
    assert the_end() == ("olga", "too windy")
    Arming.objects.update(disarmed_at=None)
    answer = client.post("/api/v1/live/disarm/", {}, content_type="application/json")
    assert (answer.status_code, len(answer.json()), the_end()[0]) == (200, 1, "olga")
    Arming.objects.update(disarmed_at=None)
    out = io.StringIO()
    call_command("disarm", reason="too windy", stdout=out)
    assert out.getvalue() == "Disarmed: live, which was armed by rita.\n"
    assert the_end()[1] == "too windy"


def test_after_its_time_it_can_be_armed_anew(one: Arming, rita: User) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Arming.objects.update(armed_at=past - timedelta(hours=2), until_at=past)
    arming.arm(rita, asked())
    assert Arming.objects.filter(disarmed_at=None).count() == 1


# What is shown ----------------------------------------------------------------------------------------------------


def test_the_page_shows_what_is_missing_the_gate_and_the_history(one: Arming, as_bob: Client, home: Path) -> None:
    SPOILT["checks"][0](home)
    text = as_bob.get("/live/").content.decode()
    for words in ("our clock is 9 s ahead", CONFIRMATION, "Deflated Sharpe ratio", "0.97", "at least 500", "rita", "You can look"):  # fmt: skip
        assert words in text, words
    assert "<script>alert" not in text


def test_what_people_wrote_is_text_on_the_page(rita: User, as_bob: Client) -> None:
    ready(rita)
    arming.arm(rita, asked(reason="<script>alert(1)</script>"))
    text = as_bob.get("/live/?record=<b>x</b>").content.decode()
    assert "<script>alert(1)" not in text
    assert "<b>x</b>" not in text


def test_the_api_says_how_it_stands(one: Arming, as_bob: Client) -> None:
    said = as_bob.get("/api/v1/live/").json()
    assert (said["account"], said["kind"], said["orders_go"], said["needs_arming"]) == (ACCOUNT, "production", "exchange", True)  # fmt: skip
    assert said["missing"] == []
    assert [each["lacks"] for each in said["gate"]] == ["", "", "", ""]
    assert said["arming"]["armed_by"] == "rita"


def test_the_command_says_how_it_stands(rita: User) -> None:
    ready(rita)
    Promotion.objects.all().delete()
    out = io.StringIO()
    call_command("arm", show=True, stdout=out)
    assert out.getvalue().splitlines() == [
        "Account live (production), orders go to exchange: not armed.",
        "  - the promotion gate: the record of 'paper' was never looked at: `kalshi-bot promotion --account paper`",
    ]


def test_the_gate_is_judged_from_the_page(rita: User, olga: User, as_bob: Client) -> None:
    ready(rita)
    assert as_bob.post("/live/judge/", {"record": "paper"}).status_code == 403
    assert signed_in(olga).post("/live/judge/", {"record": "paper"}).status_code == 302
    nobody = signed_in(olga).post("/live/judge/", {"record": "nobody"}, follow=True)
    assert "There is no account &#x27;nobody&#x27; yet" in nobody.content.decode()
    newest = Promotion.objects.order_by("-id").first()
    assert newest is not None
    assert (newest.windows, newest.is_passed) == (0, False)


@pytest.mark.parametrize(
    ("source", "venue", "orders_go", "label", "words"),
    [
        ("real", "production", "exchange", "LIVE", "orders sent for real money"),
        ("real", "demo", "exchange", "PRACTICE", "orders sent for play money"),
        ("real", "", "exchange", "LIVE", "orders sent for real money"),
        ("demo", "simulated", "exchange", "REHEARSAL", "orders sent for play money"),
        ("real", "", "paper", "PAPER", "traded on paper"),
        ("demo", "", "paper", "DEMO", "simulated quarter-hour market"),
    ],
)
def test_the_banner_of_every_page_says_whose_money_it_is(
    as_bob: Client, source: str, venue: str, orders_go: str, label: str, words: str
) -> None:
    Account.objects.create(name=ACCOUNT, opening_cash=1, venue=venue)
    status(market_source=source, orders_go=orders_go)
    text = as_bob.get("/live/").content.decode()
    assert f'data-label="{label}"' in text
    assert words in text
