"""Cases: orders as they are sent: what rests, what trades at once or not at all, and what is refused."""

from markets.core.units import CONTRACT, PRICE_DOLLAR, SECOND_NS
from markets.feeds.kalshi.notes import OrderNote
from markets.kalshi.errors import AlreadyExists, NotFound, Refused
from markets.kalshi.messages import WireOrder
from trading.acceptance.case import Need, Skipped, Theme, check, equal
from trading.acceptance.hands import Hands
from trading.acceptance.places import Place

THEME = Theme("submit")
case = THEME.case

FAR = 100  # a price that nobody sells at


async def read(hands: Hands, client_order_id: str, status: str = "") -> WireOrder:
    """The order as it is read, once it is there with this status."""
    found = await hands.eventually(
        lambda: hands.me.known_as(client_order_id),
        lambda order: order is not None and status in ("", order.status),
        f"the order in the list{f' as {status}' if status else ''}",
    )
    if found is None:
        raise AssertionError("waited for")
    return found


async def nothing_came_of(hands: Hands, client_order_id: str) -> None:
    """A refused order never exists."""
    await hands.lag()
    equal("the refused order in the list", await hands.me.known_as(client_order_id), None)


@case("A31", "An order that is good till cancelled rests, and is read as it was sent", Need.MARKET)
async def rests(hands: Hands) -> None:
    place = await hands.market()
    order = hands.me.order(place, True, FAR, is_cancelled_on_pause=True)
    made = await hands.me.send(order)
    equal(
        "what was filled and rests",
        (made.filled, made.remaining, made.client_order_id),
        (0, order.count, order.client_order_id),
    )
    found = await read(hands, order.client_order_id, "resting")
    equal(
        "the order",
        (found.order_id, found.ticker, found.is_bid, found.price, found.initial, found.filled, found.remaining),
        (made.order_id, place.ticker, True, FAR, order.count, 0, order.count),
    )
    equal("its shard", found.shard, place.shard)
    equal("whether a pause cancels it", found.is_cancelled_on_pause, True)
    equal("the order by its id", (await hands.rest.order(made.order_id)).client_order_id, order.client_order_id)


