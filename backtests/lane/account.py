"""The account of the lane: breakers, budgets, answers and settlements, by the scalar functions of the engine."""

# mypy: disable-error-code="no-any-return"

from typing import Any

from backtests.lane.state import (
    AT_EXCHANGE,
    BUYS,
    CASH,
    CLOSE_NS,
    COST,
    COUNT,
    CURVE_PEAK,
    DAY,
    DEEPEST,
    DRAWN,
    EXPOSURE,
    FEES,
    FILLS,
    FIRST_MATCHED,
    FIRST_REJECTED,
    FIRST_SENT,
    HALTED,
    HELD,
    IN_FLIGHT,
    IN_MARKET,
    IS_HELD,
    IS_OPEN,
    IS_PAID_OUT,
    IS_THERE,
    LEFT,
    MADE,
    MATCHED,
    OLDEST_NS,
    ORDER,
    ORDERS,
    OUT,
    PAID,
    PEAK,
    PRICE,
    R_BUYS,
    R_COUNT,
    R_FEE,
    R_KIND,
    R_ORDER,
    R_PRICE,
    R_TICKER,
    REALISED,
    REFUSED,
    REJECTED,
    SETTLEMENTS,
    STEADY_NS,
    STREAK,
    STREAKED,
    THERE,
    WAS_SILENT,
    Fees,
)
from markets.core.payout import payout_of
from markets.core.units import DAY_NS, MILLISECOND_NS, PRICE_DOLLAR, SECOND_NS
from trading.core.arithmetic import (
    added,
    closing_count,
    hushed,
    is_drawn_down,
    is_loss_spent,
    loss_use,
    share_cap,
    silence_ns,
    traded,
)
from trading.core.fees import worst_fee

MINUTE_NS = 60 * SECOND_NS
MATCHED_NS = 15 * SECOND_NS
LARGEST = 9_000_000_000_000_000_000  # of what can be counted here; the engine has no such bound


def fees_of(market: Any) -> Any:
    """The fee terms of a market."""
    return Fees(market["taker_rate"], market["maker_rate"], market["increment"], market["precision"])


# Breakers ---------------------------------------------------------------------------------------------------------------


def evaluate(setting: Any, books: Any, now_ns: int) -> None:
    """Look at everything that may stop trading."""
    number = books.number
    worth = number[CASH] + number[EXPOSURE]
    number[PEAK] = max(number[PEAK], worth)
    if is_drawn_down(number[PEAK], worth, setting["max_drawdown_bp"]):
        number[DRAWN] = 1
    if number[STREAK] >= setting["max_losing_streak"]:
        number[STREAKED] = 1
    while number[FIRST_REJECTED] < number[REJECTED] and books.rejected[number[FIRST_REJECTED]] <= now_ns - MINUTE_NS:
        number[FIRST_REJECTED] += 1
    is_refused = number[REJECTED] - number[FIRST_REJECTED] >= setting["max_rejects_per_minute"]
    is_open = number[IS_OPEN] != 0
    is_silent = silence_ns(now_ns, number[OLDEST_NS], is_open) >= setting["max_stale_ms"] * MILLISECOND_NS
    is_hushed, steady_ns = hushed(now_ns, is_silent, is_open, number[WAS_SILENT] != 0, number[STEADY_NS])
    number[WAS_SILENT], number[STEADY_NS] = is_hushed, steady_ns
    is_lost = is_loss_spent(number[FEES] - number[REALISED], setting["max_daily_loss"])
    number[HALTED] = is_lost or is_refused or is_hushed or number[DRAWN] != 0 or number[STREAKED] != 0


def new_day(books: Any, now_ns: int) -> None:
    """With a new UTC day begins a new day's loss."""
    day = now_ns // DAY_NS
    if day > books.number[DAY]:
        books.number[DAY] = day
        books.number[REALISED] = books.number[FEES] = 0


# Budgets ----------------------------------------------------------------------------------------------------------------


def works_at_worst(tape: Any, books: Any, ticker: int) -> int:
    """What the working order of a ticker may add to what can be lost."""
    working = books.working[ticker]
    is_bid, left = working[BUYS] != 0, working[LEFT]
    own = working[PRICE] if is_bid else PRICE_DOLLAR - working[PRICE]
    fee = worst_fee(fees_of(tape.markets[working[IN_MARKET]]), own, left)
    return added(own, left, fee, closing_count(books.position[ticker, COUNT], is_bid))[0]


def room(tape: Any, setting: Any, books: Any, ticker: int, close_ns: int) -> int:
    """What the tightest limit leaves for an order in a market, worst case of everything open and working included."""
    number, position = books.number, books.position
    working = in_market = at_close = 0
    for place in range(number[IN_FLIGHT]):
        other = books.in_flight[place]
        worst = works_at_worst(tape, books, other)
        working += worst
        if other == ticker:
            in_market += worst
        if position[other, CLOSE_NS] == close_ns:
            at_close += worst
    for place in range(number[HELD]):
        other = books.held[place]
        if other == ticker:
            in_market += position[other, COST]
        if position[other, CLOSE_NS] == close_ns:
            at_close += position[other, COST]
    at_risk = number[EXPOSURE] + working
    worth = number[CASH] + number[EXPOSURE]
    left = number[CASH] - working
    left = min(left, min(setting["max_market_exposure"], share_cap(worth, setting["max_market_share_bp"])) - in_market)
    left = min(left, min(setting["max_close_exposure"], share_cap(worth, setting["max_close_share_bp"])) - at_close)
    left = min(left, min(setting["max_total_exposure"], share_cap(worth, setting["max_total_share_bp"])) - at_risk)
    return min(left, setting["max_daily_loss"] - loss_use(at_risk, number[FEES] - number[REALISED]))


