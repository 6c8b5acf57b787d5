"""The account once more, from its opening, fills and settlements alone: what it must add up to."""

from collections.abc import Iterable

from backtests.core.record import Result
from markets.core.payout import payout_of, yes_pays_of
from markets.core.units import PRICE_DOLLAR
from trading.core.events import Fill


class LedgerError(RuntimeError):
    """The account does not add up: a defect in the books, never a fact about the market."""


def check(result: Result) -> None:
    """Raises LedgerError unless cash, positions and payouts all follow from fills and settlements."""
    cash = result.opening.cash
    held = {each.ticker: each.count for each in result.opening.positions}
    cash += _traded(result.fills, held)
    for settled in result.settlements:
        count = held.pop(settled.ticker, 0)
        due = payout_of(count, yes_pays_of(settled.result, settled.yes_pays))
        if (settled.count, settled.payout) != (count, due):
            raise LedgerError(f"{settled.ticker} paid {settled.payout} for {settled.count}; {due} for {count} was due")
        cash += due
    if cash != result.closing.cash:
        raise LedgerError(f"fills and settlements leave {cash} in cash, the engine holds {result.closing.cash}")
    left = {ticker: count for ticker, count in held.items() if count}
    kept = {each.ticker: each.count for each in result.closing.positions}
    if left != kept:
        raise LedgerError(f"fills and settlements leave {left} open, the engine holds {kept}")


def _traded(fills: Iterable[Fill], held: dict[str, int]) -> int:
    """The change of cash by fills and fees; keeps `held` up to date. A bid that closes NO contracts gives each
    of them back at 1 - p, one that opens YES pays p; an ask is the mirror of it."""
    cash = 0
    for fill in fills:
        before = held.get(fill.ticker, 0)
        after = before + (fill.count if fill.is_bid else -fill.count)
        held[fill.ticker] = after
        own = fill.price if fill.is_bid else PRICE_DOLLAR - fill.price
        opened = max(abs(after) - abs(before), 0) if before * after >= 0 else abs(after)
        closed = fill.count - opened
        cash += closed * (PRICE_DOLLAR - own) - opened * own - fill.fee
    return cash
