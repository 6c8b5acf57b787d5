"""Windows: the quarter-hour markets of some series, planned by the clock before any listing has them, and looked after
until they have paid out. Readings, notes and times in; events, and what is to be read, out. No I/O in here.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markets.core.contract import WINDOW_NS, window_close_ns
from markets.core.events import MarketEvent
from markets.core.units import DAY_NS, SECOND_NS
from markets.feeds.kalshi.notes import LifecycleNote
from markets.feeds.kalshi.timetable import Timetable
from markets.feeds.kalshi.view import WindowView
from markets.feeds.kalshi.window import Facts, Window, opens
from markets.kalshi.ticker import TickerError, asset_of, close_ns, market_ticker, series_of

AHEAD_NS = 300 * SECOND_NS  # so long before its open a window is looked for
PLAN_AGAIN_NS = 30 * SECOND_NS  # where a name is still in use
RETRY_NS = 3 * SECOND_NS  # after a reading that brought nothing; twice, then four times as long when it goes on
LIST_AFTER_NS, LIST_EVERY_NS = 5 * SECOND_NS, 60 * SECOND_NS
BACKWARDS_NS = 2 * SECOND_NS  # a clock that was put back by more than this: all that was due is due anew
REST_NOTES = frozenset(
    {"created", "close_date_updated", "determined", "settled", "price_level_structure_updated", "metadata_updated"}
)


class Due(NamedTuple):
    """A market to be read now. `is_urgent`: by itself, because lists may lag: its listing or its strike is awaited."""

    ticker: str
    is_urgent: bool


class Windows:
    """Keeps a few windows a series and a day of names: it does not grow with time.

    Every method that returns events is to be given our own time; `offset_ns` is how far the exchange's clock is ahead.
    Each reading that was `due` is answered with `read`, `absent`, or nothing, when it failed: it is due again soon.
    """

    def __init__(self, series: Sequence[str], timetable: Timetable, *, watch_ns: int = 30 * SECOND_NS) -> None:
        """`watch_ns`: how often an open market is read. Raises TickerError for what is no quarter-hour series."""
        for one in series:
            asset_of(one)
        self.series = tuple(series)
        self.offset_ns = 0
        self.is_halted = False  # the exchange does not trade: what is missing then is no news
        self.complaints: list[str] = []  # new ones; whoever reads them empties it
        self._timetable, self._watch_ns = timetable, watch_ns
        self._windows: dict[str, Window] = {}
        self._done: dict[str, int] = {}  # settled: ticker to close
        self._held: frozenset[str] = frozenset()
        self._plan_ns = self._now_ns = 0

    def __len__(self) -> int:
        return len(self._windows) + len(self._done)

    def advance(self, now_ns: int) -> list[MarketEvent]:
        """Time has passed: windows are planned, open, close, and are given up."""
        at_ns = now_ns + self.offset_ns
        if at_ns < self._now_ns - BACKWARDS_NS:
            self._put_back(at_ns)
        self._now_ns = at_ns
        if at_ns >= self._plan_ns:
            self._plan(at_ns)
        told = []
        for window in list(self._windows.values()):
            told += self._told(window, at_ns, now_ns)
        return told

    def due(self, now_ns: int) -> list[Due]:
        """What is to be read now."""
        at_ns = now_ns + self.offset_ns
        wanted = []
        for window in self._windows.values():
            if window.wants_ns <= at_ns:
                window.wants_ns = at_ns + (RETRY_NS << min(window.failures, 2))
                window.failures += 1  # until an answer comes
                state = window.state(at_ns)
                is_urgent = state == "awaiting strike" or (state == "expected" and at_ns >= window.open_ns)
                wanted.append(Due(window.ticker, is_urgent))
        return wanted

    def unlisted(self, now_ns: int) -> list[str]:
        """Series whose open markets are to be listed now, because the one that was computed is not there."""
        at_ns = now_ns + self.offset_ns
        found = []
        for window in self._windows.values():
            is_late = (
                window.is_absent
                and window.facts is None
                and at_ns >= max(window.open_ns + LIST_AFTER_NS, window.list_ns)
            )
            if is_late and window.series in self.series and (window.is_taken or not self._excuse(window)):
                window.list_ns = at_ns + LIST_EVERY_NS
                found.append(window.series)
        return list(dict.fromkeys(found))

    def read(self, facts: Facts, now_ns: int) -> list[MarketEvent]:
        """A market was read."""
        window, at_ns = self._windows.get(facts.ticker), now_ns + self.offset_ns
        if window is None:
            return []
        if window.facts is None and facts.close_ns <= window.open_ns and facts.ticker not in self._held:
            window.is_absent = window.is_taken = True  # in the hour that is lived twice
            self._plan_read(window, at_ns)
            return []
        window.read(facts, at_ns)
        told = self._told(window, at_ns, now_ns)
        self._plan_read(window, at_ns)
        return told

    def absent(self, ticker: str, now_ns: int) -> None:
        """The exchange does not know it."""
        window = self._windows.get(ticker)
        if window is not None:
            window.is_absent = True
            self._plan_read(window, now_ns + self.offset_ns)

    def listing(self, series: str, listed: Iterable[Facts], now_ns: int) -> list[MarketEvent]:
        """The open markets of a series were listed: one that has another name than was computed is taken as well."""
        at_ns, told = now_ns + self.offset_ns, []
        for facts in listed:
            is_ours = facts.close_ns - facts.open_ns == WINDOW_NS and facts.open_ns - AHEAD_NS <= at_ns < facts.close_ns
            if not is_ours or self._done.get(facts.ticker) == facts.close_ns:
                continue
            if facts.ticker not in self._windows:
                self._drop_computed(series, facts.close_ns)
                window = Window(facts.ticker, series, facts.open_ns, facts.close_ns, at_ns)
                self._windows[facts.ticker] = window
            told += self.read(facts, now_ns)
        return told

    def noted(self, note: LifecycleNote, now_ns: int) -> list[MarketEvent]:
        """Something happened to a market. Most notes say less than a reading does, and only cause one."""
        window, at_ns = self._windows.get(note.ticker), now_ns + self.offset_ns
        if window is None:
            return []
        if note.event_type in ("activated", "deactivated"):
            is_paused = note.is_deactivated
            window.pause(at_ns, is_paused=note.event_type == "deactivated" if is_paused is None else is_paused)
        elif note.event_type in REST_NOTES:
            window.news(at_ns)
        return self._told(window, at_ns, now_ns)

    def hold(self, tickers: Iterable[str], now_ns: int) -> None:
        """The account has something in these: they are looked after until they have paid out, whatever their age."""
        self._held = frozenset(tickers)
        for ticker in self._held:
            if ticker in self._windows or ticker in self._done:
                continue
            try:
                series, closes_ns = series_of(ticker), close_ns(ticker)
            except TickerError:
                continue  # not one of ours: a trade by hand, in another kind of market
            self._windows[ticker] = Window(ticker, series, opens(closes_ns), closes_ns, now_ns + self.offset_ns)

    def resync(self, now_ns: int) -> None:
        """Notes may have been missed: everything is to be read anew."""
        for window in self._windows.values():
            if window.facts is not None:
                window.news(now_ns + self.offset_ns)

    def next_ns(self) -> int:
        """When `advance` or `due` has something to do next, in our own time."""
        moments = [self._plan_ns]
        for window in self._windows.values():
            moments.append(window.wants_ns)
            moments += [moment for moment in (window.open_ns, window.close_ns) if moment > self._now_ns]
        return min(moments) - self.offset_ns

    def quoted(self, before_ns: int = DAY_NS) -> list[str]:
        """The markets whose books are wanted: told of, not closed, and open or to open within `before_ns`. Those that close
        first come first."""
        lives = [one for one in self._windows.values() if one.facts is not None and one.told not in _OVER]
        now_ns = self._now_ns
        return [one.ticker for one in sorted(lives, key=_closes) if one.open_ns - before_ns <= now_ns < one.close_ns]

    def is_old(self, ticker: str, before_ns: int) -> bool:
        """Whether it closed before this moment."""
        window = self._windows.get(ticker)
        return window is not None and window.close_ns < before_ns + self.offset_ns

    def tickers(self) -> set[str]:
        """All that are looked after."""
        return set(self._windows)

    def shard_of(self, ticker: str) -> int | None:
        """Where orders in it are to be sent; None while it has not been read."""
        window = self._windows.get(ticker)
        return window.facts.shard if window is not None and window.facts is not None else None

    def shards(self) -> set[int]:
        """Where the markets are that trade, or will."""
        lives = [one for one in self._windows.values() if self._now_ns < one.close_ns]
        return {one.facts.shard for one in lives if one.facts and one.facts.shard is not None}

    def views(self) -> list[WindowView]:
        """The windows that are looked after, those that close first before the others."""
        return [self._view(window) for window in sorted(self._windows.values(), key=_closes)]

    # Inside ---------------------------------------------------------------------------------------------------

    def _plan(self, at_ns: int) -> None:
        """Windows that open within the next minutes, or are open. Names that are still in use wait for their turn."""
        last_close_ns = window_close_ns(at_ns + AHEAD_NS)
        self._plan_ns = last_close_ns - AHEAD_NS
        for closes_ns in range(window_close_ns(at_ns), last_close_ns + 1, WINDOW_NS):
            for series in self.series:
                if not self._expect(series, closes_ns, at_ns):
                    self._plan_ns = min(self._plan_ns, at_ns + PLAN_AGAIN_NS)
        for ticker, closed_ns in list(self._done.items()):
            if closed_ns < at_ns - DAY_NS:
                del self._done[ticker]

    def _expect(self, series: str, closes_ns: int, at_ns: int) -> bool:
        """False while its name is that of a window an hour before, which has not paid yet."""
        if any(one.close_ns == closes_ns and one.series == series for one in self._windows.values()):
            return True
        ticker = market_ticker(series, closes_ns)
        if ticker in self._windows:
            return False
        if self._done.get(ticker) != closes_ns:
            self._windows[ticker] = Window(ticker, series, opens(closes_ns), closes_ns, at_ns)
        return True

    def _told(self, window: Window, at_ns: int, stamp_ns: int) -> list[MarketEvent]:
        told = window.events(at_ns, stamp_ns)
        if window.told == "settled":
            self._done[window.ticker] = window.close_ns
            del self._windows[window.ticker]
        elif self._is_given_up(window, at_ns):
            del self._windows[window.ticker]
        else:
            self._look_for_trouble(window, at_ns)
        return told

    def _look_for_trouble(self, window: Window, at_ns: int) -> None:
        trouble = window.trouble(at_ns)
        if not trouble.words or trouble.words in window.said or (trouble.is_excusable and self._excuse(window)):
            return
        window.said.add(trouble.words)
        self.complaints.append(f"{window.ticker} {trouble.words}")

    def _is_given_up(self, window: Window, at_ns: int) -> bool:
        if window.ticker in self._held:
            return False
        return at_ns >= window.close_ns + (DAY_NS if window.facts is not None else 0)

    def _plan_read(self, window: Window, at_ns: int) -> None:
        window.failures = 0
        is_excused = window.facts is None and self._excuse(window) != ""
        window.plan(at_ns, self._watch_ns, is_excused=is_excused)

    def _excuse(self, window: Window) -> str:
        """Why it may be missing, or late, without anybody having to know."""
        if self.is_halted:
            return "the exchange does not trade"
        if window.is_taken:
            return "its name is still that of the window an hour before"
        return self._timetable.skips(window.open_ns, window.close_ns)

    def _put_back(self, at_ns: int) -> None:
        self._plan_ns = at_ns
        for window in list(self._windows.values()):
            window.wants_ns = min(window.wants_ns, at_ns + RETRY_NS)
            if window.facts is None and window.open_ns > at_ns + AHEAD_NS and window.ticker not in self._held:
                del self._windows[window.ticker]

    def _drop_computed(self, series: str, closes_ns: int) -> None:
        for window in list(self._windows.values()):
            if window.facts is None and (window.series, window.close_ns) == (series, closes_ns):
                del self._windows[window.ticker]

    def _view(self, window: Window) -> WindowView:
        state, trouble, excuse = window.state(self._now_ns), window.trouble(self._now_ns), self._excuse(window)
        return WindowView(
            window.ticker,
            window.series,
            "determined" if state == "settled" else state,
            window.open_ns,
            window.close_ns,
            window.contract.strike if window.contract is not None else None,
            window.facts.shard if window.facts is not None else None,
            excuse if excuse and (trouble.is_excusable or window.facts is None) else trouble.words,
        )


_OVER = ("closed", "disputed", "settled")


def _closes(window: Window) -> int:
    return window.close_ns
