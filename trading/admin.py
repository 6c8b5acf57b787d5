"""Set limits, parameters and mode; read all else. In dollars, contracts, percent and UTC."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest

from trading import admin_books, admin_live, admin_news, admin_words, services
from trading.admin_base import ReadOnlyAdmin
from trading.admin_columns import Column, contracts, decimals, dollars, moment, percent, price, seconds, side
from trading.forms import RiskLimitsForm, StrategyParametersForm, VersionForm
from trading.models import (
    Account,
    Discrepancy,
    Fill,
    FittedArtefact,
    Forecast,
    Heartbeat,
    Order,
    Position,
    RiskLimits,
    Settlement,
    SettlementAudit,
    Signal,
    StrategyParameters,
    TradingSession,
)

__all__ = ["admin_books", "admin_live", "admin_news"]  # which register more


class VersionAdmin(ModelAdmin):  # type: ignore[type-arg]
    """Versions are added, never changed: the form opens with the values in force."""

    actions = None
    list_per_page = 50
    form: type[VersionForm]
    shown: tuple[str | Column, ...] = ()
    groups: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    service: Callable[..., Any]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The form of a new version; of an old one all that it says."""
        return ("version", "created_at", "author", "reason", *self.shown) if obj else super().get_fields(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The form in its groups; an old version as one list."""
        if obj is not None:
            return super().get_fieldsets(request, obj)
        return [(name, {"fields": fields, "description": words}) for name, words, fields in self.groups]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The newest version; where there is none, the defaults."""
        newest = self.model.objects.order_by("-version").first()
        names = self.form.struct.__struct_fields__
        return {name: getattr(newest or self.form.struct(), name) for name in names}

    def save_model(self, request: HttpRequest, obj: Any, form: VersionForm, change: bool) -> None:
        """Add the version by its service, which nudges the trader; `obj` becomes the stored row."""
        row = type(self).service(form.core(), author=request.user, reason=form.cleaned_data["reason"])
        obj.version, obj.author = row.version, row.author


@admin.register(RiskLimits)
class RiskLimitsAdmin(VersionAdmin):
    form = RiskLimitsForm
    groups = admin_words.LIMIT_GROUPS
    service = staticmethod(services.limits_set)
    shown = (
        dollars("max_daily_loss", "daily loss $"),
        dollars("max_market_exposure", "in one market $"),
        dollars("max_close_exposure", "closing together $"),
        dollars("max_total_exposure", "in all $"),
        percent("max_market_share_bp", "share in one market"),
        percent("max_close_share_bp", "share closing together"),
        percent("max_total_share_bp", "share in all"),
        contracts("max_order_count", "contracts an order"),
        "max_orders_per_minute",
    )
    list_display = ("version", "created_at", "author", "reason", *shown)
    list_select_related = ("author",)


@admin.register(StrategyParameters)
class StrategyParametersAdmin(VersionAdmin):
    form = StrategyParametersForm
    groups = admin_words.PARAMETER_GROUPS
    service = staticmethod(services.parameters_set)
    shown = tuple(
        seconds(name) if name.endswith("_ns") else name for name in StrategyParametersForm.struct.__struct_fields__
    )
    list_display = (
        "version", "created_at", "author", "reason", "strategy", "model", "edge_threshold", "kelly_fraction",
        "min_confidence", seconds("vwap_window_ns", "VWAP window"),
    )  # fmt: skip
    list_select_related = ("author",)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("name", dollars("opening_cash", "opening cash $"), "created_at")
    shown = list_display


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin):
    list_display = (
        "ticker", "account", contracts("count", "contracts"), dollars("cost", "cost $"),
        dollars("realised", "realised $"), dollars("fees", "fees $"), moment("close_ns", "closes"),
        moment("updated_ns", "updated"),
    )  # fmt: skip
    shown = list_display
    list_filter = ("account",)
    search_fields = ("ticker",)


