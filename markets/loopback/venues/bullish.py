"""Bullish's side of the wire: one address for books, one for trades; ranges of sequence numbers, flat sides."""

from typing import Any

from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.feeds.venues.bullish import DEPTH
from markets.loopback.said import at_ns, number_of, pairs, whole
from markets.loopback.speaker import LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import Told, encode, request_of, stamp

BEAT_EVERY, KEPT_FOR = 30, 300  # seconds
FIRST_NUMBER = 428_371_000
BOOK, QUOTE, TRADE = "V1TALevel2", "V1TALevel1", "V1TAAnonymousTradeUpdate"
TOPICS = {"orderbook": ("l1Orderbook", "l2Orderbook", "heartbeat"), "trades": ("anonymousTrades", "heartbeat")}


class BullishSpeaker(Speaker):
    """One client at one of the addresses."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._assets = {symbol: asset for asset, symbol in truth.symbols.items()}
        self._topics = TOPICS.get(path.partition("?")[0].rstrip("/").rpartition("/")[2], ())
        self._wanted: set[tuple[str, str]] = set()  # (topic, asset)
        self._said: dict[str, Told] = {}
        self._last: dict[str, int] = {}
        self._beats = self._heard = 0

    def hear(self, frame: bytes) -> list[bytes]:
        """Grant, refuse, keep alive."""
        self._heard = self._beats
        message = request_of(frame) or {}
        question, method, params = message.get("id"), message.get("method"), message.get("params", {})
        if method == "keepalivePing":
            return [encode({"jsonrpc": "2.0", "id": question, "result": {"message": "Keep alive pong"}})]
        topic, asset = params.get("topic"), self._assets.get(params.get("symbol", ""), "")
        if (
            method not in {"subscribe", "unsubscribe"}
            or topic not in self._topics
            or not (asset or topic == "heartbeat")
        ):
            fault = {"code": 29013, "message": "INVALID_TOPIC_ERROR"}
            return [encode({"jsonrpc": "2.0", "id": question, "error": fault})]
        answer = {"responseCode": "200", "responseCodeName": "OK", "message": f"Successfully {method}d"}
        granted = encode({"jsonrpc": "2.0", "id": question, "result": answer})
        if method == "unsubscribe":
            self._wanted.discard((topic, asset))
            return [granted]
        self._wanted.add((topic, asset))
        if topic == "l2Orderbook":
            return [granted, *self._whole(asset)]
        return [granted, *self._past_trades(asset)] if topic == "anonymousTrades" else [granted]

    def tell(self, event: MarketEvent) -> list[bytes]:
        """One frame an event."""
        if isinstance(event, SpotBook | SpotLevels):
            return self._tell_book(event) if ("l2Orderbook", event.asset) in self._wanted else []
        if isinstance(event, SpotPrice):
            return self._trades(event.asset, [event]) if ("anonymousTrades", event.asset) in self._wanted else []
        if isinstance(event, SpotQuote):
            return self._tell_quote(event) if ("l1Orderbook", event.asset) in self._wanted else []
        return []

    def beat(self) -> list[bytes]:
        """A heartbeat every half minute."""
        self._beats += 1
        if self._beats - self._heard > KEPT_FOR:
            self.goodbye = "1000: nothing was heard for five minutes"
        is_due = ("heartbeat", "") in self._wanted and not self._beats % BEAT_EVERY
        return (
            [encode({"type": "update", "dataType": "V1TAHeartbeat", "data": {"message": "heartbeat"}})]
            if is_due
            else []
        )

    def _frame(self, kind: str, name: str, data: dict[str, Any], moment_ns: int) -> bytes:
        now_ms = self.truth.now_ns // 1_000_000
        times = {
            "timestamp": str(moment_ns // 1_000_000),
            "publishedAtTimestamp": str(now_ms),
            "datetime": stamp(moment_ns, 3),
        }
        return encode({"type": kind, "dataType": name, "data": times | data})

    def _whole(self, asset: str) -> list[bytes]:
        book = self.truth.books.get(asset)
        if book is None:
            return []
        self._said[asset] = Told(book, DEPTH)
        self._last[asset] = end = FIRST_NUMBER + self.truth.sequence[asset]
        return [self._book("snapshot", asset, (end, end), whole(book, DEPTH), self.truth.now_ns)]

    def _tell_book(self, event: SpotBook | SpotLevels) -> list[bytes]:
        asset = event.asset
        said = self._said.get(asset)
        if said is None or isinstance(event, SpotBook):
            return self._whole(asset)
        first, end = self._last[asset] + 1, FIRST_NUMBER + self.truth.sequence[asset]
        self._last[asset] = end
        return [self._book("update", asset, (first, end), said.changes(self.truth.books[asset], event), at_ns(event))]

    def _book(self, kind: str, asset: str, numbers: tuple[int, int], sides: Any, moment_ns: int) -> bytes:
        bids, asks = ([word for pair in pairs(self.truth, asset, side) for word in pair] for side in sides)
        data = {"bids": bids, "asks": asks, "sequenceNumberRange": numbers, "symbol": self.truth.symbols[asset]}
        return self._frame(kind, BOOK, data, moment_ns)

    def _tell_quote(self, event: SpotQuote) -> list[bytes]:
        bid, ask = pairs(self.truth, event.asset, ((event.bid, event.bid_size), (event.ask, event.ask_size)))
        number = str(FIRST_NUMBER + self.truth.sequence.get(event.asset, 0))
        data = {"bid": bid, "ask": ask, "sequenceNumber": number, "symbol": self.truth.symbols[event.asset]}
        return [self._frame("update", QUOTE, data, at_ns(event))]

    def _past_trades(self, asset: str) -> list[bytes]:
        return self._trades(asset, self.truth.trades.get(asset, []), "snapshot")

    def _trades(self, asset: str, trades: list[SpotPrice], kind: str = "update") -> list[bytes]:
        symbol, now_ms = self.truth.symbols[asset], str(self.truth.now_ns // 1_000_000)
        told = [self._trade(trade, len(trades) - 1 - place) for place, trade in enumerate(trades)]
        data = {"symbol": symbol, "createdAtTimestamp": now_ms, "publishedAtTimestamp": now_ms, "trades": told}
        return [encode({"type": kind, "dataType": TRADE, "data": data})]

    def _trade(self, event: SpotPrice, back: int) -> dict[str, Any]:
        """Some trades are told from the maker's side."""
        truth, number = self.truth, number_of(self.truth, event, back)
        is_taker, taker_bought = number % 2 == 0, event.taker != "sell"
        moment_ns = at_ns(event)
        return {
            "symbol": truth.symbols[event.asset], "tradeId": str(number), "price": truth.price(event.asset, event.price),
            "quantity": truth.size(event.size), "side": "BUY" if taker_bought == is_taker else "SELL",
            "isTaker": is_taker, "createdAtTimestamp": str(moment_ns // 1_000_000), "createdAtDatetime": stamp(moment_ns, 3),
        }  # fmt: skip


BULLISH = LoopbackVenue("bullish", BullishSpeaker)
