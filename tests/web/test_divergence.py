"""Divergence as people and programs see it: a session's tape is compared, kept, shown, and asked for again."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from backtests import divergence
from backtests.core.attribution import PARTS
from backtests.tasks import divergences_due
from markets.core.units import DOLLAR
from markets.tape import TapeHeader, TapeWriter
from tests.builders_web_rows import order
from tests.core.test_retraced import Halves, as_it_is, tape
from trading import services
from trading.models import Divergence, TradingSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def written(tmp_path: Path, settings: Settings) -> TradingSession:
    """A session that ended, half of whose orders others had taken, with its tape."""
    return ended(tmp_path, settings, Halves())


def ended(folder: Path, settings: Settings, change: object) -> TradingSession:
    settings.TAPES_DIR = folder
    services.account_open("demo", 10_000 * DOLLAR)
    session = services.session_start(account="demo", market_source="demo", tape_name="one")
    writer = TapeWriter(folder / "one.tape", TapeHeader(1, "one", "session", "", 0))
    for message in tape(change):  # type: ignore[arg-type]  # what makes the answers differ
        writer.append(message)
    writer.close()
    order(session)
    services.session_finish(session.pk, is_clean=True)
    return TradingSession.objects.get(pk=session.pk)


def test_the_parts_add_up_in_the_row_and_on_the_page(written: TradingSession, as_bob: Client) -> None:
    row = divergence.divergence_make(written)
    assert row.total == row.made - row.expected == sum(row.parts.values())
    assert row.parts["partial_fill"]
    assert tuple(row.parts) == PARTS
    page = as_bob.get(f"/divergence/{written.pk}/").content.decode()
    assert page.count("<tr>") >= len(PARTS) + len(row.orders)
    assert "others had taken what was displayed" in page
    assert f'href="/divergence/{written.pk}/"' in as_bob.get("/divergence/").content.decode()


def test_a_session_on_paper_does_not_differ(tmp_path: Path, settings: Settings) -> None:
    row = divergence.divergence_make(ended(tmp_path, settings, as_it_is))
    assert (row.total, set(row.parts.values())) == (0, {0})
    assert row.made == row.expected != 0


def test_what_ended_is_compared_once(written: TradingSession) -> None:
    assert divergences_due() == 1
    assert divergences_due() == 0
    assert Divergence.objects.get().session == written


def test_an_operator_asks_and_one_who_looks_may_not(
    written: TradingSession, as_ada: Client, as_bob: Client, settings: Settings
) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = True
    assert as_bob.post(f"/divergence/{written.pk}/compare/").status_code == 403
    assert as_ada.post(f"/divergence/{written.pk}/compare/").status_code == 302


def test_the_api_has_the_list_and_the_orders(written: TradingSession, as_bob: Client) -> None:
    row = divergence.divergence_make(written)
    [listed] = as_bob.get("/api/v1/divergences/").json()["results"]
    assert (listed["session"], listed["total"], listed["parts"]) == (written.pk, row.total, row.parts)
    assert len(as_bob.get(f"/api/v1/divergences/{written.pk}/").json()["orders"]) == len(row.orders)


def test_the_command_prints_every_cause(written: TradingSession) -> None:
    out = StringIO()
    call_command("divergence", stdout=out)
    assert all(part.replace("_", " ") in out.getvalue() for part in PARTS)
    told = StringIO()
    call_command("divergence", "--session", str(written.pk), "--json", stdout=told)
    assert json.loads(told.getvalue())["session"] == written.pk


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--session", "99999"], "There is no session 99999."), (["--account", "nobody"], "There is no account")],
    ids=["session", "account"],
)
def test_what_cannot_be_compared_is_said(written: TradingSession, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("divergence", *words)


def test_a_tape_that_is_gone_is_said(written: TradingSession, tmp_path: Path) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(divergence.NoDivergence, match="is gone"):
        divergence.divergence_make(written)
    assert divergences_due() == 0
