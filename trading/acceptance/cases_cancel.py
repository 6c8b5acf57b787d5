"""Cases: orders taken back: whole, in part, twice, while they trade, all at once."""

import asyncio
from uuid import uuid4

from markets.core.units import PRICE_DOLLAR
from markets.feeds.kalshi.notes import OrderNote
from markets.kalshi.errors import NotDone, NotFound, Refused
from markets.kalshi.messages import Cancelled, ItemRefused
from markets.kalshi.requests import CancelOrder
from trading.acceptance.case import Need, Skipped, Theme, check, equal
from trading.acceptance.cases_submit import FAR, read
from trading.acceptance.hands import Hands
from trading.acceptance.member import PREFIX

THEME = Theme("cancel")
case = THEME.case

SWEPT_S = 62  # after a cancel-all, what is placed is cancelled too


@case("A75", "An order that rests is taken back whole", Need.MARKET)
async def whole(hands: Hands) -> None:
    place = await hands.market()
    ear = await hands.ear()
    made = await hands.me.rests(place)
    back = await hands.me.cancel(place, made.order_id)
    equal("what was taken back", (back.order_id, back.reduced_by), (made.order_id, hands.size))
    order = await read(hands, made.client_order_id, "canceled")
    equal("what is left", (order.filled, order.remaining), (0, 0))
    await ear.hear(
        lambda: ear.of(OrderNote, order_id=made.order_id, status="canceled"), "the end", hands.environment.patience_s
    )


