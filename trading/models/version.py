"""RiskLimits and StrategyParameters: versions that are only ever added; the newest is in force."""

from typing import Any, get_args

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from trading.core import limits as core_limits
from trading.core import parameters as core_parameters

WHOLE_SHARE_BP = 10_000


class AppendOnlyError(RuntimeError):
    """Somebody tried to change or delete a version. Add a new one instead."""


class VersionQuerySet(models.QuerySet[Any]):
    """Rows that are added and read, nothing else. (The migration also refuses it in the database.)"""

    def update(self, **kwargs: Any) -> int:
        raise AppendOnlyError("versions are never changed: add a new one")

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise AppendOnlyError("versions are never changed: add a new one")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("versions are never deleted: past decisions refer to them")


class Version(models.Model):
    """Who set it, when and why. The primary key is the version."""

    version = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    reason = models.CharField(max_length=200)

    objects = VersionQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"version {self.version}"

    def save(self, *, using: str | None = None, **options: Any) -> None:
        """Insert. Raises AppendOnlyError on a row that is stored already."""
        if not self._state.adding:
            raise AppendOnlyError("versions are never changed: add a new one")
        super().save(force_insert=True, using=using)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("versions are never deleted: past decisions refer to them")


class RiskLimits(Version):
    """What risk may not pass: the fields of the core struct. Writer: services.limits_set."""

    max_daily_loss = models.BigIntegerField()
    max_market_exposure = models.BigIntegerField()
    max_close_exposure = models.BigIntegerField()
    max_total_exposure = models.BigIntegerField()
    max_market_share_bp = models.IntegerField()
    max_close_share_bp = models.IntegerField()
    max_total_share_bp = models.IntegerField()
    max_order_count = models.BigIntegerField()
    max_orders_per_minute = models.IntegerField()
    max_drawdown_bp = models.IntegerField(default=1_000)
    max_losing_streak = models.IntegerField(default=12)
    max_fee_difference = models.BigIntegerField(default=100)
    max_contracts_per_15s = models.BigIntegerField(default=200_000)
    max_stale_ms = models.IntegerField(default=60_000)
    max_clock_skew_ms = models.IntegerField(default=2_000)
    min_parse_rate_bp = models.IntegerField(default=9_900)
    max_rejects_per_minute = models.IntegerField(default=20)

    class Meta:
        ordering = ["-version"]
        verbose_name_plural = "risk limits"
        constraints = [
            models.CheckConstraint(
                condition=Q(max_daily_loss__gte=0, max_market_exposure__gte=0, max_close_exposure__gte=0)
                & Q(max_total_exposure__gte=0, max_market_share_bp__gte=0, max_close_share_bp__gte=0)
                & Q(max_total_share_bp__gte=0, max_order_count__gte=0, max_orders_per_minute__gte=0),
                name="limits_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(max_drawdown_bp__gte=0, max_losing_streak__gte=0, max_fee_difference__gte=0)
                & Q(max_contracts_per_15s__gte=0, max_stale_ms__gte=0, max_clock_skew_ms__gte=0)
                & Q(min_parse_rate_bp__gte=0, max_rejects_per_minute__gte=0),
                name="limits_of_breakers_not_negative",
            ),
        ]

    def limits(self) -> core_limits.RiskLimits:
        """These limits as the engine takes them."""
        names = core_limits.RiskLimits.__struct_fields__
        return core_limits.RiskLimits(**{name: getattr(self, name) for name in names})


