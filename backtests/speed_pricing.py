"""What a probability costs: by model, as it is priced live and compiled for sweeps; and a whole re-price of five assets."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from backtests.compiled import Columns, Floats, columns, probabilities
from markets.core.contract import Averaging, Contract
from markets.core.events import MarketListed, MarketStatus, SpotPrice
from markets.core.units import SECOND_NS
from trading.core.engine import Engine
from trading.core.fair_value import terms_of
from trading.core.market import MarketState
from trading.core.model import Seen, samples_left
from trading.core.parameters import ModelName
from trading.core.pricing import Underlying, price, side_by_side
from trading.core.tails import EMPIRICAL, MIXTURE, NORMAL, STUDENT, Tails, normal_cdf, tail_cdf, wide_of
from trading.core.variants import SCORES

ROWS = 50_000
ROUNDS = 2_000
STRIKE, SIGMA = 85_000.0, 8e-5
CLOSE_NS = 1_800_000_000 * SECOND_NS
ASSETS = {"BTC": 85_000.0, "ETH": 3_120.0, "SOL": 182.0, "XRP": 2.3, "DOGE": 0.21}
VENUES = ("coinbase", "kraken", "bitstamp")
FOUND = tuple(normal_cdf(-4.0 + place * 0.1) for place in range(81))
MODELS: dict[str, tuple[ModelName, Tails]] = {
    "digital": ("digital", Tails(NORMAL)),
    "abm_avg": ("abm_avg", Tails(NORMAL)),
    "gbm_avg": ("gbm_avg", Tails(NORMAL)),
    "gbm_avg_t": ("gbm_avg", Tails(STUDENT, 4.0)),
    "gbm_avg_t, nu 3.5": ("gbm_avg", Tails(STUDENT, 3.5)),
    "gbm_avg_mix": ("gbm_avg", Tails(MIXTURE, 4.0, 0.9, 0.85, wide_of(0.9, 0.85))),
    "gbm_avg_emp": ("gbm_avg", Tails(EMPIRICAL, 4.0, start=-4.0, step=0.1)),
}
"""By model and shape of the tails; 3.5 degrees of freedom have no closed form, 4 have."""


def pricing(_tape: Path) -> dict[str, Any]:
    """Nanoseconds a probability as it is had live, and microseconds of a whole re-price of five assets."""
    return {"ns_a_probability": {name: _live(*model) for name, model in MODELS.items()}, "reprice_us": _reprice()}


def compiled(_tape: Path) -> dict[str, Any]:
    """Nanoseconds a probability in compiled loops over columns, and seconds until the first of them was had."""
    began = time.perf_counter()
    import numba  # noqa: F401, PLC0415  # it is part of what is measured

    loaded = time.perf_counter()
    found, worst = {}, 0.0
    for name, (model, tails) in MODELS.items():
        rows, table = _columns(), np.array(FOUND)
        probabilities(model, rows, tails, table)
        begins = time.process_time_ns()
        chances = probabilities(model, rows, tails, table)
        found[name] = (time.process_time_ns() - begins) / ROWS
        worst = max(worst, _difference(model, tails, chances))
    first = time.perf_counter() - loaded - sum(found.values()) * ROWS / 1e9
    return {"ns_a_probability": found, "load_s": loaded - began, "compile_s": first, "differs_by": worst}


def _moments() -> list[Seen]:
    """Over a whole window, to its close: a spot that differs from call to call, and what would be known of the average."""
    terms = terms_of(STRIKE, 0.005, Averaging())
    found = []
    for number in range(ROWS):
        tau_ns = 900 * SECOND_NS * (ROWS - number) // ROWS
        known = 60 - samples_left(terms, tau_ns)[0]
        found.append(Seen(STRIKE + number % 997 / 10 - 50.0, tau_ns, known * STRIKE, 0.0, 8e-5, 0))
    return found


def _live(model: ModelName, tails: Tails) -> float:
    score, terms, moments = SCORES[model], terms_of(STRIKE, 0.005, Averaging()), _moments()
    began = time.process_time_ns()
    for seen in moments:
        tail_cdf(score(terms, seen, SIGMA, 0.0, ())[0], tails, FOUND)
    return (time.process_time_ns() - began) / ROWS


def _columns() -> Columns:
    moments = _moments()
    strike = np.full(ROWS, terms_of(STRIKE, 0.005, Averaging()).strike)
    spot, tau_ns, known_sum, _, level_error, _ = map(np.array, zip(*moments, strict=True))
    return columns(spot, strike, np.full(ROWS, SIGMA), tau_ns, known_sum=known_sum, level_error=level_error)


def _difference(model: ModelName, tails: Tails, chances: Floats) -> float:
    """Between compiled and live, at its widest, over one moment in a hundred."""
    score, terms, moments = SCORES[model], terms_of(STRIKE, 0.005, Averaging()), _moments()
    rows = range(0, ROWS, 100)
    return max(
        abs(tail_cdf(score(terms, moments[i], SIGMA, 0.0, ())[0], tails, FOUND) - float(chances[i])) for i in rows
    )


# A re-price of five assets ---------------------------------------------------------------------------------


def _reprice() -> dict[str, float]:
    """Median microseconds for five assets whose spot has moved, by the engine's own road: every model side by side; and
    what is traded on alone, the configured model with the digital and all that a decision needs of it."""
    engine = _heard()
    places = [(market, engine.underlyings[market.contract.asset]) for market in engine.markets.values()]

    def alone(market: MarketState, underlying: Underlying) -> None:
        market.priced_at = None
        price(market, underlying, engine.parameters, engine.now_ns)

    def every(market: MarketState, underlying: Underlying) -> None:
        side_by_side(market, underlying, engine.parameters, engine.now_ns)

    names = side_by_side(*places[0], engine.parameters, engine.now_ns)
    if names is None:
        raise ValueError("the market that is measured on has no price")
    models = sum(each is not None for each in names)
    return {
        "assets": len(places),
        "models": models,
        "all_models": _timed(every, places),
        "traded": _timed(alone, places),
    }


def _timed(work: Callable[[MarketState, Underlying], None], places: list[tuple[MarketState, Underlying]]) -> float:
    spent = []
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        for market, underlying in places:
            work(market, underlying)
        spent.append(time.perf_counter_ns() - began)
    return median(spent) / 1_000


def _heard() -> Engine:
    """An engine 600 seconds into a window of five assets."""
    engine, open_ns = Engine(), CLOSE_NS - 900 * SECOND_NS
    for asset, strike in ASSETS.items():
        series = f"KX{asset}15M"
        terms = Contract(f"{series}-BENCH", series, asset, open_ns, CLOSE_NS, strike)
        engine.step(MarketListed(open_ns, terms))
        engine.step(MarketStatus(open_ns, terms.ticker, "open"))
    for second in range(601):
        now_ns = open_ns + second * SECOND_NS
        for asset, level in ASSETS.items():
            for venue in VENUES:
                engine.step(SpotPrice(now_ns, venue, asset, level * (1.0 + second % 7 * 1e-5), 1.0, now_ns))
    return engine
