"""A recording becomes tapes: what is kept, what is refused, and what is said of the gaps."""

from pathlib import Path
from typing import Any

import pytest

from markets.core.events import (
    BookDelta,
    BookSnapshot,
    FeedStatus,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SpotPrice,
    TickerQuote,
)
from markets.recording.importing import import_run
from markets.recording.parquet import Recording, RecordingError
from markets.recording.summary import RunSummary
from markets.tape import is_complete, read_header, read_tape
from tests.recordings import CLOSE_S, NEXT, RUN, STRIKE, TICKER, WrittenRecording, at_us, quiet_recording


class Imported:
    """One imported run: its summary and the events on its tape. Nothing read may vanish, and time never runs back."""

    def __init__(self, recording: WrittenRecording, folder: Path, run: str = RUN) -> None:
        source = Recording(recording.write(folder / "recording"))
        self.summary: RunSummary = import_run(source, run, folder / "tapes")
        self.path = Path(self.summary.path)
        self.events: list[Any] = list(read_tape(self.path, MarketEvent)) if self.summary.path else []
        times = [event.received_ns for event in self.events]
        assert times == sorted(times)
        assert self.summary.kept.total() + self.summary.refused.total() == self.summary.read.total()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if type(event) is kind]

    def feed(self, feed: str = "kalshi", subject: str = TICKER) -> list[tuple[str, float, str]]:
        """(state, seconds after the open, reason) of each word on one feed."""
        return [
            (event.state, seconds(event), event.reason)
            for event in self.of(FeedStatus)
            if (event.feed, event.subject) == (feed, subject)
        ]


