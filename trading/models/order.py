"""Order and Fill: what we sent and what of it traded."""

from django.db import models
from django.db.models import Q

from trading.models.session import TradingSession


class Order(models.Model):
    """One order, at a YES price. Its status only moves forward. Writer: records."""

    class Status(models.TextChoices):
        """`intent`: written down, perhaps not sent yet. `unknown`: sent, and the answer is lost. The last three are final."""

        INTENT = "intent"
        SENT = "sent"
        UNKNOWN = "unknown"
        ACCEPTED = "accepted"
        PARTLY_FILLED = "partly_filled"
        FILLED = "filled"
        CANCELLED = "cancelled"
        REJECTED = "rejected"

    session = models.ForeignKey(TradingSession, on_delete=models.PROTECT, related_name="orders")
    account = models.CharField(max_length=64)
    number = models.BigIntegerField(help_text="counts up through all sessions of an account")
    client_order_id = models.CharField(max_length=64, unique=True, help_text="session-number, as the exchange has it")
    venue_order_id = models.CharField(max_length=80, blank=True, default="")
    ticker = models.CharField(max_length=64)
    is_bid = models.BooleanField(help_text="buys YES; otherwise sells YES, which is to buy NO")
    price = models.IntegerField(help_text="YES price limit, 1/10 000 dollar")
    count = models.BigIntegerField(help_text="1/100 contract")
    filled = models.BigIntegerField(default=0, help_text="1/100 contract")
    status = models.CharField(max_length=14, choices=Status.choices, default=Status.INTENT)
    reason = models.CharField(max_length=80, blank=True, default="", help_text="why it was refused or cancelled")
    time_in_force = models.CharField(max_length=20, default="immediate_or_cancel")
    is_post_only = models.BooleanField(default=False)
    is_reduce_only = models.BooleanField(default=False)
    expires_ns = models.BigIntegerField(default=0, help_text="of what rests; 0: it does not rest")
    close_ns = models.BigIntegerField(default=0, help_text="of its market")
    sent_ns = models.BigIntegerField(help_text="when it was decided")
    left_ns = models.BigIntegerField(null=True, blank=True, help_text="when its bytes left for the exchange")
    answered_ns = models.BigIntegerField(
        null=True, blank=True, help_text="when the exchange first said something of it"
    )
    updated_ns = models.BigIntegerField()

    class Meta:
        ordering = ["-sent_ns", "-id"]
        indexes = [
            models.Index(fields=["account", "number"], name="order_by_number"),
            models.Index(fields=["account", "sent_ns"], name="order_by_time"),
            models.Index(fields=["ticker", "sent_ns"], name="order_by_market"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(price__gt=0, price__lt=10_000), name="order_price_inside_a_dollar"),
            models.CheckConstraint(condition=Q(count__gt=0), name="order_count_positive"),
            models.CheckConstraint(condition=Q(filled__gte=0), name="order_filled_not_negative"),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        *("intent", "sent", "unknown", "accepted", "partly_filled", "filled", "cancelled", "rejected")
                    ]
                ),
                name="order_status_known",
            ),
        ]

    def __str__(self) -> str:
        return self.client_order_id


class Fill(models.Model):
    """A part of an order of ours that traded, at a YES price; `fee` (Money) is all that was charged. Writer: records."""

    account = models.CharField(max_length=64)
    trade_id = models.CharField(max_length=80)
    # A fill is money: it is kept even when its order is not known to us.
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills", null=True)
    ticker = models.CharField(max_length=64)
    is_bid = models.BooleanField()
    price = models.IntegerField(help_text="YES price, 1/10 000 dollar")
    count = models.BigIntegerField(help_text="1/100 contract")
    fee = models.BigIntegerField(help_text="1/1 000 000 dollar; below 0 when the exchange paid a rebate")
    is_taker = models.BooleanField()
    evidence = models.CharField(max_length=16)
    event_ns = models.BigIntegerField()

    class Meta:
        ordering = ["-event_ns", "-id"]
        indexes = [
            models.Index(fields=["account", "event_ns"], name="fill_by_time"),
            models.Index(fields=["account", "ticker", "event_ns"], name="fill_by_market"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "trade_id"], name="fill_once"),
            models.CheckConstraint(condition=Q(price__gt=0, price__lt=10_000), name="fill_price_inside_a_dollar"),
            models.CheckConstraint(condition=Q(count__gt=0), name="fill_count_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.trade_id}"
