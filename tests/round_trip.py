"""Both ends of a venue's wire in memory: what is true, what is said, what is understood; and frames that go wrong on the way."""

import random
from collections.abc import Callable
from typing import Any, Literal

from hypothesis import strategies as st

from markets.core.events import (
    FeedStatus,
    MarketEvent,
    SpotBook,
    SpotLevel,
    SpotLevels,
    SpotPrice,
    SpotQuote,
)
from markets.core.units import SECOND_NS
from markets.core.venue_book import VenueBook
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint, Reconnect, Unreadable, Venue, VenueSocket
from markets.loopback.speaker import LoopbackVenue, Speaker, Truth
from markets.loopback.spoiling import mistyped

START_NS = 1_790_000_000 * SECOND_NS
STEP_NS = 20_000_000
DIGITS = {"BTC": 2, "ETH": 2}
ENDPOINT = Endpoint("ws://venue", "http://venue")
MIDDLE = 10_000  # cents
Fault = Literal["drop", "double", "swap", "mistyped"]


class Listener:
    """What somebody who hears the events believes."""

    def __init__(self) -> None:
        self.books: dict[str, VenueBook] = {}
        self.trades: list[SpotPrice] = []
        self.quotes: list[SpotQuote] = []
        self.losses: list[FeedStatus] = []

    def hear(self, event: MarketEvent) -> None:
        if isinstance(event, SpotBook):
            self.books.setdefault(event.asset, VenueBook()).replace(event.bids, event.asks, event.depth)
        elif isinstance(event, SpotLevels):
            self.books[event.asset].change(event.bids, event.asks)
        elif isinstance(event, SpotPrice):
            self.trades.append(event)
        elif isinstance(event, SpotQuote):
            self.quotes.append(event)
        elif isinstance(event, FeedStatus):
            self.losses.append(event)
            self.books.pop(event.subject, None)


class RoundTrip:
    """A venue and a client of it. Time passes only in `tell` and `wait`."""

    def __init__(
        self, venue: Venue, loopback: LoopbackVenue, symbols: dict[str, str], *, unknown: dict[str, str] | None = None
    ) -> None:
        self.venue, self.loopback = venue, loopback
        self.wanted = symbols | (unknown or {})
        voice = venue.sockets(symbols, ENDPOINT, lambda _: Counts())[0].venue
        self.truth = Truth(voice, symbols, DIGITS)
        self.listener = Listener()
        self.counts: dict[str, Counts] = {}
        self.now_ns = START_NS
        self.ends: list[tuple[VenueSocket, Speaker]] = []
        self.reconnects = self.unreadable = 0
        self.spoil: Callable[[list[tuple[int, bytes]]], list[tuple[int, bytes]]] | None = None

    def connect(self) -> None:
        """New connections, all of them empty."""
        sockets = self.venue.sockets(self.wanted, ENDPOINT, lambda feed: self.counts.setdefault(feed, Counts()))
        self.ends = [(it, self.loopback.speaker(self.truth, it.url.removeprefix(ENDPOINT.ws))) for it in sockets]
        self.listener.books.clear()
        for number, (socket, speaker) in enumerate(self.ends):
            self._take(number, lambda socket=socket: socket.opened(self.now_ns))  # type: ignore[misc]
            for frame in speaker.opened():
                self.deliver(number, frame)

    def tell(self, event: MarketEvent) -> None:
        """An event becomes true and is said."""
        self.now_ns = max(self.now_ns, event.received_ns)
        self.truth.hear(event)
        said = [(number, frame) for number, (_, speaker) in enumerate(self.ends) for frame in speaker.tell(event)]
        for number, frame in self.spoil(said) if self.spoil else said:
            self.deliver(number, frame)
        self.look()

    def wait(self, seconds: int) -> None:
        """Nothing happens but heartbeats."""
        for _ in range(seconds):
            for _ in range(4):
                self.now_ns += SECOND_NS // 4
                self.look()
            self.truth.now_ns = self.now_ns
            for number, (_, speaker) in enumerate(self.ends):
                for frame in speaker.beat():
                    self.deliver(number, frame)

    def look(self) -> None:
        """Let the sockets see the time."""
        for number in range(len(self.ends)):
            self._take(number, lambda number=number: self.ends[number][0].due(self.now_ns))  # type: ignore[misc]

    def deliver(self, number: int, frame: bytes) -> None:
        """One frame reaches one socket."""
        self._take(number, lambda: self.ends[number][0].hear(frame, self.now_ns))

    @property
    def is_synced(self) -> bool:
        return all(socket.is_synced for socket, _ in self.ends)

    def troubles(self) -> list[str]:
        """Everything that was not as it should be."""
        found = [f"lost: {status}" for status in self.listener.losses]
        found += ["reconnected"] * self.reconnects + ["unreadable"] * self.unreadable
        for feed, it in self.counts.items():
            for what in (it.gaps, it.resyncs, it.unknown, it.missing, it.words):
                found += [f"{feed}: {what}"] if what else []
        return found

    def _take(self, number: int, call: Callable[[], list[MarketEvent]]) -> None:
        socket, speaker = self.ends[number]
        try:
            events = call()
        except Unreadable:
            self.unreadable += 1
            if not socket.notices_loss:
                self.connect()
            return
        except Reconnect:
            self.reconnects += 1
            assert self.reconnects < 50
            self.connect()
            return
        for event in events:
            self.listener.hear(event)
        sent, socket.to_send[:] = list(socket.to_send), []
        pages, socket.to_fetch[:] = list(socket.to_fetch), []
        for text in sent:
            for frame in speaker.hear(text.encode()):
                self.deliver(number, frame)
        for page in pages:
            answer = (
                self.loopback.page(self.truth, page.url.removeprefix(ENDPOINT.rest)) if self.loopback.page else None
            )
            if answer is not None and answer.status == 200:
                self._take(number, lambda body=answer.body, page=page: socket.fetched(page, body, self.now_ns))  # type: ignore[misc]
            else:
                words = f"HTTP {answer.status}: {answer.body.decode()}" if answer else "HTTP 404"
                self._take(number, lambda page=page, words=words: socket.not_fetched(page, words, self.now_ns))  # type: ignore[misc]


