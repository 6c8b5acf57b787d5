"""Study, StudyPart, StudyTrial: many runs that belong together, the pieces of work they are cut into, what each setting made."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.urls import reverse


class Status(models.TextChoices):
    """Of a study, and of each of its parts."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Study(models.Model):
    """A sweep, a walk-forward or a head-to-head, from wish to result. Written by backtests.studies.services alone.

    `inputs` is all that decides it: the same inputs give the same parts, trials, result and digest, byte for byte,
    whichever worker played what. `result` is the report; the bytes behind it are in the artefact storage."""

    class Kind(models.TextChoices):
        SWEEP = "sweep"
        WALK_FORWARD = "walkforward", "walk-forward"
        HEAD_TO_HEAD = "versus", "head-to-head"

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.SWEEP)
    label = models.CharField(max_length=120, blank=True, default="")
    note = models.TextField(blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED, db_index=True)
    progress = models.FloatField(default=0.0)
    progress_note = models.CharField(max_length=200, blank=True, default="")
    cancel_wanted = models.BooleanField(default=False)
    is_here = models.BooleanField(default=False, help_text="played by the command that made it: workers leave it alone")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="studies"
    )
    cloned_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="clones")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    inputs = models.JSONField(encoder=DjangoJSONEncoder)
    result = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    digest = models.CharField(max_length=64, blank=True, default="")
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="study_status_known"),
            models.CheckConstraint(condition=Q(progress__gte=0) & Q(progress__lte=1), name="study_progress_share"),
            models.CheckConstraint(condition=~Q(status="done") | Q(result__isnull=False), name="study_done_has_result"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}".capitalize()

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("backtests:study", args=[self.pk])

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in (Status.DONE, Status.FAILED, Status.CANCELLED)


class StudyPart(models.Model):
    """One piece of work: a span of tapes by a block of settings, played by one worker at a time. What it made is one
    artefact, whose `digest` is the same whoever played it."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="parts")
    number = models.IntegerField()
    round = models.IntegerField(default=0, help_text="of a search that learns: the rounds before it are finished")
    span = models.CharField(max_length=40, help_text="the days of its tapes")
    work: Any = models.JSONField(help_text="tapes and trials of it")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED, db_index=True)
    attempts = models.IntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    artefact = models.CharField(max_length=200, blank=True, default="", help_text="its name in the artefact storage")
    digest = models.CharField(max_length=64, blank=True, default="")
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar[list[str]] = ["study", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["study", "number"], name="study_part_once"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="study_part_status_known"),
            models.CheckConstraint(condition=~Q(status="done") | ~Q(digest=""), name="study_part_done_has_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.study} part {self.number}"


class StudyTrial(models.Model):
    """One setting that was tried, and what it made over all spans of the study. Every one is counted, also those that a
    search tried and forgot."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="trials")
    number = models.IntegerField()
    round = models.IntegerField(default=0)
    values: Any = models.JSONField(help_text="the settings that differ from the study's own, by name")
    key = models.CharField(max_length=64, help_text="SHA-256 of all that decides it")
    objective = models.FloatField(null=True, blank=True)
    net = models.BigIntegerField(null=True, blank=True, help_text="micro-dollars")
    windows = models.IntegerField(null=True, blank=True)
    summary: Any = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)

    class Meta:
        ordering: ClassVar[list[str]] = ["study", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["study", "number"], name="study_trial_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["study", "-objective"], name="study_trial_best")]

    def __str__(self) -> str:
        return f"{self.study} trial {self.number}"
