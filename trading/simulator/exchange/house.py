"""House: the whole state of the simulated exchange, and how it passes time. No sockets in here."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeVar

from markets.core.contract import Contract
from markets.core.events import (
    BookDelta,
    BookSnapshot,
    IndexValue,
    Level,
    MarketEvent,
    MarketListed,
    MarketStatus,
    TickerQuote,
    TradePrint,
)
from markets.core.units import MILLISECOND_NS
from trading.core.matching.engine import Matching
from trading.core.matching.messages import Quoted, Traded
from trading.simulator.exchange.crowd import Crowd
from trading.simulator.exchange.history import Candle, Candles, Reads
from trading.simulator.exchange.house_ids import Ids
from trading.simulator.exchange.house_ledger import Ledger
from trading.simulator.exchange.house_life import Life
from trading.simulator.exchange.house_members import Members
from trading.simulator.exchange.house_money import Moves
from trading.simulator.exchange.house_news import News, Printed, TickerChanged
from trading.simulator.exchange.house_rows import (
    CRYPTO_SHARD,
    SHARDS,
    Account,
    FeeChange,
    HouseMarket,
    KeyRow,
    Quote,
    Series,
    ShardState,
    TradeRow,
    Transfer,
)
from trading.simulator.exchange.house_timetable import Timetable
from trading.simulator.exchange.index import IndexBoard
from trading.simulator.exchange.listing import past_market

T = TypeVar("T")
Past = Callable[[str, int], tuple[Contract, MarketStatus] | None]  # by ticker and the time it is
KEPT_TRADES = 20_000
TICKER_EVERY_NS = 200 * MILLISECOND_NS


def nobody_knows(_: str, __: int) -> None:
    """Of a house without a past."""


class House(Members):
    """`clock` is the exchange's own time. Everything that changes goes through `do`, `take` and `tick`, and is told to
    who listens, in order. What REST reads of an account (`reads`) is `read_lag_ns` old.

    `decimals` are the assets whose windows the house lists by itself, hours ahead, and how many digits their averages
    have; without any it lists what it is told of; it `rests` in the weekly maintenance, or never. `past` knows how markets ended that settled before the house was there.
    Its markets are on `shard`.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        *,
        decimals: Mapping[str, int] | None = None,
        salt: str = "",
        read_lag_ns: int = 0,
        past: Past = nobody_knows,
        rests: bool = True,
        shard: int = CRYPTO_SHARD,
    ) -> None:
        self.clock, self.shard = clock, shard
        self.rests = rests
        self.matching = Matching()
        self.ids = Ids(salt)  # all ids on the wire: kinds order, trade, group, transfer, user, market
        self.markets: dict[str, HouseMarket] = {}  # by ticker, oldest first; long settled ones are forgotten
        self.series: dict[str, Series] = {}
        self.fee_changes: list[FeeChange] = []
        self.accounts: dict[int, Account] = {}
        self.keys: dict[str, KeyRow] = {}  # by API key id
        self.transfers: dict[str, Transfer] = {}  # by transfer id
        self.shards = {index: ShardState(index, description) for index, description in SHARDS.items()}
        self.reads = Reads(read_lag_ns)  # orders, fills, positions, settlements, cash as REST reads them
        self.index = IndexBoard()
        self.timetable = Timetable()
        self.ledger = Ledger(self.matching, self.ids, self.reads, self.shard_of)
        self.life = Life(self)
        self._past = past
        self.is_played = False  # whoever plays events passes time, too
        self.moves = Moves(self)
        self._crowd = Crowd(self.matching, self.markets)
        self._trades: deque[TradeRow] = deque(maxlen=KEPT_TRADES)
        self._candles: dict[str, Candles] = {}
        self._listeners: list[Callable[[News], None]] = []
        self._changed: dict[str, None] = {}  # markets whose summary has to be said
        self._flushed_ns = 0
        self._now_ns = clock()
        self._hear: dict[type, Callable[..., None]] = {
            BookDelta: self._crowd.delta,
            BookSnapshot: self._crowd.snapshot,
            TradePrint: self._print,
            TickerQuote: self._summary,
            MarketListed: lambda event, now_ns: self.life.listed(event.contract, now_ns),
            MarketStatus: self.life.heard,
            IndexValue: self._index,
        }
        if decimals:
            self.life.begin(dict(decimals), self._now_ns)
        self.tick(self._now_ns)

    # What happens --------------------------------------------------------------------------------------------

    def take(self, event: MarketEvent) -> None:
        """What the demo world or a tape tells."""
        now_ns = self._pass(event.received_ns)
        hear = self._hear.get(type(event))
        if hear is not None:
            hear(event, now_ns)
            if self.matching.happened:
                self.flush()
            if self.timetable.next_ns <= now_ns:
                self._pass(now_ns)

    def tick(self, now_ns: int) -> None:
        """Pass time: listings, opens, closes, determinations, expiries, maintenance, transfers, the lag of reads."""
        now_ns = self._pass(now_ns)
        self.matching.advance(now_ns)
        self.flush()
        self.reads.advance(now_ns)
        if now_ns - self._flushed_ns >= TICKER_EVERY_NS:
            self._say_changed()

    def do(self, action: Callable[[Matching, int], T]) -> T:
        """Act on the matching exchange at this moment, e.g. `house.do(lambda m, now: m.place(order, now))`, and tell
        what happened. Raises what the action raises (Refusal)."""
        now_ns = self._pass(self.clock())
        try:
            return action(self.matching, now_ns)
        finally:
            self.flush()
            self.reads.advance(now_ns)
            self._say_changed()

    def flush(self) -> None:
        """Write down and tell what happened in the matching exchange."""
        happened = self.matching.happened
        if not happened:
            return
        batch = happened[:]
        happened.clear()
        counted = ""  # the market whose clock this action has moved
        is_quoted_only = True
        for one in batch:
            if type(one) is Quoted:
                if one.ticker != counted:
                    counted = one.ticker
                    self.markets[counted].clock += 1
                    self._changed[counted] = None
            else:
                is_quoted_only = False
        if not is_quoted_only:
            self.ledger.write(self._now_ns, batch)
        for news in batch:
            self.say(news)
            if type(news) is Traded:
                self._record(news.ticker, news.trade, news.price, news.count, news.is_taker_bid)

    def say(self, news: News) -> None:
        """Tell all who listen."""
        for callback in self._listeners:
            callback(news)

    def listen(self, callback: Callable[[News], None]) -> None:
        """Be told all news from now on."""
        self._listeners.append(callback)

    def unlisten(self, callback: Callable[[News], None]) -> None:
        """Be told no more."""
        self._listeners.remove(callback)

    def _pass(self, until_ns: int) -> int:
        """Do what was due by then; the time it is."""
        while self.timetable.next_ns <= until_ns:
            due_ns, act = self.timetable.pop()
            self._now_ns = max(self._now_ns, due_ns)
            act(self._now_ns)
            self.flush()
        self._now_ns = max(self._now_ns, until_ns)
        return self._now_ns

    def _print(self, event: TradePrint, now_ns: int) -> None:
        number, count = self._crowd.trade(event, now_ns)
        self.flush()
        if count > 0:
            self._record(event.ticker, number, event.price, count, event.taker_yes)

    def _summary(self, event: TickerQuote, _: int) -> None:
        market = self._crowd.quote(event)
        if market is not None:
            interest = event.open_interest + self.ledger.held(event.ticker)
            if interest != market.open_interest:
                market.open_interest = interest
                self._changed[market.ticker] = None

    def _index(self, event: IndexValue, _: int) -> None:
        tick = self.index.hear(event)
        if tick is not None:
            self.say(tick)

    def _record(self, ticker: str, number: int, price: int, count: int, is_taker_bid: bool) -> None:
        now_ns = self._now_ns
        market = self.markets[ticker]
        market.last_price, market.last_count = price, count
        market.volume += count
        market.turnover += price * count
        trade = TradeRow(self.ids.text("trade", number), ticker, price, count, is_taker_bid, now_ns)
        self._trades.append(trade)
        self._candles[ticker].traded(now_ns, price, count, market.open_interest)
        self._changed[ticker] = None
        self.say(Printed(now_ns, trade))

    def _say_changed(self) -> None:
        self._flushed_ns = now_ns = self._now_ns
        changed, self._changed = self._changed, {}
        for ticker in changed:
            market = self.markets.get(ticker)
            if market is not None:
                self._candles[ticker].quoted(now_ns, self.quote(ticker), market.open_interest)
                self.say(TickerChanged(now_ns, ticker))

    # What is read --------------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        """The exchange's time."""
        return max(self._now_ns, self.clock())

    def recall(self, ticker: str) -> HouseMarket | None:
        """A market that is listed, or one that was settled before this house was there, as far as anybody knows of it."""
        market = self.markets.get(ticker)
        if market is None:
            ended = self._past(ticker, self.now_ns())
            market = ended and past_market(*ended, self.ids, self.shard)
        return market

    def quote(self, ticker: str) -> Quote:
        """The best of the book, all resting orders included."""
        yes, no = self.book(ticker)
        bid, bid_count = yes[-1] if yes else (0, 0)
        no_bid, ask_count = no[-1] if no else (0, 0)
        return Quote(bid, 10_000 - no_bid, bid_count, ask_count)

    def book(self, ticker: str) -> tuple[list[Level], list[Level]]:
        """(YES bids, NO bids), each ascending in its own price terms; empty for an unknown or finished market."""
        market = self.markets.get(ticker)
        if market is None or market.status not in ("active", "inactive"):
            return [], []
        return self.matching.book(ticker)

    def trades(self, ticker: str = "") -> list[TradeRow]:
        """Public trades, newest first: of one market, or of all."""
        return [trade for trade in reversed(self._trades) if not ticker or trade.ticker == ticker]

    def candles(self, ticker: str, start_s: int, end_s: int, minutes: int) -> list[Candle]:
        """Candles of 1, 60 or 1440 minutes that end in [start_s, end_s], minutes without activity left out."""
        candles = self._candles.get(ticker)
        return candles.between(start_s, end_s, minutes) if candles is not None else []

    def shard_of(self, ticker: str) -> int:
        """Where this market trades; 0 for a market that is not known."""
        market = self.markets.get(ticker)
        return market.shard if market is not None else 0

    # For its own parts ---------------------------------------------------------------------------------------

    def add_market(self, market: HouseMarket) -> None:
        """Take in a new market."""
        self.markets[market.ticker] = market
        self._candles[market.ticker] = Candles()

    def forget_market(self, ticker: str) -> None:
        """Forget one that was settled long ago."""
        for kept in (self.markets, self._candles, self._changed):
            kept.pop(ticker, None)
