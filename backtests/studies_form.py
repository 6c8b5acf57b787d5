"""The form of a study: tapes and money, what all trials have, what is tried, how it is judged."""

from collections.abc import Iterator
from typing import Any, cast

from django import forms

from backtests.core.studies.objective import DEFAULT, OBJECTIVES
from backtests.knobs import InputError, plain_money
from backtests.run_inputs import ALL_SETTINGS, NEEDS, SWITCHES, built_in
from backtests.selectors import Day, recorded_count, tape_choices, tape_days
from backtests.shelf import ALL
from backtests.studies.inputs import BUILT_IN, WHOLE, Kind, StudyInputs, inputs_from
from backtests.study_models import Study

TEXT = {"autocomplete": "off"}
DAY = {"type": "date"}
HELP = {
    "trials": "The budget of a search; a grid tries all it spans.",
    "batch": "Asked together: what one of them comes to is known to the next batch.",
    "seed": "The same seed and the same tapes make the same search.",
    "block": "0: a hundred where the compiled lane plays them, five where the engine does.",
    "step": "0: as many as are judged.",
    "embargo": "Of the calendar, between what is learnt on and what is judged.",
}
OF_SEARCH = ("search", "trials", "batch", "seed")
OF_FORWARD = ("train", "test", "step", "embargo", "anchored")
Lines = dict[str, str]


