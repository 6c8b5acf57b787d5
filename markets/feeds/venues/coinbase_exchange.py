"""Coinbase Exchange: another door to the books of Coinbase, with simpler messages and no sequence in the books.

A lost book message shows only when the book crosses, or when its best prices stay away from those that trades come with
(the channel ticker). Trades have ids that rise by one, and heartbeats tell the last of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from markets.core.events import MarketEvent, SpotLevel, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.levels import levels, positive
from markets.feeds.shape import Census
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, Venue, VenueSocket
from markets.feeds.venues.coinbase import SYMBOLS
from markets.feeds.venues.coinbase_asking import TAKER_BY_MAKER, CoinbaseSocket
from markets.feeds.venues.coinbase_exchange_messages import (
    FIELDS,
    Failure,
    Heartbeat,
    LastMatch,
    Match,
    Snapshot,
    Subscriptions,
    Ticker,
    TornSnapshot,
    Update,
    read,
    read_kind,
    read_torn,
)
from markets.feeds.venues.common import text_of, trade_of, unreadable

BOOK = "level2_batch"
AWAY_TICKERS = 10  # so many in a row, over at least so long, whose best prices the book never had: the book is wrong
AWAY_NS = 3 * SECOND_NS


class ExchangeSocket(CoinbaseSocket):
    """Books, trades and heartbeats on one connection."""

    channels = (BOOK, "matches", "ticker", "heartbeat")
    notices_loss = False

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._census = Census(counts, FIELDS)
        self._tops = {asset: _Tops() for asset in symbols}
        self._said_ids: dict[str, int] = {}  # the last trade, as the heartbeat before said
        self._hearers: dict[type, Callable[[str, Any, int], list[MarketEvent]]] = {
            Snapshot: self._hear_snapshot,
            Update: self._hear_update,
            Match: self._hear_match,
            LastMatch: self._hear_last_match,
            Ticker: self._hear_ticker,
            Heartbeat: self._hear_heartbeat,
        }

    def subscribe(self, symbols: list[str]) -> None:
        """One message for many products and all channels."""
        self.to_send.append(text_of({"type": "subscribe", "product_ids": symbols, "channels": list(self.channels)}))

    def resync(self, asset: str, now_ns: int) -> None:
        """Leave, and come again for a new snapshot."""
        self._tops[asset] = _Tops()
        for what in ("unsubscribe", "subscribe"):
            self.to_send.append(text_of({"type": what, "product_ids": [self.symbols[asset]], "channels": [BOOK]}))

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame: its type says what it is."""
        try:
            try:
                message = read(frame)
            except msgspec.ValidationError:
                return self._hear_odd(frame, now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise unreadable(frame, error) from None
        if isinstance(message, Subscriptions | Failure):
            return self._hear_answer(message, now_ns)
        kind = str(message.__struct_config__.tag)
        self._census.look(kind, frame)
        asset = self.assets.get(message.product_id)
        if asset is None:
            return self.stranger(kind, message.product_id)
        return self._hearers[type(message)](asset, message, now_ns)

    def _hear_odd(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """A book with a number that is none, or a kind of message that we do not know. Raises DecodeError."""
        kind = read_kind(frame).type
        if kind not in FIELDS and kind not in ("last_match", "subscriptions", "error"):
            self.counts.unknown[kind or "a frame without type"] += 1
            return []
        torn = read_torn(frame)
        asset = self.assets.get(torn.product_id)
        if asset is None:
            return self.stranger(kind, torn.product_id)
        if isinstance(torn, TornSnapshot):
            bids, asks = levels(torn.bids, self.counts, kind), levels(torn.asks, self.counts, kind)
            return self._begin(asset, bids, asks, torn.time, now_ns)
        bids = levels([change[1:] for change in torn.changes if change[0] == "buy"], self.counts, kind)
        asks = levels([change[1:] for change in torn.changes if change[0] == "sell"], self.counts, kind)
        return self._change(asset, bids, asks, torn.time, now_ns)

    def _hear_answer(self, message: Subscriptions | Failure, now_ns: int) -> list[MarketEvent]:
        if isinstance(message, Failure):
            return self.hear_error(
                f"{message.message}: {message.reason}" if message.reason else message.message, now_ns
            )
        for channel in message.channels:
            name = BOOK if channel.name.startswith("level2") else channel.name  # it is granted as "level2_50"
            self.granted(name, channel.product_ids or [])
        return []

    # Books -----------------------------------------------------------------------------------------------------

    def _hear_snapshot(self, asset: str, message: Snapshot, now_ns: int) -> list[MarketEvent]:
        return self._begin(asset, message.bids, message.asks, message.time, now_ns)

    def _begin(
        self, asset: str, bids: list[SpotLevel], asks: list[SpotLevel], time: str, now_ns: int
    ) -> list[MarketEvent]:
        self.awaited.pop(asset, None)
        self.granted(BOOK, [self.symbols[asset]])  # data say so, too
        told = self.books[asset].snapshot(bids, asks, now_ns, venue_ns(time, now_ns))
        return self.seen(asset, told, now_ns)

    def _hear_update(self, asset: str, message: Update, now_ns: int) -> list[MarketEvent]:
        bids: list[SpotLevel] = []
        asks: list[SpotLevel] = []
        for side, price, size in message.changes:
            (bids if side == "buy" else asks).append((price, size))
        return self._change(asset, bids, asks, message.time, now_ns)

    def _change(
        self, asset: str, bids: list[SpotLevel], asks: list[SpotLevel], time: str, now_ns: int
    ) -> list[MarketEvent]:
        kept = self.books[asset]
        if not kept.stands:
            return []
        at_ns = venue_ns(time, now_ns)
        self.note_lag(now_ns, at_ns)
        told = self.seen(asset, kept.change(bids, asks, now_ns, at_ns), now_ns)
        self._tops[asset].had(kept.book.bid, kept.book.ask)
        return told

    def _hear_ticker(self, asset: str, message: Ticker, now_ns: int) -> list[MarketEvent]:
        bid, ask = positive(message.best_bid) or 0.0, positive(message.best_ask) or 0.0
        sizes = positive(message.best_bid_size) or 0.0, positive(message.best_ask_size) or 0.0
        at_ns = venue_ns(message.time, now_ns)
        events: list[MarketEvent] = [SpotQuote(now_ns, self.venue, asset, bid, sizes[0], ask, sizes[1], at_ns)]
        kept, tops = self.books[asset], self._tops[asset]
        if kept.stands and tops.expects(bid, ask, now_ns):
            return events + self.lose(asset, "its best prices are not those of the ticker", now_ns)
        tops.had(kept.book.bid, kept.book.ask)
        return events

    # Trades ----------------------------------------------------------------------------------------------------

    def _hear_match(self, asset: str, message: Match, now_ns: int) -> list[MarketEvent]:
        price, size = trade_of(message.price, message.size)
        if not self.is_new_trade(asset, message.trade_id):
            return []
        at_ns = venue_ns(message.time, now_ns)
        taker, trade_id = TAKER_BY_MAKER.get(message.side, ""), str(message.trade_id)
        return [SpotPrice(now_ns, self.venue, asset, price, size, at_ns, taker, trade_id)]

    def _hear_last_match(self, asset: str, message: LastMatch, now_ns: int) -> list[MarketEvent]:
        self.skip_trades_to(asset, message.trade_id)
        return []

    def _hear_heartbeat(self, asset: str, message: Heartbeat, now_ns: int) -> list[MarketEvent]:
        """A trade that the heartbeat before knew of, and that is still not here, is lost."""
        if self._said_ids.get(asset, 0) > self._trade_ids.get(asset, 0) > 0:
            self.counts.gaps += self._said_ids[asset] - self._trade_ids[asset]
            self.skip_trades_to(asset, self._said_ids[asset])
        self._said_ids[asset] = message.last_trade_id
        return self.beat(now_ns, venue_ns(message.time, now_ns))


class _Tops:
    """Whether the book comes by the best prices that tickers tell. They may be ahead of it, as books come in batches."""

    __slots__ = ("_away", "_away_ns", "_expected")

    def __init__(self) -> None:
        self._expected = (0.0, 0.0)
        self._away = self._away_ns = 0

    def had(self, bid: float, ask: float) -> None:
        """The book has these best prices."""
        if self._expected == (bid, ask):
            self._expected = (0.0, 0.0)
            self._away = 0

    def expects(self, bid: float, ask: float, now_ns: int) -> bool:
        """A ticker tells these. True when the book has not been seen with any of the last ones."""
        if self._expected != (0.0, 0.0):
            self._away += 1
            if self._away == 1:
                self._away_ns = now_ns
        self._expected = (bid, ask)
        return self._away >= AWAY_TICKERS and now_ns - self._away_ns >= AWAY_NS


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    """One connection for everything; it speaks for the venue coinbase."""
    return [ExchangeSocket("coinbase", symbols, endpoint, counts_of("coinbase"))]


COINBASE_EXCHANGE = Venue(
    "coinbase_exchange", "Coinbase Exchange", SYMBOLS, Endpoint("wss://ws-feed.exchange.coinbase.com"), sockets
)
