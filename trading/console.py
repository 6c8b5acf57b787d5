"""The terminal's view of a session: one line every few seconds, and what happened in between."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from markets.core.units import SECOND_NS, money_text, price_text
from trading.core.desk import Desk
from trading.core.market import MarketState

Say = Callable[[str], None]


async def tell(desk: Desk, say: Say, *, every_s: float = 5.0) -> None:
    """Say how it stands, until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        for line in standing(desk):
            say(line)


def standing(desk: Desk) -> list[str]:
    """The account on one line, then one line for each open window."""
    portfolio = desk.engine.portfolio
    clock = datetime.fromtimestamp(desk.now_ns / SECOND_NS, tz=UTC)
    profit = portfolio.realised_today - portfolio.fees_today
    account = (
        f"{clock:%Y-%m-%d %H:%M:%S} UTC  {desk.engine.mode:<8}  cash ${_cents(portfolio.cash)}  "
        f"at risk ${_cents(portfolio.exposure)}  realised today ${_cents(profit)}  orders {desk.engine.orders.sent}"
    )
    return [account] + [_window(market, desk) for market in desk.engine.markets.values() if market.status == "open"]


def _window(market: MarketState, desk: Desk) -> str:
    signal, book = market.signal, market.book
    fair = "-" if signal is None or signal.fair is None else f"{signal.fair:.4f}"
    left = max(market.contract.close_ns - desk.now_ns, 0) // SECOND_NS
    held = desk.engine.portfolio.count(market.contract.ticker)
    reason = signal.reason if signal else "-"
    return (
        f"  {market.contract.ticker:<26} {left // 60:>2}:{left % 60:02} left  fair {fair:<6}  "
        f"bid {price_text(book.bid)} ask {price_text(book.ask)}  held {held / 100:+.2f}  {reason}"
    )


def _cents(money: int) -> str:
    return money_text(money)[:-4]
