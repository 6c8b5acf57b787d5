"""Bitstamp: books as differences beside a page, ordered by microseconds, and trades by the taker's side.

There is no sequence number and no checksum: nothing says that a difference is missing. So each book is compared with a
new page every few minutes, and is said to be lost where the two differ. What can be known at once is: a difference that
comes before its predecessor, and a frame that cannot be read.
"""

import re
from collections.abc import Callable, Sequence

import msgspec

from markets.core.events import MarketEvent, SpotPrice
from markets.core.units import SECOND_NS
from markets.core.venue_book import VenueBook
from markets.feeds.counts import Counts
from markets.feeds.shape import Census, Fields, fields_of
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, Page, Reconnect, Venue, VenueSocket
from markets.feeds.venues.bitstamp_pages import Paging, differing
from markets.feeds.venues.common import text_of, unreadable
from markets.feeds.venues.constituent import Taker, WordedSocket, above_zero, levels

DIFF, TRADES = "diff_order_book_", "live_trades_"
BEAT_S = 10
REFRESH_S = 180
STAGGER_S = 7  # between the refreshes of two assets
AGAIN_S = 2  # after a page that was too old, or could not be had
IN_FLIGHT_S = 1  # differences that a page has already are here within this time
NO_SUCH_BOOK = ("HTTP 400", "HTTP 404")
LONGEST_BUFFER = 100_000  # differences that wait for a page


class Head(msgspec.Struct, gc=False):
    """Every frame."""

    event: str
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Book(msgspec.Struct, gc=False):
    """A difference, or a whole page."""

    microtimestamp: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class Trade(msgspec.Struct, gc=False):
    """One trade; `type` 0: the taker bought, 1: the taker sold."""

    id: int
    amount_str: str
    price_str: str
    type: int
    microtimestamp: str


class Complaint(msgspec.Struct, gc=False):
    """What an error says."""

    message: str = ""


FIELDS: dict[str, Fields] = {
    "data": fields_of(Book, "timestamp"),
    "trade": fields_of(Trade, "timestamp", "amount", "price", "buy_order_id", "sell_order_id"),
}
_head = msgspec.json.Decoder(Head).decode
_book = msgspec.json.Decoder(Book).decode
_trade = msgspec.json.Decoder(Trade).decode
_complaint = msgspec.json.Decoder(Complaint).decode
_find_book = re.compile(rb"diff_order_book_([a-z0-9]+)").search


