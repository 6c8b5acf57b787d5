"""Binance and Binance.US: trades, best bid and ask, and depth on one combined stream; books start from a REST page.

The chain of a book: every depth event says which updates it holds (`U` to `u`); each must begin where the last ended.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from markets.core.events import MarketEvent, SpotPrice, SpotQuote
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.levels import positive
from markets.feeds.shape import Census
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, Page, Refused, SocketMaker, Venue, VenueSocket
from markets.feeds.venues.binance_messages import (
    FIELDS,
    Depth,
    DepthPage,
    Wrapped,
    read_depth,
    read_page,
    read_ticker,
    read_trade,
    read_wrapped,
)
from markets.feeds.venues.common import SNAPSHOT_S, BookSocket, text_of, trade_of, unreadable

SNAPSHOT_LEVELS = 1000  # a page of weight 50, of 6000 a minute
PAGES_APART_NS = 250 * MILLISECOND_NS
LONGEST_PAUSE_S = 30
LIST_S = 10  # how often we ask what we are subscribed to: the one thing that a quiet market answers
LONGEST_BUFFER = 2_000
KINDS = ("trade", "bookTicker", "depth@100ms")
SUBSCRIBE_ID = 1
Top = tuple[float, float, float, float]


class _Chain:
    """Where one book's stream stands."""

    __slots__ = ("buffer", "last", "quoted", "tops", "tries", "wanted_ns")

    def __init__(self) -> None:
        self.last = 0  # the last update in the book
        self.buffer: list[Depth] = []  # since the last loss, while there is no snapshot
        self.wanted_ns = 0  # not before then is a page asked for; 0: none is wanted
        self.tries = 0
        self.quoted = 0  # the last update that bookTicker told
        self.tops: dict[int, Top] = {}  # by update, newer than the book


