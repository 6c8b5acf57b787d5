"""History: what the exchange itself says happened to one member, and what was at risk at each moment of it.

Nothing here uses how the trader counts: profit, cost, fees and worst cases are added up anew from the exchange's own news.
"""

from collections import deque

import msgspec

from markets.core.units import DOLLAR, PRICE_DOLLAR, SECOND_NS
from trading.core.limits import RiskLimits
from trading.core.matching.messages import Filled, GroupChanged, OrderChanged, OrderState, PaidOut
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_news import News

MINUTE_NS, QUARTER_MINUTE_NS = 60 * SECOND_NS, 15 * SECOND_NS


class Bought(msgspec.Struct, frozen=True):
    """One fill, as the exchange told it."""

    at_ns: int
    trade: int
    order: int
    ticker: str
    is_bid: bool
    price: int
    count: int
    fee: int


class Lot:
    """What is held in one market, by side, and what it cost; profit of what was closed."""

    def __init__(self, close_ns: int) -> None:
        self.close_ns = close_ns
        self.count = self.cost = self.profit = self.fees = 0

    def fill(self, is_bid: bool, price: int, count: int, fee: int) -> None:
        """Book one fill at its YES price."""
        self.fees += fee
        sign = 1 if is_bid else -1
        closed = min(count, abs(self.count)) if self.count * sign < 0 else 0
        if closed:
            share = self.cost * closed // abs(self.count)
            brings = (PRICE_DOLLAR - price if is_bid else price) * closed
            self.cost -= share
            self.profit += brings - share
        self.cost += (price if is_bid else PRICE_DOLLAR - price) * (count - closed)
        self.count += sign * count


