"""One spot price from many venues: volume-weighted over a short window, without outliers, less a known basis."""

from math import inf
from typing import Literal, NamedTuple

from markets.core.events import SpotPrice
from trading.core.parameters import Parameters
from trading.core.vwap import VenueVwap

OUTLIER_SHARE = 0.0015  # of the price; together with
OUTLIER_MAD = 6.0  # median absolute deviations
OUTLIER_VENUES = 3  # with fewer nobody can say who is wrong
GAIN = 0.5  # how much of a new difference is believed; 31 recorded closes: 0.50 bp off the next, 1.16 without anchors
LARGEST_BASIS = 0.005  # an anchor further off than this is an error, of the strike or of ours
_NEVER_NS = 1 << 62

Voice = tuple[float, float, int]  # price, weight, time of the last trade


class VenueState(NamedTuple):
    """One venue as a page shows it."""

    venue: str
    price: float
    age_ns: int
    state: Literal["fresh", "stale", "lost"]
    messages: int


class _Venue:
    __slots__ = ("is_lost", "messages", "vwap")

    def __init__(self, window_ns: int) -> None:
        self.vwap = VenueVwap(window_ns)
        self.is_lost = True  # until its first trade
        self.messages = 0


class Spot:
    """The level of one asset's index, as well as the venues heard tell it.

    Who traded inside the window speaks, with its volume; when nobody did, the last trades of those still fresh do.
    """

    __slots__ = (
        "_estimate", "_expires_ns", "_stale_ns", "_venues", "_window_ns", "anchors", "asset", "basis", "source_ns",
    )  # fmt: skip

    def __init__(self, asset: str, parameters: Parameters) -> None:
        self.asset = asset
        self.anchors = 0  # how often the basis was measured
        self.basis = 0.0  # our level / the index - 1
        self.source_ns = 0  # when the newest trade behind the last estimate was received
        self._venues: dict[str, _Venue] = {}
        self._estimate: float | None = None
        self._expires_ns = -1  # the estimate holds up to here, unless something is heard
        self.configure(parameters)

    def configure(self, parameters: Parameters) -> None:
        """Go on under other parameters; trades that have left the window do not come back."""
        self._window_ns = parameters.vwap_window_ns
        self._stale_ns = parameters.stale_spot_ns
        for venue in self._venues.values():
            venue.vwap.window_ns = parameters.vwap_window_ns
        self._expires_ns = -1

    def hear(self, event: SpotPrice) -> None:
        """Take a trade. One whose price is no price is counted and changes nothing."""
        venue = self._venues.get(event.venue)
        if venue is None:
            venue = self._venues[event.venue] = _Venue(self._window_ns)
        venue.messages += 1
        price = event.price
        if 0.0 < price < inf:
            venue.vwap.add(event.received_ns, price, event.size)
            venue.is_lost = False
            self._expires_ns = -1

    def lost(self, venue: str) -> None:
        """This venue's feed is gone: it says nothing until its next trade."""
        if venue in self._venues:
            self._venues[venue].is_lost = True
            self._expires_ns = -1

    def estimate(self, now_ns: int) -> float | None:
        """The index level now, None when no venue is fresh. `source_ns` is then how new it is."""
        if now_ns > self._expires_ns:
            self._renew(now_ns)
        return self._estimate

    def anchor(self, strike: float, own_average: float) -> bool:
        """Learn from a level that the exchange has published (a strike) and our own estimate of the same average.

        Half of the difference is believed at a time. False when it is too large to be true.
        """
        rest = own_average / strike - 1.0
        if not -LARGEST_BASIS < rest < LARGEST_BASIS:
            return False
        self.basis += rest * GAIN
        self.anchors += 1
        self._expires_ns = -1
        return True

    @property
    def is_anchored(self) -> bool:
        """Whether the basis was ever measured."""
        return self.anchors > 0

    def age_ns(self, now_ns: int) -> int:
        """Time since the newest trade of a venue that is not lost; since 1970 when there is none."""
        newest_ns = 0
        for venue in self._venues.values():
            if venue.vwap.last_ns > newest_ns and not venue.is_lost:
                newest_ns = venue.vwap.last_ns
        return now_ns - newest_ns

    def fresh(self, now_ns: int) -> int:
        """How many venues have traded lately and are not lost."""
        since_ns = now_ns - self._stale_ns
        count = 0
        for venue in self._venues.values():
            if venue.vwap.last_ns >= since_ns and not venue.is_lost:
                count += 1
        return count

    def venues(self, now_ns: int) -> list[VenueState]:
        """Every venue that has named a price, in the order they were first heard."""
        return [
            VenueState(
                name, venue.vwap.last_price, now_ns - venue.vwap.last_ns, self._state(venue, now_ns), venue.messages
            )
            for name, venue in self._venues.items()
            if venue.vwap.last_ns
        ]

    def _state(self, venue: _Venue, now_ns: int) -> Literal["fresh", "stale", "lost"]:
        if venue.is_lost:
            return "lost"
        return "fresh" if now_ns - venue.vwap.last_ns <= self._stale_ns else "stale"

    def _renew(self, now_ns: int) -> None:
        window_ns, stale_ns, expires_ns = self._window_ns, self._stale_ns, _NEVER_NS
        speaking: list[Voice] = []
        silent: list[Voice] = []
        for venue in self._venues.values():
            vwap = venue.vwap
            last_ns = vwap.last_ns
            if venue.is_lost or now_ns - last_ns > stale_ns:
                continue
            vwap.drop_old(now_ns)
            if last_ns + stale_ns < expires_ns:
                expires_ns = last_ns + stale_ns
            if now_ns - last_ns > window_ns:
                silent.append((vwap.price, vwap.weight, last_ns))
                continue
            speaking.append((vwap.price, vwap.weight, last_ns))
            if vwap.first_ns + window_ns < expires_ns:
                expires_ns = vwap.first_ns + window_ns
        self._expires_ns = expires_ns
        self._say(speaking or silent)

    def _say(self, voices: list[Voice]) -> None:
        if not voices:
            self._estimate = None
            return
        if len(voices) >= OUTLIER_VENUES:
            voices = without_outliers(voices)
        total = weight = 0.0
        newest_ns = 0
        for price, volume, last_ns in voices:
            total += price * volume
            weight += volume
            if last_ns > newest_ns:
                newest_ns = last_ns
        self._estimate = total / weight / (1.0 + self.basis)
        self.source_ns = newest_ns


def without_outliers(voices: list[Voice]) -> list[Voice]:
    """Those no further from the median price than 15 bp or 6 median absolute deviations, whichever is more."""
    prices = [voice[0] for voice in voices]
    if max(prices) - min(prices) <= OUTLIER_SHARE * min(prices):
        return voices  # nearly always; no median can be further off than that
    middle = _median(prices)
    spread = _median([abs(price - middle) for price in prices])
    limit = max(OUTLIER_SHARE * middle, OUTLIER_MAD * spread)
    return [voice for voice in voices if abs(voice[0] - middle) <= limit]


def _median(values: list[float]) -> float:
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else 0.5 * (values[half - 1] + values[half])
