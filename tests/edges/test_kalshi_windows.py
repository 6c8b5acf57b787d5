"""The life of quarter-hour windows in simulated time: listed, struck, open, closed, paid; and all that can go otherwise."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from markets.core.contract import CENT_GRID, TAPERED_GRID
from markets.core.events import MarketListed, MarketStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.notes import LifecycleNote
from markets.feeds.kalshi.window import Facts
from markets.feeds.kalshi.windows import Windows
from markets.kalshi.ticker import TickerError
from tests.kalshi_floor import Floor, Play, Script, ns, ticker_at

NOON = "2026-11-22T17:00:00Z"  # a close
TICKER = "KXBTC15M-26NOV221200-00"
OPEN = ns("2026-11-22T16:45:00Z")
CLOSE = ns(NOON)


def after_open(event: MarketListed | MarketStatus) -> float:
    return (event.received_ns - OPEN) / SECOND_NS


def played(script: Script, until: str = "2026-11-22T17:20:00Z") -> Play:
    """From before the open of the window that closes at noon."""
    floor = Floor()
    floor.scripts[TICKER] = script
    return Play("2026-11-22T16:44:00Z", floor).until(until)


def note(kind: str, at_ns: int, **more: object) -> LifecycleNote:
    return LifecycleNote(received_ns=at_ns, event_type=kind, ticker=TICKER, **more)  # type: ignore[arg-type]


# The usual life ------------------------------------------------------------------------------------------------


def test_a_window_is_listed_opened_struck_closed_and_settled_in_this_order() -> None:
    play = played(Script())
    mine = [
        (type(one).__name__, getattr(one, "status", ""), after_open(one))
        for one in play.events
        if (isinstance(one, MarketStatus) and one.ticker == TICKER)
        or (isinstance(one, MarketListed) and one.contract.ticker == TICKER)
    ]
    assert [one[:2] for one in mine] == [
        ("MarketListed", ""),
        ("MarketStatus", "open"),
        ("MarketListed", ""),
        ("MarketStatus", "closed"),
        ("MarketStatus", "settled"),
    ]
    listed, opened, struck, closed, settled = (one[2] for one in mine)
    assert (listed, opened, closed) == (-60.0, 0.0, 900.0)
    assert 0.7 <= struck <= 2.0
    assert 912.0 <= settled <= 915.0


def test_before_the_open_there_is_no_strike_and_after_it_the_exchanges_own() -> None:
    first, second = played(Script(strike=63_441.03)).listings(TICKER)
    assert (first.contract.strike, second.contract.strike) == (None, 63_441.03)


def test_the_result_is_the_exchanges_with_the_value_it_settled_on() -> None:
    told = played(Script(result="no", value="84999.99")).status(TICKER, "settled")
    assert (told.result, told.settle_value, told.yes_pays) == ("no", "84999.99", None)


def test_the_next_window_is_looked_for_before_it_opens() -> None:
    play = Play("2026-11-22T16:50:00Z").until("2026-11-22T16:56:00Z")
    assert len(play.listings(ticker_at("2026-11-22T17:15:00Z"))) == 1
    assert play.state(ticker_at("2026-11-22T17:15:00Z")) == "listed"


def test_a_start_in_the_middle_of_a_window_takes_it_up_at_once() -> None:
    play = Play("2026-11-22T16:51:00Z").until("2026-11-22T16:51:01Z")
    assert play.statuses(TICKER) == ["open"]
    assert play.listings(TICKER)[-1].contract.strike is not None


def test_every_series_has_windows_of_its_own() -> None:
    play = Play("2026-11-22T16:51:00Z", series=("KXBTC15M", "KXDOGE15M")).until("2026-11-22T16:52:00Z")
    assert {view.series for view in play.windows.views()} == {"KXBTC15M", "KXDOGE15M"}
    assert play.listings(ticker_at(NOON, "KXDOGE15M"))[0].contract.asset == "DOGE"


def test_what_is_no_quarter_hour_series_is_refused() -> None:
    with pytest.raises(TickerError, match="KXBTCD"):
        Windows(("KXBTCD",), Play(NOON).windows._timetable)


def test_the_shard_is_the_markets_own() -> None:
    play = Play("2026-11-22T16:51:00Z", Floor(Script(shard=5))).until("2026-11-22T16:51:01Z")
    assert (play.windows.shards(), play.windows.shard_of(TICKER)) == ({5}, 5)
    assert play.windows.shard_of("KXBTC15M-26NOV221300-00") is None


# New York's clocks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "windows"),
    [
        ("2026-11-22T16:31:00Z", "2026-11-22T18:31:00Z", 8),
        ("2026-03-08T06:01:00Z", "2026-03-08T09:01:00Z", 12),  # clocks go forward
    ],
)
def test_each_quarter_hour_has_its_window(start: str, end: str, windows: int) -> None:
    play = Play(start).until(end)
    settled = [one.ticker for one in play.events if isinstance(one, MarketStatus) and one.status == "settled"]
    assert len(settled) == len(set(settled)) == windows
    assert not play.complaints


def test_in_the_hour_that_is_lived_twice_the_close_time_decides() -> None:
    """Both windows of a name exist, one after the other: each is listed, and settled, under its own times."""
    play = Play("2026-11-01T04:31:00Z", Floor(Script(listed_before=600.0))).until("2026-11-01T07:31:00Z")
    label = "KXBTC15M-26NOV010130-30"
    closes = [one.contract.close_ns for one in play.listings(label)]
    assert closes == [ns("2026-11-01T05:30Z")] * 2 + [ns("2026-11-01T06:30Z")] * 2
    assert play.statuses(label) == ["open", "closed", "settled"] * 2
    assert not play.complaints


def test_a_name_that_is_in_use_is_taken_up_as_soon_as_it_is_free() -> None:
    """The first of the two pays late, when the second is open already."""

    class Late(Floor):
        def answer(self, ticker: str, now_ns: int) -> Facts | None:
            self.exists = lambda ticker, close: (
                (close == ns("2026-11-01T06:30Z")) == (now_ns >= ns("2026-11-01T06:18:00Z"))
            )
            return super().answer(ticker, now_ns)

    floor = Late(Script(determined_after=2_639.0, settled_after=2_640.0))
    play = Play("2026-11-01T05:16:00Z", floor).until("2026-11-01T06:20:00Z")
    label = "KXBTC15M-26NOV010130-30"
    assert play.statuses(label) == ["open", "closed", "settled", "open"]
    assert ns("2026-11-01T06:18:00Z") <= play.listings(label)[-1].received_ns <= ns("2026-11-01T06:19:10Z")


def test_a_name_that_stays_the_earlier_windows_is_not_waited_for_aloud() -> None:
    """The exchange has no second window of that name: nobody trades the first one's remains, and nobody is alarmed."""
    floor = Floor(exists=lambda ticker, close: not ns("2026-11-01T06:00Z") <= close < ns("2026-11-01T07:00Z"))
    play = Play("2026-11-01T04:31:00Z", floor).until("2026-11-01T07:31:00Z")
    assert play.statuses("KXBTC15M-26NOV010130-30") == ["open", "closed", "settled"]
    assert not play.complaints
    settled = [one for one in play.events if isinstance(one, MarketStatus) and one.status == "settled"]
    assert len(settled) == 12 - 4


