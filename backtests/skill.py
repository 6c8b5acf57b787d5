"""Skill of an account's forecasts, of recorded tapes, of the settled tables: gathered, scored, and said where numbers are from."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from backtests import settled
from backtests.core.paired import LEAST_FOR_INTERVAL, LEAST_WINDOWS
from backtests.core.rows import MODELS, Row, any_mid, mid
from backtests.core.scores import Floats
from backtests.core.skill import Report, report
from backtests.core.table import MARKET, Table, floats, table_of
from backtests.core.walk_forward import calibrated_forward, pooled_forward
from backtests.forecast_rows import TICKER_NS, Gathered, LeftOut, is_simulated, record_of_account, rows_of_tapes
from backtests.forecast_table import table_of_account
from markets.core.units import DAY_NS, SECOND_NS
from trading.core.fitted import MapKind
from trading.core.parameters import Parameters

FORWARD = ", walk-forward"
MAPS: tuple[MapKind, ...] = ("platt", "beta", "isotonic")
BLIND_WORDS = (
    'Models "without spot" know the strike and how far earlier windows moved, and nothing of the price since: they say about '
    "one half. What the market is better by is the worth of hearing the spot, not the worth of our models."
)
ONE_SIDED_WORDS = (
    "Quotes with one side alone are compared too: nobody bids counts as a bid of $0, nobody offers as an offer of $1. These are "
    "mostly windows that are as good as decided; `pooled` had no quote to lean on there and is our own probability."
)
COLD_WORDS = (
    "Played with the built-in settings and nothing fitted; each tape begins with an engine that has heard nothing, so its "
    "volatility is cold for some minutes."
)
HOURS_WORDS = (
    "The hours of the day, the volatility to start from and the tails are the pricing notes', measured on settlements of May to "
    "July 2026: on tapes of that time or before they are no blind test. --without-hours tells what the hours are worth in it."
)
ALIKE_WORDS = "Priced as if all hours of the day were alike (--without-hours)."
MEASURED_UNTIL = date(2026, 7, 14)
"""The last day that the built-in hours and volatilities to start from were measured on."""
MOST_FOR_FORWARD = 200_000
"""Rows up to which maps are fitted again day by day: the work grows with rows times days."""


class Bounds(NamedTuple):
    """Which windows: of one asset, or all; closed from the first day to the last, both included (UTC)."""

    since: date | None = None
    until: date | None = None
    asset: str = ""

    @property
    def since_ns(self) -> int | None:
        """The first nanosecond."""
        return None if self.since is None else day_ns(self.since)

    @property
    def until_ns(self) -> int | None:
        """The first nanosecond after."""
        return None if self.until is None else day_ns(self.until) + DAY_NS


ALWAYS = Bounds()


class Told(msgspec.Struct, frozen=True):
    """A report with where it is from. `windows_needed` are the least for a score and for a comparison."""

    source: str
    report: Report
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    windows_needed: tuple[int, int] = (LEAST_WINDOWS, LEAST_FOR_INTERVAL)
    is_simulated: bool = False  # of a market that was invented


class SettledTold(msgspec.Struct, frozen=True):
    """The settled tables: a report of each, and the market's ladder by minutes left."""

    tables: tuple[Told, ...]
    ladder: tuple[settled.Rung, ...]
    ladder_table: str = settled.PATH


def of_account(account: str, bounds: Bounds = ALWAYS, *, forward: bool = False, one_sided: bool = False) -> Told:
    """Skill of what an account forecast. `forward` fits maps day by day as well, which takes a while. `one_sided` compares
    where the market had one side alone, too."""
    asked = (account, bounds.since_ns, bounds.until_ns, bounds.asset)
    table, left_out = table_of_account(*asked)
    source = f"the forecast record of account {account}"
    if one_sided or (forward and 0 < table.mid.size <= MOST_FOR_FORWARD):
        told = _told(source, record_of_account(*asked), forward=forward, one_sided=one_sided)
    else:
        told = Told(source, report(table), (*left_out, *_not_shared(table)), tuple(_notes(table, {}, forward=forward)))
    return msgspec.structs.replace(told, is_simulated=is_simulated(account))


def of_tapes(
    names: Iterable[str],
    bounds: Bounds = ALWAYS,
    tell: Callable[[float, str], None] | None = None,
    *,
    one_sided: bool = False,
    with_hours: bool = True,
) -> Told:
    """Skill of what the engine forecasts on tapes; without the hours as if all of them were alike. Raises InputError."""
    parameters = Parameters(seasonality=with_hours)
    gathered = rows_of_tapes(names, since=bounds.since, until=bounds.until, parameters=parameters, tell=tell)
    rows = [row for row in gathered.rows if bounds.asset in {"", row.asset}]
    source = f"tapes played through the engine: {', '.join(names)}"
    told = _told(source, gathered._replace(rows=rows), forward=True, one_sided=one_sided)
    return msgspec.structs.replace(told, notes=(*tape_notes(gathered, with_hours=with_hours), *told.notes))


