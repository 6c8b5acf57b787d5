"""The inputs of a run as columns of its row and back; and what two runs ask for that differs."""

import re
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, NamedTuple

from backtests.knobs import KNOBS, MILLISECONDS, InputError, Knob, decimal_from, plain
from backtests.models import BacktestRun
from backtests.realism_knobs import ALL_REALISM, PRESET, REALISM_KNOBS, values_of_realism, words_of_realism
from backtests.replay import Inputs
from backtests.report import settings_of
from markets.core.units import Money, money_text

OWN_COLUMNS = {"tapes", "capital", "limits", "parameters", "date_from", "date_to", "files", "realism"}
OPTIONS = tuple(field for field in fields(Inputs) if field.name not in OWN_COLUMNS)
"""What else a run takes: kept by name where it is not what is built in, so that a new one needs no column."""
SWITCHES = {
    "bounds": ("Optimistic and pessimistic bound", "Also plays the same under the optimistic and the pessimistic treatment of orders."),
    "sensitivity": ("Sensitivity to time", "Also plays with more latency, and with spot heard earlier and later."),
    "allow_gaps": ("Run in spite of gaps", "Without it a run that asks for what is on no tape is refused."),
}  # fmt: skip
NEEDS = {
    "needs_assets": ("Coins it must have", "Like BTC, ETH: each day asked for must have quotes of them. Empty: whatever there is."),
    "needs_venues": ("Feeds it must have", "Like kalshi, coinbase: each day asked for must have heard them."),
}  # fmt: skip
MOST_SHIFT_MS = 60_000
ALL_SETTINGS: tuple[Knob, ...] = (*KNOBS, *ALL_REALISM)
SETTING_NAMES = frozenset(knob.name for knob in ALL_SETTINGS)


def columns_of(inputs: Inputs) -> dict[str, Any]:
    """The columns that keep a wish."""
    options = {field.name: getattr(inputs, field.name) for field in OPTIONS}
    return {
        "tapes": list(inputs.tapes),
        "date_from": inputs.date_from,
        "date_to": inputs.date_to,
        "capital": inputs.capital,
        "max_daily_loss": inputs.limits.max_daily_loss,
        "limits_json": settings_of(inputs.limits),
        "parameters_json": settings_of(inputs.parameters),
        "realism_json": settings_of(inputs.realism),
        "strategy": inputs.parameters.strategy,
        "options_json": {
            field.name: list(options[field.name]) if isinstance(options[field.name], tuple) else options[field.name]
            for field in OPTIONS
            if options[field.name] != field.default
        },
    }


def inputs_of(run: BacktestRun) -> Inputs:
    """The inputs kept in a row; a name that is no option any more is passed over."""
    known = {field.name: field.default for field in OPTIONS}
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(known[name], tuple) else value
        for name, value in run.options_json.items()
        if name in known
    }
    return Inputs(
        tuple(run.tapes), Money(run.capital), run.limits(), run.parameters(), run.date_from, run.date_to,
        realism=run.realism(), **options,
    )  # fmt: skip


def value_of(knob: Knob, inputs: Inputs) -> Any:
    """What a knob is set to."""
    return getattr(inputs.limits if knob.is_limit else inputs.parameters, knob.field)


def settings_named(inputs: Inputs) -> dict[str, str]:
    """Every knob by name, as form, API and command line take it; of how orders are treated what is not built in."""
    knobs = {knob.name: knob.shown(value_of(knob, inputs)) for knob in KNOBS}
    return knobs | values_of_realism(inputs.realism)


def built_in(knob: Knob) -> str:
    """What a knob is when nothing is said, as a person would write it; "" where a preset says it."""
    if knob in REALISM_KNOBS:
        return ""
    return knob.choices[0] if knob is PRESET else knob.default()


