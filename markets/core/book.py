"""OrderBook: YES bids and NO bids of one market; best, depth, imbalance."""

from collections.abc import Iterable, Iterator

from markets.core.events import Level
from markets.core.units import PRICE_DOLLAR


class BookError(ValueError):
    """The book cannot be what we were told: a level went negative. Wait for a snapshot."""


class OrderBook:
    """Two ladders of bids, as the wire has them. The best YES ask is a dollar less the best NO bid.

    `bid` and `ask` are YES prices; 0 and 10000 mean that the side is empty.
    """

    __slots__ = ("ask", "bid", "no", "yes")

    def __init__(self) -> None:
        self.yes: dict[int, int] = {}
        self.no: dict[int, int] = {}
        self.bid = 0
        self.ask: int = PRICE_DOLLAR

    def replace(self, yes: Iterable[Level], no: Iterable[Level]) -> None:
        """Forget everything and take the levels of a snapshot."""
        self.yes = {price: count for price, count in yes if count > 0}
        self.no = {price: count for price, count in no if count > 0}
        self.bid = max(self.yes, default=0)
        self.ask = PRICE_DOLLAR - max(self.no, default=0)

    def change(self, is_yes: bool, price: int, change: int) -> bool:
        """Apply a delta; True when the best price or the count at it changed. Raises BookError."""
        ladder = self.yes if is_yes else self.no
        best = self.bid if is_yes else PRICE_DOLLAR - self.ask
        count = ladder.get(price, 0) + change
        if count > 0:
            ladder[price] = count
            if price < best:
                return False
            best = price
        elif count == 0:
            ladder.pop(price, None)
            if price < best:
                return False
            best = max(ladder, default=0)
        else:
            raise BookError(f"level {price} would hold {count}")
        if is_yes:
            self.bid = best
        else:
            self.ask = PRICE_DOLLAR - best
        return True

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which no venue rests."""
        return self.bid >= self.ask

    @property
    def is_two_sided(self) -> bool:
        """Whether both sides hold at least one order."""
        return self.bid > 0 and self.ask < PRICE_DOLLAR

    def count_at_bid(self) -> int:
        """How many contracts rest at the best bid."""
        return self.yes.get(self.bid, 0)

    def count_at_ask(self) -> int:
        """How many contracts rest at the best ask."""
        return self.no.get(PRICE_DOLLAR - self.ask, 0)

    def asks(self) -> Iterator[Level]:
        """What a buyer of YES meets: (YES price, count), best first."""
        return ((PRICE_DOLLAR - price, self.no[price]) for price in sorted(self.no, reverse=True))

    def bids(self) -> Iterator[Level]:
        """What a seller of YES meets: (YES price, count), best first."""
        return ((price, self.yes[price]) for price in sorted(self.yes, reverse=True))

    def depth(self, is_bid: bool, limit: int) -> int:
        """How many contracts an order to buy (or sell) YES could take up to the YES price `limit`."""
        if is_bid:
            return sum(count for price, count in self.no.items() if PRICE_DOLLAR - price <= limit)
        return sum(count for price, count in self.yes.items() if price >= limit)

    def imbalance(self) -> float:
        """(bid - ask) / (bid + ask) of the counts at the best prices; 0 for an empty book."""
        bid, ask = self.count_at_bid(), self.count_at_ask()
        return (bid - ask) / (bid + ask) if bid + ask else 0.0
