"""Cases: trades: how much, at which price, for which fee, and that they are heard and read alike."""

import asyncio

from markets.feeds.kalshi.notes import FillNote, OrderNote, PositionNote
from markets.kalshi.messages import WireFill
from trading.acceptance.case import Need, Theme, check, equal
from trading.acceptance.hands import Hands
from trading.acceptance.member import Member
from trading.acceptance.places import Place
from trading.core.fees import fill_fee

THEME = Theme("fills")
case = THEME.case


async def fills_of(hands: Hands, order_id: str, count: int, member: Member | None = None) -> list[WireFill]:
    """The fills of an order, once so many contracts of it are read, in the order of their prices."""
    rest = (member or hands.me).rest
    rows = await hands.eventually(
        lambda: rest.fills(order_id=order_id), lambda rows: sum(row.count for row in rows) >= count, "the fills"
    )
    return sorted(rows, key=lambda row: (row.price, row.trade_id))


async def held(hands: Hands, place: Place, member: Member | None = None) -> int:
    """The position in a market as it is read: + YES, - NO."""
    rows = await (member or hands.me).rest.positions(ticker=place.ticker)
    return sum(row.count for row in rows)


def fees_of(place: Place, rows: list[WireFill], *, is_bid: bool) -> list[int]:
    """What our own fee code says of these fills of one order, in the order they happened."""
    fees, rounding = [], 0
    for row in sorted(rows, key=lambda row: row.price, reverse=not is_bid):
        own = row.price if row.is_bid else 10_000 - row.price
        fee, rounding = fill_fee(place.contract.fees, own, row.count, row.is_taker, -own * row.count, rounding)
        fees.append(int(fee))
    return fees


def check_fees(place: Place, rows: list[WireFill], *, is_bid: bool = True) -> None:
    """The fees of an order's fills are ours to the last digit."""
    told = [row.fee for row in sorted(rows, key=lambda row: row.price, reverse=not is_bid)]
    equal("the fees in millionths of a dollar", told, fees_of(place, rows, is_bid=is_bid))


@case("A59", "An order is filled whole at the best price, for the fee that our own code says", Need.LIQUIDITY)
async def whole(hands: Hands) -> None:
    place = await hands.liquid()
    made = await hands.me.takes(place, True, place.contract.ceil(place.ask + 300))
    equal("what was filled", made.filled, hands.size)
    rows = await fills_of(hands, made.order_id, hands.size)
    check(all(row.is_taker and row.is_bid for row in rows), "a fill is not that of a buyer who took")
    check_fees(place, rows)


