"""RiskLimits: the numbers that risk may not pass, as a person set them; and what each is called."""

from typing import Literal, NamedTuple

import msgspec

from markets.core.units import DOLLAR

Unit = Literal["money", "share", "count", "number", "ms"]
"""Money in 1/1 000 000 dollar, basis points, 1/100 contract, how many, milliseconds."""


class RiskLimits(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Money in 1/1 000 000 dollar, counts in 1/100 contract, shares in basis points of the equity.

    A limit of 0 means "none at all may be risked", never "no limit".
    """

    max_daily_loss: int = 500 * DOLLAR
    max_market_exposure: int = 200 * DOLLAR
    max_close_exposure: int = 400 * DOLLAR
    max_total_exposure: int = 1_000 * DOLLAR
    max_market_share_bp: int = 200
    max_close_share_bp: int = 400
    max_total_share_bp: int = 1_000
    max_order_count: int = 50_000
    max_orders_per_minute: int = 60
    max_drawdown_bp: int = 1_000  # of the highest equity that was ever reached
    max_losing_streak: int = 12  # settled markets in a row that lost
    max_fee_difference: int = 100  # of one fill, between what was charged and what the fee terms say
    max_contracts_per_15s: int = 200_000  # matched; also kept by the exchange itself, in an order group
    max_stale_ms: int = 60_000  # that books or spot of open markets may be silent
    max_clock_skew_ms: int = 2_000  # between our clock and the exchange's
    min_parse_rate_bp: int = 9_900  # of the frames of the last minutes that could be read
    max_rejects_per_minute: int = 20  # orders that the exchange refused

    def problems(self) -> list[str]:
        """What makes these limits unusable, in plain words; empty when they are fine."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        wrong = [f"{name} is {value}: a limit cannot be negative" for name, value in values if value < 0]
        if not 0 < self.min_parse_rate_bp <= 10_000:
            wrong.append(
                f"min_parse_rate_bp is {self.min_parse_rate_bp}: the share of frames that can be read is above 0 and at "
                "most 100 percent"
            )
        return wrong


class Named(NamedTuple):
    """A limit as a person knows it. `code` is the reason or the breaker that speaks when it is reached."""

    code: str
    name: str
    unit: Unit


LIMITS: dict[str, Named] = {
    "max_daily_loss": Named("DAILY_LOSS", "Daily loss", "money"),
    "max_total_exposure": Named("TOTAL_EXPOSURE", "At risk in all", "money"),
    "max_total_share_bp": Named("TOTAL_EXPOSURE", "Share in all", "share"),
    "max_close_exposure": Named("CLOSE_EXPOSURE", "At risk on one close", "money"),
    "max_close_share_bp": Named("CLOSE_EXPOSURE", "Share on one close", "share"),
    "max_market_exposure": Named("MARKET_EXPOSURE", "At risk in one market", "money"),
    "max_market_share_bp": Named("MARKET_EXPOSURE", "Share in one market", "share"),
    "max_order_count": Named("ORDER_COUNT", "Size of one order", "count"),
    "max_orders_per_minute": Named("ORDER_RATE", "Orders a minute", "number"),
    "max_contracts_per_15s": Named("CONTRACT_RATE", "Contracts in 15 seconds", "count"),
    "max_drawdown_bp": Named("DRAWDOWN", "Drawdown", "share"),
    "max_losing_streak": Named("LOSING_STREAK", "Losing streak", "number"),
    "max_fee_difference": Named("FEE_MISMATCH", "Fee difference", "money"),
    "max_rejects_per_minute": Named("REJECTS", "Rejected orders a minute", "number"),
    "max_stale_ms": Named("STALE", "Silence of books or spot", "ms"),
    "max_clock_skew_ms": Named("CLOCK_SKEW", "Clock difference", "ms"),
    "min_parse_rate_bp": Named("PARSE_RATE", "Readable frames", "share"),
}
