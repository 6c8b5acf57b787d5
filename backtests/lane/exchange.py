"""The paper exchange of the lane: an order arrives, meets what is displayed then, and is answered; by the engine's arithmetic."""

# mypy: disable-error-code="no-any-return"

from typing import Any

from backtests.lane.account import evaluate, fees_of, hear, new_day
from backtests.lane.columns import GONE, LOST, OPEN, PAUSED
from backtests.lane.state import (
    A_BUYS,
    A_COUNT,
    A_MARKET,
    A_ON_GRID,
    A_ORDER,
    A_PRICE,
    ACCEPTED,
    ARRIVALS,
    ARRIVES_NS,
    AT_EXCHANGE,
    C_COUNT,
    C_PRICE,
    C_SIDE,
    C_UNTIL_NS,
    CANCELLED,
    DUE_NS,
    FILLED,
    HEARD_NS,
    IS_OPEN,
    IS_OVER,
    IS_THERE,
    NEVER_NS,
    NEXT_REVIEW,
    NEXT_SECOND_NS,
    OLDEST_NS,
    OUT,
    R_BUYS,
    R_COUNT,
    R_FEE,
    R_KIND,
    R_ORDER,
    R_PRICE,
    R_TICKER,
    R_TURN,
    REFUSED,
    REPLIES,
    TAKEN,
    THERE,
    TURN,
)
from markets.core.units import PRICE_DOLLAR, SECOND_NS
from trading.core.arithmetic import tradable, traded
from trading.core.delays import COMPUTE, ORDER, REPLY, delay_ns, uniform
from trading.core.fees import fill_fee, trade_fee, worst_fee

REMEMBERED_NS = SECOND_NS


def hear_until(tape: Any, setting: Any, books: Any, until_ns: int) -> None:
    """Everything that arrives, is answered or is looked at up to a time, in the order of time."""
    number = books.number
    while not number[OUT]:
        arrival, reply = _first(books.arrivals, number[ARRIVALS]), _first(books.replies, number[REPLIES])
        arrives_ns = books.arrivals[arrival, ARRIVES_NS] if arrival >= 0 else NEVER_NS
        heard_ns = books.replies[reply, HEARD_NS] if reply >= 0 else NEVER_NS
        review = number[NEXT_REVIEW]
        review_ns = tape.reviews[review]["ns"] if review < len(tape.reviews) else NEVER_NS
        if min(arrives_ns, heard_ns, review_ns) > until_ns:
            break
        if review_ns <= min(arrives_ns, heard_ns):
            _review(tape, setting, books, review)
        elif arrives_ns < heard_ns:
            _arrive(tape, setting, books, arrival)
        else:
            _answer(setting, books, reply)
    number[DUE_NS] = _due(books)


def _review(tape: Any, setting: Any, books: Any, review: int) -> None:
    """A second has passed."""
    number, now_ns = books.number, tape.reviews[review]["ns"]
    number[NEXT_REVIEW] = review + 1
    number[NEXT_SECOND_NS] = now_ns // SECOND_NS * SECOND_NS + SECOND_NS
    number[OLDEST_NS], number[IS_OPEN] = tape.reviews[review]["oldest_ns"], tape.reviews[review]["is_open"]
    new_day(books, now_ns)
    evaluate(setting, books, now_ns)


def _answer(setting: Any, books: Any, place: int) -> None:
    """We hear an answer. One that is heard before anything of its second was is the engine's to play, but for the last."""
    number, reply = books.number, books.replies[place]
    now_ns = reply[HEARD_NS]
    if now_ns >= number[NEXT_SECOND_NS]:
        if not number[IS_OVER]:
            number[OUT] = 1
            return
        new_day(books, now_ns)
    hear(setting, books, reply, now_ns)
    number[REPLIES] -= 1
    _move(books.replies, number[REPLIES], place)


def _move(waiting: Any, last: int, place: int) -> None:
    """What waits last takes the place of what has been dealt with."""
    for column in range(waiting.shape[1]):
        waiting[place, column] = waiting[last, column]


def _first(waiting: Any, length: int) -> int:
    """The earliest of what waits, the first of several; -1: nothing does."""
    found = -1
    for place in range(length):
        if (
            found < 0
            or waiting[place, 0] < waiting[found, 0]
            or (waiting[place, 0] == waiting[found, 0] and waiting[place, 1] < waiting[found, 1])
        ):
            found = place
    return found


