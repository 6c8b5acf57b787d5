"""What the page of prices shows of each asset's volatility, as JSON: the estimates, the signature plot, the news."""

from typing import Any

from markets.core.units import MILLISECOND_NS, YEAR_S
from trading.core.fitted import Announcement
from trading.core.pricing import Underlying
from trading.core.signature import Signature

Json = dict[str, Any]
DIGITS = 5
MOST_NEWS = 3


def volatility(underlying: Underlying, now_ns: int) -> Json:
    """Volatilities a year, as fractions. `now` is after the hours and the news of this moment, whose multiplier of the
    variance is beside it; the three estimates are before them. A signature is empty where nothing was heard."""
    found = underlying.volatility
    fast, middle, slow = (round(float((rate * YEAR_S) ** 0.5), DIGITS) for rate in found.rates)
    return {
        "now": round(found.annualised, DIGITS),
        "error": found.error,
        "is_warm": found.is_warm,
        "fast": fast,
        "middle": middle,
        "slow": slow,
        "multiplier": round(found.multiplier, DIGITS),
        "signature": _signature(found.own_signature),
        "index_signature": _signature(found.index_signature),
        "news": [_news(each, now_ns) for each in underlying.announcements if each.end_ns > now_ns][:MOST_NEWS],
    }


def _signature(signature: Signature) -> list[Json]:
    return [
        {"step_s": point.step_s, "annualised": round(point.annualised, DIGITS), "seconds": point.seconds}
        for point in signature.points()
    ]


def _news(announcement: Announcement, now_ns: int) -> Json:
    return {
        "name": announcement.name,
        "start_ms": announcement.start_ns // MILLISECOND_NS,
        "end_ms": announcement.end_ns // MILLISECOND_NS,
        "multiplier": announcement.multiplier,
        "is_on": announcement.start_ns <= now_ns,
    }
