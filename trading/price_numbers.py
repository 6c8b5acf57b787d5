"""Numbers in words of the command line: read, or refused with what to write instead."""

from collections.abc import Mapping
from math import inf

from markets.core.contract import TAPERED_GRID
from markets.core.units import CONTRACT, PRICE_DOLLAR, price_from_text

Options = Mapping[str, str | None]


class OptionProblem(ValueError):
    """What cannot be priced, and what to write instead."""


def number_of(
    options: Options, name: str, how: str, default: str | None = None, *, least: float | None = None, most: float = inf,
    above: float = 0.0,
) -> float:  # fmt: skip
    """A finite number, above `above` or, where `least` is given, from `least` on. Raises OptionProblem."""
    text, option = options.get(name), f"--{name.replace('_', '-')}"
    if text is None and default is not None:
        return float(default)
    if text is None:
        raise OptionProblem(f"{option} is missing: {how}")
    try:
        value = float(text)
    except ValueError:
        raise OptionProblem(f"{option} {text}: {how}") from None
    if not (-inf < value < inf and value <= most and (value > above if least is None else value >= least)):
        bound = (
            f"above {above:g}" if least is None else f"{least:g} or more" if most == inf else f"{least:g} to {most:g}"
        )
        raise OptionProblem(f"{option} {text}: it is {bound} ({how})")
    return value


def rate_of(text: str, option: str, year: float, how: str) -> float:
    """A rate by its unit; a bare number could be either. Raises OptionProblem."""
    scale = year * 0.01 if text.endswith("%") else 1.0 if text.endswith("/s") else None
    try:
        value = float(text.removesuffix("%").removesuffix("/s"))
    except ValueError:
        raise OptionProblem(f"{option} {text}: write {how}") from None
    if scale is None or not -inf < value < inf:
        raise OptionProblem(f"{option} {text}: write {how}")
    return value * scale


def price_of(options: Options, name: str) -> int | None:
    """A price on the grid of these series; None where it is not said. Raises OptionProblem."""
    text = options.get(name)
    if text is None:
        return None
    try:
        price = price_from_text(text)
    except ValueError:
        raise OptionProblem(f"--{name} {text}: a price of YES in dollars, like 0.55") from None
    if not 0 < price < PRICE_DOLLAR:
        raise OptionProblem(
            f"--{name} {text}: a price is above 0 and below a dollar; leave out a side that nobody offers"
        )
    if not any(band.start <= price <= band.end and (price - band.start) % band.step == 0 for band in TAPERED_GRID):
        raise OptionProblem(
            f"--{name} {text}: prices move by a cent from 0.10 to 0.90, and by a tenth of a cent outside"
        )
    return price


def count_of(options: Options) -> int:
    """Whole contracts, as a Count. Raises OptionProblem."""
    text = options.get("count") or "1"
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 1_000_000):
        raise OptionProblem(f"--count {text}: whole contracts, 1 to 1000000")
    return int(text) * CONTRACT
