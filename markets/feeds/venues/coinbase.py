"""Coinbase (Advanced Trade): books on one connection, trades on another, so that a whole book of 5 MB delays no trade.

`sequence_num` counts every message of a connection: when one is missing, no book on it can be believed.
"""

from collections.abc import Callable, Sequence

import msgspec

from markets.core.events import MarketEvent, SpotLevel, SpotPrice
from markets.feeds.counts import Counts
from markets.feeds.levels import levels
from markets.feeds.shape import Census
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, Reconnect, Unreadable, Venue, VenueSocket
from markets.feeds.venues.coinbase_asking import TAKER_BY_MAKER, CoinbaseSocket
from markets.feeds.venues.coinbase_messages import (
    FIELDS,
    QUOTES,
    QUOTES_A_LEVEL,
    Envelope,
    TornBookEvent,
    Trade,
    decode_beats,
    decode_books,
    decode_envelope,
    decode_subscriptions,
    decode_torn_books,
    decode_trades,
)
from markets.feeds.venues.common import quotes, text_of, trade_of, unreadable

SNAPSHOT = "snapshot"
MOST_REPEATED = 20  # frames in a row that bear numbers of before: then the venue has begun to count anew


class AdvancedSocket(CoinbaseSocket):
    """One connection with one channel of data, and heartbeats, without which a quiet one is closed."""

    channel = ""

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._sequence: int | None = None
        self._repeated = 0  # frames in a row
        self._census = Census(counts, FIELDS)

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Heartbeats, then the data."""
        self.to_send.append(text_of({"type": "subscribe", "channel": "heartbeats"}))
        return super().opened(now_ns)

    def subscribe(self, symbols: list[str]) -> None:
        """One message for many products."""
        self.to_send.append(text_of({"type": "subscribe", "product_ids": symbols, "channel": self.channel}))

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame. Its number counts only when it was understood: else the next one tells of the loss."""
        try:
            envelope = decode_envelope(frame)
            number = envelope.sequence_num
            if envelope.type == "error":
                if self._sequence is not None and number == self._sequence + 1:
                    self._sequence = number  # some errors are counted, some are not
                return self.hear_error(envelope.message, now_ns)
            if number < 0:
                raise Unreadable(f"no sequence_num: {frame[:80]!r}")
            if self._sequence is not None and number <= self._sequence:
                return self._repeat(number)
            if self._sequence is not None and number > self._sequence + 1:
                self.missing(number - self._sequence - 1)
            events = self._hear_channel(envelope, now_ns)
            self._sequence, self._repeated = number, 0
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise unreadable(frame, error) from None
        return events

    def _repeat(self, number: int) -> list[MarketEvent]:
        """It was heard before. Raises Reconnect when nothing else comes any more."""
        self._repeated += 1
        if self._repeated > MOST_REPEATED:
            raise Reconnect(f"frames are numbered {number} after {self._sequence}")
        return []

    def missing(self, messages: int) -> None:
        """So many messages were lost."""
        raise NotImplementedError

    def hear_data(self, envelope: Envelope, now_ns: int) -> list[MarketEvent]:
        """A frame of the channel that is asked for."""
        raise NotImplementedError

    def _hear_channel(self, envelope: Envelope, now_ns: int) -> list[MarketEvent]:
        self._census.look(envelope.channel, envelope.events)
        if envelope.channel == "heartbeats":
            decode_beats(envelope.events)
            return self.beat(now_ns, venue_ns(envelope.timestamp, now_ns))
        if envelope.channel == "subscriptions":
            for event in decode_subscriptions(envelope.events):
                self.granted(self.channel, event.subscriptions.get(self.channel) or [])
            return []
        return self.hear_data(envelope, now_ns)

    def other(self, envelope: Envelope) -> list[MarketEvent]:
        """A channel that was not asked for."""
        self.counts.unknown[envelope.channel or "a frame without channel"] += 1
        return []


