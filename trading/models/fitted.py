"""FittedArtefact and Announcement: what was learnt from past windows, and the scheduled news that people have entered."""

from typing import Any

import msgspec
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from trading.core.fitted import (
    CalibrationMap,
    FittedTails,
    Learnt,
    PoolingWeight,
    SeasonalProfile,
    VolatilityWeights,
)
from trading.models.version import AppendOnlyError, VersionQuerySet

STRUCTS: dict[str, type[Learnt]] = {
    "calibration": CalibrationMap,
    "pooling": PoolingWeight,
    "tails": FittedTails,
    "volatility": VolatilityWeights,
    "seasonality": SeasonalProfile,
}
KINDS = tuple(STRUCTS)


class FittedArtefact(models.Model):
    """One artefact, fitted on windows that had closed by `through_ns`; the primary key is its version. Writer: services.

    `payload` is the struct of trading.core.fitted; `report` what the fit says of itself: scores before and after on
    windows it had not seen, intervals, what was left out. Never changed; a newer one takes its place.
    """

    version = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    account = models.CharField(max_length=64, help_text="whose forecasts it was fitted on")
    kind = models.CharField(max_length=16, choices=[(kind, kind) for kind in KINDS])
    variety = models.CharField(
        max_length=16, blank=True, default="", help_text="of a calibration map: platt, beta, isotonic"
    )
    group = models.CharField(max_length=16)
    least_s = models.FloatField()
    most_s = models.FloatField(null=True, help_text="NULL: no end")
    windows = models.IntegerField()
    first_ns = models.BigIntegerField()
    through_ns = models.BigIntegerField()
    payload = models.JSONField(encoder=DjangoJSONEncoder)
    report = models.JSONField(encoder=DjangoJSONEncoder, default=dict)

    objects = VersionQuerySet.as_manager()

    class Meta:
        ordering = ["-version"]
        indexes = [models.Index(fields=["account", "kind", "group", "-version"], name="artefact_newest")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="artefact_kind_known"),
            models.CheckConstraint(condition=Q(windows__gt=0), name="artefact_saw_windows"),
            models.CheckConstraint(condition=Q(first_ns__lte=F("through_ns")), name="artefact_span_forward"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.variety} {self.group}".replace("  ", " ")

    def save(self, *, using: str | None = None, **options: Any) -> None:
        """Insert. Raises AppendOnlyError on a row that is stored already."""
        if not self._state.adding:
            raise AppendOnlyError("what was fitted is never changed: a newer one takes its place")
        super().save(force_insert=True, using=using)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("what was fitted is never deleted: past decisions refer to it")

    def artefact(self) -> Any:
        """As the engine takes it, with its version. Raises msgspec.ValidationError on a payload that is none of its kind."""
        struct = STRUCTS[self.kind]
        values = msgspec.structs.asdict(struct()) | self.payload | {"version": self.version}
        return msgspec.convert([values[name] for name in struct.__struct_fields__], struct)


class Announcement(models.Model):
    """Scheduled news: between two times the variance is `multiplier` times the usual. Writer: people, in the admin."""

    name = models.CharField(max_length=80)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    multiplier = models.FloatField(help_text="of the variance: 4 doubles the volatility")
    assets = models.CharField(max_length=80, blank=True, default="", help_text="BTC, ETH; empty means all")
    is_withdrawn = models.BooleanField(default=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="announcement_ends_later"),
            models.CheckConstraint(
                condition=Q(multiplier__gt=0, multiplier__lte=1_000), name="announcement_multiplier_sensible"
            ),
        ]

    def __str__(self) -> str:
        return self.name
