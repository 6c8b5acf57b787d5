"""The admin of the books: entries of the ledger, looks at the exchange's own books, sessions held against their backtest."""

from django.contrib import admin

from trading.admin_base import ReadOnlyAdmin
from trading.admin_columns import dollars, moment
from trading.models import Divergence, LedgerEntry, Reconciliation


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = (
        moment("event_ns", "at"), "account", "movement", "book", dollars("amount", "amount $"), "shard", "ticker",
    )  # fmt: skip
    shown = list_display
    list_filter = ("account", "book", "shard")
    search_fields = ("ticker", "movement")


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    list_display = ("made_at", "account", "kind", "is_clean", "repairs", "differences", "took_ms")
    shown = (*list_display, "looked_at", "session")
    list_filter = ("account", "kind", "is_clean")


@admin.register(Divergence)
class DivergenceAdmin(ReadOnlyAdmin):
    list_display = (
        "session", "account", "made_at", dollars("made", "made $"), dollars("expected", "backtest made $"),
        dollars("total", "difference $"), "text",
    )  # fmt: skip
    shown = (*list_display, moment("through_ns", "through"), "parts", "orders")
    list_filter = ("account",)
    list_select_related = ("session",)
