"""The exchange's WebSocket: every channel that we use, over one connection. No I/O in here."""

from collections.abc import Callable

from markets.core.events import MarketEvent
from markets.feeds.counts import Counts
from markets.feeds.kalshi.notes import Note
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.venue import Endpoint, VenueSocket

FEED = "kalshi"
INDEX_FEED = "kalshi/index"  # told of apart: markets go on without the index channel

__all__ = ["FEED", "INDEX_FEED", "KalshiSocket", "Wanted"]


class KalshiSocket(VenueSocket):
    """Markets out as events, what is ours and the markets' lives as notes."""

    def __init__(
        self,
        wanted: Wanted,
        endpoint: Endpoint,
        counts: Counts,
        signer: object = None,
        *,
        note: Callable[[Note], None] | None = None,
        server_clock: object = None,
    ) -> None:
        """`endpoint.ws` is the whole address (Hosts.ws); without a signer no headers are sent, for a server that wants none.
        `server_clock` (ServerClock) corrects the stamp of the signature."""
        super().__init__(FEED, {}, endpoint, counts)
        self.wanted = wanted

    def follow(self, now_ns: int) -> None:
        """Add and delete what has changed in `wanted`; `due` calls it too."""
        raise NotImplementedError

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame."""
        raise NotImplementedError
