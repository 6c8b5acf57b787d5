"""The taker strategy in NautilusTrader's BacktestEngine, its data streamed in chunks. Run by NautilusTrader's own Python:
`python run_nautilus.py FOLDER`, the answer as JSON on stdout."""

import json
import sys
import time
from decimal import Decimal
from math import erfc, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import BTC, USD
from nautilus_trader.model.data import OrderBookDelta, TradeTick
from nautilus_trader.model.enums import (
    AccountType,
    AggressorSide,
    AssetClass,
    BookAction,
    BookType,
    OmsType,
    OrderSide,
    RecordFlag,
    TimeInForce,
)
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import BinaryOption, CurrencyPair
from nautilus_trader.model.objects import FIXED_SCALAR, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

CHUNK = 100_000
SPOT, LEVEL, CLEAR, SETTLED = range(4)
PRICE_UNIT, SIZE_UNIT = int(FIXED_SCALAR) // 10_000, int(FIXED_SCALAR) // 100
KALSHI, VENUE = Venue("KALSHI"), Venue("SPOT")
DAY_NS = 86_400_000_000_000


class TakerConfig(StrategyConfig, frozen=True):  # type: ignore[misc, call-arg, unused-ignore]
    """What decides: the work, and the windows of every market."""

    work: dict[str, Any]
    windows: dict[str, tuple[int, int, float, int]]  # opens, closes, strike, known since


class Taker(Strategy):  # type: ignore[misc, unused-ignore]
    """Fair value and both edges at every feed of the open market; an IOC where one is enough after the fee; one position
    a market, held to its settlement."""

    def __init__(self, config: TakerConfig) -> None:
        super().__init__(config)
        work = config.work
        self.threshold, self.rate = work["threshold"], work["fee_rate"]
        self.most = float(work["contracts"])
        self.half_life_s, self.step_s = work["half_life_s"], work["step_s"]
        self.interval_ns, self.stale_ns = work["interval_ns"], work["stale_ns"]
        self.quiet_open_ns, self.quiet_close_ns = work["quiet_open_ns"], work["quiet_close_ns"]
        self.spot = self.variance = self.sample = 0.0
        self.spot_ns = self.sample_ns = self.sent_ns = 0
        self.orders = self.with_edge = self.heard = 0
        self.taken: set[InstrumentId] = set()
        self.market = InstrumentId(Symbol("NONE"), KALSHI)
        self.terms = (0, 0, 0.0, 0)
        self.book: Any = None

    def on_start(self) -> None:
        """Hear the underlying and every market."""
        self.subscribe_trade_ticks(InstrumentId(Symbol("BTCUSD"), VENUE))
        for ticker in self.config.windows:
            self.subscribe_order_book_deltas(InstrumentId(Symbol(ticker), KALSHI), book_type=BookType.L2_MBP)

    def on_trade_tick(self, tick: TradeTick) -> None:
        """The variance of the underlying, by returns of some seconds."""
        self.heard += 1
        now, self.spot = tick.ts_init, tick.price.as_double()
        self.spot_ns = now
        passed = (now - self.sample_ns) / 1e9
        if self.sample_ns == 0 or passed > 20 * self.step_s:
            self.sample, self.sample_ns = self.spot, now
        elif passed >= self.step_s:
            seen = log(self.spot / self.sample) ** 2 / passed
            weight = 1.0 - 0.5 ** (passed / self.half_life_s)
            self.variance = self.variance + weight * (seen - self.variance) if self.variance else seen
            self.sample, self.sample_ns = self.spot, now
        self.evaluate(now)

    def on_order_book_deltas(self, deltas: Any) -> None:
        """The book of a market has changed."""
        self.heard += 1
        ticker = deltas.instrument_id
        if ticker != self.market:
            terms = self.config.windows[ticker.symbol.value]
            if not terms[0] <= deltas.ts_init < terms[1]:
                return
            self.market, self.terms, self.book = ticker, terms, self.cache.order_book(ticker)
        self.evaluate(deltas.ts_init)

    def evaluate(self, now: int) -> None:
        """Both edges, and an order where one is enough."""
        opens, closes, strike, known_ns = self.terms
        if now >= closes or now < known_ns or not self.variance:
            return
        best_bid, best_ask = self.book.best_bid_price(), self.book.best_ask_price()
        if best_bid is None or best_ask is None:
            return
        bid, ask = best_bid.as_double(), best_ask.as_double()
        if bid >= ask:
            return
        fair = 0.5 * erfc(-log(self.spot / strike) / sqrt(2.0 * self.variance * (closes - now) / 1e9))
        long_edge = fair - ask - self.rate * ask * (1.0 - ask)
        short_edge = bid - fair - self.rate * bid * (1.0 - bid)
        if long_edge < self.threshold and short_edge < self.threshold:
            return
        self.with_edge += 1
        if (
            now < opens + self.quiet_open_ns
            or now >= closes - self.quiet_close_ns
            or now - self.spot_ns > self.stale_ns
        ):
            return
        if self.market in self.taken or now - self.sent_ns < self.interval_ns:
            return
        if self.cache.orders_open_count(instrument_id=self.market) or self.cache.orders_inflight_count(
            instrument_id=self.market
        ):
            return
        self.sent_ns = now
        self.orders += 1
        if long_edge >= self.threshold:
            self.send(OrderSide.BUY, best_ask, self.book.best_ask_size())
        else:
            self.send(OrderSide.SELL, best_bid, self.book.best_bid_size())

    def send(self, side: OrderSide, price: Price, shown: Quantity) -> None:
        """Take what is displayed, at most so many."""
        size = Quantity(min(self.most, shown.as_double()), 2)
        self.submit_order(self.order_factory.limit(self.market, side, size, price, time_in_force=TimeInForce.IOC))

    def on_order_filled(self, event: Any) -> None:
        """One position a market."""
        self.taken.add(event.instrument_id)