def seconds(event: Any) -> float:
    return float(event.received_ns // 1000 - at_us(0)) / 1_000_000


@pytest.fixture
def recording() -> WrittenRecording:
    return quiet_recording()


def test_it_puts_a_whole_recording_on_one_tape_in_the_order_received(
    recording: WrittenRecording, tmp_path: Path
) -> None:
    done = Imported(recording, tmp_path)
    kinds = [type(event).__name__ for event in done.events[:7]]
    assert kinds == [
        "FeedStatus",
        "MarketListed",
        "MarketStatus",
        "BookSnapshot",
        "BookDelta",
        "TickerQuote",
        "FeedStatus",
    ]
    assert (done.summary.grade, done.summary.refused.total()) == ("A", 0)
    assert is_complete(done.path)
    assert read_header(done.path).source == "recording/run-1"


def test_it_keeps_every_number_exactly(recording: WrittenRecording, tmp_path: Path) -> None:
    done = Imported(recording, tmp_path)
    ns = at_us(101) * 1000
    assert done.of(BookSnapshot)[0].yes == ((4000, 1000),)
    assert done.of(BookDelta)[0] == BookDelta(ns, TICKER, True, 1000, 100, 2, ns)
    quote_ns = at_us(101.2) * 1000
    assert done.of(TickerQuote)[0] == TickerQuote(quote_ns, TICKER, 4000, 5000, 1000, 2000, 4500, 5, 6, quote_ns)
    spot_ns = at_us(101.4) * 1000
    assert done.of(SpotPrice)[0] == SpotPrice(spot_ns, "coinbase", "BTC", 80_001.25, 0.0, spot_ns)


def test_it_lists_a_market_when_the_recorder_first_watched_it(recording: WrittenRecording, tmp_path: Path) -> None:
    listed = Imported(recording, tmp_path).of(MarketListed)
    assert [seconds(event) for event in listed] == [100]
    contract = listed[0].contract
    assert (contract.ticker, contract.series, contract.asset, contract.strike) == (TICKER, "KXBTC15M", "BTC", STRIKE)
    assert (contract.open_ns, contract.close_ns) == (at_us(0) * 1000, at_us(CLOSE_S) * 1000)


def test_it_closes_and_settles_a_market_after_the_recording_has_ended(
    recording: WrittenRecording, tmp_path: Path
) -> None:
    done = Imported(recording, tmp_path)
    assert [(event.status, seconds(event)) for event in done.of(MarketStatus)] == [
        ("open", 100), ("closed", CLOSE_S), ("settled", CLOSE_S + 30)
    ]  # fmt: skip
    assert (done.events[-1].result, done.events[-1].settle_value) == ("yes", "80010.00")
    assert done.feed(subject="")[-1] == ("lost", 160.2, "the recording ends")


def test_it_settles_no_market_without_an_official_result(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.rows["markets"] = []
    recording.market(result=None)
    done = Imported(recording, tmp_path)
    assert [event.status for event in done.of(MarketStatus)] == ["open", "closed"]
    assert done.summary.markets_settled == 0


def test_it_does_not_know_a_settlement_value_that_was_not_recorded(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.rows["markets"] = []
    recording.market(result="no", value=None)
    assert Imported(recording, tmp_path).events[-1].settle_value == ""


def test_a_strike_is_unknown_until_the_recorder_was_told_it(tmp_path: Path) -> None:
    recording = WrittenRecording()
    recording.watch(1, strike=float("nan"))
    recording.quote(2)
    recording.watch(30, strike=STRIKE)
    recording.watch(40, strike=STRIKE)
    recording.market()
    done = Imported(recording, tmp_path)
    assert [(seconds(event), event.contract.strike) for event in done.of(MarketListed)] == [(1, None), (30, STRIKE)]
    assert done.summary.refused["control: nothing new of a market"] == 1


def test_a_market_that_was_never_watched_is_listed_without_a_strike_when_first_heard_of(tmp_path: Path) -> None:
    recording = WrittenRecording()
    recording.quote(5)
    recording.market()
    done = Imported(recording, tmp_path)
    assert [(seconds(event), event.contract.strike) for event in done.of(MarketListed)] == [(5, None)]


def test_a_market_watched_after_its_close_is_never_open(tmp_path: Path) -> None:
    recording = WrittenRecording()
    recording.watch(CLOSE_S + 11)
    recording.snapshot(CLOSE_S + 12, yes=(), no=())
    recording.market()
    statuses = [(event.status, seconds(event)) for event in Imported(recording, tmp_path).of(MarketStatus)]
    assert statuses == [("closed", CLOSE_S + 11), ("settled", CLOSE_S + 30)]


def test_a_close_time_that_does_not_fit_the_ticker_is_refused(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.watch(120, ticker=NEXT, close="2026-05-13T16:45:00Z")
    done = Imported(recording, tmp_path)
    assert done.summary.refused == {"control: unreadable market": 1}
    assert done.summary.markets == 1


def test_rows_of_a_market_with_an_unreadable_name_are_refused(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.watch(120, ticker="KXBTC15M-26XXX131130-30")
    recording.snapshot(120, ticker="OTHER")
    recording.delta(121, 2, ticker="OTHER")
    recording.quote(122, ticker="OTHER")
    refused = Imported(recording, tmp_path).summary.refused
    assert refused == {f"{kind}: unreadable market": 1 for kind in ("control", "snapshot", "delta", "ticker")}


def test_other_words_of_the_recorder_are_refused_by_name(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.control(110, "ws_connected")
    assert Imported(recording, tmp_path).summary.refused == {"control: ws_connected says nothing of a market": 1}


def test_an_impossible_quote_is_refused(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.quote(110, bid=510, ask=500)
    assert Imported(recording, tmp_path).summary.refused == {"ticker: impossible quote": 1}


@pytest.mark.parametrize("kind", ["kalshi_ticker", "coinbase_btcusd_trade", "kalshi_book_delta_2026-05-13"])
def test_time_stands_still_where_the_recorders_clock_was_set_back(kind: str, tmp_path: Path) -> None:
    recording = quiet_recording()
    for row in recording.rows[kind][30:]:
        row["recv_us"] -= 2_000_000
    done = Imported(recording, tmp_path)  # asserts that tape time never runs back
    assert done.summary.clock_steps == 1
    assert done.summary.refused.total() == 0


def test_the_same_recording_gives_the_same_bytes(recording: WrittenRecording, tmp_path: Path) -> None:
    first = Imported(recording, tmp_path).path.read_bytes()
    again = Imported(recording, tmp_path).path.read_bytes()
    assert first == again
    assert [path.name for path in (tmp_path / "tapes").iterdir()] == ["btc15m-20260513T151640Z.tape.zst"]


def test_a_run_that_watched_no_market_gives_no_tape(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.control(100, "market_discovery_empty", ticker="", run="lost")
    recording.control(140, "market_discovery_empty", ticker="", run="lost")
    done = Imported(recording, tmp_path, run="lost")
    assert done.summary.problem == "it watched no market"
    assert (done.summary.kept.total(), done.summary.refused["trade: of a run that watched no market"]) == (0, 39)


def test_each_run_has_a_tape_of_its_own(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.watch(300, run="run-2")
    source = Recording(recording.write(tmp_path / "recording"))
    assert source.runs() == ["run-1", "run-2"]
    assert [import_run(source, run, tmp_path).tape for run in source.runs()] == [
        "btc15m-20260513T151640Z", "btc15m-20260513T152000Z"
    ]  # fmt: skip


def test_a_run_without_a_book_is_imported_with_what_it_has(tmp_path: Path) -> None:
    recording = WrittenRecording()
    recording.watch(1)
    recording.quote(2)
    done = Imported(recording, tmp_path)
    assert done.feed() == [("lost", 1, "no book of this market was recorded")]
    assert (done.summary.grade, done.summary.markets_with_book) == ("C", 0)


def test_a_quote_that_the_book_never_had_does_not_agree(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.quote(130, bid=399, ask=500)
    summary = Imported(recording, tmp_path).summary
    assert (summary.quotes_compared, summary.quotes_agreed) == (60, 59)


def test_a_quote_may_equal_any_state_of_the_book_at_its_venue_time(tmp_path: Path) -> None:
    recording = WrittenRecording()
    recording.watch(1)
    recording.snapshot(2)
    recording.delta(3, 2, price=410, exch=3)
    recording.delta(3, 3, price=420, exch=3)
    recording.delta(4, 4, price=430, exch=4)
    for bid in (400, 410, 420, 430):
        recording.quote(5, bid=bid, exch=3)
    summary = Imported(recording, tmp_path).summary
    # 400 is what the book held before: the first delta is where following begins, so nothing is known before it
    assert (summary.quotes_compared, summary.quotes_agreed) == (4, 2)


def test_a_quote_without_a_book_to_compare_is_not_compared(tmp_path: Path) -> None:
    recording = quiet_recording()
    recording.quote(100.7)
    recording.quote(161)
    assert Imported(recording, tmp_path).summary.quotes_compared == 59


def test_a_folder_that_is_no_recording_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="lacks kalshi_control"):
        Recording(tmp_path)


def test_an_unknown_run_is_named(recording: WrittenRecording, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no run 'other'"):
        Imported(recording, tmp_path, run="other")
