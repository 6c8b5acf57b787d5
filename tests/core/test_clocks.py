"""Another spot clock: what spot said moves, all else stays, and time never runs backwards; and what two curves say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.clocks import shifted
from backtests.core.sensitivity import Point, verdict
from markets.core.events import FeedStatus, IndexValue, MarketEvent, SpotPrice
from markets.core.units import MILLISECOND_NS, SECOND_NS
from tests.builders import at, snapshot, spot

MS = MILLISECOND_NS


def market(seconds: list[float]) -> list[MarketEvent]:
    events: list[MarketEvent] = [snapshot(0)]
    for number, second in enumerate(sorted(seconds)):
        kinds: tuple[MarketEvent, ...] = (
            snapshot(second, count=number + 1),
            spot(second, 85_000.0 + number),
            IndexValue(at(second), "BTC", 85_000.0 + number, at(second)),
            FeedStatus(at(second), "coinbase", "up"),
            FeedStatus(at(second), "kalshi", "up"),
        )
        events.append(kinds[number % len(kinds)])
    return events


def is_spot(event: MarketEvent) -> bool:
    return isinstance(event, SpotPrice | IndexValue) or (isinstance(event, FeedStatus) and event.feed == "coinbase")


@given(st.lists(st.floats(0, 60), max_size=60), st.integers(-2_000, 2_000))
def test_spot_is_heard_so_much_later_or_earlier_and_all_else_when_it_was(seconds: list[float], shift_ms: int) -> None:
    events, shift_ns = market(seconds), shift_ms * MS
    moved = list(shifted(events, shift_ns))
    times = [event.received_ns for event in moved]
    assert times == sorted(times)
    assert [event for event in moved if not is_spot(event)] == [event for event in events if not is_spot(event)]
    told, was = [e for e in moved if is_spot(e)], [e for e in events if is_spot(e)]
    assert [e.received_ns for e in told] == [max(e.received_ns + shift_ns, events[0].received_ns) for e in was]
    assert [e.price for e in told if isinstance(e, SpotPrice)] == [e.price for e in was if isinstance(e, SpotPrice)]


def test_the_stamps_of_venues_move_along_and_the_seconds_of_the_index_stay() -> None:
    events: list[MarketEvent] = [snapshot(0), spot(5), IndexValue(at(5), "BTC", 1.0, at(5))]
    _, price, index = shifted(events, 250 * MS)
    assert isinstance(price, SpotPrice)
    assert isinstance(index, IndexValue)
    assert (price.received_ns, price.venue_ns) == (at(5) + 250 * MS, at(5) + 250 * MS)
    assert (index.received_ns, index.venue_ns) == (at(5) + 250 * MS, at(5))


def test_no_shift_hands_on_the_very_same_events() -> None:
    events = market([1, 2, 3, 4, 5])
    assert all(one is other for one, other in zip(events, shifted(events, 0), strict=True))


def test_it_holds_no_more_than_the_events_of_the_shift() -> None:
    read: list[int] = []

    def endless() -> object:
        for second in range(10_000):
            read.append(second)
            yield spot(second)

    feed = shifted(endless(), -SECOND_NS)  # type: ignore[arg-type]
    for _ in range(100):
        next(feed)
    assert len(read) < 110


def curve(*nets: int, at_ms: tuple[int, ...] = (0, 250, 1_000)) -> list[Point]:
    return [Point(ms, net) for ms, net in zip(at_ms, nets, strict=True)]


@pytest.mark.parametrize(
    ("latency", "spot_shift", "is_edge", "words"),
    [
        (curve(-5, 9, 9), curve(-5, 9, 9), False, "There is no edge to lose"),
        (curve(0, 9, 9), curve(0, 9, 9), False, "There is no edge to lose"),
        (curve(100, -1, 5), curve(100, 90, 80), True, "gone with 250 ms more on the way of orders."),
        (curve(100, 90, 5), curve(100, 0, 80), True, "gone when spot is heard 250 ms later."),
        (curve(100, -1, 5), curve(100, -1, 80), True, "on the way of orders and when spot is heard 250 ms later."),
        (curve(100, 90, -5), curve(100, 95, -80), False, "90 % is left with 250 ms more on the way, 95 % with spot"),
        (curve(100, 40, 5), curve(100, 95, 80), False, "though half or more is gone."),
    ],
    ids=["loses", "nothing", "orders", "spot", "both", "lasts", "halved"],
)
def test_an_edge_that_dies_at_a_quarter_second_is_called_a_latency_edge(
    latency: list[Point], spot_shift: list[Point], is_edge: bool, words: str
) -> None:
    said = verdict(latency, spot_shift)
    assert said.is_latency_edge is is_edge
    assert words in said.text
    assert ("latency edge" in said.text and not said.text.startswith("No")) is is_edge