def test_when_the_exchange_gives_the_name_to_the_later_window_the_earlier_is_not_traded() -> None:
    floor = Floor(exists=lambda ticker, close: not ns("2026-11-01T05:00Z") <= close < ns("2026-11-01T06:00Z"))
    play = Play("2026-11-01T04:31:00Z", floor).until("2026-11-01T07:31:00Z")
    label = "KXBTC15M-26NOV010130-30"
    assert {one.contract.close_ns for one in play.listings(label)} == {ns("2026-11-01T06:30Z")}
    assert play.statuses(label) == ["open", "closed", "settled"]
    assert play.status(label, "open").received_ns == ns("2026-11-01T06:15Z")


def test_a_market_with_another_name_is_found_in_the_listing() -> None:
    other = "KXBTC15M-26NOV221201-01"

    class Renamed(Play):
        def look_for(self, series: str) -> None:
            facts = self.floor.answer(TICKER, self.now_ns)
            assert facts is not None
            assert facts.contract is not None
            self.tell(self.windows.listing(series, [facts._replace(ticker=other)], self.now_ns))

    floor = Floor(exists=lambda ticker, close: ticker != TICKER)
    play = Renamed("2026-11-22T16:44:00Z", floor)
    play.read = lambda ticker: play.windows.absent(ticker, play.now_ns)  # type: ignore[method-assign]
    floor.exists = lambda ticker, close: True
    play.until("2026-11-22T16:46:00Z")
    assert other in play.windows.tickers()
    assert TICKER not in play.windows.tickers()
    assert "open" in play.statuses(other)


