"""What an account brings to the simulated exchange of a rehearsal, which lives no longer than the trader: our own books."""

from django.conf import settings
from django.db.models import Sum

from trading import ledger
from trading.models import LedgerEntry, Position
from trading.simulator.exchange.house_rows import CRYPTO_SHARD
from trading.simulator.seat import Seat


def seat_of(account: str) -> Seat:
    """Its cash by shard, a new account's opening cash where its markets are traded; and what it holds."""
    entries = LedgerEntry.objects.filter(account=account, book="cash")
    cash = {row["shard"]: int(row["all"]) for row in entries.order_by().values("shard").annotate(all=Sum("amount"))}
    closes = dict(Position.objects.filter(account=account).values_list("ticker", "close_ns"))
    held = []
    for ticker, position in sorted(ledger.holdings(account).items()):
        position.close_ns = closes.get(ticker, 0)
        if position.count:
            held.append(position.held())
    return Seat(cash or {CRYPTO_SHARD: int(settings.PAPER_CAPITAL)}, tuple(held))