class BinanceSocket(BookSocket):
    """Everything of all symbols on one connection. One SUBSCRIBE: the venue takes five messages a second at most."""

    stale_after_s = 30.0
    renew_after_s = 23 * 3600.0
    sends_per_s = 4.0

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._chains = {asset: _Chain() for asset in symbols}
        hearers = (self._hear_trade, self._hear_ticker, self._hear_depth)
        self._routes = {
            f"{symbol.lower()}@{kind}": (kind, hear, asset)
            for kind, hear in zip(KINDS, hearers, strict=True)
            for asset, symbol in symbols.items()
        }
        self._next_page_ns = self._listed_ns = 0
        self._requests = SUBSCRIBE_ID
        self._census = Census(counts, FIELDS)

    @property
    def url(self) -> str:
        """The combined form: every payload says which stream it is of."""
        return f"{self.endpoint.ws}/stream"

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Subscribe to all streams at once; snapshots are asked for when that is granted."""
        self.to_send.append(text_of({"method": "SUBSCRIBE", "params": list(self._routes), "id": SUBSCRIBE_ID}))
        self.ungranted["streams", "all"] = now_ns
        self.awaited = dict.fromkeys(self.symbols, now_ns)
        self._listed_ns = now_ns
        return []

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame of a stream, or an answer."""
        try:
            wrapped = read_wrapped(frame)
            route = self._routes.get(wrapped.stream)
            if route is None:
                return self._hear_rest(wrapped, now_ns)
            kind, hear, asset = route
            self._census.look(kind, wrapped.data)
            return [] if asset in self.refused else hear(asset, wrapped.data, now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise unreadable(frame, error) from None

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Ask for the next page that is wanted, ask whether we are heard, and give up on symbols that are silent."""
        for asset, chain in self._chains.items():
            if chain.wanted_ns and now_ns >= max(chain.wanted_ns, self._next_page_ns):
                chain.wanted_ns = 0
                self._next_page_ns = now_ns + PAGES_APART_NS
                url = f"{self.endpoint.rest}/api/v3/depth?symbol={self.symbols[asset]}&limit={SNAPSHOT_LEVELS}"
                self.to_fetch.append(Page(url, asset))
        if now_ns - self._listed_ns >= LIST_S * SECOND_NS:
            self._listed_ns = now_ns
            self._requests += 1
            self.to_send.append(text_of({"method": "LIST_SUBSCRIPTIONS", "id": self._requests}))
        return self._give_up(now_ns) + super().due(now_ns)

    def resync(self, asset: str, now_ns: int) -> None:
        """A new page; what is heard until then is kept."""
        chain = self._chains[asset]
        chain.buffer.clear()
        self._want_page(chain, now_ns)

    def fetched(self, page: Page, body: bytes, now_ns: int) -> list[MarketEvent]:
        """The snapshot is here: it must fit what was heard meanwhile, else another is asked for."""
        try:
            snapshot = read_page(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise unreadable(body, error) from None
        return self._start(page.subject, snapshot, now_ns)

    def not_fetched(self, page: Page, reason: str, now_ns: int) -> list[MarketEvent]:
        """There is no such symbol; or else it may pass, and is tried again, later each time."""
        if "-1121" in reason or reason.startswith(("HTTP 400", "HTTP 404")):
            return self.refuse(page.subject, f"{self.symbols[page.subject]}: {reason}", now_ns)
        self.counts.complain(f"{page.subject}: no snapshot: {reason}")
        self._want_page(self._chains[page.subject], now_ns)
        return []

    # Books -----------------------------------------------------------------------------------------------------

    def _hear_depth(self, asset: str, data: msgspec.Raw, now_ns: int) -> list[MarketEvent]:
        depth, chain = read_depth(data), self._chains[asset]
        if self.books[asset].stands:
            return self._chained(asset, chain, depth, now_ns)
        chain.buffer.append(depth)
        del chain.buffer[:-LONGEST_BUFFER]
        return []

    def _start(self, asset: str, snapshot: DepthPage, now_ns: int) -> list[MarketEvent]:
        chain, last = self._chains[asset], snapshot.lastUpdateId
        if asset in self.refused or self.books[asset].stands:
            return []
        rest = [depth for depth in chain.buffer if depth.u > last]
        reached = [last, *(depth.u for depth in rest)]
        holes = [depth for depth, before in zip(rest, reached, strict=False) if before + 1 < depth.U]
        if holes:  # in front of the first the page is too old, at a later one something was lost
            chain.buffer = rest[rest.index(holes[-1]) :]
            self._want_page(chain, now_ns)
            return []
        self.awaited.pop(asset, None)
        chain.buffer, chain.last, chain.tries = [], last, 0
        events = self.seen(asset, self.books[asset].snapshot(snapshot.bids, snapshot.asks, now_ns, seq=last), now_ns)
        for depth in rest:
            events += self._chained(asset, chain, depth, now_ns)
        return events

    def _chained(self, asset: str, chain: _Chain, depth: Depth, now_ns: int) -> list[MarketEvent]:
        """Apply a depth event that follows what we have; one that does not is a loss."""
        kept = self.books[asset]
        if not kept.stands or depth.u <= chain.last:
            return []
        if chain.last + 1 < depth.U:
            self.counts.gaps += 1
            events = self.lose(asset, f"updates {chain.last + 1} to {depth.U - 1} are missing", now_ns)
            chain.buffer.append(depth)
            return events
        at_ns = venue_ns(depth.E, now_ns)
        self.note_lag(now_ns, at_ns)
        chain.last = depth.u
        events = kept.change(depth.b, depth.a, now_ns, at_ns, depth.u)
        top = chain.tops.get(depth.u)
        if chain.tops:
            chain.tops = {update: told for update, told in chain.tops.items() if update > depth.u}
        if top is not None and self.books[asset].stands and kept.book.top_of_book() != top:
            return self.lose(asset, "the best of the book is not what bookTicker tells", now_ns)
        return self.seen(asset, events, now_ns)

    def _want_page(self, chain: _Chain, now_ns: int) -> None:
        pause_s = min(2**chain.tries, LONGEST_PAUSE_S) if chain.tries else 0
        chain.tries += 1
        chain.wanted_ns = now_ns + pause_s * SECOND_NS

    def _give_up(self, now_ns: int) -> list[MarketEvent]:
        """A symbol that the venue does not know is granted like any other, and then silent. Of one that is heard we go
        on asking for the page."""
        events: list[MarketEvent] = []
        for asset, since_ns in list(self.awaited.items()):
            if now_ns - since_ns <= SNAPSHOT_S * SECOND_NS * self.patience:
                continue
            if self._chains[asset].buffer or self._chains[asset].quoted:
                self.counts.complain(f"{asset}: no snapshot within {SNAPSHOT_S} s")
                self.awaited[asset] = now_ns
            else:
                words = f"{self.symbols[asset]}: nothing was heard within {SNAPSHOT_S} s"
                events += self.refuse(asset, words, now_ns)
        return events

    # The rest --------------------------------------------------------------------------------------------------

    def _hear_ticker(self, asset: str, data: msgspec.Raw, now_ns: int) -> list[MarketEvent]:
        ticker = read_ticker(data)
        top = (
            positive(ticker.b) or 0.0,
            positive(ticker.B) or 0.0,
            positive(ticker.a) or 0.0,
            positive(ticker.A) or 0.0,
        )
        chain, kept = self._chains[asset], self.books[asset]
        if ticker.u <= chain.quoted:
            return []
        chain.quoted = ticker.u
        events: list[MarketEvent] = [SpotQuote(now_ns, self.venue, asset, *top)]
        if ticker.u > chain.last:
            chain.tops[ticker.u] = top
            if len(chain.tops) > LONGEST_BUFFER:
                chain.tops.clear()
        elif ticker.u == chain.last and kept.stands and kept.book.top_of_book() != top:
            events += self.lose(asset, "the best of the book is not what bookTicker tells", now_ns)
        return events

    def _hear_trade(self, asset: str, data: msgspec.Raw, now_ns: int) -> list[MarketEvent]:
        trade = read_trade(data)
        price, size = trade_of(trade.p, trade.q)
        if not self.is_new_trade(asset, trade.t):
            return []
        at_ns = venue_ns(trade.T, now_ns)
        self.note_lag(now_ns, at_ns)
        taker: Literal["buy", "sell"] = "sell" if trade.m else "buy"
        return [SpotPrice(now_ns, self.venue, asset, price, size, at_ns, taker, str(trade.t))]

    def _hear_rest(self, wrapped: Wrapped, now_ns: int) -> list[MarketEvent]:
        if wrapped.e == "serverShutdown" or wrapped.stream == "!serverShutdown":
            self.renewal_asked = "the server is going down"
            return []
        words = str((wrapped.error or {}).get("msg", "")) or wrapped.msg
        if words:
            self.counts.complain(words)
            if wrapped.id == SUBSCRIBE_ID:
                raise Refused(words)
        elif wrapped.id == SUBSCRIBE_ID:
            self.ungranted.clear()
            for chain in self._chains.values():
                self._want_page(chain, now_ns)
        elif wrapped.id is None:
            self.counts.unknown[wrapped.stream.partition("@")[2] or wrapped.e or "a frame without stream"] += 1
        return self.beat(now_ns) if wrapped.id is not None else []


_ASSETS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "NEAR", "ZEC")
_IN_TETHER = {asset: f"{asset}USDT" for asset in _ASSETS}
_IN_DOLLARS = {asset: f"{asset}USD" for asset in ("BTC", "ETH", "SOL", "DOGE")}


def _sockets_of(feed: str) -> SocketMaker:
    def sockets(
        symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]
    ) -> Sequence[VenueSocket]:
        return [BinanceSocket(feed, symbols, endpoint, counts_of(feed))]

    return sockets


BINANCE = Venue(
    "binance",
    "Binance",
    _IN_TETHER,
    Endpoint("wss://stream.binance.com:9443", "https://api.binance.com"),
    _sockets_of("binance"),
)
BINANCE_DATA = Venue(  # the same books on hosts that know market data only
    "binance_data",
    "Binance (data hosts)",
    _IN_TETHER,
    Endpoint("wss://data-stream.binance.vision", "https://data-api.binance.vision"),
    _sockets_of("binance"),
)
BINANCE_US = Venue(
    "binance_us",
    "Binance.US",
    {**{asset: f"{asset}USDT" for asset in ("XRP", "BNB", "NEAR", "ZEC")}, **_IN_DOLLARS},
    Endpoint("wss://stream.binance.us:9443", "https://api.binance.us"),
    _sockets_of("binance_us"),
)
