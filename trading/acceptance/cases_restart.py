"""Cases: a client that knows nothing finds everything again."""

from markets.kalshi.errors import OutcomeUnknown, Refused
from trading.acceptance.case import Need, Theme, check, equal
from trading.acceptance.cases_fills import fills_of
from trading.acceptance.cases_submit import FAR, read
from trading.acceptance.cases_unknown import ORDERS
from trading.acceptance.hands import Hands

THEME = Theme("restart")
case = THEME.case


@case("A129", "After a restart an order that rests is found by its id, and can be taken back", Need.MARKET)
async def resting(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place)
    await hands.lag()
    rest = await hands.fresh()
    rows = await rest.orders(status="resting", ticker=place.ticker)
    found = [one for one in rows if one.client_order_id == made.client_order_id]
    equal("the order", [(one.order_id, one.remaining) for one in found], [(made.order_id, hands.size)])
    back = await rest.cancel_order(found[0].order_id, found[0].shard or 0)
    equal("what was taken back", back.reduced_by, hands.size)


@case("A130", "After a restart an order that was partly filled is found with its fills", Need.ROOM, Need.SECOND)
async def partly(hands: Hands) -> None:
    place = await hands.room()
    made = await hands.me.place(place, True, place.inside())
    await hands.other.takes(place, False, place.inside(), hands.size // 2)
    await hands.lag()
    rest = await hands.fresh()
    found = await hands.me.known_as(made.client_order_id, rest)
    check(found is not None, "the order is not in the list")
    if found is not None:
        equal("the order", (found.status, found.filled, found.remaining), ("resting", hands.size // 2, hands.size // 2))
        rows = await rest.fills(order_id=found.order_id)
        equal("its fills", sum(row.count for row in rows), found.filled)


@case("A131", "After a restart an order that was filled is found with its fills, and the position", Need.LIQUIDITY)
async def filled(hands: Hands) -> None:
    place = await hands.liquid()
    before = sum(row.count for row in await hands.rest.positions(ticker=place.ticker))
    made = await hands.me.takes(place, True, place.contract.ceil(place.ask + 300))
    await fills_of(hands, made.order_id, hands.size)
    rest = await hands.fresh()
    equal("its status", (await read(hands, made.client_order_id, "executed")).filled, hands.size)
    rows = await hands.eventually(
        lambda: rest.positions(ticker=place.ticker),
        lambda rows: sum(row.count for row in rows) == before + hands.size, "the position",
    )  # fmt: skip
    equal("its shard", rows[0].shard, place.shard)


@case(
    "A132", "After a restart an order that was taken back is found so, with what it had filled", Need.ROOM, Need.SECOND
)
async def cancelled(hands: Hands) -> None:
    place = await hands.room()
    made = await hands.me.place(place, True, place.inside())
    await hands.other.takes(place, False, place.inside(), hands.size // 2)
    await hands.me.cancel(place, made.order_id)
    await hands.lag()
    rest = await hands.fresh()
    order = await rest.order(made.order_id)
    equal("the order", (order.status, order.filled, order.remaining), ("canceled", hands.size // 2, 0))


@case("A133", "After a restart an order of unknown outcome is found by its id alone", Need.MARKET, Need.FAULTS)
async def unknown(hands: Hands) -> None:
    place = await hands.market()
    await hands.faults.arm("answer_lost", method="POST", path=ORDERS)
    order = hands.me.order(place, True, FAR)
    await hands.refused(hands.me.send(order), OutcomeUnknown, "an order without an answer")
    await hands.lag()
    rest = await hands.fresh()
    found = await hands.me.known_as(order.client_order_id, rest)
    check(found is not None and found.status == "resting", f"the order is {found}")


@case("A134", "After a restart an order that was refused is nowhere", Need.MARKET)
async def refused(hands: Hands) -> None:
    place = await hands.market()
    order = hands.me.order(place, True, FAR, time_in_force="fill_or_kill")
    await hands.refused(hands.me.send(order), Refused, "a fill-or-kill that meets nobody")
    await hands.lag()
    equal("the order", await hands.me.known_as(order.client_order_id, await hands.fresh()), None)


@case("A135", "After a restart the cash by shard is the same", Need.MARKET)
async def balances(hands: Hands) -> None:
    await hands.lag()
    first = await hands.rest.balance()
    rest = await hands.fresh()
    equal("the cash by shard", (await rest.balance()).by_shard, first.by_shard)
    equal("the cash in all", first.cash, sum(first.by_shard.values()))