@admin.register(Settlement)
class SettlementAdmin(ReadOnlyAdmin):
    list_display = (
        "ticker", "account", moment("event_ns", "at"), "result", price("yes_pays", "voided at $"),
        contracts("count", "contracts"), dollars("payout", "payout $"), "settle_value",
    )  # fmt: skip
    shown = list_display
    list_filter = ("account", "result")
    search_fields = ("ticker",)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = (
        "client_order_id", "account", moment("sent_ns", "sent"), "ticker", side, price("price", "limit $"),
        contracts("count", "contracts"), contracts("filled"), "status", "reason",
    )  # fmt: skip
    shown = (
        *list_display, moment("left_ns", "left"), moment("answered_ns", "answered"), moment("updated_ns", "updated"),
        moment("expires_ns", "expires"), "time_in_force", "is_post_only", "is_reduce_only", "venue_order_id", "session",
    )  # fmt: skip
    list_filter = ("account", "status")
    search_fields = ("ticker", "client_order_id")


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    list_display = (
        "trade_id", "account", moment("event_ns", "at"), "ticker", side, price("price", "price $"),
        contracts("count", "contracts"), dollars("fee", "fee $"), "evidence",
    )  # fmt: skip
    shown = (*list_display, "is_taker", "order")
    list_filter = ("account",)
    search_fields = ("ticker", "trade_id")


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    list_display = (
        moment("event_ns", "at"), "ticker", "reason", "side", decimals("fair", 4), price("bid"), price("ask"),
        decimals("edge_yes", 4), decimals("edge_no", 4), decimals("confidence", 0), decimals("seconds_left", 1),
    )  # fmt: skip
    shown = (*list_display, decimals("digital", 4), "spot", "volatility", "session")
    list_filter = ("reason", "side")
    search_fields = ("ticker",)


@admin.register(Forecast)
class ForecastAdmin(ReadOnlyAdmin):
    list_display = (
        moment("close_ns", "closes"), "ticker", "account", "seconds_left", decimals("fair", 4),
        decimals("calibrated", 4), decimals("pooled", 4), decimals("digital", 4), price("bid"), price("ask"), "reason",
    )  # fmt: skip
    shown = (
        *list_display, moment("event_ns", "made"), decimals("abm_avg", 4), decimals("gbm_avg", 4),
        decimals("gbm_avg_t", 4), decimals("gbm_avg_mix", 4), decimals("gbm_avg_emp", 4),
        contracts("bid_count", "contracts bid"), contracts("ask_count", "contracts asked"),
        seconds("book_age_ns", "age of the book"), "strike", "spot", seconds("spot_age_ns", "age of the spot price"),
        "sigma", "level_error", "z", "known", "missing", "is_official", "parameters_version", "fitted_versions",
        "rates", "session",
    )  # fmt: skip
    list_filter = ("account", "asset", "seconds_left", "reason")
    search_fields = ("ticker",)


@admin.register(SettlementAudit)
class SettlementAuditAdmin(ReadOnlyAdmin):
    list_display = (
        "ticker", "account", moment("close_ns", "closed"), "settle_value", "result", "is_tie", decimals("open_right", 7),
        decimals("closed_right", 7), "own", decimals("estimate", 7),
    )  # fmt: skip
    shown = (*list_display, "strike", "decimals", "expected_decimals", "configured", "venues", "methods", "session")
    list_filter = ("account", "asset", "is_tie")
    search_fields = ("ticker",)


@admin.register(TradingSession)
class TradingSessionAdmin(ReadOnlyAdmin):
    list_display = ("id", "account", "market_source", "started_at", "ended_at", "is_clean", "steps", "decisions")
    shown = (
        *list_display, "tape_name", "digest", moment("first_event_ns", "first event"),
        moment("last_event_ns", "last event"),
    )  # fmt: skip
    list_filter = ("account", "market_source", "is_clean")


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyAdmin):
    list_display = ("kind", "subject", "text", "opened_at", "closed_at", "closed_by", "closed_reason")
    shown = (*list_display, "account", "is_accepted", "detail")
    list_filter = ("kind",)


@admin.register(FittedArtefact)
class FittedArtefactAdmin(ReadOnlyAdmin):
    list_display = (
        "version", "created_at", "account", "kind", "variety", "group", "least_s", "most_s", "windows",
        moment("through_ns", "last closed"),
    )  # fmt: skip
    shown = (*list_display, moment("first_ns", "first closed"), "payload", "report")
    list_filter = ("account", "kind", "group")


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("name", "beat_at")
    shown = list_display
