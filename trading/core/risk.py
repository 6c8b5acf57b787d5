"""What may be sent: the limits against what is held and working; yes, or the reason why not."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from markets.core.units import CONTRACT, SECOND_NS
from trading.core.arithmetic import loss_use, share_cap
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


_made = tuple.__new__  # what a NamedTuple is made by, at half the price: budgets are asked at every tick
Wanted = PlaceOrder | AmendOrder
Measured = tuple[float, float, int]  # a limit, its use, and when that was measured, as in Reading: made each second
NEVER: Measured = (0.0, 0.0, 0)
NOTHING_GOES = ("JOURNAL", "KILL_FILE")  # breakers under which not even what closes a position may be sent


class Risk:
    """The wall between what the strategy wants and what leaves the house. Limits are checked again here,
    whatever the sizing did before. It is reviewed each second and when money moves: every limit with its use is
    measured then, and what was not measured lately lets nothing pass."""

    def __init__(self, portfolio: Portfolio, orders: Orders) -> None:
        self.portfolio = portfolio
        self.orders = orders
        self.breakers = Breakers(portfolio)
        self.limits = self.breakers.limits  # those in force
        self.wanted: Mode = "HALTED"
        self.policy: Policy = "cancel"
        self._sent: deque[int] = deque()
        self._readings: dict[str, Measured] = {}
        self._measured_ns = 0  # when the limit was measured that was not measured for longest
        self._capped: tuple[RiskLimits, int, dict[str, int]] | None = None

    @property
    def halt(self) -> str:
        """The code of the breaker that stops trading; "" when none does."""
        return self.breakers.halt

    @property
    def mode(self) -> Mode:
        """The mode in force: what a person wants, unless the engine has halted itself."""
        return "HALTED" if self.breakers.halt else self.wanted

    @property
    def holds(self) -> bool:
        """Whether what rests is left as it is in spite of the halt: the person or the kill file that halts wants it so, and
        where both halt, both do."""
        if self.mode != "HALTED":
            return False
        of_file = self.breakers.file_policy
        if self.wanted == "HALTED":
            return self.policy == "hold" and of_file in (None, "hold")
        return of_file == "hold"

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
        """Measure every limit, and let the breakers look, by the limits that are in force now."""
        self.breakers.limits = self.limits
        self.breakers.evaluate(now_ns)
        most, limits, readings = fullest(self.portfolio, self.orders), self.limits, self._readings
        for field, measure in MEASURED.items():
            readings[field] = getattr(limits, field), measure(self, most, now_ns), now_ns
        self._measured_ns = min([readings.get(field, NEVER)[2] for field in OWN_FIELDS])

    def budgets(self, ticker: str, close_ns: int) -> tuple[Budget, ...]:
        """Every money limit that an order in this market draws on."""
        held, orders, caps = self.portfolio, self.orders, self._caps()
        working = orders.exposure()
        at_risk = held.exposure + working
        in_market = held.cost(ticker) + orders.exposure_in(ticker)
        at_close = held.cost_at(close_ns) + orders.exposure_at(close_ns)
        return (
            _made(Budget, ("CASH", held.cash, working)),
            *(self._shard(working) if held.shard_cash else ()),
            _made(Budget, ("MARKET_EXPOSURE", caps["MARKET_EXPOSURE"], in_market)),
            _made(Budget, ("CLOSE_EXPOSURE", caps["CLOSE_EXPOSURE"], at_close)),
            _made(Budget, ("TOTAL_EXPOSURE", caps["TOTAL_EXPOSURE"], at_risk)),
            _made(Budget, (DAILY_LOSS, caps[DAILY_LOSS], loss_use(at_risk, held.loss_today))),
        )

    @property
    def market_cap(self) -> int:
        """The most that may be at risk in one market, whatever is held in it or elsewhere."""
        return self._caps()["MARKET_EXPOSURE"]

    def room(self, ticker: str, close_ns: int) -> Budget:
        """The tightest of the budgets: sizing never asks for more than what it leaves."""
        return tightest(self.budgets(ticker, close_ns))

    def check(self, order: Wanted, *, worst: int, opens: int, close_ns: int, now_ns: int) -> Denied | None:
        """None when the order, or the change to one, may go. `worst` is the most that it adds to what can be lost, `opens`
        how many contracts it adds to the open position: what opens nothing only has to respect mode, size and rate."""
        grows = opens > 0 or (worst > 0 and isinstance(order, AmendOrder))
        broken = self._mode(order, opens, grows=grows) or self._flow(order, now_ns)
        if broken is None and grows:
            broken = self._over(order.ticker, close_ns, worst)
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
        matching = self.breakers.matched(now_ns)
        for order in self.orders.working.values():
            matching += order.left
        return matching

    def unevaluated(self, now_ns: int) -> list[str]:
        """The limits and breakers that were not evaluated lately, though they have to be."""
        late = self.breakers.late(now_ns)
        if now_ns - self._measured_ns > MAX_AGE_NS:
            late += [field for field in OWN_FIELDS if now_ns - self._readings.get(field, NEVER)[2] > MAX_AGE_NS]
        return late

    def meters(self, now_ns: int) -> tuple[Meter, ...]:
        """Every limit with its use, then every breaker, and when each was last evaluated."""
        readings = {field: Reading(*measured) for field, measured in self._readings.items()}
        return (*limit_meters(readings, self.breakers), *breaker_meters(self.breakers))

    def _mode(self, order: Wanted, opens: int, *, grows: bool) -> Budget | None:
        mode = self.mode
        if mode == "HALTED" and not (self.flattens and isinstance(order, PlaceOrder) and order.is_reduce_only):
            return Budget(self.halt or "HALTED", 0, opens)
        if mode == "REDUCING" and grows:
            return Budget("REDUCING_ONLY", 0, opens)
        return None

    def _flow(self, order: Wanted, now_ns: int) -> Budget | None:
        """The first of the checks that every order has to pass, and this one does not."""
        for rule in FLOW.values():
            broken = rule(self, order, now_ns)
            if broken is not None:
                return broken
        return None

    def _over(self, ticker: str, close_ns: int, worst: int) -> Budget | None:
        """The first budget that does not bear so much more, with what it would come to."""
        for code, limit, use in self.budgets(ticker, close_ns):
            if use + worst > limit:
                return Budget(code, limit, use + worst)
        return None

    def _shard(self, working: int) -> tuple[Budget, ...]:
        """What the exchange said lies on the shard that is traded on, less all that works: whether it had taken off what it
        reserves is not relied on. Of several shards the one with the least counts, since the terms of a market do not say
        on which of them it is."""
        cash = self.portfolio.shard_cash
        least = min([cash.get(shard, 0) for shard in self.portfolio.traded_shards])
        return (Budget("SHARD_CASH", least, working),)

    def _caps(self) -> dict[str, int]:
        """The money limits, by code: made anew when the limits or the equity have changed."""
        limits, equity, capped = self.limits, self.portfolio.equity, self._capped
        if capped is not None and capped[0] is limits and capped[1] == equity:
            return capped[2]
        caps = {
            code: min((_cap(limits, field, equity) for field in fields), default=UNLIMITED)
            for code, fields in CAPS.items()
        }
        self._capped = limits, equity, caps
        return caps


# The checks, each in a table of its kind: what is in no table is not checked, and a test finds it. -------------------

CAPS: dict[str, tuple[str, ...]] = {
    "MARKET_EXPOSURE": ("max_market_exposure", "max_market_share_bp"),
    "CLOSE_EXPOSURE": ("max_close_exposure", "max_close_share_bp"),
    "TOTAL_EXPOSURE": ("max_total_exposure", "max_total_share_bp"),
    DAILY_LOSS: ("max_daily_loss",),
}


def _cap(limits: RiskLimits, field: str, equity: int) -> int:
    limit: int = getattr(limits, field)
    return share_cap(equity, limit) if field.endswith("_share_bp") else limit


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
    if type(order) is AmendOrder:
        before = risk.orders.working.get(order.number)
        more = max(more - before.filled - before.left, 0) if before else more
    use = risk.matching(now_ns) + more
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


MEASURED: dict[str, Callable[[Risk, Fullest, int], float]] = {
    "max_daily_loss": lambda risk, most, now_ns: max(risk.portfolio.loss_today, 0) + most.total,
    "max_total_exposure": lambda risk, most, now_ns: most.total,
    "max_total_share_bp": lambda risk, most, now_ns: _share(risk, most.total),
    "max_close_exposure": lambda risk, most, now_ns: most.close,
    "max_close_share_bp": lambda risk, most, now_ns: _share(risk, most.close),
    "max_market_exposure": lambda risk, most, now_ns: most.market,
    "max_market_share_bp": lambda risk, most, now_ns: _share(risk, most.market),
    "max_order_count": lambda risk, most, now_ns: most.order,
    "max_orders_per_minute": lambda risk, most, now_ns: risk.sent_last_minute(now_ns),
    "max_contracts_per_15s": lambda risk, most, now_ns: risk.matching(now_ns),
}
OF_BREAKERS = frozenset(rule.limit for rule in RULES if rule.limit) - {"max_daily_loss"}
OWN_FIELDS = tuple(field for field in RiskLimits.__struct_fields__ if field not in OF_BREAKERS)


def tightest(budgets: Sequence[Budget]) -> Budget:
    """The one that leaves least; the first of several."""
    found = budgets[0]
    for each in budgets:
        if each.limit - each.use < found.limit - found.use:
            found = each
    return found


def opening_count(position: int, is_bid: bool, count: int) -> int:
    """How many of `count` contracts add to the open position; the others close what is held."""
    closes = (position < 0) == is_bid and position != 0
    return max(count - abs(position), 0) if closes else count


def whole_contracts(count: int) -> int:
    """Rounded down to whole contracts."""
    return count // CONTRACT * CONTRACT
