"""The loop of the lane: one setting, or many, over the rows of one tape. It only stops where something may happen."""

# mypy: disable-error-code="no-any-return"

from typing import Any

from backtests.lane.account import evaluate, new_day, settle
from backtests.lane.deciding import decide
from backtests.lane.exchange import hear_until
from backtests.lane.state import (
    AT_EXCHANGE,
    CASH,
    CLOSE_NS,
    COST,
    COUNT,
    CURVE_PEAK,
    DAY,
    DEEPEST,
    DUE_NS,
    EXPOSURE,
    FEES,
    FILLS,
    HELD,
    IS_HELD,
    IS_OVER,
    IS_PAID_OUT,
    IS_THERE,
    NEVER_NS,
    NEXT_REVIEW,
    NEXT_SECOND_NS,
    NEXT_SETTLEMENT,
    ORDER,
    ORDERS,
    OUT,
    PEAK,
    REALISED,
    SENT,
    SETTLEMENTS,
    STEADY_NS,
    THERE,
)
from markets.core.units import DAY_NS, PRICE_DOLLAR, SECOND_NS
from trading.core.arithmetic import is_worth_selling
from trading.core.calibration import pooled
from trading.core.confidence import feed_quality, probability_error
from trading.core.tails import normal_cdf

SLACK = 1e-9  # of what is only a bound: what lies within it is looked at exactly
NOT_ONE = -1e300


def believe(tape: Any, is_pooled: bool, weight: float, error_left: float, believed: Any, gain: Any, trust: Any) -> None:  # noqa: PLR0917
    """Of each row what is believed (p*), the most that either side could have for an edge, and a bound of the confidence."""
    for row in range(len(tape.time)):
        state, bid, ask = (
            tape.states[int(tape.rows[row]["state"])],
            int(tape.rows[row]["bid"]),
            int(tape.rows[row]["ask"]),
        )
        p = state["calibrated"]
        if is_pooled and 0 < bid < ask < PRICE_DOLLAR:
            p = pooled(p, (bid + ask) / (2 * PRICE_DOLLAR), weight)
        most = NOT_ONE
        if 0 < ask < PRICE_DOLLAR:
            most = p - ask / PRICE_DOLLAR
        if 0 < bid < PRICE_DOLLAR:
            most = max(most, (1.0 - p) - (PRICE_DOLLAR - bid) / PRICE_DOLLAR)
        believed[row], gain[row], trust[row] = p, most, 0.0
        if most > 0.0:
            error = probability_error(state["z"], state["sigma_error"], state["level_error"], error_left)
            certain = normal_cdf(most / error) if error > 0.0 else 1.0
            age_ns = tape.time[row] - state["source_ns"]
            q_feed = feed_quality(state["fresh"], state["needed"], age_ns)
            trust[row] = 100.0 * certain * q_feed * state["index_quality"] + SLACK


def play(tape: Any, setting: Any, books: Any, believed: Any, gain: Any, trust: Any) -> None:  # noqa: PLR0917
    """One setting over one tape, from the books as `begin` has left them. `OUT` says whether it came through."""
    number, rows = books.number, len(tape.time)
    least, trusted = setting["edge_threshold"], setting["min_confidence"]
    held_least = min(least, setting["exit_margin"] - SLACK)
    row = 0
    while row < rows and not number[OUT]:
        due_ns = number[DUE_NS]
        if number[HELD]:
            while row < rows and gain[row] < held_least and tape.time[row] < due_ns:
                row += 1
        else:
            while row < rows and (gain[row] < least or trust[row] < trusted) and tape.time[row] < due_ns:
                row += 1
        if row == rows:
            break
        if tape.time[row] >= due_ns or not _waits(tape, setting, books, row, believed[row], gain[row], trust[row]):
            if _is_behind(tape, number, row):
                _catch_up(tape, setting, books, row)
            if not number[OUT] and gain[row] >= (held_least if number[HELD] else least):
                decide(tape, setting, books, row, believed[row])
        row += 1
    _finish(tape, setting, books)


