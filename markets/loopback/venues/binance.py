"""Binance as a loopback venue: the combined stream and the depth page. A book's changes are three updates each."""

from urllib.parse import parse_qs, urlsplit

from markets.core.events import MarketEvent, SpotBook, SpotLevel, SpotLevels, SpotPrice
from markets.core.units import MILLISECOND_NS
from markets.loopback.speaker import Answer, LoopbackVenue, Speaker, Truth
from markets.loopback.venues.wording import Told, encode, names_in, request_of, trade_number

UPDATES = 3  # a change of the truth, so that `U` and `u` differ
DECIMALS = 8
LEVELS, MOST_LEVELS = 100, 5000
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY")


class BinanceSpeaker(Speaker):
    """One client. Streams of symbols that nobody knows are granted, and silent."""

    def __init__(self, truth: Truth, path: str) -> None:
        super().__init__(truth, path)
        self._streams: list[str] = []
        self._told: dict[str, Told] = {}
        self._tops: dict[str, tuple[float, float, float, float]] = {}
        for streams in parse_qs(urlsplit(path).query).get("streams", []):
            self._subscribe(streams.split("/"))

    def hear(self, frame: bytes) -> list[bytes]:
        """Requests with their ids; anything else is refused in the venue's words."""
        request = request_of(frame)
        if request is None:
            return [_error(3, "Invalid JSON: expected value at line 1 column 1", None)]
        number, method = request.get("id"), request.get("method")
        if method not in METHODS:
            words = "missing field `method`" if method is None else f"unknown variant `{method}`"
            return [_error(2, f"Invalid request: {words} at line 1 column {len(frame)}", number)]
        if method == "LIST_SUBSCRIPTIONS":
            return [encode({"result": self._streams, "id": number})]
        names = names_in(request.get("params"))
        if method == "SUBSCRIBE":
            self._subscribe(names)
        elif method == "UNSUBSCRIBE":
            self._streams = [name for name in self._streams if name not in names]
        return [encode({"result": None, "id": number})]

    def tell(self, event: MarketEvent) -> list[bytes]:
        """Trades, changed levels, and the best bid and ask when they are others than before."""
        asset = getattr(event, "asset", "")
        symbol = self.truth.symbols.get(asset)
        if symbol is None:
            return []
        if isinstance(event, SpotPrice):
            return self._trade(symbol, event)
        if isinstance(event, SpotBook | SpotLevels):
            return self._ticker(asset, symbol) + self._depth(asset, symbol, event)
        return []

    def _subscribe(self, names: list[str]) -> None:
        self._streams += [name for name in names if name not in self._streams]
        for asset, symbol in self.truth.symbols.items():
            if f"{symbol.lower()}@depth@100ms" in names and asset in self.truth.books:
                self._told[asset] = Told(self.truth.books[asset])

    def _data(self, symbol: str, kind: str, data: dict[str, object]) -> list[bytes]:
        stream = f"{symbol.lower()}@{kind}"
        return [encode({"stream": stream, "data": data})] if stream in self._streams else []

    def _trade(self, symbol: str, trade: SpotPrice) -> list[bytes]:
        at_ms = (trade.venue_ns or trade.received_ns) // MILLISECOND_NS
        price, size = _level(self.truth, trade.asset, (trade.price, trade.size))
        data = {
            "e": "trade", "E": trade.received_ns // MILLISECOND_NS, "s": symbol, "t": trade_number(trade), "p": price,
            "q": size, "T": at_ms, "m": trade.taker == "sell", "M": True,
        }  # fmt: skip
        return self._data(symbol, "trade", data)

    def _ticker(self, asset: str, symbol: str) -> list[bytes]:
        top = self.truth.books[asset].top_of_book()
        if self._tops.get(asset) == top:
            return []
        self._tops[asset] = top
        bid, bid_size = _level(self.truth, asset, top[:2])
        ask, ask_size = _level(self.truth, asset, top[2:])
        data = {"u": _update(self.truth, asset), "s": symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size}
        return self._data(symbol, "bookTicker", data)

    def _depth(self, asset: str, symbol: str, event: SpotBook | SpotLevels) -> list[bytes]:
        book, last = self.truth.books[asset], _update(self.truth, asset)
        told = self._told.get(asset)
        if told is None:
            self._told[asset] = Told(book)
            bids, asks = list(book.bids.items()), list(book.asks.items())
        else:
            bids, asks = told.changes(book, event)
        data = {
            "e": "depthUpdate", "E": event.received_ns // MILLISECOND_NS, "s": symbol, "U": last - UPDATES + 1, "u": last,
            "b": [_level(self.truth, asset, level) for level in bids],
            "a": [_level(self.truth, asset, level) for level in asks],
        }  # fmt: skip
        return self._data(symbol, "depth@100ms", data)


def page(truth: Truth, path: str) -> Answer | None:
    """The depth page: the best levels, and the last update in them."""
    parts = urlsplit(path)
    if parts.path != "/api/v3/depth":
        return None
    query = parse_qs(parts.query)
    symbol = query.get("symbol", [""])[0]
    asset = next((asset for asset, name in truth.symbols.items() if name == symbol), None)
    if asset is None:
        return Answer(400, encode({"code": -1121, "msg": "Invalid symbol."}))
    limit = query.get("limit", [str(LEVELS)])[0]
    levels = min(int(limit), MOST_LEVELS) if limit.isdecimal() else LEVELS
    book = truth.books.get(asset)
    document = {
        "lastUpdateId": _update(truth, asset),
        "bids": [_level(truth, asset, level) for level in book.top_bids(levels)] if book else [],
        "asks": [_level(truth, asset, level) for level in book.top_asks(levels)] if book else [],
    }
    return Answer(200, encode(document))


def _update(truth: Truth, asset: str) -> int:
    return UPDATES * truth.sequence.get(asset, 0)


def _level(truth: Truth, asset: str, level: SpotLevel) -> tuple[str, str]:
    """Price and size, both with eight decimals."""
    price = truth.price(asset, level[0])
    whole, _, decimals = price.partition(".")
    return f"{whole}.{decimals.ljust(DECIMALS, '0')}", truth.size(level[1])


def _error(code: int, words: str, number: object) -> bytes:
    return encode({"error": {"code": code, "msg": words}, "id": number})


BINANCE = LoopbackVenue("binance", BinanceSpeaker, page)
BINANCE_DATA = LoopbackVenue("binance_data", BinanceSpeaker, page)
BINANCE_US = LoopbackVenue("binance_us", BinanceSpeaker, page)