def instruments(windows: Any) -> tuple[CurrencyPair, dict[int, BinaryOption]]:
    """The underlying, and a contract a market. None expires in a run: an expiring position is sold to a book that the close
    has emptied, and stays; so payouts are added up at the end, in `made`."""
    spot = CurrencyPair(
        instrument_id=InstrumentId(Symbol("BTCUSD"), VENUE),
        raw_symbol=Symbol("BTCUSD"),
        base_currency=BTC,
        quote_currency=USD,
        price_precision=2,
        size_precision=8,
        price_increment=Price(0.01, 2),
        size_increment=Quantity(1e-8, 8),
        ts_event=0,
        ts_init=0,
    )
    return spot, {
        number: BinaryOption(
            instrument_id=InstrumentId(Symbol(str(window["ticker"])), KALSHI),
            raw_symbol=Symbol(str(window["ticker"])),
            asset_class=AssetClass.CRYPTOCURRENCY,
            currency=USD,
            price_precision=3,
            size_precision=2,
            price_increment=Price(0.001, 3),
            size_increment=Quantity(0.01, 2),
            activation_ns=int(window["open_ns"]) - DAY_NS,
            expiration_ns=int(window["close_ns"]) + 3_650 * DAY_NS,
            ts_event=0,
            ts_init=0,
            maker_fee=Decimal(0),
            taker_fee=Decimal(0),
        )
        for number, window in enumerate(windows)
    }


