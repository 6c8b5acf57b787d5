"""One evaluation of the lane: what the edge taker would send, by the scalar functions that it is made of."""

from typing import Any

from backtests.lane.account import fees_of, matching, room, sent_lately
from backtests.lane.columns import ON_ASK_GRID, ON_BID_GRID
from backtests.lane.exchange import arrives_ns
from backtests.lane.state import (
    A_BUYS,
    A_COUNT,
    A_MARKET,
    A_ON_GRID,
    A_ORDER,
    A_PRICE,
    A_TURN,
    ARRIVALS,
    ARRIVES_NS,
    BUYS,
    CASH,
    CLOSE_NS,
    COUNT,
    DUE_NS,
    EXPOSURE,
    HALTED,
    HELD,
    IN_FLIGHT,
    IN_MARKET,
    LEFT,
    ORDER,
    ORDERS,
    OUT,
    PRICE,
    SENT,
    TURN,
)
from markets.core.units import CONTRACT, PRICE_DOLLAR
from trading.core.arithmetic import (
    WANTED,
    added,
    affordable,
    all_in,
    closing_count,
    is_worth_selling,
    rounded,
    share_cap,
    share_of,
    sized,
)
from trading.core.confidence import book_quality, confidence, feed_quality, probability_error
from trading.core.fees import fee_per_contract, fill_fee, worst_fee
from trading.core.sizing import contracts_for, kelly_fraction, shrunk


def decide(tape: Any, setting: Any, books: Any, row: int, believed: float) -> None:
    """Send what the edge taker would send on one evaluation, if anything. All that is due by then has been heard."""
    number, market, now_ns = books.number, int(tape.rows[row]["market"]), tape.time[row]
    if number[HALTED] or now_ns < tape.markets[market]["open_ns"] + setting["quiet_open_ns"]:
        return
    if now_ns >= tape.markets[market]["close_ns"] - setting["quiet_close_ns"]:
        return
    ticker = tape.markets[market]["ticker"]
    if books.working[ticker, ORDER] or now_ns < books.ordered_ns[market] + setting["order_interval_ns"]:
        return
    position = books.position[ticker, COUNT]
    if position:
        sale = _sale(tape, setting, position, row, believed)
        if sale:
            _send(tape, setting, books, row, position < 0, sale)
            return
    bid, ask = int(tape.rows[row]["bid"]), int(tape.rows[row]["ask"])
    if setting["is_pooled"] and not 0 < bid < ask < PRICE_DOLLAR:
        return
    yes_counted, yes_net, yes_cost, yes_share = _offer(tape, setting, row, True, believed)
    no_counted, no_net, no_cost, no_share = _offer(tape, setting, row, False, 1.0 - believed)
    is_yes = yes_cost > 0.0 and not (no_cost > 0.0 and no_counted > yes_counted)
    if is_yes:
        _buy(tape, setting, books, row, True, believed, yes_counted, yes_net, yes_cost, yes_share)
    elif no_cost > 0.0:
        _buy(tape, setting, books, row, False, 1.0 - believed, no_counted, no_net, no_cost, no_share)


def _offer(tape: Any, setting: Any, row: int, is_yes: bool, p: float) -> tuple[float, float, float, int]:
    """(edge that the gate looks at, edge after all costs, what a contract costs, how many one order may ask for); a cost of 0
    where nobody offers that side."""
    price = int(tape.rows[row]["ask"]) if is_yes else int(tape.rows[row]["bid"])
    if price == 0 or price == PRICE_DOLLAR:
        return 0.0, 0.0, 0.0, 0
    own = price if is_yes else PRICE_DOLLAR - price
    displayed = int(tape.rows[row]["ask_count"]) if is_yes else int(tape.rows[row]["bid_count"])
    share = share_of(displayed, setting["depth_share"], setting["max_order_count"], setting["unit"])
    count = share if share else CONTRACT
    if displayed >= count:
        paid, fee = (
            own / PRICE_DOLLAR,
            fee_per_contract(fees_of(tape.markets[int(tape.rows[row]["market"])]), own, count),
        )
    else:
        thin = _thin(tape, row, is_yes)
        if thin < 0 or not tape.thins[thin]["size"]:
            return 0.0, 0.0, 0.0, 0
        paid, fee = tape.thins[thin]["price"], tape.thins[thin]["fee"]
    spent = all_in(paid, fee, setting["slippage"])
    net = p - spent
    return (p - paid if setting["is_gross"] else net), net, spent, share


