"""What an event of money comes to in the books: amounts that add up to nothing."""

from typing import NamedTuple

from trading.core.events import CashMoved, Fill, Settled
from trading.core.portfolio import Position

MoneyEvent = Fill | Settled | CashMoved
OPENING = "opening"


class Posting(NamedTuple):
    """An amount (Money) in a book: above 0 added to it, below 0 taken from it."""

    book: str
    amount: int
    shard: int = 0


def movement_of(event: MoneyEvent) -> str:
    """The name of a movement: the same event has the same, no two others of an account do."""
    if isinstance(event, Fill):
        return f"fill {event.trade_id}"
    if isinstance(event, Settled):
        return f"settlement {event.ticker}"
    if event.kind == "transfer":  # its two sides are told apart by where they lie
        return f"transfer {event.reference} shard {event.shard}"
    return f"{event.kind} {event.reference}"


def late_payout_of(fill: Fill) -> str:
    """The name of the movement by which a fill that was heard after its market has settled is paid out."""
    return f"settlement fill {fill.trade_id}"


def opening_postings(cash: int) -> tuple[Posting, ...]:
    """What an account begins with."""
    return _balanced([Posting("cash", cash), Posting("deposits", -cash)])


def fill_postings(
    position: Position, *, is_bid: bool, price: int, count: int, fee: int, shard: int
) -> tuple[Posting, ...]:
    """A fill: `position` is what was held before it, and is changed to what is held after."""
    cost, realised = position.cost, position.realised
    cash = position.trade(is_bid, price, count) - fee
    postings = [
        Posting("cash", cash, shard),
        Posting("positions", position.cost - cost),
        Posting("fees", fee),
        Posting("trading", realised - position.realised),
    ]
    return _balanced(postings)


def settled_postings(position: Position, payout: int, shard: int) -> tuple[Posting, ...]:
    """A payout: what was held is gone, whatever it brought."""
    cost = position.cost
    position.count = position.cost = 0
    return _balanced(
        [Posting("cash", payout, shard), Posting("positions", -cost), Posting("settlements", cost - payout)]
    )


def moved_postings(event: CashMoved) -> tuple[Posting, ...]:
    """Cash from outside or to there; of a transfer this side, the other being still under way."""
    other = Posting("transfers", -event.amount, event.shard)
    if event.kind != "transfer":
        other = Posting("deposits", -event.amount)
    return _balanced([Posting("cash", event.amount, event.shard), other])


def event_postings(event: MoneyEvent, position: Position) -> tuple[Posting, ...]:
    """Of any event of money; `position` is that of its market (of a CashMoved: any)."""
    if isinstance(event, CashMoved):
        return moved_postings(event)
    if isinstance(event, Settled):
        return settled_postings(position, event.payout, event.shard)
    return fill_postings(
        position, is_bid=event.is_bid, price=event.price, count=event.count, fee=event.fee, shard=event.shard
    )


def _balanced(postings: list[Posting]) -> tuple[Posting, ...]:
    """Without those of nothing, but for the cash: it is what shows that the movement was booked."""
    return tuple(posting for posting in postings if posting.amount or posting.book == "cash")
