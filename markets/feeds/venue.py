"""What one venue's file provides: its name, its symbols, its hosts, and how it speaks. No I/O in here or in those files.

A `VenueSocket` is the life of one connection as a state machine: bytes and times in, market events, frames to send and
pages to fetch out. `feeds/connection.py` gives it a real socket; tests and proofs give it bytes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from markets.core.events import FeedBeat, FeedStatus, MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts


class Unreadable(ValueError):
    """A frame that cannot be parsed, or says what cannot be. It is counted and dropped; the text says what."""


class Refused(ConnectionError):
    """The venue will not serve us what we asked for, in its own words: not a thing to try again every second."""


class Reconnect(ConnectionError):
    """This connection cannot go on: the venue asked for a new one, or what was lost cannot be had on this one."""


class SlowDown(ConnectionError):
    """The venue says that we ask too often, and for how many seconds we are to stay away."""

    def __init__(self, text: str, wait_s: float) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class Page(NamedTuple):
    """A page to fetch over HTTP, such as the snapshot of a book. `subject` is the asset; the answer goes to `fetched`."""

    url: str
    subject: str


class Endpoint(NamedTuple):
    """Where a venue answers: base addresses without a trailing slash."""

    ws: str
    rest: str = ""


class VenueSocket:
    """One connection to a venue. Subclasses say what to send, and turn frames into events.

    Life: `headers` for the handshake; `opened` once after connecting; `hear` for each data frame; `due` about four times
    a second and after each batch; `fetched` for each page that was asked for, `not_fetched` when it could not be had.
    After each of them the connection sends what is in `to_send`, fetches what is in `to_fetch`, and empties both.
    A socket object is used for one connection only: a new connection starts with a new, empty one.
    Who runs it counts connections, frames, bytes, events by kind, and unreadable frames; the rest is the socket's to count.

    `hear` and `fetched` raise Unreadable (the frame is dropped and counted), Reconnect or Refused. Book problems of one
    asset are no exceptions: they are told as FeedStatus "lost" with that asset as subject, and mended by a snapshot.
    """

    stale_after_s: float = 10.0  # without a data frame for so long the connection is dead, whatever pings are answered
    pause_after_open_s: float = 0.0  # before the first frame is sent
    ping_interval_s: float | None = 20.0  # of the WebSocket library's own pings; None where they are punished
    can_overlap: bool = True  # whether a second connection may take over before the first is closed
    patience: float = 1.0  # how many times longer answers are waited for: where the clock runs faster than the sockets
    renew_after_s: float | None = None  # a planned renewal, for venues that end connections by the clock
    sends_per_s: float | None = None  # as many messages a second we may send; more waits its turn
    notices_loss: bool = (
        True  # False: nothing in a book's frames tells that one was dropped, so one drop ends the connection
    )

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        """`feed` is the venue's name, or one part of it ("coinbase/trades"); `symbols` maps assets to its names."""
        self.feed = feed
        self.venue = feed.partition("/")[0]
        self.symbols = symbols
        self.assets = {symbol: asset for asset, symbol in symbols.items()}
        self.endpoint = endpoint
        self.counts = counts
        self.to_send: list[str] = []
        self.to_fetch: list[Page] = []
        self.renewal_asked = (
            ""  # the venue's words, when it asks us to connect anew soon: a second connection takes over
        )
        self._beat_ns = 0

    @property
    def url(self) -> str:
        """Where to connect to."""
        return self.endpoint.ws

    def headers(self, now_ns: int) -> dict[str, str]:
        """What is sent with the handshake beside the usual: nothing, where the venue wants no signature."""
        return {}

    def turned_away(self, status: int, date: str, body: bytes, now_ns: int) -> None:
        """The handshake was answered with this HTTP status: raise Refused or SlowDown where the venue's file can tell more
        of the cause than the status does. `date` is the header of that name, or empty."""

    @property
    def is_synced(self) -> bool:
        """Whether every subscription was granted and every book stands: from here on it can take over."""
        raise NotImplementedError

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """The connection stands: put the subscriptions into `to_send`."""
        raise NotImplementedError

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """Turn one data frame, received at `now_ns`, into events in the order of the frame."""
        raise NotImplementedError

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Time has passed: send the pings that are due, give up on what was never granted (Reconnect)."""
        return []

    def fetched(self, page: Page, body: bytes, now_ns: int) -> list[MarketEvent]:
        """A page that was asked for is here."""
        raise NotImplementedError

    def not_fetched(self, page: Page, reason: str, now_ns: int) -> list[MarketEvent]:
        """A page could not be had; by default the connection begins anew."""
        raise Reconnect(f"{page.url}: {reason}")

    # What the subclasses share ------------------------------------------------------------------------------

    def beat(self, now_ns: int, venue_ns: int = 0) -> list[MarketEvent]:
        """Something was heard, a heartbeat or any other frame; told at most once a second."""
        if 0 <= now_ns - self._beat_ns < SECOND_NS:  # a clock that was put back silences nothing
            return []
        self._beat_ns = now_ns
        return [FeedBeat(now_ns, self.feed, venue_ns)]

    def lost(self, asset: str, reason: str, now_ns: int) -> MarketEvent:
        """The book of an asset is not to be believed until its next snapshot."""
        self.counts.resyncs += 1
        self.counts.complain(f"{asset}: {reason}")
        return FeedStatus(now_ns, self.feed, "lost", asset, reason)

    def note_lag(self, now_ns: int, venue_ns: int) -> None:
        """Take the way of a message from the venue to us, where it was stamped."""
        if venue_ns:
            self.counts.lags_ns.append(now_ns - venue_ns)


SocketMaker = Callable[[dict[str, str], Endpoint, Callable[[str], Counts]], Sequence[VenueSocket]]


class Venue(NamedTuple):
    """One line of the register.

    `sockets(symbols, endpoint, counts_of)` makes new sockets, one a connection, books first; `counts_of(feed)` gives
    each its Counts, the same over all connections of that feed.
    """

    name: str  # in the register: "binance_data" is another host of the venue "binance"
    title: str
    symbols: dict[str, str]  # asset to the venue's own name of it in US dollars (or the nearest to that)
    endpoint: Endpoint
    sockets: SocketMaker
