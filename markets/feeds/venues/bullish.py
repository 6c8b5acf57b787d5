"""Bullish: books by ranges of sequence numbers on one socket, trades on another. Its deep books are in USDC."""

from collections.abc import Callable, Sequence

import msgspec

from markets.core.events import MarketEvent, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.levels import flat
from markets.feeds.shape import Census
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, SlowDown, Venue, VenueSocket
from markets.feeds.venues.bullish_messages import (
    FIELDS,
    Head,
    Level2,
    Trade,
    decode_head,
    decode_level1,
    decode_level2,
    decode_trades,
    taker_of_fill,
)  # fmt: skip
from markets.feeds.venues.common import text_of, unreadable
from markets.feeds.venues.constituent import WordedSocket, above_zero, levels, or_none

PATH = "/trading-api/v1/market-data"
DEPTH = 100
KEEPALIVE_S = 60  # five minutes without one, and the venue ends the connection
TOO_MANY, SLOW_DOWN_S = "96000", 60.0  # requests


class BullishSocket(WordedSocket):
    """What both sockets do: subscribe, hear heartbeats, say that we are still here."""

    stale_after_s = 65.0
    topic = ""
    path = ""

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._asked: dict[str, str] = {}  # our questions that wait for an answer, to the asset they are about
        self._questions = 0
        self._kept_alive_ns = 0
        self._census = Census(counts, FIELDS)

    @property
    def url(self) -> str:
        """Each kind of data has an address."""
        return f"{self.endpoint.ws}{PATH}/{self.path}"

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Subscribe, to heartbeats too."""
        self._kept_alive_ns = now_ns
        self.awaited = dict.fromkeys(self.books, now_ns)
        for asset, symbol in self.symbols.items():
            self.ungranted[self.topic, symbol] = now_ns
            self.subscribe(asset)
        self._ask("subscribe", {"topic": "heartbeat"})
        return []

    def subscribe(self, asset: str, method: str = "subscribe") -> None:
        """Ask for the topic of one asset, or for no more of it."""
        about = asset if method == "subscribe" else ""
        self._ask(method, {"topic": self.topic, "symbol": self.symbols[asset]}, about)

    def _ask(self, method: str, params: dict[str, str], asset: str = "") -> None:
        self._questions += 1
        question = str(self._questions)
        self._asked[question] = asset
        command = {"jsonrpc": "2.0", "type": "command", "method": method, "params": params, "id": question}
        self.to_send.append(text_of(command))

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Say that we are still here."""
        if now_ns - self._kept_alive_ns >= KEEPALIVE_S * SECOND_NS:
            self._kept_alive_ns = now_ns
            self._ask("keepalivePing", {})
        return super().due(now_ns)

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame."""
        try:
            head = decode_head(frame)
            self._census.look(head.data_type, head.data)
            if head.data_type == "V1TALevel2" and self.keeps_books:
                return self._hear_level2(head, now_ns)
            if head.data_type == "V1TAAnonymousTradeUpdate":
                return self._hear_trades(head, now_ns)
            if head.data_type == "V1TALevel1":
                return self._hear_level1(head, now_ns)
            if head.data_type == "V1TAHeartbeat":
                return self.beat(now_ns)
            if head.error is not None or head.id is not None:
                return self._hear_answer(head, now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise unreadable(frame, error) from None
        self.counts.unknown[head.data_type[:40] or "a frame without a kind"] += 1
        return []

    def granted(self, asset: str) -> None:
        """Data say that they were granted, too."""
        if self.ungranted:
            self.ungranted.pop((self.topic, self.symbols[asset]), None)

    def _hear_answer(self, head: Head, now_ns: int) -> list[MarketEvent]:
        asset = self._asked.pop(str(head.id), "")
        if head.error is None:
            if asset:
                self.granted(asset)
            return self.beat(now_ns)
        words = f"{head.error.message} ({head.error.code})"
        if str(head.error.code) == TOO_MANY:
            raise SlowDown(words, SLOW_DOWN_S)
        return self.refuse(asset, words, now_ns) if asset else self.heard_words(words)

    def _hear_level2(self, head: Head, now_ns: int) -> list[MarketEvent]:
        book = decode_level2(head.data)
        asset = self.assets.get(book.symbol)
        if asset is None:
            return self.stranger("V1TALevel2", book.symbol)
        self.granted(asset)
        at_ns = venue_ns(book.datetime, now_ns) or venue_ns(book.timestamp, now_ns)
        return self.take(asset, book, head.type, at_ns, now_ns)

    def take(self, asset: str, book: Level2, kind: str, at_ns: int, now_ns: int) -> list[MarketEvent]:
        """Part of a book, of an asset that was asked for."""
        raise NotImplementedError

    def _hear_level1(self, head: Head, now_ns: int) -> list[MarketEvent]:
        quote = decode_level1(head.data)
        asset = self.assets.get(quote.symbol)
        if asset is None:
            return self.stranger("V1TALevel1", quote.symbol)
        bid, bid_size, ask, ask_size = (or_none(text) for text in (*quote.bid, *quote.ask))
        at_ns = venue_ns(quote.datetime, now_ns) or venue_ns(quote.timestamp, now_ns)
        return [SpotQuote(now_ns, self.venue, asset, bid, bid_size, ask, ask_size, at_ns)]

    def _hear_trades(self, head: Head, now_ns: int) -> list[MarketEvent]:
        message = decode_trades(head.data)
        asset = self.assets.get(message.symbol)
        if asset is None:
            return self.stranger("V1TAAnonymousTradeUpdate", message.symbol)
        self.granted(asset)
        return self.take_trades(asset, message.trades, head.type == "snapshot", now_ns)

    def take_trades(self, asset: str, trades: list[Trade], is_past: bool, now_ns: int) -> list[MarketEvent]:
        """Trades of an asset that was asked for."""
        events: list[MarketEvent] = []
        for trade in trades:
            price, size = above_zero(trade.price), above_zero(trade.quantity)
            if self.recent[asset].is_new(trade.trade_id) and not is_past:
                at_ns = venue_ns(trade.created_at_datetime, now_ns) or venue_ns(trade.created_at_timestamp, now_ns)
                taker = taker_of_fill(trade)
                events.append(SpotPrice(now_ns, self.venue, asset, price, size, at_ns, taker, trade.trade_id))
        return events


class BullishBooks(BullishSocket):
    """The socket of the books."""

    topic = "l2Orderbook"
    path = "orderbook"
    depth = DEPTH

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._last = dict.fromkeys(symbols, 0)

    def resync(self, asset: str, now_ns: int) -> None:
        """Subscribe again: a book begins with a snapshot."""
        self.subscribe(asset, "unsubscribe")
        self.subscribe(asset)

    def take(self, asset: str, book: Level2, kind: str, at_ns: int, now_ns: int) -> list[MarketEvent]:
        """A snapshot replaces; a change must begin no later than behind the last number we have."""
        bids, asks = levels(flat(book.bids)), levels(flat(book.asks))
        first, end = book.sequence_number_range
        if first > end or len(book.bids) % 2 or len(book.asks) % 2:
            raise ValueError("half a level, or a range that ends before it begins")
        self.note_lag(now_ns, at_ns)
        last, kept = self._last[asset], self.books[asset]
        is_awaited = asset in self.awaited
        if end == last and not is_awaited:
            return []
        if kind == "snapshot":
            if end < last and not is_awaited:
                return self.lose(asset, f"a snapshot of {end} came after {last}", now_ns)
            self.awaited.pop(asset, None)
            self._last[asset] = end
            return self.seen(asset, kept.snapshot(bids, asks, now_ns, at_ns, end), now_ns)
        if kind != "update":
            raise ValueError(f"neither snapshot nor update: {kind}")
        if is_awaited or end < last:
            return []
        if first > last + 1:
            self.counts.gaps += first - last - 1
            return self.lose(asset, f"a change begins with {first}, the one before ended with {last}", now_ns)
        self._last[asset] = end
        return self.seen(asset, kept.change(bids, asks, now_ns, at_ns, end), now_ns)


class BullishTrades(BullishSocket):
    """The socket of the trades. The first message of each asset is the past."""

    keeps_books = False
    topic = "anonymousTrades"
    path = "trades"

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._with_past: set[str] = set()

    def take_trades(self, asset: str, trades: list[Trade], is_past: bool, now_ns: int) -> list[MarketEvent]:
        """Only what happens from now on is told."""
        is_past = is_past or asset not in self._with_past
        self._with_past.add(asset)
        return super().take_trades(asset, trades, is_past, now_ns)


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    """One connection for the books, one for the trades."""
    return [
        BullishBooks("bullish", symbols, endpoint, counts_of("bullish")),
        BullishTrades("bullish/trades", symbols, endpoint, counts_of("bullish/trades")),
    ]


BULLISH = Venue(
    name="bullish",
    title="Bullish",
    symbols={"BTC": "BTCUSDC", "ETH": "ETHUSDC"},
    endpoint=Endpoint("wss://api.exchange.bullish.com"),
    sockets=sockets,
)
