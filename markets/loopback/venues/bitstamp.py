"""Bitstamp's side of the wire: differences without a sequence, and a page with the whole book."""

import re
from typing import Any

from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice
from markets.feeds.venues.bitstamp import DIFF, TRADES
from markets.loopback.said import at_ns, number_of, pairs, whole
from markets.loopback.speaker import Answer, LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import Told, encode, request_of

_PAGE = re.compile(r"/api/v2/order_book/([a-z0-9]+)/").search


class BitstampSpeaker(Speaker):
    """One client."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._assets = {symbol: asset for asset, symbol in truth.symbols.items()}
        self._channels: set[str] = set()
        self._said: dict[str, Told] = {}

    def hear(self, frame: bytes) -> list[bytes]:
        """Grant, refuse, and answer heartbeats."""
        message = request_of(frame) or {}
        event, channel = message.get("event"), str(message.get("data", {}).get("channel", ""))
        if event == "bts:heartbeat":
            return [encode({"event": "bts:heartbeat", "channel": "", "data": {"status": "success"}})]
        prefix = DIFF if channel.startswith(DIFF) else TRADES
        if event not in {"bts:subscribe", "bts:unsubscribe"} or channel.removeprefix(prefix) not in self._assets:
            complaint = {"code": None, "message": "Bad subscription string."}
            return [encode({"event": "bts:error", "channel": "", "data": complaint})]
        if event == "bts:unsubscribe":
            self._channels.discard(channel)
            return [encode({"event": "bts:unsubscription_succeeded", "channel": channel, "data": {}})]
        self._channels.add(channel)
        asset = self._assets[channel.removeprefix(prefix)]
        if prefix == DIFF and asset in self.truth.books:
            self._said[asset] = Told(self.truth.books[asset])
        return [encode({"event": "bts:subscription_succeeded", "channel": channel, "data": {}})]

    def tell(self, event: MarketEvent) -> list[bytes]:
        """One frame an event."""
        if isinstance(event, SpotBook | SpotLevels):
            return self._tell_diff(event)
        if isinstance(event, SpotPrice):
            return self._tell_trade(event)
        return []

    def _tell_diff(self, event: SpotBook | SpotLevels) -> list[bytes]:
        asset, truth = event.asset, self.truth
        channel = DIFF + truth.symbols.get(asset, "")
        if channel not in self._channels:
            return []
        said = self._said.get(asset)
        if said is None:  # the first book of this asset is told as its difference from nothing
            self._said[asset] = Told(truth.books[asset])
            bids, asks = whole(truth.books[asset])
        else:
            bids, asks = said.changes(truth.books[asset], event)
        return [encode({"data": _book(truth, asset, bids, asks), "channel": channel, "event": "data"})]

    def _tell_trade(self, event: SpotPrice) -> list[bytes]:
        truth, asset = self.truth, event.asset
        channel = TRADES + truth.symbols.get(asset, "")
        if channel not in self._channels:
            return []
        number, ms = number_of(truth, event), at_ns(event) // 1_000_000
        bought = event.taker != "sell"
        data = {
            "id": number, "timestamp": str(ms // 1_000), "amount": event.size, "amount_str": truth.size(event.size),
            "price": event.price, "price_str": truth.price(asset, event.price), "type": 0 if bought else 1,
            "microtimestamp": f"{ms}000", "buy_order_id": 2 * number + bought, "sell_order_id": 2 * number + (not bought),
        }  # fmt: skip
        return [encode({"data": data, "channel": channel, "event": "trade"})]


def _book(truth: Truth, asset: str, bids: Any, asks: Any) -> dict[str, Any]:
    stamp_us = truth.stamps_us[asset]
    return {
        "timestamp": str(stamp_us // 1_000_000),
        "microtimestamp": str(stamp_us),
        "bids": pairs(truth, asset, bids),
        "asks": pairs(truth, asset, asks),
    }


def page(truth: Truth, path: str) -> Answer | None:
    """The whole book as it is now."""
    found = _PAGE(path)
    asset = next((asset for asset, symbol in truth.symbols.items() if found and symbol == found[1]), "")
    book = truth.books.get(asset)
    if book is None:
        return None
    return Answer(200, encode(_book(truth, asset, book.top_bids(0), book.top_asks(0))))


BITSTAMP = LoopbackVenue("bitstamp", BitstampSpeaker, page, detects_loss=False)
