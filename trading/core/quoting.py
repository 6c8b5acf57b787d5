"""Quotes at rest: what is wanted in a market against what works there gives orders, amends and cancels."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markets.core.units import SECOND_NS
from trading.core.decision import AmendOrder, CancelOrder, Command, PlaceOrder
from trading.core.parameters import Parameters
from trading.core.working import WorkingOrder, crosses

Wanted = tuple[bool, int, int]  # is_bid, YES price, how many contracts shall rest
RESIZED = 0.25  # a quote is amended when at least this share of what is wanted is missing, or too much
LEAST_LIFE_NS = 2 * SECOND_NS  # what would expire sooner is not worth sending


class Frame(NamedTuple):
    """The market and the moment that quotes are made for."""

    ticker: str
    close_ns: int
    now_ns: int
    parameters: Parameters


def moves(wanted: Iterable[Wanted], working: Sequence[WorkingOrder], frame: Frame) -> list[Command]:
    """What it takes to have exactly the quotes of `wanted` (one on each side at most) at rest in this market, near enough.

    Orders that are in flight, or being changed, are waited for, unless they are not wanted at all any more. New orders
    have the number 0: who sends them counts. Cancels come first.
    """
    quotes = {is_bid: (price, size) for is_bid, price, size in wanted if size > 0}
    out: list[Command] = []
    for is_bid in (True, False):
        mine = [order for order in working if order.is_bid is is_bid]
        out += _side(is_bid, quotes.get(is_bid), mine, working, frame)
    return sorted(out, key=lambda command: not isinstance(command, CancelOrder))


def cancel(order: WorkingOrder, now_ns: int, reason: str) -> CancelOrder | None:
    """Take it back; None while that is in flight, or was refused a moment ago. It does not wait for the answer to the order
    or to a change, which may never come: who speaks to the exchange cancels as soon as it can."""
    if not order.rests or order.is_cancelling or now_ns < order.retry_ns:
        return None
    return CancelOrder(order.number, order.ticker, reason)


def expiry(frame: Frame) -> int:
    """When an order that is sent now expires by itself: whole seconds, as the exchange counts them, and always before
    the quiet time at the end, also where nobody is left to cancel it. 0 where that is too soon to be worth sending."""
    parameters = frame.parameters
    quiet_ns = max(parameters.quiet_close_ns, parameters.maker_quiet_close_ns, SECOND_NS)
    last_ns = min(frame.close_ns - quiet_ns, frame.now_ns + parameters.quote_life_ns)
    expires_ns = last_ns // SECOND_NS * SECOND_NS
    return expires_ns if expires_ns >= frame.now_ns + min(LEAST_LIFE_NS, parameters.quote_life_ns // 2) else 0


def _side(
    is_bid: bool,
    quote: tuple[int, int] | None,
    mine: Sequence[WorkingOrder],
    working: Sequence[WorkingOrder],
    frame: Frame,
) -> list[Command]:
    if quote is None or len(mine) > 1:
        cancels = (cancel(order, frame.now_ns, "not wanted") for order in mine)
        return [each for each in cancels if each is not None]
    price, size = quote
    if any(crosses(is_bid, price, other) for other in working):
        change: Command | None = None  # our own quote of the other side has to move first
    elif mine:
        change = _amend(mine[0], price, size, frame)
    else:
        change = _place(is_bid, price, size, working, frame)
    return [] if change is None else [change]


def _place(is_bid: bool, price: int, size: int, working: Sequence[WorkingOrder], frame: Frame) -> PlaceOrder | None:
    expires_ns = expiry(frame)
    if not expires_ns or not all(order.rests for order in working):
        return None
    return PlaceOrder(
        0, frame.ticker, is_bid, price, size, "good_till_canceled", expires_ns=expires_ns, is_post_only=True
    )


def _amend(order: WorkingOrder, price: int, size: int, frame: Frame) -> AmendOrder | None:
    """Another price or size where it differs by enough, another expiry where half of the life is used up. One that only
    shrinks or lives longer keeps its place in the queue, so price and size are left alone where they are near enough."""
    parameters, now_ns = frame.parameters, frame.now_ns
    is_early = now_ns < max(order.asked_ns + parameters.quote_interval_ns, order.retry_ns)
    if not order.rests or not order.is_quiet or is_early or now_ns >= order.expires_ns:
        return None
    left = order.count - order.filled
    is_off = abs(price - order.price) >= parameters.quote_improvement
    is_resized = abs(size - left) >= max(RESIZED * size, 1)
    expires_ns = expiry(frame)
    is_ageing = order.expires_ns - now_ns <= parameters.quote_life_ns // 2 and expires_ns > order.expires_ns
    if not (is_off or is_resized or is_ageing):
        return None
    return AmendOrder(
        order.number,
        order.ticker,
        order.is_bid,
        price if is_off else order.price,
        order.filled + (size if is_off or is_resized else left),
        expires_ns=max(expires_ns, order.expires_ns),
    )
