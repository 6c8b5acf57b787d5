"""The record that is fitted on: an account's forecasts with their outcomes as columns, and what markets settled on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite, log, nan, sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backtests.core.cases import Cases, Floats
from backtests.core.fit_tails import Residuals
from backtests.core.fit_volatility import Rates
from backtests.core.moves import Moves, Settlement, moves_of
from backtests.core.rows import mid_of
from markets.core.contract import Averaging
from markets.core.units import DAY_NS, SECOND_NS, YEAR_S
from markets.models import Market
from trading.core.fair_value import terms_of
from trading.core.fitted import Under
from trading.core.model import PricingError, effective_seconds, half_unit, level_noise, samples_left
from trading.core.regime import SHAPING
from trading.core.seasonality import VarianceClock, mean_multiplier
from trading.models import FittedArtefact, Forecast

SPAN_NS = 60 * DAY_NS
"""How far back windows are fitted on: older ones were another market, and memory is not without end."""
AT_ONCE = 5_000
OUTCOMES = {"yes": 1.0, "no": 0.0}
FIELDS = (
    "asset", "ticker", "close_ns", "seconds_left", "fair", "calibrated", "bid", "ask", "book_age_ns", "event_ns", "spot_age_ns",
    "spot", "strike", "sigma", "level_error", "z", "known", "missing", "is_official", "rates",
    "fitted_versions",
)  # fmt: skip
USUAL = VarianceClock()


class Record(NamedTuple):
    """All that is fitted on. `fair` and `calibrated` are the same forecasts with another of our probabilities in them, and
    `under` is what each was made with (`name_of`)."""

    fair: Cases
    calibrated: Cases
    residuals: Residuals
    rates: Rates
    moves: Moves
    under: npt.NDArray[np.str_]


class Settled(NamedTuple):
    """What a market came to."""

    outcome: float
    value: float  # nan where the exchange did not say
    decimals: int


def record_of(account: str, until_ns: int) -> Record:
    """The settled, unvoided windows of an account's forecasts that closed in the `SPAN_NS` before `until_ns`."""
    since_ns = until_ns - SPAN_NS
    asked = Forecast.objects.filter(account=account, close_ns__gte=since_ns, close_ns__lt=until_ns)
    settled = _settled(asked.order_by().values("ticker"))
    rows = list(_rows(asked.order_by("close_ns", "ticker", "-seconds_left"), settled))
    numbers: dict[str, int] = {}
    for row in rows:
        numbers.setdefault(row["ticker"], len(numbers))
    fair = Cases(
        np.array([row["asset"] for row in rows], dtype=np.str_),
        np.array([numbers[row["ticker"]] for row in rows], dtype=np.int64),
        np.array([row["close_ns"] for row in rows], dtype=np.int64),
        _column(rows, "seconds_left"),
        _column(rows, "fair"),
        _column(rows, "market"),
        _column(rows, "outcome"),
    )
    kinds = kinds_by_version()
    return Record(
        fair,
        fair._replace(ours=_column(rows, "calibrated")),
        *_moved(fair, rows),
        moves_before(account, until_ns),
        np.array([name_of(under_of_versions(row["fitted_versions"], kinds)) for row in rows], dtype=np.str_),
    )


def kinds_by_version() -> dict[int, str]:
    """The kinds of all artefacts that a probability is made with."""
    return dict(FittedArtefact.objects.filter(kind__in=SHAPING).order_by().values_list("version", "kind"))


def under_of_versions(versions: Iterable[int], kinds: Mapping[int, str]) -> Under:
    """Which kinds had a say in a forecast that holds these versions; () where it holds none."""
    return tuple(sorted({kinds[version] for version in versions if version in kinds}))


def name_of(under: Under) -> str:
    """The kinds as one word, for columns."""
    return "+".join(under)


def moves_before(account: str, until_ns: int) -> Moves:
    """The moves between settlements of the assets that the account forecasts: also of windows that it did not see."""
    newest = Forecast.objects.filter(account=account).order_by("-close_ns").values("ticker")[:1]
    is_simulated = Market.objects.filter(ticker__in=newest).values_list("is_simulated", flat=True).first()
    assets = Forecast.objects.filter(account=account).order_by().values("asset").distinct()
    markets = Market.objects.filter(
        asset__in=assets, is_simulated=bool(is_simulated), close_ns__gte=until_ns - SPAN_NS, close_ns__lt=until_ns,
        result__in=tuple(OUTCOMES),
    )  # fmt: skip
    told = markets.exclude(settle_value="").order_by("close_ns").values_list("asset", "close_ns", "settle_value")
    return moves_of(Settlement(asset, close_ns, number(value)) for asset, close_ns, value in told.iterator(AT_ONCE))


