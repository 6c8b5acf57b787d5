"""The look-ahead traps 3 and 9 of the pricing notes (section 10.3): candles, and windows that were dropped."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from backtests.coverage import reels_asked, run_coverage
from backtests.knobs import InputError
from backtests.replay import replay
from backtests.services import inputs_from
from markets.core.events import FeedStatus, MarketEvent
from markets.download.output import SCHEMAS, UNITS
from markets.download.plan import Wish, plan_of
from markets.tape import VERSION, TapeHeader, TapeWriter
from tests.builders import TICKER, at
from tests.builders_backtests import BOLD
from tests.rising import rising

NOW_NS = 1_790_000_000_000_000_000


@pytest.mark.parametrize("what", ["coinbase", "binance"])
def test_trap_03_candles_never_become_events_that_something_could_be_decided_on(what: str) -> None:
    """A candle that is stamped at its start holds the minute after it. So candles are tables, and no engine hears one."""
    wish = Wish(what=what, kind="candles", asset="BTC", series="", ticker="", from_text="2026-05-01", to_text="2026-05-02", host="global", base="")  # fmt: skip
    assert not plan_of(wish, now_ns=NOW_NS).is_tape
    for kind in get_args(MarketEvent):
        assert not {"open", "high", "low", "close"} & set(kind.__struct_fields__), kind
    assert "open_ns" in dict(SCHEMAS["spot candles"])
    assert "start of the minute" in UNITS["spot candles"]  # and says which end its stamp is
    assert "end_ns" in dict(SCHEMAS["kalshi candles"])


def with_a_gap(folder: Path) -> Path:
    """The window in which YES is cheap, whose book is lost before anything can be bought, and does not come back."""
    writer = TapeWriter(folder / "holed.tape", TapeHeader(VERSION, "holed", "test", "B", 1))
    lost = FeedStatus(at(0.6), "kalshi", "lost", TICKER, "a hole in the numbers")
    events = [event for event in rising() if event.received_ns < at(60) or type(event).__name__ == "MarketStatus"]
    for event in sorted([*events, lost], key=lambda event: event.received_ns):
        writer.append(event)
    return writer.close()


@pytest.mark.django_db
def test_trap_09_a_window_with_a_gap_is_counted_as_no_trade_and_reported(tmp_path: Path) -> None:
    asked = {"tapes": [str(with_a_gap(tmp_path))], "capital": "10000", "max_daily_loss": "1000", "files": True} | BOLD
    told = replay(inputs_from(asked))["coverage"]
    assert (told["windows"], told["whole"], told["with_holes"]) == (1, 0, 1)
    assert told["holes"] == {"book in part": 1, "spot in part": 1}
    assert (told["traded"], told["traded_with_holes"], told["no_trade_with_holes"]) == (0, 0, 1)
    assert [row[2:] for row in told["gap_list"]] == [("kalshi", TICKER, "a hole in the numbers")]


@pytest.mark.django_db
def test_what_was_asked_for_and_is_on_no_tape_is_refused_unless_that_is_allowed(tmp_path: Path) -> None:
    asked = {"tapes": [str(with_a_gap(tmp_path))], "capital": "10000", "max_daily_loss": "1000", "files": True} | BOLD
    for wish, words in (
        ({"needs_assets": "BTC,ETH"}, "2026-11-22 has no ETH."),
        ({"needs_venues": "kraken"}, "has no kraken."),
    ):
        with pytest.raises(InputError, match=words):
            reels_asked(inputs_from(asked | wish))
        inputs = inputs_from(asked | wish | {"allow_gaps": True})
        assert run_coverage(inputs, reels_asked(inputs)).missing
    inputs = inputs_from(asked | {"needs_assets": "BTC", "needs_venues": "kalshi,coinbase"})
    assert reels_asked(inputs)
    assert not run_coverage(inputs, reels_asked(inputs)).missing
    assert msgspec.json.encode(run_coverage(inputs, reels_asked(inputs)))
