"""The risk section of a snapshot, made by the engine's own risk: one limit high, one breaker latched, one never told."""

from typing import Any

from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import CLOSE_NS, TICKER, at, fill, opening
from trading.core.events import ChecksRequired, CheckTold, Tripped
from trading.core.limits import RiskLimits
from trading.core.orders import Orders
from trading.core.portfolio import Portfolio
from trading.core.risk import Risk
from trading.risk_rows import risk_rows


def risk_now(*, halted: bool = False, real: bool = False) -> Risk:
    """A session that holds 60 dollars of YES; `halted` by a drawdown that a person has to clear; `real` orders need checks."""
    portfolio = Portfolio()
    start = opening(tripped=(Tripped("DRAWDOWN", "10.40 % below $10,000.00", at(-300)),) if halted else ())
    portfolio.open(start)
    risk = Risk(portfolio, Orders(portfolio.count))
    risk.limits = RiskLimits(max_market_exposure=64 * DOLLAR)
    risk.wanted = "ACTIVE"
    risk.opened(start)
    portfolio.fill(fill(12_000, 5_000, ticker=TICKER, fee=2_100_000), CLOSE_NS)
    if real:
        risk.breakers.required(
            ChecksRequired(at(60), ("KILL_FILE", "WATCHDOG", "CLOCK_SKEW", "RECONCILED"), needs_arming=True)
        )
        risk.breakers.told(CheckTold(at(60), "KILL_FILE", is_ok=False, text="laid by ada"))
        risk.breakers.told(CheckTold(at(60), "CLOCK_SKEW", is_ok=True, use=41.0, limit=2_000))
    risk.breakers.heard(at(60), books_ns=at(60), spot_ns=at(60))
    risk.review(at(60))
    return risk


def risk_section(*, halted: bool = False, real: bool = False) -> dict[str, Any]:
    """As the trader publishes it, four tenths of a second later."""
    return risk_rows(risk_now(halted=halted, real=real), at(60) + SECOND_NS * 4 // 10)
