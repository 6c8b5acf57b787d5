"""A venue that no exchange is like: the least that has books, trades, numbered frames and a page, on both sides of the wire."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice
from markets.feeds.counts import Counts
from markets.feeds.kept import KeptBook
from markets.feeds.venue import Endpoint, Reconnect, Unreadable, Venue, VenueSocket
from markets.loopback.speaker import Answer, LoopbackVenue, Speaker, Truth

Toy = SpotBook | SpotLevels | SpotPrice
_toy = msgspec.json.Decoder(tuple[int, Toy | None]).decode
encode = msgspec.json.encode


class ToySocket(VenueSocket):
    """Every frame is [number, event or null]; the numbers of a connection rise by one."""

    stale_after_s = 5.0

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self.books = {asset: KeptBook(self, asset) for asset in symbols}
        self._number = 0

    @property
    def is_synced(self) -> bool:
        return all(book.stands for book in self.books.values())

    def opened(self, now_ns: int) -> list[MarketEvent]:
        self.to_send.append("subscribe " + " ".join(self.assets))
        return []

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        try:
            number, event = _toy(frame)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreadable(str(error)) from None
        if number <= self._number:
            return []
        if number != self._number + 1:
            raise Reconnect(f"frame {number} came after {self._number}")
        self._number = number
        if event is None:
            return self.beat(now_ns)
        if isinstance(event, SpotBook):
            return self.books[event.asset].snapshot(event.bids, event.asks, now_ns)
        if isinstance(event, SpotLevels):
            return self.books[event.asset].change(list(event.bids), list(event.asks), now_ns)
        return [msgspec.structs.replace(event, received_ns=now_ns)]

    def fetched(self, page: Any, body: bytes, now_ns: int) -> list[MarketEvent]:
        return []


class ToySpeaker(Speaker):
    """Tells every asset that was asked for, a whole book first."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self.number = 0
        self.assets: list[str] = []

    def opened(self) -> list[bytes]:
        return []

    def hear(self, frame: bytes) -> list[bytes]:
        self.assets = [asset for asset, symbol in self.truth.symbols.items() if symbol in frame.decode().split()]
        return [self._numbered(self._book(asset)) for asset in self.assets]

    def tell(self, event: MarketEvent) -> list[bytes]:
        if not isinstance(event, Toy) or event.asset not in self.assets:
            return []
        return [self._numbered(event)]

    def beat(self) -> list[bytes]:
        return [self._numbered(None)]

    def spoil_checksum(self, frame: bytes) -> bytes | None:
        return frame.replace(b"[", b"[9", 1)

    def _book(self, asset: str) -> SpotBook:
        book = self.truth.books[asset]
        return SpotBook(0, "toy", asset, tuple(book.top_bids(0)), tuple(book.top_asks(0)))

    def _numbered(self, event: Toy | None) -> bytes:
        self.number += 1
        return encode((self.number, event))


def page(truth: Truth, path: str) -> Answer | None:
    """One page: the best prices of an asset."""
    _, _, asset = path.rpartition("/")
    return Answer(200, encode(truth.books[asset].top_of_book())) if asset in truth.books else None


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    return [ToySocket("toy", symbols, endpoint, counts_of("toy"))]


TOY = Venue("toy", "Toy", {"BTC": "btc", "ETH": "eth"}, Endpoint("ws://127.0.0.1:1"), sockets)
TOY_LOOPBACK = LoopbackVenue("toy", ToySpeaker, page)
