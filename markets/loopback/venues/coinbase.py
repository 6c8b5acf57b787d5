"""Coinbase Advanced Trade as a loopback venue: one number for every message of a connection, whole books, maker's sides."""

from typing import Any

from markets.core.events import MarketEvent, SpotBook, SpotLevel, SpotLevels, SpotPrice
from markets.loopback.speaker import LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import NANOSECONDS, encode, names_in, request_of, stamp, trade_number, trimmed

BOOKS, TRADES, HEARTBEATS = "level2", "market_trades", "heartbeats"
MAKER = {"buy": "SELL", "sell": "BUY", "": "BUY"}  # by the taker's side


class AdvancedSpeaker(Speaker):
    """One client."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._assets = {symbol: asset for asset, symbol in truth.symbols.items()}
        self._channels: dict[str, list[str]] = {}  # products by channel
        self._begun: set[str] = set()  # assets whose book was told
        self._number = self._beats = 0

    def hear(self, frame: bytes) -> list[bytes]:
        """Subscriptions, one channel at a time; the data may come before the acknowledgement."""
        request = request_of(frame) or {}
        kind, channel = request.get("type"), request.get("channel")
        products = [HEARTBEATS] if channel == HEARTBEATS else names_in(request.get("product_ids"))
        is_known = channel == HEARTBEATS or all(product in self._assets for product in products)
        if kind not in ("subscribe", "unsubscribe") or channel not in (BOOKS, TRADES, HEARTBEATS) or not is_known:
            return [encode({"type": "error", "message": "failure to subscribe"})]
        held = self._channels.setdefault(channel, [])
        if kind == "unsubscribe":
            held[:] = [product for product in held if product not in products]
            self._begun -= {self._assets.get(product, "") for product in products if channel == BOOKS}
            return [self._granted()]
        held += [product for product in products if product not in held]
        answers: list[bytes] = []
        for product in products:
            if channel == BOOKS and self._assets[product] in self.truth.books:
                answers.append(self._snapshot(self._assets[product]))
            elif channel == TRADES:
                answers.append(self._history(self._assets[product]))
        return [*answers, self._granted()]

    def tell(self, event: MarketEvent) -> list[bytes]:
        """Trades, changed levels, and whole books when they are replaced."""
        asset = getattr(event, "asset", "")
        product = self.truth.symbols.get(asset, "")
        if isinstance(event, SpotPrice) and product in self._channels.get(TRADES, ()):
            return [self._say(TRADES, {"type": "update", "trades": [self._trade(event)]})]
        if isinstance(event, SpotBook | SpotLevels) and product in self._channels.get(BOOKS, ()):
            if isinstance(event, SpotBook) or asset not in self._begun:
                return [self._snapshot(asset)]
            return [self._book("update", asset, list(event.bids), list(event.asks))]
        return []

    def beat(self) -> list[bytes]:
        """A heartbeat, to who asked for them."""
        if HEARTBEATS not in self._channels:
            return []
        self._beats += 1
        now = stamp(self.truth.now_ns, NANOSECONDS).replace("T", " ").replace("Z", " +0000 UTC m=+1.5")
        return [self._say(HEARTBEATS, {"current_time": now, "heartbeat_counter": self._beats})]

    def _say(self, channel: str, event: dict[str, Any]) -> bytes:
        at = stamp(self.truth.now_ns, NANOSECONDS)
        frame = encode({"channel": channel, "timestamp": at, "sequence_num": self._number, "events": [event]})
        self._number += 1
        return frame

    def _granted(self) -> bytes:
        return self._say("subscriptions", {"subscriptions": self._channels})

    def _snapshot(self, asset: str) -> bytes:
        self._begun.add(asset)
        book = self.truth.books[asset]
        return self._book("snapshot", asset, book.top_bids(0), book.top_asks(0))

    def _book(self, kind: str, asset: str, bids: list[SpotLevel], asks: list[SpotLevel]) -> bytes:
        at = stamp(self.truth.now_ns)
        updates = [
            {
                "side": side,
                "event_time": at,
                "price_level": trimmed(self.truth.price(asset, price)),
                "new_quantity": trimmed(self.truth.size(size)),
            }
            for side, levels in (("bid", bids), ("offer", asks))
            for price, size in levels
        ]
        return self._say("l2_data", {"type": kind, "product_id": self.truth.symbols[asset], "updates": updates})

    def _history(self, asset: str) -> bytes:
        trades = [self._trade(trade) for trade in reversed(self.truth.trades.get(asset, []))]
        return self._say(TRADES, {"type": "snapshot", "trades": trades})

    def _trade(self, trade: SpotPrice) -> dict[str, str]:
        return {
            "product_id": self.truth.symbols[trade.asset],
            "trade_id": str(trade_number(trade)),
            "price": trimmed(self.truth.price(trade.asset, trade.price)),
            "size": trimmed(self.truth.size(trade.size)),
            "time": stamp(trade.venue_ns or trade.received_ns),
            "side": MAKER[trade.taker],
        }


COINBASE = LoopbackVenue("coinbase", AdvancedSpeaker)
