"""The settings a person may turn for a run: one table that form, command line and API are all made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

import msgspec

from markets.core.units import Money, money_from_text, money_text
from trading.core.limits import RiskLimits
from trading.core.parameters import (
    CalibrationName,
    EdgeBasis,
    ForecastName,
    ModelName,
    Parameters,
    PoolingName,
    PriceMethod,
    SettlementWindow,
    TailName,
)
from trading.core.strategies import STRATEGIES

ON_OFF = ("on", "off")
MOST_MONEY = 10**15  # a thousand million dollars: beyond it somebody mistyped


class InputError(ValueError):
    """What cannot be run, one sentence a field. `problems` maps the name of a field to its sentence."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True)
class Knob:
    """One setting: what people call it, and which field of RiskLimits or Parameters it turns.

    `scale` is how many of the field's units make one of the person's (100 makes percent of a fraction);
    0 marks a choice.
    """

    name: str
    label: str
    group: str
    field: str
    scale: Decimal = Decimal(1)
    unit: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()
    is_limit: bool = False
    is_whole: bool = False
    is_switch: bool = False  # its choices are "on" and "off"

    def default(self) -> str:
        """The built-in value, as a person would write it."""
        value = getattr(RiskLimits() if self.is_limit else Parameters(), self.field)
        return self.shown(value)

    def shown(self, value: Any) -> str:
        """A field's value as a person would write it."""
        if self.is_switch:
            return ON_OFF[not value]
        if self.choices:
            return str(value)
        return plain(Decimal(str(value)) / self.scale)

    def spoken(self, value: Any) -> str:
        """The same with its unit."""
        shown = self.shown(value)
        return f"${shown}" if self.unit == "$" else f"{shown} {self.unit}".strip()

    def read(self, text: str) -> Any:
        """The field's value for what a person wrote. Raises ValueError with a sentence."""
        if self.choices:
            if text not in self.choices:
                raise ValueError(f"{self.label}: {text!r} is unknown; choose one of {', '.join(self.choices)}.")
            return text == ON_OFF[0] if self.is_switch else text
        number = decimal_from(text, self.label) * self.scale
        if not self.is_whole:
            return float(number)
        if number != int(number):
            raise ValueError(f"{self.label}: {text} is finer than what is kept.")
        return int(number)


DOLLARS, PERCENT, SHARE, HUNDRED = Decimal(1_000_000), Decimal("0.01"), Decimal(100), Decimal(100)
SECONDS, MILLISECONDS = Decimal(1_000_000_000), Decimal(1_000_000)
CENTS, CONTRACTS = Decimal(100), Decimal(100)


def _limit(name: str, label: str, field: str, *, scale: Decimal, unit: str) -> Knob:
    return Knob(name, label, "Limits", field, scale, unit, is_limit=True, is_whole=True)


