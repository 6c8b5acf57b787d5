"""Cases: books, trades and indices as they are heard and as they are read."""

import asyncio

from markets.core.events import BookSnapshot, FeedStatus, IndexValue, TickerQuote, TradePrint
from markets.core.units import PRICE_DOLLAR, SECOND_NS
from markets.feeds.kalshi.notes import IndexList, MissedNote
from markets.kalshi.errors import NotFound
from trading.acceptance.case import Failed, Need, Skipped, Theme, check, equal
from trading.acceptance.ear import Ear, Sides
from trading.acceptance.hands import Hands

THEME = Theme("market data")
case = THEME.case

LOOKS = 5
BEFORE_S = 3.0  # what is read may be so much older than what was heard
NOBODY = "KXBTC15M-99DEC312359-59"


async def agrees(hands: Hands, ear: Ear, ticker: str) -> None:
    """The book that is read is one that was heard. Raises Failed."""
    for _ in range(LOOKS):
        at = asyncio.get_running_loop().time() - BEFORE_S
        page = await hands.rest.orderbook(ticker)
        read: Sides = tuple(sorted(page.yes)), tuple(sorted(page.no))
        for _ in range(10):
            if read in ear.sides_since(ticker, at):
                return
            await asyncio.sleep(0.1)
    raise Failed(
        f"the book of {ticker} as it is read was never heard: {str(read)[:200]}, {str(ear.sides(ticker))[:200]}"
    )


def level(ear: Ear, ticker: str, is_yes: bool, price: int) -> int:
    """How many contracts were heard to rest at a price of a side."""
    return dict(ear.sides(ticker)[0 if is_yes else 1]).get(price, 0)


@case("A17", "The book that is heard is the book that is read, while it moves", Need.MARKET)
async def same_book(hands: Hands) -> None:
    place = await hands.market()
    ear = await hands.ear(place.ticker)
    await agrees(hands, ear, place.ticker)
    await hands.pass_s(1)
    await agrees(hands, ear, place.ticker)
    check(not ear.books[place.ticker].is_crossed, "the book is crossed")


@case("A18", "An order of ours comes into the book that is heard and leaves it again, a bid as YES", Need.MARKET)
async def bid_in_book(hands: Hands) -> None:
    place = await hands.market()
    ear = await hands.ear(place.ticker)
    before = level(ear, place.ticker, True, 100)
    made = await hands.me.rests(place)
    wait_s = hands.environment.patience_s
    await ear.hear(lambda: level(ear, place.ticker, True, 100) >= before + hands.size, "our bid in the book", wait_s)
    await hands.me.cancel(place, made.order_id)
    await ear.hear(lambda: level(ear, place.ticker, True, 100) <= before, "our bid gone from the book", wait_s)


@case("A19", "An ask at 0.99 is a NO bid at 0.01 in the book, heard and read", Need.MARKET)
async def ask_in_book(hands: Hands) -> None:
    place = await hands.market()
    ear = await hands.ear(place.ticker)
    before = level(ear, place.ticker, False, 100)
    await hands.me.place(place, False, PRICE_DOLLAR - 100)
    await ear.hear(
        lambda: level(ear, place.ticker, False, 100) == before + hands.size,
        "our ask as a NO bid in the book", hands.environment.patience_s,
    )  # fmt: skip
    await agrees(hands, ear, place.ticker)


@case(
    "A20",
    "After a gap in the numbers a book falls, and stands again with the next snapshot",
    Need.LIQUIDITY,
    Need.FAULTS,
)
async def gap(hands: Hands) -> None:
    place = await hands.liquid()
    ear = await hands.ear(place.ticker)
    snapshots = len(ear.of(BookSnapshot, ticker=place.ticker))
    await hands.faults.arm("seq_gap", channel="orderbook_delta")
    wait_s = hands.environment.patience_s
    await ear.hear(lambda: ear.of(FeedStatus, state="lost", subject=place.ticker), "the book falls", wait_s)
    await ear.hear(lambda: len(ear.of(BookSnapshot, ticker=place.ticker)) > snapshots, "a new snapshot", wait_s)
    await agrees(hands, ear, place.ticker)
    equal("connections", ear.counts.connects, 1)


@case("A21", "Markets are added and dropped without a new connection", Need.MARKET)
async def follow(hands: Hands) -> None:
    first = await hands.market()
    later = next(
        (one for one in await hands.rest.markets(series_ticker=first.contract.series, status="unopened")), None
    )
    second = later.ticker if later is not None else first.ticker
    ear = await hands.ear(second)
    wait_s = hands.environment.patience_s
    ear.wanted.add(first.ticker)
    await ear.hear(lambda: first.ticker in ear.books and ear.is_synced, "the book of an added market", wait_s)
    await agrees(hands, ear, first.ticker)
    ear.wanted.drop(second)
    await ear.hear(lambda: ear.is_synced, "the other market was dropped", wait_s)
    await agrees(hands, ear, first.ticker)
    equal("connections", ear.counts.connects, 1)


@case(
    "A22", "A subscription that the exchange ends is asked for again on the same connection", Need.MARKET, Need.FAULTS
)
async def terminal(hands: Hands) -> None:
    place = await hands.liquid()
    ear = await hands.ear(place.ticker)
    snapshots = len(ear.of(BookSnapshot, ticker=place.ticker))
    await hands.faults.arm("overflow", channel="orderbook_delta")
    wait_s = hands.environment.patience_s
    await ear.hear(lambda: ear.of(FeedStatus, state="lost", subject=place.ticker), "the book falls", wait_s)
    await ear.hear(lambda: len(ear.of(BookSnapshot, ticker=place.ticker)) > snapshots, "a new snapshot", wait_s)
    await agrees(hands, ear, place.ticker)
    equal("connections", ear.counts.connects, 1)


