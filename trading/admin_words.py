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
    "max_orders_per_minute": Words("Orders a minute", "New orders and changes over any sixty seconds, all markets together; taking one back is always free."),
    "max_contracts_per_15s": Words("Contracts in 15 seconds", "What has traded in the last fifteen seconds and what may at any moment; the exchange keeps the same limit in an order group."),
    "max_drawdown_bp": Words("Drawdown", "When the equity is so far below its highest, trading stops until a person sets the mode again. Money paid in or out counts for nothing."),
    "max_losing_streak": Words("Losing streak", "After so many settled markets in a row that lost, trading stops until a person sets the mode again."),
    "max_fee_difference": Words("Fee difference", "When a fill is charged more or less than the fee terms say by more than this, trading stops until a person sets the mode again."),
    "max_rejects_per_minute": Words("Rejected orders a minute", "When the exchange has refused so many within sixty seconds, nothing is sent until a minute has passed."),
    "max_stale_ms": Words("Silence of books or spot", "When no book or no spot price of the open markets was heard for so long, nothing is sent until they are heard for ten seconds again."),
    "max_clock_skew_ms": Words("Clock difference", "Between our clock and the exchange's; from there on nothing is sent to the exchange."),
    "min_parse_rate_bp": Words("Least share of readable frames", "Of the frames of each feed; with fewer nothing is sent to the exchange. Above 0."),
    "reason": Words("Why", "Kept with the version, beside your name."),
}  # fmt: skip

LIMIT_GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("The day", "A limit of 0 means that nothing at all may be risked, never that there is no limit.", ("max_daily_loss",)),
    ("Everything open", "", ("max_total_exposure", "max_total_share_bp")),
    ("One close", "", ("max_close_exposure", "max_close_share_bp")),
    ("One market", "", ("max_market_exposure", "max_market_share_bp")),
    ("Orders", "", ("max_order_count", "max_orders_per_minute", "max_contracts_per_15s")),
    ("Breakers", "What stops trading as a whole. Each clears itself or waits for a person, as it says.", (
        "max_drawdown_bp", "max_losing_streak", "max_fee_difference", "max_rejects_per_minute", "max_stale_ms", "max_clock_skew_ms",
        "min_parse_rate_bp",
    )),
    ("This version", "The trader has it within two seconds of saving. Earlier versions stay.", ("reason",)),
)  # fmt: skip