KNOBS: tuple[Knob, ...] = (
    Knob("strategy", "Strategy", "Strategy", "strategy", choices=tuple(STRATEGIES),
         help="edge_taker takes what is displayed; edge_maker rests quotes around fair value."),
    Knob("model", "Fair value model", "Pricing", "model", choices=get_args(ModelName),
         help="gbm_avg and abm_avg price the average the contract settles on; digital is plain Black-Scholes."),
    Knob("tails", "Tails", "Pricing", "tails", choices=get_args(TailName)),
    Knob("price", "Price method", "Pricing", "price_method", choices=get_args(PriceMethod),
         help="How one price is made of what the venues say; fusion learns what each venue is above the index."),
    Knob("vwap", "VWAP window", "Pricing", "vwap_window_ns", SECONDS, "s", is_whole=True),
    Knob("settlement", "Sixty seconds that settle", "Pricing", "settlement_window", choices=get_args(SettlementWindow),
         help="open_right ends one second before the close, closed_right at the close."),
    Knob("volatility", "Volatility forecast", "Pricing", "volatility_forecast", choices=get_args(ForecastName),
         help="blend weighs a fast, a middle and a slow estimate; single uses the one half-life alone."),
    Knob("half_life", "Volatility half-life", "Pricing", "volatility_half_life_s", unit="s",
         help="In the blend the middle one of three."),
    Knob("half_life_fast", "Volatility half-life, fast", "Pricing", "volatility_fast_s", unit="s"),
    Knob("half_life_slow", "Volatility half-life, slow", "Pricing", "volatility_slow_s", unit="s"),
    Knob("seasonality", "Hours of the day", "Pricing", "seasonality", choices=ON_OFF, is_switch=True,
         help="Whether the volatility follows the hour of the day."),
    Knob("calibration", "Calibration map", "Pricing", "calibration", choices=get_args(CalibrationName),
         help="Which kind of fitted map is laid over the model, where there is one; off lays none."),
    Knob("calibration_windows", "Windows a map needs", "Pricing", "calibration_windows", is_whole=True),
    Knob("stale_spot", "Spot is stale after", "Pricing", "stale_spot_ns", SECONDS, "s", is_whole=True),
    Knob("late_spot", "Spot is late after", "Pricing", "late_spot_ns", SECONDS, "s", is_whole=True,
         help="Behind the venue's own time stamp, more than is usual for it."),
    Knob("quorum", "Fresh venues needed", "Pricing", "quorum", is_whole=True,
         help="Of a source that has fewer venues, all of them."),
    Knob("pooling", "Pooling with the market", "Signal", "pooling", choices=get_args(PoolingName),
         help="fitted mixes our probability with the market's own before it is traded on; off trades on ours alone."),
    Knob("pooling_weight", "Weight of our opinion", "Signal", "pooling_weight",
         help="0 to 1, until one is fitted: 0 believes the market, 1 believes us."),
    Knob("pooling_windows", "Windows a weight needs", "Signal", "pooling_windows", is_whole=True),
    Knob("edge", "Least edge", "Signal", "edge_threshold", PERCENT, "%", help="In cents a contract of one dollar."),
    Knob("edge_basis", "Edge that the gate looks at", "Signal", "edge_basis", choices=get_args(EdgeBasis),
         help="net is after the fee and slippage, gross before them."),
    Knob("slippage", "Allowance for slippage", "Signal", "slippage", PERCENT, "%"),
    Knob("confidence", "Least confidence", "Signal", "min_confidence", unit="of 100"),
    Knob("exit_margin", "Margin of an exit", "Signal", "exit_margin", PERCENT, "%",
         help="What is held is sold when that brings more than it is worth by this, in cents a contract."),
    Knob("kelly", "Kelly fraction", "Size", "kelly_fraction", PERCENT, "%"),
    Knob("margin", "Caution in sizing", "Size", "probability_margin", unit="standard errors"),
    Knob("depth_share", "Most of the displayed size", "Size", "depth_share", PERCENT, "%"),
    Knob("top_up", "Add to a position from", "Size", "top_up_share", PERCENT, "%",
         help="Of what the edge is worth, when so much is missing."),
    Knob("joint", "Size windows together", "Size", "joint_kelly", choices=ON_OFF, is_switch=True,
         help="Whether windows that close together are sized as one bet."),
    Knob("correlation", "Least correlation of two coins", "Size", "correlation_floor"),
    Knob("fractional", "Hundredths of a contract", "Size", "fractional", choices=ON_OFF, is_switch=True,
         help="Where the market allows them; else whole contracts."),
    Knob("volume_share", "Most of the traded volume", "Size", "volume_share", PERCENT, "%",
         help="Of what has traded in the window so far; 100 is no cap."),
    _limit("market_cap", "Most at risk in one market", "max_market_exposure", scale=DOLLARS, unit="$"),
    _limit("market_share", "One market, of the equity", "max_market_share_bp", scale=SHARE, unit="%"),
    _limit("close_cap", "Most at risk on one close", "max_close_exposure", scale=DOLLARS, unit="$"),
    _limit("close_share", "One close, of the equity", "max_close_share_bp", scale=SHARE, unit="%"),
    _limit("total_cap", "Most at risk in total", "max_total_exposure", scale=DOLLARS, unit="$"),
    _limit("total_share", "Total, of the equity", "max_total_share_bp", scale=SHARE, unit="%"),
    _limit("order_count", "Size of one order", "max_order_count", scale=HUNDRED, unit="contracts"),
    _limit("order_rate", "Orders a minute", "max_orders_per_minute", scale=Decimal(1), unit="orders"),
    _limit("contract_rate", "Contracts in 15 seconds", "max_contracts_per_15s", scale=HUNDRED, unit="contracts"),
    _limit("drawdown", "Drawdown that stops it", "max_drawdown_bp", scale=SHARE, unit="%"),
    _limit("losing_streak", "Losing streak that stops it", "max_losing_streak", scale=Decimal(1), unit="markets"),
    _limit("rejects", "Refused orders a minute that stop it", "max_rejects_per_minute", scale=Decimal(1), unit="orders"),
    _limit("silence", "Silence of books or spot that stops it", "max_stale_ms", scale=Decimal(1), unit="ms"),
    Knob("maker_spread", "Least half spread", "Quotes", "maker_half_spread", PERCENT, "%",
         help="In cents a contract, on either side of what we believe; more where being picked off costs more."),
    Knob("maker_adverse", "Margin for informed trades", "Quotes", "maker_adverse", PERCENT, "%"),
    Knob("maker_skew", "Skew with inventory", "Quotes", "maker_skew",
         help="How far a full inventory moves the quotes, times p (1 - p)."),
    Knob("maker_size", "Largest quote", "Quotes", "maker_max_count", CONTRACTS, "contracts", is_whole=True),
    Knob("maker_reaction", "Our reaction time", "Quotes", "maker_reaction_ns", MILLISECONDS, "ms", is_whole=True,
         help="How long a quote is exposed to news before it is pulled."),
    Knob("maker_stale", "Quotes are stale after", "Quotes", "maker_stale_ns", MILLISECONDS, "ms", is_whole=True),
    Knob("maker_quiet_close", "No quotes before the close for", "Quotes", "maker_quiet_close_ns", SECONDS, "s",
         is_whole=True),
    Knob("quote_life", "Life of a quote", "Quotes", "quote_life_ns", SECONDS, "s", is_whole=True,
         help="It expires by itself so long after it was last confirmed."),
    Knob("quote_move", "Least move of a quote", "Quotes", "quote_improvement", CENTS, "cents", is_whole=True),
    Knob("quote_interval", "Between two moves of a quote", "Quotes", "quote_interval_ns", SECONDS, "s", is_whole=True),
    Knob("latency", "Order latency", "Timing", "order_latency_ns", MILLISECONDS, "ms", is_whole=True,
         help="From the decision to the arrival at the exchange; the order meets the book as it is then."),
    Knob("reply", "Reply latency", "Timing", "reply_latency_ns", MILLISECONDS, "ms", is_whole=True),
    Knob("order_interval", "Between two orders in a market", "Timing", "order_interval_ns", SECONDS, "s", is_whole=True),
    Knob("quiet_open", "No trade after the open for", "Timing", "quiet_open_ns", SECONDS, "s", is_whole=True),
    Knob("quiet_close", "No trade before the close for", "Timing", "quiet_close_ns", SECONDS, "s", is_whole=True),
)  # fmt: skip


