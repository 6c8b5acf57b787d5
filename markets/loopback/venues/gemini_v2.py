"""The older Gemini's side of the wire: changes without ids or times."""

from typing import Any

from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice
from markets.loopback.said import at_ns, number_of, pairs, whole
from markets.loopback.speaker import LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import Told, encode, request_of

BEAT_EVERY = 5


class GeminiV2Speaker(Speaker):
    """One client."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._assets = {symbol: asset for asset, symbol in truth.symbols.items()}
        self._wanted: set[str] = set()
        self._said: dict[str, Told] = {}
        self._beats = 0

    def hear(self, frame: bytes) -> list[bytes]:
        """Nothing is granted: the first book is the answer."""
        message = request_of(frame) or {}
        symbols = [symbol for part in message.get("subscriptions", []) for symbol in part.get("symbols", [])]
        assets = [self._assets[symbol] for symbol in symbols if symbol in self._assets]
        if message.get("type") not in {"subscribe", "unsubscribe"} or len(assets) < len(symbols):
            return [encode({"result": "error", "reason": "InvalidJson"})]
        if message["type"] == "unsubscribe":
            self._wanted.difference_update(assets)
            return []
        self._wanted.update(assets)
        return [self._whole(asset) for asset in assets if asset in self.truth.books]

    def tell(self, event: MarketEvent) -> list[bytes]:
        """One frame an event."""
        if isinstance(event, SpotBook | SpotLevels) and event.asset in self._wanted:
            said = self._said.get(event.asset)
            if said is None:
                return [self._whole(event.asset)]
            return [encode(self._updates(event.asset, said.changes(self.truth.books[event.asset], event)))]
        if isinstance(event, SpotPrice) and event.asset in self._wanted:
            return self._tell_trade(event)
        return []

    def beat(self) -> list[bytes]:
        """A heartbeat every five seconds."""
        self._beats += 1
        is_due = self._wanted and not self._beats % BEAT_EVERY
        return [encode({"type": "heartbeat", "timestamp": self.truth.now_ns // 1_000_000})] if is_due else []

    def _whole(self, asset: str) -> bytes:
        self._said[asset] = Told(self.truth.books[asset])
        return encode(self._updates(asset, whole(self.truth.books[asset])) | {"trades": [], "auction_events": []})

    def _updates(self, asset: str, sides: Any) -> dict[str, Any]:
        changes = [
            (name, *pair)
            for name, side in zip(("buy", "sell"), sides, strict=True)
            for pair in pairs(self.truth, asset, side)
        ]
        return {"type": "l2_updates", "symbol": self.truth.symbols[asset], "changes": changes}

    def _tell_trade(self, event: SpotPrice) -> list[bytes]:
        truth, asset = self.truth, event.asset
        number = number_of(truth, event)
        message = {
            "type": "trade", "symbol": truth.symbols[asset], "event_id": number, "tid": number,
            "timestamp": at_ns(event) // 1_000_000, "price": truth.price(asset, event.price),
            "quantity": truth.size(event.size), "side": event.taker or "buy",
        }  # fmt: skip
        return [encode(message)]


GEMINI_V2 = LoopbackVenue("gemini_v2", GeminiV2Speaker, detects_loss=False)
