"""The pages Ledger and Reconciliation, their API, and what a person may say of a difference."""

import csv
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from markets.core.units import DOLLAR, SECOND_NS
from tests.builders_web_rows import CLOSE_NS, OPEN_NS, TICKER
from trading import discrepancies, services
from trading.core import events
from trading.core.looks import Difference, Outcome
from trading.core.venue import VenueState
from trading.discrepancies import Noted
from trading.models import Discrepancy, LedgerEntry, Reconciliation
from trading.records import Entry, Subject, write
from trading.services import UnusableError

CASH = Difference("cash", "shard 2", "shard 2 holds 5.000007 dollars, by our books 5.000000", "7", 2, 7)
FOREIGN = Difference("fill", "t-99", "a fill that is not ours", "100")
LOOKED = VenueState(0, 250_000_000, 0, cash=((2, 5_000_007),))


@pytest.fixture
def account(db: None, settings: object) -> str:
    """Two fills and a payout; the account that pages show."""
    services.account_open("demo", 1_000 * DOLLAR)
    subject = Subject(services.session_start(account="demo", market_source="demo").pk, "demo", is_simulated=True)
    told: list[object] = [
        events.Fill(OPEN_NS, "t1", TICKER, 1, True, 5_000, 1_000, 17_500),
        events.Fill(OPEN_NS + SECOND_NS, "t2", TICKER, 2, False, 6_000, 400, 6_720),
        events.Settled(CLOSE_NS, TICKER, "yes", 600, 6 * DOLLAR),
        events.CashMoved(CLOSE_NS + 1, "deposit", 25 * DOLLAR, "bank 1"),
    ]
    write(subject, [Entry(each.received_ns, each) for each in told])  # type: ignore[attr-defined, arg-type]
    return "demo"


@pytest.fixture
def as_risk_officer(db: None) -> Client:
    user = User.objects.create_user("rita", password="a-risk-well-answered")
    user.user_permissions.set(Permission.objects.filter(codename="change_discrepancy"))
    client = Client()
    client.force_login(user)
    return client


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_ledger_adds_up_in_one_line(account: str, as_bob: Client) -> None:
    text = text_of(as_bob, "/ledger/")
    for words in ("$1,000.0000", "$25.0000", "adds up", "fill t2", "settlement", "deposit bank 1"):
        assert words in text
    assert "does not add up" not in text


@pytest.mark.parametrize(
    ("query", "shown", "left_out"),
    [
        ("kind=deposit", "deposit bank 1", "fill t1"),
        ("book=settlements", f"settlement {TICKER}"[:30], "fill t1"),
        (f"ticker={TICKER.lower()}", "fill t1", "deposit bank 1"),
        ("last=2001-01-01", "No such movement", "fill t1"),
        ("first=nonsense&before=x-y", "fill t1", "No such movement"),
        ("last=9999-12-31&before=9999999999999999999-1", "fill t1", "No such movement"),
    ],
    ids=["kind", "book", "market", "day", "nonsense", "huge"],
)
def test_movements_can_be_asked_for(account: str, as_bob: Client, query: str, shown: str, left_out: str) -> None:
    text = text_of(as_bob, f"/ledger/?{query}")
    assert shown in text
    assert left_out not in text


def test_movements_come_a_page_at_a_time(account: str, as_bob: Client) -> None:
    subject = Subject(services.session_start(account="demo", market_source="demo").pk, "demo", is_simulated=True)
    moves = [events.CashMoved(CLOSE_NS + 2 + n, "deposit", n + 1, f"coin {n:03}") for n in range(60)]
    write(subject, [Entry(each.received_ns, each) for each in moves])
    first = as_bob.get("/ledger/").context["page"]
    assert len(first.movements) == 50
    second = as_bob.get(f"/ledger/?before={first.older}").context["page"]
    names = [movement.name for movement in (*first.movements, *second.movements)]
    assert len(names) == len(set(names)) == 60 + 5
    assert second.older == ""


def test_the_csv_has_every_entry_and_adds_up_to_nothing(account: str, as_bob: Client) -> None:
    text = b"".join(as_bob.get("/ledger.csv?kind=fill")).decode()
    rows = list(csv.DictReader(StringIO(text)))
    assert len(rows) == LedgerEntry.objects.filter(movement__startswith="fill ").count()
    assert sum(round(float(row["amount"]) * 1e6) for row in rows) == 0
    assert {row["movement"] for row in rows} == {"fill t1", "fill t2"}


