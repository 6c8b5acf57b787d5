"""What the exchange remembers, within bounds: candles, public trades, and what REST reads of an account, a little late."""

from typing import TYPE_CHECKING

import msgspec

from trading.simulator.exchange.house_rows import FillRow, PositionRow, SettlementRow

if TYPE_CHECKING:
    from trading.core.matching.messages import OrderState


class Candle(msgspec.Struct, frozen=True, gc=False):
    """One candle; each quadruple is (open, low, high, close). `price` None without trades; `mean` 0 then."""

    end_s: int
    bid: tuple[int, int, int, int]
    ask: tuple[int, int, int, int]
    price: tuple[int, int, int, int] | None
    mean: int
    previous: int
    volume: int
    open_interest: int


class Reads:
    """Orders, fills, positions, settlements and cash of all accounts as REST sees them: `lag_ns` old.

    What is written is seen in the write's own answer, never here before the lag is over.
    """

    lag_ns: int
    as_of_ns: int  # everything up to this moment is in here

    def orders(self, account: int) -> "list[OrderState]":
        """All orders of an account that are still known, newest first."""
        raise NotImplementedError

    def order(self, number: int) -> "OrderState | None":
        """One order."""
        raise NotImplementedError

    def fills(self, account: int) -> list[FillRow]:
        """Newest first."""
        raise NotImplementedError

    def positions(self, account: int) -> list[PositionRow]:
        """Every market ever traded by the account that is still known, the last changed first."""
        raise NotImplementedError

    def settlements(self, account: int) -> list[SettlementRow]:
        """Newest first."""
        raise NotImplementedError

    def cash(self, account: int, subaccount: int = 0) -> dict[int, int]:
        """Money by shard, only shards that were ever funded."""
        raise NotImplementedError
