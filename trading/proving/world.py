"""World: the exchange of a proof with its crowd, played in virtual time, and what a trader hears of its markets."""

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import cast

from markets.core.events import BookSnapshot, FeedStatus, MarketEvent, MarketListed, MarketStatus, SpotPrice, TradePrint
from markets.core.units import SECOND_NS
from trading.core.events import Result
from trading.proving.counter import Counter
from trading.proving.crowd import Crowd
from trading.proving.faults import Fault
from trading.proving.history import History
from trading.proving.mortal import ProvingLoop
from trading.proving.notes import NoteLine
from trading.proving.schedule import Schedule
from trading.proving.wire import Network
from trading.simulator.exchange.house_news import Lifecycle, News, Printed

EXCHANGE = "kalshi"
HURT_S = 30.0
Hear = Callable[[MarketEvent], None]


class World:
    """All that goes on whether the trader lives or not. `hear` is who listens to the markets, None while nobody does."""

    def __init__(self, schedule: Schedule, crowd: Crowd) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, ProvingLoop):
            raise TypeError("a proof runs in virtual time")
        self.loop, self.schedule, self.crowd = loop, schedule, crowd
        rng = random.Random(f"world {schedule.seed}")
        lag_ns = round(schedule.lag_s * SECOND_NS)
        self.counter = Counter(loop.now_ns, salt=str(schedule.seed), cash=schedule.cash, lag_ns=lag_ns)
        self.house = self.counter.house
        number = self.counter.account.number
        self.history = History(self.house, number, schedule.limits, schedule.cash)
        self.network = Network(self.counter, random.Random(rng.random()), schedule.delay_s)
        self.notes = NoteLine(self.counter, random.Random(rng.random()), schedule.delay_s)
        self.jump_ns = 0  # how far the clock of the trader's machine is off
        self.hear: Hear | None = None
        self.is_up = True  # the socket
        self.faults: dict[Fault, None] = {}  # of the machine, in force
        self.hurt_s = -HURT_S  # when the last of them was over
        self.house.listen(self._news)
        for event in crowd.first():
            self.house.take(event)

    def is_disk_full(self) -> bool:
        """Whether the tape cannot be written now."""
        return any(fault.kind == "disk_full" for fault in self.faults)

    def was_hurt_lately(self) -> bool:
        """Whether disk, database or clock were out of order a moment ago."""
        return bool(self.faults) or self.loop.time() - self.hurt_s < HURT_S

    def is_locked(self) -> bool:
        """Whether the database takes nothing now."""
        return any(fault.kind == "database_locked" for fault in self.faults)

    def clock(self) -> int:
        """What the trader's machine takes for the time."""
        return self.loop.now_ns() + self.jump_ns

    async def play(self, until_s: float) -> None:
        """The crowd, to the end."""
        for event in self.crowd.events(until_s):
            left_s = (event.received_ns - self.loop.now_ns()) / SECOND_NS
            if left_s > 0:
                await asyncio.sleep(left_s)
            self.house.tick(self.loop.now_ns())
            if isinstance(event, SpotPrice):
                self._say(lambda now_ns, event=event: SpotPrice(now_ns, *_after_time(event)))  # type: ignore[misc]
                continue
            self.house.take(event)
            if isinstance(event, MarketStatus) and event.status in ("open", "closed"):
                self._say(lambda now_ns, event=event: MarketStatus(now_ns, event.ticker, event.status))  # type: ignore[misc]
            elif isinstance(event, BookSnapshot):
                self._say_book(event.ticker)

    def standing(self) -> Iterator[MarketEvent]:
        """What is true now, for one who begins to listen."""
        now_ns = self.clock()
        yield FeedStatus(now_ns, EXCHANGE, "up")
        for market in self.house.markets.values():
            yield MarketListed(now_ns, market.contract)
            if market.status == "active":
                yield MarketStatus(now_ns, market.ticker, "open")
                yes, no = self.house.book(market.ticker)
                yield BookSnapshot(now_ns, market.ticker, tuple(reversed(yes)), tuple(reversed(no)))
            elif market.status == "inactive":
                yield MarketStatus(now_ns, market.ticker, "paused")
            elif market.status == "finalized":
                yield self._settled(market.ticker)
            elif market.status != "initialized":
                yield MarketStatus(now_ns, market.ticker, "closed")

    def lose(self) -> None:
        """The socket breaks."""
        self.is_up = False
        self._tell(FeedStatus(self.clock(), EXCHANGE, "lost", "", "the connection was lost"))
        self.notes.lose()

    def restore(self) -> None:
        """It is back."""
        self.is_up = True
        for event in self.standing():
            self._tell(event)
        self.notes.restore()

    def _news(self, news: News) -> None:
        if isinstance(news, Lifecycle):
            ticker = news.ticker
            if news.event_type == "settled":
                self._say(lambda _: self._settled(ticker))
            elif news.event_type == "deactivated":
                self._say(lambda now_ns: MarketStatus(now_ns, ticker, "paused"))
            elif news.event_type == "activated":
                self._say(lambda now_ns: MarketStatus(now_ns, ticker, "open"))
        elif isinstance(news, Printed):
            trade = news.trade
            self._say(lambda now_ns: TradePrint(now_ns, trade.ticker, trade.price, trade.count, trade.is_taker_bid))

    def _settled(self, ticker: str) -> MarketStatus:
        market = self.house.markets[ticker]
        result = cast(Result, market.result)
        return MarketStatus(self.clock(), ticker, "settled", result, market.expiration_value)

    def _say_book(self, ticker: str) -> None:
        yes, no = self.house.book(ticker)
        self._say(lambda now_ns: BookSnapshot(now_ns, ticker, tuple(reversed(yes)), tuple(reversed(no))))

    def _say(self, made: Callable[[int], MarketEvent]) -> None:
        """Heard a little later, if the socket is up then and now."""
        if self.hear is not None and self.is_up:
            self.loop.call_later(self.schedule.delay_s, self._arrive, made)

    def _arrive(self, made: Callable[[int], MarketEvent]) -> None:
        if self.is_up:
            self._tell(made(self.clock()))

    def _tell(self, event: MarketEvent) -> None:
        if self.hear is not None:
            self.hear(event)


def _after_time(event: SpotPrice) -> tuple[str, str, float, float, int]:
    return event.venue, event.asset, event.price, event.size, event.venue_ns
