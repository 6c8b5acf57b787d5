"""LedgerEntry: every movement of an account's money, twice: from one book into another."""

from django.db import models

BOOKS = ("cash", "positions", "fees", "trading", "settlements", "deposits", "transfers")


class LedgerEntry(models.Model):
    """One side of a movement (Money): what it is added to is above 0, what it is taken from below. Writer: double_entry.

    The entries of one `movement` (such as "fill TRADE_ID") of an account add up to nothing. Books: `cash` by shard;
    `positions`, what is open at cost; `fees`; `trading`, what was made or lost by closing; `settlements`, the same by
    settling; `deposits` from outside; `transfers` under way between shards. Append-only.
    """

    account = models.CharField(max_length=64)
    movement = models.CharField(max_length=120)
    book = models.CharField(max_length=12, choices=[(book, book) for book in BOOKS])
    shard = models.SmallIntegerField(default=0, help_text="of cash: where it lies")
    ticker = models.CharField(max_length=64, blank=True, default="")
    amount = models.BigIntegerField(help_text="1/1 000 000 dollar")
    event_ns = models.BigIntegerField()

    class Meta:
        ordering = ["-event_ns", "-id"]
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index(fields=["account", "event_ns"], name="entry_by_time"),
            models.Index(fields=["account", "book", "shard"], name="entry_by_book"),
            models.Index(fields=["account", "ticker"], name="entry_by_market"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "movement", "book", "shard"], name="entry_once"),
            models.CheckConstraint(condition=models.Q(book__in=BOOKS), name="entry_book_known"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.movement} {self.book}"
