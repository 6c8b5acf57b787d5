"""Official: the settlement index as the exchange publishes it; its values in a settlement average, in place of our own."""

from math import fsum
from typing import NamedTuple

from markets.core.contract import WINDOW_NS, Averaging
from markets.core.events import IndexValue
from markets.core.units import MILLISECOND_NS, PRICELESS, SECOND_NS
from trading.core.index_samples import IndexSamples, bridged, whole_seconds
from trading.core.parameters import SettlementWindow

FRESH_NS = 2_500 * MILLISECOND_NS  # one a second is published: later than this something is missing
ON_TIME_NS = 100 * MILLISECOND_NS  # a value is of a full second when it is made so shortly after it
WINDOW_SAMPLES = 60


class Known(NamedTuple):
    """The part of a settlement average that is behind us: so many `samples` with this `total`; `missing` of them nobody
    knows, and `own` of them are estimates of ours, the missing ones included."""

    samples: int
    total: float
    missing: int
    own: int


class Published(NamedTuple):
    """The index as it was published last, for a page. `age_ns` is since it was heard. `average` is of the trailing
    minute; `window_average` of the first `window_samples` values of the last minute of a window, during that minute."""

    value: float
    age_ns: int
    is_fresh: bool
    average: float | None
    window_average: float | None
    window_samples: int


class Official:
    """Feed it what is published. It is the truth: where it has the value of a second, our own estimate is not asked."""

    __slots__ = ("_answer", "_averages", "_fresh_ns", "_last", "_minute_ns", "_question", "_values", "_version")

    def __init__(self) -> None:
        self._values = IndexSamples()
        self._last: IndexValue | None = None
        self._fresh_ns = -FRESH_NS - 1
        self._minute_ns = 0  # the first value of a window's last minute,
        self._averages: dict[int, float] = {}  # and by second the average from there up to it
        self._version = 0
        self._question: tuple[int, int, int, int] | None = None
        self._answer = Known(0, 0.0, 0, 0)

    def hear(self, event: IndexValue) -> bool:
        """Take what was published. False when it is no price."""
        if not 0.0 < event.value < PRICELESS:
            return False
        self._version += 1
        self._last = event
        if event.received_ns - event.venue_ns <= FRESH_NS or not event.venue_ns:
            self._fresh_ns = event.received_ns
        second, after_ns = divmod(event.venue_ns, SECOND_NS)
        if event.venue_ns and after_ns <= ON_TIME_NS:
            self._values.take(second, event.value)
            self._note_average(event, second)
        return True

    @property
    def is_heard(self) -> bool:
        """Whether anything was ever published."""
        return self._last is not None

    def at(self, second: int) -> float | None:
        """The value of one second, None where it was not published on time."""
        return self._values.at(second)

    def is_fresh(self, now_ns: int) -> bool:
        """Whether it is published now, and not as it was a while ago."""
        return now_ns - self._fresh_ns <= FRESH_NS

    def published(self, now_ns: int) -> Published | None:
        """What was published last, None when nothing ever was."""
        last = self._last
        if last is None:
            return None
        age_ns, is_fresh = now_ns - last.received_ns, self.is_fresh(now_ns)
        return Published(last.value, age_ns, is_fresh, last.average, last.window_average, last.window_samples)

    def known(self, own: IndexSamples, averaging: Averaging, close_ns: int, now_ns: int) -> Known:
        """The part of an average up to `now_ns`: official values where they came, else what the published average
        of the minute says of them together, else our `own` estimates; straight lines over what is missing."""
        count, total, missing = own.known(averaging, close_ns, now_ns)
        if not self.is_heard or not count:
            return Known(count, total, missing, count)
        first, step = averaging.first_ns(close_ns) // SECOND_NS, whole_seconds(averaging)
        question = (first, step, count, self._version)
        if question != self._question or self._answer.own:  # our own may be others by now
            self._question = question
            self._answer = self._mixed(own, range(first, first + count * step, step))
        return self._answer

    def _mixed(self, own: IndexSamples, seconds: range) -> Known:
        values = [self._values.at(second) for second in seconds]
        if None in values and seconds.step == 1:
            self._fill(values, seconds)
        estimated = values.count(None)
        if estimated:
            values = [own.at(second) if value is None else value for second, value in zip(seconds, values, strict=True)]
        return Known(len(values), fsum(bridged(values)), values.count(None), estimated)

    def _fill(self, values: list[float | None], seconds: range) -> None:
        """Each of the first values of the minute counts with their average, whoever of them was missed: together they
        are exact. Part of a sum is not known, so they must all be asked for."""
        first = self._minute_ns // SECOND_NS
        lasts = [last for last in self._averages if last < seconds.stop]
        if first < seconds.start or not lasts:
            return
        last = max(lasts)
        for second in range(first, last + 1):
            values[second - seconds.start] = self._averages[last]

    def _note_average(self, event: IndexValue, second: int) -> None:
        count, average = event.window_samples, event.window_average
        if average is None or not 0.0 < average < PRICELESS or not 0 < count <= WINDOW_SAMPLES:
            return
        minute_ns = (second - count + 1) * SECOND_NS
        if (minute_ns - SECOND_NS) % WINDOW_NS != WINDOW_NS - WINDOW_SAMPLES * SECOND_NS:
            return  # it does not begin where the last minute of a window does
        if minute_ns != self._minute_ns:
            self._minute_ns = minute_ns
            self._averages.clear()
        self._averages[second] = average


def whole_window(event: IndexValue, window: SettlementWindow = "closed_right") -> tuple[int, float] | None:
    """(the end of a window, the official average of its last minute) when this is the value that completes it: what
    the exchange will write as the next strike, but for the rounding.

    Two averages of it are published (section 1.3): over [T-60, T) with every value, which `open_right` settles on, and
    over (T-60, T] in the last minute of a window alone, `closed_right`. Without the first the second stands in.
    """
    second, after_ns = divmod(event.venue_ns, SECOND_NS)
    end_ns, average = second * SECOND_NS, event.window_average
    if average is None or event.window_samples != WINDOW_SAMPLES or after_ns > ON_TIME_NS or end_ns % WINDOW_NS:
        return None
    if window == "open_right" and event.average is not None:
        average = event.average
    return (end_ns, average) if 0.0 < average < PRICELESS else None
