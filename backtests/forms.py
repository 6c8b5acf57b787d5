"""Choose tapes, dates, capital, the day's loss and the strategy's settings."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django import forms

from backtests.knobs import InputError, Knob
from backtests.models import BacktestRun
from backtests.run_inputs import ALL_SETTINGS, NEEDS, SWITCHES, built_in
from backtests.selectors import Day, recorded_count, tape_choices, tape_days
from backtests.services import LONGEST, LONGEST_KEY, About, inputs_from
from backtests.shelf import ALL

NUMBER = {"inputmode": "decimal", "autocomplete": "off"}
GROUPS = tuple(dict.fromkeys(knob.group for knob in ALL_SETTINGS))
FIRST = GROUPS[0]
"""What is chosen first and never folded: the strategy."""
AS_PRESET = "as the preset says"
DATA = (*NEEDS, "allow_gaps")
REALISM = ("bounds", "sensitivity", "spot_shift")


class Group(NamedTuple):
    """The knobs of one group: folded while all are as built in."""

    name: str
    fields: list[forms.BoundField]
    turned: list[str]
    is_open: bool


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

    spot_shift = forms.CharField(
        label="Spot is heard later by (ms)",
        initial="0",
        required=False,
        max_length=12,
        widget=forms.TextInput(attrs=NUMBER),
        help_text="Negative: earlier than it was, which nobody can; to see how much the result hangs on time.",
    )
    label = forms.CharField(
        label="Label",
        required=False,
        max_length=LONGEST["label"],
        help_text="To find it again by; can be changed later.",
    )
    note = forms.CharField(
        label="Note", required=False, max_length=LONGEST["note"], widget=forms.Textarea(attrs={"rows": 3})
    )
    cloned_from = forms.ModelChoiceField(
        BacktestRun.objects.defer("result"), required=False, widget=forms.HiddenInput, blank=True
    )
    key = forms.CharField(required=False, max_length=LONGEST_KEY, widget=forms.HiddenInput)  # sent twice, queued once

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["tapes"].choices = tape_choices()  # type: ignore[attr-defined]
        for name, (label, words) in SWITCHES.items():
            self.fields[name] = forms.BooleanField(label=label, required=False, help_text=words)
        for name, (label, words) in NEEDS.items():
            self.fields[name] = forms.CharField(label=label, required=False, max_length=400, help_text=words)
        for knob in ALL_SETTINGS:
            self.fields[knob.name] = _field(knob)
        self.inputs: Any = None

    @property
    def about(self) -> About:
        """What is said of the run beside its inputs; once the form is valid."""
        cleaned = self.cleaned_data
        return About(cleaned["label"], cleaned["note"], cleaned["cloned_from"], cleaned["key"])

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

    def first(self) -> Iterator[forms.BoundField]:
        """What is chosen before all other knobs."""
        return (self[knob.name] for knob in ALL_SETTINGS if knob.group == FIRST)

    def data_fields(self) -> Iterator[forms.BoundField]:
        """What the tapes must have."""
        return (self[name] for name in DATA)

    def realism_fields(self) -> Iterator[forms.BoundField]:
        """What else is played beside the run."""
        return (self[name] for name in REALISM)

    def groups(self) -> Iterator[Group]:
        """The other knobs by group, with the labels of those that are not as built in."""
        for name in GROUPS[1:]:
            knobs = [knob for knob in ALL_SETTINGS if knob.group == name]
            turned = [knob.label for knob in knobs if self[knob.name].value() not in (None, "", built_in(knob))]
            wrong = any(self[knob.name].errors for knob in knobs)
            yield Group(name, [self[knob.name] for knob in knobs], turned, wrong)

    def _chosen(self) -> list[str]:
        return [str(name) for name in self["tapes"].value() or ()]


def _field(knob: Knob) -> forms.Field:
    label = f"{knob.label} ({knob.unit})" if knob.unit else knob.label
    usual = built_in(knob)
    words = f"{knob.help} Built in: {usual or AS_PRESET}.".lstrip()
    if knob.choices:
        choices = [(choice, choice) for choice in knob.choices]
        choices = choices if usual else [("", AS_PRESET), *choices]
        return forms.ChoiceField(label=label, initial=usual, required=False, choices=choices, help_text=words)
    text = forms.TextInput(attrs=NUMBER | {"placeholder": usual or AS_PRESET})  # left empty, it is what is built in
    return forms.CharField(label=label, initial=usual, required=False, max_length=24, widget=text, help_text=words)
