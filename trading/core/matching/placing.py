"""An order comes in: what the exchange refuses, what must be in the pocket, and how it ends up."""

from markets.core.units import PRICE_DOLLAR
from trading.core.fees import trade_fee, worst_fee
from trading.core.matching.floor import Floor
from trading.core.matching.ladder import Market, Order
from trading.core.matching.matches import Plan, execute, plan
from trading.core.matching.messages import Cause, NewOrder, Refusal
from trading.core.matching.pockets import Pocket

PAUSED = {"trading_paused": "trading_is_paused", "exchange_paused": "exchange_is_paused"}


def place(floor: Floor, new: NewOrder) -> Order:
    """Take an order, or refuse it; what it can trade with at once it does."""
    market = floor.market(new.ticker)
    check_trading(floor, market)
    pocket = _checked(floor, new, market)
    order = Order(new, market, pocket, floor.now_ns)
    count = order.remaining = (
        min(new.count, pocket.closing(new.ticker, new.is_bid)) if new.is_reduce_only else new.count
    )
    meets = plan(floor, order, count)
    check_funds(floor, order, meets)
    check_post_only(order, meets)
    use_id(floor, order)
    if new.time_in_force == "fill_or_kill" and meets.size < new.count:
        raise Refusal("fill_or_kill_insufficient_resting_volume")
    order.number = floor.next_number()
    floor.orders[order.number] = market.orders[order.number] = order
    capped: Cause = "ReduceOnlyCancel" if count < new.count else ""
    settle_in(floor, order, meets, capped)
    if order.status == "resting" and order.expires_ns:
        floor.due(order.expires_ns, order=order)
    return order


def settle_in(floor: Floor, order: Order, meets: Plan, stop: Cause = "", told: Cause = "") -> None:
    """Make the trades of an order that comes in; then it is done, cancelled for the rest, or rests."""
    execute(floor, order, meets.matches)
    group = floor.groups.get(order.new.group)
    stop = stop or meets.stop or ("GroupCancel" if group and group.is_triggered else "")
    if order.filled == order.initial:
        order.status = "executed"
        floor.tell_order(order, "Trade")
    elif stop or order.new.time_in_force != "good_till_canceled":
        floor.end(order, stop or "Cancel")
    else:
        floor.rest(order)
        floor.tell_order(order, "Trade" if meets.size else told)


def check_trading(floor: Floor, market: Market, *, is_reducing: bool = False) -> None:
    """Whether the market takes orders; with `is_reducing`, whether it takes cancels and decreases.
    Refuses exchange_is_paused, trading_is_paused, MARKET_INACTIVE."""
    halt = floor.halts.get(market.shard, "")
    if halt == "exchange_paused" or (halt and not is_reducing):
        raise Refusal(PAUSED[halt])
    states = ("open", "paused") if is_reducing else ("open",)
    if market.status not in states or floor.now_ns >= market.contract.close_ns:
        raise Refusal("MARKET_INACTIVE")


def check_price(market: Market, price: int, count: int) -> None:
    """Refuses invalid_order for a price off the grid and for no contracts."""
    if count <= 0:
        raise Refusal("invalid_order", "count must be above 0")
    if not market.contract.is_on_grid(price):
        raise Refusal("invalid_order", "price is not on the price grid")


def check_expiry(floor: Floor, expires_ns: int) -> None:
    """Refuses invalid_parameters for an expiry that is not in the future."""
    if expires_ns and expires_ns <= floor.now_ns:
        raise Refusal("invalid_parameters", "expiration_time is not in the future")


def check_post_only(order: Order, meets: Plan) -> None:
    """Refuses a post-only order that would trade."""
    if order.new.is_post_only and (meets.matches or meets.stop):
        raise Refusal("invalid_order", "post only cross")


def check_id(floor: Floor, account: int, client_id: str) -> None:
    """Refuses order_already_exists."""
    if client_id and client_id in floor.client_ids[account]:
        raise Refusal("order_already_exists")


def check_funds(floor: Floor, order: Order, meets: Plan, without: Order | None = None) -> None:
    """Refuses an order that the cash on its shard does not cover with its worst fee and all that rests already."""
    pocket, market = order.pocket, order.market
    shard, ticker = market.shard, market.contract.ticker
    need = pocket.need(ticker, order, _most_fees(order, meets), without)
    if pocket.covers(shard, ticker, need):
        return
    elsewhere = sum(pocket.free(other) for other in pocket.cash)
    has_it = need - pocket.need(ticker, without=without) <= elsewhere
    raise Refusal("insufficient_shard_balance" if has_it else "insufficient_balance")


def _most_fees(order: Order, meets: Plan) -> int:
    """The most that an incoming order can be charged, for what it takes and for what may then rest. What only closes
    pays out of what it brings."""
    pocket, rests = order.pocket, order.new.time_in_force == "good_till_canceled"
    terms = pocket.terms(order.market.contract.fees)
    left = order.remaining - meets.size if rests else 0
    fills = sum(1 for match in meets.matches if match.size)
    known = trade_fee(terms, order.own, meets.size) + fills * (terms.precision + terms.increment)
    if pocket.is_closing(order):
        brings = (PRICE_DOLLAR - order.own) * meets.size
        return max(known - brings, 0) + pocket.maker_fee(order, 0, left)
    taken = meets.size if rests else order.remaining
    worst = max(worst_fee(terms, order.own, taken), known) if taken else 0
    return worst + pocket.maker_fee(order, left, left)


def _checked(floor: Floor, new: NewOrder, market: Market) -> Pocket:
    """The pocket that pays, after all checks that need no book."""
    pocket = floor.pocket(new.account, new.subaccount)
    check_id(floor, new.account, new.client_id)
    check_price(market, new.price, new.count)
    _check_kind(new)
    check_expiry(floor, new.expires_ns)
    if market.shard not in pocket.cash:
        raise Refusal("user_not_found", "never funded on this shard")
    if new.group:
        group = floor.groups.get(new.group)
        owner = (new.account, new.subaccount, market.shard)
        if group is None or (group.account, group.subaccount, group.shard) != owner:
            raise Refusal("ORDER_GROUP_NOT_FOUND")
        if not group.left(floor.now_ns):
            raise Refusal("EXCEEDED_ORDER_GROUP_RISK_LIMIT")
    return pocket


def _check_kind(new: NewOrder) -> None:
    """What does not go together."""
    if new.is_reduce_only and new.time_in_force != "immediate_or_cancel":
        raise Refusal("invalid_order", "reduce_only needs immediate_or_cancel")
    if new.time_in_force != "good_till_canceled":
        if new.expires_ns:
            raise Refusal("invalid_parameters", "expiration_time needs good_till_canceled")
        if new.is_post_only:
            raise Refusal("invalid_parameters", "post_only needs good_till_canceled")


def use_id(floor: Floor, order: Order) -> None:
    """The client's id is taken, also by an order that is killed."""
    if order.client_id:
        account = order.pocket.account
        floor.client_ids[account][order.client_id] = order.market.contract.ticker
        order.market.client_ids.append((account, order.client_id))
