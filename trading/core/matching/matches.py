"""Who trades with whom: what an incoming order would meet, the trades it then makes, and the crowd as a taker."""

from typing import NamedTuple

from markets.core.units import PRICE_DOLLAR
from trading.core.matching.floor import Floor
from trading.core.matching.ladder import REMEMBERED_NS, Ladder, Market, Order, own_price
from trading.core.matching.messages import Cause, Traded


class Match(NamedTuple):
    """`size` with an order of ours (None: with the crowd) at a price of the other ladder; 0 cancels that order."""

    price: int
    order: Order | None
    size: int


class Plan(NamedTuple):
    """What an incoming order meets, in turn, how many contracts that is, and why it stops there if more would match."""

    matches: list[Match]
    size: int
    stop: Cause = ""


def plan(floor: Floor, order: Order, count: int) -> Plan:
    """What `count` of an incoming order would trade with now. Nothing changes yet."""
    ladder = order.market.ladder(not order.is_yes)
    wanted = left = min(count, floor.groups[order.new.group].left(floor.now_ns)) if order.new.group else count
    matches: list[Match] = []
    budgets: dict[int, int] = {}  # by group: what its resting orders may still match
    for price in ladder.prices(PRICE_DOLLAR - order.own):
        for maker, size in ladder.segments(price):
            if not left:
                return Plan(matches, wanted)
            traded = min(left, size)
            if maker is not None:
                if maker.pocket.account == order.pocket.account:
                    if order.new.self_trade == "taker_at_cross":
                        return Plan(matches, wanted - left, "SelfTradeCancel")
                    matches.append(Match(price, maker, 0))
                    continue
                traded = _within_group(floor, maker, traded, budgets)
            if traded:
                matches.append(Match(price, maker, traded))
                left -= traded
    return Plan(matches, wanted - left)


def _within_group(floor: Floor, maker: Order, count: int, budgets: dict[int, int]) -> int:
    number = maker.new.group
    if not number:
        return count
    budget = budgets.get(number)
    if budget is None:
        budget = floor.groups[number].left(floor.now_ns)
    count = min(count, budget)
    budgets[number] = budget - count
    return count


def execute(floor: Floor, order: Order, matches: list[Match]) -> None:
    """Make the trades of a plan."""
    market = order.market
    ladder = market.ladder(not order.is_yes)
    for match in matches:
        maker = match.order
        if not match.size:
            floor.remove(maker, "SelfTradeCancel")  # type: ignore[arg-type]  # only an order of ours is cancelled
            continue
        price = own_price(not order.is_yes, match.price)
        floor.trades += 1
        floor.happened.append(
            Traded(floor.now_ns, floor.trades, market.contract.ticker, price, match.size, order.is_yes)
        )
        floor.fill(order, price, match.size, is_taker=True)
        if maker is None:
            _consume(floor, market, ladder, match.price, match.size)
            floor.fill_crowd(market, not order.is_yes, price, match.size)
        else:
            floor.fill_maker(maker, price, match.size)
        floor.quote(market, ladder.is_yes, match.price, -match.size, order.number)
    if matches:
        order.pocket.reserve(market.contract.ticker, market.shard)
    floor.trigger_used_up()


def _consume(floor: Floor, market: Market, ladder: Ladder, price: int, count: int) -> None:
    """What is taken of the crowd stays taken for a while, whatever its source goes on displaying."""
    queue = ladder.queue(price)
    queue.consumed += count
    queue.consumed_until_ns = floor.now_ns + REMEMBERED_NS
    queue.eat(count)
    floor.due(queue.consumed_until_ns, back=(market, ladder.is_yes, price))


def come_back(floor: Floor, market: Market, is_yes: bool, price: int) -> None:
    """What was held against the display for a while counts again: not while an order of ours rests where it would
    trade with it, for then only what is new there may."""
    ladder = market.ladder(is_yes)
    queue = ladder.queues.get(price)
    if queue is None or not queue.is_due(floor.now_ns):
        return
    if market.ladder(not is_yes).best_order() + price >= PRICE_DOLLAR:
        queue.consumed_until_ns = queue.prints_until_ns = floor.now_ns + REMEMBERED_NS
        floor.due(queue.consumed_until_ns, back=(market, is_yes, price))
    before = ladder.crowd(price)
    queue.expire(floor.now_ns)
    floor.quote(market, is_yes, price, ladder.crowd(price) - before)
    ladder.drop_idle(price)


def uncross(floor: Floor, market: Market) -> None:
    """The crowd has come to display what crosses our resting orders: it trades with them first, at their price."""
    if not market.resting or not floor.trades_now(market):
        return
    for is_yes in (True, False):
        ours, theirs = market.ladder(is_yes), market.ladder(not is_yes)
        while best := ours.best_order():
            against = [price for price in theirs.prices(PRICE_DOLLAR - best) if theirs.crowd(price)]
            if not against or ours.crowd(best):  # where the crowd is before us, it is the source that is crossed
                break
            count = _hit(floor, market, ours.queues[best].orders, theirs.crowd(against[0]))
            if not count:
                break
            _consume(floor, market, theirs, against[0], count)
            floor.quote(market, theirs.is_yes, against[0], -count)
            floor.trigger_used_up()


def print_trade(floor: Floor, market: Market, is_yes: bool, price: int, count: int) -> int:
    """The crowd traded on a ladder: our better orders have the first of it, then the queue at that price moves on.
    Returns what our orders traded."""
    ladder = market.ladder(is_yes)
    left = count
    for better in sorted((at for at, queue in ladder.queues.items() if at > price and queue.orders), reverse=True):
        orders = ladder.queues[better].orders
        reached = sum(order.remaining for order in orders) if floor.fills_through else left
        left -= min(_hit(floor, market, orders, reached), left)
    queue = ladder.queues.get(price)
    if queue is None or not queue.orders or not left:
        eaten = 0
    else:
        eaten, left = _print(floor, market, queue.orders, left)
        before = ladder.crowd(price)
        queue.eat_printed(eaten, floor.now_ns + REMEMBERED_NS)
        floor.due(queue.prints_until_ns, back=(market, is_yes, price))
        floor.quote(market, is_yes, price, ladder.crowd(price) - before)
        ladder.drop_idle(price)
    floor.trigger_used_up()
    return count - left - eaten


def _print(floor: Floor, market: Market, orders: list[Order], left: int) -> tuple[int, int]:
    """A print reaches a queue: (what it took of the crowd between our orders, what is left of it after the last)."""
    eaten = 0
    for maker in list(orders):
        crowd = min(max(maker.ahead + maker.early - eaten, 0), left)
        eaten += crowd
        left -= crowd
        if not left:
            break
        left -= _hit(floor, market, [maker], left)
    return eaten, left


def _hit(floor: Floor, market: Market, orders: list[Order], count: int) -> int:
    """The crowd takes up to `count` of these orders, in turn; returns how much."""
    left = count
    for maker in list(orders):
        part = _within_group(floor, maker, min(left, maker.remaining), {})
        if part:
            left -= part
            _crowd_takes(floor, market, maker, part)
    return count - left


def _crowd_takes(floor: Floor, market: Market, maker: Order, count: int) -> None:
    price = maker.price
    floor.trades += 1
    floor.happened.append(Traded(floor.now_ns, floor.trades, market.contract.ticker, price, count, not maker.is_yes))
    floor.fill_crowd(market, not maker.is_yes, price, count)
    floor.quote(market, maker.is_yes, maker.own, -count)
    floor.fill_maker(maker, price, count)