def only_settings(values: Mapping[str, str]) -> dict[str, str]:
    """The same values. Raises InputError when one is no setting of ours: a typing error must not be ignored."""
    if unknown := [name for name in values if name not in SETTING_NAMES]:
        known = ", ".join(sorted(SETTING_NAMES))
        raise InputError({"settings": f"Unknown settings: {', '.join(unknown)}; known are {known}."})
    return dict(values)


def options_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a person gave: switches as true or "on", coins and feeds as a list or separated by commas, the shift
    of spot in ms. Raises InputError."""
    options: dict[str, Any] = {name: is_on(values.get(name)) for name in SWITCHES}
    options |= {name: names_from(values.get(name)) for name in NEEDS}
    options["needs_assets"] = tuple(name.upper() for name in options["needs_assets"])
    options["needs_venues"] = tuple(name.lower() for name in options["needs_venues"])
    if values.get("spot_shift") not in (None, ""):
        options["spot_shift_ns"] = _shift(str(values["spot_shift"]))
    return options


def is_on(value: Any) -> bool:
    """True, and what forms and command lines write for it."""
    return value is True or str(value).strip().lower() in {"on", "true", "1", "yes"}


def names_from(value: Any) -> tuple[str, ...]:
    """A list of names, or text with commas or spaces between them; each once."""
    parts = re.split(r"[,\s]+", value) if isinstance(value, str) else [str(part).strip() for part in value or ()]
    return tuple(dict.fromkeys(part for part in parts if part))


def _shift(text: str) -> int:
    label = "Spot is heard later by"
    try:
        shift = decimal_from(text, label)
        if abs(shift) > MOST_SHIFT_MS:
            raise ValueError(f"{label}: {text} ms is more than a minute.")
    except ValueError as error:
        raise InputError({"spot_shift": str(error)}) from None
    return int(shift * MILLISECONDS)


def values_of(inputs: Inputs) -> dict[str, Any]:
    """A wish as `services.inputs_from` takes it: the start of a run that differs in some of it."""
    values: dict[str, Any] = {
        "tapes": list(inputs.tapes),
        "date_from": inputs.date_from,
        "date_to": inputs.date_to,
        "capital": plain(Decimal(money_text(inputs.capital))),
        "max_daily_loss": plain(Decimal(money_text(inputs.limits.max_daily_loss))),
        "spot_shift": plain(Decimal(inputs.spot_shift_ns) / MILLISECONDS),
    }
    values |= {name: getattr(inputs, name) for name in SWITCHES}
    values |= {name: ", ".join(getattr(inputs, name)) for name in NEEDS}
    return values | settings_named(inputs)


class Change(NamedTuple):
    """One thing that two runs ask for differently, in people's words."""

    name: str
    label: str
    before: str
    after: str


def changes_between(before: Inputs, after: Inputs) -> list[Change]:
    """What differs, in the order of the form."""
    first, second = words_of(before), words_of(after)
    return [
        Change(name, label, first[name][1], shown) for name, (label, shown) in second.items() if first[name][1] != shown
    ]


def words_of(inputs: Inputs) -> dict[str, tuple[str, str]]:
    """Everything a run asks for, by name: what it is called, and its value with its unit."""
    values = values_of(inputs)
    words = {
        "tapes": ("Tapes", ", ".join(inputs.tapes)),
        "date_from": ("First day", str(inputs.date_from or "all")),
        "date_to": ("Last day", str(inputs.date_to or "all")),
        "capital": ("Capital", f"${values['capital']}"),
        "max_daily_loss": ("Maximum daily loss", f"${values['max_daily_loss']}"),
        "spot_shift": ("Spot is heard later by", f"{values['spot_shift']} ms"),
    }
    words |= {name: (label, "on" if values[name] else "off") for name, (label, _) in SWITCHES.items()}
    words |= {name: (label, values[name] or "whatever there is") for name, (label, _) in NEEDS.items()}
    words |= {knob.name: (knob.label, knob.spoken(value_of(knob, inputs))) for knob in KNOBS}
    return words | words_of_realism(inputs.realism)
