"""Known prices against our own: every row of a reference table priced, what is off, and by how much."""

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import NamedTuple

from trading.core.model import PricingError
from trading.derivation import probability
from trading.reference import ReferenceRow

Prices = Callable[[Sequence[ReferenceRow]], Sequence[float]]


class Verdict(NamedTuple):
    """One row; `own` is None where it cannot be priced, and `words` says why."""

    row: ReferenceRow
    own: float | None
    words: str = ""

    @property
    def error(self) -> float | None:
        """How far our own probability is off."""
        return None if self.own is None else abs(self.own - self.row.expected)

    @property
    def holds(self) -> bool:
        """Whether it is within the tolerance of the row."""
        return self.error is not None and isfinite(self.error) and self.error <= self.row.tolerance


def verdicts(rows: Sequence[ReferenceRow]) -> list[Verdict]:
    """Every row by the scalar functions that price live."""
    return [_verdict(row) for row in rows]


def verdicts_by(rows: Sequence[ReferenceRow], prices: Prices) -> list[Verdict]:
    """Every row by another lane. Raises PricingError when that cannot price one of them."""
    return [Verdict(row, float(own)) for row, own in zip(rows, prices(rows), strict=True)]


def report(found: Sequence[Verdict], name: str) -> Iterator[str]:
    """Failing rows one by one, then counts by model and the worst error."""
    for each in found:
        if not each.holds:
            yield _failure(each)
    models = dict.fromkeys(each.row.model for each in found)
    for model in models:
        own = [each for each in found if each.row.model == model]
        errors = [each.error for each in own if each.error is not None]
        worst = f"worst error {max(errors):.1e}" if errors else "none priced"
        yield f"{model:<12} {sum(each.holds for each in own):>4} of {len(own):>4} within tolerance, {worst}"
    failed = sum(not each.holds for each in found)
    yield f"{name}: {len(found)} rows, {failed or 'none'} above tolerance; {_worst(found)}"


def _verdict(row: ReferenceRow) -> Verdict:
    try:
        return Verdict(row, probability(row.inputs))
    except (PricingError, OverflowError) as error:
        return Verdict(row, None, str(error))


def _failure(each: Verdict) -> str:
    place = f"{each.row.case} (line {each.row.line}, {each.row.model})"
    if each.own is None:
        return f"{place}: expected {each.row.expected:.12g}, cannot be priced: {each.words}"
    return (
        f"{place}: expected {each.row.expected:.12g}, priced {each.own:.12g}, off by {each.error or 0.0:.3g}, tolerance"
        f" {each.row.tolerance:g}"
    )


def _worst(found: Sequence[Verdict]) -> str:
    errors = [(each.error, each.row.case) for each in found if each.error is not None]
    if not errors:
        return "none could be priced"
    error, case = max(errors)
    return f"the worst error is {error:.3g} ({case})"
