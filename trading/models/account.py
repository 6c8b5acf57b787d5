"""Account, Position, Settlement and Discrepancy: what is held, what was paid out, what does not add up."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from markets.core.units import PRICE_DOLLAR
from markets.models import result_text

RESULTS = [("yes", "yes"), ("no", "no"), ("scalar", "scalar: voided")]


class Account(models.Model):
    """A pot of money, paper or real. `opening_cash` (Money) is what the ledger starts from. Writer: services.

    `order_salt` makes the ids that its orders have at an exchange: unlike those of any other database, and to be had
    again from the number of an order. Empty: its orders never leave the house.
    """

    name = models.CharField(max_length=64, primary_key=True)
    opening_cash = models.BigIntegerField(help_text="1/1 000 000 dollar")
    order_salt = models.CharField(max_length=36, blank=True, default="", editable=False)
    venue = models.CharField(
        max_length=40, blank=True, default="", help_text="the exchange whose money it is; empty: paper"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=Q(opening_cash__gte=0), name="account_cash_not_negative")]

    def __str__(self) -> str:
        return self.name


class Position(models.Model):
    """What an account holds in one market, as a value: count + YES, - NO (Count); the rest Money. Writer: records."""

    account = models.CharField(max_length=64)
    ticker = models.CharField(max_length=64)
    count = models.BigIntegerField(help_text="1/100 contract; + YES, - NO")
    cost = models.BigIntegerField(help_text="what the open contracts cost, without fees")
    realised = models.BigIntegerField(help_text="profit of what was closed or settled, without fees")
    fees = models.BigIntegerField(help_text="all fees paid in this market")
    close_ns = models.BigIntegerField(default=0)
    updated_ns = models.BigIntegerField()

    class Meta:
        ordering = ["-close_ns", "ticker"]
        constraints = [
            models.UniqueConstraint(fields=["account", "ticker"], name="position_once_a_market"),
            models.CheckConstraint(condition=Q(cost__gte=0), name="position_cost_not_negative"),
            models.CheckConstraint(condition=~Q(count=0) | Q(cost=0), name="position_flat_costs_nothing"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.ticker}"


class Settlement(models.Model):
    """What an account received when a market settled; `count` is what it held (signed Count). Where the result is
    scalar each YES contract paid `yes_pays` (a Price), each NO a dollar less that. A fill that is heard later is a part of
    it: `count` and `payout` are then changed with it. Writer: records."""

    account = models.CharField(max_length=64)
    ticker = models.CharField(max_length=64)
    result = models.CharField(max_length=6, choices=RESULTS)
    yes_pays = models.IntegerField(
        null=True, blank=True, help_text="1/10 000 dollar a YES contract, where the result is scalar"
    )
    count = models.BigIntegerField(help_text="1/100 contract held at settlement; + YES, - NO")
    payout = models.BigIntegerField(help_text="1/1 000 000 dollar received")
    settle_value = models.CharField(max_length=40, blank=True, default="")
    event_ns = models.BigIntegerField()

    class Meta:
        ordering = ["-event_ns", "-id"]
        indexes = [models.Index(fields=["account", "event_ns"], name="settlement_by_time")]
        constraints = [
            models.UniqueConstraint(fields=["account", "ticker"], name="settlement_once_a_market"),
            models.CheckConstraint(condition=Q(payout__gte=0), name="settlement_payout_not_negative"),
            models.CheckConstraint(condition=Q(result__in=["yes", "no", "scalar"]), name="settlement_result_known"),
            models.CheckConstraint(
                condition=Q(result="scalar", yes_pays__isnull=False, yes_pays__gte=0, yes_pays__lte=PRICE_DOLLAR)
                | (~Q(result="scalar") & Q(yes_pays__isnull=True)),
                name="settlement_scalar_pays_within_a_dollar",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.ticker} {self.result}"

    @property
    def result_text(self) -> str:
        """YES, NO, or what YES paid where the market was voided."""
        return result_text(self.result, self.yes_pays)


class Discrepancy(models.Model):
    """Something that does not add up, open until `closed_at`. Writer: services.

    `detail` is what a program needs of it: of cash the shard and the amount (Money). `is_accepted`: a
    person has said that it is so; of cash, the amount is then booked as an adjustment, once.
    """

    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=130)
    text = models.TextField()
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)
    account = models.CharField(max_length=64, blank=True, default="")
    detail = models.JSONField(default=dict, blank=True)
    is_accepted = models.BooleanField(default=False)
    closed_by = models.CharField(max_length=150, blank=True, default="", help_text="empty: it added up again")
    closed_reason = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-opened_at"]
        verbose_name_plural = "discrepancies"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(closed_at__isnull=True), name="discrepancy_open_once"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(closed_at__gte=F("opened_at")), name="discrepancy_closed_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"
