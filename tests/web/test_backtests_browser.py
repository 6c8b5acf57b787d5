"""A person's way through the runs in a real Chromium: queue, watch, clone, compare, annotate, find, take away, open the file offline."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.rising import write_tape
from tests.web.test_browser import (
    ROOT,
    SHIFTS,
    USERS,
    chromium,
    closed_windows,
    free_port,
    picture,
    take_seat,
    wait_until_served,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
__all__ = ["chromium", "closed_windows"]  # fixtures, used by name
REGISTER = "from markets.services import tape_register; from pathlib import Path; tape_register(Path({path!r}))"
GATES_OPEN = {"edge": "1", "confidence": "0", "margin": "0"}
DESKTOP, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
SHA256 = re.compile(r"^[0-9a-f]{64}$")
WORK = (
    "from backtests.models import BacktestRun; from backtests import services; import sys; services.run_execute({run})"
)


class Site:
    """A web server with one tape, and a worker that plays a run when it is told to."""

    def __init__(self, address: str, environment: dict[str, str]) -> None:
        self.address = address
        self.environment = environment

    def play(self, run: int) -> None:
        """What a worker does with a queued run."""
        self.shell(WORK.format(run=run))

    def shell(self, code: str) -> None:
        """Run a line in the site's own Django."""
        words = [sys.executable, "manage.py", "shell", "-c", code]
        subprocess.run(words, cwd=ROOT, env=self.environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The web process as `make run` starts it, with a database and a tape of its own."""
    home = tmp_path_factory.mktemp("home")
    tape = write_tape(home / "rising.tape")
    environment = os.environ | {"BOT_HOME": str(home), "DATABASE_URL": f"sqlite:///{home}/db.sqlite3"}
    for words in (["migrate", "--verbosity", "0"], ["shell", "-c", USERS + REGISTER.format(path=str(tape))]):
        subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, check=True, capture_output=True
        )
    port = free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--lifespan", "off", "--log-level", "warning"]
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "kalshi_site.asgi:application", *options], cwd=ROOT, env=environment
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_served(address, server)
        yield Site(address, environment)
    finally:
        server.terminate()
        server.wait(10)


def unfold(page: Page, group: str) -> None:
    page.locator("details.group", has=page.get_by_text(group, exact=True)).locator("summary").click()


def queue(page: Page, **fields: str) -> int:
    """Fill in the form that is shown and send it; returns the number of the run."""
    for name, value in fields.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Queue the run").click()
    page.wait_for_url(re.compile(r"/backtests/\d+/$"))
    return int(page.url.rstrip("/").rsplit("/", maxsplit=1)[-1])


def test_a_person_queues_watches_clones_compares_annotates_finds_and_takes_away(
    chromium: Browser, site: Site, tmp_path: Path
) -> None:
    seat = take_seat(chromium, site.address, "ada", viewport=DESKTOP, accept_downloads=True)
    first = queued_from_the_form(seat.page)
    watched_without_being_loaded_anew(seat.page, site, first)
    second = cloned_with_another_kelly_fraction(seat.page, site)
    compared(seat.page, first, second)
    annotated_and_found(seat.page, second)
    path, digest = taken_away(seat.page, second, tmp_path)
    assert seat.complaints == []
    opened_without_a_network(chromium, path, digest)


def queued_from_the_form(page: Page) -> int:
    """What is covered is said first."""
    page.goto("/backtests/")
    page.get_by_role("link", name="New backtest").click()
    page.locator('input[name=tapes][value="rising"]').check()
    page.get_by_role("button", name="Check what is covered").click()
    expect(page.locator("#covered")).to_contain_text("1 tape with")
    for group in ("Signal", "Size"):
        unfold(page, group)
    page.locator("[name=pooling]").select_option("off")
    picture(page, "backtests-form")
    return queue(page, **GATES_OPEN, label="first try")


def watched_without_being_loaded_anew(page: Page, site: Site, run: int) -> None:
    """The result comes into the page that waits."""
    expect(page.locator("#progress-words")).to_have_text("Waiting for a worker; it is next.")
    page.evaluate("window.stayed = true")
    site.play(run)
    expect(page.locator("#digest")).to_have_text(SHA256, timeout=20_000)
    assert page.evaluate("window.stayed")
    expect(page.locator("#progress")).to_have_count(0)
    picture(page, "backtests-run")


def cloned_with_another_kelly_fraction(page: Page, site: Site) -> int:
    """The form is filled, what was changed is told, and the list is told when it is done."""
    page.get_by_role("link", name="Run again with changes").click()
    expect(page.locator("[name=edge]")).to_have_value("1")
    page.locator("details.group", has=page.get_by_text("Size", exact=True)).evaluate("each => each.open = true")
    run = queue(page, kelly="10", label="a smaller bet")
    expect(page.locator("#changed")).to_have_text(re.compile(r"Kelly fraction: 25 % 10 %"))
    page.goto("/backtests/")
    site.play(run)
    row = page.locator("tr", has=page.locator(f'a[href="/backtests/{run}/"]'))
    expect(row.locator(".pill")).to_have_text("done", timeout=20_000)
    return run


def compared(page: Page, first: int, second: int) -> None:
    """Chosen in the list."""
    for run in (first, second):
        page.get_by_label(f"Compare run {run}", exact=True).check()
    page.get_by_role("button", name="Compare the chosen").click()
    page.wait_for_url(f"**/compare/?ids={first},{second}")
    expect(page.locator("#tapes-said")).to_have_text("All were played on the same tapes.")
    expect(page.locator("#settings")).to_contain_text("Kelly fraction")
    picture(page, "backtests-compare")
    seen_on_a_phone(page, "backtests-compare-phone")


def annotated_and_found(page: Page, run: int) -> None:
    """By a word of the note."""
    page.goto(f"/backtests/{run}/")
    page.locator("#about summary").click()
    page.locator("#annotate [name=note]").fill("smaller bets made less")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".note-text")).to_have_text("smaller bets made less")
    page.goto("/backtests/")
    page.locator("#find summary").click()
    page.get_by_label("Words in label or note").fill("smaller bets")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("table.runs tbody tr")).to_have_count(1)
    picture(page, "backtests-list")
    seen_on_a_phone(page, "backtests-list-phone")


def taken_away(page: Page, run: int, folder: Path) -> tuple[Path, str]:
    """The page as one file, and the digest that it must show."""
    page.goto(f"/backtests/{run}/")
    seen_on_a_phone(page, "backtests-run-phone")
    page.locator(".menu summary").click()
    with page.expect_download() as kept:
        page.get_by_role("link", name="This page as one file (HTML)").click()
    kept.value.save_as(folder / "report.html")
    return folder / "report.html", page.locator("#digest").inner_text()


def opened_without_a_network(chromium: Browser, path: Path, digest: str) -> None:
    """It asks for nothing, complains of nothing, and its own styles are used."""
    page = chromium.new_context(offline=True, viewport=DESKTOP).new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    expect(page.locator("#digest")).to_have_text(digest)
    assert page.locator("svg.equity").count() > 0
    assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") != "0px"
    picture(page, "backtests-alone")
    assert complaints == []
    assert [url for url in asked if not url.startswith("file:")] == []


def seen_on_a_phone(page: Page, name: str) -> None:
    page.set_viewport_size(PHONE)
    picture(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.set_viewport_size(DESKTOP)


def test_nothing_jumps_while_a_run_is_watched_and_cancelling_is_one_click(chromium: Browser, site: Site) -> None:
    seat = take_seat(chromium, site.address, "ada", viewport=DESKTOP)
    page = seat.page
    page.goto("/backtests/new/?tape=rising")
    run = queue(page)
    site.shell(f"from backtests import services; services.run_claim({run})")
    before = page.evaluate(SHIFTS)
    for share in (0.2, 0.5, 0.8):
        site.shell(f"from backtests import services; services._progress({run}, {share}, 'rising')")
        expect(page.locator("#progress-words")).to_contain_text(f"{int(share * 100)} % played, at rising")
    assert page.evaluate(SHIFTS) - before < 0.001
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#cancel")).to_have_text("Stopping…")
    assert seat.complaints == []


def test_without_script_a_run_can_be_queued_and_watched(chromium: Browser, site: Site) -> None:
    seat = take_seat(chromium, site.address, "ada", viewport=DESKTOP, java_script_enabled=False)
    page = seat.page
    page.goto("/backtests/new/?tape=rising")
    run = queue(page)
    expect(page.locator("#progress-words")).to_contain_text("Waiting")
    site.play(run)
    expect(page.locator("#digest")).to_have_text(SHA256, timeout=20_000)
