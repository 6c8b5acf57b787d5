"""Checks: what a trader measures around the engine before real orders may go, and goes on measuring: a CheckTold for each."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from markets.recorder import Recorder
from trading import beats
from trading.core.engine import Engine
from trading.core.events import CheckTold
from trading.gateways.kalshi import KalshiGateway
from trading.inflow import Inflow
from trading.journal import Journal
from trading.kill_file import check_of, kill_path

PERIOD_S = 2.0
WATCHDOG_S = 10.0  # so old its newest beat may be
LOOKS = 150  # of the frames, so long back: five minutes
LEAST_FRAMES = 20  # before that a share of them says nothing


class Around(NamedTuple):
    """What the checks look at."""

    engine: Engine
    gateway: KalshiGateway
    journal: Journal
    tape: Recorder
    home: Path
    needs_watchdog: bool


class Checks:
    """`told` makes all checks, at this time of the market's clock."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._parsing: dict[str, Parsing] = {}
        self._makers: tuple[Callable[[int, Inflow], Iterable[CheckTold]], ...] = (
            self._kill_file,
            self._journal,
            self._order_group,
            self._clock_skew,
            self._parse_rate,
            self._drift,
            self._watchdog,
        )

    def told(self, now_ns: int, flow: Inflow) -> Iterator[CheckTold]:
        """Every check, once."""
        for make in self._makers:
            yield from make(now_ns, flow)

    def _kill_file(self, now_ns: int, _: Inflow) -> Iterator[CheckTold]:
        yield check_of(kill_path(self._around.home), now_ns)

    def _journal(self, now_ns: int, _: Inflow) -> Iterator[CheckTold]:
        journal = self._around.journal
        text = "the rows are behind" if journal.is_behind else ""
        if journal.failure is not None:
            text = f"the journal died: {journal.failure}"
        yield CheckTold(now_ns, "JOURNAL", not text, text, float(journal.backlog), float(journal.bound))

    def _order_group(self, now_ns: int, _: Inflow) -> Iterator[CheckTold]:
        """It latches: only what is known is told, and what is not gets old. A new group knows nothing of what an earlier
        session has traded, but the engine does."""
        groups = self._around.gateway.groups
        if groups.triggered or groups.is_ok:
            yield CheckTold(now_ns, "ORDER_GROUP", groups.is_ok, groups.text)

    def _clock_skew(self, now_ns: int, flow: Inflow) -> Iterator[CheckTold]:
        if flow.rest is None:
            return
        clock, limit = flow.rest.server_clock.view(), self._around.engine.risk.limits.max_clock_skew_ms
        if clock.offset_ms is None:
            yield CheckTold(now_ns, "CLOCK_SKEW", False, "the exchange's clock is not known yet", None, float(limit))
            return
        skew = abs(clock.offset_ms)
        text = "" if skew <= limit else f"our clock and the exchange's are {skew:,.0f} ms apart"
        yield CheckTold(now_ns, "CLOCK_SKEW", not text, text, skew, float(limit))

    def _parse_rate(self, now_ns: int, flow: Inflow) -> Iterator[CheckTold]:
        """Nothing where nothing can be said: where too little was heard from all feeds, or nothing from one that is up."""
        limit = self._around.engine.risk.limits.min_parse_rate_bp
        views = flow.views()
        exchange = flow.exchange_view()
        if exchange is not None and exchange.connection is not None:
            views = [*views, exchange.connection]
        parsing = {view.feed: self._parsing.setdefault(view.feed, Parsing()) for view in views}
        for view in views:
            parsing[view.feed].look(view.frames, view.unreadable)
        rates = [(rate, view.title) for view in views if (rate := parsing[view.feed].rate_bp) is not None]
        worst, title = min(rates, default=(0.0, ""))
        is_silent = not rates or any(view.state == "up" and not parsing[view.feed].heard for view in views)
        if worst < limit and rates:
            text = f"{title}: {worst / 100:.2f} % of the frames of the last minutes could be read"
            yield CheckTold(now_ns, "PARSE_RATE", False, text, worst, float(limit))
        elif not is_silent:
            yield CheckTold(now_ns, "PARSE_RATE", True, "", worst, float(limit))

    def _drift(self, now_ns: int, flow: Inflow) -> Iterator[CheckTold]:
        watch = self._around.engine.watch
        series = {market.contract.series for market in watch.markets.values()}
        drifting = sorted(name for name in series if watch.drifts.get(name))
        is_ok = bool(series) and len(drifting) < len(series)
        text = f"{', '.join(drifting)} is not what is assumed of it" if drifting else ""
        yield CheckTold(now_ns, "DRIFT", is_ok, text if series else "no market has been read yet")

    def _watchdog(self, now_ns: int, _: Inflow) -> Iterator[CheckTold]:
        path = self._around.home / beats.WATCHDOG
        age_s, beat = beats.age_s(path), beats.read_beat(path)
        is_ok = age_s is not None and age_s < WATCHDOG_S and beat is not None and not beat.is_over
        if not is_ok and not self._around.needs_watchdog:
            return
        text = "" if is_ok else "no watchdog runs: start it with `kalshi-bot watchdog`"
        if not is_ok and age_s is not None:
            text = f"the watchdog's last sign of life is {age_s:.0f} s old"
        yield CheckTold(now_ns, "WATCHDOG", is_ok, text, age_s, WATCHDOG_S)


class Parsing:
    """How many frames of one feed could be read lately."""

    def __init__(self) -> None:
        self._looks: deque[tuple[int, int]] = deque([(0, 0)], maxlen=LOOKS)

    def look(self, frames: int, unreadable: int) -> None:
        """So many have come since the feed began, and so many of them could not be read."""
        if frames < self._looks[-1][0]:
            self._looks.clear()  # it counts anew
            self._looks.append((0, 0))
        self._looks.append((frames, unreadable))

    @property
    def heard(self) -> int:
        """How many frames have come since the oldest look."""
        return self._looks[-1][0] - self._looks[0][0]

    @property
    def rate_bp(self) -> float | None:
        """The share of these that could be read, in basis points; None of too few."""
        bad = self._looks[-1][1] - self._looks[0][1]
        return 10_000.0 * (self.heard - bad) / self.heard if self.heard >= LEAST_FRAMES else None
