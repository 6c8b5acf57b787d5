"""The trading floor of one demo market: makers and passers-by change its book, second by second."""

from collections.abc import Iterator
from typing import NamedTuple

from markets.core.book import OrderBook
from markets.core.contract import WINDOW_NS, Contract
from markets.core.events import BookDelta, BookSnapshot, MarketEvent, TickerQuote, TradePrint
from markets.core.units import CONTRACT, MILLISECOND_NS, PRICE_DOLLAR, SECOND_NS
from trading.simulator.makers import MAKERS, Ladder, maker_quotes, wanted_ladders
from trading.simulator.prices import IndexPath, stream

DELAY_NS = 18 * MILLISECOND_NS  # from the exchange to us
FIRST_BOOK_NS = 1_400 * MILLISECOND_NS  # after the open
PASSER_BY, TICKER = len(MAKERS), len(MAKERS) + 1  # who acts, beside the makers by number
TRADES_PER_SECOND = 0.5


class Act(NamedTuple):
    """Somebody does something: a maker thinks again, a passer-by trades, or the ticker is due."""

    after_ns: int
    actor: int
    fair: float = 0.0  # of a maker, in Price units
    half: float = 0.0
    buys_yes: bool = False  # of a passer-by
    size: int = 0


class Floor:
    """One market from its first book to its close. `until` must be called with rising times."""

    def __init__(self, seed: int, index: IndexPath, contract: Contract) -> None:
        self.contract = contract
        self.book = OrderBook()
        self._acts = iter(_schedule(seed, index, contract))
        self._next: Act | None = Act(FIRST_BOOK_NS, -1)
        self._ladders: list[tuple[Ladder, Ladder]] = [({}, {}) for _ in MAKERS]
        self._out: list[MarketEvent] = []
        self._now_ns = self._seq = self._last = self._volume = self._interest = 0
        self._quoted: tuple[int, ...] = ()

    def until(self, after_ns: int) -> list[MarketEvent]:
        """What happens before `after_ns` (counted from the open) and has not been told yet, in order."""
        self._out = []
        while self._next is not None and self._next.after_ns < after_ns:
            self._act(self._next)
            self._next = next(self._acts, None)
        return self._out

    def _act(self, act: Act) -> None:
        self._now_ns = self.contract.open_ns + act.after_ns
        if act.actor < 0:
            self._snapshot()
        elif act.actor == TICKER:
            self._ticker()
        elif act.actor == PASSER_BY:
            self._take(act.buys_yes, act.size)
        else:
            self._requote(act)

    def _requote(self, act: Act) -> None:
        """Cancel what is no longer wanted, meet what is in the way, then add what is missing."""
        maker = act.actor
        wanted = wanted_ladders(self.contract, maker, act.fair, act.half)
        for is_yes, ladder in ((True, wanted[0]), (False, wanted[1])):
            mine = self._ladders[maker][not is_yes]
            for price in [price for price in mine if price not in ladder]:
                self._change(maker, is_yes, price, -mine[price])
        for is_yes, ladder in ((True, wanted[0]), (False, wanted[1])):
            mine = self._ladders[maker][not is_yes]
            if maker == 0 and ladder:
                self._sweep(is_yes, max(ladder))
            best_against = PRICE_DOLLAR - max(self.book.no if is_yes else self.book.yes, default=0)
            for price, count in ladder.items():
                if price < best_against and mine.get(price, 0) != count:
                    self._change(maker, is_yes, price, count - mine.get(price, 0))

    def _sweep(self, is_yes: bool, limit: int) -> None:
        """The quickest maker takes what slower ones left standing at a price that it would pay itself."""
        against = self.book.no if is_yes else self.book.yes
        while against and PRICE_DOLLAR - max(against) <= limit:
            price = max(against)
            self._trade(not is_yes, price, against[price])

    def _take(self, buys_yes: bool, count: int) -> None:
        """A passer-by takes some of the best price, at most what is there."""
        against = self.book.no if buys_yes else self.book.yes
        if against:
            price = max(against)
            self._trade(not buys_yes, price, min(count, against[price]))

    def _trade(self, resting_yes: bool, price: int, count: int) -> None:
        """`count` of the resting bids at `price` is bought away, from the makers in turn."""
        self._last = price if resting_yes else PRICE_DOLLAR - price
        self._volume += count
        self._interest += count // 2 // CONTRACT * CONTRACT
        venue_ns = self._now_ns - DELAY_NS
        self._out.append(TradePrint(self._now_ns, self.contract.ticker, self._last, count, not resting_yes, venue_ns))
        for maker in range(len(MAKERS)):
            part = min(count, self._ladders[maker][not resting_yes].get(price, 0))
            if part:
                self._change(maker, resting_yes, price, -part)
                count -= part

    def _change(self, maker: int, is_yes: bool, price: int, change: int) -> None:
        mine = self._ladders[maker][not is_yes]
        count = mine.get(price, 0) + change
        if count:
            mine[price] = count
        else:
            del mine[price]
        self.book.change(is_yes, price, change)
        self._seq += 1
        now_ns = self._now_ns
        self._out.append(BookDelta(now_ns, self.contract.ticker, is_yes, price, change, self._seq, now_ns - DELAY_NS))

    def _snapshot(self) -> None:
        self._seq += 1
        now_ns = self._now_ns
        self._out.append(BookSnapshot(now_ns, self.contract.ticker, (), (), self._seq, now_ns - DELAY_NS))

    def _ticker(self) -> None:
        book = self.book
        quote = (book.bid, book.ask, book.count_at_bid(), book.count_at_ask(), self._last, self._volume, self._interest)
        if quote != self._quoted:
            self._quoted = quote
            now_ns = self._now_ns
            self._out.append(TickerQuote(now_ns, self.contract.ticker, *quote, now_ns - DELAY_NS))


def _schedule(seed: int, index: IndexPath, contract: Contract) -> list[Act]:
    """Everything that anybody will do in this window, in order of time."""
    acts = [act for number in range(len(MAKERS)) for act in _thoughts(seed, index, contract, number)]
    acts += _passers_by(seed, contract)
    acts += [Act(after_ns, TICKER) for after_ns in range(2 * SECOND_NS, WINDOW_NS, SECOND_NS)]
    acts.sort(key=lambda act: (act.after_ns, act.actor))
    return acts


def _thoughts(seed: int, index: IndexPath, contract: Contract, number: int) -> Iterator[Act]:
    for after_ns, fair, half in zip(*maker_quotes(seed, index, contract, number), strict=True):
        yield Act(after_ns, number, fair, half)


def _passers_by(seed: int, contract: Contract) -> Iterator[Act]:
    rng = stream(seed, "passers-by", contract.ticker)
    many = int(rng.poisson(TRADES_PER_SECOND * WINDOW_NS / SECOND_NS))
    times = rng.integers(FIRST_BOOK_NS, WINDOW_NS - SECOND_NS, many).tolist()
    sides = (rng.random(many) < 0.5).tolist()
    contracts = rng.lognormal(2.5, 1.1, many).astype(int).tolist()
    for after_ns, buys_yes, some in zip(times, sides, contracts, strict=True):
        yield Act(after_ns, PASSER_BY, buys_yes=buys_yes, size=max(some, 1) * CONTRACT)
