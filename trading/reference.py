"""A table of known prices in the schema of the pricing notes (section 13): read, with every mistake named by line and column."""

import csv
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from markets.core.contract import Averaging
from markets.core.units import SECOND_NS
from trading.core.fair_value import terms_of
from trading.core.model import samples_left
from trading.core.parameters import ModelName
from trading.core.tails import MIXTURE, STUDENT, Tails
from trading.derivation import Inputs

COLUMNS = (
    "case_id", "model", "spot", "strike", "sigma", "sigma_units", "drift", "tau_s", "n_samples", "sample_dt_s", "window",
    "n_known", "known_sum", "round_decimals", "var_profile", "level_noise_sd", "dof", "mix_w", "mix_a", "mix_b",
    "expected_p_yes", "tol",
)  # fmt: skip
OWN_NAMES: dict[str, ModelName] = {
    "digital": "digital", "abm_avg": "abm_avg", "gbm_avg": "gbm_avg", "gbm_avg_t": "gbm_avg", "gbm_avg_mix": "gbm_avg",
    "gbm_exact": "gbm_avg",  # which must come near it
}  # fmt: skip
MODELS = tuple(OWN_NAMES)
UNITS = {model: "abs_per_sqrt_s" if model == "abm_avg" else "rel_per_sqrt_s" for model in MODELS}
MOST_BYTES = 64_000_000
MOST_SECONDS = 10_000_000
T = TypeVar("T")
Profile = tuple[tuple[float, float, float], ...]


class UnreadableTable(ValueError):
    """Each line of the text is one mistake: where it is, and what to write instead."""


class ReferenceRow(NamedTuple):
    """One contract, what is known of it, and its known probability. `model` is the table's name for model and tails."""

    line: int
    case: str
    model: str
    inputs: Inputs
    expected: float
    tolerance: float


class _Mistake(ValueError):
    def __init__(self, column: str, words: str) -> None:
        super().__init__(words)
        self.column = column


