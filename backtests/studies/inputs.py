"""All that decides a study, as its row keeps it; and how it is made of what a person asked for."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from backtests.core.studies.folds import Scheme
from backtests.core.studies.objective import DEFAULT, OBJECTIVES
from backtests.knobs import InputError, money_from, settings_from
from backtests.latency import measured
from backtests.realism_knobs import MEASURED, PRESET, realism_from, values_of_realism
from backtests.run_inputs import NEEDS, options_from
from backtests.studies.space import Axis, axis_from, grid_size, space_from
from markets.core.units import DOLLAR, Money
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import Realism

Kind = Literal["sweep", "walkforward", "versus"]
Search = Literal["grid", "optuna"]
MOST_TRIALS = 20_000
MOST_BLOCK = 1_000
NONE = ""
WHOLE = {
    "trials": ("Trials", 0, MOST_TRIALS), "batch": ("Trials asked at a time", 1, 500), "seed": ("Seed", 0, 2**31 - 1),
    "block": ("Settings in a part", 0, MOST_BLOCK), "train": ("Days to learn on", 1, 3650),
    "test": ("Days to judge", 1, 3650), "step": ("Step", 1, 3650), "embargo": ("Embargo", 0, 365),
}  # fmt: skip
BUILT_IN = {"trials": 0, "batch": 10, "seed": 1, "block": 0, "train": 3, "test": 1, "step": 0, "embargo": 1}


class Setting(NamedTuple):
    """All that a trial is played with."""

    limits: RiskLimits
    parameters: Parameters
    realism: Realism


class Span(msgspec.Struct, frozen=True):
    """The tapes that begin on one UTC day (since 1970), in order of time; `fits` are the versions of what was learnt
    before it and may be used on it."""

    day: int
    tapes: tuple[str, ...]
    fits: tuple[int, ...] = ()


class Side(msgspec.Struct, frozen=True):
    """One of two that are held against each other: what differs from the settings of the study."""

    name: str
    settings: dict[str, str]


class StudyInputs(msgspec.Struct, frozen=True, kw_only=True):
    """The same inputs give the same parts, trials and digest. Money is micro-dollars, settings are text in people's
    units; `spans` are found when the study is queued, so that a new tape changes nothing that waits."""

    kind: Kind
    tapes: tuple[str, ...]
    capital: int
    max_daily_loss: int
    settings: dict[str, str] = {}
    space: tuple[Axis, ...] = ()
    sides: tuple[Side, ...] = ()
    search: Search = "grid"
    trials: int = 0
    batch: int = 10
    seed: int = 1
    objective: str = DEFAULT
    scheme: Scheme | None = None
    block: int = 0
    date_from: str = ""
    date_to: str = ""
    fits: str = NONE  # the account whose fitted artefacts may be used, each on days after what it saw
    files: bool = False
    allow_gaps: bool = False  # whether it is played though something that was asked for is on no tape
    needs_assets: tuple[str, ...] = ()  # coins that each day asked for must have quotes of; empty: whatever there is
    needs_venues: tuple[str, ...] = ()  # feeds that each day asked for must have been heard
    engine: bool = False  # all of it by the engine of record, none by the compiled lane: the same, slower
    spans: tuple[Span, ...] = ()

    def budget(self) -> int:
        """How many settings are tried (of a walk-forward by search: in each fold)."""
        if self.kind == "versus":
            return len(self.sides)
        return grid_size(self.space) if self.search == "grid" else self.trials

    def setting(self, values: Mapping[str, str]) -> Setting:
        """The study's own settings with these turned. Raises InputError where that cannot be."""
        whole = {**self.settings, **values}
        limits, parameters = settings_from(whole, max_daily_loss=Money(self.max_daily_loss))
        return Setting(limits, parameters, realism_from(whole, _not_pinned))


