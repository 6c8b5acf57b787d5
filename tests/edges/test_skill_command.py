"""`kalshi-bot skill`: the record, tapes and the settled tables from a terminal; nothing of the future in any forecast."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from backtests.core.rows import Row
from backtests.forecast_rows import BY_TICKER, Gathered, forecasts_of, rows_of_tapes
from backtests.settled import (
    PATH,
    SettledError,
    entry_quotes,
    ladder,
    minute_paths,
    outcomes,
    priced,
)
from backtests.skill import Bounds, of_settled, tape_notes
from markets.core.events import FeedStatus, MarketEvent, SpotPrice, TickerQuote
from markets.core.units import SECOND_NS
from markets.recording.importing import import_run
from markets.recording.parquet import Recording
from markets.tape import read_tape
from tests.builders import TICKER, at
from tests.rising import rising, write_tape
from tests.web.test_skill_page import record
from trading.core.forecasts import MARKS_S
from trading.core.parameters import Parameters

OPEN = datetime(2026, 6, 1, tzinfo=UTC)
RECORDED = settings.RECORDED_DATA


def printed(*words: str) -> str:
    out = StringIO()
    call_command("skill", *words, stdout=out)
    return out.getvalue()


# Tapes --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_tape_gives_a_row_for_each_mark_with_its_outcome(tmp_path: Path) -> None:
    found = rows_of_tapes([str(write_tape(tmp_path / "rising.tape"))])
    assert [row.seconds_left for row in found.rows] == [mark for mark in MARKS_S if mark <= 840]
    assert {(row.ticker, row.outcome, row.bid, row.ask) for row in found.rows} == {(TICKER, 1, 4_900, 5_100)}
    assert found.left_out == ()
    by_mark = {row.seconds_left: row.probabilities["fair"] for row in found.rows}
    early, late = by_mark[840], by_mark[60]
    assert early is not None
    assert late is not None
    assert late > early > 0.0
    assert by_mark[5] is None  # the spot was last heard fifty seconds before the close


@pytest.mark.django_db
def test_a_tape_without_the_result_has_no_rows_and_says_so(tmp_path: Path) -> None:
    found = rows_of_tapes([str(write_tape(tmp_path / "rising.tape", result=""))])
    assert found.rows == []
    assert [(each.why, each.windows) for each in found.left_out] == [("not settled, or the result is not known", 1)]


def changed_after(events: list[MarketEvent], cut_ns: int) -> list[MarketEvent]:
    """The same past; afterwards prices are a tenth, and what else there was is gone."""
    past = [event for event in events if event.received_ns < cut_ns]
    future = [event for event in events if event.received_ns >= cut_ns]
    return past + [
        msgspec.structs.replace(event, price=event.price / 10) for event in future if isinstance(event, SpotPrice)
    ]


@pytest.mark.parametrize("second", [200, 500, 790, 835])
def test_another_future_changes_no_forecast(second: int) -> None:
    events = rising()
    cut_ns = at(second)
    whole = [each for each in forecasts_of(events).made if each.received_ns < cut_ns]
    assert len(whole) == sum(900 - mark < second for mark in MARKS_S if mark < 900)
    other = forecasts_of(changed_after(events, cut_ns)).made
    assert [each for each in other if each.received_ns < cut_ns] == whole
    cut_off = forecasts_of([event for event in events if event.received_ns < cut_ns]).made
    assert cut_off == whole
    assert len([each for each in other if each.received_ns >= cut_ns]) > 0


def test_where_no_book_was_recorded_the_ticker_channel_quotes_while_it_is_fresh() -> None:
    lost = FeedStatus(at(100), "kalshi", "lost", TICKER, "the book was not recorded")
    quotes = [TickerQuote(at(second), TICKER, 5_300, 5_400) for second in range(290, 301, 2)]
    late = TickerQuote(at(420) + 1, TICKER, 100, 200)  # a moment after the forecast: not known then
    events = sorted([*rising(), lost, *quotes, late], key=lambda event: event.received_ns)
    by_mark = {each.seconds_left: each for each in forecasts_of(events).made}
    assert (by_mark[600].bid, by_mark[600].ask, by_mark[600].reason) == (5_300, 5_400, BY_TICKER)
    assert 0 <= (by_mark[600].book_age_ns or 0) <= 5 * SECOND_NS
    assert by_mark[480].book_age_ns is None  # the last word of it is two minutes old
    assert (by_mark[840].bid, by_mark[840].reason) != (5_300, BY_TICKER)


# The command --------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_record_of_the_account_shown_is_the_default() -> None:
    record(110)
    shown = printed()
    assert shown.startswith(
        "Skill of the forecast record of account demo\n110 settled windows at 110 closes on 2 days, 220 forecasts,"
    )
    assert "* The market's mid is better than the configured model (Brier 0.0625 against" in shown
    assert max(map(len, shown.splitlines())) <= 100
    told = json.loads(printed("--json"))
    assert told["report"]["windows"] == 110
    assert json.loads(printed("--json", "--asset", "eth"))["report"]["windows"] == 55
    assert json.loads(printed("--json", "--account", "other"))["report"]["windows"] == 0


@pytest.mark.django_db
def test_an_empty_record_says_what_it_needs() -> None:
    assert "not enough data: 0 settled windows; a score needs 30, a comparison 100." in printed()


@pytest.mark.django_db
def test_tapes_are_played_and_scored(tmp_path: Path) -> None:
    shown = printed("--tapes", str(write_tape(tmp_path / "rising.tape")))
    assert shown.splitlines()[1].startswith("1 settled window at 1 close on 1 day, 16 forecasts,")
    left = {" ".join(line.split()) for line in shown.splitlines()}
    assert "quoted, but not priced by us 5 1" in left  # from 45 seconds on the spot is silent
    assert "Played with the built-in settings and nothing fitted" in shown
    assert "July 2026" not in shown  # what the defaults were measured on is behind this tape
    assert "not enough data: 1 settled window, 30 are the least for a score." in " ".join(shown.split())


def test_tapes_of_the_time_that_the_defaults_were_measured_on_are_no_blind_test() -> None:
    last = int(datetime(2026, 7, 14, 23, 45, tzinfo=UTC).timestamp()) * SECOND_NS
    of_then, later = (
        " ".join(tape_notes(Gathered([Row("BTC", TICKER, close_ns, 600, {}, 0, 10_000, None, 1)], ())))
        for close_ns in (last, last + 900 * SECOND_NS)
    )
    assert "measured on settlements of May to July 2026" in of_then
    assert "July 2026" not in later


@pytest.mark.django_db
def test_tapes_are_also_priced_as_if_all_hours_were_alike(tmp_path: Path) -> None:
    tape = str(write_tape(tmp_path / "rising.tape"))
    with_hours, without = printed("--tapes", tape), printed("--tapes", tape, "--without-hours")
    assert "as if all hours of the day were alike" in " ".join(without.split())
    assert "as if all hours of the day were alike" not in " ".join(with_hours.split())
    alike = forecasts_of(rising(), Parameters(seasonality=False)).made
    assert [each.sigma for each in alike] != [each.sigma for each in forecasts_of(rising()).made]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--tapes", "nowhere"], "There is no tape 'nowhere'"),
        (["--settled", "nowhere"], "nowhere/kalshi_settled_15m.parquet is not there; name a folder that holds"),
        (["--since", "yesterday"], "'yesterday' is not a day; write it like 2026-05-13."),
        (["--since", "2026-05-13", "--until", "2026-05-12"], "--since 2026-05-13 is after --until 2026-05-12."),
        (["--tapes", "all", "--account", "demo"], "--account is for the forecast record"),
        (["--without-hours"], "--without-hours is for --tapes alone"),
    ],
)
def test_what_cannot_be_scored_is_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        printed(*words)
    assert sentence in str(caught.value)
    assert caught.value.returncode == 2


# Settled tables -----------------------------------------------------------------------------------------


def tables(folder: Path, *, future: float = 100.5) -> Path:
    """Sixty BTC windows that go up and down by turns; those after the fortieth settle at `future`."""
    closes = [OPEN + timedelta(minutes=15 * number) for number in range(60)]
    tickers = [f"KXBTC15M-{number}" for number in range(60)]
    values = [(100.1 if number % 2 else 99.9) if number < 40 else future for number in range(60)]
    pq.write_table(pa.table({
        "ticker": tickers, "coin": ["BTC"] * 60, "close_utc": pa.array(closes, pa.timestamp("us", "UTC")),
        "floor_strike": [100.0] * 60, "settle_value": values, "result": ["yes" if value >= 100 else "no" for value in values],
    }), folder / "kalshi_settled_15m.parquet")  # fmt: skip
    pq.write_table(pa.table({
        "ticker": [*tickers, "GONE"], "minutes_left": [14.0] * 61, "favourite_side": ["no"] * 61, "fav_bid": [0.6] * 61,
        "fav_ask": [0.62] * 61,
    }), folder / "kalshi_15m_entry_quote.parquet")  # fmt: skip
    quotes = [
        (ticker, minutes, bid, ask)
        for ticker in tickers
        for minutes, bid, ask in ((2.0, 0.4, 0.42), (1.0, 0.0, 0.01), (0.0, 0.0, 0.01))
    ]
    pq.write_table(pa.table(dict(zip(
        ("ticker", "minutes_left", "yes_bid_close", "yes_ask_close"), map(list, zip(*quotes, strict=True)), strict=True,
    ))), folder / f"{PATH}.parquet")  # fmt: skip
    return folder


def test_quotes_of_the_favourite_are_told_in_terms_of_yes(tmp_path: Path) -> None:
    known = outcomes(tables(tmp_path))
    entry = entry_quotes(tmp_path, known)
    assert (len(entry.rows), entry.unknown) == (60, 1)
    assert {(row.bid, row.ask, row.seconds_left) for row in entry.rows} == {(3_800, 4_000, 840)}
    assert [row.outcome for row in entry.rows[:4]] == [0, 1, 0, 1]


def test_the_ladder_scores_quotes_with_two_sides_with_a_bid_and_all(tmp_path: Path) -> None:
    two, one = ladder(minute_paths(tables(tmp_path), outcomes(tmp_path)).rows)
    assert (two.minutes, two.two_sided, two.with_bid, two.quotes) == (2, 60, 60, 60)
    assert two.brier == pytest.approx((20 * 0.41**2 + 40 * 0.59**2) / 60)
    assert (one.minutes, one.two_sided, one.with_bid, one.quotes) == (1, 0, 0, 60)
    assert one.brier_of_all == pytest.approx((20 * 0.005**2 + 40 * 0.995**2) / 60)


def test_models_without_spot_know_no_window_that_had_not_closed(tmp_path: Path) -> None:
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    calm.mkdir()
    wild.mkdir()
    first, second = (
        priced(entry_quotes(folder, outcomes(folder)), outcomes(folder))
        for folder in (tables(calm), tables(wild, future=180.0))
    )
    name = "abm_avg without spot"
    assert (first.naive, first.of(name)[:16].tolist()) == (
        "digital without spot",
        pytest.approx([float("nan")] * 16, nan_ok=True),
    )
    assert (first.of(name)[17:41] == second.of(name)[17:41]).all()
    assert (first.of(name)[42:] != second.of(name)[42:]).all()


def test_the_tables_by_group_are_of_the_default_model_and_say_so(tmp_path: Path) -> None:
    tables(tmp_path)
    (entry, _), shown = of_settled(tmp_path).tables, printed("--settled", str(tmp_path))
    assert "By asset: gbm_avg_t without spot" in shown
    assert entry.report.groups[0].cells[-1].name != "gbm_avg_t without spot"  # others come after it
    groups = [line for line in shown.splitlines() if line.startswith("By ")]
    assert {line.partition(": ")[2] for line in groups} == {"gbm_avg_t without spot"}


def test_a_folder_without_a_column_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ticker": ["A"]}), tmp_path / "kalshi_settled_15m.parquet")
    with pytest.raises(SettledError, match="coin"):
        outcomes(tmp_path)
    (tmp_path / "kalshi_settled_15m.parquet").write_text("no parquet")
    with pytest.raises(SettledError, match="cannot be read"):
        outcomes(tmp_path)


# What was recorded --------------------------------------------------------------------------------------


@pytest.mark.recorded
def test_the_markets_ladder_is_that_of_the_pricing_notes() -> None:
    """Section 5.3. Its numbers at one and two minutes are of quotes with a bid; of two-sided ones they are higher."""
    rungs = {rung.minutes: rung for rung in ladder(minute_paths(RECORDED, outcomes(RECORDED)).rows)}
    told = {14: 0.235, 12: 0.215, 10: 0.190, 8: 0.161, 6: 0.131, 5: 0.115, 4: 0.098, 3: 0.082, 2: 0.058, 1: 0.027}
    for minutes, brier in told.items():
        assert rungs[minutes].brier_with_bid == pytest.approx(brier, abs=0.0006), minutes
        assert rungs[minutes].two_sided >= rungs[minutes].quotes * 0.7
    assert rungs[14].brier == pytest.approx(0.235, abs=0.003)
    assert all(rungs[minutes].brier == pytest.approx(told[minutes], abs=0.003) for minutes in told if minutes >= 2)
    assert rungs[1].brier == pytest.approx(0.0325, abs=0.0006)
    assert rungs[1].brier_of_all < told[1] < rungs[1].brier


@pytest.mark.recorded
def test_the_settled_tables_say_what_hearing_the_spot_is_worth() -> None:
    told = of_settled(RECORDED, Bounds(asset="BTC"))
    entry, path = (table.report for table in told.tables)
    for of in (entry, path):
        blind = [each for each in of.models if each.name.endswith("without spot")]
        assert len(blind) == 5
        assert all(each.brier == pytest.approx(0.25, abs=0.001) for each in blind)
        assert all(each.versus[0].verdict == "worse" for each in blind)
    assert next(each for each in entry.models if each.name == "market").brier == pytest.approx(0.2306, abs=0.0005)
    assert path.models[0].murphy is not None


@pytest.mark.recorded
def test_another_future_changes_no_forecast_of_a_recorded_session(tmp_path: Path) -> None:
    summary = import_run(Recording(RECORDED / "kalshi_ws_btc15m_2026-05"), "20260513T1522Z-rv600", tmp_path)
    events = list(read_tape(Path(summary.path), MarketEvent))
    cut_ns = events[0].received_ns + 13 * 60 * SECOND_NS
    whole = [each for each in forecasts_of(events).made if each.received_ns < cut_ns]
    assert sum(each.fair is not None for each in whole) >= 5
    other = [each for each in forecasts_of(changed_after(events, cut_ns)).made if each.received_ns < cut_ns]
    assert other == whole


def test_one_sided_quotes_are_not_for_the_settled_tables(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--one-sided is not for --settled") as refused:
        call_command("skill", "--settled", str(tmp_path), "--one-sided")
    assert refused.value.returncode == 2
