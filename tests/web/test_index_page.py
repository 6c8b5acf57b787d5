"""The page Index, its API, its alert and its place in health: what audited rows say to people and to programs."""

import msgspec
import pytest
from django.test import Client

from dashboard import health
from dashboard.templatetags.units import DASH
from markets.core.contract import WINDOW_NS
from tests.builders_web_rows import CLOSE_NS, session
from trading import services, tasks
from trading.audits import audits_newest
from trading.core import parameters
from trading.core.decision import SettlementAudit
from trading.core.index_truth import LEAST
from trading.models import Discrepancy
from trading.records import Entry, Subject, write

pytestmark = pytest.mark.django_db


def audit(window: int = 0, asset: str = "BTC", **different: object) -> SettlementAudit:
    """A window that `open_right` explains exactly, with two venues."""
    close_ns = CLOSE_NS + window * WINDOW_NS
    told = SettlementAudit(
        close_ns + 30_000_000_000, f"KX{asset}15M-{window}", asset, close_ns, "64131.02", 2, 2, "yes", 64_120.55,
        open_right=64_131.018, closed_right=64_131.9, estimate=64_130.5,
        venues=(("binance", 64_445.0), ("kraken", 64_131.0)), methods=(("fusion", 64_130.5), ("vwap", 64_129.0)),
    )  # fmt: skip
    return msgspec.structs.replace(told, **different)


def stored(*audits: SettlementAudit, account: str = "demo") -> None:
    services.account_open(account, 10_000_000_000)
    write(
        Subject(session(account).pk, account, is_simulated=True),
        [Entry(each.received_ns, audits=(each,)) for each in audits],
    )


def test_a_row_is_read_back_as_it_was_told() -> None:
    told = audit(strike=None, open_right=None, is_tie=True)
    stored(told)
    assert audits_newest("demo") == [told]


def test_the_page_says_which_reading_settles_and_how_far_each_venue_is(as_bob: Client) -> None:
    stored(*[audit(window) for window in range(LEAST)], audit(0, "ETH", own=60, open_right=None, venues=()))
    text = as_bob.get("/index/").content.decode()
    assert "<dt>Better over the last 50</dt><dd>open_right</dd>" in text
    assert "as configured" in text
    assert "leave it out: it is +49.0 bp from the index in the mean, more than 30" in text
    assert '<span class="pill good">exact</span>' in text
    assert 'href="?asset=ETH"' in text


@pytest.mark.parametrize("asked", ["ETH", "eth"])
def test_the_page_of_one_asset_lists_only_its_windows(as_bob: Client, asked: str) -> None:
    stored(audit(0), audit(0, "ETH"))
    text = as_bob.get(f"/index/?asset={asked}").content.decode()
    assert "KXETH15M-0" in text
    assert "KXBTC15M-0" not in text


def test_a_window_that_nobody_heard_is_dashes_and_not_zeros(as_bob: Client) -> None:
    stored(audit(own=60, open_right=None, closed_right=None, estimate=None, venues=(), methods=()))
    text = as_bob.get("/index/").content.decode()
    assert "No average of our own." in text
    assert f'<td class="num nowrap">{DASH}</td>' in text
    assert "not enough data" in text


def test_before_anything_settled_the_page_says_so(as_bob: Client) -> None:
    assert "No window has settled yet." in as_bob.get("/index/").content.decode()


def test_the_page_has_neither_script_nor_style_of_its_own(as_bob: Client) -> None:
    stored(audit())
    text = as_bob.get("/index/").content.decode()
    assert "style=" not in text
    assert "<style" not in text
    assert text.count("<script") == 1


def test_the_rows_are_listed_newest_first_by_asset_and_time(as_bob: Client) -> None:
    stored(audit(0), audit(1), audit(1, "ETH"))
    stored(audit(0), account="other")
    queries = {
        "": 3,
        "asset=BTC": 2,
        "asset=btc": 2,
        "asset=DOGE": 0,
        "since=2026-05-11T15:00:00Z": 2,
        "account=other": 1,
    }
    found = {query: len(as_bob.get(f"/api/v1/index-audit/?{query}").json()["results"]) for query in queries}
    assert found == queries
    newest, _, oldest = as_bob.get("/api/v1/index-audit/").json()["results"]
    assert newest["closed_at"] == "2026-05-11T15:00:00.000000Z"
    assert oldest["venues"] == {"binance": 64_445.0, "kraken": 64_131.0}
    assert as_bob.get("/api/v1/index-audit/?since=yesterday").status_code == 400


def test_pages_of_rows_follow_each_other(as_bob: Client) -> None:
    stored(*[audit(window) for window in range(5)])
    first = as_bob.get("/api/v1/index-audit/?limit=3").json()
    second = as_bob.get(first["next"]).json()
    tickers = [row["ticker"] for row in first["results"] + second["results"]]
    assert tickers == [f"KXBTC15M-{window}" for window in (4, 3, 2, 1, 0)]


def test_the_summary_tells_each_asset(as_bob: Client) -> None:
    stored(audit(0), audit(1), audit(0, "ETH", is_tie=True))
    bitcoin, ether = as_bob.get("/api/v1/index-audit/summary/").json()
    assert (bitcoin["asset"], bitcoin["recent"]["better"], bitcoin["lean"]) == ("BTC", "open_right", None)
    assert bitcoin["recent"]["open_right"]["matches"] == 2
    assert [venue["name"] for venue in bitcoin["venues"]] == ["binance", "kraken"]
    assert (ether["digits"]["ties"], ether["alerts"]) == (1, [])
    assert as_bob.get("/api/v1/index-audit/summary/?account=nobody").json() == []


def test_an_alert_opens_is_seen_and_closes_when_the_setting_is_the_better_reading(as_bob: Client) -> None:
    """It says what is wrong; a person changes the setting, or nobody does."""
    stored(*[audit(window) for window in range(LEAST)])
    assert tasks.index_check() == 0
    assert health.index() == []
    services.parameters_set(parameters.Parameters(settlement_window="closed_right"), author=None, reason="to see")
    assert tasks.index_check() == tasks.index_check() == 1
    row = Discrepancy.objects.get(closed_at=None)
    assert (row.kind, row.subject) == ("settlement window", "demo BTC")
    (part,) = health.index()
    assert (part.state, "closed_right, which is configured, 0 times" in part.text) == ("warn", True)
    assert "Settlement window." in as_bob.get("/index/").content.decode()
    assert "Settlement index" in as_bob.get("/health/").content.decode()
    services.parameters_set(parameters.Parameters(), author=None, reason="as it settles")
    assert tasks.index_check() == 0
    assert not Discrepancy.objects.filter(closed_at=None).exists()


def test_decimals_that_nobody_told_open_an_alert_of_their_own() -> None:
    stored(audit(0, settle_value="64131.021", decimals=3))
    assert tasks.index_check() == 1
    assert "with 3 decimals" in Discrepancy.objects.get(kind="settlement decimals").text