class History:
    """Listens to a house about the account `number`. `problems` are told to `complain` as they happen."""

    def __init__(self, house: House, number: int, limits: RiskLimits, cash: int) -> None:
        self.house, self.number, self.limits = house, number, limits
        self.opening_cash = self.cash = cash
        self.orders: dict[int, OrderState] = {}
        self.first: dict[int, OrderState] = {}
        self.client_ids: dict[str, list[int]] = {}
        self.fills: list[Bought] = []
        self.payouts: dict[str, PaidOut] = {}
        self.lots: dict[str, Lot] = {}
        self.problems: list[str] = []
        self.most: dict[str, int] = {}  # the highest use of each limit that was ever reached
        self.made_ns: deque[int] = deque()
        self.matched: deque[tuple[int, int]] = deque()
        house.listen(self.hear)

    def hear(self, news: News) -> None:
        """One thing happened."""
        if isinstance(news, OrderChanged) and news.state.order.account == self.number:
            self._order(news)
        elif isinstance(news, Filled) and news.account == self.number:
            self._fill(news)
        elif isinstance(news, PaidOut) and news.account == self.number:
            self._paid(news)
        elif isinstance(news, GroupChanged) and news.account == self.number and news.what == "reset":
            self.matched.clear()  # a person wants it to trade again: the brake counts from zero

    @property
    def resting(self) -> list[OrderState]:
        """The orders that are in the book now."""
        return [state for state in self.orders.values() if state.status == "resting"]

    def _order(self, news: OrderChanged) -> None:
        state = news.state
        is_new = state.number not in self.orders
        before = self.orders.get(state.number)
        self.orders[state.number] = state
        if is_new:
            self.first[state.number] = state
            self.client_ids.setdefault(state.order.client_id, []).append(state.number)
            if len(self.client_ids[state.order.client_id]) > 1:
                self.problems.append(f"two orders with the id {state.order.client_id}")
            if state.initial > self.limits.max_order_count:
                self.problems.append(
                    f"order {state.number} is for {state.initial}, allowed are {self.limits.max_order_count}"
                )
        elif before is not None and state.initial > before.initial and state.initial > self.limits.max_order_count:
            self.problems.append(f"order {state.number} was amended to {state.initial}")
        self._check_time(news.at_ns, state)
        grows = is_new or (before is not None and (state.price, state.initial) != (before.price, before.initial))
        if grows:
            self._check_limits(f"order {state.number} {state.cause or 'placed'}")

    def _check_time(self, at_ns: int, state: OrderState) -> None:
        market = self.house.markets.get(state.order.ticker)
        if market is None or state.status != "resting":
            return
        if at_ns >= market.close_ns:
            self.problems.append(f"order {state.number} rests after the close")
        if not state.expires_ns:
            self.problems.append(f"order {state.number} rests without an expiry")
        elif state.expires_ns >= market.close_ns:
            self.problems.append(f"order {state.number} expires at the close or after it")

    def _fill(self, news: Filled) -> None:
        self.fills.append(
            Bought(news.at_ns, news.trade, news.order, news.ticker, news.is_bid, news.price, news.count, news.fee)
        )
        lot = self._lot(news.ticker)
        before = lot.cost, lot.profit
        lot.fill(news.is_bid, news.price, news.count, news.fee)
        self.cash += lot.profit - before[1] - (lot.cost - before[0]) - news.fee
        state = self.first.get(news.order)
        if state is not None and state.expires_ns and news.at_ns > self.orders[news.order].expires_ns + SECOND_NS:
            self.problems.append(f"order {news.order} traded after its expiry")
        market = self.house.markets.get(news.ticker)
        if market is not None and news.at_ns >= market.close_ns:
            self.problems.append(f"order {news.order} traded after the close")
        if lot.count != news.position_after:
            self.problems.append(f"the history holds {lot.count} of {news.ticker}, the exchange {news.position_after}")
        self._check_matched(news)

    def _check_matched(self, news: Filled) -> None:
        self.matched.append((news.at_ns, news.count))
        while self.matched[0][0] <= news.at_ns - QUARTER_MINUTE_NS:
            self.matched.popleft()
        use = sum(count for _, count in self.matched)
        allowed = self.limits.max_contracts_per_15s + self.limits.max_order_count  # the fill that reaches it is whole
        self._used("contracts in 15 s", use, allowed, f"fill of order {news.order}")

    def _paid(self, news: PaidOut) -> None:
        self.payouts[news.ticker] = news
        lot = self._lot(news.ticker)
        if news.count != lot.count:
            self.problems.append(f"{news.ticker} was paid for {news.count}, the history holds {lot.count}")
        lot.profit += news.payout - lot.cost
        lot.count = lot.cost = 0
        self.cash += news.payout

    def _lot(self, ticker: str) -> Lot:
        lot = self.lots.get(ticker)
        if lot is None:
            market = self.house.markets.get(ticker)
            lot = self.lots[ticker] = Lot(market.close_ns if market else 0)
        return lot

    # Worst cases ---------------------------------------------------------------------------------------------

    def _check_limits(self, what: str) -> None:
        """A new or changed order: everything at risk now, against what was allowed."""
        limits = self.limits
        market: dict[str, int] = {ticker: lot.cost for ticker, lot in self.lots.items()}
        for ticker in {state.order.ticker for state in self.resting}:
            market[ticker] = market.get(ticker, 0) + self._resting_worst(ticker)
        close: dict[int, int] = {}
        for ticker, worst in market.items():
            listed = self.house.markets.get(ticker)
            close_ns = listed.close_ns if listed else 0
            close[close_ns] = close.get(close_ns, 0) + worst
        total = sum(market.values())
        lost = max(0, -sum(lot.profit - lot.fees for lot in self.lots.values()))
        self._used("market exposure", max(market.values(), default=0), limits.max_market_exposure, what)
        self._used("close exposure", max(close.values(), default=0), limits.max_close_exposure, what)
        self._used("total exposure", total, limits.max_total_exposure, what)
        self._used("daily loss", lost + total, limits.max_daily_loss, what)

    def _resting_worst(self, ticker: str) -> int:
        """The most that the resting orders of a market can add to what may be lost: each side for itself, what closes a
        position first and for nothing, the dearest of the rest first; of two sides that are both open the dearer, for
        together they cost no more than a dollar a pair - which is a sure thing, not a risk."""
        held = self.lots[ticker].count if ticker in self.lots else 0
        sides = {True: 0, False: 0}
        for is_bid in (True, False):
            closing = max(0, -held) if is_bid else max(0, held)
            mine = [one for one in self.resting if one.order.ticker == ticker and one.order.is_bid == is_bid]
            for state in sorted(mine, key=lambda one: one.price, reverse=is_bid):
                opening = max(0, state.remaining - closing)
                closing -= state.remaining - opening
                sides[is_bid] += (state.price if is_bid else PRICE_DOLLAR - state.price) * opening
        return max(sides.values())

    def _used(self, name: str, use: int, limit: int, what: str) -> None:
        if use > self.most.get(name, -1):
            self.most[name] = use
            if use > limit:
                self.problems.append(f"{name}: {use / DOLLAR:.4f} of {limit / DOLLAR:.4f} allowed, by {what}")


def rate_problem(sent_ns: list[int], most: int, slack_ns: int) -> str:
    """Whether more than `most` first attempts fall into a minute, less `slack_ns` (what may lie between decision and
    attempt)."""
    window = MINUTE_NS - slack_ns
    ordered = sorted(sent_ns)
    for first, at_ns in enumerate(ordered):
        within = sum(1 for other in ordered[first:] if other < at_ns + window)
        if within > most:
            return f"{within} orders within a minute, allowed are {most}"
    return ""
