"""How our numbers read on the exchange's wire: times, dollars, contracts. The client reads them with code of its own
(`markets.kalshi.wire`), on purpose: each is tried on the other."""

from datetime import UTC, datetime
from functools import lru_cache

from markets.core.units import CONTRACT, MILLISECOND_NS, SECOND_NS, money_text

LAST_NS = 253_402_300_799 * SECOND_NS  # the year 9999 ends
CENT = 10_000  # in Money


def iso(at_ns: int) -> str:
    """2026-11-22T16:50:00.123456Z; whole seconds without a fraction."""
    whole, rest = divmod(min(at_ns, LAST_NS), SECOND_NS)
    text = _second(whole)
    micros = rest // 1_000
    return f"{text}.{micros:06d}Z" if micros else f"{text}Z"


def millis(at_ns: int) -> int:
    """Unix milliseconds."""
    return at_ns // MILLISECOND_NS


def seconds(at_ns: int) -> int:
    """Unix seconds."""
    return at_ns // SECOND_NS


def dollars(money: int) -> str:
    """Money in dollars: four decimals, six when it takes them."""
    text = money_text(money)
    return text[:-2] if text.endswith("00") else text


def cents(money: int) -> int:
    """Money in whole cents, rounded down."""
    return money // CENT


def mean_price(cost: int, count: int) -> str:
    """What one contract cost (Money over Count) in dollars, to six decimals."""
    return dollars((cost * 2 * CONTRACT + count) // (2 * count))


@lru_cache(maxsize=4096)
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
