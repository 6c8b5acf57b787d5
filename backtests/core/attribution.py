"""Attribution: why a session made something else than a backtest of its own tape; exact Money, and the parts add up.

Every fill is valued as if it were held to the settlement: a contract bought at p makes what YES pays less p, one that was
sold p less that. Over a market these sum to its profit, whatever was closed when. An order of the session is held against
the order that the backtest made in its place: same market, same side, same kind, nearest in time.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

PARTS = ("price_seen", "latency", "queue", "partial_fill", "fee", "missed", "extra", "rejected")
WORDS: dict[str, str] = {
    "price_seen": "the order was decided, or rested, at another price",
    "latency": "the same price was seen, and another was got: the book moved before the order arrived",
    "queue": "an order at rest was filled for another count: others stood before it, or did not",
    "partial_fill": "an order that takes was filled for another count: others had taken what was displayed",
    "fee": "another fee was charged for the same contracts",
    "missed": "only the backtest made the order",
    "extra": "only the session made the order",
    "rejected": "the exchange refused the session's order",
}
NEAR_NS = 5_000_000_000  # orders further apart are not the same one
NEAR_AT_REST_NS = 30_000_000_000


class Traded(msgspec.Struct):
    """One order and what became of it. `price` is the limit as it was decided (of YES), `spent` the sum of price x count
    of its fills (Money), `refused` why the exchange did not take it."""

    number: int
    ticker: str
    is_bid: bool
    price: int
    count: int
    sent_ns: int
    rests: bool = False
    filled: int = 0
    spent: int = 0
    fee: int = 0
    refused: str = ""

    def made(self, yes_pays: int) -> int:
        """Its profit (Money) when a YES contract pays `yes_pays` (Price), fees taken off."""
        return self.gross(yes_pays) - self.fee

    def gross(self, yes_pays: int) -> int:
        """The same before fees."""
        worth = yes_pays * self.filled - self.spent
        return worth if self.is_bid else -worth


class Pair(msgspec.Struct, frozen=True):
    """An order of the session and the one of the backtest in its place; None where only one made it. `parts` (Money)
    add up to what the session made more than the backtest."""

    made: Traded | None
    expected: Traded | None
    parts: dict[str, int]

    @property
    def difference(self) -> int:
        """What the session made more, Money."""
        return sum(self.parts.values())


class Attribution(msgspec.Struct, frozen=True):
    """All orders in settled markets; `made` less `expected` is the sum of `parts`. `open_markets` are left out."""

    made: int
    expected: int
    parts: dict[str, int]
    pairs: list[Pair]
    open_markets: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """What the session made more than the backtest, Money."""
        return self.made - self.expected


def attribute(made: Iterable[Traded], expected: Iterable[Traded], yes_pays: Mapping[str, int]) -> Attribution:
    """Hold the orders of a session against those of the backtest; `yes_pays` (Price) is known of settled markets."""
    ours, theirs = list(made), list(expected)
    awaited = sorted({each.ticker for each in (*ours, *theirs)} - yes_pays.keys())
    ours = [each for each in ours if each.ticker in yes_pays]
    theirs = [each for each in theirs if each.ticker in yes_pays]
    pairs = [
        Pair(one, other, _parts(one, other, yes_pays[(one or other).ticker]))  # type: ignore[union-attr]  # one is there
        for one, other in _paired(ours, theirs)
    ]
    parts = {part: sum(pair.parts.get(part, 0) for pair in pairs) for part in PARTS}
    total_made = sum(each.made(yes_pays[each.ticker]) for each in ours)
    total_expected = sum(each.made(yes_pays[each.ticker]) for each in theirs)
    return Attribution(total_made, total_expected, parts, pairs, tuple(awaited))


def _paired(
    ours: Sequence[Traded], theirs: Sequence[Traded]
) -> list[tuple[Traded, Traded | None] | tuple[None, Traded]]:
    """Each of ours with the nearest of theirs of the same kind that is not taken yet, nearest pairs first; then the rest."""
    near = sorted(
        (abs(one.sent_ns - other.sent_ns), place, at)
        for place, one in enumerate(ours)
        for at, other in enumerate(theirs)
        if _is_alike(one, other)
    )
    mine: dict[int, int] = {}
    taken: dict[int, int] = {}
    for _, place, at in near:
        if place not in mine and at not in taken:
            mine[place], taken[at] = at, place
    found: list[tuple[Traded, Traded | None] | tuple[None, Traded]] = [
        (one, theirs[mine[place]] if place in mine else None) for place, one in enumerate(ours)
    ]
    return [*found, *((None, other) for at, other in enumerate(theirs) if at not in taken)]


def _is_alike(one: Traded, other: Traded) -> bool:
    near_ns = NEAR_AT_REST_NS if one.rests else NEAR_NS
    same = (one.ticker, one.is_bid, one.rests) == (other.ticker, other.is_bid, other.rests)
    return same and abs(one.sent_ns - other.sent_ns) <= near_ns


def _parts(made: Traded | None, expected: Traded | None, yes_pays: int) -> dict[str, int]:
    """What each cause did, Money; causes that did nothing are left out."""
    if expected is None:
        found = {"extra": made.made(yes_pays) if made else 0}
    elif made is None:
        found = {"missed": -expected.made(yes_pays)}
    elif made.refused and not made.filled:
        found = {"rejected": -expected.made(yes_pays)}
    else:
        found = _between(made, expected, yes_pays)
    return {part: money for part, money in found.items() if money}


def _between(made: Traded, expected: Traded, yes_pays: int) -> dict[str, int]:
    """Of two orders that are the same one: the contracts that only one got, then the price of those that both got, split
    at the price that was seen, then the fee of those."""
    more, less = (made, expected) if made.filled >= expected.filled else (expected, made)
    sign = 1 if more is made else -1
    beyond = more.filled - less.filled
    alone, alone_fee = _share(more, beyond, yes_pays)
    count = sign * (alone - alone_fee)
    fee = expected.fee - made.fee + sign * alone_fee
    price = made.gross(yes_pays) - expected.gross(yes_pays) - sign * alone
    worse = (made.price - expected.price) * less.filled
    seen = price if made.rests else -worse if made.is_bid else worse  # what rests trades at its own price
    return {
        "queue" if made.rests else "partial_fill": count,
        "fee": fee,
        "price_seen": seen,
        "latency": price - seen,
    }


def _share(order: Traded, count: int, yes_pays: int) -> tuple[int, int]:
    """What `count` of the filled contracts of an order made at its average price, and their part of its fee."""
    if not count:
        return 0, 0
    spent = order.spent * count // order.filled
    worth = yes_pays * count - spent
    return (worth if order.is_bid else -worth), order.fee * count // order.filled
