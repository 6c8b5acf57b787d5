"""Choose tapes, dates, capital, the day's loss and the strategy's settings."""

from collections.abc import Iterator
from typing import Any

from django import forms

from backtests.knobs import KNOBS, InputError, Knob
from backtests.selectors import Day, recorded_count, tape_choices, tape_days
from backtests.services import inputs_from
from backtests.shelf import ALL

NUMBER = {"inputmode": "decimal", "autocomplete": "off"}
GROUPS = tuple(dict.fromkeys(knob.group for knob in KNOBS))


class RunForm(forms.Form):
    """Everything a run takes; `inputs` is what it comes to once the form is valid."""

    tapes = forms.MultipleChoiceField(
        label="Tapes",
        widget=forms.CheckboxSelectMultiple,  # the page draws them itself, by day
        error_messages={"required": "Choose a tape."},
    )
    date_from = forms.DateField(
        label="First day (UTC)", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    date_to = forms.DateField(
        label="Last day (UTC)",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="A tape counts for the day on which it begins. Empty means all.",
    )
    capital = forms.CharField(label="Capital ($)", initial="10000", max_length=24, widget=forms.TextInput(attrs=NUMBER))
    max_daily_loss = forms.CharField(
        label="Maximum daily loss ($)",
        initial="1000",
        max_length=24,
        widget=forms.TextInput(attrs=NUMBER),
        help_text="Trading stops for the UTC day when the next loss could pass it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["tapes"].choices = tape_choices()  # type: ignore[attr-defined]
        for knob in KNOBS:
            self.fields[knob.name] = _field(knob)
        self.inputs: Any = None

    def clean(self) -> dict[str, Any]:
        """One reader for form, API and command line: what is refused here is refused there, in the same words."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            self.inputs = inputs_from(cleaned)
        except InputError as error:
            for name, sentence in error.problems.items():
                self.add_error(name if name in self.fields else None, sentence)
        return cleaned

    def days(self) -> Iterator[Day]:
        """The tapes to choose from, by day."""
        return tape_days(self._chosen())

    def is_all(self) -> bool:
        """Whether all recorded tapes are chosen."""
        return ALL in self._chosen()

    def recorded(self) -> int:
        """How many tapes "all" means."""
        return recorded_count()

    def basics(self) -> Iterator[forms.BoundField]:
        """The other fields that are not knobs."""
        return (self[name] for name in ("date_from", "date_to", "capital", "max_daily_loss"))

    def groups(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """The knobs by group, for one fieldset each."""
        return ((group, [self[knob.name] for knob in KNOBS if knob.group == group]) for group in GROUPS)

    def _chosen(self) -> list[str]:
        return [str(name) for name in self["tapes"].value() or ()]


def _field(knob: Knob) -> forms.Field:
    label = f"{knob.label} ({knob.unit})" if knob.unit else knob.label
    if knob.choices:
        choices = [(choice, choice) for choice in knob.choices]
        return forms.ChoiceField(
            label=label, initial=knob.default(), required=False, choices=choices, help_text=knob.help
        )
    text = forms.TextInput(attrs=NUMBER | {"placeholder": knob.default()})  # left empty, it is what is built in
    return forms.CharField(
        label=label, initial=knob.default(), required=False, max_length=24, widget=text, help_text=knob.help
    )