def _thin(tape: Any, row: int, is_yes: bool) -> int:
    """Where it says what one contract costs by walking the book of a row; -1: nowhere."""
    low, high = 0, len(tape.thins)
    while low < high:
        middle = (low + high) // 2
        if tape.thins[middle]["row"] < row:
            low = middle + 1
        else:
            high = middle
    while low < len(tape.thins) and tape.thins[low]["row"] == row:
        if (tape.thins[low]["yes"] != 0) == is_yes:
            return low
        low += 1
    return -1


def _sale(tape: Any, setting: Any, position: int, row: int, believed: float) -> int:
    """How many contracts to sell of what is held, at the best price; 0 where holding them is worth as much."""
    is_bid = position < 0
    price = int(tape.rows[row]["ask"]) if is_bid else int(tape.rows[row]["bid"])
    own = PRICE_DOLLAR - price if is_bid else price
    worth = 1.0 - believed if is_bid else believed
    if not is_worth_selling(own / PRICE_DOLLAR, worth, setting["exit_margin"]):
        return 0
    displayed = int(tape.rows[row]["ask_count"]) if is_bid else int(tape.rows[row]["bid_count"])
    share = share_of(displayed, setting["depth_share"], setting["max_order_count"], setting["unit"])
    count = min(share, rounded(abs(position), setting["unit"]))
    if not count:
        return 0
    fee = fill_fee(fees_of(tape.markets[int(tape.rows[row]["market"])]), own, count, True, own * count, 0)[0]
    brings = (own * count - fee) / (count * PRICE_DOLLAR)
    return count if is_worth_selling(brings, worth, setting["exit_margin"]) else 0


def _buy(  # noqa: PLR0913, PLR0917  (numbers in, numbers out)
    tape: Any,
    setting: Any,
    books: Any,
    row: int,
    is_yes: bool,
    p: float,
    counted: float,
    net: float,
    cost: float,
    share: int,
) -> None:
    """Edge, size, confidence and limits, in turn (section 9.4)."""
    if counted <= 0.0 or counted < setting["edge_threshold"]:
        return
    market, state = int(tape.rows[row]["market"]), tape.states[int(tape.rows[row]["state"])]
    own = int(tape.rows[row]["ask"]) if is_yes else PRICE_DOLLAR - int(tape.rows[row]["bid"])
    displayed = int(tape.rows[row]["ask_count"]) if is_yes else int(tape.rows[row]["bid_count"])
    error = probability_error(state["z"], state["sigma_error"], state["level_error"], setting["calibration_error"])
    worth = _kelly(
        tape, setting, books, market, shrunk(p, own / PRICE_DOLLAR, error, setting["probability_margin"]), cost
    )
    held = books.position[tape.markets[market]["ticker"], COUNT]
    volume = state["volume"]
    equity = books.number[CASH] + books.number[EXPOSURE]
    found, wanted, _ = sized(
        worth,
        held if is_yes else -held,
        own,
        min(setting["max_market_exposure"], share_cap(equity, setting["max_market_share_bp"])),
        setting["max_order_count"],
        setting["top_up_share"],
        setting["unit"],
        -1 if volume < 0 or setting["volume_share"] >= 1.0 else int(volume * setting["volume_share"]),
    )
    if found != WANTED:
        return
    age_ns = tape.time[row] - state["source_ns"]
    q_feed = feed_quality(state["fresh"], state["needed"], age_ns)
    trust = confidence(net, error, q_feed, state["index_quality"], book_quality(displayed, max(wanted, CONTRACT)))
    if trust < setting["min_confidence"]:
        return
    terms = fees_of(tape.markets[market])
    a_contract = own * CONTRACT + worst_fee(terms, own, CONTRACT)
    left = room(tape, setting, books, tape.markets[market]["ticker"], tape.markets[market]["close_ns"])
    most = affordable(left, a_contract, setting["unit"])
    if most <= 0:
        return
    count = min(share, wanted, most)
    if not count:
        return
    if count != share:
        paid = own / PRICE_DOLLAR
        spent = all_in(paid, fee_per_contract(terms, own, count), setting["slippage"])
        counted = p - (paid if setting["is_gross"] else spent)
    if counted >= setting["edge_threshold"]:
        _send(tape, setting, books, row, is_yes, count)


