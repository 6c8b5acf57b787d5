"""ExchangeWatch: whether the exchange trades on our shards, by its own word, its announcements, and our clock. No I/O."""

from collections.abc import Iterable
from datetime import UTC, datetime

from markets.core.events import ExchangeStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.timetable import Closure, Timetable, minutes_of
from markets.feeds.kalshi.timetable import Session as Hours
from markets.feeds.kalshi.timetable import Week as WeekHours
from markets.feeds.kalshi.view import ShardView
from markets.kalshi.messages_market import ExchangeState, Schedule, Week
from markets.kalshi.ticker import new_york

UNREAD_AFTER_NS = 45 * SECOND_NS  # so long what was read last goes on to hold
NOT_OURS = "no market of ours is there now"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class ExchangeWatch:
    """`events` tells the status of each shard when it is another than was told.

    The exchange's own status decides, and an announced maintenance, which it may be late to show. The weekly hours only
    excuse what is missing: where there is a market in spite of them, and the exchange says that it trades, it trades.
    """

    def __init__(self, timetable: Timetable, patience: float = 1.0) -> None:
        self.clock_trouble = ""  # why our own clock cannot be trusted; whoever knows sets it
        self._timetable = timetable
        self._unread_after_ns = int(UNREAD_AFTER_NS * max(1.0, patience))
        self._state: ExchangeState | None = None
        self._read_ns = 0
        self._since_ns: int | None = None  # when the first attempt was made
        self._words = ""
        self._told: dict[int, tuple[bool, str]] = {}

    def read(self, state: ExchangeState, now_ns: int) -> None:
        """Its status was read, from an answer of whatever kind."""
        self._state, self._read_ns, self._words = state, now_ns, ""

    def not_read(self, words: str, now_ns: int) -> None:
        """Its status could not be read."""
        self._words = words
        self._since_ns = now_ns if self._since_ns is None else self._since_ns

    def schedule_read(self, schedule: Schedule) -> None:
        """Its hours and its maintenance. Hours that cannot be read are as good as not told."""
        windows = [(one.start_ns, one.end_ns) for one in schedule.maintenance or ()]
        weeks = [hours for hours in map(_hours, schedule.weeks or ()) if hours is not None]
        self._timetable.announce(weeks, windows)

    def events(self, shards: Iterable[int], now_ns: int) -> list[ExchangeStatus]:
        """What is to be told of these shards; and of one that stood still and is no longer ours, that nothing waits for
        it any more: else what has moved away from it would wait for ever."""
        told, concerned = [], frozenset(shards)
        for shard in sorted(concerned):
            view = self._of(shard, now_ns)
            if view is None or self._told.get(shard) == view[1:]:
                continue
            self._told[shard] = view[1:]
            told.append(ExchangeStatus(now_ns, *view))
        if concerned <= self._told.keys():  # of what has come in its place it is known how it is
            for shard in sorted(self._told.keys() - concerned) if concerned else ():
                is_trading, _ = self._told.pop(shard)
                if not is_trading:
                    told.append(ExchangeStatus(now_ns, shard, True, NOT_OURS))
        return told

    def views(self) -> tuple[ShardView, ...]:
        """Each shard as it was told."""
        return tuple(ShardView(shard, *told) for shard, told in sorted(self._told.items()))

    @property
    def is_halted(self) -> bool:
        """Whether nothing trades anywhere that concerns us: what is missing then is no news."""
        return bool(self._told) and not any(is_trading for is_trading, _ in self._told.values())

    def maintenance(self, now_ns: int) -> str:
        """What goes on now, in words; empty when nothing does."""
        return _words(self._timetable.at(now_ns))

    def next_maintenance(self, now_ns: int) -> tuple[int, int] | None:
        """From and to, within a week."""
        closure = self._timetable.next(now_ns)
        return (closure.start_ns, closure.end_ns) if closure is not None else None

    def _of(self, shard: int, now_ns: int) -> ShardView | None:
        """None while nothing is known, and it is too early to say that nothing can be known."""
        closure = self._timetable.at(now_ns)
        if closure is not None and closure.is_announced:
            return ShardView(shard, False, _words(closure))
        if self.clock_trouble:
            return ShardView(shard, False, self.clock_trouble)
        silent_ns = now_ns - (self._read_ns or (self._since_ns if self._since_ns is not None else now_ns))
        if self._words and silent_ns >= self._unread_after_ns:
            return ShardView(shard, False, f"the exchange's status cannot be read: {self._words}"[:200])
        if self._state is None:
            return None
        reason = _reason(self._state, shard)
        if reason and closure is not None:
            reason = f"{reason}: {_words(closure)}"
        return ShardView(shard, not reason, reason)


def _reason(state: ExchangeState, shard: int) -> str:
    """Why it does not trade there; the fields of the whole speak for shard 0, and for all where none is named."""
    one = state.of(shard) or (state.of(0) if state.shards is None else None)
    if one is None:
        return f"the exchange does not say how its shard {shard} is"
    back = f", back at about {_utc(state.resumes_ns)}" if state.resumes_ns is not None else ""
    if not one.exchange_active:
        return f"the exchange is closed on shard {shard}{back}"
    return "" if one.trading_active else f"the exchange does not trade on shard {shard} now{back}"


def _words(closure: Closure | None) -> str:
    if closure is None:
        return ""
    return f"{closure.words}, until {new_york(closure.end_ns):%a %H:%M} in New York"


def _hours(week: Week) -> WeekHours | None:
    days = []
    for name in DAYS:
        sessions = getattr(week, name) or ()
        try:
            days.append(tuple(Hours(minutes_of(one.opens), minutes_of(one.closes)) for one in sessions))
        except ValueError:
            return None
    return WeekHours(week.start_ns, week.end_ns, tuple(days))


def _utc(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M} UTC"