def of_settled(folder: Path, bounds: Bounds = ALWAYS) -> SettledTold:
    """Skill of the market's quotes in the settled tables. Raises SettledError."""
    known = settled.outcomes(folder)
    span = (bounds.since_ns or 0, bounds.until_ns or 2**63 - 1)
    tables = [_of_asset(table, bounds.asset) for table in (
        settled.entry_quotes(folder, known, *span), settled.minute_paths(folder, known, *span)
    )]  # fmt: skip
    told = [_settled(table, settled.priced(table, known).with_models(_market_walked(table.rows))) for table in tables]
    return SettledTold(tuple(told), tuple(settled.ladder(tables[1].rows)))


def walked(rows: Sequence[Row]) -> dict[str, Floats]:
    """Maps of the configured model and pooling with the market, each fitted on what had settled before the row's day; those
    for which there was nowhere enough are left out."""
    found = {f"{kind}{FORWARD}": calibrated_forward(rows, kind) for kind in MAPS}
    found[f"pooled{FORWARD}"] = pooled_forward(rows)
    return {name: floats(said) for name, said in found.items() if any(p is not None for p in said)}


def _market_walked(rows: Sequence[Row]) -> dict[str, Floats]:
    """The market's own mid after maps fitted on earlier days: whether it can be bettered by knowing its habits alone."""
    quoted = [row._replace(probabilities={MARKET: mid(row)}) for row in rows]
    found = {f"mid, {kind} forward": calibrated_forward(quoted, kind, MARKET) for kind in MAPS}
    return {name: floats(said) for name, said in found.items() if any(p is not None for p in said)}


def tape_notes(gathered: Gathered, *, with_hours: bool = True) -> list[str]:
    """How tapes were played, and what of it was known before."""
    words = [COLD_WORDS] if with_hours else [COLD_WORDS, ALIKE_WORDS]
    if any(row.close_ns < day_ns(MEASURED_UNTIL) + DAY_NS for row in gathered.rows):
        words.append(HOURS_WORDS)
    if gathered.by_ticker:
        words.append(
            f"{gathered.by_ticker:,} forecasts have no recorded book and take the market's quote from its ticker channel, at most "
            f"{TICKER_NS // SECOND_NS} s old. That channel lags the book by up to a second, which flatters us; `pooled` did not "
            "hear those quotes."
        )
    return words


def _told(source: str, gathered: Gathered, *, forward: bool, one_sided: bool = False) -> Told:
    """The report of rows, with maps fitted day by day where that is asked for and not too much."""
    rows = gathered.rows
    found = walked(rows) if forward and 0 < len(rows) <= MOST_FOR_FORWARD else {}
    table = table_of(rows, MODELS).with_models(found)
    if one_sided:
        table = table._replace(mid=floats([any_mid(row) for row in rows]))
    notes = _notes(table, found, forward=forward)
    if one_sided and notes:
        notes[0] = ONE_SIDED_WORDS
    return Told(source, report(table), (*gathered.left_out, *_not_shared(table)), tuple(notes))


def _notes(table: Table, found: dict[str, Floats], *, forward: bool) -> list[str]:
    if not table.mid.size:
        return []
    return [_sides(table), _forward_words(found, table.mid.size)] if forward else [_sides(table)]


def _settled(quoted: settled.Quoted, table: Table) -> Told:
    left = [LeftOut("the result is not known", quoted.unknown, quoted.unknown)] if quoted.unknown else []
    notes = [
        BLIND_WORDS,
        _sides(table),
    ]
    if quoted.name == settled.PATH:
        notes.append("This table holds closes at :00 and :30 alone, and its source calls it a biased sample.")
    return Told(f"settled table {quoted.name}", report(table), (*left, *_not_shared(table)), tuple(notes))


def _of_asset(quoted: settled.Quoted, asset: str) -> settled.Quoted:
    return quoted._replace(rows=[row for row in quoted.rows if asset in {"", row.asset}])


def _not_shared(table: Table) -> tuple[LeftOut, ...]:
    """What was settled and is still in no comparison: without a quote, or without a probability of the configured model."""
    if not table.mid.size:
        return ()
    name = next((each for each in ("fair", table.naive) if each in table.probabilities), "")
    unquoted = np.isnan(table.mid)
    unpriced = ~unquoted & np.isnan(table.probabilities[name]) if name else ~unquoted
    found = (("no believed quote on both sides", unquoted), ("quoted, but not priced by us", unpriced))
    return tuple(
        LeftOut(why, int(rows.sum()), int(np.unique(table.window[rows]).size)) for why, rows in found if rows.any()
    )


def _sides(table: Table) -> str:
    one_sided = int((table.mid != table.mid).sum())
    return (
        f"A forecast without a believed quote on both sides is not compared: {one_sided:,} of {table.mid.size:,} rows. Near the "
        "close these are mostly windows that are as good as decided, for us as for the market."
    )


def _forward_words(found: dict[str, Any], rows: int) -> str:
    if found:
        return "Walk-forward: fitted anew for each UTC day, on windows that had settled before it, and on nothing else."
    if rows > MOST_FOR_FORWARD:
        return f"No walk-forward maps: more than {MOST_FOR_FORWARD:,} forecasts; choose days with --since and --until."
    return "No walk-forward maps: no day had 300 settled windows before it, which is the least to fit one."


def day_ns(day: date) -> int:
    """The beginning of a UTC day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND_NS
