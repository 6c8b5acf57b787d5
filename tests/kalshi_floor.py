"""A scripted exchange for windows without I/O: what it would answer about a market at any moment, and a clock to play it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from markets.core.contract import TAPERED_GRID, Contract, PriceBand
from markets.core.events import MarketEvent, MarketListed, MarketStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.timetable import Timetable
from markets.feeds.kalshi.window import Facts
from markets.feeds.kalshi.windows import Windows
from markets.kalshi.ticker import asset_of, close_ns, market_ticker, open_ns, series_of


def ns(text: str) -> int:
    """2026-11-22T17:00Z, to nanoseconds."""
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1_000) * 1_000_000


class Script(NamedTuple):
    """How one market lives; seconds count from its open where it opens, from its close where it ends. None: never."""

    listed_before: float = 4 * 3_600.0
    strike_after: float | None = 0.7
    strike: float = 85_000.5
    determined_after: float | None = 5.0
    settled_after: float | None = 12.0
    result: str = "yes"
    value: str = "85010.25"
    yes_pays: int | None = None
    phases: tuple[tuple[float, str], ...] = ()  # (seconds after the open, status) that override the usual ones
    grids: tuple[tuple[float, tuple[PriceBand, ...]], ...] = ()
    shard: int = 2
    odd: str = ""


USUAL = Script()


class Floor:
    """`scripts` by ticker, `usual` for all others; `exists` says whether there is such a window at all."""

    def __init__(self, usual: Script = USUAL, exists: Callable[[str, int], bool] = lambda ticker, close: True) -> None:
        self.usual, self.exists = usual, exists
        self.scripts: dict[str, Script] = {}
        self.asked: list[tuple[int, str]] = []
        self.is_counting = True

    def answer(self, ticker: str, now_ns: int) -> Facts | None:
        if self.is_counting:
            self.asked.append((now_ns, ticker))
        script = self.scripts.get(ticker, self.usual)
        first, second = close_ns(ticker), close_ns(ticker, second_pass=True)
        closes = [close for close in dict.fromkeys((second, first)) if self.exists(ticker, close)]
        for close in closes:  # where one name is that of two windows, the later as soon as it is listed
            if now_ns >= open_ns(close) - int(script.listed_before * SECOND_NS):
                return self._facts(ticker, close, script, now_ns)
        return None

    def _facts(self, ticker: str, close: int, script: Script, now_ns: int) -> Facts:
        since_open, since_close = (now_ns - open_ns(close)) / SECOND_NS, (now_ns - close) / SECOND_NS
        status = "active" if since_open >= 0 else "initialized"
        for start, name in script.phases:
            status = name if since_open >= start else status
        if since_close >= 0 and status in ("active", "inactive"):
            status = "closed"
        result, value, pays = "", "", None
        if script.determined_after is not None and since_close >= script.determined_after:
            status = status if status in ("disputed", "amended") else "determined"
            result, value, pays = script.result, script.value, script.yes_pays
        if script.settled_after is not None and since_close >= script.settled_after:
            status, result, value, pays = "finalized", script.result, script.value, script.yes_pays
        grid: tuple[PriceBand, ...] = TAPERED_GRID
        for start, bands in script.grids:
            grid = bands if since_open >= start else grid
        has_strike = script.strike_after is not None and since_open >= script.strike_after
        contract = Contract(
            ticker,
            series_of(ticker),
            asset_of(series_of(ticker)),
            open_ns(close),
            close,
            script.strike if has_strike else None,
            grid=grid,
        )
        return Facts(
            ticker,
            status,
            open_ns(close),
            close,
            None if script.odd else contract,
            script.odd,
            script.shard,
            0,
            result,
            value,
            pays,
        )


class Play:
    """Windows and a floor in simulated time. `events` has what was told with the moment it was told at."""

    def __init__(
        self,
        start: str,
        floor: Floor | None = None,
        series: tuple[str, ...] = ("KXBTC15M",),
        timetable: Timetable | None = None,
    ) -> None:
        self.now_ns = ns(start)
        self.floor = floor or Floor()
        self.windows = Windows(series, timetable or Timetable())
        self.events: list[MarketEvent] = []
        self.complaints: list[str] = []
        self.is_keeping = True
        self.is_answering = True
        self.most = 0

    def until(self, end: str | int) -> "Play":
        end_ns = ns(end) if isinstance(end, str) else end
        windows = self.windows
        while self.now_ns < end_ns:
            self.tell(windows.advance(self.now_ns))
            for due in windows.due(self.now_ns):
                self.read(due.ticker)
            for series in windows.unlisted(self.now_ns):
                self.look_for(series)
            self.complaints += windows.complaints
            windows.complaints.clear()
            self.most = max(self.most, len(windows))
            self.now_ns = min(max(windows.next_ns(), self.now_ns + 1_000_000), end_ns)
        self.tell(windows.advance(self.now_ns))
        return self

    def read(self, ticker: str) -> None:
        if not self.is_answering:
            return
        facts = self.floor.answer(ticker, self.now_ns)
        if facts is None:
            self.windows.absent(ticker, self.now_ns)
        else:
            self.tell(self.windows.read(facts, self.now_ns))

    def look_for(self, series: str) -> None:
        """Nothing but what was computed is listed, unless a test says otherwise."""

    def tell(self, events: list[MarketEvent]) -> None:
        if self.is_keeping:
            self.events += events

    def statuses(self, ticker: str) -> list[str]:
        return [one.status for one in self.events if isinstance(one, MarketStatus) and one.ticker == ticker]

    def status(self, ticker: str, name: str) -> MarketStatus:
        return next(
            one for one in self.events if isinstance(one, MarketStatus) and (one.ticker, one.status) == (ticker, name)
        )

    def listings(self, ticker: str) -> list[MarketListed]:
        return [one for one in self.events if isinstance(one, MarketListed) and one.contract.ticker == ticker]

    def complained(self, ticker: str) -> list[str]:
        """What was complained of about it, without its name."""
        return [text.removeprefix(ticker + " ") for text in self.complaints if text.startswith(ticker)]

    def state(self, ticker: str) -> str:
        return next(view.state for view in self.windows.views() if view.ticker == ticker)

    def words(self, ticker: str) -> str:
        return next(view.words for view in self.windows.views() if view.ticker == ticker)


def ticker_at(close: str, series: str = "KXBTC15M") -> str:
    """The market that closes then."""
    return market_ticker(series, ns(close))
