"""Cases: orders that are amended or made smaller, and their place in the queue."""

import asyncio

from markets.core.units import PRICE_DOLLAR, SECOND_NS
from markets.kalshi.errors import AlreadyExists, KalshiError, NotFound, Refused
from markets.kalshi.requests import AmendOrder
from trading.acceptance.case import Need, Theme, check, equal
from trading.acceptance.cases_submit import read
from trading.acceptance.hands import Hands

THEME = Theme("amend")
case = THEME.case

CENTS = 1


async def ahead(hands: Hands, order_id: str) -> int:
    """How many contracts wait before an order."""
    return await hands.eventually(
        lambda: hands.rest.queue_position(order_id), lambda count: count >= 0, "the place in the queue"
    )


@case("A88", "The place in the queue counts what came before, alone and in the list", Need.MARKET)
async def queue(hands: Hands) -> None:
    place = await hands.market()
    first, second = [await hands.me.rests(place) for _ in range(2)]
    gap = await ahead(hands, second.order_id) - await ahead(hands, first.order_id)
    equal("what waits between them", gap, hands.size)
    listed = await hands.eventually(
        lambda: hands.rest.queue_positions([place.ticker]), lambda rows: len(rows) > 1, "both in the list"
    )
    by_id = {row.order_id: row.ahead for row in listed}
    equal("the difference in the list", by_id[second.order_id] - by_id[first.order_id], hands.size)


