"""The pages in a real Chromium on a real server: numbers move, the poll takes over, a stop asks twice, nothing is refused."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, WebSocketRoute, expect, sync_playwright

from tests.builders_web import Publisher, exchange, publish, snapshot

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "tests" / "screenshots"
LISTED = "KXBTC15M-26MAY111045-45"
PASSWORD = "enchantress-of-numbers"
USERS = f"""
from django.contrib.auth.models import User
User.objects.create_superuser("ada", password="{PASSWORD}")
User.objects.create_user("bob", password="{PASSWORD}")
from markets.models import Market, Series
series = Series.objects.create(ticker="KXBTC15M", asset="BTC")
Market.objects.create(ticker="{LISTED}", series=series, asset="BTC", open_ns=1, close_ns=2, decimals=2, terms={{}}, is_simulated=True)
"""
SHIFTS = """new Promise((tell) => new PerformanceObserver((list) =>
  tell(list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe({type: "layout-shift", buffered: true})
  || setTimeout(() => tell(0), 500))"""
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web process as `make run` starts it, with its own database; yields its address."""
    home = tmp_path_factory.mktemp("home")
    environment = os.environ | {"BOT_HOME": str(home), "DATABASE_URL": f"sqlite:///{home}/db.sqlite3"}
    for words in (["migrate", "--verbosity", "0"], ["shell", "-c", USERS]):
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
        yield address
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def closed_windows(request: pytest.FixtureRequest) -> Iterator[None]:
    """No page outlives its test, also when that fails: an open one keeps what the server last heard."""
    yield
    for context in request.getfixturevalue("chromium").contexts:
        context.close()


class Seat(NamedTuple):
    """A page, and all that went wrong on it."""

    page: Page
    complaints: list[str]


def take_seat(chromium: Browser, site: str, user: str, **options: object) -> Seat:
    """A signed-in page in a fresh browser profile."""
    page = chromium.new_context(base_url=site, **options).new_page()  # type: ignore[arg-type]
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")
    return Seat(page, complaints)


def test_numbers_move_over_the_socket_and_nothing_is_refused(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=DESKTOP)
    with Publisher(settings.REDIS_URL):
        expect(seat.page.locator(".link")).to_have_text("live")
        assert changes(seat.page, "#windows tr:first-child td:nth-child(4) .main", 2.5) >= 5
        expect(seat.page.locator(".banner")).to_contain_text("DEMO")
        expect(seat.page.locator("#windows tr")).to_have_count(3)
        picture(seat.page, "live-desktop")
        before = seat.page.evaluate(SHIFTS)
        seat.page.wait_for_timeout(3_000)
        assert seat.page.evaluate(SHIFTS) - before < 0.001  # nothing jumps while numbers change
    assert seat.complaints == []


def test_the_countdown_runs_smoothly_at_the_speed_of_the_source(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "bob", viewport=DESKTOP)
    with Publisher(settings.REDIS_URL):
        expect(seat.page.locator(".link")).to_have_text("live")
        # Four snapshots a second at ten times the clock: more than two seconds would be left out without running on.
        assert changes(seat.page, "#windows tr:first-child .countdown", 2) >= 11


def test_what_is_unknown_is_a_dash_and_never_0(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=DESKTOP)
    with Publisher(settings.REDIS_URL):
        unknown = seat.page.locator("#windows tr").nth(2)
        expect(unknown).to_contain_text("never seen")
        cells = [unknown.locator("td").nth(index).inner_text().strip() for index in (2, 3, 4, 6, 7, 8, 9, 10, 14)]
    assert [cell.split("\n")[0] for cell in cells] == ["–"] * 9  # noqa: RUF001


def test_the_poll_takes_over_while_the_socket_is_down_and_the_socket_comes_back(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "bob", viewport=DESKTOP)
    is_blocked = True

    def cut(route: WebSocketRoute) -> None:
        if is_blocked:
            route.close()
        else:
            route.connect_to_server()

    seat.page.route_web_socket("**/ws/live/", cut)
    with Publisher(settings.REDIS_URL):
        time.sleep(0.6)
        seat.page.reload()
        expect(seat.page.locator(".link")).to_have_text("socket down: polling every 5 s")
        assert changes(seat.page, "[data-bind='uptime_s']", 11) >= 2
        picture(seat.page, "live-polling")
        is_blocked = False
        expect(seat.page.locator(".link")).to_have_text("live", timeout=25_000)
        assert changes(seat.page, "#windows tr:first-child td:nth-child(4) .main", 2) >= 3


def test_it_says_that_no_trader_runs_and_what_to_do(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=DESKTOP)
    expect(seat.page.locator("#nobody")).to_contain_text("make run")
    expect(seat.page.locator(".link")).to_have_text("no trader is running")
    picture(seat.page, "live-nobody")


def test_numbers_turn_grey_when_the_trader_falls_silent(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=DESKTOP)
    publisher = Publisher(settings.REDIS_URL)
    try:
        publish(publisher.client, snapshot(1))
        expect(seat.page.locator(".link")).to_have_text("live")
        expect(seat.page.locator(".link")).to_contain_text("no word from the trader", timeout=8_000)
        expect(seat.page.locator("body")).to_have_class("silent")
    finally:
        publisher.client.delete("bot:snapshot")
        publisher.client.close()


def test_the_page_of_prices_shows_methods_venues_feeds_and_disk(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "bob", viewport=DESKTOP)
    with Publisher(settings.REDIS_URL):
        seat.page.goto("/prices/")
        expect(seat.page.locator("#prices tr")).to_have_count(1)
        expect(seat.page.locator("#prices .chosen")).to_contain_text("64,133.02")
        expect(seat.page.locator("#prices")).to_contain_text("no book stands")
        expect(seat.page.locator("#prices .out")).to_have_text("kraken: silent for 7.4 s")
        expect(seat.page.locator("#matrix tr")).to_have_count(2)
        expect(seat.page.locator("#volatility tr")).to_have_count(2)
        expect(seat.page.locator("#volatility .main")).to_have_text("51.2 %")
        expect(seat.page.locator("#volatility tr").first).to_contain_text(
            "US consumer prices \N{MULTIPLICATION SIGN} 4 from"
        )
        expect(seat.page.locator("#feeds tr").nth(2)).to_contain_text("restricted location; again in 00:56:52")
        expect(seat.page.locator("#prices-page")).to_contain_text("1.25 GB of 5.00 GB")
        picture(seat.page, "prices-desktop")
        seat.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        picture(seat.page, "prices-phone")
        assert seat.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert seat.complaints == []


def test_the_page_of_the_exchange_shows_how_it_is_heard_and_what_is_not_as_assumed(
    chromium: Browser, site: str
) -> None:
    seat = take_seat(chromium, site, "bob", viewport=DESKTOP)
    with Publisher(settings.REDIS_URL):
        seat.page.goto("/exchange/")
        expect(seat.page.locator("#exchange-how")).to_have_text("WebSocket, signed")
        expect(seat.page.locator("#exchange-clock")).to_contain_text("0.12 s ± 0.08 s")
        expect(seat.page.locator("#exchange-windows tr")).to_have_count(2)
        expect(seat.page.locator("#exchange-windows tr").nth(1)).to_contain_text("no strike 30 s after its open")
        expect(seat.page.locator("#drift-empty")).to_contain_text("Nothing differs.")
        expect(seat.page.locator("#indices")).to_contain_text("14 of 60")
        expect(seat.page.locator("#budgets tr")).to_have_count(2)
        expect(seat.page.locator("#polled")).to_be_hidden()
        picture(seat.page, "exchange-desktop")
        seat.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        picture(seat.page, "exchange-phone")
        assert seat.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert seat.complaints == []


def test_a_polled_exchange_says_so_and_a_changed_contract_what_has_changed(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "bob", viewport=DESKTOP)
    changed = "KXBTC15M: fee_multiplier is 2, the code assumes 1"
    polled = exchange(how="polled", connection=None, indices=[], drift=[changed], clock_offset_ms=None, tier="")
    with Publisher(settings.REDIS_URL, exchange=polled, market="real", label="PAPER"):
        seat.page.goto("/exchange/")
        expect(seat.page.locator("#polled")).to_contain_text("read about once a second")
        expect(seat.page.locator("#drift-notice")).to_have_text(f"New orders are stopped: {changed}.")
        expect(seat.page.locator("#drift li")).to_have_text(changed)
        expect(seat.page.locator("#indices-empty")).to_contain_text("Not published to us.")
        expect(seat.page.locator(".banner")).to_contain_text("traded on paper")
        picture(seat.page, "exchange-polled")
    with Publisher(settings.REDIS_URL, exchange=None, market="tape", label="PAPER"):
        expect(seat.page.locator("#exchange-none")).to_be_visible(timeout=8_000)
    assert seat.complaints == []


def test_the_page_of_a_window_shows_every_model_as_it_is_now(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=DESKTOP)
    with Publisher(settings.REDIS_URL):
        seat.page.goto(f"/markets/{LISTED}/")
        expect(seat.page.locator("#models tr")).to_have_count(9)
        expect(seat.page.locator("#models tr").first).to_contain_text("N(d2)")
        expect(seat.page.locator("#models tr").last).to_contain_text("pooled (traded on)54.4")
        expect(seat.page.locator("#models tr").nth(5)).to_contain_text("gbm found")
        expect(seat.page.locator("[data-model='weight']")).to_have_text("25 %")
        expect(seat.page.get_by_label("Forecast record")).to_contain_text("No forecast is kept of this window.")
        picture(seat.page, "market-models")
        expect(seat.page.locator("[data-model='middle']")).not_to_have_text("\N{EN DASH}")
    lost = snapshot(1)["windows"][0] | {"reason": "FEED_LOST"}
    with Publisher(settings.REDIS_URL, windows=[lost]):
        expect(seat.page.locator("[data-model='middle']")).to_have_text("\N{EN DASH}", timeout=8_000)
    with Publisher(settings.REDIS_URL, windows=[]):
        expect(seat.page.locator("#models-card")).to_be_hidden(timeout=8_000)
    assert seat.complaints == []


def test_a_tape_that_has_ended_says_so_and_what_to_do_next(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=DESKTOP)
    source = {"state": "ended", "name": "btc15m", "speed": 20.0, "event_ms": 1_778_687_130_000}
    with Publisher(settings.REDIS_URL, source=source, market="tape", label="PAPER", mode="HALTED", windows=[]):
        expect(seat.page.locator(".banner .mode")).to_contain_text("THE TAPE HAS ENDED")
        expect(seat.page.locator(".banner")).to_contain_text("recorded market btc15m")
        expect(seat.page.locator("#ended")).to_contain_text("MARKET=tape TAPE=NAME make run")
        expect(seat.page.locator("#windows-empty")).to_contain_text("The tape holds no more of them.")
        expect(seat.page.locator("#day-title")).to_have_text("Profit and loss of 2026-05-13, UTC")
        expect(seat.page.locator("[aria-pressed='true']")).to_have_count(0)
    assert seat.complaints == []


def test_a_halt_of_the_engine_itself_says_why_and_how_long(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=DESKTOP)
    reason = "the daily loss limit leaves no room"
    with Publisher(settings.REDIS_URL, mode="HALTED", mode_reason=reason, wanted_mode="ACTIVE"):
        words = "HALTED the daily loss limit leaves no room: until the next UTC day, or a higher limit"
        expect(seat.page.locator(".banner .mode")).to_have_text(words)
    with Publisher(settings.REDIS_URL, mode="HALTED", mode_reason="paused by ada", wanted_mode="HALTED"):
        expect(seat.page.locator(".banner .mode")).to_have_text("HALTED paused by ada")


def test_a_stop_asks_twice_and_a_pause_does_not(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=DESKTOP)
    with Publisher(settings.REDIS_URL):
        seat.page.get_by_role("button", name="Stop…").click()
        expect(seat.page.get_by_role("dialog")).to_be_visible()
        picture(seat.page, "live-stop")
        seat.page.get_by_role("button", name="Keep trading").click()
        assert wanted(seat.page) == ("ACTIVE", "")
        seat.page.get_by_role("button", name="Stop…").click()
        seat.page.get_by_role("button", name="Stop trading").click()
        expect(seat.page.locator("#said")).to_contain_text("Stopped")
        assert wanted(seat.page) == ("HALTED", "ada")
        seat.page.get_by_role("button", name="Start", exact=True).click()
        expect(seat.page.locator("#said")).to_contain_text("Trading is wanted")
        assert wanted(seat.page) == ("ACTIVE", "ada")
        seat.page.get_by_role("button", name="Pause").click()
        expect(seat.page.locator("#said")).to_contain_text("Paused")
        assert wanted(seat.page) == ("HALTED", "ada")
    assert seat.complaints == []


def test_a_viewer_cannot_press_the_buttons(chromium: Browser, site: str) -> None:
    seat = take_seat(chromium, site, "bob", viewport=DESKTOP)
    for name in ("Start", "Reduce only", "Pause", "Stop…"):
        expect(seat.page.get_by_role("button", name=name, exact=True)).to_be_disabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_without_scrolling_sideways(chromium: Browser, site: str, scheme: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=PHONE, color_scheme=scheme, device_scale_factor=2)
    with Publisher(settings.REDIS_URL):
        expect(seat.page.locator("#windows tr")).to_have_count(3)
        picture(seat.page, f"live-phone-{scheme}")
        assert seat.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert seat.complaints == []


@pytest.mark.parametrize(
    "path", ["/orders/", "/health/", "/skill/", "/api/v1/docs/", "/backtests/", "/backtests/new/", "/admin/"]
)
def test_the_other_pages_break_no_rule_of_the_browser(chromium: Browser, site: str, path: str) -> None:
    seat = take_seat(chromium, site, "ada", viewport=DESKTOP, color_scheme="dark")
    seat.page.goto(path)
    expect(seat.page.locator("h1").first).to_be_visible()
    picture(seat.page, "page" + path.replace("/", "-").rstrip("-"))
    assert seat.complaints == []


def wanted(page: Page) -> tuple[str, str]:
    """The mode that is wanted, and by whom, as the API tells the same user."""
    said = page.request.get("/api/v1/status/").json()
    return said["wanted_mode"], said["wanted_by"]


def changes(page: Page, selector: str, seconds: float) -> int:
    """How many different texts an element shows within a time."""
    seen: set[str] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.add(page.locator(selector).inner_text())
        page.wait_for_timeout(50)
    return len(seen)


def picture(page: Page, name: str) -> None:
    """Keep what it looks like; nobody compares it but people."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_served(address: str, server: subprocess.Popen[bytes]) -> None:
    """Returns when the log-in page is there. Raises RuntimeError when the server ended or took a minute."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/login/", timeout=2).close()
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the web process did not start")