def objects(rows: Any, spot: CurrencyPair, contracts: dict[int, BinaryOption], at: int) -> list[list[Any]]:
    """A chunk of rows as NautilusTrader's objects: trades of the underlying, books of the markets."""
    deltas: list[Any] = []
    trades: list[Any] = []
    ids = {number: contract.id for number, contract in contracts.items()}
    last, sides = RecordFlag.F_LAST.value, (OrderSide.SELL, OrderSide.BUY)
    delta, one, buyer = OrderBookDelta.from_raw, Quantity(1.0, 8), AggressorSide.BUYER
    for number, (ns, kind, market, is_bid, is_last, price, size, underlying) in enumerate(rows.tolist(), at):
        if kind == LEVEL:
            action = BookAction.UPDATE if size else BookAction.DELETE
            raw = price * PRICE_UNIT, 3, size * SIZE_UNIT, 2
            deltas.append(delta(ids[market], action, sides[is_bid], *raw, 0, last if is_last else 0, number, ns, ns))
        elif kind == SPOT:
            trades.append(TradeTick(spot.id, Price(underlying, 2), one, buyer, TradeId(str(number)), ns, ns))
        elif kind == CLEAR:
            flags = last if is_last else 0
            deltas.append(OrderBookDelta(ids[market], BookAction.CLEAR, None, flags, number, ns, ns))
    return [trades, deltas]


def made(engine: BacktestEngine, windows: list[Any]) -> float:
    """Dollars before fees: what every position paid less what it cost."""
    pays = {str(row["ticker"]): float(row["pays"]) for each in windows for row in each}
    return float(
        sum(
            float(position.signed_qty) * (pays[position.instrument_id.symbol.value] - float(position.avg_px_open))
            for position in engine.cache.positions()
        )
    )


def play(folder: Path) -> dict[str, Any]:
    """Chunk by chunk: build its objects (timed apart), run it."""
    began = time.perf_counter()
    work = json.loads((folder / "work.json").read_text(encoding="utf-8"))
    paths = sorted(folder.glob("*-rows.npz"))
    windows = [np.load(path)["windows"] for path in paths]
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    latency = LatencyModel(base_latency_nanos=work["latency_ns"])
    for venue, book in ((KALSHI, BookType.L2_MBP), (VENUE, BookType.L1_MBP)):
        engine.add_venue(
            venue,
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(10_000, USD)],
            base_currency=USD,
            latency_model=latency,
            book_type=book,
        )
    sets = [instruments(each) for each in windows]
    spot = sets[0][0]
    engine.add_instrument(spot)
    for _, contracts in sets:
        for contract in contracts.values():
            engine.add_instrument(contract)
    terms = {
        str(row["ticker"]): (int(row["open_ns"]), int(row["close_ns"]), float(row["strike"]), int(row["strike_ns"]))
        for each in windows
        for row in each
    }
    taker = Taker(TakerConfig(work=work, windows=terms))
    engine.add_strategy(taker)
    start_s = time.perf_counter() - began
    build_s = cpu_s = wall_s = 0.0
    at = 0
    for path, (_, contracts) in zip(paths, sets, strict=True):
        rows = np.load(path)["rows"]
        for first in range(0, len(rows), CHUNK):
            began = time.process_time()
            for data in objects(rows[first : first + CHUNK], spot, contracts, at):
                if data:
                    engine.add_data(data, validate=at == 0, sort=True)
            at += CHUNK
            build_s += time.process_time() - began
            cpu, wall = time.process_time(), time.perf_counter()
            engine.run(streaming=True)
            cpu_s, wall_s = cpu_s + time.process_time() - cpu, wall_s + time.perf_counter() - wall
            engine.clear_data()
    cpu, wall = time.process_time(), time.perf_counter()
    engine.end()
    cpu_s, wall_s = cpu_s + time.process_time() - cpu, wall_s + time.perf_counter() - wall
    return {
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "build_cpu_s": build_s,
        "start_s": start_s,
        "orders": taker.orders,
        "positions": len(taker.taken),
        "heard": taker.heard,
        "with_edge": taker.with_edge,
        "made": made(engine, windows),
        "peak_mb": peak_mb(),
    }


def peak_mb() -> float:
    """The most memory this process ever held, as Linux counts it; nan elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), float("nan"))


if __name__ == "__main__":
    print(json.dumps(play(Path(sys.argv[1]))))  # noqa: T201
