"""What the further constituents share: numbers in text taken strictly, trades told once, refusals that name nobody."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Literal

from markets.core.events import MarketEvent, SpotLevel
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint, Refused
from markets.feeds.venues.common import GRANT_S, BookSocket

MOST_PRICE, MOST_SIZE = 1e12, 1e15
REMEMBERED = 1_000  # trades an asset
WORDS_WAIT_S = GRANT_S - 2  # what is not granted so long after a refusal is what was refused

Taker = Literal["", "buy", "sell"]


def levels(pairs: Iterable[Sequence[str]]) -> list[SpotLevel]:
    """(price, size, ...) in text to numbers, in the same order.

    ValueError when one of them is junk: a change that cannot be read is a change that was lost, so none of the frame
    may count, and the sequence has to notice.
    """
    found: list[SpotLevel] = []
    for pair in pairs:
        price, size = float(pair[0]), float(pair[1])
        if not (0.0 < price < MOST_PRICE and 0.0 <= size < MOST_SIZE):
            raise ValueError(f"no level of a book: {pair[0]} {pair[1]}")
        found.append((price, size))
    return found


def above_zero(text: str) -> float:
    """The price or size of a trade. ValueError when it is none."""
    value = float(text)
    if not 0.0 < value < MOST_SIZE:
        raise ValueError(f"no price or size of a trade: {text[:20]}")
    return value


def or_none(text: str) -> float:
    """A price or size of a quote, 0 where a side is empty: "" and "0.00" say so. ValueError for junk."""
    return above_zero(text) if text.strip("0.") else 0.0


def taker_of(side: str) -> Taker:
    """BUY and SELL, whatever their case."""
    side = side.lower()
    return "buy" if side == "buy" else "sell" if side == "sell" else ""


class Recent:
    """The last trades of one asset, so that none is told twice."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[Hashable, None] = {}

    def is_new(self, key: Hashable) -> bool:
        """True the first time; from then on the key is known."""
        keys = self._keys
        if key in keys:
            return False
        keys[key] = None
        if len(keys) > 2 * REMEMBERED:
            self._keys = dict.fromkeys(list(keys)[-REMEMBERED:])
        return True


class WordedSocket(BookSocket):
    """A socket of a venue whose refusals may not say what they refuse: what stays without a grant is what was meant."""

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self.words = ""  # of a refusal that named nobody
        self.recent = {asset: Recent() for asset in symbols}

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Lay a refusal at the door of what was not granted. Raises Refused when nothing is left."""
        events: list[MarketEvent] = []
        if self.words:
            late = [
                symbol
                for (_, symbol), at_ns in self.ungranted.items()
                if now_ns - at_ns > WORDS_WAIT_S * SECOND_NS * self.patience
            ]
            for asset in dict.fromkeys(self.assets[symbol] for symbol in late if symbol in self.assets):
                events += self.refuse(asset, self.words, now_ns)
        return events + super().due(now_ns)

    def refuse(self, asset: str, words: str, now_ns: int) -> list[MarketEvent]:
        """One asset less. Raises Refused when it was the last: there is nothing to be had on this connection."""
        events = super().refuse(asset, words, now_ns)
        if len(self.refused) == len(self.symbols):
            raise Refused(words)
        return events

    def heard_words(self, words: str) -> list[MarketEvent]:
        """The venue complains of something, and does not say of what."""
        self.words = words
        self.counts.complain(words)
        return []