PARAMETERS = {
    "strategy": Words("Strategy", "Which strategy decides. edge_taker takes what is displayed when the net edge is large enough; edge_maker rests quotes around fair value and never crosses the spread."),
    "model": Words("Fair value model", "gbm_avg and abm_avg price the average of sixty seconds the contract settles on; digital is plain Black-Scholes."),
    "tails": Words("Tails", "The shape of large moves: student_t is fatter than normal; mixture is two normals, a narrow and a wide one; empirical is what past windows showed, where that was fitted, else student_t."),
    "degrees_of_freedom": Words("Degrees of freedom", "Of Student's t, above 2; fewer mean fatter tails."),
    "short_degrees_of_freedom": Words("Degrees of freedom, last 30 s", "The same with less than thirty seconds to go."),
    "level_noise_bp": Words("Noise of the index", "In basis points of the price: how far our estimate of the index may be off, one standard deviation; where the price method itself is less sure, that counts."),
    "price_method": Words("Price method", "fusion weighs every venue by how sure it is and learns what each is above the index; vwap is the volume-weighted price of the trades; median the volume-weighted median of the venues; replica makes the index anew from the venues' books."),
    "late_spot_ns": Words("Spot is late after", "A venue whose messages come so much later than they usually do after its own time stamp does not count."),
    "vwap_window_ns": Words("VWAP window", "Trades of the last so many seconds make the volume-weighted price."),
    "stale_spot_ns": Words("Spot is stale after", "A venue silent for longer, heartbeats included, does not count; where there are only trades, one without a trade."),
    "quorum": Words("Fresh venues needed", "With fewer of them there is no spot price and no trade. Where the source has fewer venues, such as a recording with one, all of them are needed."),
    "drift": Words("Drift", "Of the price, as a fraction a year (1 is a hundred percent); in fifteen minutes even that is next to nothing."),
    "mixture_weight": Words("Weight of the narrow normal", "Between 0 and 1, for the mixture: how often a move is of the narrow kind."),
    "mixture_narrow": Words("Width of the narrow normal", "In standard deviations of the whole mixture; the wide one follows from it."),
    "settlement_window": Words("Sixty seconds that settle", "open_right ends one second before the close, closed_right at the close. The audit after every settlement says which fits."),
    "settlement_failure": Words("Chance of a failed settlement", "0 to 1: that no index value comes and the market resolves NO."),
    "volatility_forecast": Words("Volatility forecast", "blend weighs a fast, a middle and a slow estimate by the time left; single uses the one half-life alone."),
    "volatility_fast_s": Words("Volatility half-life, fast", "In seconds: of the fastest of the three in the blend."),
    "volatility_half_life_s": Words("Volatility half-life", "In seconds: a return so old counts half. In the blend the middle one of three."),
    "volatility_slow_s": Words("Volatility half-life, slow", "In seconds: of the slowest of the three in the blend."),
    "volatility_step_s": Words("Volatility step", "In seconds, 1 to 300: the length of the returns it is made from."),
    "index_step_s": Words("Volatility step on the index", "The same where the published index itself is heard, which needs less smoothing."),
    "seasonality": Words("Hours of the day", "Whether the volatility follows the hour of the day and the weekend."),
    "least_volatility": Words("Least volatility", "A year, as a fraction (0.10 is ten percent): a lower estimate is not believed."),
    "most_volatility": Words("Most volatility", "A year, as a fraction (4 is four hundred percent): a higher estimate is not believed."),
    "cold_volatility_error": Words("Error of a cold volatility", "As a fraction: its standard error until ten minutes of prices were heard."),
    "calibration": Words("Calibration map", "Which kind of fitted map is laid over the model, where one was fitted on past windows; off lays none."),
    "calibration_windows": Words("Windows a map needs", "A map fitted on fewer is not used; isotonic needs ten times as many."),
    "pooling": Words("Pooling with the market", "fitted mixes our probability with the market's own before anything is traded, and trades nothing where past windows show no measurable edge; off trades on our opinion alone."),
    "pooling_weight": Words("Weight of our opinion", "0 to 1, used until one is fitted: 0 believes the market, 1 believes us."),
    "pooling_windows": Words("Windows a weight needs", "A weight fitted on fewer is not used."),
    "edge_basis": Words("Edge that the gate looks at", "net is after the fee and slippage, gross before them."),
    "exit_margin": Words("Margin of an exit", "In dollars a contract: what is held is sold when that brings, after the fee, more than it is worth by this."),
    "edge_threshold": Words("Least edge", "In dollars a contract (0.03 is three cents): what we believe less what it costs; after the fee and slippage, unless the edge that the gate looks at is gross."),
    "slippage": Words("Allowance for slippage", "In dollars a contract, taken off every edge."),
    "min_confidence": Words("Least confidence", "Of 100: below it nothing is traded."),
    "kelly_fraction": Words("Kelly fraction", "0 to 1: the share of the full Kelly stake."),
    "probability_margin": Words("Caution in sizing", "In standard errors: so far what we believe is moved towards the market before the stake is worked out."),
    "volatility_error": Words("Error of the volatility", "As a fraction (0.12 is twelve percent): its standard error, for sizing and confidence."),
    "calibration_error": Words("Error of the model", "As a probability (0.015 is one and a half points): what the model gets wrong whatever the price, where no fitted map says it."),
    "depth_share": Words("Most of the displayed size", "Above 0, at most 1: the share of the size on display an order may ask for."),
    "top_up_share": Words("Add to a position from", "0 to 1: a position is added to when at least this share of what the edge is worth is missing."),
    "quiet_open_ns": Words("No trade after the open for", "A market just opened is left alone for so long."),
    "quiet_close_ns": Words("No trade before the close for", "Nothing is sent so shortly before the close."),
    "order_interval_ns": Words("Between two orders in a market", "At least so long after one order before the next."),
    "joint_kelly": Words("Size windows together", "Whether windows that close together are sized as one bet: the coins move as one."),
    "correlation_floor": Words("Least correlation", "0 or more, below 1: what two coins' index returns are taken to have in common at least."),
    "fractional": Words("Hundredths of a contract", "Whether sizes are in hundredths of a contract, where the market allows it; else whole contracts."),
    "volume_share": Words("Most of the traded volume", "Above 0, at most 1: the share of what has traded in the window so far that an order may ask for; 1 is no cap."),
    "maker_skew": Words("Skew with inventory", "How far a full inventory moves the quotes, times p (1 - p): with 0.1 at even odds two and a half cents."),
    "maker_half_spread": Words("Least half spread", "In dollars a contract: a quote is at least so far from what we believe; further where being picked off costs more."),
    "maker_adverse": Words("Margin for informed trades", "In dollars a contract: what a fill of a quote is expected to cost us beside being picked off."),
    "maker_reaction_ns": Words("Our reaction time", "How long a quote is exposed to news before it is pulled; after a move the quotes stay away for as long."),
    "maker_stale_ns": Words("Quotes are stale after", "Quotes are pulled when the spot price is older, or the next value of the index so much overdue."),
    "maker_quiet_close_ns": Words("No quotes before the close for", "Quotes are pulled so long before the close, and expire by then."),
    "maker_max_count": Words("Largest quote", "No quote is larger."),
    "quote_life_ns": Words("Life of a quote", "A resting order expires by itself so long after it was last confirmed."),
    "quote_improvement": Words("Least move of a quote", "In hundredths of a cent (100 is a cent): a resting order is moved when its price is off by so much."),
    "quote_interval_ns": Words("Between two moves of a quote", "A resting order is moved again after so long at the earliest."),
    "order_latency_ns": Words("Paper: order on its way", "From the decision to the arrival at the paper exchange, of cancels and amends too; the order meets the book as it is then."),
    "reply_latency_ns": Words("Paper: answer on its way", "From the paper exchange back to us."),
    "reason": LIMITS["reason"],
}  # fmt: skip

