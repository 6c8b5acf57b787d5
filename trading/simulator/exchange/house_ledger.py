"""The ledger: what happened in the matching exchange as the rows that members read."""

from collections.abc import Callable, Iterable

from markets.core.units import PRICE_DOLLAR
from trading.core.matching.engine import Matching
from trading.core.matching.messages import (
    Filled,
    Happening,
    OrderChanged,
    PaidOut,
    PositionChanged,
    Refusal,
)
from trading.simulator.exchange.history import Cash, Reads, Row
from trading.simulator.exchange.house_ids import Ids
from trading.simulator.exchange.house_rows import FillRow, PositionRow, SettlementRow

Pocket = tuple[int, int]  # account, subaccount
ShardOf = Callable[[str], int]


class Ledger:
    """Writes the reads, and knows what each pocket has traded in each market that is not settled."""

    def __init__(self, matching: Matching, ids: Ids, reads: Reads, shard_of: ShardOf) -> None:
        self._matching, self._ids, self.reads, self._shard_of = matching, ids, reads, shard_of
        self._turnover: dict[tuple[int, int, str], int] = {}
        self._positions: dict[tuple[int, int, str], PositionRow] = {}
        self._client_ids: dict[int, str] = {}  # of resting orders

    def held(self, ticker: str) -> int:
        """How many contracts of a market the members hold, YES or NO."""
        return sum(abs(row.count) for row in self._positions.values() if row.ticker == ticker)

    def client_id(self, order: int) -> str:
        """What its owner calls an order."""
        known = self._client_ids.get(order)
        if known is None:
            try:
                known = self._matching.order(order).client_id
            except Refusal:
                return ""
        return known

    def write(self, now_ns: int, happened: Iterable[Happening]) -> None:
        """Put down what happened in one action; the cash of who was concerned goes with it."""
        rows: list[Row] = []
        pockets: dict[tuple[int, int, int], None] = {}
        for one in happened:
            if isinstance(one, OrderChanged):
                order = one.state.order
                rows.append(one.state)
                self._name(one)
                pockets[order.account, order.subaccount, one.state.shard] = None
            elif isinstance(one, Filled):
                rows.append(self._fill(one))
                pockets[one.account, one.subaccount, self._shard_of(one.ticker)] = None
            elif isinstance(one, PositionChanged):
                rows.append(self._position(one))
            elif isinstance(one, PaidOut):
                rows += self._paid(one)
                pockets[one.account, one.subaccount, self._shard_of(one.ticker)] = None
        rows += [self._cash(*pocket) for pocket in pockets]
        if rows:
            self.reads.write(now_ns, rows)

    def write_cash(self, now_ns: int, account: int, places: Iterable[tuple[int, int]]) -> None:
        """Put down the cash in these places (subaccount, shard) of an account."""
        self.reads.write(now_ns, [self._cash(account, subaccount, shard) for subaccount, shard in places])

    def forget(self, ticker: str) -> None:
        """A market is settled: nothing more will be traded in it."""
        for kept in (self._turnover, self._positions):
            for key in [key for key in kept if key[2] == ticker]:
                del kept[key]

    def settled_position(self, one: PaidOut) -> PositionRow:
        """What is left of a position that was paid out: nothing held, and what it has earned."""
        before = self._positions.get((one.account, one.subaccount, one.ticker))
        return PositionRow(
            account=one.account,
            subaccount=one.subaccount,
            ticker=one.ticker,
            shard=self._shard_of(one.ticker),
            count=0,
            cost=0,
            realised=(before.realised if before else 0) + one.payout - one.cost,
            fees=one.fees,
            traded=before.traded if before else 0,
            turnover=before.turnover if before else 0,
            updated_ns=one.at_ns,
            settled_ns=one.at_ns,
        )

    def _name(self, one: OrderChanged) -> None:
        state = one.state
        if state.status == "resting":
            self._client_ids[state.number] = state.client_id or state.order.client_id
        else:
            self._client_ids.pop(state.number, None)

    def _fill(self, one: Filled) -> FillRow:
        key = one.account, one.subaccount, one.ticker
        price = one.price if one.is_bid else PRICE_DOLLAR - one.price
        self._turnover[key] = self._turnover.get(key, 0) + price * one.count
        return FillRow(
            trade_id=self._ids.text("trade", one.trade),
            order=one.order,
            client_id=self.client_id(one.order),
            account=one.account,
            subaccount=one.subaccount,
            ticker=one.ticker,
            shard=self._shard_of(one.ticker),
            is_bid=one.is_bid,
            price=one.price,
            count=one.count,
            fee=one.fee,
            is_taker=one.is_taker,
            position_after=one.position_after,
            at_ns=one.at_ns,
        )

    def _position(self, one: PositionChanged) -> PositionRow:
        key = one.account, one.subaccount, one.ticker
        row = self._positions[key] = PositionRow(
            account=one.account,
            subaccount=one.subaccount,
            ticker=one.ticker,
            shard=self._shard_of(one.ticker),
            count=one.count,
            cost=one.cost,
            realised=one.realised,
            fees=one.fees,
            traded=one.traded,
            turnover=self._turnover.get(key, 0),
            updated_ns=one.at_ns,
        )
        return row

    def _paid(self, one: PaidOut) -> list[Row]:
        settlement = SettlementRow(
            account=one.account,
            subaccount=one.subaccount,
            ticker=one.ticker,
            shard=self._shard_of(one.ticker),
            result=one.result,
            yes_pays=one.yes_pays,
            count=one.count,
            cost=one.cost,
            fees=one.fees,
            payout=one.payout,
            at_ns=one.at_ns,
        )
        return [settlement, self.settled_position(one)]

    def _cash(self, account: int, subaccount: int, shard: int) -> Cash:
        matching = self._matching
        free = matching.cash(account, shard, subaccount) - matching.reserved(account, shard, subaccount)
        return Cash(account, subaccount, shard, free)
