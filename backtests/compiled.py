"""The models compiled: copies of the very functions that price live, and loops of them over columns, for sweeps.

numba is loaded when something is compiled first, which takes seconds; what was compiled is kept as long as the process lives.
"""

from collections.abc import Callable
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, NamedTuple, NewType, cast

import numpy as np
from numpy.typing import NDArray

from markets.core import payout
from markets.core.contract import Averaging
from trading.core import arithmetic, calibration, confidence, delays, fees, model, sizing, tails
from trading.core.model import Seen, Terms
from trading.core.parameters import ModelName
from trading.core.tails import Tails
from trading.core.variants import SCORES

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
SOURCES: tuple[ModuleType, ...] = (model, tails, arithmetic, calibration, confidence, delays, fees, sizing, payout)
"""Where the scalar functions are: numbers in, numbers out, nothing of Python's own kept."""
LOOPS = "backtests.lane."  # loops around them, which are functions of numbers and arrays themselves
LEAN: dict[str, Any] = {"_nrt": False, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""No counting of references to arrays (whoever calls keeps them), no look whether something is divided by 0, no way in
from Python: several times as fast where many arrays are handed on, and sooner compiled."""
SIXTY = Averaging()
NO_TABLE: Floats = np.empty(0)
NO_PIECES: Floats = np.empty((0, 3))


class Columns(NamedTuple):
    """One row a contract and moment, all of one length n. `strike` is the effective one, `sigma` per sqrt(second), `drift` per
    second, both relative. The clock of row i is `pieces[first_piece[i]:first_piece[i + 1]]`, shape (m, 3), of (from, to,
    multiplier of the variance) in seconds from then; `first_piece` has n + 1 values."""

    spot: Floats
    strike: Floats
    sigma: Floats
    drift: Floats
    tau_ns: Integers
    known_sum: Floats
    known_error: Floats
    level_error: Floats
    missing: Integers
    first_piece: Integers
    pieces: Floats


def columns(spot: Floats, strike: Floats, sigma: Floats, tau_ns: Integers, **others: NDArray[Any]) -> Columns:
    """Columns where everything that is not named is 0, and the clock is flat. Raises ValueError on unequal lengths."""
    rows = len(spot)
    floats = {name: np.zeros(rows) for name in ("drift", "known_sum", "known_error", "level_error")}
    counts = {"missing": np.zeros(rows, np.int64), "first_piece": np.zeros(rows + 1, np.int64)}
    filled = {"spot": spot, "strike": strike, "sigma": sigma, "tau_ns": tau_ns, "pieces": NO_PIECES, **floats, **counts}
    whole = {name: _as(name, values) for name, values in (filled | others).items()}
    for name, values in whole.items():
        if name != "pieces" and len(values) != rows + (name == "first_piece"):
            raise ValueError(f"{name} has {len(values)} rows, spot has {rows}")
    return Columns(**whole)


def probabilities(
    variant: str,
    rows: Columns,
    shape: Tails,
    table: Floats = NO_TABLE,
    *,
    averaging: Averaging = SIXTY,
    failure: float = 0.0,
) -> Floats:
    """P(YES) of each row, shape (n,), by one of the models of `trading.core.variants.SCORES` and a shape of its tails.
    Raises PricingError when any row cannot be priced, ValueError for another model."""
    if variant not in SCORES:
        raise ValueError(f"{variant} is not a model: choose one of {', '.join(SCORES)}")
    step_ns = averaging.step_ns
    samples = (averaging.samples, step_ns, step_ns if averaging.window == "open_right" else 0)
    shape = Tails(shape.kind, *(float(each) for each in shape[1:]))
    return cast("Floats", _loop(variant)(rows, samples, shape, np.ascontiguousarray(table, np.float64), failure))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled copy of a scalar function of the models, and of all that it calls. Tables and clocks are given to it as
    arrays, (k,) and (m, 3); everything else as to the function itself. It raises what that raises."""
    return _compiled(function, False)


def copied(function: Callable[..., Any], is_lean: bool = False) -> FunctionType:
    """The same code among globals in which every scalar function is the compiled one; a lean one (see LEAN) where only
    compiled code calls it, and nothing in it makes an array."""
    plain = cast("FunctionType", function)
    called = {name: value for name, value in plain.__globals__.items() if name in plain.__code__.co_names}
    ours = {name: _ours(value, is_lean) for name, value in called.items()}
    names = {"__builtins__": __builtins__, "__name__": plain.__module__, **ours}
    return FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__)


@cache
def _compiled(function: Callable[..., Any], is_lean: bool) -> Callable[..., Any]:
    return _compile(copied(function, is_lean), is_lean)


def _compile(function: Callable[..., Any], is_lean: bool = False) -> Callable[..., Any]:
    from numba import njit  # noqa: PLC0415  # it takes a second, and a live trader must never load it

    return cast("Callable[..., Any]", njit(**(LEAN if is_lean else {}))(function))


def _ours(value: object, is_lean: bool) -> object:
    """What a compiled function finds under a name: of a scalar function its compiled copy, of Money and its like nothing but
    the number, and everything else as it is."""
    if isinstance(value, NewType):
        return _compiled(_same, is_lean)
    if not isinstance(value, FunctionType):
        return value
    name = value.__module__
    is_ours = name.startswith(LOOPS) or name in {source.__name__ for source in SOURCES}
    return _compiled(value, is_lean) if is_ours else value


def _same(number: Any) -> Any:
    return number


@cache
def _loop(variant: str) -> Callable[..., Any]:
    """The loop over rows, compiled around one model."""
    score = compiled(SCORES[cast("ModelName", variant)])  # `probabilities` has looked whether it is one
    cdf, settled = compiled(tails.tail_cdf), compiled(model.settled_chance)

    def loop(rows: Any, samples: Any, shape: Any, table: Any, failure: Any) -> Any:
        found = np.empty(len(rows.spot))
        for i in range(len(rows.spot)):
            terms = Terms(rows.strike[i], samples[0], samples[1], samples[2])
            seen = Seen(
                rows.spot[i],
                rows.tau_ns[i],
                rows.known_sum[i],
                rows.known_error[i],
                rows.level_error[i],
                rows.missing[i],
            )
            pieces = rows.pieces[rows.first_piece[i] : rows.first_piece[i + 1]]
            z, _ = score(terms, seen, rows.sigma[i], rows.drift[i], pieces)
            found[i] = settled(cdf(z, shape, table), failure)
        return found

    return _compile(loop)


def _as(name: str, values: NDArray[Any]) -> NDArray[Any]:
    kind = np.int64 if name in {"tau_ns", "missing", "first_piece"} else np.float64
    return np.ascontiguousarray(values, kind)
