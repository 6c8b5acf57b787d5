"""What every limit and parameter is called, what it does, and how they are grouped: the words of the admin's forms."""

from typing import NamedTuple


class Words(NamedTuple):
    """A field's name for people and one sentence of help; the unit and the default are added to it."""

    label: str
    help: str


LIMITS = {
    "max_daily_loss": Words(
        "Daily loss", "Counts the realised loss of the UTC day and the worst case of all that is open; at the limit trading stops."
    ),
    "max_total_exposure": Words("At risk in all", "The most that can be lost on everything open and working together."),
    "max_total_share_bp": Words("Share in all", "The same as a share of the equity; the lower of the two binds."),
    "max_close_exposure": Words("At risk on one close", "The most that can be lost in markets that close at the same time."),
    "max_close_share_bp": Words("Share on one close", "The same as a share of the equity; the lower of the two binds."),
    "max_market_exposure": Words("At risk in one market", "The most that can be lost in one market."),
    "max_market_share_bp": Words("Share in one market", "The same as a share of the equity; the lower of the two binds."),
    "max_order_count": Words("Size of one order", "No order is larger."),
    "max_orders_per_minute": Words("Orders a minute", "Over any sixty seconds, all markets together."),
    "reason": Words("Why", "Kept with the version, beside your name."),
}  # fmt: skip

LIMIT_GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("The day", "A limit of 0 means that nothing at all may be risked, never that there is no limit.", ("max_daily_loss",)),
    ("Everything open", "", ("max_total_exposure", "max_total_share_bp")),
    ("One close", "", ("max_close_exposure", "max_close_share_bp")),
    ("One market", "", ("max_market_exposure", "max_market_share_bp")),
    ("Orders", "", ("max_order_count", "max_orders_per_minute")),
    ("This version", "The trader has it within two seconds of saving. Earlier versions stay.", ("reason",)),
)  # fmt: skip

PARAMETERS = {
    "strategy": Words("Strategy", "Which strategy decides. edge_taker takes what is displayed when the net edge is large enough."),
    "model": Words("Fair value model", "gbm_avg and abm_avg price the average of sixty seconds the contract settles on; digital is plain Black-Scholes."),
    "tails": Words("Tails", "The shape of large moves: student_t is fatter than normal."),
    "degrees_of_freedom": Words("Degrees of freedom", "Of Student's t, above 2; fewer mean fatter tails."),
    "short_degrees_of_freedom": Words("Degrees of freedom, last 30 s", "The same with less than thirty seconds to go."),
    "level_noise_bp": Words("Noise of the index", "In basis points of the price: how far our estimate of the index may be off, one standard deviation; where the price method itself is less sure, that counts."),
    "price_method": Words("Price method", "fusion weighs every venue by how sure it is and learns what each is above the index; vwap is the volume-weighted price of the trades; median the volume-weighted median of the venues; replica makes the index anew from the venues' books."),
    "late_spot_ns": Words("Spot is late after", "A venue whose messages come so much later than they usually do after its own time stamp does not count."),
    "vwap_window_ns": Words("VWAP window", "Trades of the last so many seconds make the volume-weighted price."),
    "stale_spot_ns": Words("Spot is stale after", "A venue silent for longer, heartbeats included, does not count; where there are only trades, one without a trade."),
    "quorum": Words("Fresh venues needed", "With fewer of them there is no spot price and no trade. Where the source has fewer venues, such as a recording with one, all of them are needed."),
    "volatility_half_life_s": Words("Volatility half-life", "In seconds: a return so old counts half."),
    "volatility_step_s": Words("Volatility step", "In seconds, 1 to 300: the length of the returns it is made from."),
    "edge_threshold": Words("Least net edge", "In dollars a contract (0.03 is three cents), after the fee and slippage."),
    "slippage": Words("Allowance for slippage", "In dollars a contract, taken off every edge."),
    "min_confidence": Words("Least confidence", "Of 100: below it nothing is traded."),
    "kelly_fraction": Words("Kelly fraction", "0 to 1: the share of the full Kelly stake."),
    "probability_margin": Words("Caution in sizing", "In standard errors: so far the fair value is moved towards the market before the stake is worked out."),
    "volatility_error": Words("Error of the volatility", "As a fraction (0.12 is twelve percent): its standard error, for sizing and confidence."),
    "calibration_error": Words("Error of the model", "As a probability (0.015 is one and a half points): what the model gets wrong whatever the price."),
    "depth_share": Words("Most of the displayed size", "Above 0, at most 1: the share of the size on display an order may ask for."),
    "top_up_share": Words("Add to a position from", "0 to 1: a position is added to when at least this share of what the edge is worth is missing."),
    "quiet_open_ns": Words("No trade after the open for", "A market just opened is left alone for so long."),
    "quiet_close_ns": Words("No trade before the close for", "Nothing is sent so shortly before the close."),
    "order_interval_ns": Words("Between two orders in a market", "At least so long after one order before the next."),
    "order_latency_ns": Words("Paper: order on its way", "From the decision to the arrival at the paper exchange; the order meets the book as it is then."),
    "reply_latency_ns": Words("Paper: answer on its way", "From the paper exchange back to us."),
    "reason": LIMITS["reason"],
}  # fmt: skip

PARAMETER_GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Strategy", "", ("strategy",)),
    ("Spot price", "", ("price_method", "vwap_window_ns", "stale_spot_ns", "late_spot_ns", "quorum", "level_noise_bp")),
    ("Volatility", "", ("volatility_half_life_s", "volatility_step_s", "volatility_error")),
    ("Fair value", "", ("model", "tails", "degrees_of_freedom", "short_degrees_of_freedom", "calibration_error")),
    ("When to trade", "", ("edge_threshold", "slippage", "min_confidence", "quiet_open_ns", "quiet_close_ns", "order_interval_ns")),
    ("How much", "", ("kelly_fraction", "probability_margin", "depth_share", "top_up_share")),
    ("Paper exchange", "", ("order_latency_ns", "reply_latency_ns")),
    ("This version", "The trader has it within two seconds of saving. Earlier versions stay.", ("reason",)),
)  # fmt: skip


def help_text(words: Words, *, unit: str, default: str) -> str:
    """The sentence with unit and default: "In dollars. Counts … Default: 500."."""
    parts = [f"In {unit}." if unit else "", words.help, f"Default: {default}." if default else ""]
    return " ".join(part for part in parts if part)
