"""What an account brings to the simulated exchange of a rehearsal, which lives no longer than the trader: our own books."""

from django.conf import settings

from trading import ledger
from trading.models import Position
from trading.our_rows import cash_by_shard
from trading.simulator.exchange.house_rows import CRYPTO_SHARD
from trading.simulator.seat import Seat


def seat_of(account: str) -> Seat:
    """Its cash by shard, a new account's opening cash where its markets are traded; and what it holds."""
    cash = cash_by_shard(account)
    closes = dict(Position.objects.filter(account=account).values_list("ticker", "close_ns"))
    held = []
    for ticker, position in sorted(ledger.holdings(account).items()):
        position.close_ns = closes.get(ticker, 0)
        if position.count:
            held.append(position.held())
    return Seat(cash or {CRYPTO_SHARD: int(settings.PAPER_CAPITAL)}, tuple(held))
