"""Member: one account's client in the hands of a case, its orders known by the ids they are given, and its risk bounded."""

import asyncio
from itertools import count as counting
from typing import Any

from markets.core.units import DOLLAR, PRICE_DOLLAR, SECOND_NS
from markets.kalshi.errors import KalshiError, NotDone, OutcomeUnknown
from markets.kalshi.messages import Amended, Cancelled, Created, Decreased, WireOrder
from markets.kalshi.requests import AmendOrder, CreateOrder, DecreaseOrder
from markets.kalshi.rest import KalshiRest
from trading.acceptance.case import Skipped
from trading.acceptance.environment import Environment
from trading.acceptance.places import Place

PREFIX = "acceptance-"
EARLIER_S = 5
MOST_FEE = 250  # Money for a hundredth of a contract: more than any fee with its roundings
TRIES = 20
MOST_GIVEN = 1_000  # below the best price, when a position is traded back


class Purse:
    """What may be lost and at risk in all."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.lost = self.at_risk = 0

    def take(self, money: int) -> None:
        """So much more is at risk. Raises Skipped when that is too much."""
        if self.lost + self.at_risk + money > self.most:
            raise Skipped(f"would put more than ${self.most / DOLLAR:g} at risk: raise --max-dollars")
        self.at_risk += money


class Member:
    """Makes, changes and finds the orders of one case; what they left is taken back at the end."""

    def __init__(self, environment: Environment, rest: KalshiRest, purse: Purse, prefix: str) -> None:
        self.rest, self.prefix = rest, prefix
        self._environment, self._purse = environment, purse
        self._numbers = counting(1)
        self._since_s = environment.now_ns() // SECOND_NS - EARLIER_S
        self._tickers: dict[str, int] = {}  # shard by ticker
        self._risk = 0

    def new_id(self) -> str:
        """A client's order id that was never used."""
        return f"{self.prefix}-{next(self._numbers)}"

    def order(self, place: Place, is_bid: bool, price: int, count: int | None = None, **terms: Any) -> CreateOrder:
        """An order in a market, of the usual size, with an id of ours. Nothing is sent."""
        usual: dict[str, Any] = {
            "ticker": place.ticker,
            "shard": place.shard,
            "client_order_id": self.new_id(),
            "is_bid": is_bid,
            "price": price,
            "count": self._environment.size if count is None else count,
        }
        return CreateOrder(**(usual | terms))

    async def send(
        self, order: CreateOrder, *, is_to_be_refused: bool = False, through: KalshiRest | None = None
    ) -> Created:
        """Send it, when it may be lost. Raises KalshiError, Skipped."""
        if not is_to_be_refused:
            own = order.price if order.is_bid else PRICE_DOLLAR - order.price
            self.risk(order.count * (own + MOST_FEE))
        self.knows(order.ticker, order.shard)
        return await (through or self.rest).create_order(order)

    async def place(self, place: Place, is_bid: bool, price: int, count: int | None = None, **terms: Any) -> Created:
        """Make an order and send it."""
        return await self.send(self.order(place, is_bid, price, count, **terms))

    async def rests(self, place: Place, cents: int = 1, count: int | None = None, **terms: Any) -> Created:
        """A bid so far away that nobody will take it."""
        return await self.place(place, True, 100 * cents, count, **terms)

    async def takes(self, place: Place, is_bid: bool, price: int, count: int | None = None) -> Created:
        """An order that trades at once or not at all."""
        return await self.place(place, is_bid, price, count, time_in_force="immediate_or_cancel")

    async def cancel(self, place: Place, order_id: str) -> Cancelled:
        """Take back an order."""
        return await self.rest.cancel_order(order_id, place.shard)

    async def amend(
        self, place: Place, order_id: str, price: int, count: int | None = None, *, is_bid: bool = True, **terms: Any
    ) -> Amended:
        """Another price or total for an order."""
        size = self._environment.size if count is None else count
        own = price if is_bid else PRICE_DOLLAR - price
        self.risk(size * (own + MOST_FEE))
        amend = AmendOrder(
            order_id=order_id, ticker=place.ticker, is_bid=is_bid, price=price, count=size, shard=place.shard, **terms
        )
        return await self.rest.amend_order(amend)

    async def decrease(self, place: Place, order_id: str, **by: int) -> Decreased:
        """Less of an order: reduce_by or reduce_to."""
        return await self.rest.decrease_order(DecreaseOrder(order_id=order_id, shard=place.shard, **by))

    def risk(self, money: int) -> None:
        """So much more may be lost."""
        self._purse.take(money)
        self._risk += money

    def knows(self, ticker: str, shard: int) -> None:
        """Something may have been written there."""
        self._tickers[ticker] = shard

    async def lag(self) -> None:
        """Wait until what was done is also what is read."""
        await asyncio.sleep(self._environment.lag_s)

    def shard_of(self, ticker: str) -> int:
        """Where a market that was written in trades."""
        return self._tickers[ticker]

    # What became of them ---------------------------------------------------------------------------------------

    async def orders(self, through: KalshiRest | None = None, ticker: str = "") -> list[WireOrder]:
        """The orders of this case, as they are read, newest first."""
        found: list[WireOrder] = []
        for one in (ticker,) if ticker else tuple(self._tickers):
            found += await (through or self.rest).orders(ticker=one, min_ts=self._since_s)
        return [order for order in found if order.client_order_id.startswith(self.prefix + "-")]

    async def known_as(self, client_order_id: str, through: KalshiRest | None = None) -> WireOrder | None:
        """The order with this id, None when it is not read."""
        orders = await self.orders(through)
        return next((order for order in orders if order.client_order_id == client_order_id), None)

    async def cancelled(self) -> list[WireOrder]:
        """Cancel what rests of the case; all its orders, none of which rests any more. Raises KalshiError."""
        self._purse.at_risk -= self._risk
        self._risk = 0
        if not self._tickers:
            return []
        for _ in range(TRIES):
            await asyncio.sleep(self._environment.lag_s)
            orders = await self.orders()
            resting = [order for order in orders if order.status == "resting"]
            if not resting:
                self._purse.lost += max(0, _lost(orders))
                return orders
            for order in resting:
                try:
                    await self.rest.cancel_order(order.order_id, order.shard or 0)
                except (NotDone, OutcomeUnknown):
                    continue  # the next look tells
        raise KalshiError(0, "", "orders go on resting whatever is done to cancel them")

    async def trade_back(self, ticker: str, count: int, price: int = 0) -> int:
        """Trade back a position (+ YES, - NO) at once, as far as the book has it, or at this price alone; what is left."""
        book = await self.rest.orderbook(ticker)
        side = book.yes if count > 0 else book.no
        if not side:
            return count
        worst = max(max(at for at, _ in side) - MOST_GIVEN, 100) // 100 * 100
        order = CreateOrder(
            ticker=ticker, client_order_id=self.new_id(), is_bid=count < 0, shard=self._tickers[ticker], count=abs(count),
            price=price or (worst if count > 0 else PRICE_DOLLAR - worst),
            time_in_force="immediate_or_cancel", is_reduce_only=True,
        )  # fmt: skip
        try:
            filled = (await self.rest.create_order(order)).filled
        except (NotDone, OutcomeUnknown):
            return count
        return count - filled if count > 0 else count + filled


def held_of(orders: list[WireOrder]) -> dict[str, int]:
    """What orders came to hold, by market: + YES, - NO."""
    held: dict[str, int] = {}
    for one in orders:
        held[one.ticker] = held.get(one.ticker, 0) + (one.filled if one.is_bid else -one.filled)
    return {ticker: count for ticker, count in held.items() if count}


def _lost(orders: list[WireOrder]) -> int:
    """What these orders cost in all, when what is still held is worth nothing."""
    spent = sum(
        (one.taker_cost or 0) + (one.maker_cost or 0) + (one.taker_fees or 0) + (one.maker_fees or 0) for one in orders
    )
    bought = sum(order.filled for order in orders if order.is_bid)
    sold = sum(order.filled for order in orders if not order.is_bid)
    return spent - min(bought, sold) * PRICE_DOLLAR
