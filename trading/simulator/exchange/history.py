"""What the exchange remembers, within bounds: candles, and what REST reads of accounts, a little late."""

from collections import OrderedDict, deque
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from markets.core.units import SECOND_NS
from trading.core.matching.messages import OrderState
from trading.simulator.exchange.house_rows import FillRow, PositionRow, Quote, SettlementRow

KEPT_CANDLES = 7 * 1440  # minutes of one market
KEPT_ORDERS, KEPT_FILLS, KEPT_SETTLEMENTS, KEPT_POSITIONS = 20_000, 50_000, 10_000, 4_000  # of one account
MINUTE_S = 60

Bar = tuple[int, int, int, int]  # open, low, high, close


class Candle(msgspec.Struct, frozen=True, gc=False):
    """One candle of Prices; `turnover` is Money. `price` None without trades; `previous` is the last price before,
    0 for none. `mean` is 0 without trades."""

    end_s: int
    bid: Bar
    ask: Bar
    price: Bar | None
    previous: int
    volume: int
    turnover: int
    open_interest: int

    @property
    def mean(self) -> int:
        """The mean price of the contracts traded."""
        return self.turnover // self.volume if self.volume else 0


class Candles:
    """The minutes of one market in which anything happened."""

    def __init__(self) -> None:
        self._minutes: OrderedDict[int, Candle] = OrderedDict()
        self._last_price = 0
        self._quote = Quote(0, 10_000, 0, 0)

    def quoted(self, at_ns: int, quote: Quote, open_interest: int) -> None:
        """The best prices are these now."""
        self._quote = quote
        candle = self._now(at_ns, open_interest)
        bid, ask = _higher(candle.bid, quote.bid), _higher(candle.ask, quote.ask)
        self._minutes[candle.end_s] = replace(candle, bid=bid, ask=ask, open_interest=open_interest)

    def traded(self, at_ns: int, price: int, count: int, open_interest: int) -> None:
        """A trade."""
        candle = self._now(at_ns, open_interest)
        bar = (price,) * 4 if candle.price is None else _higher(candle.price, price)
        self._minutes[candle.end_s] = replace(
            candle,
            price=bar,
            volume=candle.volume + count,
            turnover=candle.turnover + price * count,
            open_interest=open_interest,
        )
        self._last_price = price

    def between(self, start_s: int, end_s: int, minutes: int) -> list[Candle]:
        """Those that end in [start_s, end_s], put together to so many minutes."""
        width = minutes * MINUTE_S
        parts: dict[int, list[Candle]] = {}
        for candle in self._minutes.values():
            parts.setdefault(-(-candle.end_s // width) * width, []).append(candle)
        return [_joined(end, part) for end, part in parts.items() if start_s <= end <= end_s]

    def last_before(self, start_s: int) -> Candle | None:
        """The last that ends before `start_s`."""
        return next((candle for end, candle in reversed(self._minutes.items()) if end < start_s), None)

    def _now(self, at_ns: int, open_interest: int) -> Candle:
        end_s = -(-at_ns // (MINUTE_S * SECOND_NS)) * MINUTE_S
        candle = self._minutes.get(end_s)
        if candle is None:
            bid, ask = (self._quote.bid,) * 4, (self._quote.ask,) * 4
            candle = Candle(end_s, bid, ask, None, self._last_price, 0, 0, open_interest)
            self._minutes[end_s] = candle
            if len(self._minutes) > KEPT_CANDLES:
                self._minutes.popitem(last=False)
        return candle


def _higher(bar: Bar, price: int) -> Bar:
    return bar[0], min(bar[1], price), max(bar[2], price), price


def _joined(end_s: int, parts: list[Candle]) -> Candle:
    prices = [part.price for part in parts if part.price is not None]
    return Candle(
        end_s,
        _bar([part.bid for part in parts]),
        _bar([part.ask for part in parts]),
        _bar(prices) if prices else None,
        parts[0].previous,
        sum(part.volume for part in parts),
        sum(part.turnover for part in parts),
        parts[-1].open_interest,
    )


def _bar(bars: list[Bar]) -> Bar:
    return bars[0][0], min(bar[1] for bar in bars), max(bar[2] for bar in bars), bars[-1][3]


class _AccountReads:
    """What is read of one account."""

    def __init__(self) -> None:
        self.orders: OrderedDict[int, OrderState] = OrderedDict()
        self.fills: deque[FillRow] = deque(maxlen=KEPT_FILLS)
        self.settlements: deque[SettlementRow] = deque(maxlen=KEPT_SETTLEMENTS)
        self.positions: OrderedDict[tuple[int, str], PositionRow] = OrderedDict()
        self.cash: dict[tuple[int, int], int] = {}  # by subaccount and shard


class Cash(msgspec.Struct, frozen=True, gc=False):
    """What one pocket can spend on one shard."""

    account: int
    subaccount: int
    shard: int
    money: int


Row = OrderState | FillRow | SettlementRow | PositionRow | Cash


class Reads:
    """Orders, fills, positions, settlements and cash of all accounts as REST sees them: `lag_ns` old.

    What is written is seen in the write's own answer, never here before the lag is over.
    """

    def __init__(self, lag_ns: int = 0) -> None:
        self.lag_ns = lag_ns
        self.as_of_ns = 0  # everything up to this moment is in here
        self._accounts: dict[int, _AccountReads] = {}
        self._owners: dict[int, int] = {}  # account by order number
        self._waiting: deque[tuple[int, Row]] = deque()

    def write(self, at_ns: int, rows: Iterable[Row]) -> None:
        """These are true since `at_ns`, and will be read after the lag."""
        self._waiting.extend((at_ns, row) for row in rows)
        if not self.lag_ns:
            self.advance(at_ns)

    def advance(self, now_ns: int) -> None:
        """Show what is old enough by now."""
        until_ns = now_ns - self.lag_ns
        self.as_of_ns = max(self.as_of_ns, until_ns)
        while self._waiting and self._waiting[0][0] <= until_ns:
            _, row = self._waiting.popleft()
            self._take(row)

    def orders(self, account: int) -> list[OrderState]:
        """All orders of an account that are still known, newest first."""
        return list(reversed(self._of(account).orders.values()))

    def order(self, number: int) -> OrderState | None:
        """One order."""
        account = self._owners.get(number)
        return None if account is None else self._of(account).orders.get(number)

    def fills(self, account: int) -> list[FillRow]:
        """Newest first."""
        return list(reversed(self._of(account).fills))

    def positions(self, account: int) -> list[PositionRow]:
        """Every market ever traded by the account that is still known, the last changed first."""
        return list(reversed(self._of(account).positions.values()))

    def settlements(self, account: int) -> list[SettlementRow]:
        """Newest first."""
        return list(reversed(self._of(account).settlements))

    def cash(self, account: int, subaccount: int = 0) -> dict[int, int]:
        """Money that can be spent, by shard; only shards that were ever funded."""
        cash = self._of(account).cash
        return {shard: cash[pocket, shard] for pocket, shard in sorted(cash) if pocket == subaccount}

    def _of(self, account: int) -> _AccountReads:
        return self._accounts.setdefault(account, _AccountReads())

    def _take(self, row: Row) -> None:
        if isinstance(row, OrderState):
            account = row.order.account
            orders = self._of(account).orders
            orders[row.number] = row
            self._owners[row.number] = account
            if len(orders) > KEPT_ORDERS:
                _forget_ended(orders, self._owners)
        elif isinstance(row, FillRow):
            self._of(row.account).fills.append(row)
        elif isinstance(row, PositionRow):
            _take_position(self._of(row.account).positions, row)
        elif isinstance(row, SettlementRow):
            self._of(row.account).settlements.append(row)
        else:
            self._of(row.account).cash[row.subaccount, row.shard] = row.money


def _take_position(positions: OrderedDict[tuple[int, str], PositionRow], row: PositionRow) -> None:
    key = row.subaccount, row.ticker
    positions[key] = row
    positions.move_to_end(key)
    if len(positions) > KEPT_POSITIONS:
        oldest = next((key for key, row in positions.items() if row.settled_ns), None)
        if oldest is not None:
            del positions[oldest]


def _forget_ended(orders: OrderedDict[int, OrderState], owners: dict[int, int]) -> None:
    """Forget the oldest tenth, but none that rests."""
    ended = [number for number, state in orders.items() if state.status != "resting"][: KEPT_ORDERS // 10]
    for number in ended:
        del orders[number], owners[number]
