"""Limits, parameters and mode as people type them: dollars, contracts, percent, seconds; stored as exact integers."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError

from trading import admin_words
from trading.admin_words import Words, help_text
from trading.core import limits as core_limits
from trading.core import parameters as core_parameters
from trading.core.strategies import STRATEGIES
from trading.models import RiskLimits, StrategyParameters, TraderStatus

MILLION, HUNDRED, BILLION = 6, 2, 9
POLICIES = (
    ("cancel", "take back what rests"),
    ("hold", "leave what rests until it expires"),
    ("flatten", "take back what rests and close what is held"),
)


class ScaledField(forms.DecimalField):
    """A decimal number that is an integer inside: typed and shown as value / 10**scale. Refuses what would round."""

    def __init__(self, *, scale: int, unit: str, **options: Any) -> None:
        self.scale, self.unit = scale, unit
        super().__init__(decimal_places=scale, max_digits=18, **options)

    def prepare_value(self, value: Any) -> Any:
        """The integer as a person reads it; what was typed stays as typed."""
        if not isinstance(value, int):
            return value
        return format_scaled(value, self.scale)

    def clean(self, value: Any) -> int | None:  # the cleaned value is the integer
        """What was typed as an integer; None when nothing was."""
        number = super().clean(value)
        return None if number is None else int(number.scaleb(self.scale))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compared as integers."""
        try:
            return bool(initial != self.clean(data))
        except (ValidationError, InvalidOperation):
            return True


def format_scaled(value: int, scale: int) -> str:
    """1_500_000 at a scale of 6 is "1.5"."""
    number = Decimal(value).scaleb(-scale)
    return f"{number.normalize():f}"


def plain(value: Any) -> str:
    """30.0 is "30": a default as a person would type it; a box is ticked or not."""
    if isinstance(value, bool):
        return "ticked" if value else "not ticked"
    return f"{value:g}" if isinstance(value, float) else str(value)


def money(**options: Any) -> ScaledField:
    """Dollars, to a millionth."""
    return ScaledField(scale=MILLION, unit="dollars", min_value=0, **options)


def share(of: str = "the equity", **options: Any) -> ScaledField:
    """Percent of something, to a basis point."""
    return ScaledField(scale=HUNDRED, unit=f"percent of {of}", **({"min_value": 0} | options))


def whole(unit: str) -> ScaledField:
    """How many, or how long in whole units."""
    return ScaledField(scale=0, unit=unit, min_value=0)


def contracts(**options: Any) -> ScaledField:
    """Contracts, to a hundredth."""
    return ScaledField(scale=HUNDRED, unit="contracts", min_value=0, **options)


def seconds(**options: Any) -> ScaledField:
    """Seconds, to a nanosecond."""
    return ScaledField(scale=BILLION, unit="seconds", min_value=0, **options)


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]  # one form for two models
    """Adds a version: all of it is checked together, by the struct that the engine will take."""

    struct: type[msgspec.Struct]
    words: Mapping[str, Words]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        built_in = self.struct()
        for name, field in self.fields.items():  # none of them when an old version is only shown
            words = self.words[name]
            field.label = words.label
            default = field.prepare_value(getattr(built_in, name)) if name in self.struct.__struct_fields__ else ""
            field.help_text = help_text(words, unit=getattr(field, "unit", ""), default=plain(default))

    def clean(self) -> dict[str, Any]:
        """Refuse what the engine would refuse."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and (problems := self.core().problems()):
            raise ValidationError(problems)
        return cleaned

    def core(self) -> Any:
        """What was typed, as the core struct."""
        return self.struct(**{name: self.cleaned_data[name] for name in self.struct.__struct_fields__})


class RiskLimitsForm(VersionForm):
    """The risk limits in dollars, contracts, percent and milliseconds."""

    struct = core_limits.RiskLimits
    words = admin_words.LIMITS

    max_daily_loss = money()
    max_market_exposure = money()
    max_close_exposure = money()
    max_total_exposure = money()
    max_market_share_bp = share()
    max_close_share_bp = share()
    max_total_share_bp = share()
    max_order_count = contracts()
    max_orders_per_minute = whole("orders")
    max_contracts_per_15s = contracts()
    max_drawdown_bp = share("the highest equity")
    max_losing_streak = whole("settled markets")
    max_fee_difference = money()
    max_rejects_per_minute = whole("orders")
    max_stale_ms = whole("milliseconds")
    max_clock_skew_ms = whole("milliseconds")
    min_parse_rate_bp = share("the frames", max_value=100)

    class Meta:
        model = RiskLimits
        fields = (*core_limits.RiskLimits.__struct_fields__, "reason")


class StrategyParametersForm(VersionForm):
    """The strategy parameters; times in seconds."""

    struct = core_parameters.Parameters
    words = admin_words.PARAMETERS

    strategy = forms.ChoiceField(choices=[(name, name) for name in STRATEGIES])
    vwap_window_ns = seconds()
    stale_spot_ns = seconds()
    late_spot_ns = seconds()
    quiet_open_ns = seconds()
    quiet_close_ns = seconds()
    order_interval_ns = seconds()
    order_latency_ns = seconds()
    reply_latency_ns = seconds()
    maker_reaction_ns = seconds()
    maker_stale_ns = seconds()
    maker_quiet_close_ns = seconds()
    quote_life_ns = seconds()
    quote_interval_ns = seconds()
    maker_max_count = contracts()

    class Meta:
        model = StrategyParameters
        fields = (*core_parameters.Parameters.__struct_fields__, "reason")


class ModeForm(forms.ModelForm):  # type: ignore[type-arg]
    """What the trader may do from now on, and why."""

    wanted_policy = forms.ChoiceField(label="What a halt does", choices=POLICIES, required=False)
    wanted_reason = forms.CharField(label="Reason", max_length=200)

    class Meta:
        model = TraderStatus
        fields = ("wanted_mode", "wanted_policy", "wanted_reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["wanted_reason"] = ""  # the last reason is not the next one

    def clean_wanted_policy(self) -> str:
        """What rests is taken back, unless somebody says otherwise."""
        return self.cleaned_data["wanted_policy"] or "cancel"
