"""Perturb the future: change everything after a moment, and see that nothing decided up to it changes."""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from markets.core.events import (
    BookDelta,
    BookSnapshot,
    ExchangeStatus,
    FeedBeat,
    FeedStatus,
    IndexValue,
    Level,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SeriesDrift,
    SpotBook,
    SpotLevel,
    SpotLevels,
    SpotPrice,
    SpotQuote,
    TickerQuote,
    TradePrint,
)
from markets.core.units import PRICE_DOLLAR
from trading.core.decision import NOTHING, Decision
from trading.core.events import Event

Change = Literal["altered", "moved", "silent"]
CHANGES: tuple[Change, ...] = get_args(Change)
"""altered: other prices, books, strikes and results, events left out and others put in. moved: the same, and all of it
sooner or later. silent: nothing more is said."""
DROPPED = INSERTED = 10  # one of so many
PACES = ((1, 3), (3, 1))
_MASK = (1 << 64) - 1


class Rolls:
    """Numbers that look random and follow from the seed alone (SplitMix64)."""

    def __init__(self, *seed: int) -> None:
        self._state = 0
        for word in seed:
            self._state = (self._state ^ word) & _MASK
            self._state = self.next()

    def next(self) -> int:
        """The next 64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        word = self._state
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        return word ^ (word >> 31)

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1."""
        return self.next() % count

    def factor(self) -> float:
        """What a price is multiplied by: 0.97 to 0.995 or 1.005 to 1.03, never 1."""
        share = 0.005 + 0.025 * (self.next() / _MASK)
        return 1 + share if self.next() & 1 else 1 - share


def perturbed(events: Iterable[MarketEvent], at_ns: int, change: Change, seed: int) -> Iterator[MarketEvent]:
    """`events` as they are up to `at_ns` (included), and another future after it: in the order of time, never empty where
    the true one is not. The same arguments give the same events."""
    rolls = Rolls(seed, at_ns, CHANGES.index(change))
    up, down = PACES[rolls.below(len(PACES))] if change == "moved" else (1, 1)
    is_first = True
    for event in events:
        if event.received_ns <= at_ns:
            yield event
            continue
        now_ns = at_ns + 1 + (event.received_ns - at_ns - 1) * up // down
        if change == "silent":
            yield FeedBeat(now_ns, "nobody")
            return
        if is_first or rolls.below(DROPPED):
            yield altered(event, rolls, now_ns)
        if not rolls.below(INSERTED):
            yield altered(event, rolls, now_ns)
        is_first = False


def altered(event: MarketEvent, rolls: Rolls, now_ns: int) -> MarketEvent:
    """Another event of the same kind at `now_ns`: what it says is not what was said."""
    change = _ALTER.get(type(event))
    said = change(event, rolls) if change else event
    return replace(said, received_ns=now_ns)


def _listed(event: MarketListed, rolls: Rolls) -> MarketListed:
    terms = event.contract
    strike = None if terms.strike is None else terms.strike * rolls.factor()
    return replace(event, contract=replace(terms, strike=strike))


def _snapshot(event: BookSnapshot, rolls: Rolls) -> BookSnapshot:
    return replace(event, yes=_grown(event.no, rolls), no=_grown(event.yes, rolls))


def _grown(levels: tuple[Level, ...], rolls: Rolls) -> tuple[Level, ...]:
    return tuple((price, count + 100 * (1 + rolls.below(50))) for price, count in levels)


def _delta(event: BookDelta, rolls: Rolls) -> BookDelta:
    return replace(event, is_yes=not event.is_yes, change=abs(event.change) + 100 * (1 + rolls.below(50)))


def _quote(event: TickerQuote, rolls: Rolls) -> TickerQuote:
    bid, ask = PRICE_DOLLAR - event.ask, PRICE_DOLLAR - event.bid
    return replace(event, bid=bid, ask=ask, volume=event.volume + 100 * (1 + rolls.below(10_000)))


def _print(event: TradePrint, rolls: Rolls) -> TradePrint:
    count = event.count + 100 * (1 + rolls.below(1_000))
    return replace(event, price=PRICE_DOLLAR - event.price, count=count, taker_yes=not event.taker_yes)


def _spot_price(event: SpotPrice, rolls: Rolls) -> SpotPrice:
    return replace(event, price=event.price * rolls.factor(), size=event.size + 1.0)


def _spot_quote(event: SpotQuote, rolls: Rolls) -> SpotQuote:
    factor = rolls.factor()
    return replace(event, bid=event.bid * factor, ask=event.ask * factor)


def _spot_levels(event: SpotBook | SpotLevels, rolls: Rolls) -> SpotBook | SpotLevels:
    factor = rolls.factor()
    return replace(event, bids=_scaled(event.bids, factor), asks=_scaled(event.asks, factor))


def _scaled(levels: tuple[SpotLevel, ...], factor: float) -> tuple[SpotLevel, ...]:
    return tuple((price * factor, size) for price, size in levels)


