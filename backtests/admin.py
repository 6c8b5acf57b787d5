"""Read runs; queue a failed one again."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from backtests import services
from backtests.models import BacktestRun, RunChange
from backtests.studies_admin import StudyAdmin, StudyPartAdmin, StudyTrialAdmin

__all__ = ["BacktestRunAdmin", "StudyAdmin", "StudyPartAdmin", "StudyTrialAdmin"]


class RunChangeInline(admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """Who changed label and note; nobody changes that."""

    model = RunChange
    extra = 0
    can_delete = False
    readonly_fields = ("at", "by", "field", "before", "after")

    def has_add_permission(self, request: HttpRequest, obj: BacktestRun | None = None) -> bool:
        """Kept by who annotates."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: BacktestRun | None = None) -> bool:
        """Only read."""
        return False


@admin.register(BacktestRun)
class BacktestRunAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Nothing is edited here: inputs are what was run, results what came out."""

    list_display = ("id", "status", "progress", "label", "strategy", "created_by", "created_at", "finished_at")
    list_filter = ("status", "strategy")
    list_select_related = ("created_by",)
    search_fields = ("label", "note", "digest")
    exclude = ("result",)
    actions = ("requeue",)
    inlines = (RunChangeInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BacktestRun]:
        """Without the reports, which are long."""
        return super().get_queryset(request).defer("result")

    @admin.action(description="Queue again (failed and cancelled runs)", permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[BacktestRun]) -> None:
        """The same inputs once more."""
        count = sum(services.run_requeue(run_id) for run_id in queryset.values_list("pk", flat=True))
        self.message_user(request, f"{count} runs were queued again.")

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        """Who may queue a run may queue it again."""
        return request.user.has_perm("backtests.add_backtestrun")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Runs are queued on their own page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: BacktestRun | None = None) -> bool:
        """Runs are only read."""
        return False
