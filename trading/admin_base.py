"""What pages of the admin that only show have in common."""

from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest

from trading.admin_columns import Column


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[type-arg]
    """To look at: the trader and its services write these rows. `shown` is what a row's page says."""

    list_per_page = 50
    show_full_result_count = False
    actions = None
    shown: tuple[str | Column, ...] = ()

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.shown or super().get_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.get_fields(request, obj) if self.shown else super().get_readonly_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