def newest_settled(account: str) -> int:
    """The close of the newest settled window that the account forecast; 0 where there is none."""
    known = Market.objects.filter(result__in=tuple(OUTCOMES)).values("ticker")
    mine = Forecast.objects.filter(account=account, ticker__in=known).order_by("-close_ns")
    return mine.values_list("close_ns", flat=True).first() or 0


def number(text: str) -> float:
    """A settle value as a number; nan where it is none."""
    try:
        return float(text)
    except ValueError:
        return nan


def _settled(tickers: Any) -> dict[str, Settled]:
    known = Market.objects.filter(ticker__in=tickers, result__in=tuple(OUTCOMES)).order_by()
    return {
        ticker: Settled(OUTCOMES[result], number(value), decimals)
        for ticker, result, value, decimals in known.values_list("ticker", "result", "settle_value", "decimals")
    }


def _rows(asked: Any, settled: dict[str, Settled]) -> Iterator[dict[str, Any]]:
    for values in asked.values_list(*FIELDS).iterator(AT_ONCE):
        row = dict(zip(FIELDS, values, strict=True))
        known = settled.get(row["ticker"])
        if known is None:
            continue
        market = mid_of(row["bid"], row["ask"]) if row["book_age_ns"] is not None else None
        surprise = _surprise(row, known)
        kept = {name: row[name] for name in ("asset", "ticker", "close_ns", "seconds_left", "fair", "calibrated")}
        yield kept | {
            "market": market, "outcome": known.outcome, "surprise": surprise, "rates": row["rates"],
            "fitted_versions": row["fitted_versions"],
            "realised": _realised(row, surprise),
        }  # fmt: skip


def _surprise(row: dict[str, Any], settled: Settled) -> float:
    """What the average came to less what was expected of it, in the deviations that were expected; nan where the forecast
    does not hold enough to say.

    The forecast was that the mean of the samples to come is z deviations s above what the strike requires of it; that mean
    came to n / r ln(settle value / strike) above it, where r of the n samples were to come (sections 3.3 and 3.4).
    """
    needed = ("strike", "spot", "sigma", "level_error", "z", "spot_age_ns")
    if row["missing"] or any(row[name] is None for name in needed) or not settled.value > 0.0:
        return nan
    try:
        terms = terms_of(row["strike"], half_unit(settled.decimals), Averaging())
    except PricingError:
        return nan
    remaining, until_s = samples_left(terms, row["close_ns"] - row["event_ns"] + row["spot_age_ns"])
    if remaining == 0 or not terms.strike > 0.0:
        return nan
    seconds = effective_seconds(remaining, until_s, terms.step_ns / SECOND_NS)
    known_error = 0.0 if row["is_official"] else row["level_error"]
    noise = level_noise(row["level_error"], known_error, terms.samples, remaining)
    s = sqrt(row["sigma"] ** 2 / YEAR_S * seconds + noise * noise)
    came = terms.samples / remaining * log(settled.value / terms.strike)
    return came / s - float(row["z"]) if s > 0.0 else nan


def _realised(row: dict[str, Any], surprise: float) -> float:
    """The variance rate (per second) that came, without the usual hours: one squared move over its seconds."""
    if not isfinite(surprise):
        return nan
    pieces = USUAL.pieces(row["event_ns"], row["close_ns"])
    return surprise * surprise * float(row["sigma"]) ** 2 / YEAR_S / mean_multiplier(pieces)


def _moved(cases: Cases, rows: Sequence[dict[str, Any]]) -> tuple[Residuals, Rates]:
    surprise, realised = _column(rows, "surprise"), _column(rows, "realised")
    rates = np.array([row["rates"] if len(row["rates"]) == 3 else (nan, nan, nan) for row in rows]).reshape(-1, 3)
    told = np.isfinite(surprise)
    place = cases.where(told)
    residuals = Residuals(place.asset, place.window, place.close_ns, place.seconds_left, surprise[told])
    has_rates = np.isfinite(realised) & (rates > 0.0).all(axis=1)
    place = cases.where(has_rates)
    fast, middle, slow = rates[has_rates].T
    return residuals, Rates(
        place.asset, place.window, place.close_ns, place.seconds_left, fast, middle, slow, realised[has_rates]
    )


def _column(rows: Sequence[dict[str, Any]], name: str) -> Floats:
    return np.array([nan if row[name] is None or not isfinite(row[name]) else row[name] for row in rows], dtype=float)
