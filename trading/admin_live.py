"""The admin of what is wanted of the trader, of armings and of the promotion gate."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from trading import services, switches
from trading.admin_base import ReadOnlyAdmin
from trading.admin_columns import decimals
from trading.forms import ModeForm
from trading.models import Arming, Promotion, TraderStatus


@admin.register(TraderStatus)
class TraderStatusAdmin(ModelAdmin):  # type: ignore[type-arg]
    """The mode that is wanted can be set, with a reason; the rest is what the trader says of itself."""

    form = ModeForm
    actions = None
    list_display = ("__str__", "wanted_by", "wanted_at", "wanted_reason", "actual_mode", "heartbeat_at", "account")
    fields = (
        "wanted_mode", "wanted_policy", "wanted_reason", "wanted_by", "wanted_at", "actual_mode", "actual_reason", "heartbeat_at",
        "account", "market_source", "session", "tape_name", "started_at", "message",
    )  # fmt: skip
    readonly_fields = fields[3:]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The row is there to be changed even before the trader ever ran."""
        services.status_open()
        return super().changelist_view(request, extra_context)

    def save_model(self, request: HttpRequest, obj: TraderStatus, form: ModeForm, change: bool) -> None:
        """Set the mode by its service, which nudges the trader and leaves the trader's half alone."""
        wanted = form.cleaned_data
        by, mode, reason = request.user.get_username(), wanted["wanted_mode"], wanted["wanted_reason"]
        if mode == "HALTED":
            switches.halt(by=by, reason=reason, policy=wanted["wanted_policy"])
        else:
            switches.resume(by=by, reason=reason, mode=mode)


@admin.register(Arming)
class ArmingAdmin(ReadOnlyAdmin):
    list_display = (
        "armed_at", "account", "venue", "armed_by", "until_at", "reason", "override_reason", "disarmed_at", "disarmed_by",
        "disarmed_reason",
    )  # fmt: skip
    shown = (*list_display, "checks")
    list_filter = ("account",)


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    list_display = (
        "made_at", "account", "is_passed", "windows", "traded", decimals("deflated_sharpe", 4),
        decimals("bootstrap_low", 4), decimals("pooling_weight", 4), decimals("pooling_low", 4),
    )  # fmt: skip
    shown = (*list_display, "missing")
    list_filter = ("account", "is_passed")
