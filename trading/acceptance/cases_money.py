"""Cases: cash by shard, what orders hold back, transfers, settlement; and lists that come in pages."""

from uuid import uuid4

from markets.core.units import CONTRACT, DOLLAR, PRICE_DOLLAR, SECOND_NS
from markets.feeds.kalshi.notes import LifecycleNote
from markets.kalshi import calls_account, calls_market
from markets.kalshi.errors import AlreadyExists, OutcomeUnknown, Refused
from markets.kalshi.messages import WireMarket
from markets.kalshi.requests import Transfer
from trading.acceptance.case import Need, Skipped, Theme, check, equal
from trading.acceptance.cases_fills import check_fees, fills_of, held
from trading.acceptance.cases_submit import FAR
from trading.acceptance.hands import Hands
from trading.acceptance.places import Place

THEME = Theme("money")
case = THEME.case

SPARE = 20_000  # Money that may be held back for fees, for each contract
A_PAGE = 2
SETTLED_WITHIN_S = 900.0
TRANSFER_WITHIN_S = 60.0


async def cash(hands: Hands, place: Place) -> int:
    """What can be spent in this market, once reads are fresh."""
    await hands.lag()
    return (await hands.rest.balance()).by_shard.get(place.shard, 0)


@case("A136", "What a resting order may cost is held back from its shard, and given back with it", Need.MARKET)
async def held_back(hands: Hands) -> None:
    place = await hands.market()
    before = await cash(hands, place)
    for is_bid, price in ((True, FAR), (False, PRICE_DOLLAR - FAR)):
        made = await hands.me.place(place, is_bid, price)
        wanted = FAR * hands.size
        kept = before - await cash(hands, place)
        check(wanted <= kept <= wanted + SPARE * hands.size // CONTRACT, f"{kept} is held back for a cost of {wanted}")
        await hands.me.cancel(place, made.order_id)
        equal("the cash after the cancel", await cash(hands, place), before)


@case("A137", "A purchase and its sale change the cash by prices and fees, to the last digit", Need.ROOM, Need.SECOND)
async def exact(hands: Hands) -> None:
    place = await hands.room()
    if await held(hands, place):
        raise Skipped("the account holds something in this market")
    before = await cash(hands, place)
    await hands.other.place(place, False, place.inside(1))
    bought = await hands.me.takes(place, True, place.inside(1))
    rows = await fills_of(hands, bought.order_id, hands.size)
    spent = sum(row.price * row.count + row.fee for row in rows)
    equal("the cash after the purchase", await cash(hands, place), before - spent)
    await hands.other.place(place, True, place.inside(-1))
    sold = await hands.me.takes(place, False, place.inside(-1))
    rows = await fills_of(hands, sold.order_id, hands.size)
    got = sum(row.price * row.count - row.fee for row in rows)
    equal("the cash after the sale", await cash(hands, place), before - spent + got)


@case("A138", "Buying NO costs a dollar less the YES price", Need.ROOM, Need.SECOND)
async def buying_no(hands: Hands) -> None:
    place = await hands.room()
    if await held(hands, place):
        raise Skipped("the account holds something in this market")
    before = await cash(hands, place)
    await hands.other.place(place, True, place.inside(2))
    sold = await hands.me.takes(place, False, place.inside(2))
    rows = await fills_of(hands, sold.order_id, hands.size)
    spent = sum((PRICE_DOLLAR - row.price) * row.count + row.fee for row in rows)
    equal("the cash after it", await cash(hands, place), before - spent)
    equal("the position", await held(hands, place), -hands.size)


@case("A139", "A transfer moves cash from one shard to another", Need.SHARDS, Need.TRANSFER)
async def transfer(hands: Hands) -> None:
    await hands.lag()
    before = (await hands.rest.balance()).by_shard
    source, target = _shards(before)
    for one, other in ((source, target), (target, source)):
        made = await _moved(
            hands, Transfer(client_transfer_id=str(uuid4()), from_shard=one, to_shard=other, amount=DOLLAR)
        )
        moved = DOLLAR if one == source else 0
        wanted = before | {source: before[source] - moved, target: before[target] + moved}
        await _reads(hands, wanted)
        check(made in {row.transfer_id for row in await hands.rest.transfers(limit=20)}, "it is not in the list")


async def _reads(hands: Hands, by_shard: dict[int, int]) -> None:
    await hands.eventually(hands.rest.balance, lambda row: row.by_shard == by_shard, f"the cash by shard as {by_shard}")


@case("A140", "The same transfer again is refused as known; more than there is is refused", Need.SHARDS, Need.TRANSFER)
async def transfer_again(hands: Hands) -> None:
    await hands.lag()
    before = (await hands.rest.balance()).by_shard
    source, target = _shards(before)
    one = Transfer(client_transfer_id=str(uuid4()), from_shard=source, to_shard=target, amount=10_000)
    await _moved(hands, one)
    await hands.refused(hands.rest.transfer(one), AlreadyExists, "the same transfer again")
    amount = (before[source] // 100 + DOLLAR) * 100
    big = Transfer(client_transfer_id=str(uuid4()), from_shard=source, to_shard=target, amount=amount)
    await hands.refused(hands.rest.transfer(big), Refused, "a transfer of more than there is")
    await _moved(hands, Transfer(client_transfer_id=str(uuid4()), from_shard=target, to_shard=source, amount=10_000))


@case(
    "A141",
    "A transfer whose answer is lost is unknown, is carried out once, and its id is taken",
    Need.SHARDS,
    Need.TRANSFER,
    Need.FAULTS,
)
async def lost_transfer(hands: Hands) -> None:
    source, target = _shards((await hands.rest.balance()).by_shard)
    one = Transfer(client_transfer_id=str(uuid4()), from_shard=source, to_shard=target, amount=DOLLAR)
    await hands.faults.arm("answer_lost", method="POST", path="/portfolio/intra_exchange_instance_transfer")
    await hands.refused(hands.rest.transfer(one), OutcomeUnknown, "a transfer without an answer")
    await hands.refused(hands.rest.transfer(one), AlreadyExists, "the same transfer again")
    rows = [row for row in await hands.rest.transfers(limit=20) if row.client_transfer_id == one.client_transfer_id]
    equal("transfers with its id", len(rows), 1)
    await _moved(hands, Transfer(client_transfer_id=str(uuid4()), from_shard=target, to_shard=source, amount=DOLLAR))


async def _moved(hands: Hands, transfer: Transfer) -> str:
    """Make a transfer and wait until it is complete; its id. Skipped for a key that may not."""
    try:
        made = await hands.rest.transfer(transfer)
    except Refused as error:
        if error.status == 403:
            raise Skipped(f"needs {Need.TRANSFER}: {error}") from error
        raise
    until_ns = hands.now_ns() + round(TRANSFER_WITHIN_S * SECOND_NS)
    while not (state := await hands.rest.transfer_state(made.transfer_id)).status.startswith("complete"):
        check(hands.now_ns() < until_ns, f"the transfer is {state.status} after {TRANSFER_WITHIN_S:g} s")
        await hands.pass_s(1)
    equal("the amount", state.amount, transfer.amount)
    return made.transfer_id


def _shards(by_shard: dict[int, int]) -> tuple[int, int]:
    """The richest shard, and the next."""
    ranked = sorted(by_shard, key=lambda shard: -by_shard[shard])
    if len(ranked) < 2:
        raise Skipped(f"needs {Need.SHARDS}")
    return ranked[0], ranked[1]


@case("A142", "Orders that come in several pages come whole, each once, the newest first", Need.MARKET)
async def pages(hands: Hands) -> None:
    place = await hands.market()
    made = [(await hands.me.rests(place, count=10)).order_id for _ in range(2 * A_PAGE + 1)]
    await hands.lag()
    listing = calls_account.orders({"ticker": place.ticker, "status": "resting"})._replace(most=A_PAGE)
    found = [one.order_id for one in await hands.rest.all(listing) if one.order_id in made]
    equal("the orders", sorted(found), sorted(made))
    equal("the newest", found[0], made[-1])
    equal("how many, when three are wanted", len(await hands.rest.all(listing, limit=3)), 3)


@case("A143", "Markets in pages are the markets in one list")
async def market_pages(hands: Hands) -> None:
    series = hands.environment.series[0]
    listing = calls_market.markets({"series_ticker": series, "status": "unopened"})
    whole = [one.ticker for one in await hands.rest.all(listing, limit=30)]
    parts = [one.ticker for one in await hands.rest.all(listing._replace(most=7), limit=30)]
    equal("the markets", parts, whole)


@case(
    "A144",
    "A market pays what its result says for what is held, and tells the fees a second time",
    Need.LIQUIDITY,
    Need.CLOSE,
)
async def settles(hands: Hands) -> None:
    place = await hands.liquid()
    if await held(hands, place):
        raise Skipped("the account holds something in this market")
    ear = await hands.ear()
    made = await hands.me.takes(place, True, place.contract.ceil(place.ask + 300))
    rows = await fills_of(hands, made.order_id, hands.size)
    check_fees(place, rows)
    market = await settled(hands, place)
    paid = await hands.eventually(lambda: hands.rest.settlements(ticker=place.ticker), bool, "the settlement")
    traded = await hands.rest.fills(ticker=[place.ticker])
    fees = sum(row.fee for row in traded)
    one = paid[0]
    equal("result and counts", (one.result, one.yes_count, one.no_count), (market.result, hands.size, 0))
    equal("the fees, those of the fills again", one.fees, fees)
    if len(traded) == len(rows):
        equal("what it had cost", one.yes_cost, sum(row.price * row.count for row in rows))
    equal("what a YES pays", one.yes_pays, market.yes_pays)
    equal("the payout", one.revenue, (market.yes_pays or 0) * hands.size)
    await hands.eventually(
        lambda: hands.rest.positions(ticker=place.ticker), lambda rows: not rows, "no position that is not settled"
    )
    wait_s = hands.environment.patience_s
    await ear.hear(
        lambda: {"determined", "settled"} <= {note.event_type for note in ear.of(LifecycleNote, ticker=place.ticker)},
        "the market determined and settled",
        wait_s,
    )


@case(
    "A145",
    "Settled cash is on the market's shard, and neither more nor less than the payout",
    Need.ROOM,
    Need.SECOND,
    Need.CLOSE,
)
async def payout(hands: Hands) -> None:
    place = next((one for one in await hands.markets_open() if one.is_two_sided and one.ask - one.bid <= 1_000), None)
    if place is None:
        raise Skipped(f"needs {Need.MARKET} that is settled by an index")
    rest = hands.other.rest
    made = await hands.other.takes(place, False, place.contract.floor(place.bid - 300))
    if made.filled < hands.size:
        raise Skipped(f"needs {Need.LIQUIDITY}")
    await fills_of(hands, made.order_id, hands.size, hands.other)
    await hands.lag()
    before = (await rest.balance()).by_shard[place.shard]
    market = await settled(hands, place)
    payout_ = (PRICE_DOLLAR - (market.yes_pays or 0)) * hands.size
    await hands.eventually(
        rest.balance, lambda row: row.by_shard[place.shard] == before + payout_, "the cash after the payout"
    )


@case(
    "A146",
    "A market settles by the rule: its result is that of its average against its strike",
    Need.MARKET,
    Need.CLOSE,
)
async def rule(hands: Hands) -> None:
    place = next((one for one in await hands.markets_open() if one.market.strike is not None), None)
    if place is None:
        raise Skipped(f"needs {Need.MARKET} with a strike")
    market = await settled(hands, place)
    strike = market.strike
    check(strike is not None and market.expiration_value, "the market tells neither strike nor average")
    is_yes = float(market.expiration_value) >= float(strike or 0)
    equal("the result", market.result, "yes" if is_yes else "no")
    equal("what a YES pays", market.yes_pays, PRICE_DOLLAR if is_yes else 0)


async def settled(hands: Hands, place: Place) -> WireMarket:
    """The market once it was paid out."""
    await hands.environment.until(place.close_ns)
    until_ns = place.close_ns + round(SETTLED_WITHIN_S * SECOND_NS)
    while (market := await hands.rest.market(place.ticker)).status != "finalized":
        check(
            hands.now_ns() < until_ns,
            f"the market is {market.status} {SETTLED_WITHIN_S / 60:g} minutes after its close",
        )
        await hands.pass_s(2)
    return market