def sent_lately(books: Any, now_ns: int) -> int:
    """How many orders left in the last 60 seconds."""
    number = books.number
    while number[FIRST_SENT] < number[ORDERS] and books.orders[number[FIRST_SENT], 0] <= now_ns - MINUTE_NS:
        number[FIRST_SENT] += 1
    return number[ORDERS] - number[FIRST_SENT]


def matching(books: Any, now_ns: int) -> int:
    """How many contracts have traded in the last 15 seconds or may at any moment."""
    number = books.number
    while number[FIRST_MATCHED] < number[FILLS] and books.fills[number[FIRST_MATCHED], 0] <= now_ns - MATCHED_NS:
        number[MATCHED] -= books.fills[number[FIRST_MATCHED], 5]
        number[FIRST_MATCHED] += 1
    count = number[MATCHED]
    for place in range(number[IN_FLIGHT]):
        count += books.working[books.in_flight[place], LEFT]
    return count


# What is heard of our own -----------------------------------------------------------------------------------------------


def hear(setting: Any, books: Any, reply: Any, now_ns: int) -> None:
    """An answer of the exchange: a fill, or the end of an order."""
    ticker, kind = reply[R_TICKER], reply[R_KIND]
    if kind == 1:
        _fill(books, reply, now_ns)
        evaluate(setting, books, now_ns)
    elif kind > 1:
        _finish(books, ticker)
        if kind == REFUSED:
            books.rejected[books.number[REJECTED]] = now_ns
            books.number[REJECTED] += 1
        evaluate(setting, books, now_ns)


def _fill(books: Any, reply: Any, now_ns: int) -> None:
    number, ticker = books.number, reply[R_TICKER]
    held, working = books.position[ticker], books.working[ticker]
    is_bid, price, size, fee = reply[R_BUYS] != 0, reply[R_PRICE], reply[R_COUNT], reply[R_FEE]
    if held[IS_PAID_OUT] or held[COST] > LARGEST // max(size, 1) or number[FILLS] == len(books.fills):
        number[OUT] = 1  # it settled before we heard of it, or there is more than is counted here
        return
    if not held[IS_HELD]:
        held[IS_HELD] = 1
        books.held[number[HELD]] = ticker
        number[HELD] += 1
    before = held[COST]
    count, cost, cash, made = traded(held[COUNT], before, is_bid, price, size)
    held[COUNT], held[COST] = count, cost
    held[MADE] += made
    held[PAID] += fee
    number[CASH] += cash - fee
    number[FEES] += fee
    number[EXPOSURE] += cost - before
    number[REALISED] += made
    working[LEFT] -= size
    if not working[LEFT]:
        _finish(books, ticker)
    row = books.fills[number[FILLS]]
    row[0], row[1], row[2], row[3], row[4], row[5], row[6] = now_ns, reply[R_ORDER], ticker, is_bid, price, size, fee
    number[FILLS] += 1
    number[MATCHED] += size
    _mark(books)


def _finish(books: Any, ticker: int) -> None:
    """Nothing more can come of the order in this market."""
    if not books.working[ticker, ORDER]:
        return
    books.working[ticker, ORDER] = 0
    _remove(books.in_flight, books.number, IN_FLIGHT, ticker)


def _remove(tickers: Any, number: Any, length: int, ticker: int) -> None:
    """Take a ticker from a list, the others stay in their order."""
    kept = 0
    for place in range(number[length]):
        if tickers[place] != ticker:
            tickers[kept] = tickers[place]
            kept += 1
    number[length] = kept


def _mark(books: Any) -> None:
    """The equity after money has moved: how deep it has fallen."""
    number = books.number
    worth = number[CASH] + number[EXPOSURE]
    number[CURVE_PEAK] = max(number[CURVE_PEAK], worth)
    number[DEEPEST] = max(number[DEEPEST], number[CURVE_PEAK] - worth)


def settle(tape: Any, setting: Any, books: Any, settlement: int) -> None:
    """A market pays out: first the exchange, then we hear of it."""
    ticker, now_ns = tape.settlements[settlement]["ticker"], tape.settlements[settlement]["ns"]
    number, held = books.number, books.position[ticker]
    if not held[IS_THERE]:
        return
    worth = tape.settlements[settlement]["worth"]
    payout = payout_of(held[THERE], worth)
    number[AT_EXCHANGE] += payout
    row = books.settlements[number[SETTLEMENTS]]
    row[0], row[1], row[2], row[3], row[4] = now_ns, ticker, settlement, held[THERE], payout
    number[SETTLEMENTS] += 1
    held[THERE] = held[IS_THERE] = 0
    held[IS_PAID_OUT] = 1
    if books.working[ticker, ORDER] or not held[IS_HELD]:
        number[OUT] = 1  # an order has no answer yet
        return
    received = payout_of(held[COUNT], worth)
    made = received - held[COST]
    number[CASH] += received
    number[EXPOSURE] -= held[COST]
    number[REALISED] += made
    number[STREAK] = number[STREAK] + 1 if held[MADE] + made - held[PAID] < 0 else 0
    held[COUNT] = held[COST] = held[MADE] = held[PAID] = held[IS_HELD] = 0
    _remove(books.held, number, HELD, ticker)
    _mark(books)
    evaluate(setting, books, now_ns)
