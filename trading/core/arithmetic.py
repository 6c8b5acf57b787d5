"""The arithmetic of decisions, orders and money: numbers in, numbers out. The engine calls these functions, and the lane that
plays many settings at once compiles the very same ones. Prices, counts and money are integers as everywhere.
"""

from markets.core.units import CONTRACT, PRICE_DOLLAR

ONE_CONTRACT_AT_WORST = 1_000_000  # Money
HEARD_FOR_NS = 10_000_000_000  # after a silence

WANTED, NOTHING_WANTED, FULL, HELD, TOO_LITTLE_TRADED = 0, 1, 2, 3, 4
"""What `sized` says: the contracts are wanted; Kelly wants none; enough is held; the other side is held; the volume of the
window does not bear even the smallest order."""


# What is wanted ---------------------------------------------------------------------------------------------------------


def rounded(count: int, unit: int) -> int:
    """A count rounded down to what an order may be made of."""
    return count // unit * unit


def share_of(displayed: int, share: float, most: int, unit: int) -> int:
    """How much one order may ask for of so much on display: a share of it, within `most`."""
    wanted = int(displayed * share)
    return (wanted if wanted < most else most) // unit * unit


def all_in(price: float, fee: float, slippage: float) -> float:
    """What a contract has to be worth to break even: its price, its fee, and the slippage that is allowed for (7.2)."""
    return price + fee + slippage


def is_worth_selling(brings: float, worth: float, margin: float) -> bool:
    """Whether a contract brings more now than holding it to the end is worth (7.2)."""
    return brings > worth + margin


def sized(  # noqa: PLR0917  (numbers in, numbers out: compiled callers cannot name arguments)
    worth: int, held: int, own_price: int, market_cap: int, most: int, top_up: float, unit: int, volume_cap: int
) -> tuple[int, int, int]:
    """(WANTED or why not, how many contracts may be asked for, how many would be wanted if nothing were in the way).

    `worth` is what Kelly would hold, `held` what is held of this side (negative: of the other), `most` the limit of one
    order, `volume_cap` the most by what has traded (-1: no cap)."""
    if not worth:
        return NOTHING_WANTED, 0, 0
    wanted = min(max(worth - max(held, 0), 0), most) // unit * unit
    within = min(wanted, market_cap // own_price // unit * unit)
    if held > 0 and worth - held < top_up * worth:
        return FULL, 0, within
    if held < 0:
        return HELD, 0, within
    if not wanted:
        return NOTHING_WANTED, 0, 0
    if 0 <= volume_cap < within:
        within = volume_cap // unit * unit
        if not within:
            return TOO_LITTLE_TRADED, 0, wanted
    return WANTED, max(within, unit), within


def affordable(room: int, a_contract: int, unit: int) -> int:
    """How many contracts fit in so much room, when one costs `a_contract` at worst (Money)."""
    return room * CONTRACT // a_contract // unit * unit


# What may be risked -----------------------------------------------------------------------------------------------------


def share_cap(equity: int, share_bp: int) -> int:
    """A limit in basis points of the equity as Money."""
    return max(equity, 0) * share_bp // 10_000


def loss_use(at_risk: int, lost: int) -> int:
    """What of the daily loss limit is in use: all that is open at worst, and what was lost; a profit widens nothing."""
    return at_risk + lost if lost > 0 else at_risk


def closing_count(position: int, is_bid: bool) -> int:
    """How many contracts an order of this side could close of what is held."""
    return abs(position) if position and (position < 0) == is_bid else 0


def added(own: int, left: int, fee: int, closing: int) -> tuple[int, int]:
    """(Money, contracts) that `left` contracts at `own` with `fee` may add to what can be lost, and to what is open, where
    `closing` of them only close."""
    opens = left - min(left, closing)
    return own * opens + fee, opens


def is_loss_spent(lost: int, limit: int) -> bool:
    """Whether less than a contract's worth is left of the daily loss limit."""
    return limit - lost < ONE_CONTRACT_AT_WORST


def is_drawn_down(peak: int, equity: int, limit_bp: int) -> bool:
    """Whether the equity is as far below its peak as the limit allows."""
    fall = peak - equity
    return not limit_bp or (fall > 0 and fall * 10_000 >= limit_bp * peak)


def silence_ns(now_ns: int, oldest_ns: int, is_open: bool) -> int:
    """How long what is silent longer has been silent; nothing is while no market is open."""
    return max(now_ns - oldest_ns, 0) if is_open else 0


def hushed(now_ns: int, is_silent: bool, is_open: bool, was_silent: bool, steady_ns: int) -> tuple[bool, int]:
    """(Whether something is silent or was within the last ten seconds of an open market, since when all are heard)."""
    if is_silent:
        was_silent, steady_ns = True, now_ns
    elif not is_open:
        steady_ns = now_ns
    return was_silent and now_ns - steady_ns < HEARD_FOR_NS, steady_ns


# What is traded ---------------------------------------------------------------------------------------------------------


def traded(count: int, cost: int, is_bid: bool, price: int, size: int) -> tuple[int, int, int, int]:
    """A signed `count` that cost `cost` after `size` was bought (or sold) at the YES price: (count, cost, cash that changes
    hands but for fees, profit realised). Selling while long closes; what is left over opens the NO side at 1 - p.

    The cost of what closes is shared out in proportion, rounded down: what rounding leaves stays with the rest, so the
    sum over the life of the position is exact."""
    own = price if is_bid else PRICE_DOLLAR - price
    closing = min(size, abs(count)) if count and (count < 0) == is_bid else 0
    opening = size - closing
    gone = proceeds = 0
    if closing:
        gone, proceeds = cost * closing // abs(count), (PRICE_DOLLAR - own) * closing
    after = count + size if is_bid else count - size
    return after, cost - gone + own * opening, proceeds - own * opening, proceeds - gone


def tradable(displayed: int, consumed: int, printed: int) -> int:
    """How much of a displayed level can be traded with, when some of it was taken by us or printed."""
    return max(displayed - consumed - printed, 0)