def _due(books: Any) -> int:
    """When something arrives or is answered next."""
    due_ns = NEVER_NS
    for place in range(books.number[ARRIVALS]):
        due_ns = min(due_ns, books.arrivals[place, ARRIVES_NS])
    for place in range(books.number[REPLIES]):
        due_ns = min(due_ns, books.replies[place, HEARD_NS])
    return due_ns


def arrives_ns(setting: Any, number: int, now_ns: int) -> int:
    """When an order that leaves now meets the exchange."""
    there = _hop(setting, number, ORDER, setting["order_median_ns"], setting["order_p95_ns"])
    return (
        now_ns
        + there
        + setting["added_ns"]
        + _hop(setting, number, COMPUTE, setting["compute_median_ns"], setting["compute_p95_ns"])
    )


def _hop(setting: Any, number: int, hop: int, median_ns: int, p95_ns: int) -> int:
    return delay_ns(uniform(setting["seed"], number, hop, 0), median_ns, p95_ns)


# An order arrives -------------------------------------------------------------------------------------------------------


def _arrive(tape: Any, setting: Any, books: Any, place: int) -> None:
    _meet(tape, setting, books, books.arrivals[place])
    books.number[ARRIVALS] -= 1
    _move(books.arrivals, books.number[ARRIVALS], place)


def _meet(tape: Any, setting: Any, books: Any, order: Any) -> None:
    """An order meets the market."""
    number, now_ns, count = books.number, order[ARRIVES_NS], order[A_COUNT]
    if number[REPLIES] > len(books.replies) - len(books.planned) - 2:
        number[OUT] = 1
        return
    heard_ns = now_ns + _hop(setting, order[A_ORDER], REPLY, setting["reply_median_ns"], setting["reply_p95_ns"])
    if not _is_taken(tape, order, now_ns):
        _reply(tape, books, heard_ns, REFUSED, order, 0, 0, 0)
        return
    levels, size = _plan(tape, books, order, now_ns)
    if levels < 0:
        number[OUT] = 1
        return
    if not _is_covered(tape, books, order, levels, size):
        _reply(tape, books, heard_ns, REFUSED, order, 0, 0, 0)
        return
    _reply(tape, books, heard_ns, ACCEPTED, order, 0, 0, 0)
    _execute(tape, books, order, levels, heard_ns)
    if size < count:
        _reply(tape, books, heard_ns, CANCELLED, order, 0, count - size, 0)


def _is_taken(tape: Any, order: Any, now_ns: int) -> bool:
    """Whether the exchange takes the order: an open market whose book is known, a price on its grid."""
    market = order[A_MARKET]
    fact = _before(tape.facts["ns"], tape.markets[market]["fact_first"], tape.markets[market]["fact_end"], now_ns)
    if fact < 0:
        return False
    said = tape.facts[fact]["said"]
    if said & GONE or said & PAUSED or said & LOST or not said & OPEN:
        return False
    return now_ns < tape.markets[market]["close_ns"] and order[A_ON_GRID] != 0


def _before(times: Any, first: int, end: int, now_ns: int) -> int:
    """The last of an ascending part of `times` that is before `now_ns`; -1: none is."""
    low, high = first, end
    while low < high:
        middle = (low + high) // 2
        if times[middle] < now_ns:
            low = middle + 1
        else:
            high = middle
    return low - 1 if low > first else -1


def _plan(tape: Any, books: Any, order: Any, now_ns: int) -> tuple[int, int]:
    """What the order meets: (levels written to `planned`, contracts); (-1, 0) where it meets more than fit."""
    is_bid, price, left = order[A_BUYS] != 0, order[A_PRICE], order[A_COUNT]
    side = 2 * order[A_MARKET] + (0 if is_bid else 1)
    lowest = PRICE_DOLLAR - price if is_bid else price
    shown = tape.sides[side]
    top = _before(tape.tops["ns"], shown["top_first"], shown["top_end"], now_ns)
    if top < 0 or tape.tops[top]["level"] < 0:
        return 0, 0
    levels, wanted = 0, left
    for level in range(tape.tops[top]["level"], shown["level_end"]):
        own = int(tape.levels[level]["price"])
        if own < lowest or not left:
            break
        change = _before(tape.changes["ns"], tape.levels[level]["first"], tape.levels[level]["end"], now_ns)
        displayed = int(tape.changes[change]["count"]) if change >= 0 else 0
        crowd = tradable(displayed, _consumed(books, side, own, now_ns), 0)
        if not crowd:
            continue
        if levels == len(books.planned):
            return -1, 0
        size = min(left, crowd)
        books.planned[levels, 0], books.planned[levels, 1] = own, size
        levels += 1
        left -= size
    return levels, wanted - left


