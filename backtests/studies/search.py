"""A search that learns: which settings to try next, from all that was tried before, in fixed batches."""

import random
from collections.abc import Sequence
from typing import Any

from backtests.studies.space import Axis, grid_size

START = 10  # settings tried at random before it learns
TRIES = 20  # for each wanted: small spaces make it ask for the same again
Told = tuple[dict[str, str], float | None]


def asked(axes: Sequence[Axis], told: Sequence[Told], count: int, seed: int) -> list[dict[str, str]]:
    """At most `count` settings that were not tried yet, by Optuna's tree of Parzen estimators (Bergstra and others, 2011)
    from what was told, in the order told; fewer where the space has no more. The same axes, history and seed ask for the
    same, whoever played what when: the search is made anew for each batch. None as objective counts as the worst."""
    import optuna  # noqa: PLC0415 - half a second that only a search pays

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {axis.name: _distribution(axis) for axis in axes}
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=START, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    state = optuna.trial.TrialState
    worst = min((objective for _, objective in told if objective is not None), default=0.0)
    for values, objective in told:
        places = {axis.name: _place(axis, values[axis.name]) for axis in axes}
        value = worst if objective is None else objective
        study.add_trial(
            optuna.trial.create_trial(state=state.COMPLETE, params=places, distributions=distributions, value=value)
        )
    seen = {_mark(values) for values, _ in told}
    found: list[dict[str, str]] = []
    for _ in range(count * TRIES):
        if len(found) == count:
            break
        trial = study.ask(distributions)
        _take(found, seen, {axis.name: _value(axis, trial.params[axis.name]) for axis in axes})
    return found + _others(axes, seen, count - len(found), seed)


def _others(
    axes: Sequence[Axis], seen: set[tuple[tuple[str, str], ...]], count: int, seed: int
) -> list[dict[str, str]]:
    """Settings that nobody asked for yet, at random: so that a budget is spent while the space has more."""
    left = min(count, grid_size(axes) - len(seen))
    draw = random.Random(f"{seed} {len(seen)}")
    found: list[dict[str, str]] = []
    while len(found) < left:
        _take(found, seen, {axis.name: draw.choice(axis.values) for axis in axes})
    return found


def _take(found: list[dict[str, str]], seen: set[tuple[tuple[str, str], ...]], values: dict[str, str]) -> None:
    if (mark := _mark(values)) not in seen:
        seen.add(mark)
        found.append(values)


def _mark(values: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


def _distribution(axis: Axis) -> Any:
    """Places in the list of values, so that what is asked is exactly a value as a person writes it."""
    from optuna import distributions  # noqa: PLC0415

    if axis.is_ordered:
        return distributions.IntDistribution(0, len(axis.values) - 1)
    return distributions.CategoricalDistribution(axis.values)


def _place(axis: Axis, value: str) -> int | str:
    return axis.values.index(value) if axis.is_ordered else value


def _value(axis: Axis, place: Any) -> str:
    return axis.values[int(place)] if axis.is_ordered else str(place)