PARAMETER_GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Strategy", "", ("strategy",)),
    ("Spot price", "", ("price_method", "vwap_window_ns", "stale_spot_ns", "late_spot_ns", "quorum", "level_noise_bp")),
    ("Volatility", "", (
        "volatility_forecast", "volatility_fast_s", "volatility_half_life_s", "volatility_slow_s", "volatility_step_s", "index_step_s",
        "seasonality", "least_volatility", "most_volatility", "volatility_error", "cold_volatility_error",
    )),
    ("Fair value", "", (
        "model", "tails", "degrees_of_freedom", "short_degrees_of_freedom", "mixture_weight", "mixture_narrow", "drift",
        "settlement_window", "settlement_failure",
    )),
    ("What past windows teach", "Fitted on windows that were over before it is used. Until then the numbers here stand.", (
        "calibration", "calibration_windows", "calibration_error", "pooling", "pooling_weight", "pooling_windows",
    )),
    ("When to trade", "", (
        "edge_threshold", "edge_basis", "slippage", "min_confidence", "exit_margin", "quiet_open_ns", "quiet_close_ns",
        "order_interval_ns",
    )),
    ("How much", "", (
        "kelly_fraction", "probability_margin", "joint_kelly", "correlation_floor", "depth_share", "volume_share", "top_up_share",
        "fractional",
    )),
    ("Quotes", "Of strategies whose orders rest in the book, such as edge_maker.", (
        "maker_half_spread", "maker_adverse", "maker_skew", "maker_max_count", "maker_reaction_ns", "maker_stale_ns",
        "maker_quiet_close_ns", "quote_life_ns", "quote_improvement", "quote_interval_ns",
    )),
    ("Paper exchange", "", ("order_latency_ns", "reply_latency_ns")),
    ("This version", "The trader has it within two seconds of saving. Earlier versions stay.", ("reason",)),
)  # fmt: skip


def help_text(words: Words, *, unit: str, default: str) -> str:
    """The sentence with unit and default: "In dollars. Counts … Default: 500."."""
    parts = [f"In {unit}." if unit else "", words.help, f"Default: {default}." if default else ""]
    return " ".join(part for part in parts if part)