@case("A89", "An order that is amended smaller keeps its place", Need.MARKET)
async def smaller(hands: Hands) -> None:
    place = await hands.market()
    first, second = [await hands.me.rests(place) for _ in range(2)]
    before = await ahead(hands, first.order_id)
    await hands.me.amend(place, first.order_id, 100 * CENTS, hands.size // 2)
    check(await ahead(hands, first.order_id) <= before, "it has lost its place")
    gap = await ahead(hands, second.order_id) - await ahead(hands, first.order_id)
    equal("what waits between them", gap, hands.size // 2)
    order = await hands.eventually(
        lambda: hands.rest.order(first.order_id), lambda one: one.remaining == hands.size // 2, "the order smaller"
    )
    equal("its whole count", order.initial, hands.size // 2)


@case("A90", "An order that is amended bigger goes to the back of the queue", Need.MARKET)
async def bigger(hands: Hands) -> None:
    place = await hands.market()
    first, second = [await hands.me.rests(place) for _ in range(2)]
    await hands.me.amend(place, first.order_id, 100 * CENTS, 2 * hands.size)
    gap = await ahead(hands, first.order_id) - await ahead(hands, second.order_id)
    equal("what waits between them", gap, hands.size)


@case("A91", "An order that goes to another price and back is behind who stayed", Need.MARKET)
async def there_and_back(hands: Hands) -> None:
    place = await hands.market()
    first, second = [await hands.me.rests(place) for _ in range(2)]
    await hands.me.amend(place, first.order_id, 200 * CENTS)
    order = await hands.eventually(
        lambda: hands.rest.order(first.order_id), lambda one: one.price == 200 * CENTS, "the other price"
    )
    equal("what rests", (order.status, order.remaining), ("resting", hands.size))
    await hands.me.amend(place, first.order_id, 100 * CENTS)
    gap = await ahead(hands, first.order_id) - await ahead(hands, second.order_id)
    equal("what waits between them", gap, hands.size)


@case("A92", "The count of an amend is the total with what was filled", Need.ROOM, Need.SECOND)
async def total(hands: Hands) -> None:
    place = await hands.room()
    made = await hands.me.place(place, True, place.inside())
    await hands.other.takes(place, False, place.inside(), hands.size // 2)
    amended = await hands.me.amend(place, made.order_id, place.inside(), hands.size // 2 + hands.size)
    equal("what rests", amended.remaining, hands.size)
    order = await hands.eventually(
        lambda: hands.rest.order(made.order_id), lambda one: one.initial > hands.size, "the order bigger"
    )
    equal("filled and in all", (order.filled, order.initial), (hands.size // 2, hands.size // 2 + hands.size))


@case("A93", "A total that is filled already is refused, and the order stays as it is", Need.ROOM, Need.SECOND)
async def too_small(hands: Hands) -> None:
    place = await hands.room()
    made = await hands.me.place(place, True, place.inside())
    await hands.other.takes(place, False, place.inside(), hands.size // 2)
    amend = hands.me.amend(place, made.order_id, place.inside(), hands.size // 4)
    await hands.refused(amend, Refused, "a total below what was filled")
    equal("what was taken back", (await hands.me.cancel(place, made.order_id)).reduced_by, hands.size // 2)


@case("A94", "An amend that crosses the spread trades", Need.ROOM, Need.SECOND)
async def crosses(hands: Hands) -> None:
    place = await hands.room()
    await hands.other.place(place, False, place.inside(1), hands.size // 2)
    made = await hands.me.place(place, True, place.inside(-1))
    amended = await hands.me.amend(place, made.order_id, place.inside(1))
    equal("what was filled and rests", (amended.filled, amended.remaining), (hands.size // 2, hands.size // 2))
    order = await hands.eventually(lambda: hands.rest.order(made.order_id), lambda one: one.filled > 0, "the fill")
    equal("its price", order.price, place.inside(1))


@case("A95", "A post-only order cannot be amended across the spread, and stays where it is", Need.ROOM, Need.SECOND)
async def post_only(hands: Hands) -> None:
    place = await hands.room()
    await hands.other.place(place, False, place.inside(1))
    made = await hands.me.place(place, True, place.inside(-1), is_post_only=True)
    await hands.refused(hands.me.amend(place, made.order_id, place.inside(1)), Refused, "an amend that crosses")
    await hands.lag()
    order = await hands.rest.order(made.order_id)
    equal("the order", (order.status, order.price, order.remaining), ("resting", place.inside(-1), hands.size))


@case("A96", "An amend that changes nothing answers with nothing, which is not zero", Need.MARKET)
async def nothing(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    amended = await hands.me.amend(place, made.order_id, 100 * CENTS)
    check(amended.filled in (None, 0), f"{amended.filled} filled by an amend that changes nothing")
    check(amended.remaining in (None, hands.size), f"the answer says that {amended.remaining} rest")
    equal("what was taken back", (await hands.me.cancel(place, made.order_id)).reduced_by, hands.size)


@case("A97", "An amend can set an expiry, keep it and take it away", Need.MARKET)
async def expiry(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    at_s = hands.now_s() + 60
    for told, wanted in ((at_s, at_s), (None, at_s), (0, 0)):
        await hands.me.amend(place, made.order_id, 100 * CENTS, expires_s=told)
        await hands.lag()
        order = await hands.rest.order(made.order_id)
        equal(f"the expiry after {told}", (order.expires_ns or 0) // SECOND_NS, wanted)


@case("A98", "An amended expiry takes the order back when it comes", Need.MARKET)
async def expires(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    at_s = hands.now_s() + 3
    await hands.me.amend(place, made.order_id, 100 * CENTS, expires_s=at_s)
    await hands.environment.until((at_s + 1) * SECOND_NS)
    await read(hands, made.client_order_id, "canceled")


@case("A99", "An amend can give an order another id, and the old one stays used", Need.MARKET)
async def renamed(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    name = hands.me.new_id()
    old = made.client_order_id
    await hands.me.amend(place, made.order_id, 100 * CENTS, client_order_id=old, new_client_order_id=name)
    equal("the order under its new id", (await read(hands, name)).order_id, made.order_id)
    for used in (made.client_order_id, name):
        again = hands.me.order(place, True, 100, client_order_id=used)
        await hands.refused(hands.me.send(again), AlreadyExists, "a used id")


@case("A100", "What cannot be amended so is refused, and the order stays as it is", Need.MARKET)
async def refused(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    off_grid = next(at for at in (1_050, 1_055, 1_051) if not place.contract.is_on_grid(at))
    await hands.refused(hands.me.amend(place, made.order_id, off_grid), Refused, "a price off the grid")
    await hands.refused(
        hands.me.amend(place, made.order_id, PRICE_DOLLAR - 100, is_bid=False), Refused, "the other side"
    )
    equal("what was taken back", (await hands.me.cancel(place, made.order_id)).reduced_by, hands.size)
    await hands.refused(hands.me.amend(place, made.order_id, 200 * CENTS), NotFound, "an order that is gone")


@case("A101", "An amend that races with a fill loses nothing", Need.ROOM, Need.SECOND)
async def race(hands: Hands) -> None:
    place = await hands.room()
    made = await hands.me.place(place, True, place.inside())
    amend = AmendOrder(
        order_id=made.order_id, ticker=place.ticker, is_bid=True, price=place.inside(), count=2 * hands.size,
        shard=place.shard,
    )  # fmt: skip
    hands.me.risk(hands.size * place.inside())
    ended = await asyncio.gather(
        hands.other.takes(place, False, place.inside()), hands.rest.amend_order(amend), return_exceptions=True
    )
    check(not isinstance(ended[0], BaseException), f"the fill failed: {ended[0]}")
    wanted = hands.size if isinstance(ended[1], KalshiError) else 2 * hands.size
    order = await hands.eventually(
        lambda: hands.rest.order(made.order_id),
        lambda one: one.filled == hands.size and one.initial == wanted,
        "the order filled and amended",
    )
    equal("filled and resting", order.filled + order.remaining, wanted)


@case("A102", "An order is made smaller by so much, and to so much, and keeps its place", Need.MARKET)
async def decreased(hands: Hands) -> None:
    place = await hands.market()
    first, second = [await hands.me.rests(place) for _ in range(2)]
    less = await hands.me.decrease(place, first.order_id, reduce_by=hands.size // 4)
    equal("what rests", less.remaining, hands.size - hands.size // 4)
    less = await hands.me.decrease(place, first.order_id, reduce_to=hands.size // 4)
    equal("what rests", less.remaining, hands.size // 4)
    gap = await ahead(hands, second.order_id) - await ahead(hands, first.order_id)
    equal("what waits between them", gap, hands.size // 4)


@case("A103", "An order that is made nothing is cancelled; it cannot be made bigger", Need.MARKET)
async def to_nothing(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    bigger_ = hands.me.decrease(place, made.order_id, reduce_to=2 * hands.size)
    await hands.refused(bigger_, Refused, "a decrease to more")
    await hands.me.decrease(place, made.order_id, reduce_to=0)
    await read(hands, made.client_order_id, "canceled")