def _status(event: MarketStatus, rolls: Rolls) -> MarketStatus:
    if event.status == "settled":
        result: Literal["yes", "no"] = "no" if event.result == "yes" else "yes"
        return replace(event, result=result, settle_value=str(1 + rolls.below(100_000)), yes_pays=None)
    return replace(event, status="paused" if event.status == "open" else "open")


def _index(event: IndexValue, rolls: Rolls) -> IndexValue:
    factor = rolls.factor()
    average = None if event.average is None else event.average * factor
    window = None if event.window_average is None else event.window_average * factor
    return replace(event, value=event.value * factor, average=average, window_average=window)


def _exchange(event: ExchangeStatus, rolls: Rolls) -> ExchangeStatus:
    return replace(event, is_trading=not event.is_trading)


def _drift(event: SeriesDrift, rolls: Rolls) -> SeriesDrift:
    return replace(event, changes=() if event.changes else ("another contract",))


def _feed(event: FeedStatus, rolls: Rolls) -> FeedStatus:
    return replace(event, state="up" if event.state == "lost" else "lost", reason="another future")


_ALTER: dict[type, Callable[[Any, Rolls], Any]] = {
    MarketListed: _listed, BookSnapshot: _snapshot, BookDelta: _delta, TickerQuote: _quote, TradePrint: _print,
    SpotPrice: _spot_price, SpotQuote: _spot_quote, SpotBook: _spot_levels, SpotLevels: _spot_levels,
    MarketStatus: _status, IndexValue: _index, ExchangeStatus: _exchange, SeriesDrift: _drift, FeedStatus: _feed,
}  # fmt: skip


class Chain:
    """Decisions in the order in which they were taken, each as a digest of itself and all before it. Only those count
    that said something, as for the digest of a run."""

    def __init__(self) -> None:
        self.at_ns = array("q")
        self._marks = array("Q")
        self._sha256 = hashlib.sha256()
        self._encode = msgspec.json.Encoder().encode

    @property
    def digest(self) -> str:
        """That of the run: SHA-256 (hex) over all decisions."""
        return self._sha256.hexdigest()

    def hear(self, event: Event, decision: Decision) -> None:
        """Take in one step."""
        if decision is NOTHING:
            return
        self._sha256.update(self._encode(decision))
        self.at_ns.append(event.received_ns)
        self._marks.append(int.from_bytes(self._sha256.copy().digest()[:8], "big"))

    def through(self, at_ns: int) -> int:
        """How many were taken up to that time, it included."""
        return bisect_right(self.at_ns, at_ns)

    def holds(self, place: int, other: "Chain") -> bool:
        """Whether the decision at `place`, and all before it, are those of the other."""
        return place < len(self._marks) and self._marks[place] == other._marks[place]  # noqa: SLF001


class Difference(NamedTuple):
    """The first decision that another future changed. `was_there` is False when the true run had fewer, `is_there`
    when the other had; `said` is what was decided instead, as JSON, empty where nothing was."""

    at_ns: int
    place: int
    said: str = ""
    was_there: bool = True
    is_there: bool = True


class Over(Exception):
    """All that there is to compare was compared."""


class Comparing:
    """Hears the decisions of a run with another future, and holds them to those of the true one up to a moment.

    Raises Over from `hear` as soon as it knows: at the first difference, or once time has passed the moment."""

    def __init__(self, true: Chain, at_ns: int) -> None:
        self.difference: Difference | None = None
        self._true = true
        self._at_ns = at_ns
        self._chain = Chain()
        self._wanted = true.through(at_ns)

    def hear(self, event: Event, decision: Decision) -> None:
        """One step of it. Raises Over."""
        if event.received_ns > self._at_ns:
            self.finish()
            raise Over
        place = len(self._chain.at_ns)
        self._chain.hear(event, decision)
        if decision is NOTHING or (place < self._wanted and self._true.holds(place, self._chain)):
            return
        said = msgspec.json.encode(decision).decode()
        self.difference = Difference(event.received_ns, place, said, was_there=place < self._wanted)
        raise Over

    def finish(self) -> Difference | None:
        """Nothing more is decided up to the moment: what the true run decided beyond is missing. The difference, if any."""
        place = len(self._chain.at_ns)
        if self.difference is None and place < self._wanted:
            self.difference = Difference(self._true.at_ns[place], place, is_there=False)
        return self.difference


def moments_of(times: Sequence[int], telling: Sequence[int], count: int, rolls: Rolls) -> list[int]:
    """So many different moments, ascending; every other one among those at which something `telling` was decided, while
    there are such."""
    chosen: list[int] = []
    pools = [sorted(dict.fromkeys(telling)), sorted(dict.fromkeys(times))]
    while len(chosen) < count and any(pools):
        pool = pools[len(chosen) % 2] or pools[1 - len(chosen) % 2]
        moment = pool.pop(rolls.below(len(pool)))
        if moment not in chosen:
            chosen.append(moment)
    return sorted(chosen)
