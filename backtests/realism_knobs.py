"""The settings of how the paper exchange treats orders: one table that form, command line and API are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from msgspec.structs import replace

from backtests.knobs import MILLISECONDS, PERCENT, SECONDS, InputError, Knob
from trading.core.realism import FIXED, PRESETS, QueueName, Realism, SnapshotsName, ThroughName

GROUP = "Realism"
MEASURED = "measured"
PRESET_NAMES = ("fixed", "stated", MEASURED, "optimistic", "pessimistic")


@dataclass(frozen=True)
class RealismKnob(Knob):
    """A setting that turns a field of Realism; empty is what the preset says."""

    def default(self) -> str:
        """The built-in value, as a person would write it; empty where the parameters decide."""
        return self.shown(getattr(FIXED, self.field))

    def shown(self, value: Any) -> str:
        """A field's value as a person would write it; empty where the parameters decide."""
        return "" if not self.choices and value < 0 else super().shown(value)

    def spoken(self, value: Any) -> str:
        """The same with its unit."""
        return super().spoken(value) if self.shown(value) else "as the parameters say"


def _hop(name: str, label: str, field: str, note: str = "") -> tuple[RealismKnob, RealismKnob]:
    return (
        RealismKnob(f"{name}_median", f"{label}, median", GROUP, f"{field}_median_ns", MILLISECONDS, "ms", note, is_whole=True),
        RealismKnob(f"{name}_p95", f"{label}, 95th percentile", GROUP, f"{field}_p95_ns", MILLISECONDS, "ms", is_whole=True),
    )  # fmt: skip


PRESET = RealismKnob(
    "realism", "How orders are treated", GROUP, "", choices=PRESET_NAMES,
    help="fixed: one latency, as set under Timing. stated: drawn, by the pricing notes. measured: drawn, as our own orders "
         "took. optimistic and pessimistic: the bounds of stated. What is set below counts before it.",
)  # fmt: skip
REALISM_KNOBS: tuple[RealismKnob, ...] = (
    *_hop("order", "Order on its way", "order", "From leaving us to the arrival at the exchange."),
    *_hop("cancel", "Cancel or amend on its way", "cancel"),
    *_hop("answer", "Answer on its way", "reply", "From the exchange back to us."),
    *_hop("compute", "Our own work", "compute", "From the event to the order that leaves."),
    RealismKnob("added_latency", "Added to every order and cancel", GROUP, "added_ns", MILLISECONDS, "ms", is_whole=True),
    RealismKnob("taker_delay", "Takers are held by the exchange", GROUP, "taker_delay_ns", MILLISECONDS, "ms", is_whole=True),
    RealismKnob("queue", "Cancels of others at our price", GROUP, "queue", choices=get_args(QueueName),
                help="pessimistic: they stood behind us. proportional: before and behind us alike."),
    RealismKnob("trade_through", "A trade past our price fills", GROUP, "trade_through", choices=get_args(ThroughName),
                help="printed: as many contracts as were traded. full: all that rests."),
    RealismKnob("snapshots", "Books known in snapshots only", GROUP, "snapshots", choices=get_args(SnapshotsName),
                help="More than a second apart. before: the last one is believed. both: what is in the next one, too."),
    RealismKnob("reject_rate", "Orders refused at random", GROUP, "reject_rate", PERCENT, "%"),
    RealismKnob("unknown_rate", "Orders whose answer is lost", GROUP, "unknown_rate", PERCENT, "%",
                help="They count as open until the truth is told."),
    RealismKnob("unknown_after", "The truth is told after", GROUP, "unknown_ns", SECONDS, "s", is_whole=True),
    RealismKnob("settle_delay", "From the result to the money", GROUP, "settle_delay_ns", SECONDS, "s", is_whole=True),
    RealismKnob("realism_seed", "Seed of what is drawn", GROUP, "seed", is_whole=True),
)  # fmt: skip
ALL_REALISM: tuple[RealismKnob, ...] = (PRESET, *REALISM_KNOBS)


def realism_from(values: Mapping[str, str], measured: Callable[[], Realism]) -> Realism:
    """The preset that `values` names (none: fixed), with every knob that they name turned; `measured` is asked only where
    it is wanted, and raises InputError where too little was. Raises InputError with a sentence for each that cannot be."""
    name = values.get(PRESET.name) or "fixed"
    if name not in PRESET_NAMES:
        raise InputError(
            {PRESET.name: f"{PRESET.label}: {name!r} is unknown; choose one of {', '.join(PRESET_NAMES)}."}
        )
    preset = measured() if name == MEASURED else PRESETS[name]
    turned: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for knob in REALISM_KNOBS:
        if not values.get(knob.name):
            continue
        try:
            turned[knob.field] = knob.read(values[knob.name])
        except ValueError as error:
            problems[knob.name] = str(error)
    if problems:
        raise InputError(problems)
    realism = replace(preset, **(_together(preset, turned) | turned))
    if wrong := realism.problems():
        words = "; ".join(wrong)
        raise InputError({PRESET.name: f"{words[0].upper()}{words[1:]}."})
    return realism


def values_of_realism(realism: Realism) -> dict[str, str]:
    """The same realism as a person would ask for it: the name of a preset, or every field that is not built in."""
    for name, preset in PRESETS.items():
        if realism == preset:
            return {PRESET.name: name}
    values = {knob.name: knob.shown(getattr(realism, knob.field)) for knob in REALISM_KNOBS}
    built_in = {knob.name: knob.default() for knob in REALISM_KNOBS}
    return {PRESET.name: "fixed"} | {name: value for name, value in values.items() if value != built_in[name]}


def words_of_realism(realism: Realism) -> dict[str, tuple[str, str]]:
    """(label, value with its unit) by name, the preset first ("own settings" where it is none)."""
    name = next((name for name, preset in PRESETS.items() if realism == preset), "own settings")
    told = {knob.name: (knob.label, knob.spoken(getattr(realism, knob.field))) for knob in REALISM_KNOBS}
    return {PRESET.name: (PRESET.label, name)} | told


def _together(preset: Realism, turned: Mapping[str, Any]) -> dict[str, Any]:
    """A hop of which only the median was given takes just that, or what the preset says where that is more."""
    return {
        field.replace("_median_", "_p95_"): max(value, getattr(preset, field.replace("_median_", "_p95_")))
        for field, value in turned.items()
        if "_median_" in field
    }
