"""Calls that read an account: orders, fills, positions, settlements, places in the queue. What they read lags a little."""

from collections.abc import Callable

from markets.core.units import count_text
from trading.core.matching.messages import OrderState, Refusal
from trading.simulator.exchange.doors import Answer, Ask, Door
from trading.simulator.exchange.doors_pages import page
from trading.simulator.exchange.errors import invalid, missing, not_found
from trading.simulator.exchange.house_rows import FillRow, PositionRow, SettlementRow
from trading.simulator.exchange.routes_markets import within
from trading.simulator.exchange.shapes_portfolio import (
    event_position_shape,
    fill_shape,
    order_shape,
    position_shape,
    settlement_shape,
)

ORDER_STATUS = ("resting", "canceled", "executed")
SETTLEMENT_STATUS = ("unsettled", "settled", "all")
COUNT_FILTERS = ("position", "total_traded")
MOST_SHARDS = 2**31 - 1
MOST_TRANSFERS = 500


def event_of(ask: Ask, ticker: str) -> str:
    """The event of a market."""
    market = ask.house.markets.get(ticker)
    return market.event_ticker if market else ticker.rpartition("-")[0]


def orders(ask: Ask) -> Answer:
    """Orders that are not history, the newest first; those that rest are never history."""
    status = ask.query.choice("status", ORDER_STATUS)
    cutoff_ns = ask.cutoff_ns

    def wanted(state: OrderState) -> bool:
        return status in {"", state.status} and (state.status == "resting" or state.updated_ns >= cutoff_ns)

    return order_page(ask, wanted)


def order_page(ask: Ask, wanted: Callable[[OrderState], bool]) -> Answer:
    """A page of the orders that are wanted and that the filters let through."""
    query = ask.query
    ticker, events = query.text("ticker"), set(query.words("event_ticker"))
    least_s, most_s = query.number("min_ts"), query.number("max_ts")
    pocket, shard = ask.asked_subaccount(None), query.number("exchange_index", 0, MOST_SHARDS)
    newest_first = sorted(ask.house.reads.orders(ask.row.account), key=_number, reverse=True)
    rows = (
        state
        for state in newest_first
        if wanted(state)
        and ticker in {"", state.order.ticker}
        and (not events or event_of(ask, state.order.ticker) in events)
        and within(state.created_ns, least_s, most_s)
        and pocket in {None, state.order.subaccount}
        and shard in {None, state.shard}
    )
    found, cursor = page(query, rows, lambda state: (state.number,), ask.whose)
    shapes = [order_shape(ask.house.ids, ask.account, state) for state in found]
    return Answer({"orders": shapes, "cursor": cursor})


def own_order(ask: Ask, order_id: str) -> OrderState:
    """An order of who asks, as it is read. Raises ApiError (404)."""
    number = ask.house.ids.number("order", order_id)
    state = None if number is None else ask.house.reads.order(number)
    if state is None or state.order.account != ask.row.account:
        raise not_found("order")
    if ask.row.subaccount not in {None, state.order.subaccount}:
        raise not_found("order")
    return state


def order(ask: Ask) -> Answer:
    """One order."""
    state = own_order(ask, ask.parts["order_id"])
    return Answer({"order": order_shape(ask.house.ids, ask.account, state)})


def queue_position(ask: Ask) -> Answer:
    """How many contracts trade before this order."""
    state = own_order(ask, ask.parts["order_id"])
    ahead = _ahead(ask, state)
    if ahead is None:
        raise not_found("order")
    return Answer({"queue_position_fp": count_text(ahead)})


def queue_positions(ask: Ask) -> Answer:
    """The same for all resting orders of some markets, or of an event."""
    tickers, event = set(ask.query.words("market_tickers")), ask.query.text("event_ticker")
    pocket = ask.asked_subaccount()
    if not tickers and not event:
        raise missing("market_tickers or event_ticker")
    found = []
    for state in ask.house.reads.orders(ask.row.account):
        ticker = state.order.ticker
        is_asked = ticker in tickers or (bool(event) and event_of(ask, ticker) == event)
        if state.status != "resting" or state.order.subaccount != pocket or not is_asked:
            continue
        ahead = _ahead(ask, state)
        if ahead is not None:
            order_id = ask.house.ids.text("order", state.number)
            found.append({"order_id": order_id, "market_ticker": ticker, "queue_position_fp": count_text(ahead)})
    return Answer({"queue_positions": found})


def _ahead(ask: Ask, state: OrderState) -> int | None:
    """None when it is gone, though it may still be read as resting."""
    matching = ask.house.matching
    try:
        return matching.queue_ahead(state.number) if matching.order(state.number).status == "resting" else None
    except Refusal:
        return None


def fills(ask: Ask) -> Answer:
    """Fills that are not history, the newest first."""
    return fill_page(ask, lambda row: row.at_ns >= ask.cutoff_ns)


