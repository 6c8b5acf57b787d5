"""A soak: venues in one process, their feeds in another, real sockets between them, at the pace of a market, for long."""

import asyncio
import logging
import multiprocessing
import random
import time
from array import array
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection as Pipe

import msgspec

from markets.core.events import FeedStatus, MarketEvent, SpotBook, SpotPrice
from markets.core.units import SECOND_NS
from markets.core.venue_book import VenueBook
from markets.feeds.feed import VenueFeed
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint
from markets.loopback.checks import Listener, compare_books
from markets.loopback.hurry import hurried
from markets.loopback.market import Market
from markets.loopback.proving import resident_mb
from markets.loopback.server import LoopbackServer, play, serve_venues

VENUE_NAMES = ("coinbase", "kraken", "binance", "bitstamp", "gemini", "bullish", "crypto_com", "binance_us", "lmax")
ASSET_NAMES = ("BTC", "ETH", "SOL", "XRP", "DOGE")
TAPE_RATE = 6.0  # events a second of each asset at each venue, before bursts: about what the recorded sessions have
LEVELS = 100
START_S = 5.0  # after the venues are there; the feeds are up by then
LAGS = 20_000  # the last ones of each venue
SETTLE_S = 3.0
RENEWALS = 2.5  # planned renewals of each connection in a soak


class Plan(msgspec.Struct, frozen=True):
    """What a soak is made of."""

    assets: dict[str, tuple[str, ...]]  # by venue
    seconds: float
    rate: float
    seed: int
    start_s: float = START_S
    settle_s: float = SETTLE_S


class Said(msgspec.Struct):
    """What the venues have said in the end: the first and the last trade of each asset, and its book."""

    trades: dict[str, dict[str, tuple[int, int]]]
    books: dict[str, dict[str, SpotBook]]
    memory_mb: list[float]


class VenueLine(msgspec.Struct):
    """One venue of the report. Times in ms; ages are those of the last frame when looked at once a second."""

    venue: str
    frames: int = 0
    events: int = 0
    trades: int = 0
    lost_trades: int = 0
    twice: int = 0
    levels: int = 0  # compared in the end
    renewals: int = 0
    losses: int = 0
    resyncs: int = 0
    unreadable: int = 0
    lag_ms: tuple[float, float, float] = (0.0, 0.0, 0.0)  # median, 99th and 100th percentile
    oldest_ms: float = 0.0


