"""Forecast and SettlementAudit: what was said of every window before its close, and what it settled on. Only ever added."""

from django.db import models
from django.db.models import Q

from trading.models.session import TradingSession


class Forecast(models.Model):
    """What models and market said of one window at a fixed time before its close; see trading.core.decision.Forecast.

    The outcome is the market's own row: it was not known then. Writer: records.
    """

    session = models.ForeignKey(TradingSession, on_delete=models.PROTECT, related_name="forecasts")
    account = models.CharField(max_length=64)
    ticker = models.CharField(max_length=64)
    asset = models.CharField(max_length=16)
    close_ns = models.BigIntegerField()
    seconds_left = models.IntegerField(help_text="the time before the close it is for")
    event_ns = models.BigIntegerField(help_text="when it was made")
    reason = models.CharField(max_length=32, blank=True, default="", help_text="why there is no probability")
    fair = models.FloatField(null=True, help_text="by the configured model")
    calibrated = models.FloatField(null=True, help_text="after the calibration map in force")
    pooled = models.FloatField(null=True, help_text="after pooling with the market: what is traded on")
    digital = models.FloatField(null=True)
    abm_avg = models.FloatField(null=True)
    gbm_avg = models.FloatField(null=True)
    gbm_avg_t = models.FloatField(null=True)
    gbm_avg_mix = models.FloatField(null=True)
    gbm_avg_emp = models.FloatField(null=True)
    bid = models.IntegerField()
    ask = models.IntegerField()
    bid_count = models.BigIntegerField()
    ask_count = models.BigIntegerField()
    book_age_ns = models.BigIntegerField(null=True)
    strike = models.FloatField(null=True)
    spot = models.FloatField(null=True)
    spot_age_ns = models.BigIntegerField(null=True)
    sigma = models.FloatField(null=True, help_text="annualised")
    level_error = models.FloatField(null=True)
    z = models.FloatField(null=True)
    known = models.SmallIntegerField()
    missing = models.SmallIntegerField()
    is_official = models.BooleanField()
    parameters_version = models.BigIntegerField()
    fitted_versions = models.JSONField(default=list)
    rates = models.JSONField(default=list, help_text="variance a second: fast, middle, slow; without the hours")

    class Meta:
        ordering = ["-close_ns", "ticker", "-seconds_left"]
        indexes = [models.Index(fields=["account", "close_ns"], name="forecast_by_close")]
        constraints = [
            models.UniqueConstraint(fields=["account", "ticker", "seconds_left"], name="forecast_once"),
            models.CheckConstraint(condition=Q(bid__gte=0, ask__lte=10_000), name="forecast_prices_inside_a_dollar"),
        ]

    def __str__(self) -> str:
        return f"{self.ticker} {self.seconds_left} s"


class SettlementAudit(models.Model):
    """A settled window against what we knew of the index; see trading.core.decision.SettlementAudit. Writer: records."""

    session = models.ForeignKey(TradingSession, on_delete=models.PROTECT, related_name="audits")
    account = models.CharField(max_length=64)
    ticker = models.CharField(max_length=64)
    asset = models.CharField(max_length=16)
    close_ns = models.BigIntegerField()
    event_ns = models.BigIntegerField()
    settle_value = models.CharField(max_length=40)
    decimals = models.SmallIntegerField()
    expected_decimals = models.SmallIntegerField()
    result = models.CharField(max_length=6)
    strike = models.FloatField(null=True)
    configured = models.CharField(max_length=16)
    open_right = models.FloatField(null=True)
    closed_right = models.FloatField(null=True)
    own = models.SmallIntegerField()
    estimate = models.FloatField(null=True)
    is_tie = models.BooleanField()
    venues = models.JSONField(default=dict, help_text="each venue's own average of the same seconds")
    methods = models.JSONField(default=dict, help_text="each price method's")

    class Meta:
        ordering = ["-close_ns", "ticker"]
        indexes = [models.Index(fields=["account", "asset", "close_ns"], name="audit_by_close")]
        constraints = [models.UniqueConstraint(fields=["account", "ticker"], name="audit_once")]

    def __str__(self) -> str:
        return f"{self.ticker} {self.settle_value}"
