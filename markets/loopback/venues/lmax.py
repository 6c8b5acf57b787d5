"""LMAX's side of the wire: whole books once a second, a ticker a trade."""

from typing import Any

from markets.core.events import MarketEvent, SpotLevel, SpotPrice
from markets.loopback.said import at_ns, number_of, pairs
from markets.loopback.speaker import LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import encode, request_of, stamp


class LmaxSpeaker(Speaker):
    """One client."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._assets = {symbol: asset for asset, symbol in truth.symbols.items()}
        self._wanted: dict[str, list[str]] = {"ORDER_BOOK": [], "TICKER": []}  # symbols by channel

    def hear(self, frame: bytes) -> list[bytes]:
        """Grant everything that is wanted, or nothing of it."""
        message = request_of(frame) or {}
        channels = message.get("channels", [])
        names = {channel.get("name") for channel in channels}
        symbols = {symbol for channel in channels for symbol in channel.get("instruments", [])}
        if message.get("type") != "SUBSCRIBE" or not names <= self._wanted.keys() or not symbols <= self._assets.keys():
            return [_error("INVALID_MESSAGE", "could not parse")]
        for channel in channels:
            wanted = self._wanted[channel["name"]]
            wanted += [symbol for symbol in channel["instruments"] if symbol not in wanted]
        granted = [{"name": name, "instruments": wanted} for name, wanted in self._wanted.items()]
        return [encode({"type": "SUBSCRIPTIONS", "channels": granted})]

    def tell(self, event: MarketEvent) -> list[bytes]:
        """Trades at once; books wait for the second."""
        symbol = self.truth.symbols.get(event.asset, "") if isinstance(event, SpotPrice) else ""
        if not isinstance(event, SpotPrice) or symbol not in self._wanted["TICKER"]:
            return []
        truth, asset = self.truth, event.asset
        book = truth.books.get(asset)
        bid, ask = (book.bid, book.ask) if book is not None else (0.0, 0.0)
        message = {
            "type": "TICKER", "instrument_id": symbol, "timestamp": stamp(at_ns(event), 3),
            "trade_id": event.trade_id or f"T{number_of(truth, event)}",
            "last_price": truth.price(asset, event.price), "last_quantity": truth.size(event.size),
            "best_bid": truth.price(asset, bid), "best_ask": truth.price(asset, ask),
        }  # fmt: skip
        return [encode(message)]

    def beat(self) -> list[bytes]:
        """The whole books."""
        truth = self.truth
        return [
            self._book(
                symbol, truth.books[self._assets[symbol]].top_bids(0), truth.books[self._assets[symbol]].top_asks(0)
            )
            for symbol in self._wanted["ORDER_BOOK"]
            if self._assets[symbol] in truth.books
        ]

    def _book(self, symbol: str, bids: list[SpotLevel], asks: list[SpotLevel]) -> bytes:
        sides = {"bids": self._levels(symbol, bids), "asks": self._levels(symbol, asks)}
        head = {"type": "ORDER_BOOK", "instrument_id": symbol, "timestamp": stamp(self.truth.now_ns, 3)}
        return encode(head | sides)

    def _levels(self, symbol: str, side: list[SpotLevel]) -> list[dict[str, Any]]:
        asset = self._assets[symbol]
        return [{"price": price, "quantity": size} for price, size in pairs(self.truth, asset, side)]


def _error(code: str, message: str) -> bytes:
    return encode({"type": "ERROR", "error_code": code, "error_message": message})


LMAX = LoopbackVenue("lmax", LmaxSpeaker)
