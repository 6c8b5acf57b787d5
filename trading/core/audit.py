"""Audit: every settled window against both readings of its minute (section 1.4), our estimate, each method and each venue."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import NamedTuple

from markets.core.contract import WINDOW_NS, Averaging, Contract
from markets.core.events import MarketStatus
from markets.core.units import SECOND_NS
from trading.core.decision import SettlementAudit
from trading.core.index_samples import IndexSamples
from trading.core.official import Official
from trading.core.parameters import PriceMethod, SettlementWindow

SAFE_NS = 30 * SECOND_NS  # after a close every official value of its minute was heard, and samples are still there
KEPT = 96  # minutes: a day of quarter hours; who settles later is audited without averages
VENUE_SECONDS = 128  # of each venue: the minute before a quarter hour is all that is ever asked for
MOST_MISSING = 6  # of sixty: an average of our own has straight lines over so many, and over more is none
OPEN_RIGHT, CLOSED_RIGHT = Averaging(window="open_right"), Averaging(window="closed_right")
Named = tuple[tuple[str, float], ...]


class Minute(NamedTuple):
    """What is known of the minute before one close. `own` of the seconds of either reading were our own samples; the
    last three are averages of our own over the seconds of the `configured` reading, never official values."""

    configured: SettlementWindow
    open_right: float | None
    closed_right: float | None
    own: int
    estimate: float | None
    venues: Named
    methods: Named


class Auditor:
    """One asset. Samples are kept for twenty minutes and a settlement may take longer: so the averages of a minute are kept
    half a minute after its close, and taken at the settlement only where that comes first."""

    __slots__ = ("_minutes", "_venues", "due_ns", "window")

    def __init__(self, window: SettlementWindow) -> None:
        self.window = window
        self.due_ns = 0  # when the averages of the next minute are kept
        self._minutes: dict[int, Minute] = {}  # by close
        self._venues: dict[str, IndexSamples] = {}

    def take_venues(self, second: int, said: Iterable[tuple[str, float]]) -> None:
        """What each venue that may speak says at the top of `second`, UTC; its basis is still in it."""
        for venue, price in said:
            samples = self._venues.get(venue)
            if samples is None:
                samples = self._venues[venue] = IndexSamples(VENUE_SECONDS)
            samples.take(second, price)

    def keep(
        self, second_ns: int, official: Official, samples: Mapping[PriceMethod, IndexSamples], method: PriceMethod
    ) -> None:
        """The time has come (`due_ns`): keep the averages of the minute that has ended."""
        if self.due_ns:
            close_ns = self.due_ns - SAFE_NS
            self._minutes[close_ns] = self._minute(close_ns, official, samples, method)
            if len(self._minutes) > KEPT:
                del self._minutes[next(iter(self._minutes))]
        self.due_ns = (second_ns - SAFE_NS) // WINDOW_NS * WINDOW_NS + WINDOW_NS + SAFE_NS

    def audit(
        self, event: MarketStatus, contract: Contract, official: Official,
        samples: Mapping[PriceMethod, IndexSamples], method: PriceMethod,
    ) -> SettlementAudit | None:  # fmt: skip
        """Hold a settlement against its minute. None where no average was settled on: a voided market, no value."""
        value = price_of(event.settle_value)
        if value is None or event.result not in {"yes", "no"}:
            return None
        minute = self._minutes.get(contract.close_ns)
        if minute is None:
            minute = self._minute(contract.close_ns, official, samples, method)
        return SettlementAudit(
            event.received_ns,
            contract.ticker,
            contract.asset,
            contract.close_ns,
            event.settle_value,
            decimals_of(event.settle_value),
            contract.decimals,
            event.result,
            contract.strike,
            is_tie=value == contract.strike,
            **minute._asdict(),
        )

    def _minute(
        self, close_ns: int, official: Official, samples: Mapping[PriceMethod, IndexSamples], method: PriceMethod
    ) -> Minute:
        own = samples[method]
        opens, closes = [official.known(own, each, close_ns, close_ns) for each in (OPEN_RIGHT, CLOSED_RIGHT)]
        reading = OPEN_RIGHT if self.window == "open_right" else CLOSED_RIGHT
        return Minute(
            self.window,
            None if opens.missing else opens.total / opens.samples,
            None if closes.missing else closes.total / closes.samples,
            max(opens.own, closes.own),
            _mean(own, reading, close_ns),
            _means(self._venues, reading, close_ns),
            _means(samples, reading, close_ns),
        )


def price_of(settle_value: str) -> float | None:
    """The average that the exchange settled on, in dollars; None where what it wrote is no price."""
    try:
        value = float(settle_value)
    except ValueError:
        return None
    return value if 0.0 < value < inf else None


def decimals_of(settle_value: str) -> int:
    """How many decimals are written. A number may be written without its last zeros: it had at least so many."""
    return len(settle_value.strip().partition(".")[2])


def _mean(samples: IndexSamples, reading: Averaging, close_ns: int) -> float | None:
    count, total, missing = samples.known(reading, close_ns, close_ns)
    return total / count if missing <= MOST_MISSING else None


def _means(
    samples: Mapping[str, IndexSamples] | Mapping[PriceMethod, IndexSamples], reading: Averaging, close_ns: int
) -> Named:
    means = [(str(name), _mean(each, reading, close_ns)) for name, each in samples.items()]
    return tuple([(name, mean) for name, mean in means if mean is not None])
