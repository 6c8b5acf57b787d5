"""TapeSheet: what a tape covers and whether it was verified; TapeJob: imports, verifications and exports that were asked for."""

from typing import ClassVar

import msgspec
from django.conf import settings
from django.db import models
from django.db.models import Q

from markets.core.coverage import Coverage


class TapeSheet(models.Model):
    """Of one tape of the catalogue; true of the file with this fingerprint alone. Writer: markets.sheets."""

    tape = models.OneToOneField("markets.Tape", on_delete=models.CASCADE, related_name="sheet")
    sha256 = models.CharField(max_length=64, blank=True, default="", help_text="of the tape that was looked at")
    assets = models.CharField(max_length=400, blank=True, default="", help_text="' BTC ETH ': a space before and after")
    feeds = models.CharField(max_length=400, blank=True, default="", help_text="as assets")
    windows = models.IntegerField(default=0)
    whole_windows = models.IntegerField(default=0, help_text="with book, price, strike and result all along")
    coverage_json = models.JSONField(db_column="coverage", default=dict, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    verified_sha256 = models.CharField(max_length=64, blank=True, default="", help_text="of the tape that was verified")
    verified_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True, default="", help_text="what verifying found; empty: it is sound")

    class Meta:
        ordering: ClassVar[list[str]] = ["tape"]

    def __str__(self) -> str:
        return f"what {self.tape} covers"

    def coverage(self) -> Coverage:
        """What it covers."""
        return msgspec.convert(self.coverage_json, Coverage)


class TapeJob(models.Model):
    """Something to be done with tapes, from wish to result. Kept: it says who did what. Writer: markets.jobs."""

    class Kind(models.TextChoices):
        RECORDING = "recording", "import a recording"
        TAPE = "tape", "import a tape"
        VERIFY = "verify", "verify"
        PARQUET = "parquet", "export as Parquet"
        WHOLE = "whole", "export as one tape"
        KEEP = "keep", "keep"
        RELEASE = "release", "release"

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject = models.CharField(max_length=200, help_text="the tape's name, or the recording's folder")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.QUEUED, db_index=True)
    progress = models.FloatField(default=0.0)
    note = models.CharField(max_length=200, blank=True, default="")
    result = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True, default="")
    artefact = models.CharField(max_length=300, blank=True, default="", help_text="in the storage of artefacts")
    upload = models.CharField(max_length=300, blank=True, default="", help_text="in the storage of artefacts")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="tape_jobs"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "done", "failed"]), name="tapejob_status_known"
            ),
            models.CheckConstraint(condition=Q(progress__gte=0) & Q(progress__lte=1), name="tapejob_progress_share"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in (self.Status.DONE, self.Status.FAILED)
