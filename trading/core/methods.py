"""The ways to make one price of what the venues say, but for the fusion: VWAP, weighted median, index replica."""

from typing import NamedTuple

import msgspec

from markets.core.units import SECOND_NS
from markets.core.venues import USD, is_constituent
from trading.core.panel import Panel
from trading.core.parameters import PriceMethod
from trading.core.replica import Replica, near_book, replica, spacing_of, whole_book
from trading.core.voices import NEVER_NS, LeftOut, Voice
from trading.core.votes import weighted_median

CAP_FOR_NS = 5 * SECOND_NS  # the size cap looks at whole books, which takes time, and moves slowly


class MethodPrice(NamedTuple):
    """One method's index level now. `sigma` is one standard deviation relative to the price. A value of None has a
    `reason` code; `note` says which venues the method wants, where that is not all of them."""

    method: PriceMethod
    value: float | None
    age_ns: int | None
    sigma: float | None
    venues_in: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    reason: str = ""
    note: str = ""
    nu: float | None = None  # as measured: the standard deviation of its last innovations, relative


class Raw(msgspec.Struct, frozen=True, gc=False):
    """A method's price before its bias is taken off, and how long it holds if nothing is heard."""

    value: float
    source_ns: int
    expires_ns: int
    venues: tuple[str, ...]


def vwap(voices: list[Voice], now_ns: int, stale_ns: int) -> Raw | None:
    """Volume-weighted trades of the window, over all venues. Who traded inside the window speaks, with its volume;
    when nobody did, the last trades of those still fresh do. None when nobody has traded lately."""
    total = weight = 0.0
    spoken: list[tuple[float, float, Voice, int]] = []
    silent: list[tuple[float, float, Voice, int]] = []
    expires_ns = NEVER_NS
    for voice in voices:
        trades = voice.vwap
        if not voice.has_trades or now_ns - trades.last_ns > stale_ns:
            continue
        price, volume, first_ns = trades.inside(now_ns)
        expires_ns = min(expires_ns, trades.last_ns + stale_ns)
        if now_ns - trades.last_ns > trades.window_ns:
            silent.append((price, volume, voice, trades.last_ns))
        else:
            spoken.append((price, volume, voice, trades.last_ns))
            expires_ns = min(expires_ns, first_ns + trades.window_ns)
    spoken = spoken or silent
    if not spoken:
        return None
    for price, volume, _, _ in spoken:
        total += price * volume
        weight += volume
    return Raw(total / weight, max(each[3] for each in spoken), expires_ns, tuple(each[2].venue for each in spoken))


def middle(voices: list[Voice], now_ns: int) -> Raw:
    """The volume-weighted median of what each venue says now. Ask only with at least one voice."""
    weights = [voice.weight(now_ns) for voice in voices]
    ends = [trades.first_ns + trades.window_ns for trades in (voice.vwap for voice in voices) if trades.last_ns]
    expires_ns = min((end_ns for end_ns in ends if end_ns >= now_ns), default=NEVER_NS)
    value = weighted_median([voice.price for voice in voices], weights)
    return Raw(value, max(voice.said_ns for voice in voices), expires_ns, tuple(voice.venue for voice in voices))


class KeptReplica:
    """The index replica of one asset: who was erroneous is remembered from one time to the next."""

    __slots__ = (
        "_cap",
        "_cap_ns",
        "_capped",
        "_excluded",
        "asked",
        "asset",
        "is_in_dollars",
        "is_of_constituents",
        "made_ns",
        "raw",
    )

    def __init__(self, asset: str) -> None:
        self.asset = asset
        self.made_ns = -1
        self.is_of_constituents = False
        self.is_in_dollars = True
        self.raw: Raw | None = None
        self.asked: tuple[str, ...] = ()  # the venues it was to be made of
        self._excluded: tuple[str, ...] = ()
        self._cap: float | None = None
        self._cap_ns = 0
        self._capped: tuple[str, ...] = ()  # the venues it was made of

    def renew(self, panel: Panel, now_ns: int) -> None:
        """Make it anew and remember it."""
        self.made_ns = now_ns
        voices = self.chosen(panel)
        self.asked = tuple([voice.venue for voice in voices])
        made = self._made(voices, now_ns) if len(voices) >= panel.needed else None
        self.raw = None
        if made is not None:
            self._excluded = made.excluded
            self.raw = Raw(made.value, max(voice.said_ns for voice in voices), NEVER_NS, made.venues)

    def chosen(self, panel: Panel) -> list[Voice]:
        """Whose books: of those that quote in dollars the constituents of this index, when enough of them have one, else
        all; where no venue quotes in dollars, what there is."""
        books = [voice for voice in panel.inside if voice.source == "book"]
        dollars = [voice for voice in books if voice.currency == USD]
        constituents = [voice for voice in dollars if is_constituent(voice.venue, self.asset)]
        self.is_of_constituents = len(constituents) >= panel.needed
        if self.is_of_constituents:
            return constituents
        self.is_in_dollars = any(voice.currency == USD for voice in panel.voices.values())
        return dollars if self.is_in_dollars else books

    def _made(self, voices: list[Voice], now_ns: int) -> Replica | None:
        if not voices:
            return None
        spacing = spacing_of(self.asset, voices[0].price)
        if self._cap is not None and self.asked == self._capped and now_ns - self._cap_ns < CAP_FOR_NS:
            books = [near_book(voice.venue, voice.ladder) for voice in voices]
            return replica(books, spacing, self._excluded, self._cap)
        made = replica([whole_book(voice.venue, voice.ladder) for voice in voices], spacing, self._excluded)
        self._cap, self._cap_ns, self._capped = made and made.cap, now_ns, self.asked
        return made

    @property
    def note(self) -> str:
        """Which venues it is made of."""
        if self.is_of_constituents:
            return "books of the index's constituents"
        return "all books in dollars" if self.is_in_dollars else "all books, none of them in dollars"
