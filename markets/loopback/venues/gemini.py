"""Gemini's side of the wire: sparse ids, changes that overlap by one, the snapshot before the grant."""

from typing import Any

from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.feeds.venues.gemini import BOOK, STREAMS
from markets.loopback.said import at_ns, number_of, pairs, whole
from markets.loopback.speaker import LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import Told, encode, request_of

FIRST_ID, STEP = 1_764_528_499_302_688, 37


class GeminiSpeaker(Speaker):
    """One client."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._assets = {symbol: asset for asset, symbol in truth.symbols.items()}
        self._streams: set[tuple[str, str]] = set()  # (asset, stream)
        self._said: dict[str, Told] = {}
        self._last: dict[str, int] = {}  # id up to which a client was told a book

    def hear(self, frame: bytes) -> list[bytes]:
        """Grant, refuse, and answer pings."""
        message = request_of(frame) or {}
        question, method, params = message.get("id"), message.get("method"), message.get("params", [])
        if method in {"ping", "time", "conninfo", "list_subscriptions"}:
            return [encode({"id": question, "status": 200})]
        wanted = [(self._assets.get(symbol, ""), stream) for symbol, _, stream in (p.partition("@") for p in params)]
        if method not in {"subscribe", "unsubscribe"} or any(
            not asset or stream not in STREAMS for asset, stream in wanted
        ):
            return [encode({"id": question, "status": 400, "error": {"code": -1121, "msg": "Invalid symbol"}})]
        granted = encode({"id": question, "status": 200})
        if method == "unsubscribe":
            self._streams.difference_update(wanted)
            return [granted]
        self._streams.update(wanted)
        return [
            *(self._whole(asset) for asset, stream in wanted if stream == BOOK and asset in self.truth.books),
            granted,
        ]

    def tell(self, event: MarketEvent) -> list[bytes]:
        """One frame an event."""
        if isinstance(event, SpotBook | SpotLevels):
            return self._tell_book(event) if (event.asset, BOOK) in self._streams else []
        if isinstance(event, SpotPrice):
            return self._tell_trade(event) if (event.asset, "trade") in self._streams else []
        if isinstance(event, SpotQuote):
            return self._tell_quote(event) if (event.asset, "bookTicker") in self._streams else []
        return []

    def _id(self, asset: str) -> int:
        return FIRST_ID + STEP * self.truth.sequence.get(asset, 0)

    def _whole(self, asset: str) -> bytes:
        self._said[asset] = Told(self.truth.books[asset])
        self._last[asset] = end = self._id(asset)
        return self._depth(asset, (end, end), whole(self.truth.books[asset]), self.truth.now_ns)

    def _tell_book(self, event: SpotBook | SpotLevels) -> list[bytes]:
        asset = event.asset
        said = self._said.get(asset)
        if said is None:
            return [self._whole(asset)]
        first, self._last[asset] = self._last[asset], self._id(asset)
        return [
            self._depth(asset, (first, self._last[asset]), said.changes(self.truth.books[asset], event), at_ns(event))
        ]

    def _depth(self, asset: str, ids: tuple[int, int], sides: Any, moment_ns: int) -> bytes:
        truth = self.truth
        bids, asks = (pairs(truth, asset, side) for side in sides)
        message = {"e": "depthUpdate", "E": moment_ns, "s": truth.symbols[asset], "U": ids[0], "u": ids[1]}
        return encode(message | {"b": bids, "a": asks})

    def _tell_trade(self, event: SpotPrice) -> list[bytes]:
        truth = self.truth
        price, size = truth.price(event.asset, event.price), truth.size(event.size)
        message = {"E": at_ns(event), "s": truth.symbols[event.asset], "t": number_of(truth, event)}
        return [encode(message | {"p": price, "q": size, "m": event.taker == "sell"})]

    def _tell_quote(self, event: SpotQuote) -> list[bytes]:
        truth, asset = self.truth, event.asset
        bid, ask = (truth.price(asset, price) if price else "" for price in (event.bid, event.ask))
        sizes = {"B": truth.size(event.bid_size), "A": truth.size(event.ask_size)}
        message = {"u": self._id(asset), "E": at_ns(event), "s": truth.symbols[asset]}
        return [encode(message | {"b": bid, "a": ask} | sizes)]


GEMINI = LoopbackVenue("gemini", GeminiSpeaker)
