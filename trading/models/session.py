"""TradingSession, Signal, TraderStatus and Heartbeat: the lives of the trader and what it thought."""

from typing import get_args

from django.db import models
from django.db.models import Q
from django.utils import timezone

from trading.core.events import Mode, Policy

MODES: tuple[str, ...] = get_args(Mode)
MODE_CHOICES = [(mode, mode) for mode in MODES]
POLICY_CHOICES = [(policy, policy) for policy in get_args(Policy)]


class TradingSession(models.Model):
    """One life of the trader. `tape_name` is the tape it wrote. Writer: services, and control for the counts."""

    account = models.CharField(max_length=64)
    market_source = models.CharField(max_length=16)
    tape_name = models.CharField(max_length=200, blank=True, default="")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    is_clean = models.BooleanField(default=False, help_text="it ended itself and wrote everything")
    steps = models.BigIntegerField(default=0)
    decisions = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256 over all decisions")
    order_group = models.CharField(max_length=64, blank=True, default="", help_text="the brake at the exchange")
    venue = models.CharField(
        max_length=16, blank=True, default="", help_text="where the real market was: production, practice or elsewhere"
    )
    place = models.CharField(max_length=300, blank=True, default="", help_text="machine and folder of the trader")
    beat_at = models.DateTimeField(null=True, blank=True, help_text="when the trader last showed itself")
    first_event_ns = models.BigIntegerField(null=True, blank=True)
    last_event_ns = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "-id"], name="session_by_account")]
        constraints = [
            models.CheckConstraint(condition=Q(steps__gte=0, decisions__gte=0), name="session_counts_not_negative"),
            models.CheckConstraint(
                condition=Q(is_clean=False) | Q(ended_at__isnull=False), name="session_clean_only_when_ended"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} session {self.pk}"


class Signal(models.Model):
    """What we thought of a market at one moment, and why it did or did not lead to an order. Writer: records.

    Probabilities and edges are floats (an edge is dollars a contract, net), bid and ask YES prices; unknown is NULL.
    """

    session = models.ForeignKey(TradingSession, on_delete=models.CASCADE, related_name="signals")
    ticker = models.CharField(max_length=64)
    event_ns = models.BigIntegerField()
    reason = models.CharField(max_length=32)
    side = models.CharField(max_length=3, blank=True, default="", choices=[("", "none"), ("yes", "yes"), ("no", "no")])
    fair = models.FloatField(null=True)
    digital = models.FloatField(null=True)
    bid = models.IntegerField()
    ask = models.IntegerField()
    edge_yes = models.FloatField(null=True)
    edge_no = models.FloatField(null=True)
    confidence = models.FloatField(null=True)
    spot = models.FloatField(null=True)
    volatility = models.FloatField(null=True)
    seconds_left = models.FloatField()
    pooled = models.FloatField(null=True)
    failed = models.JSONField(default=list, blank=True, help_text="every gate that did not pass, in their order")
    price = models.IntegerField(default=0, help_text="YES price at which the better side could be taken; 0: by nobody")
    count = models.BigIntegerField(default=0, help_text="wanted there if no gate had failed, 1/100 contract")
    cost = models.FloatField(null=True, help_text="dollars a contract of that side, fees included")

    class Meta:
        ordering = ["-event_ns", "-id"]
        indexes = [
            models.Index(fields=["ticker", "event_ns"], name="signal_by_market"),
            models.Index(fields=["session", "event_ns"], name="signal_by_time"),
        ]
        constraints = [
            # The key that makes writing the same stretch of tape twice harmless.
            models.UniqueConstraint(fields=["session", "ticker", "event_ns", "reason"], name="signal_once"),
            models.CheckConstraint(condition=Q(bid__gte=0, ask__lte=10_000), name="signal_prices_inside_a_dollar"),
            models.CheckConstraint(
                condition=Q(fair__isnull=True) | Q(fair__gte=0, fair__lte=1), name="signal_fair_is_a_probability"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticker} {self.reason}"


class TraderStatus(models.Model):
    """One row, two halves: what people want (writer: services.mode_set), what is so (writer: control)."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    wanted_mode = models.CharField(max_length=8, choices=MODE_CHOICES, default="ACTIVE")
    wanted_reason = models.CharField(max_length=200, blank=True, default="")
    wanted_by = models.CharField(max_length=150, blank=True, default="")
    wanted_at = models.DateTimeField(default=timezone.now)
    wanted_policy = models.CharField(max_length=8, choices=POLICY_CHOICES, default="cancel")

    heartbeat_at = models.DateTimeField(null=True, blank=True)
    actual_mode = models.CharField(max_length=8, choices=MODE_CHOICES, blank=True, default="")
    actual_reason = models.CharField(max_length=200, blank=True, default="")
    account = models.CharField(max_length=64, blank=True, default="")
    market_source = models.CharField(max_length=16, blank=True, default="")
    session = models.ForeignKey(TradingSession, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    tape_name = models.CharField(max_length=200, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    message = models.CharField(max_length=500, blank=True, default="")
    orders_go = models.CharField(max_length=16, blank=True, default="", help_text="paper, or exchange")
    missing = models.JSONField(default=list, blank=True, help_text="what real orders still need, a sentence each")

    class Meta:
        verbose_name_plural = "trader status"
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="status_is_one_row"),
            models.CheckConstraint(condition=Q(wanted_mode__in=MODES), name="status_wanted_mode_known"),
            models.CheckConstraint(condition=Q(actual_mode__in=("", *MODES)), name="status_actual_mode_known"),
        ]

    def __str__(self) -> str:
        return f"trader: {self.actual_mode or 'not running'}, wanted {self.wanted_mode}"


class Heartbeat(models.Model):
    """When a part of the system last showed that it works, by its name. Writer: services."""

    name = models.CharField(max_length=32, primary_key=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
