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
PUBLISHED_NS = SECOND_NS  # after it was calculated: the value stamped at the close is the last of the minute before it
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
        self._windows: OrderedDict[int, tuple[int, int]] = OrderedDict()  # by close ms: (sum, values)

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
        last_minute = self._window(units, source_ms)
        text = f"{Decimal(repr(value)):f}"
        return IndexTick(at_ns, self.id, source_ms, text, trailing, last_minute)

    def _window(self, units: int, source_ms: int) -> Average | None:
        close_ms = -(-source_ms // WINDOW_MS) * WINDOW_MS
        if source_ms <= close_ms - MINUTE_MS:
            return None
        total, count = self._windows.get(close_ms, (0, 0))
        total, count = total + units, count + 1
        self._windows[close_ms] = total, count
        if len(self._windows) > KEPT_WINDOWS:
            self._windows.popitem(last=False)
        return Average(_text(_rounded(total, count, DIGITS), DIGITS), count, close_ms - MINUTE_MS, source_ms)

    def settled(self, close_ns: int, decimals: int) -> str | None:
        """The average that a window settles on, with its decimals; None when values of the minute are missing."""
        total, count = self._windows.get(close_ns // MILLISECOND_NS, (0, 0))
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

    A value is stamped when it is published, a second after it was calculated: so the sixty values of the minute that
    ends with the close, the close's own included, are those that the world settles on.
    """
    at_ns = max(from_ns - (SAMPLES + 2) * SECOND_NS, world.start_ns + PUBLISHED_NS) // SECOND_NS * SECOND_NS
    while True:
        at_ns += SECOND_NS
        for asset in world.assets:
            value = world.index(asset, at_ns - PUBLISHED_NS)
            yield IndexValue(max(at_ns + DELAY_NS, from_ns), asset, value, at_ns)


def _rounded(total: int, count: int, decimals: int) -> int:
    """The mean of `count` values that sum to `total`, half up, in units of the last of `decimals`."""
    unit: int = 10 ** (DIGITS - decimals)
    return (2 * total + count * unit) // (2 * count * unit)


def _text(units: int, decimals: int) -> str:
    return f"{Decimal(units).scaleb(-decimals):.{decimals}f}"
