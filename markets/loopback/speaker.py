"""What a loopback venue's file provides: the venue's side of the wire, without I/O.

A `Speaker` is one client's connection as the venue sees it: it hears the client's frames and says market events in the
venue's own words. `loopback/server.py` gives it real sockets; `loopback/faults.py` spoils what it says, on demand.
"""

from collections.abc import Callable
from typing import NamedTuple

from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.venue_book import VenueBook

DIGITS = 8  # decimals of sizes on the wire


class Truth:
    """What is true at one venue: the book and the last trades of each asset, and how often they changed.

    Fed with the venue's own events before they are said: speakers answer snapshots from here, and proofs compare with
    it. `sequence[asset]` counts the events of the asset's book; it only grows. `stamps_us[asset]` is the time of the
    last of them in microseconds, and grows with each; `traded[asset]` counts its trades.
    """

    def __init__(self, venue: str, symbols: dict[str, str], price_digits: dict[str, int] | None = None) -> None:
        self.venue = venue
        self.symbols = symbols
        self.price_digits = price_digits or {}
        self.books: dict[str, VenueBook] = {}
        self.trades: dict[str, list[SpotPrice]] = {}
        self.sequence: dict[str, int] = {}
        self.stamps_us: dict[str, int] = {}
        self.traded: dict[str, int] = {}
        self.now_ns = 0
        self.patience = (
            1.0  # how many times longer answers are waited for: where the clock runs faster than the sockets
        )

    def hear(self, event: MarketEvent) -> None:
        """Take one event of this venue."""
        self.now_ns = max(self.now_ns, event.received_ns)
        if isinstance(event, SpotBook):
            self.books.setdefault(event.asset, VenueBook()).replace(event.bids, event.asks)
        elif isinstance(event, SpotLevels):
            self.books.setdefault(event.asset, VenueBook()).change(event.bids, event.asks)
        elif isinstance(event, SpotPrice):
            trades = self.trades.setdefault(event.asset, [])
            trades.append(event)
            del trades[:-100]
            self.traded[event.asset] = self.traded.get(event.asset, 0) + 1
            return
        elif isinstance(event, SpotQuote):
            return
        else:
            return
        self.sequence[event.asset] = self.sequence.get(event.asset, 0) + 1
        self.stamps_us[event.asset] = max(self.stamps_us.get(event.asset, 0) + 1, event.received_ns // 1_000)

    def price(self, asset: str, value: float) -> str:
        """A price as this venue writes it: always the same number of decimals for an asset."""
        return f"{value:.{self.price_digits.get(asset, 2)}f}"

    def size(self, value: float) -> str:
        """A size as venues write it."""
        return f"{value:.{DIGITS}f}"


class Answer(NamedTuple):
    """What an HTTP request for a page is answered with."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Speaker:
    """The venue's side of one connection. Every method returns whole frames, in order, as bytes of text.

    `goodbye` is set to the venue's words when it wants no more of this client, who broke a rule: whoever runs the
    connection closes it.
    """

    goodbye = ""

    def __init__(self, truth: Truth, path: str) -> None:
        """`path` is what the client connected to, with its query."""
        self.truth = truth
        self.path = path

    def opened(self) -> list[bytes]:
        """What the venue says first."""
        return []

    def hear(self, frame: bytes) -> list[bytes]:
        """Answer what the client sent: acknowledgements, snapshots, pongs, refusals in the venue's words."""
        raise NotImplementedError

    def tell(self, event: MarketEvent) -> list[bytes]:
        """Say an event (already in the truth) to a client that subscribed to it; nothing to one that did not."""
        raise NotImplementedError

    def beat(self) -> list[bytes]:
        """Called once a second of the venue's time: heartbeats, and summaries that are due."""
        return []

    def spoil_checksum(self, frame: bytes) -> bytes | None:
        """The same frame with a checksum that does not fit, None where this venue or this frame has none."""
        return None


class LoopbackVenue(NamedTuple):
    """One line of the loopback register: how a venue speaks, and how it answers pages.

    `page(truth, path_with_query)` answers GETs below the venue's root; None is answered as 404.
    `detects_loss` says whether a client can notice that a message is missing (by sequence, chain or checksum).
    """

    name: str
    speaker: Callable[[Truth, str], Speaker]
    page: Callable[[Truth, str], Answer | None] | None = None
    detects_loss: bool = True
