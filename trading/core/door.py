"""Door: what may become of an order between its arrival at the paper exchange and the book, by the realism in force."""

from collections.abc import Callable, Iterator, Mapping

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot, FeedBeat
from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.core.answers import Answers
from trading.core.crowd import Crowd
from trading.core.decision import PlaceOrder
from trading.core.delays import REJECT, UNKNOWN, happens, uniform
from trading.core.events import Event
from trading.core.hops import Hops
from trading.core.market import MarketState
from trading.core.sightings import Sightings, agreed, crosses

LONGEST_WAIT_NS = 10 * SECOND_NS  # for the next snapshot: without it nothing is taken
FEED = "kalshi"
REFUSED = "refused_at_random"


class Door:
    """`put_off` has an order come again at a time: one that was held as a taker, or that waited in vain."""

    def __init__(
        self, markets: Mapping[str, MarketState], crowd: Crowd, hops: Hops, put_off: Callable[[int, PlaceOrder], None]
    ) -> None:
        self.sightings = Sightings()
        self._markets = markets
        self._crowd = crowd
        self._hops = hops
        self._put_off = put_off
        self._held: set[int] = set()  # numbers
        self._awaiting: dict[int, PlaceOrder] = {}  # the next snapshot, by number

    def stops(self, order: PlaceOrder, answers: Answers, now_ns: int) -> bool:
        """Whether an order that arrives does not meet the book now: it is refused, or comes again."""
        realism, number = self._hops.realism, order.number
        if number in self._held:
            self._held.remove(number)
        else:
            if happens(uniform(realism.seed, number, UNKNOWN), realism.unknown_rate):
                answers.lost(order, now_ns, now_ns + realism.unknown_ns)
            if happens(uniform(realism.seed, number, REJECT), realism.reject_rate):
                answers.refused(order, REFUSED, now_ns)
                return True
            if realism.taker_delay_ns and self._would_take(order):
                self._held.add(number)
                self._put_off(now_ns + realism.taker_delay_ns, order)
                return True
        if realism.snapshots == "both" and self.is_coarse(order, now_ns) and self._would_take(order):
            self._awaiting[number] = order
            close_ns = self._markets[order.ticker].contract.close_ns
            self._put_off(max(min(now_ns + LONGEST_WAIT_NS, close_ns - MILLISECOND_NS), now_ns), order)
            return True
        return False

    def is_coarse(self, order: PlaceOrder, now_ns: int) -> bool:
        """Whether the book of its market is known in snapshots only, more than a second apart."""
        market = self._markets.get(order.ticker)
        return market is not None and self.sightings.is_coarse(market, now_ns)

    def is_held(self, order: PlaceOrder) -> bool:
        """Whether an order that comes again was held as a taker."""
        return order.number in self._held

    def waited(self, order: PlaceOrder) -> bool:
        """Whether an order that comes again has waited for a snapshot, and in vain; it waits no longer."""
        return self._awaiting.pop(order.number, None) is not None

    def released(self, event: Event) -> Iterator[tuple[PlaceOrder, OrderBook]]:
        """The orders whose market `event` tells again, each with the book that is believed."""
        if not self._awaiting or not isinstance(event, BookSnapshot | BookDelta | FeedBeat):
            return
        told = None if isinstance(event, FeedBeat) else event
        if told is None and event.feed != FEED:  # type: ignore[union-attr]  # it is a beat
            return
        for number, order in list(self._awaiting.items()):
            market = self._markets.get(order.ticker)
            if market is not None and (told is None or told.ticker == order.ticker):
                del self._awaiting[number]
                yield order, agreed(self._crowd.book_of(market), told, order.is_bid)

    def nothing(self, order: PlaceOrder) -> OrderBook:
        """A book in which it takes nothing."""
        book = agreed(self._crowd.book_of(self._markets[order.ticker]), None, order.is_bid)
        if order.is_bid:
            book.replace(book.yes.items(), ())
        else:
            book.replace((), book.no.items())
        return book

    def _would_take(self, order: PlaceOrder) -> bool:
        market = self._markets.get(order.ticker)
        if market is None or order.is_post_only:
            return False
        return crosses(self._crowd.book_of(market), order.is_bid, order.price)
