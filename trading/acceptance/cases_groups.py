"""Cases: order groups, the exchange's own brake."""

from markets.feeds.kalshi.notes import GroupNote
from markets.kalshi.errors import NotFound, Refused
from trading.acceptance.case import Need, Theme, check, equal
from trading.acceptance.cases_submit import read
from trading.acceptance.hands import Hands
from trading.acceptance.places import Place

THEME = Theme("order groups")
case = THEME.case


async def made(hands: Hands, place: Place, limit: int) -> str:
    """A group with this limit, that is gone after the case."""
    group = await hands.rest.create_group(limit, place.shard)

    async def gone() -> None:
        try:
            await hands.rest.delete_group(group.group_id, place.shard)
        except NotFound:
            return

    hands.stack.push_async_callback(gone)
    return group.group_id


@case(
    "A104",
    "A group that has traded its limit cancels its orders and takes no more until it is reset",
    Need.ROOM,
    Need.SECOND,
)
async def limit(hands: Hands) -> None:
    place = await hands.room()
    group = await made(hands, place, hands.size)
    ear = await hands.ear()
    hit = await hands.me.place(place, True, place.inside(), group_id=group)
    bystander = await hands.me.rests(place, group_id=group)
    await hands.other.takes(place, False, place.inside())
    equal("what was filled", (await read(hands, hit.client_order_id, "executed")).filled, hands.size)
    await read(hands, bystander.client_order_id, "canceled")
    more = hands.me.order(place, True, 100, group_id=group)
    await hands.refused(hands.me.send(more), Refused, "one more order of the group")
    wait_s = hands.environment.patience_s
    await ear.hear(lambda: ear.of(GroupNote, group_id=group, event_type="triggered"), "the brake", wait_s)
    await hands.rest.reset_group(group, place.shard)
    again = await hands.me.rests(place, group_id=group)
    equal("what rests after the reset", again.remaining, hands.size)


@case("A105", "A group never trades more than its limit, whatever comes at once", Need.ROOM, Need.SECOND)
async def never_more(hands: Hands) -> None:
    place = await hands.room()
    group = await made(hands, place, hands.size)
    both = [await hands.me.place(place, True, place.inside(-cents), group_id=group) for cents in (0, 1)]
    await hands.other.takes(place, False, place.inside(-1), 2 * hands.size)
    orders = [await read(hands, one.client_order_id) for one in both]
    check(sum(one.filled for one in orders) <= hands.size, "the group has traded more than its limit")


@case("A106", "A group is triggered, reset and deleted by hand, and its orders go with it", Need.MARKET)
async def by_hand(hands: Hands) -> None:
    place = await hands.market()
    group = await made(hands, place, hands.size)
    first = await hands.me.rests(place, group_id=group)
    found = await hands.rest.group(group)
    check(found.is_enabled, "a new group is not enabled")
    check(group in {one.group_id for one in await hands.rest.groups()}, "the group is not in the list")
    await hands.rest.trigger_group(group, place.shard)
    await read(hands, first.client_order_id, "canceled")
    await hands.rest.reset_group(group, place.shard)
    second = await hands.me.rests(place, group_id=group)
    await hands.rest.delete_group(group, place.shard)
    await read(hands, second.client_order_id, "canceled")
    await hands.refused(hands.rest.group(group), NotFound, "a group that is gone")


@case("A107", "Another limit holds from then on", Need.MARKET)
async def another(hands: Hands) -> None:
    place = await hands.market()
    group = await made(hands, place, hands.size)
    ear = await hands.ear()
    await hands.rest.set_group_limit(group, 2 * hands.size, place.shard)
    wait_s = hands.environment.patience_s
    notes = await ear.hear(lambda: ear.of(GroupNote, group_id=group, event_type="limit_updated"), "the limit", wait_s)
    equal("the limit", notes[-1].limit, 2 * hands.size)
    found = await hands.rest.group(group)
    check(found.limit in (None, 2 * hands.size), f"the limit read is {found.limit}")


@case("A108", "An order of a group that is none is refused", Need.MARKET)
async def none(hands: Hands) -> None:
    place = await hands.market()
    group = await made(hands, place, hands.size)
    await hands.rest.delete_group(group, place.shard)
    order = hands.me.order(place, True, 100, group_id=group)
    await hands.refused(hands.me.send(order, is_to_be_refused=True), Refused, "an order of a group that is gone")