# The strike ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0.0, 3.0, 12.0, 22.0, 200.0, 880.0])
def test_a_late_strike_is_awaited_and_never_guessed(after: float) -> None:
    play = played(Script(strike_after=after))
    first, *_, last = play.listings(TICKER)
    assert first.contract.strike is None
    assert last.contract.strike == 85_000.5
    assert after <= after_open(last) <= after + max(1.6, after / 2) + 10.0
    assert bool([text for text in play.complaints if "no strike 30 s after" in text]) == (after > 30)


def test_the_poll_for_the_strike_backs_off() -> None:
    play = played(Script(strike_after=None))
    asked = [at for at, ticker in play.floor.asked if ticker == TICKER and OPEN <= at < CLOSE]
    gaps = [(later - sooner) / SECOND_NS for sooner, later in pairwise(asked)]
    assert gaps[0] == 1.0
    assert gaps == sorted(gaps)
    assert gaps[-1] == 10.0
    assert len(asked) < 110


def test_a_window_without_a_strike_settles_all_the_same() -> None:
    play = played(Script(strike_after=None))
    assert [one.contract.strike for one in play.listings(TICKER)] == [None]
    assert play.statuses(TICKER) == ["open", "closed", "settled"]
    assert play.complained(TICKER) == ["has no strike 30 s after its open: nothing is traded in it"]


def test_news_of_a_strike_cause_a_reading_at_once_and_another_because_reads_lag() -> None:
    play = played(Script(strike_after=100.0), "2026-11-22T16:46:35Z")
    heard_ns = play.now_ns
    play.tell(play.windows.noted(note("metadata_updated", heard_ns, subtitle="Target Price: $1"), heard_ns))
    play.until("2026-11-22T16:46:50Z")
    asked = [(at - heard_ns) / SECOND_NS for at, ticker in play.floor.asked if at >= heard_ns]
    assert asked[:3] == [0.0, 2.0, 4.0]
    assert after_open(play.listings(TICKER)[-1]) == 101.0 - 6.0 + 6.0 or play.listings(TICKER)[-1].contract.strike


def test_a_reading_without_the_strike_that_was_known_is_an_old_one() -> None:
    play = played(Script(), "2026-11-22T16:46:00Z")
    play.floor.scripts[TICKER] = Script(strike_after=None)
    play.until("2026-11-22T16:49:00Z")
    assert [one.contract.strike for one in play.listings(TICKER)] == [None, 85_000.5]
    assert play.state(TICKER) == "open"


def test_a_reading_from_before_the_last_one_does_not_bring_old_terms_back() -> None:
    play = played(Script(), "2026-11-22T16:46:00Z")
    facts = play.floor.answer(TICKER, play.now_ns)
    assert facts is not None
    assert facts.contract is not None
    newer = facts._replace(updated_ns=2, contract=replace(facts.contract, grid=CENT_GRID))
    play.tell(play.windows.read(newer, play.now_ns))
    play.tell(play.windows.read(facts._replace(updated_ns=1, status="inactive"), play.now_ns))
    assert play.listings(TICKER)[-1].contract.grid == CENT_GRID
    assert play.statuses(TICKER) == ["open", "paused"]  # what is no term may well be news


def test_of_a_listing_only_quarter_hours_that_are_open_or_soon_are_taken() -> None:
    play = Play("2026-11-22T16:50:00Z").until("2026-11-22T16:50:01Z")
    facts = play.floor.answer(TICKER, play.now_ns)
    assert facts is not None
    hour = facts._replace(ticker="KXBTC15M-HOUR", close_ns=OPEN + 3_600 * SECOND_NS)
    over = facts._replace(ticker="KXBTC15M-OVER", open_ns=OPEN - 900 * SECOND_NS, close_ns=OPEN)
    later = facts._replace(ticker="KXBTC15M-LATER", open_ns=CLOSE + 900 * SECOND_NS, close_ns=CLOSE + 1_800 * SECOND_NS)
    assert play.windows.listing("KXBTC15M", [hour, over, later], play.now_ns) == []
    assert play.windows.tickers() == {TICKER}


# While it trades -----------------------------------------------------------------------------------------------


def test_a_grid_that_changes_while_the_market_trades_is_told() -> None:
    play = played(Script(grids=((300.0, CENT_GRID),)))
    grids = [one.contract.grid for one in play.listings(TICKER)]
    assert grids == [TAPERED_GRID, TAPERED_GRID, CENT_GRID]
    assert 300.0 <= after_open(play.listings(TICKER)[-1]) <= 331.0


