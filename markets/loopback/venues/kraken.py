"""Kraken's WebSocket v2 as a loopback venue: a window of each book, with a checksum over the digits it wrote."""

from typing import Any
from zlib import crc32

from markets.core.events import MarketEvent, SpotBook, SpotLevel, SpotLevels, SpotPrice
from markets.core.venue_book import VenueBook
from markets.loopback.speaker import LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import Told, encode, names_in, request_of, stamp, trade_number

DEPTHS = (10, 25, 100, 500, 1000)
CHECKED = 10
CHECKSUM = b'"checksum":'


class KrakenSpeaker(Speaker):
    """One client."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._assets = {symbol: asset for asset, symbol in truth.symbols.items()}
        self._depths: dict[str, int] = {}  # of the books subscribed to
        self._told: dict[str, Told] = {}
        self._trades: set[str] = set()

    def opened(self) -> list[bytes]:
        """How the exchange is."""
        status = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 769405522530892351}
        return [encode({"channel": "status", "type": "update", "data": [status]})]

    def hear(self, frame: bytes) -> list[bytes]:
        """Pings, and subscriptions symbol by symbol."""
        request = request_of(frame)
        if request is None:
            return [self._answer({"error": "Malformed request", "success": False})]
        number = {"req_id": request["req_id"]} if "req_id" in request else {}
        method, params = request.get("method"), request.get("params")
        if method == "ping":
            return [self._answer({"method": "pong"} | number)]
        if method not in ("subscribe", "unsubscribe") or not isinstance(params, dict):
            return [self._answer({"error": "Unsupported method", "success": False} | number)]
        words = _refusal(params)
        if words:
            return [self._answer({"error": words, "method": method, "success": False} | number)]
        answers: list[bytes] = []
        for symbol in names_in(params.get("symbol")):
            answers += self._subscription(str(method), symbol, params, number)
        return answers

    def tell(self, event: MarketEvent) -> list[bytes]:
        """Trades, and what changes in the windows."""
        asset = getattr(event, "asset", "")
        if isinstance(event, SpotPrice) and asset in self._trades:
            return [self._trade(event)]
        if isinstance(event, SpotBook | SpotLevels) and asset in self._depths:
            told = self._told.get(asset)
            if told is None:
                return self._snapshot(asset)
            bids, asks = told.changes(self.truth.books[asset], event)
            return [self._book("update", asset, bids, asks)] if bids or asks else []
        return []

    def beat(self) -> list[bytes]:
        """A heartbeat, once there is a subscription."""
        return [encode({"channel": "heartbeat"})] if self._depths or self._trades else []

    def spoil_checksum(self, frame: bytes) -> bytes | None:
        """The checksum and one more."""
        head, found, rest = frame.partition(CHECKSUM)
        if not found:
            return None
        digits, comma, tail = rest.partition(b",")
        return head + found + b"%d" % ((int(digits) + 1) % 2**32) + comma + tail

    def _answer(self, fields: dict[str, Any]) -> bytes:
        at = stamp(self.truth.now_ns)
        return encode(fields | {"time_in": at, "time_out": at})

    def _subscription(self, method: str, symbol: str, params: dict[str, Any], number: dict[str, Any]) -> list[bytes]:
        asset, channel = self._assets.get(symbol), str(params["channel"])
        head = {"method": method} | number

        def refused(words: str) -> list[bytes]:
            return [self._answer({"error": words, "success": False, "symbol": symbol} | head)]

        if asset is None:
            return refused(f"Currency pair not supported {symbol}")
        is_subscribed = asset in (self._depths if channel == "book" else self._trades)
        if is_subscribed == (method == "subscribe"):
            return refused("Already subscribed" if is_subscribed else "Subscription Not Found")
        depth = int(params.get("depth", DEPTHS[0]))
        about: dict[str, Any] = {"channel": channel, "symbol": symbol}
        result = about | {"depth": depth} if channel == "book" else about
        answers = [self._answer({"result": result, "success": True} | head)]
        if channel == "trade":
            (self._trades.add if method == "subscribe" else self._trades.discard)(asset)
        elif method == "subscribe":
            self._depths[asset] = depth
            answers += self._snapshot(asset) if asset in self.truth.books else []
        else:
            del self._depths[asset]
            self._told.pop(asset, None)
        return answers

    def _snapshot(self, asset: str) -> list[bytes]:
        book, depth = self.truth.books[asset], self._depths[asset]
        self._told[asset] = Told(book, depth)
        return [self._book("snapshot", asset, book.top_bids(depth), book.top_asks(depth))]

    def _book(self, kind: str, asset: str, bids: list[SpotLevel], asks: list[SpotLevel]) -> bytes:
        text = (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{self.truth.symbols[asset]}",'
            f'"bids":[{self._levels(asset, bids)}],"asks":[{self._levels(asset, asks)}],'
            f'"checksum":{self._checksum(asset, self.truth.books[asset])},"timestamp":"{stamp(self.truth.now_ns)}"}}]}}'
        )
        return text.encode()

    def _levels(self, asset: str, levels: list[SpotLevel]) -> str:
        price, size = self.truth.price, self.truth.size
        return ",".join([f'{{"price":{price(asset, level[0])},"qty":{size(level[1])}}}' for level in levels])

    def _checksum(self, asset: str, book: VenueBook) -> int:
        texts: list[str] = []
        for price, size in book.top_asks(CHECKED) + book.top_bids(CHECKED):
            texts += self.truth.price(asset, price), self.truth.size(size)
        return crc32("".join([text.replace(".", "").lstrip("0") for text in texts]).encode())

    def _trade(self, trade: SpotPrice) -> bytes:
        text = (
            f'{{"channel":"trade","type":"update","data":[{{"symbol":"{self.truth.symbols[trade.asset]}",'
            f'"side":"{trade.taker or "buy"}","price":{self.truth.price(trade.asset, trade.price)},'
            f'"qty":{self.truth.size(trade.size)},"ord_type":"limit","trade_id":{trade_number(trade)},'
            f'"timestamp":"{stamp(trade.venue_ns or trade.received_ns)}"}}]}}'
        )
        return text.encode()


def _refusal(params: dict[str, Any]) -> str:
    """What is wrong with a subscription as a whole, in the venue's words."""
    if params.get("channel") not in ("book", "trade"):
        return "Channel not supported"
    if params["channel"] == "book" and params.get("depth", DEPTHS[0]) not in DEPTHS:
        return "Subscription depth not supported"
    return ""


KRAKEN = LoopbackVenue("kraken", KrakenSpeaker)