class SoakReport(msgspec.Struct):
    """The whole soak. Memory is of the process of the feeds, once a second."""

    seconds: float
    venues: list[VenueLine]
    problems: list[str]
    memory_mb: list[float]
    server_mb: list[float]
    cpu_s: float

    def quarters(self, values: list[float]) -> list[float]:
        """The mean of each quarter of the time."""
        size = max(1, len(values) // 4)
        return [sum(values[at : at + size]) / size for at in range(0, 4 * size, size)]


class Ear(Listener):
    """Hears one venue's feed, and keeps no more than it must: numbers of trades follow one another."""

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__(name, lambda text: problems.append(f"{name}: {text}"))
        self.line = VenueLine(name)
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.missing: set[tuple[str, int]] = set()
        self.lags = array("q")
        self._place = 0

    def hear(self, event: MarketEvent) -> None:
        """Take one event."""
        super().hear(event)
        if isinstance(event, FeedStatus) and event.state in {"lost", "unavailable"}:
            self.line.losses += 1

    def _trade(self, trade: SpotPrice) -> None:
        number, last = int(trade.trade_id.partition(":")[0]), self.last.get(trade.asset)
        self.line.trades += 1
        self._note_lag(trade.received_ns - trade.venue_ns)
        self.first.setdefault(trade.asset, number)
        if last is None or number > last:
            self.missing.update((trade.asset, missed) for missed in range((last or number - 1) + 1, number))
            self.last[trade.asset] = number
        elif (trade.asset, number) in self.missing:
            self.missing.discard((trade.asset, number))
        else:
            self.line.twice += 1

    def _note_lag(self, lag_ns: int) -> None:
        if len(self.lags) < LAGS:
            self.lags.append(lag_ns)
        else:
            self.lags[self._place] = lag_ns
            self._place = (self._place + 1) % LAGS


def plan_of(venues: int, assets: int, seconds: float, rate: float, seed: int) -> Plan:
    """So many venues, each with those of so many assets that it lists."""
    wanted = ASSET_NAMES[:assets]
    listed = {name: tuple(asset for asset in wanted if asset in VENUES[name].symbols) for name in VENUE_NAMES}
    fullest = sorted(VENUE_NAMES, key=lambda name: -len(listed[name]))[:venues]
    return Plan({name: listed[name] for name in fullest}, seconds, rate, seed)


async def soak(plan: Plan) -> SoakReport:
    """Run it, in this process and another."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_venues, args=(plan, there), daemon=True)
    process.start()
    try:
        port = int(await asyncio.to_thread(here.recv))
        return await _hear(plan, port, here)
    finally:
        here.close()
        process.join(5.0)
        if process.is_alive():
            process.kill()


# The feeds ------------------------------------------------------------------------------------------------------


async def _hear(plan: Plan, port: int, pipe: Pipe) -> SoakReport:
    problems: list[str] = []
    ears = {name: Ear(name, problems) for name in plan.assets}
    feeds = {name: _feed(plan, name, port, ears[name]) for name in plan.assets}
    tasks = {name: asyncio.create_task(feed.run()) for name, feed in feeds.items()}
    memory: list[float] = []
    watch = asyncio.create_task(_watch(feeds, ears, memory))
    began, cpu = time.monotonic(), time.process_time()
    said = msgspec.json.decode(await asyncio.to_thread(pipe.recv_bytes), type=Said)
    for name, task in tasks.items():
        if task.done():
            problems.append(f"{name}: its feed ended: {task.exception()!r}")
    _compare(said, ears, feeds, problems)
    for each in (*tasks.values(), watch):
        each.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await each
    spent = time.process_time() - cpu
    lines = [ear.line for ear in ears.values()]
    return SoakReport(time.monotonic() - began, lines, problems, memory, said.memory_mb, spent)


def _feed(plan: Plan, name: str, port: int, ear: Ear) -> VenueFeed:
    async def take(events: list[MarketEvent]) -> None:
        for event in events:
            ear.hear(event)

    endpoint = Endpoint(f"ws://127.0.0.1:{port}/{name}", f"http://127.0.0.1:{port}/{name}")
    venue = hurried(VENUES[name], 1.0, plan.seconds / RENEWALS)
    return VenueFeed(venue, plan.assets[name], take, rng=random.Random(plan.seed), endpoint=endpoint)


async def _watch(feeds: Mapping[str, VenueFeed], ears: Mapping[str, Ear], memory: list[float]) -> None:
    while True:
        await asyncio.sleep(1.0)
        memory.append(resident_mb())
        for name, feed in feeds.items():
            ages = [view.last_frame_age_ms or 0.0 for view in feed.views() if view.state == "up"]
            ears[name].line.oldest_ms = max([ears[name].line.oldest_ms, *ages])


def _compare(said: Said, ears: Mapping[str, Ear], feeds: Mapping[str, VenueFeed], problems: list[str]) -> None:
    for name, ear in ears.items():
        line, told = ear.line, partial(_note, problems, name)
        for asset, (first, last) in said.trades[name].items():
            line.lost_trades += last - ear.last.get(asset, first - 1) + ear.first.get(asset, first) - first
        line.lost_trades += len(ear.missing)
        line.events = ear.events
        for view in feeds[name].views():
            line.frames += view.frames
            line.resyncs += view.resyncs
            line.unreadable += view.unreadable
            line.renewals += view.connects - 1
        books = {asset: _book_of(book) for asset, book in said.books[name].items()}
        line.levels = compare_books(ear, books, LEVELS // 2, told)
        lags = sorted(ear.lags) or [0]
        line.lag_ms = (lags[len(lags) // 2] / 1e6, lags[len(lags) * 99 // 100] / 1e6, lags[-1] / 1e6)
        if line.lost_trades or line.twice or line.losses:
            told(f"{line.lost_trades} trades lost, {line.twice} told twice, {line.losses} losses")
        if not line.renewals:
            told("was never renewed")


def _note(problems: list[str], name: str, text: str) -> None:
    problems.append(f"{name}: {text}")


def _book_of(told: SpotBook) -> VenueBook:
    book = VenueBook()
    book.replace(told.bids, told.asks)
    return book


# The venues -----------------------------------------------------------------------------------------------------


def _venues(plan: Plan, pipe: Pipe) -> None:
    """The process of the venues."""
    logging.disable(logging.CRITICAL)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(plan, pipe))


class _Wall:
    def now_ns(self) -> int:
        return time.time_ns()

    def reached(self, at_ns: int) -> None:
        """The wall clock goes on by itself."""


async def _serve(plan: Plan, pipe: Pipe) -> None:
    server = LoopbackServer(plan.assets, plan.assets)
    doors = {booth.truth.venue: booth.truth for booth in server.booths.values()}
    start_ns = time.time_ns() + int(plan.start_s * SECOND_NS)
    voices = {server.booths[name].truth.venue: assets for name, assets in plan.assets.items()}
    market = Market(voices, plan.seed, start_ns, rate=TAPE_RATE * plan.rate, levels=LEVELS)
    before = _numbers(market)
    for event in market.books():
        doors[event.venue].hear(event)  # the books stand before anybody comes
    memory: list[float] = []
    async with serve_venues(server):
        pipe.send(server.port)
        watch = asyncio.create_task(_sample(memory))
        events = (event for event in market.events(plan.seconds) if not isinstance(event, SpotBook))
        await play(server, events, _Wall())
        await asyncio.sleep(plan.settle_s)
        after = _numbers(market)
        said = Said({}, {}, memory)
        for name, booth in server.booths.items():
            truth = booth.truth
            pairs = {asset: (truth.venue, asset) for asset in plan.assets[name]}
            said.trades[name] = {asset: (before[pair] + 1, after[pair]) for asset, pair in pairs.items()}
            said.books[name] = {
                asset: SpotBook(0, name, asset, tuple(book.top_bids(0)), tuple(book.top_asks(0)))
                for asset, book in truth.books.items()
            }
        pipe.send_bytes(msgspec.json.encode(said))
        watch.cancel()
        with suppress(EOFError):
            await asyncio.to_thread(pipe.recv)  # until the other end has heard enough


def _numbers(market: Market) -> dict[tuple[str, str], int]:
    """The last trade of each asset at each venue."""
    return {(each.venue, each.asset): each.trade_id for each in market.markets}


async def _sample(memory: list[float]) -> None:
    while True:
        await asyncio.sleep(1.0)
        memory.append(resident_mb())