def _kelly(tape: Any, setting: Any, books: Any, market: int, p: float, cost: float) -> int:  # noqa: PLR0917
    """How many contracts the fraction of Kelly asks for; what closes together with others that are held is the engine's."""
    number = books.number
    equity = number[CASH] + number[EXPOSURE]
    if setting["joint_kelly"] and setting["kelly_fraction"] and equity > 0 and _is_beside(tape, books, market):
        number[OUT] = 1
        return 0
    return contracts_for(setting["kelly_fraction"] * kelly_fraction(p, cost), cost, equity, setting["unit"])


def _is_beside(tape: Any, books: Any, market: int) -> bool:
    """Whether something is held, or under way, in another market with this close."""
    number, close_ns, ticker = books.number, tape.markets[market]["close_ns"], tape.markets[market]["ticker"]
    for place in range(number[HELD]):
        other = books.held[place]
        if other != ticker and books.position[other, CLOSE_NS] == close_ns and books.position[other, COUNT]:
            return True
    for place in range(number[IN_FLIGHT]):
        other = books.in_flight[place]
        if other != ticker and books.position[other, CLOSE_NS] == close_ns:
            return True
    return False


def _send(tape: Any, setting: Any, books: Any, row: int, is_bid: bool, count: int) -> None:  # noqa: PLR0917
    """The order leaves, unless risk has something against it."""
    number, market, now_ns = books.number, int(tape.rows[row]["market"]), tape.time[row]
    ticker, price = tape.markets[market]["ticker"], int(tape.rows[row]["ask"]) if is_bid else int(tape.rows[row]["bid"])
    if number[ORDERS] == len(books.orders) or number[ARRIVALS] == len(books.arrivals):
        number[OUT] = 1
    if number[OUT] or not _may_go(tape, setting, books, row, is_bid, count):
        return
    number[SENT] += 1
    number[TURN] += 1
    sent = books.orders[number[ORDERS]]
    sent[0], sent[1], sent[2], sent[3], sent[4], sent[5] = now_ns, number[SENT], ticker, is_bid, price, count
    number[ORDERS] += 1
    books.ordered_ns[market] = now_ns
    books.position[ticker, CLOSE_NS] = tape.markets[market]["close_ns"]
    working = books.working[ticker]
    working[ORDER], working[BUYS], working[PRICE], working[LEFT] = number[SENT], is_bid, price, count
    working[IN_MARKET] = market
    books.in_flight[number[IN_FLIGHT]] = ticker
    number[IN_FLIGHT] += 1
    arrival = books.arrivals[number[ARRIVALS]]
    number[ARRIVALS] += 1
    arrival[ARRIVES_NS], arrival[A_TURN] = arrives_ns(setting, number[SENT], now_ns), number[TURN]
    arrival[A_ORDER], arrival[A_MARKET], arrival[A_BUYS] = number[SENT], market, is_bid
    arrival[A_PRICE], arrival[A_COUNT] = price, count
    arrival[A_ON_GRID] = int(tape.rows[row]["grid"]) & (ON_ASK_GRID if is_bid else ON_BID_GRID)
    number[DUE_NS] = min(number[DUE_NS], arrival[ARRIVES_NS])
    if arrival[ARRIVES_NS] <= now_ns:
        number[OUT] = 1  # it meets the book of this very moment


def _may_go(tape: Any, setting: Any, books: Any, row: int, is_bid: bool, count: int) -> bool:  # noqa: PLR0917
    """Whether the limits let the finished order pass: its size, the rates, and all budgets where it opens something."""
    market, now_ns = int(tape.rows[row]["market"]), tape.time[row]
    if count > setting["max_order_count"] or sent_lately(books, now_ns) >= setting["max_orders_per_minute"]:
        return False
    if matching(books, now_ns) + count > setting["max_contracts_per_15s"]:
        return False
    ticker = tape.markets[market]["ticker"]
    own = int(tape.rows[row]["ask"]) if is_bid else PRICE_DOLLAR - int(tape.rows[row]["bid"])
    fee = worst_fee(fees_of(tape.markets[market]), own, count)
    worst, opens = added(own, count, fee, closing_count(books.position[ticker, COUNT], is_bid))
    return not opens or worst <= room(tape, setting, books, ticker, tape.markets[market]["close_ns"])