def settings_from(values: Mapping[str, str], *, max_daily_loss: Money) -> tuple[RiskLimits, Parameters]:
    """Limits and parameters with every knob that `values` names turned; the others stay as built in.
    Raises InputError with a sentence for each that cannot be."""
    turned: dict[bool, dict[str, Any]] = {True: {"max_daily_loss": max_daily_loss}, False: {}}
    problems: dict[str, str] = {}
    for knob in KNOBS:
        if not values.get(knob.name):
            continue
        try:
            turned[knob.is_limit][knob.field] = knob.read(values[knob.name])
        except ValueError as error:
            problems[knob.name] = str(error)
    if problems:
        raise InputError(problems)
    limits = msgspec.structs.replace(RiskLimits(), **turned[True])
    parameters = msgspec.structs.replace(Parameters(), **turned[False])
    if wrong := [*limits.problems(), *parameters.problems()]:
        words = "; ".join(wrong)
        raise InputError({"": f"{words[0].upper()}{words[1:]}."})
    return limits, parameters


def money_from(text: str, label: str, *, at_least: int = 0) -> Money:
    """Dollars as a person writes them ("10000", "$1,000.50") to Money. Raises ValueError with a sentence."""
    try:
        money = money_from_text(text.strip().removeprefix("$").replace(",", ""))
    except ValueError:
        raise ValueError(f"{label}: {text!r} is not an amount in dollars with at most six decimals.") from None
    if not at_least <= money <= MOST_MONEY:
        raise ValueError(f"{label}: {text} is outside {plain_money(at_least)} to {plain_money(MOST_MONEY)} dollars.")
    return money


def decimal_from(text: str, label: str) -> Decimal:
    """A finite number of a sensible size. Raises ValueError with a sentence."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{label}: {text!r} is not a number.") from None
    if not number.is_finite() or abs(number) > 10**12:
        raise ValueError(f"{label}: {text} is not a usable number.")
    return number


def plain(number: Decimal) -> str:
    """Without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain_money(money: int) -> str:
    """10500000 -> "10.5"."""
    return plain(Decimal(money_text(money)))
