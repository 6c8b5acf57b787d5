"""The forecast record over the API and as CSV: filters, outcomes, what is not known, and a file that is whole or not there."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.test import Client

from dashboard.forecast_table import COLUMNS, table_of
from markets.core.units import SECOND_NS
from tests.builders_web_rows import CLOSE_NS, TICKER, forecast, market, session
from trading import forecast_rows, services
from trading.forecast_rows import Asked, csv_head, csv_pages, csv_stream, forecasts, mid_of, outcome_of, squared_error
from trading.models import TradingSession

pytestmark = pytest.mark.django_db
LATER = "KXETH15M-26MAY111100-00"
LATER_NS = CLOSE_NS + 900 * SECOND_NS


@pytest.fixture
def life() -> TradingSession:
    """A session of the account that is shown, with a settled market and a later one that is not."""
    market()
    of = session("demo")
    for seconds_left in (600, 60):
        forecast(of, seconds_left)
    forecast(
        of, 600, ticker=LATER, asset="ETH", close_ns=LATER_NS, event_ns=LATER_NS - 600 * SECOND_NS, fair=None, reason="NO_SPOT",
        bid=0, ask=10_000, book_age_ns=None, spot=None, spot_age_ns=None, fitted_versions=[],
    )  # fmt: skip
    forecast(session("other"), 600)
    return of


def results(as_bob: Client, query: str = "") -> list[dict[str, object]]:
    found: list[dict[str, object]] = as_bob.get(f"/api/v1/forecasts/{query}").json()["results"]
    return found


def downloaded(client: Client, query: str = "") -> str:
    reply = client.get(f"/api/v1/forecasts.csv{query}", headers={"Accept": "text/csv"})
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    return b"".join(reply).decode()


def told(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_forecast_goes_with_what_its_market_settled_on(as_bob: Client, life: TradingSession) -> None:
    later, last, first = results(as_bob)
    assert (first["ticker"], first["seconds_left"], first["outcome"], first["result"]) == (TICKER, 600, 1, "yes")
    assert (first["bid"], first["ask"], first["mid"]) == ("0.5300", "0.5500", 0.54)
    assert (first["book_age_ms"], first["spot_age_ms"], first["fitted_versions"]) == (180.0, 90.0, [7, 9])
    assert first["closes_at"] == "2026-05-11T14:45:00.000000Z"
    assert first["at"] == "2026-05-11T14:35:00.000000Z"
    assert last["seconds_left"] == 60
    unknown = ("fair", "bid", "ask", "mid", "book_age_ms", "spot_age_ms", "outcome", "result")
    assert {name: later[name] for name in unknown} == dict.fromkeys(unknown)
    assert later["reason"] == "NO_SPOT"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3), ("?account=other", 1), ("?account=nobody", 0), (f"?ticker={TICKER}", 2), ("?asset=eth", 1),
        ("?seconds_left=600", 2), ("?since=2026-05-11T14:46:00Z", 1), ("?until=2026-05-11T15:00:00Z", 2),
        ("?since=2026-05-11T14:45:00Z&until=2026-05-11T15:00:00Z", 2), ("?limit=1", 1),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_what_comes(as_bob: Client, life: TradingSession, query: str, count: int) -> None:
    assert len(results(as_bob, query)) == count
    if "limit" not in query:
        assert len(told(downloaded(as_bob, query))) == count


@pytest.mark.parametrize("query", ["?seconds_left=599", "?since=yesterday"])
@pytest.mark.parametrize("path", ["forecasts/", "forecasts.csv"])
def test_what_nobody_can_mean_is_refused(as_bob: Client, path: str, query: str) -> None:
    assert as_bob.get(f"/api/v1/{path}{query}").status_code == 400


def test_a_voided_market_has_a_result_and_no_outcome(as_bob: Client) -> None:
    market(result="scalar", yes_pays=5_000)
    forecast(session(), 600)
    [only] = results(as_bob)
    assert (only["result"], only["outcome"]) == ("scalar", None)


def test_the_csv_is_sent_while_it_is_read(life: TradingSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast_rows, "PAGE", 1)

    async def chunks() -> list[str]:
        return [chunk async for chunk in csv_stream(forecasts(Asked("demo")))]

    sent = async_to_sync(chunks)()
    assert len(sent) == 4  # the names, and a page a forecast
    assert [row["seconds_left"] for row in told("".join(sent))] == ["600", "60", "600"]


def test_the_csv_says_what_the_list_says(as_bob: Client, life: TradingSession) -> None:
    [listed] = results(as_bob, f"?ticker={TICKER}&seconds_left=60")
    [row] = told(downloaded(as_bob, f"?ticker={TICKER}&seconds_left=60"))
    assert list(row) == list(listed)
    for name, value in listed.items():
        if isinstance(value, bool):
            assert row[name] == str(int(value))
        elif isinstance(value, float):
            assert float(row[name]) == value
        elif isinstance(value, list):
            assert row[name].split() == [str(each) for each in value]
        else:
            assert row[name] == ("" if value is None else str(value))


@pytest.mark.parametrize("page", [1, 2, 1_000])
def test_pages_leave_nothing_out_and_say_nothing_twice(
    life: TradingSession, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = "".join(text for text, _ in csv_pages(forecasts(Asked("demo"))))
    monkeypatch.setattr(forecast_rows, "PAGE", page)
    assert "".join(text for text, _ in csv_pages(forecasts(Asked("demo")))) == whole
    assert whole.count("\n") == 3


def test_the_command_writes_the_file_whole(
    life: TradingSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "record.csv"
    call_command("forecasts", "--export", str(file), "--account", "demo", "--until", "2026-05-11T14:50")
    assert capsys.readouterr().out.strip() == f"2 forecasts of demo written to {file}"
    assert [row["seconds_left"] for row in told(file.read_text())] == ["600", "60"]
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_could_not_be_ended_is_not_there(
    life: TradingSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "record.csv"
    file.write_text("as it was")

    def broken(_rows: object) -> Iterator[tuple[str, int]]:
        yield "half a li", 1
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(forecast_rows, "csv_pages", broken)
    with pytest.raises(CommandError, match="cannot be written: No space left"):
        call_command("forecasts", "--export", str(file), "--account", "demo")
    assert file.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [file]


def test_the_command_says_what_there_is(life: TradingSession, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("forecasts", "--account", "demo")
    said = capsys.readouterr().out.splitlines()
    assert said[0].split()[:6] == ["BTC", "2", "forecasts", "of", "1", "windows,"]
    call_command("forecasts", "--account", "nobody")
    assert capsys.readouterr().out.strip() == "no forecasts of nobody here; there are some of: demo, other"
    call_command("forecasts", "--export", "-", "--account", "other")
    assert capsys.readouterr().out.startswith(csv_head())


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["forecasts", "skill", "fit", "audit"])
def test_an_account_that_does_not_exist_is_said_so_before_anything_is_written(command: str, tmp_path: Path) -> None:
    services.account_open("demo", 10_000_000_000)
    file = tmp_path / "record.csv"
    words = ["--account", "dmeo", *(["--export", str(file)] if command == "forecasts" else [])]
    with pytest.raises(CommandError, match=r"There is no account 'dmeo'; there is demo\.") as told_so:
        call_command(command, *words)
    assert told_so.value.returncode == 2
    assert not file.exists()


def test_the_arithmetic_of_the_record() -> None:
    assert mid_of(5_300, 5_500) == 0.54
    assert [mid_of(*sides) for sides in ((0, 5_500), (5_300, 10_000), (5_500, 5_500), (6_000, 5_500))] == [None] * 4
    assert [outcome_of(result) for result in ("yes", "no", "scalar", "", None)] == [1, 0, None, None, None]
    assert squared_error(0.75, 1) == 0.0625
    assert squared_error(None, 1) is None
    assert squared_error(0.75, None) is None


# The page of the window -----------------------------------------------------------------------------------------


def page(as_bob: Client, ticker: str = TICKER) -> str:
    return as_bob.get(f"/markets/{ticker}/").content.decode()


def test_the_page_of_a_window_shows_what_each_model_said_and_how_far_off_it_was(
    as_bob: Client, life: TradingSession
) -> None:
    text = page(as_bob)
    assert text.count('<span class="sub">0.1600</span>') == 4  # 0.6 and YES, of two models at two times
    assert '<span class="main">54.0</span><span class="sub">0.2116</span>' in text  # the market
    assert "of 2 times at which all spoke" in text
    assert "never made up for: 840, 720, 480" in text
    assert '<section class="card" id="models-card" data-ticker="KXBTC15M-26MAY111045-45"' in text


def test_before_it_settles_there_is_nothing_to_be_off_from(as_bob: Client) -> None:
    market(status="open", result="", settle_value="")
    forecast(session("demo"), 840, gbm_avg=None, reason="SAMPLES_MISSING", book_age_ns=None)
    text = page(as_bob)
    assert '<span class="main">60.0</span></td>' in text
    assert "a value of the settlement average was missed" in text
    assert 'class="sub"' not in text
    assert "at which all spoke" not in text


def test_a_window_nobody_forecast_says_so(as_bob: Client) -> None:
    market()
    forecast(session("other"), 600)
    assert "No forecast is kept of this window." in page(as_bob)


def test_only_times_at_which_all_spoke_are_compared() -> None:
    market()
    life = session("demo")
    rows = [forecast(life, 600), forecast(life, 60, fair=None, pooled=0.9)]
    table = table_of(rows, "no")
    assert table is not None
    assert table.compared == 1
    pooled_mean = table.means[list(COLUMNS).index("pooled")]
    assert pooled_mean == pytest.approx(0.55**2)
    assert table.means[list(COLUMNS).index("gbm_avg_emp")] is None
    assert table_of([], "no") is None
    voided = table_of(rows, "scalar")
    assert voided is not None
    assert (voided.outcome, voided.compared) == (None, 0)
