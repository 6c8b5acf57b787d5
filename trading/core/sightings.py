"""Sightings: how the book of each market is told, in snapshots or change by change, and what two snapshots agree on."""

from collections.abc import Mapping

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot
from markets.core.units import PRICE_DOLLAR, SECOND_NS
from trading.core.market import MarketState

COARSE_NS = SECOND_NS


class Sightings:
    """When each market was told in a snapshot last, and the time before that."""

    def __init__(self) -> None:
        self._snapshots: dict[str, tuple[int, int]] = {}

    def hear(self, event: BookSnapshot) -> None:
        """A whole book was told."""
        before = self._snapshots.get(event.ticker)
        self._snapshots[event.ticker] = (event.received_ns, before[0] if before else 0)

    def forget(self, ticker: str) -> None:
        """It has settled."""
        self._snapshots.pop(ticker, None)

    def is_coarse(self, market: MarketState, now_ns: int) -> bool:
        """Whether what is known of the book is a snapshot that may be more than a second off: nothing has changed it
        since, and it is older than that, or snapshots come more than that apart."""
        told = self._snapshots.get(market.contract.ticker)
        if told is None or market.heard_ns != told[0]:
            return False
        last_ns, before_ns = told
        return now_ns - last_ns > COARSE_NS or (before_ns > 0 and last_ns - before_ns > COARSE_NS)


def crosses(book: OrderBook, is_bid: bool, price: int) -> bool:
    """Whether an order at that YES price would take something that is displayed."""
    return book.ask <= price and book.ask < PRICE_DOLLAR if is_bid else book.bid > 0 and price <= book.bid


def agreed(before: OrderBook, event: BookSnapshot | BookDelta | None, is_bid: bool) -> OrderBook:
    """The book that a buyer (or seller) of YES meets who is believed only what was displayed before and is after `event`
    (None: it was told again as it was); on its own side, where it would queue, whichever is more."""
    after = OrderBook()
    if isinstance(event, BookSnapshot):
        after.replace(event.yes, event.no)
    else:
        after.replace(before.yes.items(), before.no.items())
    if isinstance(event, BookDelta):
        ladder = after.yes if event.is_yes else after.no
        ladder[event.price] = max(ladder.get(event.price, 0) + event.change, 0)
    book = OrderBook()
    least, most = _least(before.no, after.no), _most(before.yes, after.yes)
    if not is_bid:
        least, most = _least(before.yes, after.yes), _most(before.no, after.no)
    book.replace(*((most, least) if is_bid else (least, most)))
    return book


def _least(one: Mapping[int, int], other: Mapping[int, int]) -> list[tuple[int, int]]:
    return [(price, min(count, other[price])) for price, count in one.items() if price in other]


def _most(one: Mapping[int, int], other: Mapping[int, int]) -> list[tuple[int, int]]:
    return [(price, max(one.get(price, 0), other.get(price, 0))) for price in {**one, **other}]
