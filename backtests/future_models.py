"""FutureCheck: whether a run looked ahead, tried with other futures; kept with the run."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q


class FutureCheck(models.Model):
    """One check of one run, from wish to result. Writer: backtests.future_jobs."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    run = models.ForeignKey("backtests.BacktestRun", on_delete=models.CASCADE, related_name="future_checks")
    moments = models.IntegerField(help_text="how many were asked for")
    seed = models.BigIntegerField(default=1)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.QUEUED, db_index=True)
    progress = models.FloatField(default=0.0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    is_clean = models.BooleanField(null=True, blank=True, help_text="whether no decision changed; once it is done")
    sentence = models.TextField(blank=True, default="")
    result = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="future_checks"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "done", "failed"]), name="futurecheck_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(is_clean__isnull=False), name="futurecheck_done_has_a_verdict"
            ),
        ]

    def __str__(self) -> str:
        return f"other futures of {self.run}"
