"""See series, markets and tapes; switch a series on or off."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest

from markets.core.units import SECOND_NS
from markets.models import Market, Series, Tape


def utc(time_ns: int) -> str:
    """1778685759227676000 -> "2026-05-13 15:22:39"."""
    return f"{datetime.fromtimestamp(time_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M:%S}"


class FactAdmin(ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """To look at: services write these rows."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Series)
class SeriesAdmin(ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """The one switch: whether the markets of a series may be traded."""

    list_display = ["ticker", "asset", "title", "is_enabled"]
    list_filter = ["is_enabled"]
    readonly_fields = ["ticker", "asset", "title"]
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Series, form: Any, change: bool) -> None:
        """Write the switch alone."""
        obj.save(update_fields=["is_enabled"])


@admin.register(Market)
class MarketAdmin(FactAdmin):
    """Each quarter hour with its strike and result."""

    list_display = ["ticker", "asset", "opens", "closes", "strike", "status", "told", "settle_value", "is_simulated"]
    list_filter = ["asset", "status", "result", "is_simulated"]
    search_fields = ["ticker"]

    @admin.display(description="opens (UTC)", ordering="open_ns")
    def opens(self, row: Market) -> str:
        return utc(row.open_ns)

    @admin.display(description="result", ordering="result")
    def told(self, row: Market) -> str:
        return row.result_text

    @admin.display(description="closes (UTC)", ordering="close_ns")
    def closes(self, row: Market) -> str:
        return utc(row.close_ns)


@admin.register(Tape)
class TapeAdmin(FactAdmin):
    """What has been recorded, and how good it is."""

    list_display = ["name", "grade", "first", "last", "events", "markets", "gaps", "size_bytes", "source"]
    list_filter = ["grade"]
    search_fields = ["name", "source"]

    @admin.display(description="first event (UTC)", ordering="first_ns")
    def first(self, row: Tape) -> str:
        return utc(row.first_ns)

    @admin.display(description="last event (UTC)", ordering="last_ns")
    def last(self, row: Tape) -> str:
        return utc(row.last_ns)
