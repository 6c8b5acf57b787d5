"""BacktestRun: inputs, status, progress, results; RunChange: who annotated it. Studies are in backtests.study_models."""

from typing import Any, ClassVar

import msgspec
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.urls import reverse

from backtests.future_models import FutureCheck
from backtests.study_models import Study, StudyPart, StudyTrial
from markets.core.units import DOLLAR
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import Realism

__all__ = ["BacktestRun", "FutureCheck", "RunChange", "Study", "StudyPart", "StudyTrial"]


class BacktestRun(models.Model):
    """One back-test, from wish to result. Written by backtests.services alone."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED, db_index=True)
    progress = models.FloatField(default=0.0)
    progress_note = models.CharField(max_length=200, blank=True, default="")
    cancel_wanted = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="backtest_runs"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    tapes = models.JSONField()
    date_from = models.DateField(null=True, blank=True)
    date_to = models.DateField(null=True, blank=True)
    capital = models.BigIntegerField()
    max_daily_loss = models.BigIntegerField()
    limits_json = models.JSONField(db_column="limits")
    parameters_json = models.JSONField(db_column="parameters")
    realism_json = models.JSONField(db_column="realism", default=dict, blank=True)
    options_json = models.JSONField(
        db_column="options", default=dict, blank=True, help_text="what else its inputs say, by name; absent is built in"
    )
    strategy = models.CharField(max_length=40, blank=True, default="", help_text="of its parameters")
    label = models.CharField(max_length=120, blank=True, default="")
    note = models.TextField(blank=True, default="")
    cloned_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="clones")
    digest = models.CharField(max_length=64, blank=True, default="")
    net_money = models.BigIntegerField(null=True, blank=True, help_text="micro-dollars, once it is done")
    windows_traded = models.IntegerField(null=True, blank=True, help_text="traded to their result, once it is done")
    fills = models.IntegerField(null=True, blank=True, help_text="once it is done")
    events = models.BigIntegerField(null=True, blank=True, help_text="of the market, played; once it is done")
    idempotency_key = models.CharField(
        max_length=80, null=True, blank=True, help_text="of who queued it: the same key is the same run"
    )
    error = models.TextField(blank=True, default="")
    # The last column: SQLite walks through what is long to reach what stands behind it.
    result = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["net_money", "id"], name="backtestrun_by_net"),
            models.Index(fields=["windows_traded", "id"], name="backtestrun_by_windows"),
            models.Index(fields=["fills", "id"], name="backtestrun_by_fills"),
            models.Index(fields=["created_at", "id"], name="backtestrun_by_day"),
            models.Index(fields=["label", "id"], name="backtestrun_by_label"),
            models.Index(fields=["strategy", "id"], name="backtestrun_by_strategy"),
            models.Index(fields=["digest"], name="backtestrun_by_digest"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "done", "failed", "cancelled"]),
                name="backtestrun_status_known",
            ),
            models.CheckConstraint(
                condition=Q(progress__gte=0) & Q(progress__lte=1), name="backtestrun_progress_share"
            ),
            models.CheckConstraint(condition=Q(capital__gt=0), name="backtestrun_capital_positive"),
            models.CheckConstraint(condition=Q(max_daily_loss__gte=0), name="backtestrun_max_daily_loss_not_negative"),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(result__isnull=False), name="backtestrun_done_has_result"
            ),
            models.UniqueConstraint(fields=["created_by", "idempotency_key"], name="backtestrun_once_a_key"),
        ]

    def __str__(self) -> str:
        return f"Backtest {self.pk}"

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("backtests:detail", args=[self.pk])

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in (self.Status.DONE, self.Status.FAILED, self.Status.CANCELLED)

    @property
    def took(self) -> str:
        """How long it ran, in words."""
        if self.started_at is None or self.finished_at is None:
            return "\N{EN DASH}"
        return f"{(self.finished_at - self.started_at).total_seconds():.1f} s"

    @property
    def capital_text(self) -> str:
        """The capital in dollars."""
        return f"${self.capital / DOLLAR:,.0f}" if self.capital % DOLLAR == 0 else f"${self.capital / DOLLAR:,.2f}"

    def limits(self) -> RiskLimits:
        """The risk limits it runs under."""
        return msgspec.structs.replace(RiskLimits(), **_known(self.limits_json, RiskLimits))

    def parameters(self) -> Parameters:
        """The strategy parameters it runs with."""
        return msgspec.structs.replace(Parameters(), **_known(self.parameters_json, Parameters))

    def realism(self) -> Realism:
        """How the paper exchange treats its orders."""
        return msgspec.structs.replace(Realism(), **_known(self.realism_json, Realism))


class RunChange(models.Model):
    """One change of a run's label or note: who, when, from what to what. Inserted by backtests.services alone."""

    class Field(models.TextChoices):
        LABEL = "label"
        NOTE = "note"

    run = models.ForeignKey(BacktestRun, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="run_changes")
    field = models.CharField(max_length=8, choices=Field.choices)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.field} of {self.run_id}"


def _known(values: dict[str, Any], kind: type[RiskLimits] | type[Parameters] | type[Realism]) -> dict[str, Any]:
    """Only the fields that still exist: an old row must stay readable."""
    return {name: value for name, value in values.items() if name in kind.__struct_fields__}
