"""A year of quarter-hour windows: what is kept at its end is what was kept after two days."""

import gc
from functools import lru_cache

import pytest

from markets.core.contract import WINDOW_NS
from markets.core.events import MarketEvent, MarketStatus
from markets.core.units import DAY_NS
from markets.kalshi.ticker import close_ns
from tests import kalshi_floor
from tests.kalshi_floor import Floor, Play, Script

SERIES = ("KXBTC15M", "KXETH15M", "KXSOL15M")
YEAR = 365 * DAY_NS // WINDOW_NS  # 35,040 quarter hours


class Counting(Play):
    """Counts what it is told instead of keeping it."""

    settled = 0

    def tell(self, events: list[MarketEvent]) -> None:
        self.settled += sum(isinstance(one, MarketStatus) and one.status == "settled" for one in events)


@pytest.mark.slow
def test_a_year_of_windows_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kalshi_floor, "close_ns", lru_cache(64)(close_ns))
    floor = Floor(Script(listed_before=3_600.0, strike_after=0.2, determined_after=None, settled_after=0.5))
    floor.is_counting = False
    play = Counting("2026-01-01T00:05:00Z", floor, SERIES)
    play.windows._watch_ns = DAY_NS  # the minutes in between are tried elsewhere
    start_ns = play.now_ns
    play.until(start_ns + 2 * DAY_NS)
    gc.collect()
    kept, objects = play.most, len(gc.get_objects())
    play.until(start_ns + 365 * DAY_NS)
    gc.collect()
    assert play.most <= kept + 2 * len(SERIES)
    assert len(gc.get_objects()) <= objects + 1_000
    assert play.settled == (YEAR - 4) * len(SERIES)  # of the hour that is lived twice each name is there once
    assert not play.complaints
