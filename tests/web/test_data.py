"""The catalogue's pages and API: what is shown, filtered, paged; and what is asked for there."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from markets import jobs
from markets.job_work import job_execute
from markets.models import Tape, TapeJob
from markets.services import tape_register
from markets.sheets import tape_look, tape_verify
from tests.rising import write_tape

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_hand_over", lambda *_: None)


@pytest.fixture
def tapes(tmp_path: Path) -> list[Tape]:
    """One of grade A that was looked at and verified, and one of grade C of another day that nobody has looked at."""
    first = tape_register(write_tape(tmp_path / "rising.tape"))
    tape_look(first)
    tape_verify(first)
    return [first, tape_register(write_tape(tmp_path / "later.tape", shift_s=86_400, grade="C"))]


def test_the_page_says_what_there_is_and_how_good(as_bob: Client, tapes: list[Tape]) -> None:
    page = as_bob.get("/data/").content.decode()
    assert "rising" in page
    assert "later" in page
    assert "verified 20" in page
    assert "never verified" in page
    assert "not looked at" in page
    assert '<svg class="coverage"' in page
    assert "not received by us, or without books" in page
    assert "Upload and import" not in page  # who may only look


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("asset=BTC", {"rising"}),
        ("grade=C", {"later"}),
        ("grade=A&feed=coinbase", {"rising"}),
        ("state=verified", {"rising"}),
        ("state=unverified", {"later"}),
        ("state=damaged", set()),
        ("since=2026-11-23", {"later"}),
        ("until=2026-11-22", {"rising"}),
        ("origin=recorded", {"rising", "later"}),
        ("origin=downloaded", set()),
    ],
)
def test_the_filters_of_page_and_api_find_the_same(
    as_bob: Client, tapes: list[Tape], query: str, found: set[str]
) -> None:
    shown = {row.name for row in as_bob.get(f"/data/?{query}").context["tapes"]}
    told = {row["name"] for row in as_bob.get(f"/api/v1/data/?{query}").json()["results"]}
    assert shown == told == found


@pytest.mark.parametrize("query", ["grade=Z", "since=yesterday", "since=2026-11-23&until=2026-11-22"])
def test_what_cannot_be_asked_is_said(as_bob: Client, tapes: list[Tape], query: str) -> None:
    assert as_bob.get(f"/data/?{query}").status_code == 400
    assert as_bob.get(f"/api/v1/data/?{query}").status_code == 400


def test_a_tape_has_its_gaps_and_windows(as_bob: Client, tapes: list[Tape]) -> None:
    page = as_bob.get("/data/tapes/rising/").content.decode()
    told = as_bob.get("/api/v1/data/rising/").json()
    assert told["window_list"][0]["result"] == "yes"
    assert told["window_list"][0]["ticker"] in page
    assert (told["gap_count"], told["gap_list"]) == (0, [])
    assert (told["assets"], told["fingerprint"][:8], told["is_sound"]) == (["BTC"], "verified", True)
    assert "Nobody has looked at this tape yet" in as_bob.get("/data/tapes/later/").content.decode()
    assert as_bob.get("/data/tapes/nothing/").status_code == 404


def test_the_list_of_names_that_a_run_takes_is_as_it_was(as_bob: Client, tapes: list[Tape]) -> None:
    row = as_bob.get("/api/v1/tapes/rising/").json()
    assert set(row) == {
        "name", "source", "grade", "first_event_at", "last_event_at", "events", "markets", "gaps", "size_bytes", "sha256",
    }  # fmt: skip


def test_an_operator_asks_and_the_page_says_who_did(
    client: Client, tapes: list[Tape], tmp_path: Path, settings: object
) -> None:
    olga = User.objects.create_user("olga", password="steady-hand-on-the-tiller")
    olga.user_permissions.set(Permission.objects.filter(codename="add_tapejob"))
    client.force_login(olga)
    client.post("/data/ask/", {"kind": "parquet", "subject": "rising"})
    job = TapeJob.objects.get()
    assert (job.kind, job.subject, job.created_by) == ("parquet", "rising", olga)
    assert client.get("/data/jobs.json?tape=rising").json()["jobs"][0]["status"] == "queued"
    assert job_execute(job.pk)
    file = client.get(f"/data/jobs/{job.pk}/file/")
    assert file["Content-Disposition"].startswith("attachment")
    assert b"".join(file.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
    page = client.get("/data/tapes/rising/").content.decode()
    assert "olga" in page
    assert "download</a>" in page
    refused = client.post("/data/ask/", {"kind": "recording", "subject": "../../etc"}, follow=True)
    assert "There is no recording or tape" in refused.content.decode()
    told = client.post("/data/upload/", {"file": SimpleUploadedFile("x.exe", b"MZ")}, follow=True).content.decode()
    assert "Name the file" in told
    answer = client.post("/api/v1/data-jobs/upload/", {"file": SimpleUploadedFile("x.tape.zst", b"junk")})
    assert answer.status_code == 201
    assert job_execute(answer.json()["id"])
    assert "damaged" in client.get(f"/api/v1/data-jobs/{answer.json()['id']}/").json()["error"]


def test_many_tapes_are_paged(as_bob: Client, tapes: list[Tape]) -> None:
    row = tapes[0]
    for number in range(60):
        Tape.objects.create(
            name=f"t{number:02}", path=row.path, first_ns=row.first_ns, last_ns=row.last_ns, events=1, markets=1, gaps=0,
            size_bytes=1, sha256="0" * 64,
        )  # fmt: skip
    page = as_bob.get("/data/?page=2")
    assert len(page.context["tapes"]) == 12
    assert "Page 2 of 2" in page.content.decode()
