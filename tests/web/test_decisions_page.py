"""Why it does not trade: the page, one window, files and API; what cannot be meant is said in a sentence."""

import csv
import io

import pytest
from django.core.management import call_command
from django.test import Client

from backtests.gate_stages import STAGES, gates, stages_of
from backtests.presentation import MINUS
from markets.core.units import SECOND_NS
from tests.builders_web_rows import CLOSE_NS, TICKER, fill, market, order, session, signal
from trading.core.reasons import REASONS
from trading.models import Signal

pytestmark = pytest.mark.django_db
QUARTER_NS = 900 * SECOND_NS
WANTED = {"side": "yes", "price": 5_000, "count": 10_000, "cost": 0.5175}


def stopped(windows: int, won: int, account: str = "demo") -> None:
    """So many settled windows in which the confidence alone stood in the way of a hundred at 50 cents."""
    life = session(account)
    for number in range(windows):
        ticker, close_ns = f"KXBTC15M-{number}", CLOSE_NS + number * QUARTER_NS
        market(ticker, close_ns=close_ns, open_ns=close_ns - QUARTER_NS, result="yes" if number < won else "no")
        at = close_ns - 300 * SECOND_NS
        both = {"reason": "EDGE_BELOW_THRESHOLD", "failed": ["EDGE_BELOW_THRESHOLD", "CONFIDENCE_LOW"]}
        signal(life, 1, ticker=ticker, event_ns=at, **both, **WANTED)
        for later in (1, 2):
            signal(
                life, 2, ticker=ticker, event_ns=at + later * SECOND_NS, reason="CONFIDENCE_LOW", failed=["CONFIDENCE_LOW"], **WANTED
            )  # fmt: skip


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_an_empty_page_says_when_there_will_be_something(as_bob: Client) -> None:
    assert "No evaluation is kept of these windows." in text_of(as_bob, "/decisions/")


def test_the_page_shows_where_evaluations_end_and_what_each_gate_cost(as_bob: Client) -> None:
    stopped(3, 1)
    text = text_of(as_bob, "/decisions/")
    assert 'class="funnel"' in text
    assert "9 evaluations kept of 3 windows" in text
    assert f"{MINUS}$55.25" in text
    assert "not enough data: 3 of 30 closes" in text
    assert "never stood alone before a purchase" in text  # the edge, which was never alone


@pytest.mark.parametrize(
    ("won", "words"), [(40, "cost"), (0, "saved"), (20, "saved, which chance alone may have done")]
)
def test_a_verdict_once_there_are_closes_enough(as_bob: Client, won: int, words: str) -> None:
    stopped(40, won)
    told = as_bob.get("/api/v1/gates/").json()
    gate = next(gate for gate in told["gates"] if gate["code"] == "CONFIDENCE_LOW")
    assert gate["words"] == words
    assert gate["alone"]["profit"] == f"{won * 48.25 - (40 - won) * 51.75:.6f}"
    assert words in text_of(as_bob, "/decisions/")


def test_days_and_asset_bound_it(as_bob: Client) -> None:
    stopped(3, 1)
    assert "No evaluation is kept" in text_of(as_bob, "/decisions/?asset=ETH")
    assert "No evaluation is kept" in text_of(as_bob, "/decisions/?until=2020-01-01")
    assert as_bob.get("/api/v1/gates/?asset=BTC").json()["windows"] == 3
    for path in ("/decisions/?since=now", "/api/v1/gates/?since=now", "/decisions/gates.csv?since=now"):
        response = as_bob.get(path)
        assert response.status_code == 400
        assert "is not a day" in response.content.decode()


def test_our_own_trades_stand_beside_it(as_bob: Client) -> None:
    life = session()
    market()
    signal(life, 1, reason="TRADED", failed=[], **WANTED)
    fill(order(life))
    taken = as_bob.get("/api/v1/gates/").json()["taken"]
    assert (taken["windows"], taken["contracts"], taken["profit"]) == (1, "12.00", "5.478000")