def test_a_pause_is_told_at_once_and_so_is_its_end() -> None:
    play = played(Script(phases=((100.0, "inactive"), (160.0, "active"))), "2026-11-22T16:46:41Z")
    at_ns = OPEN + 101 * SECOND_NS
    play.tell(play.windows.noted(note("deactivated", at_ns, is_deactivated=True), at_ns))
    assert play.statuses(TICKER) == ["open", "paused"]
    play.until("2026-11-22T17:20:00Z")
    assert play.statuses(TICKER) == ["open", "paused", "open", "closed", "settled"]
    again = [
        one for one in play.events if isinstance(one, MarketStatus) and one.ticker == TICKER and one.status == "open"
    ][-1]
    assert 160.0 <= after_open(again) <= 166.0
    assert play.complained(TICKER) == ["is paused by the exchange"]


def test_a_pause_is_found_without_news_too() -> None:
    play = played(Script(phases=((100.0, "inactive"), (160.0, "active"))))
    assert play.statuses(TICKER) == ["open", "paused", "open", "closed", "settled"]


def test_a_market_that_opens_late_is_paused_until_it_does() -> None:
    play = played(Script(strike_after=40.0, phases=((0.0, "initialized"), (39.0, "active"))))
    assert play.statuses(TICKER) == ["open", "paused", "open", "closed", "settled"]
    assert "is not open though it is time" in play.complained(TICKER)


def test_a_word_that_is_not_known_is_not_traded_on() -> None:
    play = played(Script(phases=((100.0, "suspended"),)), "2026-11-22T16:48:00Z")
    assert play.statuses(TICKER) == ["open", "paused"]
    assert "'suspended'" in play.words(TICKER)


def test_odd_terms_are_listed_without_a_strike_paused_and_named_and_settle() -> None:
    play = played(Script(odd="its price grid has a hole"))
    assert [one.contract.strike for one in play.listings(TICKER)] == [None]
    assert play.statuses(TICKER) == ["paused", "closed", "settled"]
    assert play.complained(TICKER) == ["its price grid has a hole"]


def test_an_earlier_close_is_the_exchanges_to_decide() -> None:
    play = played(Script(), "2026-11-22T16:50:00Z")
    early_ns = OPEN + 400 * SECOND_NS
    facts = play.floor.answer(TICKER, play.now_ns)
    assert facts is not None
    play.floor.answer = lambda ticker, now_ns: facts._replace(close_ns=early_ns)  # type: ignore[method-assign]
    play.tell(play.windows.noted(note("close_date_updated", play.now_ns), play.now_ns))
    play.until("2026-11-22T16:55:00Z")
    assert play.status(TICKER, "closed").received_ns == early_ns


# The end -------------------------------------------------------------------------------------------------------


def test_after_the_close_it_is_read_quickly_then_slowly_and_after_half_an_hour_somebody_is_told() -> None:
    play = played(Script(determined_after=None, settled_after=None), "2026-11-22T18:00:00Z")
    asked = [(at - CLOSE) / SECOND_NS for at, ticker in play.floor.asked if ticker == TICKER and at >= CLOSE]
    gaps = [(at, later - at) for at, later in pairwise(asked)]
    assert asked[0] <= 30.0
    assert max(gap for at, gap in gaps if at < 590) <= 5.01
    assert min(gap for at, gap in gaps if at > 610) >= 59.99
    assert play.complained(TICKER) == ["has paid nothing 30 minutes after its close"]


def test_a_result_that_is_late_is_told_when_it_comes() -> None:
    play = played(Script(determined_after=2_400.0, settled_after=2_460.0), "2026-11-22T18:00:00Z")
    assert play.statuses(TICKER) == ["open", "closed", "settled"]
    assert play.status(TICKER, "settled").received_ns >= CLOSE + 2_460 * SECOND_NS


def test_determined_is_not_paid_yet() -> None:
    play = played(Script(determined_after=5.0, settled_after=None), "2026-11-22T17:05:00Z")
    assert play.statuses(TICKER) == ["open", "closed"]
    assert play.state(TICKER) == "determined"


def test_news_of_the_settlement_cause_a_reading() -> None:
    play = played(Script(determined_after=1_000.0, settled_after=1_001.0), "2026-11-22T17:16:45Z")
    play.tell(play.windows.noted(note("settled", play.now_ns), play.now_ns))
    play.until("2026-11-22T17:16:46Z")
    assert play.statuses(TICKER)[-1] == "settled"


