"""The index that settles the markets, second by second, with the averages that the exchange publishes of it."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from decimal import Decimal

from markets.core.contract import WINDOW_NS
from markets.core.events import IndexValue
from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.simulator.exchange.house_news import Average, IndexTick
from trading.simulator.world import DemoWorld

INDEX_IDS = {"BTC": "BRTI"}  # all others are COINUSD_RTI
DIGITS = 8  # of every value on the wire
SAMPLES = 60
MINUTE_MS, WINDOW_MS = 60_000, WINDOW_NS // MILLISECOND_NS
KEPT_WINDOWS = 8
DELAY_NS = 45 * MILLISECOND_NS  # from its stamp to us


def index_id(asset: str) -> str:
    """BTC -> BRTI, ETH -> ETHUSD_RTI."""
    return INDEX_IDS.get(asset, f"{asset}USD_RTI")


class Index:
    """One coin's index: the last minute of it, and the sums of the minutes that windows settle on."""

    def __init__(self, asset: str) -> None:
        self.id = index_id(asset)
        self.heard_ns = 0
        self._minute: deque[tuple[int, int]] = deque()  # (source ms, value in units of the last digit)
        self._sum = self._last_ms = 0
        self._windows: OrderedDict[int, tuple[int, int]] = OrderedDict()  # by close ms: (sum, values) of (T-60, T]
        self._settling: OrderedDict[int, tuple[int, int]] = OrderedDict()  # and of [T-60, T)

    def hear(self, value: float, source_ms: int, at_ns: int) -> IndexTick | None:
        """The tick to publish; None for what was heard already, or comes out of order."""
        if source_ms <= self._last_ms:
            return None
        self._last_ms, self.heard_ns = source_ms, at_ns
        units = int(Decimal(repr(value)).scaleb(DIGITS).to_integral_value())
        while self._minute and self._minute[0][0] < source_ms - MINUTE_MS:
            self._sum -= self._minute.popleft()[1]
        count = len(self._minute)
        mean = _rounded(self._sum, count, DIGITS) if count else units
        trailing = Average(_text(mean, DIGITS), count, source_ms - MINUTE_MS, source_ms)
        self._minute.append((source_ms, units))
        self._sum += units
        self._settle(units, source_ms)
        last_minute = self._window(units, source_ms)
        text = f"{Decimal(repr(value)):f}"
        return IndexTick(at_ns, self.id, source_ms, text, trailing, last_minute)

    def _window(self, units: int, source_ms: int) -> Average | None:
        close_ms = -(-source_ms // WINDOW_MS) * WINDOW_MS
        if source_ms <= close_ms - MINUTE_MS:
            return None
        total, count = _added(self._windows, close_ms, units)
        return Average(_text(_rounded(total, count, DIGITS), DIGITS), count, close_ms - MINUTE_MS, source_ms)

    def _settle(self, units: int, source_ms: int) -> None:
        close_ms = (source_ms // WINDOW_MS + 1) * WINDOW_MS
        if source_ms >= close_ms - MINUTE_MS:
            _added(self._settling, close_ms, units)

    def settled(self, close_ns: int, decimals: int) -> str | None:
        """The average that a window settles on, with its decimals: of the sixty values from a minute before the close up
        to a second before it, as the trailing average at the close has them. None when one of them is missing."""
        total, count = self._settling.get(close_ns // MILLISECOND_NS, (0, 0))
        return _text(_rounded(total, count, decimals), decimals) if count == SAMPLES else None


class IndexBoard:
    """All indices that have been heard of."""

    def __init__(self) -> None:
        self._indices: dict[str, Index] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the indices, as `indexlist` has them."""
        return tuple(index.id for index in self._indices.values())

    def hear(self, event: IndexValue) -> IndexTick | None:
        """The tick to publish, if it is a new one."""
        index = self._indices.get(event.asset)
        if index is None:
            index = self._indices[event.asset] = Index(event.asset)
        source_ns = event.venue_ns or event.received_ns
        return index.hear(event.value, source_ns // MILLISECOND_NS, event.received_ns)

    def settled(self, asset: str, close_ns: int, decimals: int) -> str | None:
        """The average that a window settles on; None when the index is unknown or incomplete."""
        index = self._indices.get(asset)
        return None if index is None else index.settled(close_ns, decimals)


def demo_index(world: DemoWorld, from_ns: int) -> Iterator[IndexValue]:
    """The indices of the demo world, once a second, without end, from a little more than a minute before `from_ns`.

    A value is stamped with the second it is of: the sixty before a close, without the close's own, are those that the
    world settles on.
    """
    at_ns = max(from_ns - (SAMPLES + 2) * SECOND_NS, world.start_ns) // SECOND_NS * SECOND_NS
    while True:
        at_ns += SECOND_NS
        for asset in world.assets:
            value = world.index(asset, at_ns)
            yield IndexValue(max(at_ns + DELAY_NS, from_ns), asset, value, at_ns)


def _added(windows: OrderedDict[int, tuple[int, int]], close_ms: int, units: int) -> tuple[int, int]:
    """One value more in the sum of a window; the oldest windows are forgotten."""
    total, count = windows.get(close_ms, (0, 0))
    windows[close_ms] = total + units, count + 1
    if len(windows) > KEPT_WINDOWS:
        windows.popitem(last=False)
    return windows[close_ms]


def _rounded(total: int, count: int, decimals: int) -> int:
    """The mean of `count` values that sum to `total`, half up, in units of the last of `decimals`."""
    unit: int = 10 ** (DIGITS - decimals)
    return (2 * total + count * unit) // (2 * count * unit)


def _text(units: int, decimals: int) -> str:
    return f"{Decimal(units).scaleb(-decimals):.{decimals}f}"