def inputs_from(kind: Kind, values: Mapping[str, Any]) -> StudyInputs:
    """What a person asked for: `tapes` (list), `capital`, `max_daily_loss` (dollars as text), `date_from`, `date_to`
    (dates or text), `allow_gaps`, `needs_assets`, `needs_venues`, knobs by name under `settings`, `space` (list of `name=values`), `search`, `objective`, whole numbers as
    text or int, `anchored`, `a` and `b` (knobs by name) of a head-to-head. Raises InputError with a sentence a field."""
    problems: dict[str, str] = {}
    capital = _money(values, "capital", "Capital", problems, DOLLAR)
    loss = _money(values, "max_daily_loss", "Maximum daily loss", problems, 0)
    since, until = (_day(values, name, problems) for name in ("date_from", "date_to"))
    if since and until and since > until:
        problems["date_to"] = "The last day is before the first."
    whole = {name: _whole(values, name, problems) for name in WHOLE}
    found = StudyInputs(
        kind=kind,
        tapes=tuple(values.get("tapes") or ()),
        capital=capital,
        max_daily_loss=loss,
        settings=_tried(problems, "settings", lambda: pinned(knobs_of(values.get("settings") or {})), {}),
        space=_tried(problems, "space", lambda: _space(kind, values), ()),
        sides=_tried(problems, "a", lambda: _sides(kind, values), ()),
        search=_choice(values, "search", get_args(Search), "grid", problems),
        objective=_choice(values, "objective", tuple(OBJECTIVES), DEFAULT, problems),
        trials=whole["trials"], batch=whole["batch"], seed=whole["seed"], block=whole["block"],
        scheme=_scheme(values, whole, problems) if kind == "walkforward" else None,
        date_from=since, date_to=until,
        fits=str(values.get("fits") or NONE), files=bool(values.get("files")),
        engine=bool(values.get("engine")), **_needs(values),
    )  # fmt: skip
    problems |= {name: words for name, words in _unfit(found).items() if name not in problems}
    if problems:
        raise InputError(problems)
    return found


def knobs_of(values: Mapping[str, str]) -> dict[str, str]:
    """Settings by name as text, without those left empty. Raises InputError for one that we do not know or that cannot
    be read."""
    kept = {name.replace("-", "_"): str(value) for name, value in values.items() if value not in (None, "")}
    return {name: axis_from(f"{name}={value}").values[0] for name, value in sorted(kept.items())}


def pinned(settings: dict[str, str]) -> dict[str, str]:
    """The same settings with what was measured written out: it may be measured anew while the study waits."""
    return values_of_realism(measured()) | without(settings) if settings.get(PRESET.name) == MEASURED else settings


