"""Series, Market (with `.contract()` to the core type), and the catalogue of tapes; more of it in markets.tape_models."""

import msgspec
from django.db import models
from django.db.models import F, Q

from markets.core.contract import Contract
from markets.core.units import PRICE_DOLLAR, price_text
from markets.tape_models import TapeJob, TapeSheet

__all__ = ["Market", "Series", "Tape", "TapeJob", "TapeSheet", "result_text"]


def result_text(result: str, yes_pays: int | None) -> str:
    """A result for people: "YES", "NO", "voided: YES paid $0.5000"; "" for none."""
    return result.upper() if yes_pays is None else f"voided: YES paid ${price_text(yes_pays)}"


class Series(models.Model):
    """A line of quarter-hour markets on one coin. Writer: services.market_upsert; people switch it on and off."""

    ticker = models.CharField(primary_key=True, max_length=32)
    asset = models.CharField(max_length=16)
    title = models.CharField(max_length=120, blank=True, default="")
    is_enabled = models.BooleanField("enabled", default=True, help_text="off: its markets are shown but not traded")

    class Meta:
        verbose_name_plural = "series"
        ordering = ["ticker"]

    def __str__(self) -> str:
        return self.ticker


class Market(models.Model):
    """One quarter hour of a series. `result` scalar: it was voided, and each YES contract paid `yes_pays` (a Price), each NO
    a dollar less that. Writer: services (market_upsert, market_turn, market_settle)."""

    class Status(models.TextChoices):
        OPEN = "open"
        PAUSED = "paused"
        CLOSED = "closed"
        DISPUTED = "disputed"
        SETTLED = "settled"

    class Result(models.TextChoices):
        YES = "yes"
        NO = "no"
        SCALAR = "scalar"

    ticker = models.CharField(primary_key=True, max_length=64)
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="markets")
    asset = models.CharField(max_length=16)
    open_ns = models.BigIntegerField()
    close_ns = models.BigIntegerField()
    strike = models.FloatField(null=True, blank=True, help_text="empty until the exchange has written it")
    decimals = models.SmallIntegerField(help_text="what the settlement average is rounded to")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    result = models.CharField(max_length=6, choices=Result.choices, blank=True, default="")
    yes_pays = models.IntegerField(
        null=True, blank=True, help_text="1/10 000 dollar a YES contract, where the result is scalar"
    )
    settle_value = models.CharField(max_length=32, blank=True, default="")
    terms = models.JSONField(help_text="all terms, as the core writes them")
    is_simulated = models.BooleanField("simulated", default=False)

    class Meta:
        ordering = ["-close_ns", "ticker"]
        indexes = [
            models.Index(fields=["close_ns"], name="market_by_close"),
            models.Index(fields=["asset", "close_ns"], name="market_by_asset"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(open_ns__gt=0, close_ns__gt=F("open_ns")), name="market_opens_then_closes"
            ),
            models.CheckConstraint(condition=Q(decimals__gte=0), name="market_decimals_not_negative"),
            models.CheckConstraint(condition=Q(strike__isnull=True) | Q(strike__gt=0), name="market_strike_positive"),
            models.CheckConstraint(
                condition=Q(status__in=["open", "paused", "closed", "disputed", "settled"]), name="market_status_known"
            ),
            models.CheckConstraint(condition=Q(result__in=["", "yes", "no", "scalar"]), name="market_result_known"),
            models.CheckConstraint(
                condition=Q(status="settled", result__in=["yes", "no", "scalar"])
                | (~Q(status="settled") & Q(result="")),
                name="market_settled_with_a_result",
            ),
            models.CheckConstraint(
                condition=Q(result="scalar", yes_pays__isnull=False, yes_pays__gte=0, yes_pays__lte=PRICE_DOLLAR)
                | (~Q(result="scalar") & Q(yes_pays__isnull=True)),
                name="market_scalar_pays_within_a_dollar",
            ),
        ]

    def __str__(self) -> str:
        return self.ticker

    @property
    def result_text(self) -> str:
        """YES, NO, what YES paid where it was voided; empty while there is no result."""
        return result_text(self.result, self.yes_pays)

    def contract(self) -> Contract:
        """The terms as the engine takes them."""
        return msgspec.convert(self.terms, Contract)


class Tape(models.Model):
    """The catalogue of tapes: what they hold, as counted when they were registered; `path` is the first file that is
    left. Writer: services (tape_register, tape_part_sealed, tape_part_removed)."""

    name = models.CharField(max_length=120, unique=True)
    path = models.CharField(max_length=500)
    source = models.CharField(max_length=200, blank=True, default="")
    grade = models.CharField(
        max_length=16,
        blank=True,
        default="",
        help_text="A complete, B with gaps, C without books, invented: a demo market",
    )
    first_ns = models.BigIntegerField()
    last_ns = models.BigIntegerField()
    events = models.BigIntegerField()
    markets = models.IntegerField()
    gaps = models.IntegerField()
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    files = models.JSONField(default=list, blank=True, help_text="each file of it, as it was counted")
    is_cut = models.BooleanField("cut", default=False, help_text="its writer died; what it had written is there")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-first_ns", "name"]
        indexes = [models.Index(fields=["first_ns"], name="tape_by_time")]
        constraints = [
            models.CheckConstraint(condition=Q(last_ns__gte=F("first_ns")), name="tape_time_runs_forward"),
            models.CheckConstraint(
                condition=Q(events__gte=0, markets__gte=0, gaps__gte=0, size_bytes__gte=0),
                name="tape_counts_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def parts(self) -> int:
        """How many files it is in."""
        return len(self.files) or 1
