"""Windows under whatever an exchange may do: rules that hold for every order of readings, notes, failures and clocks."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from markets.core.events import MarketEvent, MarketListed, MarketStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.notes import LifecycleNote
from tests.kalshi_floor import Floor, Play, Script, ns, ticker_at

START = ns("2026-11-22T16:44:00Z")
TICKER = "KXBTC15M-26NOV221200-00"
NAMES = (TICKER, ticker_at("2026-11-22T16:45:00Z"), ticker_at("2026-11-22T17:15:00Z"))
WORDS = ("initialized", "active", "inactive", "closed", "determined", "disputed", "amended", "finalized", "halted", "")
KINDS = (
    "created",
    "activated",
    "deactivated",
    "close_date_updated",
    "determined",
    "settled",
    "metadata_updated",
    "new",
)

seconds = st.floats(0.0, 2_400.0)
scripts = st.builds(
    Script,
    listed_before=st.sampled_from([14_400.0, 30.0, -5.0, -400.0]),
    strike_after=st.none() | st.floats(0.0, 1_000.0),
    determined_after=st.none() | seconds,
    settled_after=st.none() | seconds,
    result=st.sampled_from(["yes", "no", "scalar", "void", ""]),
    value=st.sampled_from(["", "1.5"]),
    yes_pays=st.none() | st.sampled_from([0, 5_000, 10_000]),
    phases=st.lists(st.tuples(seconds, st.sampled_from(WORDS)), max_size=3).map(lambda some: tuple(sorted(some))),
    odd=st.sampled_from(["", "", "its grid has a hole"]),
)
steps = st.one_of(
    st.tuples(st.just("pass"), st.floats(0.01, 700.0)),
    st.tuples(st.just("note"), st.tuples(st.sampled_from(NAMES), st.sampled_from(KINDS), st.none() | st.booleans())),
    st.tuples(st.just("back"), st.floats(0.0, 900.0)),
    st.tuples(st.just("fail"), st.booleans()),
    st.tuples(st.just("halt"), st.booleans()),
    st.tuples(st.just("offset"), st.integers(-30, 30)),
    st.tuples(st.just("hold"), st.sets(st.sampled_from(NAMES))),
    st.tuples(st.just("resync"), st.none()),
)


def step(play: Play, kind: str, how: Any) -> None:
    windows = play.windows
    if kind == "pass":
        play.until(play.now_ns + int(how * SECOND_NS))
    elif kind == "note":
        ticker, word, is_off = how
        note = LifecycleNote(received_ns=play.now_ns, event_type=word, ticker=ticker, is_deactivated=is_off)
        play.tell(windows.noted(note, play.now_ns))
    elif kind == "back":
        play.now_ns -= int(how * SECOND_NS)
    elif kind == "fail":
        play.is_answering = how
    elif kind == "halt":
        windows.is_halted = how
    elif kind == "offset":
        windows.offset_ns = how * SECOND_NS
    elif kind == "hold":
        windows.hold(how, play.now_ns)
    else:
        windows.resync(play.now_ns)


@settings(max_examples=120, deadline=None)
@given(scripts, st.lists(steps, max_size=14))
def test_whatever_happens_the_story_of_a_market_can_be_told(script: Script, happened: list[tuple[str, Any]]) -> None:
    play = Play("2026-11-22T16:44:00Z", Floor(script))
    for kind, how in happened:
        step(play, kind, how)
    play.is_answering = True
    play.until(max(play.now_ns, START) + 3_600 * SECOND_NS)
    listed: dict[str, MarketListed] = {}
    last: dict[str, str] = {}
    for event in play.events:
        check(event, listed, last)
    assert len(play.windows) < 40
    assert all(view.words == "" or view.ticker for view in play.windows.views())


def check(event: MarketEvent, listed: dict[str, MarketListed], last: dict[str, str]) -> None:
    if isinstance(event, MarketListed):
        before = listed.get(event.contract.ticker)
        assert before is None or before.contract != event.contract or last.get(event.contract.ticker) == "settled"
        assert before is None or before.contract.strike is None or event.contract.strike is not None
        listed[event.contract.ticker] = event
    elif isinstance(event, MarketStatus):
        assert event.ticker in listed  # its terms first
        assert last.get(event.ticker) not in (event.status, "settled")  # each change once, and nothing after the money
        last[event.ticker] = event.status
        if event.status == "settled":
            assert event.result in ("yes", "no", "scalar")
            assert (event.yes_pays is not None) == (event.result == "scalar")