class StudyForm(forms.Form):
    """Everything a study of one kind takes; `inputs` is what it comes to once the form is valid."""

    tapes = forms.MultipleChoiceField(
        label="Tapes", widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose a tape."}
    )
    date_from = forms.DateField(
        label="First day (UTC)", required=False, widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d")
    )
    date_to = forms.DateField(
        label="Last day (UTC)", required=False, widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d")
    )
    capital = forms.CharField(label="Capital ($), each day anew", initial="10000", max_length=24)
    max_daily_loss = forms.CharField(label="Maximum daily loss ($)", initial="1000", max_length=24)
    settings = forms.CharField(
        label="What all trials have", required=False, max_length=8_000, widget=forms.Textarea(attrs={"rows": 3} | TEXT),
        help_text="One setting a line, like confidence=20; all others are as built in.",
    )  # fmt: skip
    space = forms.CharField(
        label="What is tried", required=False, max_length=8_000, widget=forms.Textarea(attrs={"rows": 4} | TEXT),
        help_text="One setting a line: edge=1,2,3 or edge=1..6/0.5, or kelly=10..50 for a search.",
    )  # fmt: skip
    a = forms.CharField(
        label="Side A", required=False, max_length=2_000, help_text="What differs, like edge=3, kelly=10."
    )
    b = forms.CharField(label="Side B", required=False, max_length=2_000, help_text="Like strategy=edge_maker.")
    objective = forms.ChoiceField(
        label="Judged by", initial=DEFAULT, choices=[(each.name, each.words) for each in OBJECTIVES.values()]
    )
    search = forms.ChoiceField(
        label="Way",
        initial="grid",
        choices=[("grid", "grid: every combination"), ("optuna", "search: Optuna, in batches")],
    )
    anchored = forms.BooleanField(label="Anchored: always learn from the first day on", required=False)
    fits = forms.CharField(
        label="Fitted artefacts of the account", required=False, max_length=64,
        help_text="Empty: none. Else on each day those that had seen nothing of it.",
    )  # fmt: skip
    engine = forms.BooleanField(label="Play all by the engine of record", required=False)
    label = forms.CharField(label="Label", required=False, max_length=120)
    note = forms.CharField(label="Note", required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, kind: Kind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.label_suffix = ""
        cast(forms.MultipleChoiceField, self.fields["tapes"]).choices = tape_choices()
        for name, (label, *_) in WHOLE.items():
            self.fields[name] = forms.CharField(
                label=label, required=False, initial=str(BUILT_IN[name]), max_length=10, help_text=HELP.get(name, "")
            )
        for name, (label, words) in NEEDS.items():
            self.fields[name] = forms.CharField(label=label, required=False, max_length=400, help_text=words)
        label, words = SWITCHES["allow_gaps"]
        self.fields["allow_gaps"] = forms.BooleanField(label=label, required=False, help_text=words)
        for name in self._others():
            del self.fields[name]
        self.inputs: StudyInputs | None = None

    def clean(self) -> dict[str, Any]:
        """One reader for form, API and command line: what is refused here is refused there, in the same words."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            lines = pairs_of(cleaned.get("settings", ""))
            space = [line.strip() for line in cleaned.get("space", "").splitlines() if line.strip()]
            self.inputs = inputs_from(self.kind, cleaned | {"settings": lines, "space": space})
        except InputError as error:
            self.refuse(error)
        return cleaned

    def refuse(self, error: InputError) -> None:
        """Each sentence under its field."""
        for name, sentence in error.problems.items():
            self.add_error(name if name in self.fields else None, sentence)

    def days(self) -> Iterator[Day]:
        """The tapes to choose from, by day."""
        return tape_days(self._chosen())

    def is_all(self) -> bool:
        """Whether all recorded tapes are chosen."""
        return ALL in self._chosen()

    def recorded(self) -> int:
        """How many tapes "all" means."""
        return recorded_count()

    def basics(self) -> list[forms.BoundField]:
        """Days and money."""
        return [self[name] for name in ("date_from", "date_to", "capital", "max_daily_loss")]

    def data_fields(self) -> list[forms.BoundField]:
        """What the tapes must have."""
        return [self[name] for name in (*NEEDS, "allow_gaps")]

    def tried(self) -> list[forms.BoundField]:
        """What differs between trials."""
        return [self[name] for name in ("settings", "a", "b", "space", *OF_SEARCH) if name in self.fields]

    def judged(self) -> list[forms.BoundField]:
        """How it is judged."""
        names = ("objective", *OF_FORWARD, "fits", "block", "engine")
        return [self[name] for name in names if name in self.fields]

    def knobs(self) -> list[tuple[str, str, str, str]]:
        """Every setting: name, what it is, unit or names, what is built in."""
        return [(knob.name, knob.label, knob.unit or ", ".join(knob.choices), built_in(knob)) for knob in ALL_SETTINGS]

    def _others(self) -> tuple[str, ...]:
        if self.kind == "versus":
            return ("space", *OF_SEARCH, *OF_FORWARD)
        return ("a", "b") if self.kind == "walkforward" else ("a", "b", *OF_FORWARD)

    def _chosen(self) -> list[str]:
        return [str(name) for name in self["tapes"].value() or ()]


def pairs_of(text: str) -> Lines:
    """`name=value` a line as settings by name. Raises InputError."""
    found: Lines = {}
    for line in (line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()):
        name, mark, value = (part.strip() for part in line.partition("="))
        if not mark or not value:
            raise InputError({"settings": f"{line!r} is no setting; write it like confidence=20."})
        found[name] = value
    return found


def start_of(study: Study) -> dict[str, Any]:
    """The fields of the form as an earlier study had them."""
    row = study.inputs
    scheme = row.get("scheme") or {}
    start: dict[str, Any] = {
        name: row[name] for name in ("objective", "search", "trials", "batch", "seed", "fits", "engine")
    }
    start |= {name: scheme[name] for name in ("train", "test", "step", "embargo") if name in scheme}
    start |= {side["name"].lower(): ", ".join(f"{n}={v}" for n, v in side["settings"].items()) for side in row["sides"]}
    start |= {name: ", ".join(row.get(name, ())) for name in NEEDS}
    return start | {
        "allow_gaps": row.get("allow_gaps", False),
        "tapes": row["tapes"],
        "date_from": row["date_from"],
        "date_to": row["date_to"],
        "capital": plain_money(row["capital"]),
        "max_daily_loss": plain_money(row["max_daily_loss"]),
        "settings": "\n".join(f"{name}={value}" for name, value in row["settings"].items()),
        "space": "\n".join(f"{axis['name']}={','.join(axis['values'])}" for axis in row["space"]),
        "anchored": scheme.get("is_anchored", False),
        "label": study.label,
    }