class Spoiler:
    """Drops, doubles or swaps one frame, counted from `at`, or gives one of its fields another type."""

    def __init__(self, kind: Fault, at: int) -> None:
        self.kind, self.at, self.seen = kind, at, 0
        self.held: tuple[int, bytes] | None = None
        self.is_done = False

    def __call__(self, said: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        found = []
        for saying in said:
            self.seen += 1
            if self.seen - 1 == self.at and self.kind == "swap":
                self.held = saying
                continue
            if self.seen - 1 == self.at and self.kind == "drop":
                self.is_done = True
                continue
            is_spoiled = self.seen - 1 == self.at and self.kind == "mistyped"
            found.append((saying[0], mistyped(saying[1], random.Random(self.at))) if is_spoiled else saying)
            self.is_done = self.is_done or is_spoiled
            if self.seen - 1 == self.at and self.kind == "double":
                found.append(saying)
                self.is_done = True
            if self.held is not None and self.held[0] == saying[0]:
                found.append(self.held)
                self.held, self.is_done = None, True
        return found


class Scene:
    """Turns drawn steps into events of books that never cross: prices in cents, sizes in halves."""

    def __init__(self, venue: str) -> None:
        self.venue, self.now_ns = venue, START_NS
        self.middles = dict.fromkeys(DIGITS, MIDDLE)
        self.sides: dict[str, tuple[dict[int, float], dict[int, float]]] = {asset: ({}, {}) for asset in DIGITS}
        self.trade_ids = dict.fromkeys(DIGITS, 100)

    def whole(self, asset: str) -> SpotBook:
        """All levels."""
        bids, asks = self.sides[asset]
        return SpotBook(self._tick(), self.venue, asset, _levels(bids, -1), _levels(asks, 1), venue_ns=self.now_ns)

    def events(self, step: Any) -> list[MarketEvent]:
        """What a drawn step means now."""
        kind, asset, is_bid, offset, size = step
        side = self.sides[asset][0 if is_bid else 1]
        if kind == "trade":
            self.trade_ids[asset] += 1
            price = (self.middles[asset] + (1 if is_bid else -1)) / 100.0
            taker: Literal["buy", "sell"] = "buy" if is_bid else "sell"
            now_ns = self._tick()
            return [
                SpotPrice(now_ns, self.venue, asset, price, max(size, 0.5), now_ns, taker, str(self.trade_ids[asset]))
            ]
        if kind == "whole":
            self.sides[asset] = (
                {self.middles[asset] - 3: 1.0, self.middles[asset] - offset - 1: 2.0},
                {self.middles[asset] + offset + 1: 1.0},
            )
            return [self.whole(asset)]
        if kind == "move":
            return [self._move(asset, offset if is_bid else -offset)]
        tick = self.middles[asset] - offset if is_bid else self.middles[asset] + offset
        if size:
            side[tick] = size
        else:
            side.pop(tick, None)
        level: tuple[SpotLevel, ...] = ((tick / 100.0, size),)
        return [self._changed(asset, level if is_bid else (), () if is_bid else level)]

    def _move(self, asset: str, by: int) -> SpotLevels:
        self.middles[asset] += by
        middle = self.middles[asset]
        bids, asks = self.sides[asset]
        gone_bids = [tick for tick in bids if tick >= middle]
        gone_asks = [tick for tick in asks if tick <= middle]
        for tick in gone_bids:
            del bids[tick]
        for tick in gone_asks:
            del asks[tick]
        return self._changed(
            asset, tuple((tick / 100.0, 0.0) for tick in gone_bids), tuple((tick / 100.0, 0.0) for tick in gone_asks)
        )

    def _changed(self, asset: str, bids: tuple[SpotLevel, ...], asks: tuple[SpotLevel, ...]) -> SpotLevels:
        return SpotLevels(self._tick(), self.venue, asset, bids, asks, self.now_ns)

    def _tick(self) -> int:
        self.now_ns += STEP_NS
        return self.now_ns


def _levels(side: dict[int, float], order: int) -> tuple[SpotLevel, ...]:
    return tuple((tick / 100.0, side[tick]) for tick in sorted(side, key=lambda tick: order * tick))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["level"] * 8 + ["trade", "trade", "move", "whole"]),
        st.sampled_from(sorted(DIGITS)),
        st.booleans(),
        st.integers(1, 60),
        st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.5, 12345.0]),
    ),
    min_size=5,
    max_size=40,
)
FAULTS = st.tuples(st.sampled_from(["drop", "double", "swap", "mistyped"]), st.integers(0, 30))


