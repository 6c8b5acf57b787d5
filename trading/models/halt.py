"""Halt and Reconciliation: when trading was stopped and why, and what came of each look at the exchange's own books."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from trading.models.session import TradingSession


class Halt(models.Model):
    """A breaker tripped. Open until `cleared_at`; a latched one is carried into the next session. Writer: records."""

    account = models.CharField(max_length=64)
    session = models.ForeignKey(TradingSession, on_delete=models.PROTECT, related_name="halts", null=True)
    code = models.CharField(max_length=32)
    text = models.TextField(blank=True, default="")
    use = models.FloatField(null=True, blank=True)
    limit = models.FloatField(null=True, blank=True)
    is_latched = models.BooleanField()
    event_ns = models.BigIntegerField()
    cleared_ns = models.BigIntegerField(null=True, blank=True)
    cleared_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ["-event_ns", "-id"]
        indexes = [models.Index(fields=["account", "-event_ns"], name="halt_by_time")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "code"], condition=Q(cleared_ns__isnull=True), name="halt_open_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.code}"


class Reconciliation(models.Model):
    """One look at the exchange's own books and what differed from ours. Writer: services."""

    class Kind(models.TextChoices):
        START = "start"
        RUNNING = "running"
        TASK = "task"

    account = models.CharField(max_length=64)
    session = models.ForeignKey(TradingSession, on_delete=models.PROTECT, related_name="+", null=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    made_at = models.DateTimeField(default=timezone.now)
    took_ms = models.FloatField(default=0.0)
    is_clean = models.BooleanField()
    looked_at = models.JSONField(default=dict, help_text="how many orders, fills, positions, shards, settlements")
    repairs = models.JSONField(default=list, help_text="what was put right, a sentence each")
    differences = models.JSONField(default=list, help_text="what was not, a sentence each")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "-id"], name="reconciliation_newest")]

    def __str__(self) -> str:
        return f"{self.account} {self.kind} {'clean' if self.is_clean else 'differs'}"
