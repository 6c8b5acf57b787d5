"""A strategy without restraint on the real engine, desk and gateway, against the simulated exchange in virtual time; and what
the exchange itself saw of it."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from markets.core.events import BookSnapshot, MarketEvent, MarketStatus, SpotPrice
from markets.core.units import DOLLAR, PRICE_DOLLAR, SECOND_NS
from trading.core.decision import Decision
from trading.core.desk import Desk
from trading.core.engine import Engine
from trading.core.events import (
    ArmedSet,
    CashTold,
    ChecksRequired,
    CheckTold,
    Event,
    LimitsSet,
    ModeSet,
    Opening,
    ParametersSet,
    Timer,
)
from trading.core.limits import RiskLimits
from trading.core.matching.messages import Filled, OrderChanged, OrderState, PaidOut
from trading.core.parameters import Parameters
from trading.core.strategy import Idea, Quote, View
from trading.gateways.kalshi import KalshiGateway
from trading.gateways.order_groups import OrderGroups
from trading.order_ids import client_order_id
from trading.proving.crowd import FIRST_CLOSE_NS, STRIKES, Crowd
from trading.proving.history import Lot
from trading.proving.mortal import Mortal, proved
from trading.proving.schedule import Schedule
from trading.proving.wire import SimulatedWire
from trading.proving.world import World
from trading.simulator.exchange.house_news import News

SALT = "4d2c9a86-0f0f-4c9a-9d3e-00000000000b"
BID, ASK, DEPTH = 4_900, 5_100, 1_000_000
WIDE = RiskLimits(
    max_daily_loss=10**15,
    max_market_exposure=10**15,
    max_close_exposure=10**15,
    max_total_exposure=10**15,
    max_market_share_bp=1_000_000,
    max_close_share_bp=1_000_000,
    max_total_share_bp=1_000_000,
    max_order_count=10**9,
    max_orders_per_minute=10**6,
    max_drawdown_bp=10_000,
    max_losing_streak=10**6,
    max_fee_difference=10**9,
    max_contracts_per_15s=100_000_000,
    max_stale_ms=10**6,
    max_clock_skew_ms=10**6,
    min_parse_rate_bp=1,
    max_rejects_per_minute=10**6,
)
Want = Callable[[View], Quote | tuple[Quote, ...]]  # to take, or to have at rest


class Reckless:
    """Wants an order whenever it is asked, whatever stands against it."""

    def __init__(self, want: Want, groups: OrderGroups) -> None:
        self.want, self.groups = want, groups

    def decide(self, view: View) -> Idea:
        """What is wanted now; nothing before the gateway could send it."""
        wanted = self.want(view) if view.market.status == "open" and self.groups.made else None
        if isinstance(wanted, tuple) and not isinstance(wanted, Quote):
            return Idea("HELD", resting=wanted)
        return Idea("", "yes", quote=wanted) if wanted else Idea("HELD")


def buying(contracts: float) -> Want:
    """So many contracts of YES, again and again."""
    return lambda view: Quote(True, ASK, round(contracts * 100))


def round_trips(contracts: float) -> Want:
    """Buy at the ask and sell at the bid: two cents and two fees are lost each time."""

    def want(view: View) -> Quote:
        held = view.position
        return Quote(False, BID, held) if held > 0 else Quote(True, ASK, round(contracts * 100))

    return want


class Steady(Crowd):
    """Books that never move and never run out; every window ends as NO."""

    spot_until_s = 1e9

    def __init__(self, assets: tuple[str, ...], closes_s: float, ends_s: float) -> None:
        begin_ns = FIRST_CLOSE_NS - round(closes_s * SECOND_NS)
        super().__init__(random.Random(0), assets, begin_ns=begin_ns, ends_s=ends_s)

    def events(self, until_s: float) -> Iterator[MarketEvent]:
        """Five books a second, and spot prices from two venues."""
        for step in range(int(until_s * 5) + 1):
            seconds, now_ns = step / 5, self.at(step / 5)
            if seconds in (self.closes_s, self.closes_s + 1):
                yield from self._over(seconds, now_ns)
            for contract in self.contracts:
                if contract.open_ns <= now_ns < contract.close_ns:
                    yield BookSnapshot(now_ns, contract.ticker, ((BID, DEPTH),), ((PRICE_DOLLAR - ASK, DEPTH),))
            for asset in self.assets if seconds < self.spot_until_s else ():
                for venue in ("coinbase", "kraken"):
                    yield SpotPrice(now_ns, venue, asset, STRIKES[asset] + step % 2, 0.5, now_ns)

    def _over(self, seconds: float, now_ns: int) -> Iterator[MarketStatus]:
        width = len(self.assets)
        for contract in self.contracts[:width]:
            settled = ("settled", "no", f"{STRIKES[contract.asset] - 1:.2f}")
            yield MarketStatus(now_ns, contract.ticker, *(("closed",) if seconds == self.closes_s else settled))
        if seconds == self.closes_s:
            yield from (MarketStatus(now_ns, contract.ticker, "open") for contract in self.contracts[width:])


class Moment(NamedTuple):
    """How the account stood at the exchange after something happened there. Money."""

    at_s: float
    market: int
    close: int
    total: int
    realised: int  # with fees
    equity: int


class Seen:
    """What the exchange saw of the account: orders with their times, fills, and each moment."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.number = world.counter.account.number
        self.orders: dict[int, tuple[float, OrderState]] = {}
        self.fills: list[tuple[float, Filled]] = []
        self.moments: list[Moment] = []
        self.refused: list[tuple[float, str]] = []
        self.paid: list[float] = []
        self.most_at_rest = 0  # with what is held, all markets together
        self._lots: dict[str, Lot] = {}
        self._resting: dict[int, int] = {}
        world.house.listen(self._hear)
        world.network.log = self._log

    def _hear(self, news: News) -> None:
        if isinstance(news, OrderChanged) and news.state.order.account == self.number:
            state = news.state
            self.orders.setdefault(state.number, (self._now_s(), state))
            own = state.price if state.order.is_bid else PRICE_DOLLAR - state.price
            self._resting[state.number] = own * state.remaining if state.status == "resting" else 0
            held = sum(lot.cost for lot in self._lots.values())
            self.most_at_rest = max(self.most_at_rest, held + sum(self._resting.values()))
        elif isinstance(news, Filled) and news.account == self.number:
            lot = self._lots.setdefault(news.ticker, Lot(self.world.house.markets[news.ticker].close_ns))
            lot.fill(news.is_bid, news.price, news.count, news.fee)
            self.fills.append((self._now_s(), news))
            self._note()
        elif isinstance(news, PaidOut) and news.account == self.number:
            lot = self._lots[news.ticker]
            lot.profit += news.payout - lot.cost
            lot.count = lot.cost = 0
            self.paid.append(self._now_s())
            self._note()

    def _log(self, line: str) -> None:
        asked, _, said = line.rpartition(" -> ")
        if asked.startswith("exchange: create_order") and not said.startswith("201"):
            self.refused.append((self._now_s(), said))

    def _now_s(self) -> float:
        return (self.world.loop.now_ns() - self.world.crowd.begin_ns) / SECOND_NS

    def _note(self) -> None:
        closes: dict[int, int] = {}
        for lot in self._lots.values():
            closes[lot.close_ns] = closes.get(lot.close_ns, 0) + lot.cost
        realised = sum(lot.profit - lot.fees for lot in self._lots.values())
        costs = [lot.cost for lot in self._lots.values()]
        equity = self.world.schedule.cash + realised
        self.moments.append(Moment(self._now_s(), max(costs), max(closes.values()), sum(costs), realised, equity))

    def times(self) -> list[float]:
        """When orders came in, refused ones too."""
        return sorted([*(at_s for at_s, _ in self.orders.values()), *(at_s for at_s, _ in self.refused)])


