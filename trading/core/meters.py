"""Meters: every limit and every breaker with its use and the time it was last evaluated, for people to see."""

from collections.abc import Mapping
from typing import NamedTuple

from trading.core.breakers import BREAKERS, RULES, Breakers
from trading.core.limits import LIMITS, Named, Unit
from trading.core.orders import Orders
from trading.core.portfolio import Portfolio


class Reading(NamedTuple):
    """A limit, how much of it was in use, and when that was looked at. Units as in RiskLimits."""

    limit: float
    use: float
    evaluated_ns: int


class Meter(NamedTuple):
    """One limit or breaker. `field` is that of RiskLimits, "" for a breaker without a number; `limit` and `use` are None
    where there is none, or where nobody has measured yet (`evaluated_ns` 0). `is_required`: where it is not, such as a
    check of the exchange while orders are on paper, its age means nothing."""

    code: str
    field: str
    name: str
    limit: float | None
    use: float | None
    unit: Unit | None
    evaluated_ns: int
    is_tripped: bool
    is_required: bool
    since_ns: int = 0
    text: str = ""


class Fullest(NamedTuple):
    """The most at risk (Money) in all, on one close and in one market; and the largest working order (Count)."""

    total: int
    close: int
    market: int
    order: int


def fullest(portfolio: Portfolio, orders: Orders) -> Fullest:
    """What is held at cost, and what works at worst."""
    if not portfolio.positions and not orders.working:
        return Fullest(portfolio.exposure, 0, 0, 0)
    held, working = portfolio.positions.values(), orders.working.values()
    markets = {position.ticker: position.cost for position in held}
    for ticker in {order.ticker: None for order in working}:
        markets[ticker] = markets.get(ticker, 0) + orders.exposure_in(ticker)
    closes = {one.close_ns: None for one in held} | {one.close_ns: None for one in working}
    return Fullest(
        portfolio.exposure + orders.exposure(),
        max([portfolio.cost_at(close_ns) + orders.exposure_at(close_ns) for close_ns in closes]),
        max(markets.values(), default=0),
        max((order.count for order in working), default=0),
    )


def limit_meters(readings: Mapping[str, Reading], breakers: Breakers) -> list[Meter]:
    """One for each field of RiskLimits: those that orders are checked against, and those that breakers go by."""
    by_field = {rule.limit: rule for rule in RULES if rule.limit}
    meters: list[Meter] = []
    for field, named in LIMITS.items():
        reading, rule = readings.get(field), by_field.get(field)
        if reading is not None or rule is None:
            meters.append(_checked(field, named, reading))
            continue
        state = breakers.state(rule.code)
        limit = getattr(breakers.limits, field)
        meters.append(
            Meter(
                named.code,
                field,
                named.name,
                limit,
                state.use,
                named.unit,
                state.evaluated_ns,
                state.is_tripped,
                breakers.is_required(rule.code),
            )
        )
    return meters


def breaker_meters(breakers: Breakers) -> list[Meter]:
    """One for each rule, gravest first."""
    return [
        Meter(
            state.code,
            "",
            BREAKERS[state.code].name,
            state.limit,
            state.use,
            LIMITS[BREAKERS[state.code].limit].unit if BREAKERS[state.code].limit else None,
            state.evaluated_ns,
            state.is_tripped,
            breakers.is_required(state.code),
            state.since_ns,
            state.text,
        )
        for state in breakers.states(breakers.now_ns)
    ]


def _checked(field: str, named: Named, reading: Reading | None) -> Meter:
    if reading is None:
        return Meter(named.code, field, named.name, None, None, named.unit, 0, False, True)
    limit, use, evaluated_ns = reading
    return Meter(named.code, field, named.name, limit, use, named.unit, evaluated_ns, use >= limit, True)