def without(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings but the preset."""
    return {name: value for name, value in settings.items() if name != PRESET.name}


def knobs_from(text: str) -> dict[str, str]:
    """`edge=3,strategy=edge_taker` as settings by name. Raises InputError."""
    found = {}
    for word in (word.strip() for word in text.split(",") if word.strip()):
        name, mark, value = word.partition("=")
        if not mark:
            raise InputError({"a": f"{word!r} is no setting; write it like edge=3,strategy=edge_taker."})
        found[name.strip()] = value.strip()
    return knobs_of(found)


def to_row(inputs: StudyInputs) -> dict[str, Any]:
    """As Study.inputs keeps it."""
    row: dict[str, Any] = msgspec.to_builtins(inputs)
    return row


def from_row(row: Mapping[str, Any]) -> StudyInputs:
    """What Study.inputs holds."""
    return msgspec.convert(row, StudyInputs)


def _space(kind: Kind, values: Mapping[str, Any]) -> tuple[Axis, ...]:
    axes = space_from(values.get("space") or ())
    if kind != "versus" and not axes:
        raise InputError({"space": "Say what to try: a setting with its values, like edge=1,2,3."})
    if kind == "versus" and axes:
        raise InputError({"space": "A head-to-head tries two settings; ranges are for a sweep."})
    return axes


def _sides(kind: Kind, values: Mapping[str, Any]) -> tuple[Side, ...]:
    if kind != "versus":
        return ()
    sides = []
    for name in ("a", "b"):
        asked = values.get(name) or {}
        try:
            sides.append(Side(name.upper(), knobs_from(asked) if isinstance(asked, str) else knobs_of(asked)))
        except InputError as error:
            raise InputError({name: str(error)}) from None
    if sides[0].settings == sides[1].settings:
        raise InputError({"b": "Both sides are the same; say what differs, like edge=5."})
    return tuple(sides)


def _scheme(values: Mapping[str, Any], whole: Mapping[str, int], problems: dict[str, str]) -> Scheme:
    scheme = Scheme(
        whole["train"], whole["test"], whole["step"] or whole["test"], whole["embargo"], bool(values.get("anchored"))
    )
    if wrong := scheme.problems():
        problems.setdefault("step", _sentence(wrong))
    return scheme


def _unfit(inputs: StudyInputs) -> dict[str, str]:
    """What does not go together, by field."""
    problems: dict[str, str] = {}
    if inputs.kind != "versus":
        if inputs.search == "optuna" and inputs.trials < 2:
            problems["trials"] = "A search needs a budget: how many settings it may try, 2 or more."
        if inputs.search == "grid" and (opened := [axis for axis in inputs.space if axis.is_open]):
            axis = opened[0]
            low, high = axis.values[0], axis.values[-1]
            words = f"A grid needs the step of {axis.name}: {axis.name}={low}..{high}/STEP; or choose the search."
            problems["space"] = words
        elif inputs.budget() > MOST_TRIALS:
            problems["space"] = (
                f"These are {inputs.budget():,} settings; {MOST_TRIALS:,} are the most. Take wider steps, or a search."
            )
        if double := [axis.name for axis in inputs.space if axis.name in inputs.settings]:
            problems["space"] = f"{double[0]} is both tried and set; leave one of them out."
    if not problems:
        problems |= _unusable(inputs)
    return problems


def _unusable(inputs: StudyInputs) -> dict[str, str]:
    """Whether the settings that stay as they are can be at all."""
    for values in [side.settings for side in inputs.sides] or ([{}] if not inputs.space else []):
        try:
            inputs.setting(values)
        except InputError as error:
            return {"settings": str(error)}
    return {}


def _choice(values: Mapping[str, Any], name: str, among: Sequence[str], built_in: str, problems: dict[str, str]) -> Any:
    word = str(values.get(name) or built_in)
    if word not in among:
        problems[name] = f"{word!r} is unknown; choose one of {', '.join(among)}."
        return built_in
    return word


def _whole(values: Mapping[str, Any], name: str, problems: dict[str, str]) -> int:
    label, least, most = WHOLE[name]
    text = str(values.get(name) if values.get(name) not in (None, "") else BUILT_IN[name])
    if name == "step" and text == "0":
        return 0
    if not text.isascii() or not text.strip().isdecimal() or not least <= int(text) <= most:
        problems[name] = f"{label}: {text!r} is no whole number from {least:,} to {most:,}."
        return BUILT_IN[name]
    return int(text)


def _money(values: Mapping[str, Any], name: str, label: str, problems: dict[str, str], least: int) -> int:
    try:
        return money_from(str(values.get(name) or ""), label, at_least=least)
    except ValueError as error:
        problems[name] = str(error)
        return least


def _tried(problems: dict[str, str], name: str, make: Any, instead: Any) -> Any:
    try:
        return make()
    except InputError as error:
        problems |= {name if key in {"", "space", "a"} and name == "settings" else key: words
                     for key, words in error.problems.items()}  # fmt: skip
        return instead


def _day(values: Mapping[str, Any], name: str, problems: dict[str, str]) -> str:
    text = str(values.get(name) or "")
    try:
        return str(date.fromisoformat(text)) if text else ""
    except ValueError:
        problems[name] = f"{text!r} is not a day; write it like 2026-05-13."
        return ""


def _needs(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the tapes must have, and whether it is played without."""
    names = (*NEEDS, "allow_gaps")
    options = options_from({name: values.get(name) for name in names})
    return {name: options[name] for name in names}


def _sentence(words: Sequence[str]) -> str:
    text = "; ".join(words)
    return f"{text[0].upper()}{text[1:]}."


def _not_pinned() -> Realism:
    words = f"{MEASURED!r} holds for a whole study: set it with the settings, not among what is tried."
    raise InputError({PRESET.name: words})
