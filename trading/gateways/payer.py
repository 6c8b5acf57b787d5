"""Payer: the payout of a market, booked as soon as all that was traded in it is known. The exchange pays by itself."""

from collections.abc import Callable, Iterator

from markets.core.events import MarketStatus
from markets.core.payout import is_awaited, payout_of, yes_pays_of
from trading.core.events import Settled
from trading.core.portfolio import Portfolio
from trading.core.sender import Sender


class Payer:
    """`portfolio` is the engine's; `shard_of` says whose cash a market pays into: while nobody knows (None), it waits."""

    def __init__(self, sender: Sender, portfolio: Portfolio, shard_of: Callable[[str], int | None]) -> None:
        self._sender, self._portfolio, self._shard_of = sender, portfolio, shard_of
        self._unpaid: dict[str, MarketStatus] = {}
        self.is_ready = False  # as long as our orders are not known for sure, everything waits

    def settled(self, status: MarketStatus) -> Iterator[Settled]:
        """A market has settled: our payout, unless an order in it may still have fills that are not known."""
        result = status.result
        if result == "" or is_awaited(result, status.yes_pays):
            return
        shard = self._shard_of(status.ticker)
        if not self.is_ready or shard is None or self._sender.unfinished(status.ticker):
            self._unpaid[status.ticker] = status
            return
        self._unpaid.pop(status.ticker, None)
        held = self._portfolio.positions.get(status.ticker)
        if held is not None:
            payout = payout_of(held.count, yes_pays_of(result, status.yes_pays))
            yield Settled(
                status.received_ns,
                status.ticker,
                result,
                held.count,
                payout,
                status.settle_value,
                status.yes_pays,
                shard,
            )

    def due(self) -> Iterator[Settled]:
        """The payouts that had to wait and need not any more."""
        for status in list(self._unpaid.values()):
            yield from self.settled(status)