@case("A60", "An order that takes half of what another offers leaves the other half resting", Need.ROOM, Need.SECOND)
async def half(hands: Hands) -> None:
    place = await hands.room()
    offered = await hands.other.place(place, False, place.inside())
    taken = await hands.me.takes(place, True, place.inside(), hands.size // 2)
    equal("what was filled", taken.filled, hands.size // 2)
    rest = hands.other.rest
    order = await hands.eventually(
        lambda: rest.order(offered.order_id), lambda one: one.filled > 0, "the other order partly filled"
    )
    equal(
        "the other order", (order.status, order.filled, order.remaining), ("resting", hands.size // 2, hands.size // 2)
    )


@case("A61", "An order bigger than what is offered is filled in part and rests with the rest", Need.ROOM, Need.SECOND)
async def partial(hands: Hands) -> None:
    place = await hands.room()
    await hands.other.place(place, False, place.inside(), hands.size // 2)
    made = await hands.me.place(place, True, place.inside())
    equal("what was filled and rests", (made.filled, made.remaining), (hands.size // 2, hands.size // 2))
    order = await hands.eventually(lambda: hands.rest.order(made.order_id), lambda one: one.filled > 0, "the order")
    equal("its status", order.status, "resting")


@case("A62", "An immediate order filled in part is cancelled, and keeps its fills", Need.ROOM, Need.SECOND)
async def partial_immediate(hands: Hands) -> None:
    place = await hands.room()
    await hands.other.place(place, False, place.inside(), hands.size // 2)
    made = await hands.me.takes(place, True, place.inside())
    equal("what was filled and rests", (made.filled, made.remaining), (hands.size // 2, 0))
    order = await hands.eventually(
        lambda: hands.rest.order(made.order_id), lambda one: one.status == "canceled", "the order cancelled"
    )
    equal("its fills", order.filled, hands.size // 2)


@case("A63", "An order goes through several prices, the best first, each with its own fee", Need.ROOM, Need.SECOND)
async def levels(hands: Hands) -> None:
    place = await hands.room()
    prices = [place.inside(cents) for cents in (-1, 0, 1)]
    part = hands.size // 4
    for price in reversed(prices):
        await hands.other.place(place, False, price, part)
    made = await hands.me.takes(place, True, prices[-1], 3 * part)
    rows = await fills_of(hands, made.order_id, 3 * part)
    equal("prices and counts", [(row.price, row.count) for row in rows], [(price, part) for price in prices])
    check_fees(place, rows)


@case("A64", "A fill-or-kill that can be filled is filled whole", Need.ROOM, Need.SECOND)
async def fill_or_kill(hands: Hands) -> None:
    place = await hands.room()
    await hands.other.place(place, False, place.inside())
    made = await hands.me.place(place, True, place.inside(), time_in_force="fill_or_kill")
    equal("what was filled and rests", (made.filled, made.remaining), (hands.size, 0))


@case("A65", "Who waits is a maker and pays no fee", Need.ROOM, Need.SECOND)
async def maker(hands: Hands) -> None:
    place = await hands.room()
    made = await hands.me.place(place, False, place.inside(), is_post_only=True)
    await hands.other.takes(place, True, place.inside())
    rows = await fills_of(hands, made.order_id, hands.size)
    equal("who took, and the fees", [(row.is_taker, row.fee) for row in rows], [(False, 0)])
    check_fees(place, rows, is_bid=False)


@case("A66", "A limit beyond the best price is filled at the better price", Need.ROOM, Need.SECOND)
async def improved(hands: Hands) -> None:
    place = await hands.room()
    await hands.other.place(place, False, place.inside())
    made = await hands.me.takes(place, True, place.inside(2))
    rows = await fills_of(hands, made.order_id, hands.size)
    equal("the price", {row.price for row in rows}, {place.inside()})


@case("A67", "Fees of odd counts are ours to the last digit, of buyer and seller", Need.ROOM, Need.SECOND)
async def odd(hands: Hands) -> None:
    place = await hands.room()
    for number, count in enumerate((1, 37, hands.size - 1)):
        await hands.other.place(place, False, place.inside(number), count)
        bought = await hands.me.takes(place, True, place.inside(number), count)
        check_fees(place, await fills_of(hands, bought.order_id, count))
        await hands.other.place(place, True, place.inside(-number), count)
        sold = await hands.me.takes(place, False, place.inside(-number), count)
        check_fees(place, await fills_of(hands, sold.order_id, count), is_bid=False)


@case("A68", "A fill that is heard is the fill that is read", Need.LIQUIDITY)
async def heard(hands: Hands) -> None:
    place = await hands.liquid()
    ear = await hands.ear()
    made = await hands.me.takes(place, True, place.contract.ceil(place.ask + 300))
    wait_s = hands.environment.patience_s
    notes = await ear.hear(lambda: ear.of(FillNote, order_id=made.order_id), "the fill", wait_s)
    rows = {row.trade_id: row for row in await fills_of(hands, made.order_id, made.filled)}
    for note in {one.trade_id: one for one in notes}.values():
        row = rows[note.trade_id]
        equal(
            "the fill heard",
            (note.ticker, note.is_bid, note.price, note.count, note.is_taker, note.fee),
            (row.ticker, row.is_bid, row.price, row.count, row.is_taker, row.fee),
        )
        equal("its client order id", note.client_order_id, made.client_order_id)


@case("A69", "The position that is heard after a fill is the one that is read", Need.ROOM, Need.SECOND)
async def position(hands: Hands) -> None:
    place = await hands.room()
    before = await held(hands, place)
    ear = await hands.ear()
    await hands.other.place(place, False, place.inside())
    await hands.me.takes(place, True, place.inside())
    wanted = before + hands.size
    wait_s = hands.environment.patience_s
    await ear.hear(lambda: ear.of(PositionNote, ticker=place.ticker, position=wanted), "the position", wait_s)
    notes = await ear.hear(lambda: ear.of(FillNote, ticker=place.ticker), "the fill", wait_s)
    equal("the position told with the fill", notes[-1].position, wanted)
    await hands.eventually(lambda: held(hands, place), lambda count: count == wanted, "the position read")


@case("A70", "A fill that is said twice is known by its id, and read once", Need.ROOM, Need.SECOND, Need.FAULTS)
async def twice(hands: Hands) -> None:
    place = await hands.room()
    ear = await hands.ear()
    await hands.other.place(place, False, place.inside())
    await hands.faults.arm("fill_twice")
    made = await hands.me.takes(place, True, place.inside())
    wait_s = hands.environment.patience_s
    notes = await ear.hear(
        lambda: len(ear.of(FillNote, order_id=made.order_id)) > 1 and ear.of(FillNote, order_id=made.order_id),
        "the fill twice", wait_s,
    )  # fmt: skip
    equal("the ids", len({note.trade_id for note in notes}), 1)
    equal("fills read", len(await fills_of(hands, made.order_id, made.filled)), 1)


@case(
    "A71", "A fill that is said late is read before it is heard, under the same id", Need.ROOM, Need.SECOND, Need.FAULTS
)
async def late(hands: Hands) -> None:
    place = await hands.room()
    ear = await hands.ear()
    await hands.other.place(place, False, place.inside())
    await hands.faults.arm("fill_late", seconds=2)
    made = await hands.me.takes(place, True, place.inside())
    rows = await fills_of(hands, made.order_id, made.filled)
    check(not ear.of(FillNote, order_id=made.order_id), "the fill was heard before it was read")
    await hands.pass_s(2.5)
    notes = await ear.hear(
        lambda: ear.of(FillNote, order_id=made.order_id), "the late fill", hands.environment.patience_s
    )
    equal("the id", notes[-1].trade_id, rows[-1].trade_id)


@case("A72", "Selling more than is held opens the other side", Need.ROOM, Need.SECOND)
async def flip(hands: Hands) -> None:
    place = await hands.room()
    before = await held(hands, place)
    await hands.other.place(place, False, place.inside())
    await hands.me.takes(place, True, place.inside())
    await hands.other.place(place, True, place.inside(-1), 2 * hands.size)
    await hands.me.takes(place, False, place.inside(-1), 2 * hands.size)
    await hands.eventually(
        lambda: held(hands, place), lambda count: count == before - hands.size, "the other side held"
    )


@case("A73", "An order is heard resting, then partly filled, then executed", Need.ROOM, Need.SECOND)
async def told(hands: Hands) -> None:
    place = await hands.room()
    ear = await hands.ear()
    made = await hands.me.place(place, True, place.inside(-1))
    for _ in range(2):
        await hands.other.takes(place, False, place.inside(-1), hands.size // 2)
    wait_s = hands.environment.patience_s
    await ear.hear(lambda: ear.of(OrderNote, order_id=made.order_id, status="executed"), "the end", wait_s)
    notes = ear.of(OrderNote, order_id=made.order_id)
    story = list(dict.fromkeys((note.status, note.filled) for note in notes))
    half_, whole_ = hands.size // 2, hands.size
    equal("what was heard", story, [("resting", 0), ("resting", half_), ("executed", whole_)])


@case("A74", "Two takers at once share what is offered, and nothing is sold twice", Need.ROOM, Need.SECOND)
async def shared(hands: Hands) -> None:
    place = await hands.room()
    offered = await hands.other.place(place, False, place.inside(), hands.size)
    orders = [hands.me.takes(place, True, place.inside(), hands.size) for _ in range(2)]
    made = await asyncio.gather(*orders)
    equal("what was filled in all", sum(one.filled for one in made), hands.size)
    rows = await fills_of(hands, offered.order_id, hands.size, hands.other)
    equal("what was sold", sum(row.count for row in rows), hands.size)
