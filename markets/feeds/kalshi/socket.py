"""The exchange's WebSocket: every channel that we use, over one connection. No I/O in here.

Losses are noticed by the numbers of frames, one row of numbers for each subscription. A loss among books makes those of
all markets fall, each until its next snapshot; of anything else it is told that something was missed.
"""

from collections.abc import Callable

import msgspec

from markets.core.events import MarketEvent
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.kalshi import frames, life, private
from markets.feeds.kalshi.answers import Answers
from markets.feeds.kalshi.books import MarketBooks
from markets.feeds.kalshi.commands import BOOKS, INDEX, LIFE, TICKER, TRADES, Commands
from markets.feeds.kalshi.frames import DELTA_WITHIN, DELTA_WORD, Head, decode_delta, decode_head
from markets.feeds.kalshi.handshake import Handshake
from markets.feeds.kalshi.notes import IndexList, MissedNote, Note
from markets.feeds.kalshi.public import read_index, read_ticker, read_trade
from markets.feeds.kalshi.subscriptions import Subscription, Subscriptions
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.shape import Census
from markets.feeds.venue import Endpoint, Unreadable, VenueSocket
from markets.kalshi.auth import Signer
from markets.kalshi.server_clock import ServerClock

FEED = "kalshi"
REPLIES = frozenset({"subscribed", "unsubscribed", "ok", "error", "cfbenchmarks_value_indexlist"})
CHANNEL_OF = {
    "orderbook_snapshot": BOOKS,
    "orderbook_delta": BOOKS,
    "ticker": TICKER,
    "trade": TRADES,
    "cfbenchmarks_value": INDEX,
    **dict.fromkeys(life.FIELDS, LIFE),
    **private.CHANNEL_OF,
}
BELIEVED_S = 5  # without a frame, not even an answer: books may be others by now
LOOK_EVERY = 1_000  # changed levels, of which one is looked at for fields that are new

__all__ = ["FEED", "KalshiSocket", "Wanted"]


def _no_note(note: Note) -> None:
    return


