"""Coinbase Exchange as a loopback venue: books without a sequence, maker's sides, tickers by the taker's side."""

from typing import Any

from markets.core.events import MarketEvent, SpotBook, SpotLevel, SpotLevels, SpotPrice
from markets.loopback.speaker import LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import Told, encode, names_in, request_of, stamp, trade_number

BOOKS, MATCHES, TICKER, HEARTBEAT = "level2_batch", "matches", "ticker", "heartbeat"
CHANNELS = (BOOKS, MATCHES, TICKER, HEARTBEAT)
FOR_CUSTOMERS = ("level2", "level3", "full", "user")
MAKER = {"buy": "sell", "sell": "buy", "": "buy"}


class ExchangeSpeaker(Speaker):
    """One client."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._assets = {symbol: asset for asset, symbol in truth.symbols.items()}
        self._channels: dict[str, list[str]] = {}  # products by channel
        self._told: dict[str, Told] = {}

    def hear(self, frame: bytes) -> list[bytes]:
        """Subscriptions to several channels at once; one product that is not known refuses them all."""
        request = request_of(frame) or {}
        kind, channels = request.get("type"), names_in(request.get("channels"))
        products = names_in(request.get("product_ids"))
        if kind not in ("subscribe", "unsubscribe"):
            return [_error("Malformed JSON", "")]
        for name in channels:
            if name not in CHANNELS:
                needs = "requires authentication" if name in FOR_CUSTOMERS else "is not a valid channel"
                return [_error("Failed to subscribe", f"{name} {needs}")]
        for product in products:
            if product not in self._assets:
                return [_error("Failed to subscribe", f"{product} is not a valid product")]
        return self._leave(channels, products) if kind == "unsubscribe" else self._join(channels, products)

    def tell(self, event: MarketEvent) -> list[bytes]:
        """Trades, each with a ticker, and changed levels."""
        asset = getattr(event, "asset", "")
        product = self.truth.symbols.get(asset, "")
        if isinstance(event, SpotPrice):
            frames = [encode(self._match("match", event))] if self._has(MATCHES, product) else []
            return frames + ([self._ticker(event)] if self._has(TICKER, product) else [])
        if isinstance(event, SpotBook | SpotLevels) and self._has(BOOKS, product):
            told = self._told.get(asset)
            if told is None:
                return [self._snapshot(asset)]
            bids, asks = told.changes(self.truth.books[asset], event)
            changes = [[side, *level] for side, levels in (("buy", bids), ("sell", asks)) for level in self._texts(asset, levels)]  # fmt: skip
            return [encode({"type": "l2update", "product_id": product, "changes": changes, "time": self._now()})]
        return []

    def beat(self) -> list[bytes]:
        """A heartbeat for each product."""
        frames = []
        for product in self._channels.get(HEARTBEAT, ()):
            trades = self.truth.trades.get(self._assets[product], [])
            last = trade_number(trades[-1]) if trades else 0
            document = {
                "type": "heartbeat", "sequence": last, "last_trade_id": last, "product_id": product, "time": self._now(),
            }  # fmt: skip
            frames.append(encode(document))
        return frames

    def _has(self, channel: str, product: str) -> bool:
        return product in self._channels.get(channel, ())

    def _now(self) -> str:
        return stamp(self.truth.now_ns)

    def _leave(self, channels: list[str], products: list[str]) -> list[bytes]:
        for channel in channels:
            held = self._channels.setdefault(channel, [])
            held[:] = [product for product in held if product not in products]
        return [self._granted()]

    def _join(self, channels: list[str], products: list[str]) -> list[bytes]:
        for channel in channels:
            held = self._channels.setdefault(channel, [])
            held += [product for product in products if product not in held]
        frames = [self._granted()]
        for product in products:
            asset = self._assets[product]
            trades = self.truth.trades.get(asset)
            if MATCHES in channels and trades:
                frames.append(encode(self._match("last_match", trades[-1])))
            if BOOKS in channels:
                self._told.pop(asset, None)
                frames += [self._snapshot(asset)] if asset in self.truth.books else []
        return frames

    def _granted(self) -> bytes:
        channels = [{"name": name, "product_ids": products} for name, products in self._channels.items() if products]
        return encode({"type": "subscriptions", "channels": channels})

    def _texts(self, asset: str, levels: list[SpotLevel]) -> list[tuple[str, str]]:
        return [(self.truth.price(asset, price), self.truth.size(size)) for price, size in levels]

    def _snapshot(self, asset: str) -> bytes:
        book = self.truth.books[asset]
        self._told[asset] = Told(book)
        document = {
            "type": "snapshot",
            "product_id": self.truth.symbols[asset],
            "asks": self._texts(asset, book.top_asks(0)),
            "bids": self._texts(asset, book.top_bids(0)),
            "time": self._now(),
        }
        return encode(document)

    def _match(self, kind: str, trade: SpotPrice) -> dict[str, Any]:
        number = trade_number(trade)
        return {
            "type": kind, "trade_id": number, "maker_order_id": "2a0da34e-61f7-4c36-88e5-c9dd15927b16",
            "taker_order_id": "3c82abaa-c01e-4608-be59-6a1e69742891", "side": MAKER[trade.taker],
            "size": self.truth.size(trade.size), "price": self.truth.price(trade.asset, trade.price),
            "product_id": self.truth.symbols[trade.asset], "sequence": number,
            "time": stamp(trade.venue_ns or trade.received_ns),
        }  # fmt: skip

    def _ticker(self, trade: SpotPrice) -> bytes:
        asset, number = trade.asset, trade_number(trade)
        book = self.truth.books.get(asset)
        bid, bid_size, ask, ask_size = book.top_of_book() if book else (0.0, 0.0, 0.0, 0.0)
        price, size = self.truth.price, self.truth.size
        document = {
            "type": "ticker", "sequence": number, "product_id": self.truth.symbols[asset],
            "price": price(asset, trade.price), "best_bid": price(asset, bid), "best_bid_size": size(bid_size),
            "best_ask": price(asset, ask), "best_ask_size": size(ask_size), "side": trade.taker or "buy",
            "time": stamp(trade.venue_ns or trade.received_ns), "trade_id": number, "last_size": size(trade.size),
        }  # fmt: skip
        return encode(document)


def _error(words: str, reason: str) -> bytes:
    return encode({"type": "error", "message": words, "reason": reason})


COINBASE_EXCHANGE = LoopbackVenue("coinbase_exchange", ExchangeSpeaker, detects_loss=False)
