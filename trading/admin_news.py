"""Scheduled news in the admin: entered and withdrawn, never changed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from markets.models import Series
from trading import announcements
from trading.core.volatility import PRIORS
from trading.models import Announcement
from trading.services import nudge

LARGEST = 1_000.0
WORDS = {
    "name": ("Name", "What is announced, as a page shows it: US consumer prices."),
    "starts_at": ("From", "UTC. The minute of the release, or a little before it."),
    "ends_at": ("Until", "UTC. Half an hour after a release is a usual choice."),
    "multiplier": (
        "Multiplier of the variance",
        "Above 0: 4 doubles the volatility, 9 trebles it. Taken off what is learnt of that time. Two that overlap multiply.",
    ),
    "assets": ("Assets", "BTC, ETH; empty means all."),
}


class AnnouncementForm(forms.ModelForm):  # type: ignore[type-arg]
    """One piece of scheduled news; refuses in words what the engine could not use."""

    class Meta:
        model = Announcement
        fields = tuple(WORDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # none of them when news is only shown
            field.label, field.help_text = WORDS[name]

    def clean_multiplier(self) -> float:
        """Above 0 and not beyond sense."""
        multiplier = float(self.cleaned_data["multiplier"])
        if not 0.0 < multiplier <= LARGEST:
            raise ValidationError(f"The multiplier must be above 0 and at most {LARGEST:g}; 1 changes nothing.")
        return multiplier

    def clean_assets(self) -> str:
        """Assets that are known, in one way of writing."""
        assets = announcements.named(self.cleaned_data["assets"])
        known = {*PRIORS, *Series.objects.values_list("asset", flat=True)}
        unknown = [asset for asset in assets if asset not in known]
        if unknown:
            raise ValidationError(
                f"Not known: {', '.join(unknown)}. Take of {', '.join(sorted(known))}, or none for all."
            )
        return ", ".join(assets)

    def clean(self) -> dict[str, Any]:
        """An end after the start, and not in the past."""
        cleaned = super().clean() or self.cleaned_data
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", "It must end after it starts.")
        elif ends_at and ends_at <= timezone.now():
            self.add_error("ends_at", "It is over already: nothing would come of it.")
        return cleaned


@admin.register(Announcement)
class AnnouncementAdmin(ModelAdmin):  # type: ignore[type-arg]
    """The trader has what is entered or withdrawn within two seconds; what is over it is told no more."""

    form = AnnouncementForm
    list_display = ("name", "starts_at", "ends_at", "multiplier", "for_assets", "is_withdrawn", "author", "created_at")
    list_filter = ("is_withdrawn",)
    list_select_related = ("author",)
    list_per_page = 50
    actions = ("withdraw",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The form of new news; of old all that it says."""
        return self.list_display if obj else tuple(WORDS)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.list_display if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        """Whoever could change it may withdraw it."""
        return request.user.has_perm("trading.change_announcement")

    def save_model(self, request: HttpRequest, obj: Announcement, form: Any, change: bool) -> None:
        """Add it, and nudge the trader."""
        obj.author = request.user  # type: ignore[assignment]  # who is in the admin is logged in
        obj.save(force_insert=True)
        transaction.on_commit(nudge)

    @admin.display(description="assets")
    def for_assets(self, row: Announcement) -> str:
        """Which it is about."""
        return row.assets or "all"

    @admin.action(description="Withdraw the selected news", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Announcement]) -> None:
        """The trader expects it no more."""
        count = announcements.withdraw(queryset.values_list("pk", flat=True))
        self.message_user(request, f"{count} withdrawn.", messages.SUCCESS)