class BitstampSocket(WordedSocket):
    """Books and trades on one connection; one channel a message, as the venue wants it."""

    stale_after_s = 25.0

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self.paging = {asset: Paging() for asset in symbols}
        self._census = Census(counts, FIELDS)
        self._asked_ns = 0
        self._suspect: list[MarketEvent] = []

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Books first. Their pages are asked for when the venue has begun to tell the differences."""
        self._asked_ns = now_ns
        self.awaited = dict.fromkeys(self.symbols, now_ns)
        for channel in (DIFF, TRADES):
            for symbol in self.symbols.values():
                self.ungranted[channel, symbol] = now_ns
                self.to_send.append(text_of({"event": "bts:subscribe", "data": {"channel": channel + symbol}}))
        return []

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame."""
        try:
            head = _head(frame)
            if head.event == "data" and head.channel.startswith(DIFF):
                return self._behind_losses(self._hear_diff(head, now_ns))
            if head.event == "trade" and head.channel.startswith(TRADES):
                return self._behind_losses(self._hear_trade(head, now_ns))
            return self._behind_losses(self._hear_rest(head, now_ns))
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            self._suspect += self._lose_suspects(frame, now_ns)
            raise unreadable(frame, error) from None

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Ask for a sign of life, and for the pages that are due."""
        if now_ns - self._asked_ns >= BEAT_S * SECOND_NS:
            self._asked_ns = now_ns
            self.to_send.append(text_of({"event": "bts:heartbeat"}))
        events = self._behind_losses([])
        for asset, paging in self.paging.items():
            if paging.page is not None:
                events += self._settle(asset, now_ns)
            elif paging.fetch_ns and now_ns >= paging.fetch_ns:
                self._fetch(asset)
        return events + super().due(now_ns)

    def resync(self, asset: str, now_ns: int) -> None:
        """A new page, at once."""
        self._fetch(asset)

    # Books -----------------------------------------------------------------------------------------------------

    def _hear_diff(self, head: Head, now_ns: int) -> list[MarketEvent]:
        asset = self.assets.get(head.channel[len(DIFF) :])
        if asset is None:
            return self.stranger("data", head.channel)
        self._census.look("data", head.data)
        self._granted(DIFF, asset, now_ns)
        diff = _book(head.data)
        at_us, paging = int(diff.microtimestamp), self.paging[asset]
        bids, asks = levels(diff.bids), levels(diff.asks)
        if at_us <= paging.base_us or at_us == paging.last_us:
            return []  # the page has it, or it came twice
        if at_us < paging.last_us:
            self.counts.gaps += 1
            return self._lose(asset, "a difference came late", now_ns)
        paging.last_us = at_us
        if paging.is_fetching or paging.page is not None:
            paging.buffer.append((at_us, bids, asks))
            if len(paging.buffer) > LONGEST_BUFFER:
                raise Reconnect(f"{asset}: no page of the book for {LONGEST_BUFFER} differences")
        at_ns = venue_ns(diff.microtimestamp, now_ns)
        self.note_lag(now_ns, at_ns)
        if asset in self.awaited:
            return []
        events = self.books[asset].change(bids, asks, now_ns, at_ns, at_us)
        return self.seen(asset, events, now_ns)

    def fetched(self, page: Page, body: bytes, now_ns: int) -> list[MarketEvent]:
        """The first page of a book, or one to compare it with."""
        asset, paging = page.subject, self.paging[page.subject]
        if not paging.is_fetching:
            return []  # another was asked for, or has come, meanwhile
        try:
            found = _book(body)
            page_us = int(found.microtimestamp)
            bids, asks = levels(found.bids), levels(found.asks)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            paging.fetch_ns = now_ns + AGAIN_S * SECOND_NS
            raise unreadable(body, error) from None
        if page_us < (paging.need_us or paging.first_us):
            paging.fetch_ns = now_ns + AGAIN_S * SECOND_NS
            return []  # it was made before we asked for it: what came between the two was never heard
        book = VenueBook()
        book.replace(bids, asks)
        paging.is_fetching = False
        paging.page, paging.page_us, paging.page_ns = book, page_us, now_ns
        return self._behind_losses(self._settle(asset, now_ns))

    def not_fetched(self, page: Page, reason: str, now_ns: int) -> list[MarketEvent]:
        """Try again, but not where there is no such book; one that never had a page ends the connection in the end."""
        if reason.startswith(NO_SUCH_BOOK):
            return self.refuse(page.subject, f"{self.symbols[page.subject]}: {reason}", now_ns)
        self.counts.complain(f"{page.url}: {reason}")
        self.paging[page.subject].fetch_ns = now_ns + AGAIN_S * SECOND_NS
        return []

    def _settle(self, asset: str, now_ns: int) -> list[MarketEvent]:
        """Begin with the page, or compare with it as soon as we have heard all that it has."""
        paging, kept = self.paging[asset], self.books[asset]
        is_first = asset in self.awaited
        is_early = paging.page_us > paging.last_us and now_ns - paging.page_ns < IN_FLIGHT_S * SECOND_NS
        if paging.page is None or (is_early and not is_first):
            return []
        now_book = paging.up_to_now(paging.page)
        paging.fetch_ns = now_ns + (REFRESH_S + STAGGER_S * list(self.symbols).index(asset)) * SECOND_NS
        events: list[MarketEvent] = []
        if not is_first:
            wrong = differing(kept.book, now_book)
            if not wrong:
                return []
            self.counts.gaps += 1
            events = kept.lose(f"{wrong} levels are not those of a new page", now_ns)
        self.awaited.pop(asset, None)
        at_ns = venue_ns(paging.last_us, now_ns)
        events += kept.snapshot(now_book.bids.items(), now_book.asks.items(), now_ns, at_ns, paging.last_us)
        return self.seen(asset, events, now_ns)

    def _fetch(self, asset: str) -> None:
        self.paging[asset].fetching()
        url = f"{self.endpoint.rest}/api/v2/order_book/{self.symbols[asset]}/?group=1"
        self.to_fetch.append(Page(url, asset))

    def _lose(self, asset: str, reason: str, now_ns: int) -> list[MarketEvent]:
        """Nothing that was heard so far counts any more; also while a page is on its way."""
        if asset not in self.awaited:
            return self.lose(asset, reason, now_ns)
        paging = self.paging[asset]
        paging.is_fetching = False
        paging.fetch_ns = paging.fetch_ns or now_ns + AGAIN_S * SECOND_NS
        return []

    def _lose_suspects(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """A frame that cannot be read may have been a change of this book, or of any."""
        if b'"trade"' in frame:
            return []
        found = _find_book(frame)
        asset = self.assets.get(found[1].decode()) if found else None
        events: list[MarketEvent] = []
        for suspect in self.symbols if asset is None else (asset,):
            events += self._lose(suspect, "a frame could not be read", now_ns)
        return events

    def _behind_losses(self, events: list[MarketEvent]) -> list[MarketEvent]:
        """What an unreadable frame has cost is told before anything that came after it."""
        losses, self._suspect = self._suspect, []
        return losses + events

    # Trades and answers ----------------------------------------------------------------------------------------

    def _hear_trade(self, head: Head, now_ns: int) -> list[MarketEvent]:
        asset = self.assets.get(head.channel[len(TRADES) :])
        if asset is None:
            return self.stranger("trade", head.channel)
        self._census.look("trade", head.data)
        self._granted(TRADES, asset, now_ns)
        trade = _trade(head.data)
        price, size = above_zero(trade.price_str), above_zero(trade.amount_str)
        if not self.recent[asset].is_new(trade.id):
            return []
        at_ns = venue_ns(trade.microtimestamp, now_ns)
        taker: Taker = "buy" if trade.type == 0 else "sell" if trade.type == 1 else ""
        return [SpotPrice(now_ns, self.venue, asset, price, size, at_ns, taker, str(trade.id))]

    def _hear_rest(self, head: Head, now_ns: int) -> list[MarketEvent]:
        if head.event == "bts:subscription_succeeded":
            channel = TRADES if head.channel.startswith(TRADES) else DIFF
            asset = self.assets.get(head.channel[len(channel) :])
            if asset is None:
                return self.stranger("grant", head.channel)
            self._granted(channel, asset, now_ns)
        elif head.event == "bts:heartbeat":
            return self.beat(now_ns)
        elif head.event == "bts:request_reconnect":
            self.renewal_asked = "the venue asks for a new connection"
        elif head.event == "bts:error":
            return self._hear_error(head, now_ns)
        elif head.event != "bts:unsubscription_succeeded":
            self.counts.unknown[head.event[:40]] += 1
        return []

    def _hear_error(self, head: Head, now_ns: int) -> list[MarketEvent]:
        words = _complaint(head.data).message
        asset = self.assets.get(head.channel.rpartition("_")[2])
        return self.heard_words(words) if asset is None else self.refuse(asset, words, now_ns)

    def _granted(self, channel: str, asset: str, now_ns: int) -> None:
        """Data say that they were granted, too. The first page is asked for when differences can be heard."""
        if self.ungranted and self.ungranted.pop((channel, self.symbols[asset]), None) is not None and channel == DIFF:
            self._fetch(asset)


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    """One connection for everything."""
    return [BitstampSocket("bitstamp", symbols, endpoint, counts_of("bitstamp"))]


BITSTAMP = Venue(
    name="bitstamp",
    title="Bitstamp",
    symbols={"BTC": "btcusd", "ETH": "ethusd", "SOL": "solusd", "XRP": "xrpusd", "DOGE": "dogeusd"},
    endpoint=Endpoint("wss://ws.bitstamp.net", "https://www.bitstamp.net"),
    sockets=sockets,
)
