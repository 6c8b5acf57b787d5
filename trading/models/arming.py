"""Arming and Promotion: who let real orders go, until when and on what grounds; and whether the record allows it."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Arming(models.Model):
    """A person lets orders go to an exchange until `until_at`, or until `disarmed_at`. Kept for ever. Writer: services."""

    account = models.CharField(max_length=64)
    venue = models.CharField(max_length=40)
    armed_at = models.DateTimeField(default=timezone.now)
    armed_by = models.CharField(max_length=150)
    until_at = models.DateTimeField()
    reason = models.TextField()
    override_reason = models.TextField(blank=True, default="", help_text="why the promotion gate was overruled")
    checks = models.JSONField(default=dict, help_text="what was found when it was armed")
    disarmed_at = models.DateTimeField(null=True, blank=True)
    disarmed_by = models.CharField(max_length=150, blank=True, default="")
    disarmed_reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["-id"]
        permissions = [("arm_trading", "Can arm trading with real orders")]
        constraints = [
            models.CheckConstraint(condition=Q(until_at__gt=F("armed_at")), name="arming_ends_later"),
            models.UniqueConstraint(
                fields=["account"], condition=Q(disarmed_at__isnull=True), name="arming_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} armed by {self.armed_by}"


class Promotion(models.Model):
    """What the record of an account says for trading real money with it. Writer: services, asked by backtests."""

    account = models.CharField(max_length=64, help_text="whose record it is: the one traded on paper")
    made_at = models.DateTimeField(default=timezone.now)
    windows = models.IntegerField(help_text="settled windows with forecasts")
    traded = models.IntegerField(default=0, help_text="of them with a trade")
    deflated_sharpe = models.FloatField(null=True)
    bootstrap_low = models.FloatField(null=True, help_text="lower bound of the mean profit a window, dollars")
    pooling_weight = models.FloatField(null=True)
    pooling_low = models.FloatField(null=True, help_text="its lower confidence bound")
    is_passed = models.BooleanField()
    missing = models.JSONField(default=list, help_text="what it lacks, a sentence each")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "-id"], name="promotion_newest")]

    def __str__(self) -> str:
        return f"{self.account} {'passed' if self.is_passed else 'not passed'}"


class Divergence(models.Model):
    """What a session made against what a backtest of its own tape makes, and of which causes the difference consists.

    Money. `parts` maps each cause to its share; they add up to `total`, which is `made` less `expected`. `orders` has a
    row for every order of either. Writer: backtests.divergence.
    """

    session = models.OneToOneField("trading.TradingSession", on_delete=models.CASCADE, related_name="divergence")
    account = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=timezone.now)
    through_ns = models.BigIntegerField(help_text="the last moment of the tape that it was made from")
    made = models.BigIntegerField()
    expected = models.BigIntegerField()
    total = models.BigIntegerField()
    parts = models.JSONField(default=dict)
    orders = models.JSONField(default=list)
    text = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(total=F("made") - F("expected")), name="divergence_is_the_difference")
        ]

    def __str__(self) -> str:
        return f"divergence of session {self.session_id}"