def test_one_window_shows_every_evaluation_with_its_gates_and_inputs(as_bob: Client) -> None:
    life = session()
    market()
    signal(life, 10, reason="CONFIDENCE_LOW", failed=["CONFIDENCE_LOW"], pooled=0.561, **WANTED)
    signal(life, 20, reason="TRADED", failed=[], **WANTED)
    signal(life, 30, reason="FEED_LOST", failed=["FEED_LOST", "OPENING"], fair=None, confidence=None)
    text = text_of(as_bob, f"/decisions/{TICKER}/")
    for words in ("YES 100 at 50.0", "56.1", "FEED_LOST OPENING", "an order was sent", "did not pass", "not asked"):
        assert words in text
    assert "FEED_LOST OPENING" not in text_of(as_bob, f"/decisions/{TICKER}/?gate=TRADED")
    assert as_bob.get("/decisions/NO-SUCH/").status_code == 404
    assert f'href="/decisions/{TICKER}/"' in text_of(as_bob, f"/markets/{TICKER}/")


def test_the_same_as_files(as_bob: Client) -> None:
    stopped(2, 1)
    rows = list(csv.DictReader(io.StringIO(text_of(as_bob, "/decisions/gates.csv"))))
    assert [(row["gate"], row["alone_windows"]) for row in rows] == [
        ("CONFIDENCE_LOW", "2"),
        ("EDGE_BELOW_THRESHOLD", "0"),
    ]
    rows = list(csv.DictReader(io.StringIO(text_of(as_bob, "/decisions/KXBTC15M-0/evaluations.csv"))))
    assert [row["failed"] for row in rows] == [
        "CONFIDENCE_LOW",
        "CONFIDENCE_LOW",
        "EDGE_BELOW_THRESHOLD CONFIDENCE_LOW",
    ]
    assert {row["wanted"] for row in rows} == {"100.00"}


def test_the_api_gives_evaluations_by_market_reason_gate_and_time(as_bob: Client) -> None:
    stopped(2, 1)

    def asked(query: str) -> list[dict[str, object]]:
        response = as_bob.get(f"/api/v1/decisions/?{query}")
        assert response.status_code == 200, response.content
        rows: list[dict[str, object]] = response.json()["results"]
        return rows

    assert len(asked("")) == 6
    assert len(asked("ticker=KXBTC15M-0")) == 3
    assert len(asked("reason=CONFIDENCE_LOW")) == 4
    assert len(asked("gate=CONFIDENCE_LOW")) == 6
    assert len(asked("gate=EDGE_BELOW_THRESHOLD")) == 2
    assert as_bob.get("/api/v1/decisions/?gate=LOW").status_code == 400
    assert asked("since=2030-01-01T00:00:00Z") == []
    assert asked("until=2020-01-01T00:00:00Z") == []
    newest = asked("ticker=KXBTC15M-0")[0]
    assert (newest["failed"], newest["price"], newest["wanted"]) == (["CONFIDENCE_LOW"], "0.5000", "100.00")
    assert newest["stages"]["Trust"] == "failed"  # type: ignore[index]


def test_the_command_tells_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    stopped(2, 1)
    call_command("gates", account=None)
    said = capsys.readouterr().out
    assert "2 windows, 2 settled at 2 closes; 6 evaluations kept" in said
    assert "CONFIDENCE_LOW" in said
    assert f"{MINUS}$3.50" in said


def test_every_gate_has_a_place_and_each_code_one_alone() -> None:
    placed = [code for codes in STAGES.values() for code in codes]
    assert len(set(placed)) == len(placed)
    assert {code for code, _ in gates()} <= REASONS.keys()


@pytest.mark.parametrize(
    ("failed", "known", "states"),
    [
        pytest.param([], True, "passed passed passed passed passed passed passed passed", id="traded"),
        pytest.param(["CONFIDENCE_LOW"], True, "passed passed passed passed failed passed passed passed", id="one"),
        pytest.param(["HALTED", "EDGE_BELOW_THRESHOLD", "TOO_SOON"], True,
                     "failed passed passed failed passed failed passed not asked", id="behind two the limits are not asked"),
        pytest.param(["FEED_LOST"], True, "passed failed passed not asked not asked not asked not asked not asked", id="blind"),
        pytest.param(["NO_STRIKE"], False, "passed passed failed not asked not asked not asked not asked not asked", id="no price"),
    ],
)  # fmt: skip
def test_a_stage_passed_or_not_or_was_not_asked(failed: list[str], known: bool, states: str) -> None:
    fair, confidence = (0.5, 50.0) if known else (None, None)
    row = Signal(reason="TRADED", failed=failed, fair=fair, confidence=confidence)
    assert " ".join(stage.state for stage in stages_of(row)) == states
