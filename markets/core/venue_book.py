"""VenueBook: the order book of one spot venue, kept by absolute sizes a level."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from markets.core.events import SpotLevel

_KEEP_ALL = 0


class VenueBook:
    """Two ladders of price to size, with their prices in order, so that the best and the top are at hand.

    Prices are floats made from the venue's own text: the same decimal number is always the same key.
    Both lists of prices run towards the best, which is their last: nearly all changes happen there.
    """

    __slots__ = ("_ask_prices", "_bid_prices", "asks", "bids", "depth")

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.depth = _KEEP_ALL
        self._bid_prices: list[float] = []  # rising
        self._ask_prices: list[float] = []  # negated, rising

    def replace(self, bids: Iterable[SpotLevel], asks: Iterable[SpotLevel], depth: int = 0) -> None:
        """Begin anew with these levels; `depth` levels a side are kept, 0 keeps all."""
        self.bids = {price: size for price, size in bids if size > 0.0}
        self.asks = {price: size for price, size in asks if size > 0.0}
        self._bid_prices = sorted(self.bids)
        self._ask_prices = sorted([-price for price in self.asks])
        self.depth = depth
        self._cut()

    def change(self, bids: Iterable[SpotLevel], asks: Iterable[SpotLevel]) -> bool:
        """Set these levels to their new sizes, 0 removes one, in the order given. True when a best price or the size
        at it is another than before. To remove what is not there is normal and changes nothing."""
        before = self.top_of_book()
        for price, size in bids:
            _set(self.bids, self._bid_prices, price, price, size)
        for price, size in asks:
            _set(self.asks, self._ask_prices, price, -price, size)
        self._cut()
        return self.top_of_book() != before

    def clear(self) -> None:
        """Forget everything."""
        self.replace((), ())

    @property
    def bid(self) -> float:
        """The best bid, 0 when there is none."""
        return self._bid_prices[-1] if self._bid_prices else 0.0

    @property
    def ask(self) -> float:
        """The best ask, 0 when there is none."""
        return -self._ask_prices[-1] if self._ask_prices else 0.0

    @property
    def is_crossed(self) -> bool:
        """Whether somebody bids as much as somebody else asks: no continuous book stays like that."""
        return bool(self._bid_prices and self._ask_prices) and self._bid_prices[-1] >= -self._ask_prices[-1]

    @property
    def is_two_sided(self) -> bool:
        """Whether there are both a bid and an ask."""
        return bool(self._bid_prices and self._ask_prices)

    def top_of_book(self) -> tuple[float, float, float, float]:
        """(bid, its size, ask, its size), 0 for what is not there."""
        bid, ask = self.bid, self.ask
        return bid, self.bids.get(bid, 0.0), ask, self.asks.get(ask, 0.0)

    def top_bids(self, levels: int) -> list[SpotLevel]:
        """The best bids, best first."""
        return [(price, self.bids[price]) for price in _last(self._bid_prices, levels)]

    def top_asks(self, levels: int) -> list[SpotLevel]:
        """The best asks, best first."""
        return [(-price, self.asks[-price]) for price in _last(self._ask_prices, levels)]

    def bids_from(self, least: float) -> list[SpotLevel]:
        """The bids of at least this price, best first."""
        prices = self._bid_prices
        return [(price, self.bids[price]) for price in prices[bisect_left(prices, least) :][::-1]]

    def asks_to(self, most: float) -> list[SpotLevel]:
        """The asks of at most this price, best first."""
        prices = self._ask_prices
        return [(-price, self.asks[-price]) for price in prices[bisect_left(prices, -most) :][::-1]]

    def __len__(self) -> int:
        """How many levels there are, on both sides."""
        return len(self.bids) + len(self.asks)

    def _cut(self) -> None:
        depth = self.depth
        if not depth:
            return
        while len(self._bid_prices) > depth:
            del self.bids[self._bid_prices.pop(0)]
        while len(self._ask_prices) > depth:
            del self.asks[-self._ask_prices.pop(0)]


def _set(sizes: dict[float, float], prices: list[float], price: float, place: float, size: float) -> None:
    """One level of one side; `place` is where its price stands in the ordered list."""
    if size > 0.0:
        if price not in sizes:
            prices.insert(bisect_left(prices, place), place)
        sizes[price] = size
    elif price in sizes:
        del sizes[price]
        del prices[bisect_left(prices, place)]


def _last(prices: Sequence[float], levels: int) -> Sequence[float]:
    return prices[: -levels - 1 : -1] if levels else prices[::-1]
