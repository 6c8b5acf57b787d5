"""What may be sent: the limits against what is held and working; yes, or the reason why not."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from markets.core.units import CONTRACT, SECOND_NS
from trading.core.breakers import RULES, Breakers
from trading.core.decision import AmendOrder, Denied, PlaceOrder
from trading.core.events import Mode, Opening, Policy
from trading.core.limits import RiskLimits
from trading.core.meters import Fullest, Meter, Reading, breaker_meters, fullest, limit_meters
from trading.core.orders import Orders
from trading.core.portfolio import Portfolio

MINUTE_NS = 60 * SECOND_NS
MAX_AGE_NS = 2 * SECOND_NS
DAILY_LOSS = "DAILY_LOSS"
UNLIMITED = 10**18  # never reached: every budget has a field of RiskLimits


class Budget(NamedTuple):
    """One limit and how much of it is in use, worst case of everything open and working included."""

    code: str
    limit: int
    use: int


Wanted = PlaceOrder | AmendOrder
NOTHING_GOES = ("JOURNAL", "KILL_FILE")  # breakers under which not even what closes a position may be sent


class Risk:
    """The wall between what the strategy wants and what leaves the house. Limits are checked again here,
    whatever the sizing did before. It is reviewed each second and when money moves: every limit with its use is
    measured then, and what was not measured lately lets nothing pass."""

    def __init__(self, portfolio: Portfolio, orders: Orders) -> None:
        self.portfolio = portfolio
        self.orders = orders
        self.breakers = Breakers(portfolio)
        self.wanted: Mode = "HALTED"
        self.policy: Policy = "cancel"
        self._sent: deque[int] = deque()
        self._readings: dict[str, Reading] = {}
        self._measured_ns = 0  # when the limit was measured that was not measured for longest
        self._capped: tuple[RiskLimits, int, dict[str, int]] | None = None

    @property
    def limits(self) -> RiskLimits:
        """The limits in force."""
        return self.breakers.limits

    @limits.setter
    def limits(self, limits: RiskLimits) -> None:
        self.breakers.limits = limits

    @property
    def halt(self) -> str:
        """The code of the breaker that stops trading; "" when none does."""
        return self.breakers.halt

    @property
    def mode(self) -> Mode:
        """The mode in force: what a person wants, unless the engine has halted itself."""
        return "HALTED" if self.breakers.halt else self.wanted

    @property
    def flattens(self) -> bool:
        """Whether what is held may be closed in spite of the halt: a person has halted, and wants it so. No breaker ever
        does that by itself; and where it could not be written down, or the kill file lies, nothing is sent at all."""
        if self.wanted != "HALTED" or self.policy != "flatten":
            return False
        return not any(self.breakers.state(code).is_tripped for code in NOTHING_GOES)

    def opened(self, opening: Opening) -> None:
        """A session begins, and the portfolio has what it carries over."""
        self._sent = deque(opening.sent_ns)
        self.breakers.opened(opening)
        self.review(opening.received_ns)

    def review(self, now_ns: int) -> None:
        """Measure every limit, and let the breakers look."""
        self.breakers.evaluate(now_ns)
        most = fullest(self.portfolio, self.orders)
        for field, measure in MEASURED.items():
            limit, use = measure(self, most, now_ns)
            self._readings[field] = Reading(limit, use, now_ns)
        self._measured_ns = min(self._evaluated_ns(field) for field in OWN_FIELDS)

    def budgets(self, ticker: str, close_ns: int) -> tuple[Budget, ...]:
        """Every money limit that an order in this market draws on."""
        held, orders = self.portfolio, self.orders
        working = orders.exposure()
        at_risk = held.exposure + working
        caps = self._caps()
        return (
            Budget("CASH", held.cash, working),
            *self._shard(working),
            Budget("MARKET_EXPOSURE", caps["MARKET_EXPOSURE"], held.cost(ticker) + orders.exposure_in(ticker)),
            Budget("CLOSE_EXPOSURE", caps["CLOSE_EXPOSURE"], held.cost_at(close_ns) + orders.exposure_at(close_ns)),
            Budget("TOTAL_EXPOSURE", caps["TOTAL_EXPOSURE"], at_risk),
            Budget(DAILY_LOSS, caps[DAILY_LOSS], max(held.loss_today, 0) + at_risk),
        )

    @property
    def market_cap(self) -> int:
        """The most that may be at risk in one market, whatever is held in it or elsewhere."""
        return self._caps()["MARKET_EXPOSURE"]

    def room(self, ticker: str, close_ns: int) -> Budget:
        """The tightest of the budgets: sizing never asks for more than what it leaves."""
        return min(self.budgets(ticker, close_ns), key=lambda budget: budget.limit - budget.use)

    def check(self, order: Wanted, *, worst: int, opens: int, close_ns: int, now_ns: int) -> Denied | None:
        """None when the order, or the change to one, may go. `worst` is the most that it adds to what can be lost, `opens`
        how many contracts it adds to the open position: what opens nothing only has to respect mode, size and rate."""
        grows = opens > 0 or (isinstance(order, AmendOrder) and worst > 0)
        broken = self._mode(order, opens, grows=grows)
        broken = broken or next(filter(None, (rule(self, order, now_ns) for rule in FLOW.values())), None)
        if broken is None and grows:
            over = (each for each in self.budgets(order.ticker, close_ns) if each.use + worst > each.limit)
            broken = next((each._replace(use=each.use + worst) for each in over), None)
        if broken is None:
            return None
        return Denied(broken.code, order.ticker, order.is_bid, order.price, order.count, broken.limit, broken.use)

    def sent(self, now_ns: int) -> None:
        """Count an order, or a change to one, against the rate limit."""
        self._sent.append(now_ns)

    def sent_last_minute(self, now_ns: int) -> int:
        """How many orders left in the last 60 seconds."""
        while self._sent and self._sent[0] <= now_ns - MINUTE_NS:
            self._sent.popleft()
        return len(self._sent)

    def matching(self, now_ns: int) -> int:
        """How many contracts (Count) have traded in the last 15 seconds or may at any moment."""
        return self.breakers.matched(now_ns) + sum(order.left for order in self.orders.working.values())

    def unevaluated(self, now_ns: int) -> list[str]:
        """The limits and breakers that were not evaluated lately, though they have to be."""
        late = self.breakers.late(now_ns)
        if now_ns - self._measured_ns > MAX_AGE_NS:
            late += [field for field in OWN_FIELDS if now_ns - self._evaluated_ns(field) > MAX_AGE_NS]
        return late

    def meters(self, now_ns: int) -> tuple[Meter, ...]:
        """Every limit with its use, then every breaker, and when each was last evaluated."""
        return (*limit_meters(self._readings, self.breakers), *breaker_meters(self.breakers))

    def _evaluated_ns(self, field: str) -> int:
        reading = self._readings.get(field)
        return reading.evaluated_ns if reading else 0

    def _mode(self, order: Wanted, opens: int, *, grows: bool) -> Budget | None:
        if self.mode == "HALTED" and not (self.flattens and isinstance(order, PlaceOrder) and order.is_reduce_only):
            return Budget(self.halt or "HALTED", 0, opens)
        if self.mode == "REDUCING" and grows:
            return Budget("REDUCING_ONLY", 0, opens)
        return None

    def _shard(self, working: int) -> tuple[Budget, ...]:
        """What the exchange said lies on the shard that is traded on, where it has, less all that works: whether it had taken
        off what it reserves is not relied on."""
        cash = self.portfolio.shard_cash.get(self.portfolio.traded_shard)
        return () if cash is None else (Budget("SHARD_CASH", cash, working),)

    def _caps(self) -> dict[str, int]:
        """The money limits, by code: made anew when the limits or the equity have changed."""
        limits, equity = self.limits, self.portfolio.equity
        if self._capped is None or self._capped[0] is not limits or self._capped[1] != equity:
            caps = {
                code: min((_cap(limits, field, equity) for field in fields), default=UNLIMITED)
                for code, fields in CAPS.items()
            }
            self._capped = limits, equity, caps
        return self._capped[2]


# The checks, each in a table of its kind: what is in no table is not checked, and a test finds it. -------------------

CAPS: dict[str, tuple[str, ...]] = {
    "MARKET_EXPOSURE": ("max_market_exposure", "max_market_share_bp"),
    "CLOSE_EXPOSURE": ("max_close_exposure", "max_close_share_bp"),
    "TOTAL_EXPOSURE": ("max_total_exposure", "max_total_share_bp"),
    DAILY_LOSS: ("max_daily_loss",),
}


def _cap(limits: RiskLimits, field: str, equity: int) -> int:
    limit: int = getattr(limits, field)
    return max(equity, 0) * limit // 10_000 if field.endswith("_share_bp") else limit


def _unevaluated(risk: Risk, order: Wanted, now_ns: int) -> Budget | None:
    late = 0 if risk.flattens else len(risk.unevaluated(now_ns))
    return Budget("UNEVALUATED", 0, late) if late else None


def _working(risk: Risk, order: Wanted, now_ns: int) -> Budget | None:
    return Budget("ORDER_WORKING", 1, 2) if risk.orders.is_in_the_way(order) else None


def _count(risk: Risk, order: Wanted, now_ns: int) -> Budget | None:
    limit = risk.limits.max_order_count
    return Budget("ORDER_COUNT", limit, order.count) if order.count > limit else None


def _rate(risk: Risk, order: Wanted, now_ns: int) -> Budget | None:
    sent, limit = risk.sent_last_minute(now_ns), risk.limits.max_orders_per_minute
    return Budget("ORDER_RATE", limit, sent + 1) if sent >= limit else None


def _contracts(risk: Risk, order: Wanted, now_ns: int) -> Budget | None:
    limit, more = risk.limits.max_contracts_per_15s, order.count
    if isinstance(order, AmendOrder):
        before = risk.orders.working.get(order.number)
        more -= before.filled + before.left if before else 0
    use = risk.matching(now_ns) + max(more, 0)
    return Budget("CONTRACT_RATE", limit, use) if use > limit else None


FLOW: dict[str, Callable[[Risk, Wanted, int], Budget | None]] = {
    "UNEVALUATED": _unevaluated,
    "ORDER_WORKING": _working,
    "ORDER_COUNT": _count,
    "ORDER_RATE": _rate,
    "CONTRACT_RATE": _contracts,
}


def _share(risk: Risk, money: int) -> float:
    """Of the equity, in basis points; where there is no equity anything at all is everything."""
    equity = risk.portfolio.equity
    return money * 10_000 / equity if equity > 0 else (10_000.0 if money else 0.0)


Measure = Callable[[Risk, Fullest, int], tuple[float, float]]
MEASURED: dict[str, Measure] = {
    "max_daily_loss": lambda risk, most, now_ns: (
        risk.limits.max_daily_loss,
        max(risk.portfolio.loss_today, 0) + most.total,
    ),
    "max_total_exposure": lambda risk, most, now_ns: (risk.limits.max_total_exposure, most.total),
    "max_total_share_bp": lambda risk, most, now_ns: (risk.limits.max_total_share_bp, _share(risk, most.total)),
    "max_close_exposure": lambda risk, most, now_ns: (risk.limits.max_close_exposure, most.close),
    "max_close_share_bp": lambda risk, most, now_ns: (risk.limits.max_close_share_bp, _share(risk, most.close)),
    "max_market_exposure": lambda risk, most, now_ns: (risk.limits.max_market_exposure, most.market),
    "max_market_share_bp": lambda risk, most, now_ns: (risk.limits.max_market_share_bp, _share(risk, most.market)),
    "max_order_count": lambda risk, most, now_ns: (risk.limits.max_order_count, most.order),
    "max_orders_per_minute": lambda risk, most, now_ns: (
        risk.limits.max_orders_per_minute,
        risk.sent_last_minute(now_ns),
    ),
    "max_contracts_per_15s": lambda risk, most, now_ns: (risk.limits.max_contracts_per_15s, risk.matching(now_ns)),
}
OF_BREAKERS = frozenset(rule.limit for rule in RULES if rule.limit) - {"max_daily_loss"}
OWN_FIELDS = tuple(field for field in RiskLimits.__struct_fields__ if field not in OF_BREAKERS)


def opening_count(position: int, is_bid: bool, count: int) -> int:
    """How many of `count` contracts add to the open position; the others close what is held."""
    closes = (position < 0) == is_bid and position != 0
    return max(count - abs(position), 0) if closes else count


def whole_contracts(count: int) -> int:
    """Rounded down to whole contracts."""
    return count // CONTRACT * CONTRACT
