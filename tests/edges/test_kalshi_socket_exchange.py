"""Our socket on the simulated exchange while the demo market plays: numbers left out, sockets cut, and the books are right."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot, FeedStatus, IndexValue, MarketEvent, TickerQuote, TradePrint
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.fetching import fetch_page
from markets.feeds.kalshi.notes import IndexList, LifecycleNote, MissedNote, Note
from markets.feeds.kalshi.socket import KalshiSocket
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.means import Means
from markets.feeds.pace import Attempts
from markets.feeds.part import FeedPart
from markets.feeds.venue import Endpoint
from markets.kalshi.auth import hmac_signer
from markets.kalshi.server_clock import ServerClock
from tests.exchange_builders import KEY_ID, SECRET
from tests.feed_fakes import HASTY
from trading.simulator.clock import PlaybackClock
from trading.simulator.exchange.faults import Fault, FaultPlan
from trading.simulator.exchange.keys import new_key
from trading.simulator.exchange.serving import Exchange, demo_events, demo_house, play_house, serve_exchange
from trading.simulator.world import EPOCH_NS, DemoWorld

Levels = list[tuple[int, int]]
SPEED = 20
FROM_NS = EPOCH_NS + 7_500 * SECOND_NS  # five minutes into a window


class Believer:
    """Builds books from events, as the trader does."""

    def __init__(self) -> None:
        self.books: dict[str, OrderBook] = {}
        self.told: Counter[str] = Counter()
        self.notes: list[Note] = []

    async def __call__(self, events: list[MarketEvent]) -> None:
        for event in events:
            self.told[type(event).__name__] += 1
            if isinstance(event, BookSnapshot):
                self.books.setdefault(event.ticker, OrderBook()).replace(event.yes, event.no)
            elif isinstance(event, BookDelta) and event.ticker in self.books:
                self.books[event.ticker].change(event.is_yes, event.price, event.change)
            elif isinstance(event, FeedStatus) and event.state in {"lost", "unavailable"}:
                self.told[f"{event.state} {'book' if event.subject else 'feed'}"] += 1
                for ticker in [ticker for ticker in self.books if event.subject in ("", ticker)]:
                    del self.books[ticker]


def part_of(exchange: Exchange, wanted: Wanted, clock: PlaybackClock, believer: Believer) -> FeedPart:
    pace = HASTY._replace(patience=float(SPEED))
    means = Means(clock.now_ns, fetch_page, random.Random(7), pace, Attempts(pace))
    counts, signer = Counts(), hmac_signer(KEY_ID, SECRET)

    def make() -> KalshiSocket:
        endpoint = Endpoint(exchange.ws, exchange.rest)
        socket = KalshiSocket(wanted, endpoint, counts, signer, note=believer.notes.append, server_clock=ServerClock())
        socket.patience = pace.patience
        return socket

    return FeedPart("kalshi", counts, make, believer, means)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20.0):
        while not condition():
            await asyncio.sleep(0.01)


async def test_through_gaps_and_cuts_the_books_are_the_exchanges() -> None:
    world = DemoWorld(3, ("BTC", "ETH"))
    clock = PlaybackClock(FROM_NS, speed=SPEED)
    house = demo_house(world, clock.now_ns)
    house.add_key(new_key("hmac", KEY_ID, house.open_account({2: 10**9}).number, secret=SECRET)[0])
    believer, faults = Believer(), FaultPlan()
    wanted = Wanted([], ["BRTI", "ETHUSD_RTI"], ["KXBTC15M", "KXETH15M"], is_private=True)
    async with serve_exchange(house, faults=faults) as exchange:
        playing = asyncio.create_task(play_house(house, demo_events(world, FROM_NS), clock))
        part = part_of(exchange, wanted, clock, believer)
        hearing = asyncio.create_task(part.run())
        await until(lambda: len(house.markets) >= 2)
        active = [ticker for ticker, market in house.markets.items() if market.status == "active"]
        wanted.add(*active)
        await until(lambda: believer.books.keys() == set(active))
        for kind in ("seq_gap", "seq_gap", "socket_drop"):
            lost = believer.told["lost book"] + believer.told["lost feed"]
            faults.add(Fault(kind=kind, channel="orderbook_delta"))
            await until(lambda lost=lost: believer.told["lost book"] + believer.told["lost feed"] > lost)  # type: ignore[misc]
            await until(lambda: believer.books.keys() == set(active))
        told = believer.told["BookDelta"]
        await until(lambda: believer.told["BookDelta"] > told + 500)
        playing.cancel()
        await asyncio.wait([playing])
        await until(lambda: all(is_equal(believer.books[ticker], house.book(ticker)) for ticker in active))
        assert part.state == "up"
        hearing.cancel()
        await asyncio.wait([hearing])
    assert (part.counts.unreadable, part.counts.unknown.total(), part.counts.missing.total()) == (0, 0, 0)
    assert part.counts.gaps >= 2
    assert believer.told["lost feed"] == 1
    assert min(believer.told[kind.__name__] for kind in (TickerQuote, TradePrint, IndexValue)) > 0
    assert not any(isinstance(note, MissedNote) and note.channel != "trade" for note in believer.notes)
    assert any(isinstance(note, IndexList) and not note.missing for note in believer.notes)
    assert all(note.ticker.startswith("KX") for note in believer.notes if isinstance(note, LifecycleNote))


def is_equal(book: OrderBook, theirs: tuple[Levels, Levels]) -> bool:
    return (sorted(book.yes.items()), sorted(book.no.items())) == theirs