class StrategyParameters(Version):
    """How to price and what to want: the fields of the core struct. Writer: services.parameters_set."""

    strategy = models.CharField(max_length=32)
    model = models.CharField(max_length=16, choices=[(name, name) for name in ("gbm_avg", "abm_avg", "digital")])
    tails = models.CharField(max_length=16, choices=[(name, name) for name in get_args(core_parameters.TailName)])
    degrees_of_freedom = models.FloatField()
    short_degrees_of_freedom = models.FloatField()
    level_noise_bp = models.FloatField()
    vwap_window_ns = models.BigIntegerField()
    stale_spot_ns = models.BigIntegerField()
    volatility_half_life_s = models.FloatField()
    volatility_step_s = models.IntegerField()
    edge_threshold = models.FloatField()
    slippage = models.FloatField()
    min_confidence = models.FloatField()
    quorum = models.IntegerField()
    kelly_fraction = models.FloatField()
    probability_margin = models.FloatField()
    volatility_error = models.FloatField()
    calibration_error = models.FloatField()
    depth_share = models.FloatField()
    top_up_share = models.FloatField()
    quiet_open_ns = models.BigIntegerField()
    quiet_close_ns = models.BigIntegerField()
    order_interval_ns = models.BigIntegerField()
    order_latency_ns = models.BigIntegerField()
    reply_latency_ns = models.BigIntegerField()
    price_method = models.CharField(
        max_length=16, choices=[(name, name) for name in get_args(core_parameters.PriceMethod)]
    )
    late_spot_ns = models.BigIntegerField()
    drift = models.FloatField()
    mixture_weight = models.FloatField()
    mixture_narrow = models.FloatField()
    settlement_window = models.CharField(
        max_length=16, choices=[(name, name) for name in get_args(core_parameters.SettlementWindow)]
    )
    settlement_failure = models.FloatField()
    volatility_forecast = models.CharField(
        max_length=16, choices=[(name, name) for name in get_args(core_parameters.ForecastName)]
    )
    volatility_fast_s = models.FloatField()
    volatility_slow_s = models.FloatField()
    index_step_s = models.IntegerField()
    seasonality = models.BooleanField()
    least_volatility = models.FloatField()
    most_volatility = models.FloatField()
    cold_volatility_error = models.FloatField()
    calibration = models.CharField(
        max_length=16, choices=[(name, name) for name in get_args(core_parameters.CalibrationName)]
    )
    calibration_windows = models.IntegerField()
    pooling = models.CharField(max_length=16, choices=[(name, name) for name in get_args(core_parameters.PoolingName)])
    pooling_weight = models.FloatField()
    pooling_windows = models.IntegerField()
    edge_basis = models.CharField(max_length=16, choices=[(name, name) for name in get_args(core_parameters.EdgeBasis)])
    exit_margin = models.FloatField()
    joint_kelly = models.BooleanField(default=True)
    correlation_floor = models.FloatField(default=0.5)
    fractional = models.BooleanField(default=False)
    volume_share = models.FloatField(default=0.10)
    maker_skew = models.FloatField(default=0.10)
    maker_half_spread = models.FloatField(default=0.01)
    maker_adverse = models.FloatField(default=0.005)
    maker_reaction_ns = models.BigIntegerField(default=250_000_000)
    maker_stale_ns = models.BigIntegerField(default=400_000_000)
    maker_quiet_close_ns = models.BigIntegerField(default=90_000_000_000)
    maker_max_count = models.BigIntegerField(default=5_000)
    quote_life_ns = models.BigIntegerField(default=30_000_000_000)
    quote_improvement = models.IntegerField(default=100)
    quote_interval_ns = models.BigIntegerField(default=1_000_000_000)

    class Meta:
        ordering = ["-version"]
        verbose_name_plural = "strategy parameters"
        constraints = [
            models.CheckConstraint(
                condition=Q(kelly_fraction__gte=0, kelly_fraction__lte=1), name="parameters_kelly_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(vwap_window_ns__gt=0, stale_spot_ns__gt=0, quorum__gte=1),
                name="parameters_windows_positive",
            ),
            models.CheckConstraint(condition=Q(late_spot_ns__gt=0), name="parameters_lateness_positive"),
            models.CheckConstraint(
                condition=Q(pooling_weight__gte=0, pooling_weight__lte=1), name="parameters_pooling_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(order_latency_ns__gte=0, reply_latency_ns__gte=0), name="parameters_latency_not_negative"
            ),
        ]

    def parameters(self) -> core_parameters.Parameters:
        """These parameters as the engine takes them."""
        names = core_parameters.Parameters.__struct_fields__
        return core_parameters.Parameters(**{name: getattr(self, name) for name in names})
