"""Closing: after a case nothing of it rests and, as far as the books have it, nothing of it is held."""

from contextlib import suppress

from markets.core.units import CONTRACT, PRICE_DOLLAR
from markets.kalshi.errors import KalshiError, NotDone, OutcomeUnknown
from markets.kalshi.requests import CreateOrder
from markets.kalshi.rest import KalshiRest
from trading.acceptance.member import PREFIX, Member, held_of

TRADING = ("active", "inactive")


async def close(me: Member, other: Member | None) -> list[str]:
    """Cancel and trade back. Returns what could not be done, in sentences."""
    left: list[str] = []
    try:
        mine = held_of(await me.cancelled())
        others = held_of(await other.cancelled()) if other is not None else {}
        for ticker in mine:
            if other is not None and mine[ticker] * others.get(ticker, 0) < 0:
                await _between(me, other, ticker, mine, others)
        for member, held in ((me, mine), (other, others)):
            for ticker, count in held.items():
                if member is not None and count:
                    is_over = (await me.rest.market(ticker)).status not in TRADING
                    held[ticker] = 0 if is_over else await member.trade_back(ticker, count)
        if mine or others:
            await me.lag()
        left += [
            f"{count / CONTRACT:g} contracts of {ticker} are still held" for ticker, count in mine.items() if count
        ]
    except KalshiError as error:
        left.append(f"what was left could not be looked up: {error}")
    return left


async def _between(me: Member, other: Member, ticker: str, mine: dict[str, int], others: dict[str, int]) -> None:
    """Two members who hold the two sides of a market trade them back with each other, between the best prices."""
    book = await me.rest.orderbook(ticker)
    bid = max((price for price, _ in book.yes), default=0)
    ask = PRICE_DOLLAR - max((price for price, _ in book.no), default=0)
    price = (bid + ask) // 200 * 100
    if not bid < price < ask:
        return
    count = min(abs(mine[ticker]), abs(others[ticker]))
    sign = 1 if mine[ticker] > 0 else -1
    order = CreateOrder(
        ticker=ticker, client_order_id=me.new_id(), is_bid=sign < 0, price=price, count=count,
        shard=me.shard_of(ticker), is_post_only=True,
    )  # fmt: skip
    with suppress(NotDone, OutcomeUnknown):
        made = await me.rest.create_order(order)
        left = await other.trade_back(ticker, -sign * count, price)
        with suppress(NotDone):
            await me.rest.cancel_order(made.order_id, order.shard)
        mine[ticker] -= sign * (count - abs(left))
        others[ticker] += sign * (count - abs(left))


async def sweep(rest: KalshiRest) -> int:
    """Cancel every resting order that an acceptance run has left, this one or an earlier; how many there were."""
    resting = [one for one in await rest.orders(status="resting") if one.client_order_id.startswith(PREFIX)]
    for order in resting:
        with suppress(NotDone, OutcomeUnknown):
            await rest.cancel_order(order.order_id, order.shard or 0)
    return len(resting)