@case("A23", "A connection on which nothing is said is given up, whatever pings it answers")
async def silent(hands: Hands) -> None:
    ear = await hands.ear(stale_after_s=0.01, is_let_in=False, is_private=False)
    ending = await ear.hear(
        lambda: ear.endings and ear.endings[0], "the silent connection ends", hands.environment.patience_s
    )
    check("nothing was heard" in ending.reason, f"it ended for another reason: {ending.reason}")


@case("A24", "After a cut connection the next one has the book again", Need.MARKET, Need.FAULTS)
async def cut(hands: Hands) -> None:
    place = await hands.liquid()
    ear = await hands.ear(place.ticker, again=True)
    await hands.faults.arm("socket_drop")
    wait_s = 2 * hands.environment.patience_s
    await ear.hear(lambda: ear.endings, "the connection is cut", wait_s)
    await ear.hear(lambda: ear.counts.connects > 1 and ear.is_synced, "the next connection is in step", wait_s)
    await agrees(hands, ear, place.ticker)


@case("A25", "What is missed among trades is told, so that it can be read", Need.ROOM, Need.SECOND, Need.FAULTS)
async def missed_trade(hands: Hands) -> None:
    place = await hands.room()
    ear = await hands.ear(place.ticker)
    await hands.faults.arm("seq_gap", channel="trade", nth=2)
    for _ in range(3):
        await hands.other.place(place, False, place.inside())
        await hands.me.takes(place, True, place.inside())
    await ear.hear(lambda: ear.of(MissedNote, channel="trade"), "that a trade was missed", hands.environment.patience_s)


@case("A26", "The settlement index is heard once a second, with its average", Need.INDEX)
async def index(hands: Hands) -> None:
    ear = await hands.ear(indices=("BRTI",))
    wait_s = hands.environment.patience_s
    listed = await ear.hear(lambda: ear.of(IndexList), "the list of indices", wait_s)
    if "BRTI" in listed[-1].missing:
        raise Skipped(f"needs {Need.INDEX}: {listed[-1].reason}")
    values = await ear.hear(lambda: len(ear.of(IndexValue)) > 1 and ear.of(IndexValue), "two values", wait_s)
    check(values[-1].value > 0 and values[-1].average, "a value comes without its average")
    apart_ns = values[1].venue_ns - values[0].venue_ns
    check(0 < apart_ns <= 3 * SECOND_NS, f"two values are {apart_ns / SECOND_NS:g} s apart")


@case("A27", "A trade is heard by everybody as it happened, and read in the list of trades", Need.ROOM, Need.SECOND)
async def public_trade(hands: Hands) -> None:
    place = await hands.room()
    ear = await hands.ear(place.ticker, is_private=False)
    await hands.other.place(place, False, place.inside())
    await hands.me.takes(place, True, place.inside())
    printed = await ear.hear(lambda: ear.of(TradePrint, ticker=place.ticker), "the trade", hands.environment.patience_s)
    one = printed[-1]
    equal("the trade", (one.price, one.count, one.taker_yes), (place.inside(), hands.size, True))
    rows = await hands.eventually(
        lambda: hands.rest.trades(ticker=place.ticker, limit=5), bool, "the trade in the list of trades"
    )
    equal("the newest trade read", (rows[0].price, rows[0].count, rows[0].taker_side), (one.price, one.count, "yes"))
    quotes = await ear.hear(
        lambda: [each for each in ear.of(TickerQuote, ticker=place.ticker) if each.last == one.price],
        "the last price in the ticker", hands.environment.patience_s,
    )  # fmt: skip
    check(quotes[-1].volume >= one.count, "the volume does not hold the trade")


@case("A28", "Several books read at once are those read one by one, and a depth cuts the worst", Need.ROOM)
async def several(hands: Hands) -> None:
    place = await hands.room()
    for cents in (1, 2, 3):
        await hands.me.rests(place, cents)
    alone = await hands.rest.orderbook(place.ticker)
    together = await hands.rest.orderbooks([place.ticker])
    equal("the book among others", together[place.ticker], alone)
    cut_off = await hands.rest.orderbook(place.ticker, depth=1)
    equal("the one level", sorted(cut_off.yes), [max(alone.yes)])


@case("A29", "A ticker that is none has an empty book, and disturbs no other market on the WebSocket", Need.MARKET)
async def nobody(hands: Hands) -> None:
    place = await hands.market()
    book = await hands.rest.orderbook(NOBODY)
    equal("its levels", len(book.yes) + len(book.no), 0)
    await hands.refused(hands.rest.market(NOBODY), NotFound, "the market itself")
    ear = await hands.ear()
    ear.wanted.add(NOBODY, place.ticker)
    await ear.hear(lambda: place.ticker in ear.books, "the other book", hands.environment.patience_s)
    await agrees(hands, ear, place.ticker)
    equal("connections", ear.counts.connects, 1)


@case("A30", "Every frame can be read, and none lacks a field that we need", Need.LIQUIDITY)
async def fields(hands: Hands) -> None:
    place = await hands.liquid()
    ear = await hands.ear(place.ticker, indices=("BRTI",))
    await hands.me.rests(place)
    await hands.me.takes(place, True, place.ask)
    await hands.pass_s(2)
    check(not ear.counts.missing, f"missing: {dict(ear.counts.missing)}")
    check(not ear.counts.unreadable, f"{ear.counts.unreadable} frames could not be read: {list(ear.counts.words)}")