def _consumed(books: Any, side: int, own: int, now_ns: int) -> int:
    """How much of a level we took within the last second."""
    for place in range(books.number[TAKEN]):
        taken = books.consumed[place]
        if taken[C_SIDE] == side and taken[C_PRICE] == own and taken[C_UNTIL_NS] > now_ns:
            return taken[C_COUNT]
    return 0


def _consume(books: Any, side: int, own: int, size: int, now_ns: int) -> None:
    """What we take stays taken for a second, with what we took there before."""
    number, slot = books.number, -1
    for place in range(number[TAKEN]):
        taken = books.consumed[place]
        if taken[C_SIDE] == side and taken[C_PRICE] == own and taken[C_UNTIL_NS] > now_ns:
            taken[C_COUNT] += size
            taken[C_UNTIL_NS] = now_ns + REMEMBERED_NS
            return
        if taken[C_UNTIL_NS] <= now_ns:
            slot = place
    if slot < 0:
        if number[TAKEN] == len(books.consumed):
            number[OUT] = 1
            return
        slot = number[TAKEN]
        number[TAKEN] += 1
    taken = books.consumed[slot]
    taken[C_SIDE], taken[C_PRICE], taken[C_COUNT], taken[C_UNTIL_NS] = side, own, size, now_ns + REMEMBERED_NS


def _is_covered(tape: Any, books: Any, order: Any, levels: int, size: int) -> bool:
    """Whether the cash at the exchange covers the order with its worst fee; what only closes pays out of what it brings."""
    terms, count, is_bid = fees_of(tape.markets[order[A_MARKET]]), order[A_COUNT], order[A_BUYS] != 0
    own = order[A_PRICE] if is_bid else PRICE_DOLLAR - order[A_PRICE]
    there = books.position[tape.markets[order[A_MARKET]]["ticker"], THERE]
    closing = max(-there, 0) if is_bid else max(there, 0)
    known = trade_fee(terms, own, size) + levels * (terms.precision + terms.increment)
    if count <= closing:
        need = max(known - (PRICE_DOLLAR - own) * size, 0)
    else:
        need = max(worst_fee(terms, own, count), known) + own * (count - closing)
    return need <= books.number[AT_EXCHANGE]


def _execute(tape: Any, books: Any, order: Any, levels: int, heard_ns: int) -> None:
    """Make the trades that were planned."""
    number, market, is_bid = books.number, order[A_MARKET], order[A_BUYS] != 0
    terms, held = fees_of(tape.markets[market]), books.position[tape.markets[market]["ticker"]]
    side, rounding = 2 * market + (0 if is_bid else 1), 0
    for place in range(levels):
        own, size = books.planned[place, 0], books.planned[place, 1]
        price = PRICE_DOLLAR - own if is_bid else own
        held[THERE], _, revenue, _ = traded(held[THERE], 0, is_bid, price, size)
        held[IS_THERE] = 1
        fee, rounding = fill_fee(terms, price, size, True, revenue, rounding)
        if fee > number[AT_EXCHANGE] + revenue:
            number[OUT] = 1  # it would be charged less than the terms say
            return
        number[AT_EXCHANGE] += revenue - fee
        _reply(tape, books, heard_ns, FILLED, order, price, size, fee)
        _consume(books, side, own, size, order[ARRIVES_NS])


def _reply(tape: Any, books: Any, heard_ns: int, kind: int, order: Any, price: int, count: int, fee: int) -> None:  # noqa: PLR0917
    number, reply = books.number, books.replies[books.number[REPLIES]]
    number[REPLIES] += 1
    number[TURN] += 1
    reply[HEARD_NS], reply[R_TURN], reply[R_KIND] = heard_ns, number[TURN], kind
    reply[R_ORDER], reply[R_BUYS] = order[A_ORDER], order[A_BUYS]
    reply[R_TICKER] = tape.markets[order[A_MARKET]]["ticker"]
    reply[R_PRICE], reply[R_COUNT], reply[R_FEE] = price, count, fee