@case("A76", "Of an order that is partly filled only the rest is taken back", Need.ROOM, Need.SECOND)
async def rest_of_it(hands: Hands) -> None:
    place = await hands.room()
    made = await hands.me.place(place, True, place.inside())
    await hands.other.takes(place, False, place.inside(), hands.size // 2)
    back = await hands.me.cancel(place, made.order_id)
    equal("what was taken back", back.reduced_by, hands.size - hands.size // 2)
    order = await read(hands, made.client_order_id, "canceled")
    equal("what was filled of it", order.filled, hands.size // 2)


@case("A77", "An order that was taken back is not found a second time", Need.MARKET)
async def twice(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    await hands.me.cancel(place, made.order_id)
    await hands.refused(hands.me.cancel(place, made.order_id), NotFound, "the second cancel")


@case("A78", "Of two cancels at once one takes the order back and one does not find it", Need.MARKET)
async def both(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    cancels = [hands.me.cancel(place, made.order_id) for _ in range(2)]
    found = await asyncio.gather(*cancels, return_exceptions=True)
    equal("how they ended", sorted(type(one).__name__ for one in found), ["Cancelled", "NotFound"])


@case("A79", "An order that was filled cannot be taken back", Need.ROOM, Need.SECOND)
async def filled(hands: Hands) -> None:
    place = await hands.room()
    made = await hands.me.place(place, True, place.inside())
    await hands.other.takes(place, False, place.inside())
    await hands.refused(hands.me.cancel(place, made.order_id), NotFound, "the cancel of a filled order")
    equal("what was filled", (await read(hands, made.client_order_id, "executed")).filled, hands.size)


@case("A80", "A cancel that races with a fill takes back what the fill has left, and no more", Need.ROOM, Need.SECOND)
async def race(hands: Hands) -> None:
    place = await hands.room()
    for is_first in (True, False):
        made = await hands.me.place(place, True, place.inside())
        cancel = hands.me.cancel(place, made.order_id)
        take = hands.other.takes(place, False, place.inside(), hands.size // 2)
        pair = (cancel, take) if is_first else (take, cancel)
        ended = await asyncio.gather(*pair, return_exceptions=True)
        cancelled = next((one for one in ended if isinstance(one, Cancelled)), None)
        check(cancelled is not None, f"the cancel failed: {ended}")
        order = await read(hands, made.client_order_id, "canceled")
        equal("filled and taken back", order.filled + (cancelled.reduced_by if cancelled else 0), hands.size)


@case("A81", "A cancel on the wrong shard does not find the order, which goes on resting", Need.MARKET)
async def wrong_shard(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    other = 0 if place.shard else 1
    await hands.refused(hands.rest.cancel_order(made.order_id, other), NotFound, "a cancel on another shard")
    await hands.lag()
    equal("its status", (await hands.rest.order(made.order_id)).status, "resting")


@case("A82", "An order that is none is not found", Need.MARKET)
async def none(hands: Hands) -> None:
    place = await hands.market()
    await hands.refused(hands.me.cancel(place, str(uuid4())), NotFound, "a cancel of nothing")


@case("A83", "Of several cancels sent together each has its own outcome, in their order", Need.MARKET)
async def batch(hands: Hands) -> None:
    place = await hands.market()
    made = [await hands.me.rests(place, cents) for cents in (1, 2)]
    ids = [made[0].order_id, str(uuid4()), made[1].order_id]
    answers = await hands.rest.cancel_orders([CancelOrder(one, place.shard) for one in ids])
    equal("their orders", [one.order_id for one in answers], ids)
    equal("which failed", [isinstance(one, ItemRefused) for one in answers], [False, True, False])
    taken = sum(one.reduced_by for one in answers if isinstance(one, Cancelled))
    equal("what was taken back", taken, 2 * hands.size)


@case("A84", "Another account's order cannot be taken back", Need.MARKET, Need.SECOND)
async def others(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    hands.other.knows(place.ticker, place.shard)
    await hands.refused(hands.other.cancel(place, made.order_id), NotFound, "a cancel of another's order")
    equal("what was taken back", (await hands.me.cancel(place, made.order_id)).reduced_by, hands.size)


@case("A85", "A cancel is not kept waiting by orders that wait for their tokens", Need.MARKET)
async def urgent(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    rest = await hands.fresh()
    rest.budgets.set_limits(100, 100, 20, 20)  # two orders a second
    orders = [hands.me.order(place, True, 100, 1, is_post_only=True) for _ in range(4)]
    waiting = [asyncio.create_task(hands.me.send(order, through=rest)) for order in orders]
    await asyncio.sleep(0)
    await rest.cancel_order(made.order_id, place.shard)
    is_first = not all(task.done() for task in waiting)
    await asyncio.gather(*waiting)
    check(is_first, "the cancel came after all orders that waited")


@case("A86", "Cancel-all takes back all orders in all markets", Need.MARKET, Need.ALONE)
async def everything(hands: Hands) -> None:
    strangers = [one for one in await hands.rest.orders(status="resting") if not one.client_order_id.startswith(PREFIX)]
    if strangers:
        raise Skipped(f"needs {Need.ALONE}: {len(strangers)} orders in the account are not ours to cancel")
    places = (await hands.markets_open())[:2]
    try:
        for place in places:
            await hands.me.rests(place)
            await hands.me.place(place, False, PRICE_DOLLAR - 100)
        await hands.rest.cancel_all()
        await hands.eventually(
            hands.me.orders,
            lambda orders: len(orders) == 2 * len(places) and all(one.status == "canceled" for one in orders),
            "all orders cancelled",
        )
    finally:
        await hands.pass_s(SWEPT_S)


@case(
    "A87", "The close takes back what rests; a cancel after it is refused and that is no alarm", Need.MARKET, Need.CLOSE
)
async def after_close(hands: Hands) -> None:
    place = await hands.market()
    ear = await hands.ear()
    both = [
        await hands.me.rests(place),
        await hands.me.place(place, False, PRICE_DOLLAR - FAR),
    ]  # the loser may be filled
    await hands.environment.until(place.close_ns)
    await hands.lag()
    filled = [fill.order_id for fill in await hands.rest.fills(ticker=[place.ticker])]
    made = next((one for one in both if one.order_id not in filled), None)
    if made is None:
        raise Skipped("both orders were filled before the close")
    await hands.refused(hands.me.cancel(place, made.order_id), Refused, "a cancel after the close")
    late = hands.me.order(place, True, 100)
    await hands.refused(hands.me.send(late), NotDone, "an order after the close")
    await read(hands, made.client_order_id, "canceled")
    notes = await ear.hear(
        lambda: ear.of(OrderNote, order_id=made.order_id, status="canceled"), "the end", hands.environment.patience_s
    )
    equal("the reason", notes[-1].reason, "CloseCancel")
