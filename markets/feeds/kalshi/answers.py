"""Answers: what the exchange says to our commands, what its errors mean, and what is done when it says nothing."""

from collections.abc import Callable

from markets.core.events import MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.kalshi.books import MarketBooks
from markets.feeds.kalshi.commands import BOOKS, INDEX, OPTIONAL, Command, Commands
from markets.feeds.kalshi.frames import (
    ErrorMsg,
    Head,
    decode_error,
    decode_index_list,
    decode_listed,
    decode_ok,
    decode_subscribed,
)
from markets.feeds.kalshi.notes import IndexList, Note
from markets.feeds.kalshi.subscriptions import TRIES, Subscription, Subscriptions
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.venue import Reconnect, Refused

CHECK_S = 60  # between two looks at the exchange's list of our subscriptions
QUIET_S = 2  # after so much silence it is asked for at once: an answer is a sign of life
UNKNOWN_COMMAND, UNKNOWN_SID, UNKNOWN_CHANNEL, UNAUTHENTICATED = 5, 7, 8, 9
TERMINAL = (10, 25)  # channel error, buffer overflow: the subscription is dead
ENDED = (*TERMINAL, UNKNOWN_SID)
ABOUT_MARKETS = (11, 14, 26)  # invalid parameter, ticker required, too many markets
TOO_MANY_REQUESTS = 27
PASSING = (1, 18, TOO_MANY_REQUESTS)  # unable to process, timeout


