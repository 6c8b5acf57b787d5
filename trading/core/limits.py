"""RiskLimits: the numbers that risk may not pass, as a person set them."""

import msgspec

from markets.core.units import DOLLAR


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
    max_stale_ms: int = 15_000  # that books or spot of open markets may be silent
    max_clock_skew_ms: int = 2_000  # between our clock and the exchange's
    min_parse_rate_bp: int = 9_900  # of the frames of the last minutes that could be read
    max_rejects_per_minute: int = 20  # orders that the exchange refused

    def problems(self) -> list[str]:
        """What makes these limits unusable, in plain words; empty when they are fine."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [f"{name} is {value}: a limit cannot be negative" for name, value in values if value < 0]