class BooksSocket(AdvancedSocket):
    """The channel level2, which comes under the name l2_data."""

    channel = "level2"
    channels = ("level2",)

    def missing(self, messages: int) -> None:
        """Whatever book it was of, only a new connection mends it."""
        self.counts.gaps += messages
        self.counts.resyncs += sum(book.stands for book in self.books.values())
        raise Reconnect(f"{messages} messages are missing")

    def hear_data(self, envelope: Envelope, now_ns: int) -> list[MarketEvent]:
        """All levels of a product, or those that changed. Levels may carry times of 1970: the frame's own is taken."""
        if envelope.channel != "l2_data":
            return self.other(envelope)
        at_ns = venue_ns(envelope.timestamp, now_ns)
        self.note_lag(now_ns, at_ns)
        events: list[MarketEvent] = []
        for kind, product, bids, asks in self._read(envelope.events):
            asset = self.assets.get(product)
            if asset is None:
                self.stranger("l2_data", product)
                continue
            kept = self.books[asset]
            if kind == SNAPSHOT:
                self.awaited.pop(asset, None)
                self.granted(self.channel, [product])  # data say so, too
                told = kept.snapshot(bids, asks, now_ns, at_ns, envelope.sequence_num)
            elif kept.stands:
                told = kept.change(bids, asks, now_ns, at_ns, envelope.sequence_num)
            else:
                continue
            events += self.seen(asset, told, now_ns)
        return events

    def resync(self, asset: str, now_ns: int) -> None:
        """Leave, and come again for a new snapshot."""
        symbol = self.symbols[asset]
        self.to_send.append(text_of({"type": "unsubscribe", "product_ids": [symbol], "channel": self.channel}))
        self.subscribe([symbol])

    def _read(self, events: msgspec.Raw) -> list[tuple[str, str, list[SpotLevel], list[SpotLevel]]]:
        """(kind, product, bids, asks) of each event."""
        try:
            read = decode_books(events)
        except msgspec.ValidationError:
            return [
                (event.type, event.product_id, self._torn(event, "bid"), self._torn(event, "offer"))
                for event in decode_torn_books(events)
            ]
        if quotes(events) != sum([QUOTES + QUOTES_A_LEVEL * len(event.updates or ()) for event in read]):
            decode_torn_books(events)  # raises when a number is not text
        found = []
        for event in read:
            bids: list[SpotLevel] = []
            asks: list[SpotLevel] = []
            for level in event.updates or ():
                (bids if level.side == "bid" else asks).append((level.price_level, level.new_quantity))
            found.append((event.type, event.product_id, bids, asks))
        return found

    def _torn(self, event: TornBookEvent, side: str) -> list[SpotLevel]:
        pairs = [(level.price_level, level.new_quantity) for level in event.updates or () if level.side == side]
        return levels(pairs, self.counts, "l2_data")


class TradesSocket(AdvancedSocket):
    """The channel market_trades. It begins with trades of before, which are not told."""

    keeps_books = False
    channel = "market_trades"
    channels = ("market_trades",)

    def missing(self, messages: int) -> None:
        """The trades' own ids tell whether it was one of them."""
        self.counts.complain(f"{messages} messages are missing")

    def hear_data(self, envelope: Envelope, now_ns: int) -> list[MarketEvent]:
        """Trades, oldest first."""
        if envelope.channel != "market_trades":
            return self.other(envelope)
        events: list[MarketEvent] = []
        for event in decode_trades(envelope.events):
            for trade in sorted(event.trades or (), key=_trade_id):
                asset = self.assets.get(trade.product_id)
                if asset is None:
                    self.stranger("market_trades", trade.product_id)
                elif event.type == SNAPSHOT:
                    self.granted(self.channel, [trade.product_id])
                    self.skip_trades_to(asset, _trade_id(trade))
                else:
                    events += self._told(asset, trade, now_ns)
        return events

    def _told(self, asset: str, trade: Trade, now_ns: int) -> list[MarketEvent]:
        price, size = trade_of(trade.price, trade.size)
        if not self.is_new_trade(asset, _trade_id(trade)):
            return []
        at_ns = venue_ns(trade.time, now_ns)
        self.note_lag(now_ns, at_ns)
        taker = TAKER_BY_MAKER.get(trade.side, "")
        return [SpotPrice(now_ns, self.venue, asset, price, size, at_ns, taker, trade.trade_id)]


def _trade_id(trade: Trade) -> int:
    if not trade.trade_id.isdecimal():
        raise Unreadable(f"a trade with the id {trade.trade_id[:20]!r}")
    return int(trade.trade_id)


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    """A connection for the books, and one for the trades."""
    return [
        BooksSocket("coinbase", symbols, endpoint, counts_of("coinbase")),
        TradesSocket("coinbase/trades", symbols, endpoint, counts_of("coinbase/trades")),
    ]


SYMBOLS = {asset: f"{asset}-USD" for asset in ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "NEAR", "ZEC")}
COINBASE = Venue("coinbase", "Coinbase", SYMBOLS, Endpoint("wss://advanced-trade-ws.coinbase.com"), sockets)
