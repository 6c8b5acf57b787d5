"""What the catalogue is asked for: filters of the page and of the API."""

from typing import Any

from django import forms

from markets.entries import Wanted, names_known
from markets.grades import GRADES

ORIGINS = ("recorded", "downloaded", "session", "recorder", "invented")
STATES = ("verified", "unverified", "damaged", "kept")


class WantedForm(forms.Form):
    """All fields may be empty; `wanted` is what they come to."""

    asset = forms.ChoiceField(required=False)
    feed = forms.ChoiceField(required=False, label="Feed")
    grade = forms.ChoiceField(required=False)
    origin = forms.ChoiceField(required=False, label="Source")
    state = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, label="From (UTC day)", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        assets, feeds = names_known()
        grades = [grade or "none" for grade in GRADES]
        choices = {"asset": assets, "feed": feeds, "grade": grades, "origin": ORIGINS, "state": STATES}
        for name, values in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - as declared above
            field.choices = [("", "all"), *((value, value) for value in values)]

    def clean(self) -> dict[str, Any]:
        """The last day is not before the first."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", "The last day is before the first.")
        return cleaned

    @property
    def wanted(self) -> Wanted:
        """Once it is valid."""
        return Wanted(**self.cleaned_data)
