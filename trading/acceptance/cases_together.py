"""Cases: orders that meet others of our own, and orders that are sent together."""

from trading.acceptance.case import Need, Theme, equal
from trading.acceptance.cases_submit import FAR, read
from trading.acceptance.hands import Hands

THEME = Theme("own orders together")
case = THEME.case


@case("A56", "Crossing our own order stops the one that comes, the other goes on resting", Need.ROOM)
async def self_trade_taker(hands: Hands) -> None:
    place = await hands.room()
    first = await hands.me.place(place, False, place.inside())
    second = await hands.me.place(place, True, place.inside(), self_trade="taker_at_cross")
    equal("what of the second was filled and rests", (second.filled, second.remaining), (0, 0))
    await read(hands, second.client_order_id, "canceled")
    equal("what rests of the first", (await read(hands, first.client_order_id)).remaining, hands.size)


@case("A57", "Crossing our own order takes that away and goes on, when it was so ordered", Need.ROOM)
async def self_trade_maker(hands: Hands) -> None:
    place = await hands.room()
    first = await hands.me.place(place, False, place.inside())
    second = await hands.me.place(place, True, place.inside(), self_trade="maker")
    equal("what of the second was filled and rests", (second.filled, second.remaining), (0, hands.size))
    equal("what was filled of the first", (await read(hands, first.client_order_id, "canceled")).filled, 0)


@case("A58", "Of several orders sent together each has its own outcome, in their order", Need.MARKET)
async def batch(hands: Hands) -> None:
    place = await hands.market()
    hands.me.knows(place.ticker, place.shard)
    good, bad, last = (hands.me.order(place, True, price) for price in (FAR, 0, 2 * FAR))
    hands.me.risk(2 * good.count * last.price)
    answers = await hands.rest.create_orders([good, bad, last])
    equal("which have an order", [bool(answer.order_id) for answer in answers], [True, False, True])
    equal("the ids", [answer.client_order_id for answer in answers], [one.client_order_id for one in (good, bad, last)])
    await read(hands, last.client_order_id, "resting")
    equal("orders", len(await hands.me.orders()), 2)