def fill_page(ask: Ask, wanted: Callable[[FillRow], bool]) -> Answer:
    """A page of the fills that are wanted and that the filters let through."""
    query, ids = ask.query, ask.house.ids
    tickers, order_id = set(query.words("ticker")), query.text("order_id")
    least_s, most_s = query.number("min_ts"), query.number("max_ts")
    pocket, shard = ask.asked_subaccount(None), query.number("exchange_index", 0, MOST_SHARDS)
    number = ids.number("order", order_id) if order_id else None
    rows = (
        row
        for row in ask.house.reads.fills(ask.row.account)
        if wanted(row)
        and (not tickers or row.ticker in tickers)
        and (not order_id or row.order == number)
        and within(row.at_ns, least_s, most_s)
        and pocket in {None, row.subaccount}
        and shard in {None, row.shard}
    )
    found, cursor = page(query, rows, _fill_key, ask.whose)
    return Answer({"fills": [fill_shape(ids, row) for row in found], "cursor": cursor})


def positions(ask: Ask) -> Answer:
    """What is held; settled ones only when they are asked for."""
    status = ask.query.choice("settlement_status", SETTLEMENT_STATUS) or "unsettled"
    counts = ask.query.words("count_filter")
    shard = ask.query.number("exchange_index", 0, MOST_SHARDS)
    if set(counts) - set(COUNT_FILTERS):
        raise invalid(f"count_filter is of {', '.join(COUNT_FILTERS)}")

    def wanted(row: PositionRow) -> bool:
        in_status = status == "all" or (status == "settled") == bool(row.settled_ns)
        is_history = 0 < row.settled_ns < ask.cutoff_ns
        is_counted = not counts or ("position" in counts and row.count) or ("total_traded" in counts and row.traded)
        return in_status and not is_history and bool(is_counted) and shard in {None, row.shard}

    return position_page(ask, wanted)


def position_page(ask: Ask, wanted: Callable[[PositionRow], bool]) -> Answer:
    """A page of the positions that are wanted and that the filters let through, with their events."""
    query = ask.query
    ticker, event, pocket = query.text("ticker"), query.text("event_ticker"), ask.asked_subaccount()
    rows = [
        row
        for row in ask.house.reads.positions(ask.row.account)
        if wanted(row)
        and ticker in {"", row.ticker}
        and (not event or event_of(ask, row.ticker) == event)
        and row.subaccount == pocket
    ]
    rows.sort(key=lambda row: row.ticker, reverse=True)
    found, cursor = page(query, rows, lambda row: (row.ticker,), ask.whose)
    by_event: dict[str, list[PositionRow]] = {}
    for row in found:
        by_event.setdefault(event_of(ask, row.ticker), []).append(row)
    return Answer(
        {
            "market_positions": [position_shape(row) for row in found],
            "event_positions": [event_position_shape(name, rows) for name, rows in by_event.items()],
            "cursor": cursor,
        }
    )


def settlements(ask: Ask) -> Answer:
    """What was paid out, the newest first."""
    query = ask.query
    ticker, event, pocket = query.text("ticker"), query.text("event_ticker"), ask.asked_subaccount(None)
    least_s, most_s = query.number("min_ts"), query.number("max_ts")
    rows = (
        row
        for row in ask.house.reads.settlements(ask.row.account)
        if row.at_ns >= ask.cutoff_ns
        and ticker in {"", row.ticker}
        and (not event or event_of(ask, row.ticker) == event)
        and within(row.at_ns, least_s, most_s)
        and pocket in {None, row.subaccount}
    )
    found, cursor = page(query, rows, _settlement_key, ask.whose)
    shapes = [settlement_shape(row, ask.house.markets.get(row.ticker)) for row in found]
    return Answer({"settlements": shapes, "cursor": cursor})


def deposits(ask: Ask) -> Answer:
    """None: an account's money is given to it when it is opened."""
    page(ask.query, (), lambda _: (), ask.whose, most=MOST_TRANSFERS)
    return Answer({"deposits": [], "cursor": ""})


def withdrawals(ask: Ask) -> Answer:
    """None."""
    page(ask.query, (), lambda _: (), ask.whose, most=MOST_TRANSFERS)
    return Answer({"withdrawals": [], "cursor": ""})


def _number(state: OrderState) -> int:
    return state.number


def _fill_key(row: FillRow) -> tuple[int, str, int]:
    return row.at_ns, row.trade_id, row.order


def _settlement_key(row: SettlementRow) -> tuple[int, str, int]:
    return row.at_ns, row.ticker, row.subaccount


DOORS = (
    Door("GET", "/portfolio/orders", orders, "read"),
    Door("GET", "/portfolio/orders/queue_positions", queue_positions, "read"),
    Door("GET", "/portfolio/orders/{order_id}", order, "read", 2),
    Door("GET", "/portfolio/orders/{order_id}/queue_position", queue_position, "read"),
    Door("GET", "/portfolio/fills", fills, "read"),
    Door("GET", "/portfolio/positions", positions, "read"),
    Door("GET", "/portfolio/settlements", settlements, "read"),
    Door("GET", "/portfolio/deposits", deposits, "read"),
    Door("GET", "/portfolio/withdrawals", withdrawals, "read"),
)