def _waits(  # noqa: PLR0917  (numbers in, numbers out)
    tape: Any, setting: Any, books: Any, row: int, believed: float, gain: float, trust: float
) -> bool:
    """Whether nothing can come of a row for what is known without looking further: its time, the pace, or that it is neither
    worth buying nor selling. Only asked where nothing is due by then."""
    seen, now_ns = tape.rows[row], tape.time[row]
    number = int(seen["market"])
    market = tape.markets[number]
    if (
        now_ns < market["open_ns"] + setting["quiet_open_ns"]
        or now_ns >= market["close_ns"] - setting["quiet_close_ns"]
    ):
        return True
    ticker = market["ticker"]
    if books.working[ticker, ORDER] or now_ns < books.ordered_ns[number] + setting["order_interval_ns"]:
        return True
    if gain >= setting["edge_threshold"] and trust >= setting["min_confidence"]:
        return False
    held = books.position[ticker, COUNT]
    if held > 0:
        return not is_worth_selling(int(seen["bid"]) / PRICE_DOLLAR, believed, setting["exit_margin"])
    brings = (PRICE_DOLLAR - int(seen["ask"])) / PRICE_DOLLAR
    return not held or not is_worth_selling(brings, 1.0 - believed, setting["exit_margin"])


def _is_behind(tape: Any, number: Any, row: int) -> bool:
    """Whether anything happens before a row is evaluated."""
    review, settlement = number[NEXT_REVIEW], number[NEXT_SETTLEMENT]
    if number[DUE_NS] <= tape.time[row]:
        return True
    if review < len(tape.reviews) and tape.reviews[review]["ns"] <= tape.time[row]:
        return True
    return settlement < len(tape.settlements) and tape.settlements[settlement]["row"] <= row


def _catch_up(tape: Any, setting: Any, books: Any, row: int) -> None:
    """All that happens before a row is evaluated."""
    number = books.number
    while number[NEXT_SETTLEMENT] < len(tape.settlements) and tape.settlements[number[NEXT_SETTLEMENT]]["row"] <= row:
        _settle_next(tape, setting, books)
    hear_until(tape, setting, books, tape.time[row])


def _settle_next(tape: Any, setting: Any, books: Any) -> None:
    number = books.number
    settlement = number[NEXT_SETTLEMENT]
    number[NEXT_SETTLEMENT] = settlement + 1
    hear_until(tape, setting, books, tape.settlements[settlement]["ns"])
    if not number[OUT]:
        settle(tape, setting, books, settlement)


def _finish(tape: Any, setting: Any, books: Any) -> None:
    """The tape has ended: nothing new is sent, and what is on its way still arrives."""
    number, last_ns = books.number, tape.span[1]
    while number[NEXT_SETTLEMENT] < len(tape.settlements) and not number[OUT]:
        _settle_next(tape, setting, books)
    if number[OUT]:
        return
    hear_until(tape, setting, books, last_ns)
    number[IS_OVER] = 1
    over_ns = last_ns + max(SECOND_NS, setting["last_wait_ns"])
    hear_until(tape, setting, books, over_ns)
    while number[DUE_NS] != NEVER_NS and not number[OUT]:
        over_ns = max(over_ns, number[DUE_NS])
        hear_until(tape, setting, books, over_ns)
    if over_ns >= number[NEXT_SECOND_NS]:
        new_day(books, over_ns)


