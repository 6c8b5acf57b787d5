"""A small simulated exchange at a clock that tests set, with one market, its crowd, and members with keys."""

import time
from collections.abc import Iterator

from markets.core.events import MarketEvent, MarketListed, MarketStatus
from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, Hand, at, contract, snapshot
from trading.core.matching.messages import NewOrder, OrderState
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_news import News
from trading.simulator.exchange.keys import new_key
from trading.simulator.exchange.serving import demo_events, demo_house
from trading.simulator.world import EPOCH_NS, DemoWorld

KEY_ID, SECRET = "4d2c9a86-0f0f-4c9a-9d3e-000000000001", b"not much of a secret"
CASH = 1_000 * DOLLAR


def small_house(seconds: float = 60, *, read_lag_ns: int = 0, bid: int = 4_900, ask: int = 5_100) -> tuple[House, Hand]:
    """One market that trades, its crowd at 0.49 and 0.51 with 1,000 contracts; one member with $1,000 on shard 2."""
    clock = Hand(OPEN_NS - SECOND_NS)
    house = House(clock, read_lag_ns=read_lag_ns)
    house.open_account({2: CASH})
    house.add_key(new_key("hmac", KEY_ID, 1, secret=SECRET)[0])
    house.take(MarketListed(OPEN_NS - SECOND_NS, contract()))
    house.take(snapshot(1, bid, ask))
    clock.now_ns = at(seconds)
    house.tick(clock.now_ns)
    return house, clock


def order(
    client_id: str, *, is_bid: bool = True, price: int = 5_100, count: int = 1_000, **changes: object
) -> NewOrder:
    terms: dict[str, object] = {
        "account": 1,
        "ticker": TICKER,
        "client_id": client_id,
        "is_bid": is_bid,
        "price": price,
        "count": count,
    }
    return NewOrder(**(terms | changes))  # type: ignore[arg-type]


def place(house: House, new: NewOrder) -> OrderState:
    return house.do(lambda matching, now_ns: matching.place(new, now_ns))


def settle(house: House, clock: Hand, result: str, *, seconds: float = 20) -> None:
    """Close the market and let its source say how it ended; two seconds later it is paid."""
    clock.now_ns = CLOSE_NS + int(seconds * SECOND_NS)
    house.take(MarketStatus(clock.now_ns, TICKER, "settled", result))  # type: ignore[arg-type]
    clock.now_ns += 2 * SECOND_NS
    house.tick(clock.now_ns)


def heard(house: House) -> list[News]:
    """All the news from now on, in a list that grows."""
    news: list[News] = []
    house.listen(news.append)
    return news


class Stretch:
    """A stretch of the demo market played to a house, step by step."""

    def __init__(
        self, seed: int, from_ns: int = EPOCH_NS + 7_200 * SECOND_NS, assets: tuple[str, ...] = ("BTC", "ETH", "SOL")
    ) -> None:
        self.world = DemoWorld(seed, assets)
        self.clock = Hand(from_ns)
        self.house = demo_house(self.world, self.clock)
        self._events: Iterator[MarketEvent] = demo_events(self.world, from_ns)
        self._waiting = next(self._events)

    def until(self, until_ns: int) -> None:
        """Tell all that is due by then, and pass time once a second."""
        while self._waiting.received_ns <= until_ns:
            self.clock.now_ns = max(self.clock.now_ns, self._waiting.received_ns)
            self.house.take(self._waiting)
            self._waiting = next(self._events)
        self.clock.now_ns = until_ns
        self.house.tick(until_ns)


def wall_ns() -> int:
    """Now, as the clients' clocks have it."""
    return time.time_ns()