def same_top(first: VenueBook | None, second: VenueBook, levels: int = 0) -> bool:
    """Whether two books have the same best levels, 0 for all."""
    return first is not None and (
        first.top_bids(levels) == second.top_bids(levels) and first.top_asks(levels) == second.top_asks(levels)
    )


def begun(venue: Venue, loopback: LoopbackVenue, symbols: dict[str, str]) -> tuple[RoundTrip, Scene]:
    """Connected, with books of two assets that stand."""
    trip = RoundTrip(venue, loopback, symbols)
    scene = Scene(trip.truth.venue)
    for asset in DIGITS:
        for offset in range(1, 15):
            scene.sides[asset][0][MIDDLE - 2 * offset] = 1.0 + offset / 2
            scene.sides[asset][1][MIDDLE + 3 * offset] = 0.5 + offset / 4
        trip.truth.hear(scene.whole(asset))
    trip.now_ns = scene.now_ns
    trip.connect()
    trip.wait(1)
    scene.now_ns = trip.now_ns
    return trip, scene


def told(trades: list[SpotPrice]) -> list[tuple[object, ...]]:
    """What has to be the same at both ends."""
    return [(it.asset, it.price, it.size, it.taker, it.trade_id, it.venue_ns) for it in trades]


def follow(trip: RoundTrip, scene: Scene, steps: Any, levels: int = 0) -> list[SpotPrice]:
    """Play the steps; after each the listener's books are the truth. Returns the trades that were told."""
    trades: list[SpotPrice] = []
    for step in steps:
        for event in scene.events(step):
            trip.tell(event)
            trades += [event] if isinstance(event, SpotPrice) else []
        for asset, book in trip.truth.books.items():
            assert same_top(trip.listener.books.get(asset), book, levels), (asset, step)
    return trades


def survive(trip: RoundTrip, scene: Scene, steps: Any, fault: tuple[Fault, int], levels: int = 0) -> Spoiler:
    """Play the steps with one fault: after it each book is right or lost as soon as its next message was heard; in the
    end all are right again."""
    spoiler = Spoiler(*fault)
    trip.spoil = spoiler
    for step in steps:
        was_done = spoiler.is_done
        book = trip.truth.books[step[1]]
        before = book.top_bids(levels), book.top_asks(levels)
        for event in scene.events(step):
            trip.tell(event)
        changed = (book.top_bids(levels), book.top_asks(levels)) != before
        heard = trip.listener.books.get(step[1])
        if changed and heard is not None and (was_done or spoiler.seen <= spoiler.at):
            assert same_top(heard, book, levels), step
    trip.spoil = None
    for asset in DIGITS:  # the next message of each book, and the time to mend what it shows
        for number in (1, 2):
            trip.tell(scene.events(("level", asset, True, 5, 7.0 + number))[0])
        trip.wait(5)
        scene.now_ns = trip.now_ns
    for asset, book in trip.truth.books.items():
        assert same_top(trip.listener.books.get(asset), book, levels), asset
    assert trip.is_synced
    return spoiler