class Answers:
    """Takes the replies of one connection. What it returns is to be told; it raises Reconnect and Refused."""

    def __init__(
        self,
        wanted: Wanted,
        commands: Commands,
        subscriptions: Subscriptions,
        books: MarketBooks,
        *,
        counts: Counts,
        note: Callable[[Note], None],
    ) -> None:
        self._wanted, self._commands, self._subscriptions, self._books = wanted, commands, subscriptions, books
        self._counts, self._note = counts, note
        self._asked_list_ns = 0
        self._has_list = True  # the exchange knows the command
        self._unlisted = 0  # times in a row that it was not answered

    def hear(self, head: Head, now_ns: int) -> list[MarketEvent]:
        """One reply. Raises msgspec.DecodeError for one that cannot be read."""
        if head.type == "subscribed":
            return self._subscribed(head, now_ns)
        if head.type == "unsubscribed":
            self._commands.answered(head.id or 0)
            self._subscriptions.unsubscribed(head.sid or 0)
            return []
        if head.type == "ok":
            return self._ok(head, now_ns)
        if head.type == "error":
            return self._error(head, decode_error(head.msg), now_ns)
        return self._index_list(head, now_ns)

    def _subscribed(self, head: Head, now_ns: int) -> list[MarketEvent]:
        msg = decode_subscribed(head.msg)
        sub = self._subscriptions.granted(self._commands.answered(head.id or 0), msg, now_ns)
        if sub is None:
            return []
        if sub.channel == INDEX:
            self._commands.ask("indexlist", INDEX, sub.sid, (), now_ns)
        return []

    def _ok(self, head: Head, now_ns: int) -> list[MarketEvent]:
        command = self._commands.answered(head.id or 0)
        if command is None:
            return []
        if command.kind == "list_subscriptions":
            self._unlisted = 0
            return self._subscriptions.listed(command, decode_listed(head.msg), now_ns)
        sub = self._subscriptions.by_channel.get(command.channel)
        if sub is None or sub.sid != command.sid:
            return []
        held = decode_ok(head.msg)
        self._subscriptions.changed(
            sub, command, held.index_ids if sub.channel == INDEX else held.market_tickers, now_ns
        )
        if command.kind == "subscribe_indices":
            self._commands.ask("indexlist", INDEX, sub.sid, (), now_ns)
        return []

    def _index_list(self, head: Head, now_ns: int) -> list[MarketEvent]:
        self._commands.answered(head.id or 0)
        available = tuple(decode_index_list(head.msg).index_ids)
        missing = tuple([one for one in self._wanted.indices if one not in available])
        reason = f"the exchange has no index {', '.join(missing)}" if missing else ""
        self._note(IndexList(received_ns=now_ns, available=available, missing=missing, reason=reason))
        return []

    # Errors ---------------------------------------------------------------------------------------------------

    def _error(self, head: Head, msg: ErrorMsg, now_ns: int) -> list[MarketEvent]:
        command = self._commands.answered(head.id or 0)
        subscriptions = self._subscriptions
        sub = subscriptions.by_sid.get(head.sid or 0)
        if sub is None and command is not None:
            sub = subscriptions.by_channel.get(command.channel)
        words = f"{msg.msg or 'an error without words'} (code {msg.code})"
        where = (
            sub.channel if sub is not None else command.channel or command.kind if command is not None else "exchange"
        )
        self._counts.complain(f"{where}: {words}")
        if sub is None:
            return self._error_of_none(head, command, msg.code, words)
        if command is not None and command.sid and command.sid != sub.sid:
            return []  # about the one before
        if msg.code in ENDED:
            if command is None or command.kind != "unsubscribe":
                return subscriptions.fall(sub, words, now_ns)
            subscriptions.unsubscribed(command.sid)
            return []
        if sub.channel in OPTIONAL and msg.code not in PASSING:
            return subscriptions.give_up(sub, words, now_ns)
        return self._error_of(sub, command, msg, words, now_ns)

    def _error_of(
        self, sub: Subscription, command: Command | None, msg: ErrorMsg, words: str, now_ns: int
    ) -> list[MarketEvent]:
        """About a subscription that goes on, or was to be made."""
        if msg.code == UNAUTHENTICATED:
            raise Refused(f"the exchange says that {sub.channel} needs a key that may read it: {words}")
        if msg.code == UNKNOWN_CHANNEL:
            raise Refused(f"the exchange does not know the channel {sub.channel}: {words}")
        if msg.code in ABOUT_MARKETS and (msg.tickers or (command is not None and command.items)):
            return self._refused_markets(sub, command, msg, words, now_ns)
        if command is None:
            return []
        return self._subscriptions.failed(sub, command, words, now_ns, is_slow=msg.code == TOO_MANY_REQUESTS)

    def _error_of_none(self, head: Head, command: Command | None, code: int, words: str) -> list[MarketEvent]:
        """About no subscription that we have."""
        if command is not None and command.kind == "list_subscriptions":
            self._has_list = code != UNKNOWN_COMMAND
        elif code in TERMINAL and not head.sid and not head.id:
            raise Reconnect(f"something has ended, and the exchange does not say what: {words}")
        return []

    def _refused_markets(
        self, sub: Subscription, command: Command | None, msg: ErrorMsg, words: str, now_ns: int
    ) -> list[MarketEvent]:
        """Some of the markets that we asked for are not to be had: not the others' fault."""
        asked = command.items if command is not None else ()
        refused = [ticker for ticker in msg.tickers if ticker in asked or ticker in sub.items]
        if not refused and len(asked) > 1:
            sub.is_singly = True
            return []
        events: list[MarketEvent] = []
        for ticker in refused or asked:
            self._subscriptions.bar(sub, ticker, now_ns)
            if sub.channel == BOOKS:
                events += self._books.absent(ticker, words, now_ns)
        return events

    # Silence --------------------------------------------------------------------------------------------------

    def due(self, now_ns: int, heard_ns: int, patience: float) -> list[MarketEvent]:
        """What was not answered counts as failed; now and then the exchange's list is looked at."""
        events: list[MarketEvent] = []
        for command in self._commands.overdue(now_ns, patience):
            self._commands.give_up(command)
            events += self._unanswered(command, now_ns)
        if not self._has_list or any(one.kind == "list_subscriptions" for one in self._commands.waiting.values()):
            return events
        self._asked_list_ns = self._asked_list_ns or now_ns
        since_ns = now_ns - self._asked_list_ns
        is_quiet = min(now_ns - heard_ns, since_ns) >= QUIET_S * SECOND_NS * patience
        if is_quiet or since_ns >= CHECK_S * SECOND_NS * patience:
            self._asked_list_ns = now_ns
            self._commands.ask("list_subscriptions", "", 0, (), now_ns)
        return events

    def _unanswered(self, command: Command, now_ns: int) -> list[MarketEvent]:
        words = f"{command.kind} was not answered"
        self._counts.complain(f"{command.channel or 'exchange'}: {words}")
        sub = self._subscriptions.by_channel.get(command.channel)
        if command.kind == "list_subscriptions":
            self._unlisted += 1
            if self._unlisted >= TRIES:
                raise Reconnect(words)
        elif sub is not None and command.kind not in {"get_snapshot", "indexlist"}:  # the books ask again on their own
            return self._subscriptions.failed(sub, command, words, now_ns)
        return []