def begin(tape: Any, setting: Any, books: Any, began_ns: int, closed_ns: int, coming: Any) -> None:  # noqa: PLR0917
    """Open the books of the tape before, which closed at `closed_ns`, on this one: what was made on an earlier day is not
    today's, and what can never settle (`coming` says which tickers have a result to come) is given back at cost."""
    number, first_ns = books.number, tape.span[0]
    cash, realised, fees, sent = number[CASH], number[REALISED], number[FEES], number[SENT]
    peak, deepest, held = number[CURVE_PEAK], number[DEEPEST], number[HELD]
    number[:] = 0
    if closed_ns // DAY_NS == first_ns // DAY_NS:
        number[REALISED], number[FEES] = realised, fees
    number[SENT], number[CURVE_PEAK], number[DEEPEST] = sent, peak, deepest
    number[CASH] = cash
    _carry(books, held, began_ns, coming)
    number[AT_EXCHANGE] = number[CASH]
    number[DAY], number[STEADY_NS] = first_ns // DAY_NS, first_ns
    number[PEAK] = max(number[CASH] + number[EXPOSURE], 0)
    number[NEXT_REVIEW], number[NEXT_SECOND_NS] = 1, first_ns // SECOND_NS * SECOND_NS + SECOND_NS
    number[DUE_NS] = NEVER_NS
    books.ordered_ns[:] = 0
    for market in range(len(tape.markets)):
        ticker = tape.markets[market]["ticker"]
        if books.position[ticker, IS_HELD] and books.position[ticker, CLOSE_NS] != tape.markets[market]["close_ns"]:
            number[OUT] = 1  # it was listed with another close
    evaluate(setting, books, first_ns)


def _carry(books: Any, held: int, began_ns: int, coming: Any) -> None:
    """What is held goes on, in its order."""
    number, kept = books.number, 0
    for place in range(held):
        ticker = books.held[place]
        position = books.position[ticker]
        if position[COUNT] and position[CLOSE_NS] <= began_ns and not coming[ticker]:
            number[CASH] += position[COST]
            position[COUNT] = 0
        if position[COUNT]:
            position[IS_HELD] = 2
            books.held[kept] = ticker
            kept += 1
    number[HELD] = kept
    for ticker in range(len(books.position)):
        position = books.position[ticker]
        books.working[ticker, :] = 0
        if position[IS_HELD] != 2:
            position[:] = 0
            continue
        position[IS_HELD] = position[IS_THERE] = 1
        position[THERE], position[IS_PAID_OUT] = position[COUNT], 0
        number[EXPOSURE] += position[COST]


def play_many(  # noqa: PLR0913, PLR0917  (columns in, columns out)
    tape: Any, settings: Any, beliefs: Any, carried: Any, books: Any, kept: Any, times: Any, coming: Any, which: Any
) -> int:
    """The settings of `which` over one tape, each from what `carried` has of it; what they did is appended to `kept`. Returns
    how many of them were played: fewer where `kept` has no room for the next."""
    numbers, positions, helds = carried
    orders, fills, settlements, counts = kept
    believed, gain, trust = beliefs
    used_orders = used_fills = used_settlements = 0
    for place in range(len(which)):
        trial = which[place]
        setting = settings[trial]
        books.number[:] = numbers[trial]
        books.position[:] = positions[trial]
        books.held[:] = helds[trial]
        begin(tape, setting, books, times[0], times[1], coming)
        play(tape, setting, books, believed, gain, trust)
        made, filled, settled = books.number[ORDERS], books.number[FILLS], books.number[SETTLEMENTS]
        if (
            used_orders + made > len(orders)
            or used_fills + filled > len(fills)
            or used_settlements + settled > len(settlements)
        ):
            return place
        orders[used_orders : used_orders + made] = books.orders[:made]
        fills[used_fills : used_fills + filled] = books.fills[:filled]
        settlements[used_settlements : used_settlements + settled] = books.settlements[:settled]
        used_orders, used_fills, used_settlements = used_orders + made, used_fills + filled, used_settlements + settled
        counts[place, 0], counts[place, 1], counts[place, 2] = made, filled, settled
        numbers[trial] = books.number
        positions[trial] = books.position
        helds[trial] = books.held
    return len(which)