class Bench:
    """`play` it once. `script` is what else happens: by second, a function of the bench; `checks` are told well each second
    but those of `failing`, from that second on (None: not told any more)."""

    def __init__(
        self,
        want: Want,
        limits: RiskLimits,
        *,
        assets: tuple[str, ...] = ("BTC",),
        cash: int = 10_000 * DOLLAR,
        told_cash: int | None = None,
        closes_s: float = 600.0,
        seconds: float = 12.0,
        script: Mapping[float, Callable[["Bench"], None]] | None = None,
        checks: tuple[str, ...] = (),
        failing: Mapping[str, tuple[float, bool | None]] | None = None,
        armed_until_s: float | None = None,
    ) -> None:
        self.want, self.limits, self.assets, self.cash = want, limits, assets, cash
        self.told_cash = cash if told_cash is None else told_cash
        self.closes_s, self.seconds = closes_s, seconds
        self.script, self.checks, self.failing = dict(script or {}), checks, dict(failing or {})
        self.armed_until_s = armed_until_s
        self.decisions: list[Decision] = []

    def play(self) -> "Bench":
        """In virtual time, from beginning to end."""
        crowd = Steady(self.assets, self.closes_s, ends_s=1e9)
        proved(self._play(crowd), crowd.begin_ns)
        return self

    def hear(self, event: Event) -> None:
        """The desk hears it, and what follows leaves."""
        self.decisions.extend(decision for _, decision in self.desk.hear(event))

    @property
    def now_ns(self) -> int:
        """The time."""
        return self.world.clock()

    async def _play(self, crowd: Steady) -> None:
        schedule = Schedule(0, self.assets, "", self.closes_s, 1e9, 0.005, 0.0, self.limits, self.cash, (), ())
        self.world = world = World(schedule, crowd)
        self.crowd, self.seen, self.engine = crowd, Seen(world), Engine()
        self.gateway = gateway = KalshiGateway(
            lambda number: client_order_id(SALT, number),
            portfolio=self.engine.portfolio,
            clock=world.clock,
            kill_file=Path("/nowhere/HALT"),
        )
        self.desk = Desk(self.engine, gateway)
        self._open()
        wire = SimulatedWire(world.network, world.clock, Mortal(None), random.Random(0))
        gateway.attach(wire, lambda ticker: world.house.markets[ticker].shard, self.hear)
        for event in world.standing():
            self.hear(event)
        world.hear = self.hear
        world.notes.listen(gateway.note, world.clock)
        running = asyncio.create_task(gateway.run())
        watching = asyncio.create_task(self._each_second())
        await world.play(self.seconds)
        await asyncio.sleep(1.0)
        for task in (running, watching):
            task.cancel()
            (failure,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(failure, Exception):
                raise failure

    def _open(self) -> None:
        now_ns = self.now_ns
        opening = Opening(now_ns, self.told_cash)
        events = LimitsSet(now_ns, 0, self.limits), ParametersSet(now_ns, 0, Parameters()), ModeSet(now_ns, "ACTIVE")
        self.decisions.extend(decision for _, decision in self.desk.open(opening, *events))
        self.engine.strategy = Reckless(self.want, self.gateway.groups)
        if self.checks or self.armed_until_s is not None:
            self.hear(ChecksRequired(now_ns, self.checks, needs_arming=self.armed_until_s is not None))
        if self.armed_until_s is not None:
            self.hear(ArmedSet(now_ns, now_ns + round(self.armed_until_s * SECOND_NS), "ada"))

    async def _each_second(self) -> None:
        for second in range(round(self.seconds) + 1):
            self.hear(Timer(self.now_ns))
            for code in self.checks:
                since_s, is_ok = self.failing.get(code, (1e9, True))
                if second < since_s:
                    self.hear(CheckTold(self.now_ns, code, is_ok=True))
                elif is_ok is not None:
                    self.hear(CheckTold(self.now_ns, code, is_ok=is_ok, text="as the test has it"))
            for at_s in [at_s for at_s in self.script if at_s <= second]:
                self.script.pop(at_s)(self)
            await asyncio.sleep(1.0)


def tell_cash(bench: Bench) -> None:
    """As the trader does: what lies on each shard at the exchange."""
    cash = bench.world.counter.account
    house: Any = bench.world.house
    shards = tuple((shard, house.matching.cash(cash.number, shard)) for shard in (0, 2))
    bench.hear(CashTold(bench.now_ns, shards, 2))
