"""The crowd of the paper exchange: it displays what the recorded market did, and goes on around our orders that rest."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot, MarketStatus, TradePrint
from trading.core.events import Event
from trading.core.market import MarketState
from trading.core.matching.engine import Matching


class Crowd:
    """While no order of ours rests in a market its book is looked at when an order comes in, and nothing else is done.
    While one does, what the crowd does is done here too, in a book of our own: queues are kept by it."""

    def __init__(self, matching: Matching, markets: Mapping[str, MarketState], shard: int) -> None:
        self._matching = matching
        self._markets = markets
        self._shard = shard
        self._shown: dict[str, OrderBook] = {}  # by ticker: the book of the market as it was listed
        self._kept: set[str] = set()  # the markets whose crowd is followed

    def show(self, market: MarketState, now_ns: int) -> None:
        """Let the exchange have this market as it is known now: it is open."""
        ticker, listed = market.contract.ticker, self._matching.floor.markets
        if ticker not in listed or self._shown.get(ticker) is not market.book:
            for gone in [gone for gone in listed if gone not in self._markets or gone == ticker]:
                self._matching.forget(gone)
                self._shown.pop(gone, None)
                self._kept.discard(gone)
            self._matching.list_market(market.contract, self._shard, book=market.book)
            self._shown[ticker] = market.book
        elif listed[ticker].contract is not market.contract:
            self._matching.relist(market.contract, now_ns)
        if listed[ticker].status != "open":
            self._matching.set_status(ticker, "open", now_ns)

    def keep(self, ticker: str) -> None:
        """An order of ours rests in a market from now on."""
        if ticker not in self._kept:
            self._kept.add(ticker)
            book, shown = OrderBook(), self._shown[ticker]
            book.replace(shown.yes.items(), shown.no.items())
            self._matching.floor.markets[ticker].go_on_with(book)

    def release(self, ticker: str) -> None:
        """An order of ours has ended; the last one of a market leaves it as it was before the first."""
        market = self._matching.floor.markets.get(ticker)
        if ticker in self._kept and market is not None and not market.resting:
            self._kept.remove(ticker)
            market.go_on_with(self._shown[ticker])

    @contextmanager
    def lent(self, ticker: str, book: OrderBook) -> Iterator[None]:
        """For a moment this is what is displayed in a market that is shown."""
        market = self._matching.floor.markets[ticker]
        own = market.book
        market.go_on_with(book)
        try:
            yield
        finally:
            market.go_on_with(own)

    def book_of(self, market: MarketState) -> OrderBook:
        """What is displayed in a market as its orders meet it."""
        ticker = market.contract.ticker
        return self._matching.floor.markets[ticker].book if ticker in self._kept else market.book

    def hear(self, event: Event) -> None:
        """What the market did, before anybody else is told of it."""
        if (
            not isinstance(event, BookDelta | TradePrint | BookSnapshot | MarketStatus)
            or event.ticker not in self._kept
        ):
            return
        ticker, now_ns = event.ticker, event.received_ns
        if isinstance(event, BookSnapshot):
            self._matching.crowd_replace(ticker, event.yes, event.no, now_ns)
        elif isinstance(event, MarketStatus):
            status = event.status if event.status in {"open", "paused"} else "closed"
            self._matching.set_status(ticker, status, now_ns)
        elif isinstance(event, TradePrint):
            self._matching.crowd_trade(ticker, event.price, event.count, event.taker_yes, now_ns)
        elif not self._markets[ticker].lost:  # while messages are missing the others are not believed either
            self._matching.crowd_change(ticker, event.is_yes, event.price, event.change, now_ns)