@pytest.mark.parametrize("word", ["disputed", "amended"])
def test_a_disputed_result_is_told_and_awaited(word: str) -> None:
    play = played(Script(phases=((905.0, word),), determined_after=None, settled_after=500.0))
    assert play.statuses(TICKER) == ["open", "closed", "disputed", "settled"]
    assert "is closed, and its result is being looked into" in play.complained(TICKER)


@pytest.mark.parametrize(
    ("script", "result", "yes_pays"),
    [
        (Script(result="scalar", yes_pays=5_000), "scalar", 5_000),
        (Script(result="void", yes_pays=4_200), "scalar", 4_200),  # a word nobody knows: the money counts
        (Script(result="yes", yes_pays=10_000), "yes", None),
        (Script(result="no", yes_pays=0), "no", None),
        (Script(result="yes", yes_pays=9_000), "scalar", 9_000),
        (Script(result="yes", value=""), "yes", None),  # no expiration value: the result counts
    ],
)
def test_what_a_market_pays_is_what_the_exchange_says(script: Script, result: str, yes_pays: int | None) -> None:
    told = played(script).status(TICKER, "settled")
    assert (told.result, told.yes_pays, told.settle_value) == (result, yes_pays, script.value)


@pytest.mark.parametrize("script", [Script(result=""), Script(result="scalar", yes_pays=None)])
def test_a_settlement_that_does_not_say_what_is_paid_is_awaited(script: Script) -> None:
    play = played(script, "2026-11-22T17:45:00Z")
    assert play.statuses(TICKER) == ["open", "closed"]
    assert play.complained(TICKER) == ["has paid nothing 30 minutes after its close"]


# Maintenance ---------------------------------------------------------------------------------------------------


def is_thursday_gap(ticker: str, close: int) -> bool:
    """No window closes from 03:00 to 05:00 in New York on this Thursday."""
    return ns("2026-11-19T08:00Z") <= close <= ns("2026-11-19T10:00Z")


def test_on_thursdays_nobody_waits_for_what_will_not_be() -> None:
    floor = Floor(exists=lambda ticker, close: not is_thursday_gap(ticker, close))
    play = Play("2026-11-19T07:31:00Z", floor).until("2026-11-19T10:31:00Z")
    settled = [one.ticker for one in play.events if isinstance(one, MarketStatus) and one.status == "settled"]
    assert settled == [ticker_at("2026-11-19T07:45Z"), ticker_at("2026-11-19T10:15Z"), ticker_at("2026-11-19T10:30Z")]
    assert not play.complaints
    waited = [at for at, ticker in floor.asked if ns("2026-11-19T07:50Z") <= at < ns("2026-11-19T09:50Z")]
    assert len(waited) <= 8 * 30


def test_on_other_days_a_window_that_is_missing_is_told() -> None:
    floor = Floor(exists=lambda ticker, close: ticker != TICKER)
    play = Play("2026-11-22T16:44:00Z", floor).until("2026-11-22T17:01:00Z")
    assert play.complained(TICKER) == ["is not listed a minute after it should have opened"]
    assert TICKER not in play.windows.tickers()


def test_a_window_in_the_maintenance_that_exists_all_the_same_is_looked_after() -> None:
    play = Play("2026-11-19T08:01:00Z").until("2026-11-19T08:20:00Z")
    ticker = ticker_at("2026-11-19T08:30Z")
    play.until("2026-11-19T08:35:00Z")
    assert play.statuses(ticker_at("2026-11-19T08:15Z")) == ["open", "closed", "settled"]
    struck = play.listings(ticker)[-1]
    assert struck.received_ns <= struck.contract.open_ns + 2 * SECOND_NS  # and owes its strike as any other


def test_announced_maintenance_excuses_as_well() -> None:
    play = Play("2026-11-22T16:44:00Z", Floor(exists=lambda ticker, close: ticker != TICKER))
    play.windows._timetable.announce((), [(OPEN, CLOSE)])
    play.until("2026-11-22T17:01:00Z")
    assert not play.complaints


def test_an_exchange_that_does_not_trade_owes_no_strike() -> None:
    floor = Floor(Script(strike_after=None))
    play = Play("2026-11-22T16:44:00Z", floor)
    play.windows.is_halted = True
    play.until("2026-11-22T16:59:00Z")
    assert not play.complaints


