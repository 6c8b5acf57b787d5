"""Parameters: how the engine prices and what the strategy wants, in one struct with safe defaults."""

from math import inf
from typing import Literal, get_args

import msgspec

from markets.core.units import CONTRACT, SECOND_NS

ModelName = Literal["gbm_avg", "abm_avg", "digital"]
TailName = Literal["student_t", "normal", "mixture", "empirical"]
PriceMethod = Literal["fusion", "vwap", "median", "replica"]
SettlementWindow = Literal["open_right", "closed_right"]
ForecastName = Literal["blend", "single"]
CalibrationName = Literal["off", "platt", "beta", "isotonic"]
PoolingName = Literal["off", "fitted"]
EdgeBasis = Literal["net", "gross"]


class Parameters(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Pricing, signal and sizing settings; sources in the field comments are sections of the pricing notes."""

    strategy: str = "edge_taker"
    model: ModelName = "gbm_avg"
    tails: TailName = "student_t"
    degrees_of_freedom: float = 4.0
    short_degrees_of_freedom: float = 3.5  # with less than 30 s to go
    level_noise_bp: float = 0.8  # how far our index estimate may be off, 1 standard deviation
    vwap_window_ns: int = 2 * SECOND_NS
    stale_spot_ns: int = 5 * SECOND_NS
    volatility_half_life_s: float = 1_800.0
    volatility_step_s: int = 15
    edge_threshold: float = 0.03  # dollars a contract, after fees and slippage
    slippage: float = 0.0
    min_confidence: float = 70.0
    quorum: int = 2  # venues that must be fresh; of a source that has fewer, all of them
    kelly_fraction: float = 0.25
    probability_margin: float = 0.5  # standard errors taken off before sizing
    volatility_error: float = 0.12  # standard error of ln sigma
    calibration_error: float = 0.015
    depth_share: float = 0.25  # of the displayed size, at most
    top_up_share: float = 0.25  # a position is added to when at least this share of its worth is missing
    quiet_open_ns: int = 3 * SECOND_NS
    quiet_close_ns: int = 15 * SECOND_NS
    order_interval_ns: int = SECOND_NS  # between two orders in one market
    order_latency_ns: int = 100_000_000  # decision to arrival at the paper exchange
    reply_latency_ns: int = 40_000_000  # exchange to us
    price_method: PriceMethod = "fusion"
    late_spot_ns: int = 3 * SECOND_NS  # more behind the venue's own time than it usually is
    drift: float = 0.0  # of the log index, a year of 365 days (section 0.5: zero)
    mixture_weight: float = 0.9  # of the narrow normal; the wide one follows from a variance of 1
    mixture_narrow: float = 0.85
    settlement_window: SettlementWindow = "open_right"  # which sixty samples (section 1.4): audited after every close
    settlement_failure: float = 0.0  # chance that no index value comes and the market resolves NO (section 1.1)
    volatility_forecast: ForecastName = "blend"  # section 4.2; "single" uses volatility_half_life_s alone
    volatility_fast_s: float = 300.0  # half-lives of the blend; the middle one is volatility_half_life_s
    volatility_slow_s: float = 14_400.0
    index_step_s: int = 5  # length of the returns where the published index is heard
    seasonality: bool = True  # the hours of the day and the weekend (section 4.2)
    least_volatility: float = 0.10  # annualised; outside of these an estimate is not believed
    most_volatility: float = 4.00
    cold_volatility_error: float = 0.35  # standard error of ln sigma until ten minutes were heard
    calibration: CalibrationName = "platt"  # the fitted map that is laid over the model, where there is one
    calibration_windows: int = 300  # fitted on fewer, it is not used (isotonic: ten times as many)
    pooling: PoolingName = "fitted"  # section 7.4: the market's own probability and ours, in log-odds
    pooling_weight: float = 0.25  # ours, until one is fitted on
    pooling_windows: int = 500  # windows
    edge_basis: EdgeBasis = "net"
    exit_margin: float = 0.0  # what is held is sold when that brings so much more than holding it (dollars a contract)
    joint_kelly: bool = True  # windows that close together are sized as one (section 9.3)
    correlation_floor: float = 0.5  # of two coins' index returns, whatever is known of them
    fractional: bool = False  # sizes in hundredths of a contract, where the market allows them
    volume_share: float = 0.10  # of what traded in the window so far, at most (section 9.4, step 9); 1 is no cap
    maker_skew: float = 0.10  # how far a full inventory moves the quotes, times p (1 - p) (section 8)
    maker_half_spread: float = 0.01  # dollars a contract, at least, on either side of the reservation price
    maker_adverse: float = 0.005  # added for trades against better informed ones
    maker_reaction_ns: int = 250_000_000  # how long a quote is exposed to news before we can pull it
    maker_stale_ns: int = 400_000_000  # quotes are pulled when the index or spot is older
    maker_quiet_close_ns: int = 90 * SECOND_NS
    maker_max_count: int = 5_000  # of one quote
    quote_life_ns: int = 30 * SECOND_NS  # a resting order expires by itself so long after it was last confirmed
    quote_improvement: int = 100  # a resting order is moved when its price is off by at least this (Price)
    quote_interval_ns: int = SECOND_NS  # between two moves of one resting order

    @property
    def unit(self) -> int:
        """The smallest step of an order's size (Count)."""
        return 1 if self.fractional else CONTRACT

    def problems(self) -> list[str]:
        """What makes these parameters unusable, in plain words; empty when they are fine."""
        rules = (
            (self.model in get_args(ModelName), "the model is not known"),
            (self.tails in get_args(TailName), "the tails are not known"),
            (self.degrees_of_freedom > 2 and self.short_degrees_of_freedom > 2, "degrees of freedom must be above 2"),
            (self.vwap_window_ns > 0, "the VWAP window must be longer than 0 s"),
            (self.stale_spot_ns > 0, "the staleness limit must be longer than 0 s"),
            (self.late_spot_ns > 0, "the lateness limit must be longer than 0 s"),
            (self.price_method in get_args(PriceMethod), "the price method is not known"),
            (self.volatility_half_life_s > 0, "the volatility half-life must be longer than 0 s"),
            (1 <= self.volatility_step_s <= 300, "the volatility step must be 1 to 300 s"),
            (0 <= self.edge_threshold < 1, "the edge threshold must be 0 to 1 dollar a contract"),
            (0 <= self.kelly_fraction <= 1, "the Kelly fraction must be 0 to 1"),
            (0 <= self.min_confidence <= 100, "the confidence must be 0 to 100"),
            (0 < self.depth_share <= 1, "the share of displayed size must be above 0 and at most 1"),
            (0 <= self.top_up_share <= 1, "the top-up share must be 0 to 1"),
            (self.quorum >= 1, "at least one venue must be fresh"),
            (0 <= self.level_noise_bp <= 1_000, "the level noise must be 0 to 1000 basis points"),
            (0 <= self.slippage < 1, "the slippage must be 0 to 1 dollar a contract"),
            (0 <= self.probability_margin <= 10, "the probability margin must be 0 to 10 standard errors"),
            (0 <= self.volatility_error <= 10, "the error of the volatility must be 0 to 10"),
            (0 <= self.calibration_error <= 1, "the calibration error must be 0 to 1"),
            (abs(self.drift) <= 100, "the drift must be -100 to 100 a year"),
            (0 < self.mixture_weight < 1, "the weight of the narrow normal must be between 0 and 1"),
            (
                not 0 < self.mixture_weight < 1
                or (self.mixture_narrow > 0 and self.mixture_weight * self.mixture_narrow**2 < 1),
                "the narrow normal must be above 0, and narrow enough to leave variance to the wide one",
            ),
            (self.settlement_window in get_args(SettlementWindow), "the settlement window is not known"),
            (0 <= self.settlement_failure < 1, "the chance of a failed settlement must be 0 to 1"),
            (self.volatility_forecast in get_args(ForecastName), "the volatility forecast is not known"),
            (0 < self.volatility_fast_s < inf, "the fast half-life must be longer than 0 s"),
            (0 < self.volatility_slow_s < inf, "the slow half-life must be longer than 0 s"),
            (self._is_ordered(), "the half-lives of the blend must not be shorter from fast to middle to slow"),
            (1 <= self.index_step_s <= 300, "the volatility step on the index must be 1 to 300 s"),
            (
                0 < self.least_volatility < self.most_volatility <= 100,
                "the volatility must be believed between two numbers above 0",
            ),
            (0 <= self.cold_volatility_error <= 10, "the error of a cold volatility must be 0 to 10"),
            (self.calibration in get_args(CalibrationName), "the calibration map is not known"),
            (self.calibration_windows >= 1, "a calibration map needs at least one window"),
            (self.pooling in get_args(PoolingName), "the way of pooling is not known"),
            (0 <= self.pooling_weight <= 1, "the pooling weight must be 0 to 1"),
            (self.pooling_windows >= 1, "a pooling weight needs at least one window"),
            (self.edge_basis in get_args(EdgeBasis), "the basis of the edge is not known"),
            (0 <= self.exit_margin < 1, "the margin of an exit must be 0 to 1 dollar a contract"),
            (0 <= self.correlation_floor < 1, "the floor of the correlation must be 0 or more and below 1"),
            (0 < self.volume_share <= 1, "the share of traded volume must be above 0 and at most 1"),
            (0 <= self.maker_skew <= 10, "the skew of the maker must be 0 to 10"),
            (0 <= self.maker_half_spread < 1, "the half spread of the maker must be 0 to 1 dollar a contract"),
            (0 <= self.maker_adverse < 1, "the maker's margin for informed trades must be 0 to 1 dollar a contract"),
            (self.maker_reaction_ns >= 0, "the maker's reaction time cannot be negative"),
            (self.maker_stale_ns > 0, "the maker's staleness limit must be longer than 0 s"),
            (self.maker_quiet_close_ns >= 0, "the maker's quiet time cannot be negative"),
            (self.maker_max_count >= 1, "the largest quote must be at least a hundredth of a contract"),
            (self.quote_life_ns >= 2 * SECOND_NS, "the life of a resting order must be 2 s or longer"),
            (self.quote_improvement >= 10, "the least move of a resting order must be a tenth of a cent or more"),
            (self.quote_interval_ns >= 0, "the interval between moves of a resting order cannot be negative"),
            (self.quiet_open_ns >= 0 and self.quiet_close_ns >= 0, "a quiet time cannot be negative"),
            (self.order_latency_ns >= 0 and self.reply_latency_ns >= 0, "a latency cannot be negative"),
            (self.order_interval_ns >= 0, "the interval between orders cannot be negative"),
        )
        return [text for holds, text in rules if not holds]

    def _is_ordered(self) -> bool:
        """Whether the three half-lives of the blend rise; where one is no length at all, that is said elsewhere."""
        lives = (self.volatility_fast_s, self.volatility_half_life_s, self.volatility_slow_s)
        is_asked = self.volatility_forecast == "blend" and all(0 < life < inf for life in lives)
        return not is_asked or lives[0] <= lives[1] <= lives[2]
