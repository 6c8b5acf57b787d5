"""Crypto.com's side of the wire: a chain of changes of 50 levels, past trades first, heartbeats that want an answer."""

from collections.abc import Callable
from typing import Any

from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.feeds.venues.crypto_com import DEPTH
from markets.loopback.said import at_ns, number_of, pairs, whole
from markets.loopback.speaker import LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import Told, encode, request_of

BEAT_EVERY, ANSWER_WITHIN = 30, 5  # seconds
PAST_TRADES = 50
FIRST_LINK, STEP = 41_261_671_840, 14_560


class CryptoComSpeaker(Speaker):
    """One client."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._assets = {symbol: asset for asset, symbol in truth.symbols.items()}
        self._wanted: set[tuple[str, str]] = set()  # (asset, channel)
        self._said: dict[str, Told] = {}
        self._links: dict[str, int] = {}
        self._beats = self._waits_since = 0
        self._waits_for: int | None = None  # id of the heartbeat that is not answered yet
        self._changed: set[str] = set()

    def hear(self, frame: bytes) -> list[bytes]:
        """Grant, refuse, take the answers to heartbeats."""
        message = request_of(frame) or {}
        question, method = message.get("id", -1), message.get("method")
        if method == "public/respond-heartbeat":
            if question == self._waits_for:
                self._waits_for = None
            return []
        wanted = [self._channel(name) for name in message.get("params", {}).get("channels", [])]
        if method not in {"subscribe", "unsubscribe"} or not all(wanted):
            return [
                encode(
                    {"id": question, "method": method, "code": 40003, "message": "Unknown request", "original": "{}"}
                )
            ]
        granted = encode({"id": question, "method": method, "code": 0})
        channels = [one for one in wanted if one]
        if method == "unsubscribe":
            self._wanted.difference_update(channels)
            return [granted]
        self._wanted.update(channels)
        first: dict[str, Callable[[str], list[bytes]]] = {"book": self._whole, "trade": self._past_trades}
        return [granted, *(frame for asset, channel in channels if channel in first for frame in first[channel](asset))]

    def _channel(self, name: str) -> tuple[str, str] | None:
        channel, _, rest = name.partition(".")
        symbol, _, depth = rest.partition(".")
        asset = self._assets.get(symbol)
        if asset is None or channel not in {"book", "trade", "ticker"} or (channel == "book") != (depth == str(DEPTH)):
            return None
        return asset, channel

    def tell(self, event: MarketEvent) -> list[bytes]:
        """One frame an event."""
        if isinstance(event, SpotBook | SpotLevels):
            return self._tell_book(event) if (event.asset, "book") in self._wanted else []
        if isinstance(event, SpotPrice):
            is_wanted = (event.asset, "trade") in self._wanted
            return [self._result(event.asset, "trade", [self._trade(event)])] if is_wanted else []
        if isinstance(event, SpotQuote):
            return self._tell_quote(event) if (event.asset, "ticker") in self._wanted else []
        return []

    def beat(self) -> list[bytes]:
        """A heartbeat every half minute, and a change of nothing where nothing changed."""
        self._beats += 1
        if self._waits_for is not None and self._beats - self._waits_since >= ANSWER_WITHIN * self.truth.patience:
            self.goodbye = "1000: the heartbeat was not answered"
        now_ms = self.truth.now_ns // 1_000_000
        frames = [self._update(asset, (), (), now_ms) for asset in self._said if self._is_quiet(asset)]
        self._changed.clear()
        if not self._beats % BEAT_EVERY:
            self._waits_for, self._waits_since = now_ms, self._beats
            frames.append(encode({"id": now_ms, "method": "public/heartbeat", "code": 0}))
        return frames

    def _is_quiet(self, asset: str) -> bool:
        return asset not in self._changed and (asset, "book") in self._wanted

    # Data ------------------------------------------------------------------------------------------------------

    def _result(self, asset: str, channel: str, data: Any, depth: int = 0) -> bytes:
        symbol, kind = self.truth.symbols[asset], channel.partition(".")[0]
        name = f"{kind}.{symbol}.{depth}" if depth else f"{kind}.{symbol}"
        result = {"channel": channel, "instrument_name": symbol, "subscription": name, "data": data}
        return encode(
            {"id": -1, "method": "subscribe", "code": 0, "result": result | ({"depth": depth} if depth else {})}
        )

    def _levels(self, asset: str, side: Any) -> list[tuple[str, str, str]]:
        return [(price, size, "1" if float(size) else "0") for price, size in pairs(self.truth, asset, side)]

    def _whole(self, asset: str) -> list[bytes]:
        book = self.truth.books.get(asset)
        if book is None:
            return []
        self._said[asset] = Told(book, DEPTH)
        self._links[asset] = link = self._links.get(asset, FIRST_LINK) + STEP
        bids, asks = (self._levels(asset, side) for side in whole(book, DEPTH))
        now_ms = self.truth.now_ns // 1_000_000
        return [
            self._result(asset, "book", [{"bids": bids, "asks": asks, "t": now_ms, "tt": now_ms, "u": link}], DEPTH)
        ]

    def _tell_book(self, event: SpotBook | SpotLevels) -> list[bytes]:
        asset = event.asset
        said = self._said.get(asset)
        if said is None:
            return self._whole(asset)
        self._changed.add(asset)
        bids, asks = said.changes(self.truth.books[asset], event)
        return [self._update(asset, bids, asks, at_ns(event) // 1_000_000)]

    def _update(self, asset: str, bids: Any, asks: Any, at_ms: int) -> bytes:
        before = self._links[asset]
        self._links[asset] = link = before + STEP
        update = {"bids": self._levels(asset, bids), "asks": self._levels(asset, asks)}
        return self._result(
            asset, "book.update", [{"update": update, "t": at_ms, "tt": at_ms, "u": link, "pu": before}], DEPTH
        )

    def _past_trades(self, asset: str) -> list[bytes]:
        trades = self.truth.trades.get(asset, [])[: -PAST_TRADES - 1 : -1]
        data = [self._trade(trade, back) for back, trade in enumerate(trades)]
        return [self._result(asset, "trade", data)]

    def _trade(self, event: SpotPrice, back: int = 0) -> dict[str, Any]:
        truth = self.truth
        return {
            "d": str(number_of(truth, event, back)), "t": at_ns(event) // 1_000_000,
            "p": truth.price(event.asset, event.price), "q": truth.size(event.size),
            "s": "SELL" if event.taker == "sell" else "BUY", "i": truth.symbols[event.asset],
        }  # fmt: skip

    def _tell_quote(self, event: SpotQuote) -> list[bytes]:
        truth, asset = self.truth, event.asset
        (bid, bid_size), (ask, ask_size) = pairs(
            truth, asset, ((event.bid, event.bid_size), (event.ask, event.ask_size))
        )
        data = {"b": bid, "bs": bid_size, "k": ask, "ks": ask_size, "i": truth.symbols[asset], "oi": "0"}
        at_ms = (at_ns(event)) // 1_000_000
        return [self._result(asset, "ticker", [data | {"t": at_ms}])]


CRYPTO_COM = LoopbackVenue("crypto_com", CryptoComSpeaker)
