"""Subscriptions: one for each channel, kept equal to what is wanted, one command at a time.

Nothing here is repeated by rote: whatever was refused, lost or not answered leaves a difference between what is wanted and
what the exchange has granted, and the next look (`tend`) asks for that difference.
"""

from collections.abc import Callable, Iterable

from markets.core.events import MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.kalshi.commands import BY_MARKET, INDEX, LIFE, OPTIONAL, PRIVATE, SEQUENCED, Command, Commands, Kind
from markets.feeds.kalshi.frames import SubscribedMsg
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.venue import Reconnect

TRIES = 3  # of what is refused for no lasting reason, or not answered
FALLS, CALM_S = 5, 60  # a subscription that ends so often, each within so long of the one before
LONGEST_PAUSE_S = 30
BARRED_S = 30  # a market that was refused is asked for again after this time
REFUSED_S = 600  # a channel, likewise
MOST_ENDED = 1_000


class Subscription:
    """One channel's. `items` are the markets or indices that it holds, as far as the exchange has said."""

    __slots__ = (
        "barred", "channel", "failures", "fallen_ns", "falls", "is_singly", "items", "needs_items", "refused", "retry_ns",
        "seq", "sid",
    )  # fmt: skip

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.needs_items = channel in BY_MARKET or channel == INDEX
        self.sid = self.seq = 0  # 0: none yet
        self.items: dict[str, None] = {}
        self.barred: dict[str, int] = {}  # until when
        self.is_singly = False  # one item a command: one of them was refused, and it was not said which
        self.retry_ns = 0
        self.failures = self.falls = self.fallen_ns = 0
        self.refused = ""