def test_the_api_tells_entries_and_the_balance(account: str, as_bob: Client) -> None:
    body = as_bob.get("/api/v1/ledger/balance/").json()
    parts = {name: round(float(body[name]) * 1e6) for name in body if name not in {"account", "shards"}}
    came = parts["opening"] + parts["deposits"] + parts["trading"] + parts["settlements"] - parts["fees"]
    assert came == parts["cash"] + parts["positions"] + parts["under_way"]
    assert parts["total"] == 0
    assert body["shards"] == [{"shard": 0, "cash": body["cash"]}]
    [entry, *_] = as_bob.get("/api/v1/ledger/").json()["results"]
    assert set(entry) == {"at", "account", "movement", "book", "shard", "ticker", "amount"}


def looked(*standing: Difference, is_judged: bool = True) -> Reconciliation:
    noted = Noted("running", Outcome(differences=standing, is_judged=is_judged), LOOKED, standing)
    return discrepancies.note("demo", None, noted)


def test_a_difference_is_open_until_it_adds_up_again(account: str, as_bob: Client) -> None:
    looked(CASH, FOREIGN)
    text = text_of(as_bob, "/reconciliation/")
    assert "a fill that is not ours" in text
    assert "$0.000007" in text
    looked(FOREIGN, is_judged=False)
    assert Discrepancy.objects.filter(closed_at=None).count() == 2  # cash was not judged
    looked()
    assert not Discrepancy.objects.filter(closed_at=None).exists()
    assert "Everything adds up" in text_of(as_bob, "/reconciliation/")
    assert as_bob.get("/api/v1/reconciliations/").json()["results"][0]["is_clean"]


def test_a_change_of_cash_is_accepted_with_a_reason_and_booked_once(account: str, as_risk_officer: Client) -> None:
    looked(CASH)
    row = Discrepancy.objects.get()
    path = f"/reconciliation/{row.pk}/settle/"
    assert as_risk_officer.post(path, {"kind": "deposit"}).status_code == 409
    assert discrepancies.accepted_moves("demo", 5) == []
    assert as_risk_officer.post(path, {"kind": "deposit", "reason": "the bank paid interest"}).status_code == 302
    [move] = discrepancies.accepted_moves("demo", 5)
    assert (move.kind, move.amount, move.shard, move.reference) == ("deposit", 7, 2, f"discrepancy {row.pk}")
    assert move.text == "rita: the bank paid interest"
    write(Subject(services.session_start(account="demo", market_source="demo").pk, "demo", True), [Entry(5, move)])
    assert discrepancies.accepted_moves("demo", 6) == []
    assert as_risk_officer.post(path, {"kind": "deposit", "reason": "again"}).status_code == 409


def test_cash_that_cannot_be_told_exactly_cannot_be_accepted(account: str) -> None:
    looked(CASH._replace(amount=0))
    with pytest.raises(UnusableError, match="while orders rest"):
        discrepancies.cash_accept(Discrepancy.objects.get(), by="rita", reason="because")


def test_what_is_not_ours_is_closed_for_good_and_is_not_said_again(account: str, as_risk_officer: Client) -> None:
    looked(FOREIGN)
    row = Discrepancy.objects.get()
    assert discrepancies.dismissed("demo") == frozenset()
    as_risk_officer.post(f"/reconciliation/{row.pk}/settle/", {"reason": "I sold that by hand"})
    row.refresh_from_db()
    assert (row.closed_by, row.closed_reason) == ("rita", "I sold that by hand")
    assert discrepancies.dismissed("demo") == {"fill t-99"}


def test_who_may_only_look_cannot_settle(account: str, as_bob: Client) -> None:
    looked(CASH)
    row = Discrepancy.objects.get()
    assert as_bob.post(f"/reconciliation/{row.pk}/settle/", {"reason": "mine"}).status_code == 403
    row.refresh_from_db()
    assert row.closed_at is None


def test_a_look_says_how_much_it_looked_at(account: str) -> None:
    row = looked(CASH)
    assert row.looked_at == {"orders": 0, "fills": 0, "positions": 0, "settlements": 0, "shards": 1, "asked_ns": 0}
    assert row.took_ms == 250.0
    assert not row.is_clean