class KalshiSocket(VenueSocket):
    """Markets out as events; what is ours, markets' lives, fees and the list of indices as notes.

    FeedStatus "lost" with a ticker: that book fell, and was asked for; "unavailable": the exchange has none for us now.
    A fill is told as often as the exchange tells it. Liveness is the age of data: after 2 s of silence the exchange is
    asked for something, after 5 no book is believed, after 15 the connection is dead.
    """

    stale_after_s = 15.0
    can_overlap = False  # what takes over must know the order of our own fills; a gap of a second is told as what it is
    sends_per_s = 100.0

    def __init__(
        self,
        wanted: Wanted,
        endpoint: Endpoint,
        counts: Counts,
        signer: Signer | None = None,
        *,
        note: Callable[[Note], None] = _no_note,
        server_clock: ServerClock | None = None,
        feed: str = FEED,
    ) -> None:
        """`endpoint.ws` is the whole address (Hosts.ws); without a signer no headers are sent, for a server that wants none.
        `server_clock` corrects the stamp of the signature, and hears when the exchange sent its replies."""
        super().__init__(feed, {}, endpoint, counts)
        self.wanted = wanted
        self._note, self._server_clock = note, server_clock
        self._handshake = Handshake(endpoint.ws, signer, server_clock)
        self._commands = Commands(self.to_send)
        self.books = MarketBooks(feed, counts, self.lost)
        self._subscriptions = Subscriptions(wanted, self._commands, counts, self._ended)
        self._answers = Answers(wanted, self._commands, self._subscriptions, self.books, counts=counts, note=note)
        self._book_subscription = self._subscriptions.by_channel[BOOKS]
        self._census = Census(counts, frames.FIELDS | private.FIELDS | life.FIELDS)
        self._followed: dict[str, None] | None = None
        self._untold: list[MarketEvent] = []  # what a frame brought before it turned out that it cannot be read
        self._heard_ns = self._deltas = 0

    def headers(self, now_ns: int) -> dict[str, str]:
        """The signature of the handshake."""
        return self._handshake.headers(now_ns)

    def turned_away(self, status: int, date: str, body: bytes, now_ns: int) -> None:
        """A 401 is explained."""
        self._handshake.turned_away(status, date, body, now_ns)

    @property
    def is_synced(self) -> bool:
        """Whether all channels were granted and all books are here, but for those that the exchange does not give us."""
        return self._followed is self.wanted.markets and self._subscriptions.is_complete and self.books.is_whole

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Subscribe to every channel, each with a command of its own: an error then has an address."""
        self._heard_ns = now_ns
        self.follow(now_ns)
        return []

    def follow(self, now_ns: int) -> None:
        """Add and delete what has changed in `wanted`; `due` calls it too. What is in flight is waited for."""
        if self._followed is not self.wanted.markets:
            self._followed = self.wanted.markets
            self.books.follow(self._followed)
            held = self._subscriptions.staying(self._book_subscription)
            self.books.ask_for(held, now_ns)  # those that were dropped and are wanted again
        self._subscriptions.tend(now_ns)

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Follow what is wanted, ask again for what did not come, look for signs of life."""
        events, self._untold = self._untold, []
        if now_ns - self._heard_ns >= BELIEVED_S * SECOND_NS * self.patience:
            events += self.books.lose(f"nothing was heard for {BELIEVED_S} s", now_ns)
        events += self._answers.due(now_ns, self._heard_ns, self.patience)
        self.follow(now_ns)
        return events + self._ask_books(now_ns)

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame."""
        self._heard_ns = now_ns
        try:
            if frame.find(DELTA_WORD, 0, DELTA_WITHIN) >= 0:
                return self._hear_delta(frame, now_ns)
            return self._hear_other(decode_head(frame), now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise Unreadable(f"{error}: {frame[:120].decode('utf-8', 'replace')}") from None

    # Data -----------------------------------------------------------------------------------------------------

    def _hear_delta(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        try:
            delta = decode_delta(frame)
        except msgspec.DecodeError:  # its number counts all the same, and the books fall at once
            return self._hear_other(decode_head(frame), now_ns)
        sub, seq = self._book_subscription, delta.seq
        if delta.sid != sub.sid or seq != sub.seq + 1 or not self._deltas % LOOK_EVERY:
            return self._hear_other(decode_head(frame), now_ns)
        sub.seq = seq
        self._deltas += 1
        self.note_lag(now_ns, delta.sending_ts_ms * MILLISECOND_NS)
        events = self.books.change(delta.msg, seq, now_ns)
        return events + self._ask_books(now_ns) if self.books.has_fallen else events

    def _hear_other(self, head: Head, now_ns: int) -> list[MarketEvent]:
        """Everything that is not the usual change of a level."""
        self.note_lag(now_ns, (head.sending_ts_ms or 0) * MILLISECOND_NS)
        sub = self._subscriptions.by_sid.get(head.sid or 0)
        channel = CHANNEL_OF.get(head.type)
        if sub is None and channel is not None:
            sub = self._subscriptions.adopt(channel, head.sid or 0)
            if sub is None:
                return self._of_nobody(head)
        events = self._numbered(sub, head.seq or 0, now_ns) if sub is not None else []
        try:
            events += self._hear_kind(head, sub, channel, now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            if head.type == "orderbook_delta":
                events += self.books.lose(f"a frame could not be read: {error}", now_ns)
            self._untold += events
            raise
        return events + self._ask_books(now_ns) if self.books.has_fallen else events

    def _hear_kind(self, head: Head, sub: Subscription | None, channel: str | None, now_ns: int) -> list[MarketEvent]:
        if head.type in REPLIES:
            self._note_clock(head, now_ns)
            events = self._answers.hear(head, now_ns)
            self.follow(now_ns)
            return events
        if sub is None or channel != sub.channel:
            self.counts.unknown[head.type or "a frame without a type"] += 1
            return []
        self._census.look(head.type, head.msg)
        return self._hear_data(head, sub, now_ns)

    def _hear_data(self, head: Head, sub: Subscription, now_ns: int) -> list[MarketEvent]:
        msg, kind, seq = head.msg, head.type, head.seq or 0
        event: MarketEvent | None
        if kind == "orderbook_delta":
            self._deltas += 1
            return self.books.change(frames.decode_delta_msg(msg), seq, now_ns)
        if kind == "orderbook_snapshot":
            self._commands.answered(head.id or 0)
            book, at_ns = frames.decode_snapshot(msg), (head.sending_ts_ms or 0) * MILLISECOND_NS
            if book.market_ticker not in self._subscriptions.staying(sub, coming=True):
                return []
            return self.books.snapshot(book, seq, at_ns, now_ns)
        if kind == "ticker":
            event = read_ticker(msg, self.wanted, now_ns)
        elif kind == "trade":
            event = read_trade(msg, self.wanted, now_ns)
        elif kind == "cfbenchmarks_value":
            event = read_index(msg, self.wanted, now_ns)
        else:
            self._hear_note(head, sub, now_ns)
            return []
        return [event] if event is not None else []

    def _hear_note(self, head: Head, sub: Subscription, now_ns: int) -> None:
        """What cannot be read is missed: somebody has to look it up."""
        note: Note | None
        try:
            if sub.channel == LIFE:
                note = life.read_life(head.type, head.msg, self.wanted.series, now_ns)
            else:
                note = private.read_private(head.type, head.msg, now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            self._missed(sub.channel, f"a frame could not be read: {error}", now_ns)
            raise
        if note is not None:
            self._note(note)

    def _of_nobody(self, head: Head) -> list[MarketEvent]:
        if not self._subscriptions.is_old(head.sid or 0):
            self.counts.unknown[f"{head.type} of a subscription that is not ours"] += 1
        return []

    def _note_clock(self, head: Head, now_ns: int) -> None:
        if self._server_clock is not None and head.sending_ts_ms:
            self._server_clock.note_past(head.sending_ts_ms * MILLISECOND_NS, now_ns)

    def _ask_books(self, now_ns: int) -> list[MarketEvent]:
        """Ask for the snapshots that it is time for."""
        sub = self._book_subscription
        asked = self.books.due(now_ns, self._subscriptions.staying(sub), self.patience)
        if asked.tickers:
            self._commands.ask("get_snapshot", BOOKS, sub.sid, asked.tickers, now_ns)
        return asked.events

    # Losses ---------------------------------------------------------------------------------------------------

    def _numbered(self, sub: Subscription, seq: int, now_ns: int) -> list[MarketEvent]:
        """Take the number of a frame, and tell what was lost before it."""
        before = sub.seq
        missed = self._subscriptions.missed(sub, seq)
        if not missed:
            return []
        self.counts.gaps += missed
        reason = f"sequence gap: {seq} after {before}"
        self.counts.complain(f"{sub.channel}: {reason}")
        if sub.channel == BOOKS:
            return self.books.lose(reason, now_ns)
        self._missed(sub.channel, reason, now_ns)
        return []

    def _ended(self, channel: str, reason: str, now_ns: int) -> list[MarketEvent]:
        """A subscription has ended, and will be asked for again."""
        if channel == BOOKS:
            return self.books.lose(reason, now_ns, ask=False)
        if channel == INDEX:
            missing = tuple(self.wanted.indices)
            self._note(IndexList(received_ns=now_ns, available=(), missing=missing, reason=reason))
        self._missed(channel, reason, now_ns)
        return []

    def _missed(self, channel: str, reason: str, now_ns: int) -> None:
        self._note(MissedNote(received_ns=now_ns, channel=channel, reason=reason))
