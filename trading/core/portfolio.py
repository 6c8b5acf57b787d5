"""Positions, cash, realised and open profit; apply a Fill, a Settled, a movement of cash."""

from typing import NamedTuple

from markets.core.payout import payout_of, yes_pays_of
from markets.core.units import DAY_NS
from trading.core.arithmetic import traded
from trading.core.events import CashMoved, CashTold, Fill, HeldPosition, Opening, Settled


class Position:
    """One signed count in one market: + YES, - NO. `cost` is what the open contracts cost, without fees."""

    __slots__ = ("close_ns", "cost", "count", "fees", "realised", "ticker")

    def __init__(self, ticker: str, close_ns: int = 0) -> None:
        self.ticker = ticker
        self.close_ns = close_ns
        self.count = 0
        self.cost = 0
        self.realised = 0
        self.fees = 0

    def trade(self, is_bid: bool, price: int, count: int) -> int:
        """Book `count` bought (or sold) at the YES price; returns what the venue's cash changes by, fees apart.

        The exchange nets: selling while long closes, and only what is left over opens the NO side at 1 - p.
        """
        self.count, self.cost, cash, realised = traded(self.count, self.cost, is_bid, price, count)
        self.realised += realised
        return cash

    def settle(self, result: str, yes_pays: int | None = None) -> int:
        """The market paid out: returns the payout and leaves nothing open. Raises ValueError as `yes_pays_of` does."""
        payout = payout_of(self.count, yes_pays_of(result, yes_pays))
        self.realised += payout - self.cost
        self.count = self.cost = 0
        return payout

    def held(self) -> HeldPosition:
        """The position as a value, for the tape and the rows."""
        return HeldPosition(self.ticker, self.count, self.cost, self.realised, self.fees, self.close_ns)


class _Paid(NamedTuple):
    """A position that has settled: on which day, and at what."""

    position: Position
    result: str
    yes_pays: int | None
    day: int


class Portfolio:
    """What the account holds. Money in 1/1 000 000 dollar; the day is the UTC day of the events.

    `shard_cash` is what lies free on each shard of the exchange, where it was told; our own trades go on from there.
    """

    def __init__(self) -> None:
        self.cash = 0
        self.shard_cash: dict[int, int] = {}
        self.traded_shards: tuple[int, ...] = (0,)
        self.positions: dict[str, Position] = {}
        self.exposure = 0
        self.realised_today = 0
        self.fees_today = 0
        self.day = 0
        self._booked: dict[str, dict[str, None]] = {}  # trade ids by ticker, past the settlement too
        self._moved: dict[tuple[str, str, int], None] = {}  # movements of cash
        self._paid: dict[str, _Paid] = {}

    def open(self, opening: Opening) -> None:
        """Begin with what a session carries over."""
        self.cash = opening.cash
        self.day = opening.received_ns // DAY_NS
        self.realised_today = opening.realised_today
        self.fees_today = opening.fees_today
        self.positions = {held.ticker: _restored(held) for held in opening.positions}
        self.exposure = sum(position.cost for position in self.positions.values())
        for ticker, trade_ids in opening.trade_ids:
            self._booked.setdefault(ticker, {}).update(dict.fromkeys(trade_ids))
        for each in opening.settled:
            self._paid[each.held.ticker] = _Paid(_restored(each.held), each.result, each.yes_pays, self.day)
            self._booked.setdefault(each.held.ticker, {})

    def advance(self, now_ns: int) -> bool:
        """Time passes; True when a new UTC day began, and with it a new day's loss."""
        day = now_ns // DAY_NS
        if day <= self.day:
            return False
        self.day, self.realised_today, self.fees_today = day, 0, 0
        for ticker in [ticker for ticker, paid in self._paid.items() if paid.day < day - 1]:
            del self._paid[ticker], self._booked[ticker]
        return True

    def fill(self, fill: Fill, close_ns: int) -> HeldPosition | None:
        """Book a fill; None when its trade id was booked before. One that is heard after its market has settled is paid
        out at once, as it was at the exchange."""
        booked = self._booked.setdefault(fill.ticker, {})
        if fill.trade_id in booked:
            return None
        booked[fill.trade_id] = None
        paid, position = self._paid.get(fill.ticker), self.positions.get(fill.ticker)
        if position is None:
            position = paid.position if paid else Position(fill.ticker, close_ns)
        if paid is None:
            self.positions[fill.ticker] = position
        cost, realised = position.cost, position.realised
        self._pay(position.trade(fill.is_bid, fill.price, fill.count) - fill.fee, fill.shard)
        position.fees += fill.fee
        self.fees_today += fill.fee
        if paid is not None:
            self._pay(position.settle(paid.result, paid.yes_pays), fill.shard)
        self._account_for(position, cost, realised)
        return position.held()

    def listed(self, ticker: str, close_ns: int) -> HeldPosition | None:
        """When a market closes: what is held in it, where that was not known or has changed."""
        position = self.positions.get(ticker)
        if position is None or position.close_ns == close_ns:
            return None
        position.close_ns = close_ns
        return position.held()

    def settle(self, settled: Settled) -> HeldPosition | None:
        """Book a payout and forget the position; None when there was none."""
        position = self.positions.pop(settled.ticker, None)
        if settled.ticker not in self._paid:
            now_flat = position or Position(settled.ticker)  # what is yet to be heard of it finds it here
            self._paid[settled.ticker] = _Paid(now_flat, settled.result, settled.yes_pays, self.day)
            self._booked.setdefault(settled.ticker, {})
        if position is None:
            return None
        cost, realised = position.cost, position.realised
        self._pay(position.settle(settled.result, settled.yes_pays), settled.shard)
        self._account_for(position, cost, realised)
        return position.held()

    def move(self, moved: CashMoved) -> bool:
        """Book cash that came or went by no trade: it is no profit. False when that was booked before."""
        key = (moved.kind, moved.reference, moved.shard if moved.kind == "transfer" else 0)
        if key in self._moved:
            return False
        self._moved[key] = None
        self._pay(moved.amount, moved.shard)
        return True

    def told(self, told: CashTold) -> None:
        """What the exchange says lies free on each shard, and on which of them we trade."""
        self.shard_cash, self.traded_shards = dict(told.by_shard), told.traded or (told.traded_shard,)

    def count(self, ticker: str) -> int:
        """The signed count held in a market."""
        position = self.positions.get(ticker)
        return position.count if position else 0

    def cost(self, ticker: str) -> int:
        """The most that what is held in a market can still lose."""
        position = self.positions.get(ticker)
        return position.cost if position else 0

    def cost_at(self, close_ns: int) -> int:
        """The same for all markets that close at one moment: they win and lose together. What closes nobody knows when
        (0) counts at each."""
        cost = 0
        for position in self.positions.values():
            if position.close_ns == close_ns or not position.close_ns:
                cost += position.cost
        return cost

    @property
    def equity(self) -> int:
        """Cash and what the open contracts cost."""
        return self.cash + self.exposure

    @property
    def loss_today(self) -> int:
        """Realised loss of the day with its fees; negative is a profit."""
        return self.fees_today - self.realised_today

    def _pay(self, amount: int, shard: int) -> None:
        self.cash += amount
        if shard in self.shard_cash:
            self.shard_cash[shard] += amount

    def _account_for(self, position: Position, cost_before: int, realised_before: int) -> None:
        self.exposure += position.cost - cost_before
        self.realised_today += position.realised - realised_before


def _restored(held: HeldPosition) -> Position:
    position = Position(held.ticker, held.close_ns)
    position.count, position.cost = held.count, held.cost
    position.realised, position.fees = held.realised, held.fees
    return position
