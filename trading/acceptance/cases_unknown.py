"""Cases: answers that are lost, late, or errors: what is unknown is said to be unknown, and is found out."""

import asyncio

from markets.feeds.kalshi.notes import FillNote, MissedNote, OrderNote
from markets.kalshi.errors import AlreadyExists, NotFound, OutcomeUnknown, RateLimited, Unavailable
from markets.kalshi.messages import ItemRefused
from markets.kalshi.requests import CancelOrder
from trading.acceptance.case import Need, Theme, check, equal
from trading.acceptance.cases_fills import fills_of
from trading.acceptance.cases_submit import FAR, nothing_came_of, read
from trading.acceptance.hands import Hands

THEME = Theme("unknown outcomes")
case = THEME.case

ORDERS = "/portfolio/events/orders"
SHORT_S = 0.3


async def _lost_create(hands: Hands, kind: str, **terms: object) -> None:
    """An order whose answer does not come is unknown, landed, and cannot land again."""
    place = await hands.market()
    await hands.faults.arm(kind, method="POST", path=ORDERS, **terms)
    order = hands.me.order(place, True, FAR)
    error = await hands.refused(hands.me.send(order), OutcomeUnknown, "an order without an answer")
    equal("the id that the error names", error.client_order_id, order.client_order_id)
    await hands.faults.clear()
    await read(hands, order.client_order_id, "resting")
    await hands.refused(hands.me.send(order), AlreadyExists, "the same order again")
    equal("orders", len(await hands.me.orders()), 1)


@case(
    "A109", "An order whose answer is lost is unknown; the list has it, and its id is taken", Need.MARKET, Need.FAULTS
)
async def lost(hands: Hands) -> None:
    await _lost_create(hands, "answer_lost")


@case("A110", "An order answered with 503 after it was taken is unknown; the list has it", Need.MARKET, Need.FAULTS)
async def error_after(hands: Hands) -> None:
    await _lost_create(hands, "error_after", status=503)


@case(
    "A111",
    "An order answered with 500 before it was taken is unknown; the list has it not, it can be sent again",
    Need.MARKET,
    Need.FAULTS,
)
async def error_before(hands: Hands) -> None:
    place = await hands.market()
    await hands.faults.arm("error_before", method="POST", path=ORDERS, status=500)
    order = hands.me.order(place, True, FAR)
    await hands.refused(hands.me.send(order), OutcomeUnknown, "an order answered with 500")
    await nothing_came_of(hands, order.client_order_id)
    made = await hands.me.send(order)
    equal("what rests after the second", made.remaining, hands.size)


@case("A112", "An order whose answer takes too long is unknown; the list has it", Need.MARKET, Need.FAULTS)
async def timeout(hands: Hands) -> None:
    place = await hands.market()
    await hands.faults.arm("timeout", method="POST", path=ORDERS, seconds=4 * SHORT_S)
    rest = await hands.fresh(timeout_s=SHORT_S)
    order = hands.me.order(place, True, FAR)
    await hands.refused(hands.me.send(order, through=rest), OutcomeUnknown, "an order without an answer in time")
    await read(hands, order.client_order_id, "resting")


@case("A113", "The WebSocket tells of an order whose answer was lost", Need.MARKET, Need.FAULTS)
async def heard(hands: Hands) -> None:
    place = await hands.market()
    ear = await hands.ear()
    await hands.faults.arm("answer_lost", method="POST", path=ORDERS)
    order = hands.me.order(place, True, FAR)
    await hands.refused(hands.me.send(order), OutcomeUnknown, "an order without an answer")
    notes = await ear.hear(
        lambda: ear.of(OrderNote, client_order_id=order.client_order_id), "the order", hands.environment.patience_s
    )
    equal("its status", notes[-1].status, "resting")


@case("A114", "An immediate order whose answer is lost is found with its fills", Need.ROOM, Need.SECOND, Need.FAULTS)
async def lost_fill(hands: Hands) -> None:
    place = await hands.room()
    await hands.other.place(place, False, place.inside())
    await hands.faults.arm("answer_lost", method="POST", path=ORDERS)
    order = hands.me.order(place, True, place.inside(), time_in_force="immediate_or_cancel")
    await hands.refused(hands.me.send(order), OutcomeUnknown, "an order without an answer")
    found = await read(hands, order.client_order_id, "executed")
    rows = await fills_of(hands, found.order_id, hands.size)
    equal("what was filled", sum(row.count for row in rows), hands.size)