def read_table(path: Path) -> list[ReferenceRow]:
    """All rows. Raises UnreadableTable, with all mistakes at once."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UnreadableTable(f"{path} is larger than {MOST_BYTES // 1_000_000} MB: that is no table of prices.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableTable(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"{path} is not text in UTF-8 (byte {error.start}); save it as a CSV file.") from None
    return rows_of(text, str(path))


def rows_of(text: str, name: str) -> list[ReferenceRow]:
    """The rows of a table; `name` is what mistakes are told of. Raises UnreadableTable."""
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    rows: list[ReferenceRow] = []
    mistakes: list[str] = []
    try:
        header = reader.fieldnames or ()
        _check_header(header, name)
        for fields in reader:
            try:
                rows.append(_row(fields, reader.line_num))
            except _Mistake as error:
                mistakes.append(f"{name}, line {reader.line_num}, column {error.column}: {error}")
    except csv.Error as error:
        mistakes.append(f"{name}, line {reader.reader.line_num}: not CSV ({error}).")
    if mistakes:
        raise UnreadableTable("\n".join(mistakes))
    if not rows:
        raise UnreadableTable(f"{name} has a head and no rows: there is nothing to check.")
    return rows


def _check_header(header: Any, name: str) -> None:
    if not header:
        raise UnreadableTable(f"{name} is empty; its first line names the columns: {', '.join(COLUMNS)}.")
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise UnreadableTable(f"{name}, line 1: no column {', '.join(missing)}; a table has {', '.join(COLUMNS)}.")
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise UnreadableTable(f"{name}, line 1: the column {', '.join(twice)} is there twice.")


def _row(fields: Mapping[Any, Any], line: int) -> ReferenceRow:
    if None in fields:
        raise _Mistake(
            "(after the last)", f"more fields than columns: {', '.join(fields[None])!r}; quote what has a comma"
        )
    if any(value is None for value in fields.values()):
        raise _Mistake(next(key for key, value in fields.items() if value is None), "the line ends before this column")
    row = {column: fields[column].strip() for column in COLUMNS}
    model = _one_of(row, "model", MODELS)
    _one_of(row, "sigma_units", (UNITS[model],))
    return ReferenceRow(
        line=line,
        case=row["case_id"] or f"line {line}",
        model=model,
        inputs=_inputs(row, model),
        expected=_number(row, "expected_p_yes", least=0.0, most=1.0),
        tolerance=_number(row, "tol", least=0.0, most=1.0),
    )


def _inputs(row: Mapping[str, str], model: str) -> Inputs:
    averaging, tau_ns, spot = _averaging(row, model), _nanoseconds(row, "tau_s"), _number(row, "spot", above=0.0)
    _check_known(row, model, averaging, tau_ns)
    scale = spot if model == "abm_avg" else 1.0  # there in currency, here relative
    return Inputs(
        spot=spot,
        strike=_number(row, "strike", above=0.0),
        sigma=_number(row, "sigma", least=0.0) / scale,
        tau_ns=tau_ns,
        decimals=_whole(row, "round_decimals", most=12) if row["round_decimals"] else None,
        averaging=averaging,
        known_sum=_number(row, "known_sum", least=0.0, default=0.0),
        model=OWN_NAMES[model],
        tails=_tails(row, model),
        drift=_number(row, "drift", default=0.0) / scale,
        level_error=_number(row, "level_noise_sd", least=0.0, default=0.0) / scale,
        pieces=profile_of(row["var_profile"], lambda words: _Mistake("var_profile", words)),
    )


def _check_known(row: Mapping[str, str], model: str, averaging: Averaging, tau_ns: int) -> None:
    told = _whole(row, "n_known", default=0, most=averaging.samples)
    own = 0 if model == "digital" else samples_known(averaging, tau_ns)
    if told != own:
        left = f"{row['tau_s']} s before the close ({averaging.window})"
        raise _Mistake("n_known", f"the table counts {told} known samples, and {left} there are {own}")


def samples_known(averaging: Averaging, tau_ns: int) -> int:
    """How many of the samples are known so long before the close (section 3.1)."""
    return averaging.samples - samples_left(terms_of(1.0, 0.0, averaging), tau_ns)[0]


def _averaging(row: Mapping[str, str], model: str) -> Averaging:
    if model == "digital":
        return Averaging()
    window = _one_of(row, "window", ("open_right", "closed_right"))
    step_ns = _nanoseconds(row, "sample_dt_s")
    if step_ns <= 0:
        raise _Mistake("sample_dt_s", "samples are more than 0 s apart")
    return Averaging(
        _whole(row, "n_samples", least=1), step_ns, "open_right" if window == "open_right" else "closed_right"
    )


def _tails(row: Mapping[str, str], model: str) -> Tails:
    if model == "gbm_avg_t":
        return Tails(STUDENT, _number(row, "dof", above=2.0))
    if model != "gbm_avg_mix":
        return Tails()
    weight = _number(row, "mix_w", least=0.0, most=1.0)
    narrow, wide = _number(row, "mix_a", above=0.0), _number(row, "mix_b", above=0.0)
    variance = weight * narrow * narrow + (1.0 - weight) * wide * wide
    if abs(variance - 1.0) > 1e-6:
        raise _Mistake("mix_b", f"w a^2 + (1 - w) b^2 is {variance:.6g}, and must be 1")
    return Tails(MIXTURE, weight=weight, narrow=narrow, wide=wide)


def profile_of(text: str, mistake: Callable[[str], ValueError] = ValueError) -> Profile:
    """ "0:300:1;300:900:2.25" as (from, to, multiplier) in seconds from now; "" is flat. Raises what `mistake` makes."""
    return tuple(_spans(text, mistake)) if text.strip() else ()


def _spans(text: str, mistake: Callable[[str], ValueError]) -> Iterator[tuple[float, float, float]]:
    reached = 0.0
    for part in text.split(";"):
        try:
            start, end, times = (float(word) for word in part.split(":"))
        except ValueError:
            raise mistake(f"{part!r} is not FROM:TO:MULTIPLIER, three numbers like 300:900:2.25") from None
        if not (reached <= start < end < inf and 0.0 <= times < inf):
            raise mistake(f"{part!r}: spans rise without overlap from 0 s on, and a multiplier is 0 or more")
        reached = end
        yield start, end, times


def _one_of(row: Mapping[str, str], column: str, choices: tuple[str, ...]) -> str:
    if row[column] not in choices:
        raise _Mistake(column, f"{row[column]!r} is not {' or '.join(choices)}")
    return row[column]


def _number(
    row: Mapping[str, str],
    column: str,
    *,
    least: float = -inf,
    above: float = -inf,
    most: float = inf,
    default: float | None = None,
) -> float:
    text = row[column]
    if not text and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        raise _Mistake(column, f"{text!r} is not a number") from None
    if not (-inf < value < inf and least <= value <= most and value > above):
        bound = (
            f"above {above:g}" if above > -inf else f"{least:g} or more" if most == inf else f"{least:g} to {most:g}"
        )
        raise _Mistake(column, f"{text} must be {'a finite number' if above == least == -inf else bound}")
    return value


def _whole(
    row: Mapping[str, str], column: str, *, least: int = 0, most: int = 100_000, default: int | None = None
) -> int:
    text = row[column]
    if not text and default is not None:
        return default
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise _Mistake(column, f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def _nanoseconds(row: Mapping[str, str], column: str) -> int:
    try:
        return nanoseconds(row[column])
    except ValueError as error:
        raise _Mistake(column, str(error)) from None


def nanoseconds(text: str) -> int:
    """ "10.4" -> 10400000000: exact, as samples are counted on it. Raises ValueError on what is no time to come."""
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number of seconds") from None
    if seconds.is_nan():
        raise ValueError(f"{text!r} is not a number of seconds")
    if not 0 <= seconds <= MOST_SECONDS:
        reason = "as what has closed is settled and not priced" if seconds < 0 else f"and {MOST_SECONDS:,} at most"
        raise ValueError(f"{text} s to the close: 0 or more, {reason}")
    return int(seconds * SECOND_NS)
