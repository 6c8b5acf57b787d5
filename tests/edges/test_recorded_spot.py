"""Coinbase prices of a recorded run: each trade once, samples only where there are no trades, silence said."""

from pathlib import Path

from markets.core.events import SpotPrice
from tests.edges.test_import_recording import Imported, seconds
from tests.recordings import WrittenRecording

SEED = "v28_context_tailer_seed"


def spot_recording(end: float = 110) -> WrittenRecording:
    """A watched market with nothing but quotes, from 100 s to the end."""
    recording = WrittenRecording()
    recording.watch(100)
    recording.quote(end)
    return recording


def test_five_silent_seconds_lose_the_feed_and_the_next_price_brings_it_back(tmp_path: Path) -> None:
    recording = spot_recording(120)
    recording.trade(101, 1)
    recording.trade(106, 2)
    recording.trade(111.5, 3)
    recording.trade(120, 4)
    words = [(state, at) for state, at, _ in Imported(recording, tmp_path).feed("coinbase", "BTC")]
    assert words == [("up", 101), ("lost", 111), ("up", 111.5), ("lost", 116.5), ("up", 120), ("lost", 120)]


def test_the_feed_is_lost_with_the_end_of_the_recording(tmp_path: Path) -> None:
    recording = spot_recording()
    recording.trade(104, 1)
    recording.trade(108, 2)
    assert Imported(recording, tmp_path).feed("coinbase", "BTC")[-1] == ("lost", 110, "the recording ends")


def test_a_run_without_prices_loses_the_feed_after_five_seconds(tmp_path: Path) -> None:
    done = Imported(spot_recording(), tmp_path)
    assert done.feed("coinbase", "BTC") == [("lost", 105, "no price for 5 s")]
    assert done.summary.spot == "none"


def test_a_trade_that_two_captures_recorded_is_taken_once(tmp_path: Path) -> None:
    recording = spot_recording()
    for capture, late in (("one", 0.0), ("two", 0.1)):
        for trade_id in (1, 2, 3):
            recording.trade(101 + trade_id + late, trade_id, price=80_000 + trade_id, capture=capture)
    done = Imported(recording, tmp_path)
    assert [(seconds(event), event.price) for event in done.of(SpotPrice)] == [
        (102, 80_001.0), (103, 80_002.0), (104, 80_003.0)
    ]  # fmt: skip
    assert done.summary.refused == {"trade: recorded twice": 3}


def test_a_trade_that_comes_after_a_newer_one_is_refused(tmp_path: Path) -> None:
    recording = spot_recording()
    recording.trade(101, 7)
    recording.trade(102, 5, capture="two")
    assert Imported(recording, tmp_path).summary.refused == {"trade: older than the one before": 1}


def test_the_last_match_sent_on_subscribing_is_refused_when_it_is_old(tmp_path: Path) -> None:
    recording = spot_recording()
    recording.trade(101, 1, exch=95.9, last=True)
    recording.trade(102, 2, exch=97.1, last=True, capture="two")
    done = Imported(recording, tmp_path)
    assert done.summary.refused == {"trade: an old one, sent on subscribing": 1}
    assert [seconds(event) for event in done.of(SpotPrice)] == [102]


def test_a_price_of_nothing_is_refused(tmp_path: Path) -> None:
    recording = spot_recording()
    recording.trade(101, 1, price=0)
    assert Imported(recording, tmp_path).summary.refused == {"trade: no price": 1}


def test_a_price_received_outside_the_run_is_not_its_own(tmp_path: Path) -> None:
    recording = spot_recording()
    recording.trade(99.9, 1)
    recording.trade(110.1, 2)
    assert Imported(recording, tmp_path).summary.read["trade"] == 0


def test_samples_stand_in_where_no_trade_was_recorded_and_lower_the_grade(tmp_path: Path) -> None:
    recording = spot_recording()
    recording.snapshot(100.5)
    recording.deltas(101, 110, first_seq=2)
    for at in range(101, 110):
        recording.sample(at, came=at - 0.2)
    done = Imported(recording, tmp_path)
    assert [seconds(event) for event in done.of(SpotPrice)] == list(range(101, 110))
    assert {event.venue_ns for event in done.of(SpotPrice)} == {0}
    assert (done.summary.spot, done.summary.grade) == ("samples", "B")


def test_samples_are_refused_where_trades_are(tmp_path: Path) -> None:
    recording = spot_recording()
    recording.trade(101, 1)
    recording.sample(102, came=101.9)
    assert Imported(recording, tmp_path).summary.refused == {"sample: trades are there": 1}


def test_a_sample_that_is_no_news_is_refused(tmp_path: Path) -> None:
    recording = spot_recording()
    recording.sample(101, came=100.9)
    recording.sample(102, came=100.9)
    recording.sample(103, came=100.5)
    done = Imported(recording, tmp_path)
    assert done.summary.refused == {"sample: not newer than the one before": 2}


def test_seeds_old_samples_and_samples_of_nothing_are_refused(tmp_path: Path) -> None:
    recording = spot_recording()
    recording.sample(101, came=100.9, origin=SEED)
    recording.sample(107, came=101.9)
    recording.sample(108, came=107.9, price=0)
    assert Imported(recording, tmp_path).summary.refused == {
        "sample: a start-up seed from older logs": 1,
        "sample: older than five seconds": 1,
        "sample: no price": 1,
    }
