"""What a study turns: the values of each setting, as a person writes them, and the grid they span."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import prod

import msgspec

from backtests.knobs import KNOBS, InputError, Knob, decimal_from, plain
from backtests.realism_knobs import ALL_REALISM

MOST_VALUES = 1_001  # of one setting
OPEN_STEPS = 100  # a range without a step is cut into so many
BY_NAME: Mapping[str, Knob] = {knob.name: knob for knob in (*KNOBS, *ALL_REALISM)}
HOW = "write it like edge=1,2,3 or edge=1..6/0.5, or kelly=10..50 for a search"


class Axis(msgspec.Struct, frozen=True):
    """The values of one setting, in people's units. `is_open`: a range without a step, which only a search takes."""

    name: str
    values: tuple[str, ...]
    is_open: bool = False

    @property
    def knob(self) -> Knob:
        """Which setting it turns."""
        return BY_NAME[self.name]

    @property
    def is_ordered(self) -> bool:
        """Whether its values are numbers, from low to high; names have no order."""
        return not self.knob.choices

    def spoken(self) -> str:
        """As a person writes it."""
        return f"{self.name}={','.join(self.values)}"


def space_from(texts: Iterable[str]) -> tuple[Axis, ...]:
    """The axes written as `name=values`, sorted by name, so that the order in which they are told decides nothing.
    Raises InputError with a sentence that says what to write instead."""
    axes: dict[str, Axis] = {}
    for text in texts:
        axis = axis_from(text)
        if axis.name in axes:
            raise InputError({"space": f"{axis.name} is told twice; put all its values into one list."})
        axes[axis.name] = axis
    return tuple(axes[name] for name in sorted(axes))


def axis_from(text: str) -> Axis:
    """One axis: `edge=1,2,3`, `edge=1..6/0.5`, `kelly=10..50`, `model=gbm_avg,abm_avg`. Raises InputError."""
    name, mark, values = (part.strip() for part in text.partition("="))
    name = name.replace("-", "_")
    if not mark or not name or not values:
        raise InputError({"space": f"{text!r} is no range of a setting; {HOW}."})
    if name not in BY_NAME:
        near = difflib.get_close_matches(name, BY_NAME, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(BY_NAME))}."
        raise InputError({"space": f"There is no setting {name!r}; {hint}"})
    try:
        return _axis(BY_NAME[name], values)
    except ValueError as error:
        raise InputError({"space": f"{text!r}: {error}"}) from None


def grid(axes: Sequence[Axis]) -> Iterator[dict[str, str]]:
    """Every combination, the last axis turning fastest. One without axes: the setting as it is.
    Raises InputError for a range without a step."""
    for axis in axes:
        if axis.is_open:
            low, high = axis.values[0], axis.values[-1]
            words = f"A grid needs the step of {axis.name}: {axis.name}={low}..{high}/STEP; or choose the search."
            raise InputError({"space": words})
    names = [axis.name for axis in axes]
    for values in product(*(axis.values for axis in axes)):
        yield dict(zip(names, values, strict=True))


def grid_size(axes: Sequence[Axis]) -> int:
    """How many combinations there are."""
    return prod(len(axis.values) for axis in axes)


def _axis(knob: Knob, text: str) -> Axis:
    if ".." not in text:
        values = [value.strip() for value in text.split(",")]
        if "" in values:
            raise ValueError(f"a value is missing; {HOW}.")
        return Axis(knob.name, _read(knob, values))
    if knob.choices:
        raise ValueError(f"{knob.label} has names, not numbers; choose among {', '.join(knob.choices)}.")
    ends, mark, step = (part.strip() for part in text.partition("/"))
    first, _, last = (part.strip() for part in ends.partition(".."))
    low, high = decimal_from(first, knob.label), decimal_from(last, knob.label)
    if low >= high:
        raise ValueError(f"the range has to rise, and {plain(low)} is not below {plain(high)}.")
    if not mark:
        return Axis(knob.name, _read(knob, _open(knob, low, high)), is_open=True)
    width = decimal_from(step, knob.label)
    if width <= 0:
        raise ValueError("the step has to be above 0.")
    count = int((high - low) / width) + 1
    if count > MOST_VALUES:
        raise ValueError(f"these are {count:,} values; {MOST_VALUES:,} are the most. Take a wider step.")
    return Axis(knob.name, _read(knob, [plain(low + width * number) for number in range(count)]))


def _open(knob: Knob, low: Decimal, high: Decimal) -> list[str]:
    """A hundred equal steps; of whole numbers no finer than they are."""
    step = (high - low) / OPEN_STEPS
    if knob.is_whole:
        finest = 1 / knob.scale
        step = max((step / finest).to_integral_value(), Decimal(1)) * finest
    count = int((high - low) / step) + 1
    return [plain(low + step * number) for number in range(count)]


def _read(knob: Knob, values: Sequence[str]) -> tuple[str, ...]:
    """The values as they are kept, numbers from low to high, each once. Raises ValueError."""
    if len(values) > MOST_VALUES:
        raise ValueError(f"these are {len(values):,} values; {MOST_VALUES:,} are the most.")
    shown = [
        knob.shown(knob.read(value)) if knob.choices else plain(decimal_from(value, knob.label)) for value in values
    ]
    for value in shown:
        knob.read(value)
    if not knob.choices:
        shown.sort(key=Decimal)
    if len(set(shown)) < len(shown):
        raise ValueError("a value is told twice.")
    return tuple(shown)
