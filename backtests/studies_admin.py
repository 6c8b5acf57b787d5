"""Studies, their parts and trials in the admin: read only, what is done to a study is done on its page."""

from django.contrib import admin
from django.http import HttpRequest

from backtests.study_models import Study, StudyPart, StudyTrial


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Rows that are only read."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They are made by queueing."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """They say what was."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Every trial counts, also the forgotten ones."""
        return False


@admin.register(Study)
class StudyAdmin(ReadOnly):
    """One row a study."""

    list_display = ("id", "kind", "status", "progress", "label", "created_by", "created_at", "finished_at")
    list_filter = ("kind", "status")
    list_select_related = ("created_by",)
    exclude = ("result",)


@admin.register(StudyPart)
class StudyPartAdmin(ReadOnly):
    """One row a part: who played it, how often it was begun, what it made."""

    list_display = ("id", "study", "number", "span", "status", "attempts", "worker", "digest")
    list_filter = ("status",)
    list_select_related = ("study",)


@admin.register(StudyTrial)
class StudyTrialAdmin(ReadOnly):
    """One row a setting that was tried."""

    list_display = ("id", "study", "number", "values", "objective", "net", "windows")
    list_select_related = ("study",)