@case("A115", "A cancel whose answer is lost is unknown; the order is gone", Need.MARKET, Need.FAULTS)
async def lost_cancel(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    await hands.faults.arm("answer_lost", method="DELETE", path=ORDERS)
    error = await hands.refused(hands.me.cancel(place, made.order_id), OutcomeUnknown, "a cancel without an answer")
    equal("the order that the error names", error.order_id, made.order_id)
    await read(hands, made.client_order_id, "canceled")
    await hands.refused(hands.me.cancel(place, made.order_id), NotFound, "the cancel again")


@case(
    "A116",
    "A cancel answered with 503 before it was carried out is unknown; the order rests on",
    Need.MARKET,
    Need.FAULTS,
)
async def cancel_not_done(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    await hands.faults.arm("error_before", method="DELETE", path=ORDERS)
    await hands.refused(hands.me.cancel(place, made.order_id), OutcomeUnknown, "a cancel answered with 503")
    await hands.lag()
    equal("its status", (await hands.rest.order(made.order_id)).status, "resting")
    equal("what the second took back", (await hands.me.cancel(place, made.order_id)).reduced_by, hands.size)


@case("A117", "An amend whose answer is lost is unknown; the order has its new price", Need.MARKET, Need.FAULTS)
async def lost_amend(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    await hands.faults.arm("answer_lost", method="POST", path=f"{ORDERS}/{made.order_id}/amend")
    await hands.refused(hands.me.amend(place, made.order_id, 2 * FAR), OutcomeUnknown, "an amend without an answer")
    await hands.eventually(lambda: hands.rest.order(made.order_id), lambda one: one.price == 2 * FAR, "the new price")


@case("A118", "A decrease whose answer is lost is unknown; the order is smaller", Need.MARKET, Need.FAULTS)
async def lost_decrease(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    await hands.faults.arm("error_after", method="POST", path=f"{ORDERS}/{made.order_id}/decrease")
    less = hands.me.decrease(place, made.order_id, reduce_to=hands.size // 2)
    await hands.refused(less, OutcomeUnknown, "a decrease without an answer")
    await hands.eventually(
        lambda: hands.rest.order(made.order_id), lambda one: one.remaining == hands.size // 2, "the order smaller"
    )


@case("A119", "A batch whose answer is lost is unknown as a whole; each order is found", Need.MARKET, Need.FAULTS)
async def lost_batch(hands: Hands) -> None:
    place = await hands.market()
    orders = [hands.me.order(place, True, price) for price in (FAR, 2 * FAR)]
    hands.me.knows(place.ticker, place.shard)
    hands.me.risk(2 * hands.size * 2 * FAR)
    await hands.faults.arm("answer_lost", method="POST", path=f"{ORDERS}/batched")
    error = await hands.refused(hands.rest.create_orders(orders), OutcomeUnknown, "a batch without an answer")
    equal("the ids that the error names", error.client_order_ids, tuple(one.client_order_id for one in orders))
    for order in orders:
        await read(hands, order.client_order_id, "resting")


@case("A120", "A batch that fails in part says which, and that their outcome is unknown", Need.MARKET, Need.FAULTS)
async def partial_batch(hands: Hands) -> None:
    place = await hands.market()
    made = [await hands.me.rests(place, cents) for cents in (1, 2)]
    await hands.faults.arm("batch_partial", method="DELETE", path=f"{ORDERS}/batched")
    answers = await hands.rest.cancel_orders([CancelOrder(one.order_id, place.shard) for one in made])
    failed = [one for one in answers if isinstance(one, ItemRefused)]
    equal("which failed", [(one.order_id, one.is_unknown) for one in failed], [(made[1].order_id, True)])
    await read(hands, made[0].client_order_id, "canceled")
    equal("what the second rests with", (await hands.me.cancel(place, made[1].order_id)).reduced_by, hands.size)


@case("A121", "A read that fails once is repeated; one that fails on is said to be unavailable", Need.FAULTS)
async def failing_read(hands: Hands) -> None:
    await hands.faults.arm("error_before", method="GET", path="/portfolio/positions")
    await hands.rest.positions(limit=1)
    await hands.faults.arm("error_before", method="GET", path="/portfolio/positions", times=0)
    await hands.refused(hands.rest.positions(limit=1), Unavailable, "a read that fails on")


@case("A122", "An order refused for too many requests is sent again, and there is one order", Need.MARKET, Need.FAULTS)
async def throttled(hands: Hands) -> None:
    place = await hands.market()
    await hands.faults.arm("rate_limit", method="POST", path=ORDERS, times=2)
    made = await hands.me.rests(place)
    equal("what rests", made.remaining, hands.size)
    await read(hands, made.client_order_id)
    equal("orders", len(await hands.me.orders()), 1)


@case("A123", "Too many requests for ever end in an error that says that nothing was done", Need.MARKET, Need.FAULTS)
async def throttled_on(hands: Hands) -> None:
    place = await hands.market()
    rest = await hands.fresh()
    await hands.faults.arm("rate_limit", method="POST", path=ORDERS, times=0)
    order = hands.me.order(place, True, FAR)
    await hands.refused(hands.me.send(order, through=rest), RateLimited, "an order that is never let in")
    await nothing_came_of(hands, order.client_order_id)


@case("A124", "What was just done may not be read yet; how old reads are is told", Need.MARKET, Need.FAULTS)
async def stale(hands: Hands) -> None:
    place = await hands.market()
    await hands.faults.arm("stale_read", seconds=5)
    order = hands.me.order(place, True, FAR)
    made = await hands.me.send(order)
    equal("the order in the list", await hands.me.known_as(order.client_order_id), None)
    as_of_ns = (await hands.rest.user_data_timestamp()).as_of_ns
    check(made.at_ns is None or as_of_ns < made.at_ns, "reads are said to be newer than what is missing from them")
    equal("what is taken back", (await hands.me.cancel(place, made.order_id)).reduced_by, hands.size)


@case("A125", "An order for the shard that a market wrongly claims is refused, not lost", Need.MARKET, Need.FAULTS)
async def wrong_claim(hands: Hands) -> None:
    place = await hands.market()
    await hands.faults.arm("wrong_shard", shard=3, path="/markets")
    claimed = await hands.rest.market(place.ticker)
    equal("the shard it claims", claimed.shard, 3)
    order = hands.me.order(place, True, FAR, shard=3)
    await hands.refused(hands.me.send(order, is_to_be_refused=True), NotFound, "an order for that shard")


@case(
    "A126",
    "A fill while the connection is cut is read after it, and that it may be missing is told",
    Need.ROOM,
    Need.SECOND,
    Need.FAULTS,
)
async def missed_fill(hands: Hands) -> None:
    place = await hands.room()
    ear = await hands.ear(place.ticker, again=True)
    made = await hands.me.place(place, True, place.inside())
    await hands.faults.arm("socket_drop", channel="fill")
    await hands.other.takes(place, False, place.inside())
    wait_s = 2 * hands.environment.patience_s
    await ear.hear(lambda: ear.endings, "the cut", wait_s)
    await ear.hear(lambda: ear.counts.connects > 1 and ear.is_synced, "the next connection", wait_s)
    equal("fills heard", ear.of(FillNote, order_id=made.order_id), [])
    rows = await fills_of(hands, made.order_id, hands.size)
    equal("fills read", [row.count for row in rows], [hands.size])


@case("A127", "A gap among group news is told, so that they can be read", Need.MARKET, Need.FAULTS)
async def missed_groups(hands: Hands) -> None:
    place = await hands.market()
    ear = await hands.ear()
    await hands.faults.arm("seq_gap", channel="order_group_updates", nth=2)
    for _ in range(2):
        group = await hands.rest.create_group(hands.size, place.shard)
        await hands.rest.delete_group(group.group_id, place.shard)
    wait_s = hands.environment.patience_s
    await ear.hear(lambda: ear.of(MissedNote, channel="order_group_updates"), "that news was missed", wait_s)


@case(
    "A128",
    "Ten orders at once while every third answer is lost: none is doubled, none forgotten",
    Need.MARKET,
    Need.FAULTS,
)
async def storm(hands: Hands) -> None:
    place = await hands.market()
    for nth in (1, 4, 7):
        await hands.faults.arm("answer_lost", method="POST", path=ORDERS, nth=nth)
    orders = [hands.me.order(place, True, FAR, hands.size // 2) for _ in range(10)]
    ended = await asyncio.gather(*[hands.me.send(order) for order in orders], return_exceptions=True)
    unknown = {one.client_order_id for one in ended if isinstance(one, OutcomeUnknown)}
    check(unknown, "no answer was lost")
    found = await hands.eventually(hands.me.orders, lambda rows: len(rows) >= len(orders), "all orders")
    ids = sorted(one.client_order_id for one in found)
    equal("the orders", ids, sorted(one.client_order_id for one in orders))
