"""What may be sent: the limits against what is held and working; yes, or the reason why not."""

from collections import deque
from typing import NamedTuple

from markets.core.units import CONTRACT, SECOND_NS
from trading.core.breakers import Breakers
from trading.core.decision import Denied, PlaceOrder
from trading.core.events import Mode
from trading.core.limits import RiskLimits
from trading.core.orders import Orders
from trading.core.portfolio import Portfolio

MINUTE_NS = 60 * SECOND_NS
DAILY_LOSS = "DAILY_LOSS"
ONE_CONTRACT_AT_WORST = 1_000_000


class Budget(NamedTuple):
    """One limit and how much of it is in use, worst case of everything open and working included."""

    code: str
    limit: int
    use: int


class Risk:
    """The wall between what the strategy wants and what leaves the house. Limits are checked again here,
    whatever the sizing did before."""

    def __init__(self, portfolio: Portfolio, orders: Orders) -> None:
        self.portfolio = portfolio
        self.orders = orders
        self.limits = RiskLimits()
        self.breakers = Breakers(portfolio)
        self.wanted: Mode = "HALTED"
        self.halt = ""
        self._sent: deque[int] = deque()

    @property
    def mode(self) -> Mode:
        """The mode in force: what a person wants, unless the engine has halted itself."""
        return "HALTED" if self.halt else self.wanted

    def review(self) -> None:
        """Halt when the realised loss of the day leaves less than one contract of the daily limit;
        lift that halt when it no longer holds (a new UTC day, or a person raised the limit)."""
        left = self.limits.max_daily_loss - self.portfolio.loss_today
        self.halt = DAILY_LOSS if left < ONE_CONTRACT_AT_WORST else ""

    def budgets(self, ticker: str, close_ns: int) -> tuple[Budget, ...]:
        """Every money limit that an order in this market draws on."""
        limits, held, orders = self.limits, self.portfolio, self.orders
        working = orders.exposure()
        at_risk = held.exposure + working
        return (
            Budget("CASH", held.cash, working),
            Budget(
                "MARKET_EXPOSURE",
                self.market_cap,
                held.cost(ticker) + orders.exposure_in(ticker),
            ),
            Budget(
                "CLOSE_EXPOSURE",
                self._capped(limits.max_close_exposure, limits.max_close_share_bp),
                held.cost_at(close_ns) + orders.exposure_at(close_ns),
            ),
            Budget("TOTAL_EXPOSURE", self._capped(limits.max_total_exposure, limits.max_total_share_bp), at_risk),
            Budget(DAILY_LOSS, limits.max_daily_loss, max(held.loss_today, 0) + at_risk),
        )

    @property
    def market_cap(self) -> int:
        """The most that may be at risk in one market, whatever is held in it or elsewhere."""
        return self._capped(self.limits.max_market_exposure, self.limits.max_market_share_bp)

    def room(self, ticker: str, close_ns: int) -> Budget:
        """The tightest of the budgets: sizing never asks for more than what it leaves."""
        return min(self.budgets(ticker, close_ns), key=lambda budget: budget.limit - budget.use)

    def check(self, order: PlaceOrder, *, worst: int, opens: int, close_ns: int, now_ns: int) -> Denied | None:
        """None when the order may go. `worst` is the most it can lose, `opens` how many contracts
        it adds to the open position: an order that opens nothing only has to respect mode, size and rate."""
        broken = self._mode(opens) or self._flow(order, now_ns)
        if broken is None and opens:
            over = (each for each in self.budgets(order.ticker, close_ns) if each.use + worst > each.limit)
            broken = next((each._replace(use=each.use + worst) for each in over), None)
        if broken is None:
            return None
        return Denied(broken.code, order.ticker, order.is_bid, order.price, order.count, broken.limit, broken.use)

    def sent(self, now_ns: int) -> None:
        """Count an order against the rate limit."""
        self._sent.append(now_ns)

    def sent_last_minute(self, now_ns: int) -> int:
        """How many orders left in the last 60 seconds."""
        while self._sent and self._sent[0] <= now_ns - MINUTE_NS:
            self._sent.popleft()
        return len(self._sent)

    def _mode(self, opens: int) -> Budget | None:
        if self.mode == "HALTED":
            return Budget(self.halt or "HALTED", 0, opens)
        if self.mode == "REDUCING" and opens:
            return Budget("REDUCING_ONLY", 0, opens)
        return None

    def _flow(self, order: PlaceOrder, now_ns: int) -> Budget | None:
        if self.orders.is_working(order.ticker):
            return Budget("ORDER_WORKING", 1, 2)  # nobody can say yet what a second one would open or close
        if order.count > self.limits.max_order_count:
            return Budget("ORDER_COUNT", self.limits.max_order_count, order.count)
        sent = self.sent_last_minute(now_ns)
        if sent >= self.limits.max_orders_per_minute:
            return Budget("ORDER_RATE", self.limits.max_orders_per_minute, sent + 1)
        return None

    def _capped(self, money: int, share_bp: int) -> int:
        equity = self.portfolio.equity
        share = equity * share_bp // 10_000 if equity > 0 else 0
        return share if share < money else money


def opening_count(position: int, is_bid: bool, count: int) -> int:
    """How many of `count` contracts add to the open position; the others close what is held."""
    closes = (position < 0) == is_bid and position != 0
    return max(count - abs(position), 0) if closes else count


def whole_contracts(count: int) -> int:
    """Rounded down to whole contracts."""
    return count // CONTRACT * CONTRACT
