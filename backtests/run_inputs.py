"""The inputs of a run as columns of its row and back; and what two runs ask for that differs."""

from dataclasses import fields
from typing import Any

from backtests.knobs import KNOBS, Knob
from backtests.models import BacktestRun
from backtests.replay import Inputs
from backtests.report import settings_of
from markets.core.units import Money

OWN_COLUMNS = {"tapes", "capital", "limits", "parameters", "date_from", "date_to", "files", "realism"}
OPTIONS = tuple(field for field in fields(Inputs) if field.name not in OWN_COLUMNS)
"""What else a run takes: kept by name where it is not what is built in, so that a new one needs no column."""


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
    options = {
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
    """Every knob by name, as form, API and command line take it."""
    return {knob.name: knob.shown(value_of(knob, inputs)) for knob in KNOBS}