class Subscriptions:
    """All of one connection. `ended(channel, reason, now)` is told when one has come to an end that we did not ask for."""

    def __init__(
        self, wanted: Wanted, commands: Commands, counts: Counts, ended: Callable[[str, str, int], list[MarketEvent]]
    ) -> None:
        channels = (*BY_MARKET, LIFE, INDEX, *(PRIVATE if wanted.is_private else ()))
        self.by_channel = {channel: Subscription(channel) for channel in channels}
        self.by_sid: dict[int, Subscription] = {}
        self._wanted, self._commands, self._counts, self._ended = wanted, commands, counts, ended
        self._old: dict[int, None] = {}  # sids that have ended: what is still on its way is no news
        self._changed_id = 0  # the last command that makes or ends a subscription

    @property
    def is_complete(self) -> bool:
        """Whether every channel that is needed was granted."""
        return all(
            sub.sid or sub.channel in OPTIONAL or (sub.needs_items and not self._wanted.markets)
            for sub in self.by_channel.values()
        )

    def is_old(self, sid: int) -> bool:
        """Whether it was a subscription of ours."""
        return sid in self._old

    def staying(self, sub: Subscription, *, coming: bool = False) -> dict[str, None]:
        """The markets that a subscription holds, without those on their way out: a snapshot of theirs would be worth
        nothing, no changes follow it. With `coming`, those on their way in too."""
        held = dict(sub.items)
        for command in self._commands.waiting.values():
            if command.channel != sub.channel:
                continue
            if command.kind == "unsubscribe":
                return {}
            if command.kind == "delete_markets":
                for item in command.items:
                    held.pop(item, None)
            elif coming and command.kind == "add_markets":
                held |= dict.fromkeys(command.items)
        return held

    # What is wanted and not there -----------------------------------------------------------------------------

    def tend(self, now_ns: int) -> None:
        """Ask for what is wanted and not there, and to be rid of what is there and not wanted."""
        for sub in self.by_channel.values():
            if now_ns >= sub.retry_ns and not self._commands.is_changing(sub.channel):
                self._tend(sub, now_ns)

    def _tend(self, sub: Subscription, now_ns: int) -> None:
        items = self._items(sub, now_ns)
        new = [item for item in items if item not in sub.items]
        gone = [item for item in sub.items if item not in items]
        if not new:
            sub.is_singly = False
        if sub.is_singly:
            new = new[:1]
        is_index = sub.channel == INDEX
        if not sub.sid:
            if new or not sub.needs_items:
                self._ask("subscribe", sub, new, now_ns)
        elif new:
            self._ask("subscribe_indices" if is_index else "add_markets", sub, new, now_ns)
        elif gone and not items:  # a subscription without markets might be one to all of them
            self._ask("unsubscribe", sub, (), now_ns)
        elif gone:
            self._ask("unsubscribe_indices" if is_index else "delete_markets", sub, gone, now_ns)

    def _items(self, sub: Subscription, now_ns: int) -> dict[str, None]:
        if not sub.needs_items:
            return {}
        sub.barred = {item: until_ns for item, until_ns in sub.barred.items() if now_ns < until_ns}
        wanted = self._wanted.indices if sub.channel == INDEX else self._wanted.markets
        return {item: None for item in wanted if item not in sub.barred}

    def _ask(self, kind: Kind, sub: Subscription, items: Iterable[str], now_ns: int) -> None:
        command = self._commands.ask(kind, sub.channel, sub.sid, items, now_ns)
        if kind in {"subscribe", "unsubscribe"}:
            self._changed_id = command.id

    # What the exchange says of it -----------------------------------------------------------------------------

    def granted(self, command: Command | None, msg: SubscribedMsg, now_ns: int) -> Subscription | None:
        """A channel was subscribed to: None when there is one already, and this one is ended."""
        sub = self.by_channel.get(msg.channel)
        if sub is not None and sub.sid == msg.sid:
            return sub  # its data were faster
        if sub is None or sub.sid or command is None:
            self._stray(msg.channel, msg.sid, now_ns)
            return None
        self._take(sub, msg.sid, command)
        return sub

    def adopt(self, channel: str, sid: int) -> Subscription | None:
        """Data came of a subscription that was not announced: ours, if one to this channel is awaited."""
        sub = self.by_channel.get(channel)
        if sub is None or sub.sid or not sid or sid in self._old:
            return None
        for command in self._commands.waiting.values():
            if command.channel == channel and command.kind == "subscribe":
                self._take(sub, sid, command)
                return sub
        return None

    def _take(self, sub: Subscription, sid: int, command: Command) -> None:
        sub.sid, sub.seq = sid, 0
        sub.items = dict.fromkeys(command.items)
        sub.failures, sub.refused = 0, ""
        self.by_sid[sid] = sub

    def changed(self, sub: Subscription, command: Command, listed: list[str] | None, now_ns: int) -> None:
        """An update was made; `listed` is all that the subscription holds now, where the exchange says it."""
        sub.failures = 0
        if command.kind in {"add_markets", "subscribe_indices"}:
            sub.items |= dict.fromkeys(command.items)
        elif command.kind in {"delete_markets", "unsubscribe_indices"}:
            for item in command.items:
                sub.items.pop(item, None)
        if listed is None or "all" in listed:
            return
        for item in [item for item in sub.items if item not in listed]:  # to be asked for again, in a while
            self.bar(sub, item, now_ns)
            self._counts.complain(f"{sub.channel}: {item} is not among what the exchange says it sends")

    def bar(self, sub: Subscription, item: str, now_ns: int) -> None:
        """Not this one, for a while."""
        sub.items.pop(item, None)
        sub.barred[item] = now_ns + BARRED_S * SECOND_NS

    def unsubscribed(self, sid: int) -> None:
        """It has ended, as we asked."""
        sub = self.by_sid.get(sid)
        if sub is not None:
            self._close(sub)

    def fall(self, sub: Subscription, reason: str, now_ns: int) -> list[MarketEvent]:
        """It has ended, and we did not ask for that: it is asked for again, later each time. Raises Reconnect."""
        self._close(sub)
        sub.falls = sub.falls + 1 if now_ns - sub.fallen_ns < CALM_S * SECOND_NS else 0
        sub.fallen_ns = now_ns
        if sub.falls >= FALLS:
            return self.give_up(sub, f"it ends again and again: {reason}", now_ns)
        sub.retry_ns = now_ns + min(2**sub.falls, LONGEST_PAUSE_S) * SECOND_NS
        return self._ended(sub.channel, reason, now_ns)

    def failed(
        self, sub: Subscription, command: Command, reason: str, now_ns: int, *, is_slow: bool = False
    ) -> list[MarketEvent]:
        """A command was not carried out, as far as we know, and for no reason that is known to last. With `is_slow` we are
        only to ask less often."""
        if command.kind in {"delete_markets", "unsubscribe_indices"}:
            for item in command.items:
                sub.items.pop(item, None)  # if it is wanted again, it is asked for again
        sub.failures += 1
        if sub.failures >= TRIES and not is_slow:
            return self.give_up(sub, reason, now_ns)
        sub.retry_ns = now_ns + min(2 ** (sub.failures - 1), LONGEST_PAUSE_S) * SECOND_NS
        return []

    def give_up(self, sub: Subscription, reason: str, now_ns: int) -> list[MarketEvent]:
        """No more of this on this connection; without an optional channel everything else goes on. Raises Reconnect."""
        if sub.channel not in OPTIONAL:
            raise Reconnect(f"{sub.channel}: {reason}")
        if sub.sid:
            self._stray(sub.channel, sub.sid, now_ns)
        self._close(sub)
        sub.refused, sub.failures = reason, 0
        sub.retry_ns = now_ns + REFUSED_S * SECOND_NS
        return self._ended(sub.channel, reason, now_ns)

    def listed(self, command: Command, rows: list[SubscribedMsg], now_ns: int) -> list[MarketEvent]:
        """All subscriptions that the exchange has of this connection: those that it lacks, and those that we lack, end."""
        if self._changed_id > command.id or any(
            one.kind in {"subscribe", "unsubscribe"} for one in self._commands.waiting.values()
        ):
            return []
        theirs = {row.sid: row.channel for row in rows}
        events: list[MarketEvent] = []
        for sub in self.by_channel.values():
            if sub.sid and sub.sid not in theirs:
                events += self.fall(sub, "the exchange does not list it any more", now_ns)
        for sid, channel in theirs.items():
            if sid not in self.by_sid:
                self._stray(channel, sid, now_ns)
        return events

    def missed(self, sub: Subscription, seq: int) -> int:
        """Take the number of a frame: how many frames before it were lost, 0 when all is well."""
        if not seq or sub.channel not in SEQUENCED:
            return 0
        before, sub.seq = sub.seq, seq
        return max(1, seq - before - 1) if before and seq != before + 1 else 0

    def _stray(self, channel: str, sid: int, now_ns: int) -> None:
        """A second stream of the same."""
        self._end_sid(sid)
        self._changed_id = self._commands.ask("unsubscribe", f"stray {channel}", sid, (), now_ns).id

    def _close(self, sub: Subscription) -> None:
        if sub.sid:
            self.by_sid.pop(sub.sid, None)
            self._end_sid(sub.sid)
        sub.sid = sub.seq = 0
        sub.items = {}

    def _end_sid(self, sid: int) -> None:
        self._old[sid] = None
        if len(self._old) > MOST_ENDED:
            del self._old[next(iter(self._old))]