@case("A32", "An immediate order that meets nobody is cancelled at once and leaves nothing", Need.MARKET)
async def immediate(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.takes(place, True, FAR)
    equal("what was filled and rests", (made.filled, made.remaining), (0, 0))
    equal("its status", (await read(hands, made.client_order_id, "canceled")).filled, 0)


@case("A33", "A fill-or-kill that cannot be filled is refused, and no order comes of it", Need.MARKET)
async def killed(hands: Hands) -> None:
    place = await hands.market()
    order = hands.me.order(place, True, FAR, time_in_force="fill_or_kill")
    await hands.refused(hands.me.send(order), Refused, "a fill-or-kill that meets nobody")
    await nothing_came_of(hands, order.client_order_id)


@case("A34", "A killed fill-or-kill has used up its id", Need.MARKET)
async def killed_id(hands: Hands) -> None:
    place = await hands.market()
    order = hands.me.order(place, True, FAR, time_in_force="fill_or_kill")
    await hands.refused(hands.me.send(order), Refused, "a fill-or-kill that meets nobody")
    again = hands.me.order(place, True, FAR, client_order_id=order.client_order_id)
    await hands.refused(hands.me.send(again), AlreadyExists, "the same id again")


@case("A35", "A post-only order rests where nobody is", Need.MARKET)
async def post_only(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place, is_post_only=True)
    equal("what rests", made.remaining, hands.size)


@case("A36", "A post-only order that would trade is refused, and nothing trades", Need.LIQUIDITY)
async def post_only_cross(hands: Hands) -> None:
    place = await hands.liquid()
    order = hands.me.order(place, True, place.contract.ceil(place.ask + 500), is_post_only=True)
    await hands.refused(hands.me.send(order), Refused, "a post-only order that crosses", "post only cross")
    await nothing_came_of(hands, order.client_order_id)


@case("A37", "An order with an expiry is gone after it, and the reason is told", Need.MARKET)
async def expires(hands: Hands) -> None:
    place = await hands.market()
    ear = await hands.ear()
    at_s = hands.now_s() + 3
    made = await hands.me.rests(place, expires_s=at_s)
    equal("the expiry read", (await read(hands, made.client_order_id, "resting")).expires_ns, at_s * SECOND_NS)
    await hands.environment.until((at_s + 1) * SECOND_NS)
    await read(hands, made.client_order_id, "canceled")
    notes = await ear.hear(
        lambda: ear.of(OrderNote, order_id=made.order_id, status="canceled"), "the end", hands.environment.patience_s
    )
    equal("the reason", notes[-1].reason, "ExpiryCancel")


@case("A38", "An expiry in the past is refused", Need.MARKET)
async def expired(hands: Hands) -> None:
    await _is_refused(hands, await hands.market(), "an expiry that is past", expires_s=hands.now_s() - 60)


@case("A39", "An expiry on an immediate order is refused", Need.MARKET)
async def expiring_immediate(hands: Hands) -> None:
    at_s = hands.now_s() + 60
    await _is_refused(
        hands, await hands.market(), "an expiry without a rest", expires_s=at_s, time_in_force="immediate_or_cancel"
    )


@case("A40", "A reduce-only order that would rest is refused", Need.MARKET)
async def reduce_only_rests(hands: Hands) -> None:
    await _is_refused(hands, await hands.market(), "a reduce-only order that rests", is_reduce_only=True)


@case("A41", "A reduce-only order without a position buys nothing", Need.LIQUIDITY)
async def reduce_only_nothing(hands: Hands) -> None:
    place = await hands.liquid()
    if any(row.count for row in await hands.rest.positions(ticker=place.ticker)):
        raise Skipped("the account holds something in this market")
    order = hands.me.order(place, True, place.ask, is_reduce_only=True, time_in_force="immediate_or_cancel")
    try:
        made = await hands.me.send(order)
    except Refused:
        return
    equal("what was filled", made.filled, 0)


@case("A42", "A reduce-only order for more than is held closes the position and no more", Need.LIQUIDITY)
async def reduce_only_caps(hands: Hands) -> None:
    place = await hands.liquid(3 * hands.size)
    if any(row.count for row in await hands.rest.positions(ticker=place.ticker)):
        raise Skipped("the account holds something in this market")
    bought = await hands.me.takes(place, True, place.contract.ceil(place.ask + 300))
    equal("what was bought", bought.filled, hands.size)
    low = place.contract.floor(place.bid - 800)
    order = hands.me.order(place, False, low, 2 * hands.size, is_reduce_only=True, time_in_force="immediate_or_cancel")
    made = await hands.me.send(order)
    equal("what was sold", made.filled, hands.size)
    await hands.eventually(
        lambda: hands.rest.positions(ticker=place.ticker),
        lambda rows: not any(row.count for row in rows),
        "no position",
    )


async def _is_refused(hands: Hands, place: Place, what: str, **terms: object) -> Refused:
    """A bid at a far price with these terms is refused, and nothing comes of it."""
    order = hands.me.order(place, True, **({"price": FAR} | terms))  # type: ignore[arg-type]
    error = await hands.refused(hands.me.send(order, is_to_be_refused=True), Refused, what)
    await nothing_came_of(hands, order.client_order_id)
    return error


@case("A43", "A price off the grid is refused", Need.MARKET)
async def off_grid(hands: Hands) -> None:
    place = await hands.market()
    price = next(at for at in (1_050, 1_055, 1_051) if not place.contract.is_on_grid(at))
    await _is_refused(hands, place, "a price off the grid", price=price)


@case("A44", "A tenth of a cent is a price where the grid is fine", Need.MARKET)
async def fine_grid(hands: Hands) -> None:
    place = await hands.market()
    if not place.contract.is_on_grid(110):
        raise Skipped("the grid of this market is in whole cents")
    made = await hands.me.place(place, True, 110)
    equal("the price", (await read(hands, made.client_order_id)).price, 110)


@case("A45", "Prices of nothing and of a dollar are refused", Need.MARKET)
async def ends(hands: Hands) -> None:
    place = await hands.market()
    await _is_refused(hands, place, "a price of 0", price=0)
    await _is_refused(hands, place, "a price of a dollar", price=PRICE_DOLLAR)


@case("A46", "No contracts, and less than none, are refused", Need.MARKET)
async def no_contracts(hands: Hands) -> None:
    place = await hands.market()
    await _is_refused(hands, place, "no contracts", count=0)
    await _is_refused(hands, place, "less than none", count=-CONTRACT)


@case("A47", "A hundredth of a contract can be ordered", Need.MARKET)
async def fraction(hands: Hands) -> None:
    place = await hands.market()
    made = await hands.me.rests(place, count=1)
    equal("what rests", (made.remaining, (await read(hands, made.client_order_id)).initial), (1, 1))


@case("A48", "More than the cash can pay is refused, and nothing is held back for it", Need.MARKET)
async def too_much(hands: Hands) -> None:
    place = await hands.market()
    before = await hands.rest.balance()
    count = (before.cash // FAR // CONTRACT + 1_000) * CONTRACT
    await _is_refused(hands, place, "an order beyond all cash", count=count)
    after = await hands.rest.balance()
    equal("the cash on its shard", after.by_shard.get(place.shard), before.by_shard.get(place.shard))


@case("A49", "Cash that lies on another shard cannot pay, and the refusal names the shard", Need.MARKET, Need.SHARDS)
async def elsewhere(hands: Hands) -> None:
    place = await hands.market()
    balance = await hands.rest.balance()
    here = balance.by_shard.get(place.shard, 0)
    spare = balance.cash - here
    count = (here // FAR // CONTRACT + 100) * CONTRACT
    if count * FAR > here + spare:
        raise Skipped(f"needs {Need.SHARDS}: the cash elsewhere does not make the difference")
    error = await _is_refused(hands, place, "an order that only another shard could pay", count=count)
    check("shard" in str(error) or "user_not_found" in str(error), f"the refusal does not name the shard: {error}")


@case("A50", "An order that names the wrong shard is refused", Need.MARKET)
async def wrong_shard(hands: Hands) -> None:
    place = await hands.market()
    await _is_refused(hands, place, "an order for another shard", shard=0 if place.shard else 1)


@case("A51", "An order in a market that is none is not found", Need.MARKET)
async def wrong_ticker(hands: Hands) -> None:
    place = await hands.market()
    order = hands.me.order(place, True, FAR, ticker="KXBTC15M-99DEC312359-59")
    await hands.refused(hands.me.send(order, is_to_be_refused=True), NotFound, "an order in no market")


@case("A52", "An order in a market that has closed is refused", Need.MARKET)
async def closed(hands: Hands) -> None:
    place = await hands.market()
    markets = await hands.rest.markets(series_ticker=place.contract.series, status="settled", limit=1)
    if not markets:
        raise Skipped("no market of this series has closed yet")
    await _is_refused(hands, place, "an order after the close", ticker=markets[0].ticker)


@case("A53", "An order in a market that has not opened is refused", Need.MARKET)
async def unopened(hands: Hands) -> None:
    place = await hands.market()
    markets = await hands.rest.markets(series_ticker=place.contract.series, status="unopened", limit=1)
    if not markets:
        raise Skipped("no market of this series waits to be opened")
    await _is_refused(hands, place, "an order before the open", ticker=markets[0].ticker)


@case("A54", "The same id again is refused as known, and there is one order", Need.MARKET)
async def duplicate(hands: Hands) -> None:
    place = await hands.market()
    order = hands.me.order(place, True, FAR)
    await hands.me.send(order)
    await hands.refused(hands.me.send(order), AlreadyExists, "the same id again")
    await read(hands, order.client_order_id)
    equal("orders", len(await hands.me.orders()), 1)


@case("A55", "Ids with other letters, or with more than 64, are refused", Need.MARKET)
async def bad_ids(hands: Hands) -> None:
    place = await hands.market()
    for name in ("a.b", "a b", "ä"):
        await _is_refused(hands, place, f"the id {name!r}", client_order_id=f"{hands.me.new_id()}{name}")
    await _is_refused(hands, place, "an id of 65 letters", client_order_id=hands.me.new_id().ljust(65, "x"))