# Restart, and the account --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ago", ["2026-11-22T16:30:00Z", "2026-11-21T03:15:00Z", "2026-11-01T05:30:00Z", "2026-05-01T00:00Z"]
)
def test_what_the_account_still_holds_is_settled_after_a_restart(ago: str) -> None:
    held = ticker_at(ago)
    play = Play("2026-11-22T16:46:00Z")
    play.windows.hold([held, "KXBTCD-26NOV2212-T85000"], play.now_ns)
    play.until("2026-11-22T16:46:01Z")
    assert len(play.listings(held)) == 1
    assert play.statuses(held) == ["settled"]
    play.windows.hold([held], play.now_ns)  # positions are read with a lag
    play.until("2026-11-22T16:50:00Z")
    assert play.statuses(held) == ["settled"]


def test_a_held_market_that_cannot_be_found_is_told_and_looked_for() -> None:
    held = ticker_at("2026-11-22T15:00:00Z")
    play = Play("2026-11-22T16:46:00Z", Floor(exists=lambda ticker, close: ticker != held))
    play.windows.hold([held], play.now_ns)
    play.until("2026-11-22T17:46:00Z")
    assert f"{held} is held, and the exchange does not know it" in play.complaints
    assert held in play.windows.tickers()
    play.windows.hold([], play.now_ns)
    play.until("2026-11-22T17:47:00Z")
    assert held not in play.windows.tickers()


def test_a_market_that_never_settles_is_given_up_after_a_day_unless_it_is_held() -> None:
    floor = Floor()
    other = ticker_at("2026-11-22T17:15:00Z")
    floor.scripts[TICKER] = floor.scripts[other] = Script(determined_after=None, settled_after=None)
    play = Play("2026-11-22T16:44:00Z", floor).until("2026-11-22T17:20:00Z")
    play.windows.hold([other], play.now_ns)
    play.until("2026-11-23T18:00:00Z")
    assert TICKER not in play.windows.tickers()
    assert other in play.windows.tickers()


# Clocks --------------------------------------------------------------------------------------------------------


def test_with_a_clock_that_is_wrong_the_exchanges_decides_once_it_is_known() -> None:
    """Ours is 90 s behind: windows open and close by the exchange's clock; stamps stay ours."""
    play = Play("2026-11-22T16:44:00Z")
    play.windows.offset_ns = 90 * SECOND_NS
    floor, read = play.floor, play.read
    answer = floor.answer
    floor.answer = lambda ticker, now_ns: answer(ticker, now_ns + 90 * SECOND_NS)  # type: ignore[method-assign]
    play.read = read  # type: ignore[method-assign]
    play.until("2026-11-22T17:05:00Z")
    assert play.status(TICKER, "open").received_ns == ns("2026-11-22T16:44:00Z")
    assert play.status(TICKER, "closed").received_ns == CLOSE - 90 * SECOND_NS


def test_a_clock_that_is_put_back_leaves_nothing_waiting() -> None:
    play = Play("2026-11-22T19:00:30Z").until("2026-11-22T19:01:00Z")
    play.now_ns = ns("2026-11-22T16:46:00Z")
    play.until("2026-11-22T17:20:00Z")
    assert play.statuses(TICKER) == ["open", "closed", "settled"]


def test_readings_that_fail_are_made_again() -> None:
    play = Play("2026-11-22T16:44:00Z")
    play.is_answering = False
    play.until("2026-11-22T16:44:30Z")
    assert play.state(TICKER) == "expected"
    play.is_answering = True
    play.until("2026-11-22T16:44:34Z")
    assert play.state(TICKER) == "listed"


def test_what_may_have_been_missed_is_read_anew() -> None:
    play = played(Script(), "2026-11-22T16:50:00Z")
    before = len(play.floor.asked)
    play.windows.resync(play.now_ns)
    play.until(play.now_ns + SECOND_NS // 10)
    assert len(play.floor.asked) == before + 1


def test_books_are_wanted_from_the_listing_to_the_close() -> None:
    play = Play("2026-11-22T16:56:00Z").until("2026-11-22T16:57:00Z")
    after = ticker_at("2026-11-22T17:15:00Z")
    assert play.windows.quoted() == [TICKER, after]
    assert play.windows.quoted(2 * SECOND_NS) == [TICKER]
    play.until("2026-11-22T17:00:01Z")
    assert play.windows.quoted(2 * SECOND_NS) == [after]
