"""The forecast record: what models and market said of every window at fixed times before its close."""

from collections.abc import Callable, Iterable
from math import isfinite

from msgspec.structs import replace

from markets.core.book import OrderBook
from markets.core.units import SECOND_NS
from trading.core.decision import Forecast
from trading.core.edge import belief
from trading.core.fitted import Fitted
from trading.core.market import ASKED, MarketState, Pricing
from trading.core.parameters import Parameters
from trading.core.pricing import Underlying, calibration_of, price, side_by_side
from trading.core.regime import shaping

MARKS_S = (840, 720, 600, 480, 360, 300, 240, 180, 120, 90, 60, 45, 30, 20, 10, 5)
"""Seconds before the close."""
LATEST_NS = 2 * SECOND_NS
"""A mark that nobody could look at in time is left out: later we knew more than a forecast of that time may know."""
NEVER = 2**63 - 1
NOBODY = OrderBook()


class Forecaster:
    """Asked at every step; answers at the first one at or after each mark of each window, once.

    A mark before the window opened, or missed by more than `LATEST_NS` (a gap, a start in mid-window), is never made up
    for. Between marks a step costs one comparison with `next_ns`; set that to 0 when a market may have been listed.
    """

    def __init__(self) -> None:
        self.next_ns = 0  # nothing is due before
        self._passed: dict[str, int] = {}  # by ticker of a market that lives: how many of its marks are behind us

    def due(
        self, now_ns: int, markets: Iterable[MarketState], tell: Callable[[MarketState, int], Forecast]
    ) -> tuple[Forecast, ...]:
        """The forecasts due by now; `tell` makes one of a market for a mark."""
        made: list[Forecast] = []
        passed: dict[str, int] = {}
        next_ns = NEVER
        for market in markets:
            contract = market.contract
            count = self._passed.get(contract.ticker, 0)
            while count < len(MARKS_S):
                mark_ns = contract.close_ns - MARKS_S[count] * SECOND_NS
                if mark_ns > now_ns:
                    next_ns = min(next_ns, mark_ns)
                    break
                if now_ns - mark_ns <= LATEST_NS and mark_ns >= contract.open_ns:
                    made.append(tell(market, MARKS_S[count]))
                count += 1
            passed[contract.ticker] = count
        self._passed, self.next_ns = passed, next_ns
        return tuple(made)


def forecast(
    market: MarketState, underlying: Underlying, parameters: Parameters, now_ns: int, *, seconds_left: int, refused: str
) -> Forecast:
    """What is thought and quoted of a market now, for the mark `seconds_left`; `refused` is the reason code why the
    exchange takes no orders in it. Of a book that is not believed no quote is told."""
    pricing = price(market, underlying, parameters, now_ns)
    gap = _gap(market, underlying, pricing, now_ns) or refused or _flaw(market, pricing)
    told = _told(market, underlying, now_ns, seconds_left, gap)
    return told if pricing is None else _with_models(told, market, underlying, parameters, pricing)


def _gap(market: MarketState, underlying: Underlying, pricing: Pricing | None, now_ns: int) -> str:
    """Why there is no probability; "" when there is one."""
    if market.contract.strike is None:
        return "NO_STRIKE"
    if pricing is None:
        return underlying.spot.problem(now_ns) or "NOT_PRICEABLE"
    return "" if market.status in ASKED else "NOT_OPEN"


def _flaw(market: MarketState, pricing: Pricing | None) -> str:
    """What is wrong with what the probability is made of or held against."""
    if market.lost:
        return "FEED_LOST"
    if pricing is not None and pricing.missing:
        return "SAMPLES_MISSING"
    if market.book.is_crossed:
        return "BOOK_CROSSED"
    return "" if market.book.is_two_sided else "BOOK_EMPTY"


def _told(market: MarketState, underlying: Underlying, now_ns: int, seconds_left: int, reason: str) -> Forecast:
    """The market's side, and what is known of the index."""
    contract, spot = market.contract, underlying.spot
    estimate = spot.estimate(now_ns)
    known = underlying.known(contract, min(spot.source_ns, contract.close_ns))
    book = NOBODY if market.lost else market.book
    return Forecast(
        now_ns,
        contract.ticker,
        contract.asset,
        contract.close_ns,
        seconds_left,
        reason,
        bid=book.bid,
        ask=book.ask,
        bid_count=book.count_at_bid(),
        ask_count=book.count_at_ask(),
        book_age_ns=None if market.lost else now_ns - market.heard_ns,
        strike=contract.strike,
        spot=estimate,
        spot_age_ns=None if estimate is None else spot.age_ns(now_ns),
        known=known.samples,
        missing=known.missing,
        is_official=underlying.is_near(now_ns),
    )


def _with_models(
    told: Forecast, market: MarketState, underlying: Underlying, parameters: Parameters, pricing: Pricing
) -> Forecast:
    """The same with what every model says."""
    now_ns, fitted = told.received_ns, underlying.fitted
    left_s = (told.close_ns - now_ns) / SECOND_NS
    book = NOBODY if market.lost else market.book
    held = belief(pricing, book, parameters, fitted, asset=told.asset, seconds_left=left_s, now_ns=now_ns)
    versions = [*_versions(fitted, parameters, told, left_s), held.version]
    models = side_by_side(market, underlying, parameters, now_ns)
    return replace(
        told,
        fair=pricing.fair,
        calibrated=pricing.calibrated,
        pooled=held.pooled,
        **(models._asdict() if models else {}),
        sigma=pricing.annualised,
        level_error=max(parameters.level_noise_bp * 1e-4, underlying.spot.sigma),
        z=pricing.z if isfinite(pricing.z) else None,
        fitted_versions=tuple(version for version in versions if version),
        rates=tuple(underlying.volatility.rates),
    )


def _versions(fitted: Fitted, parameters: Parameters, told: Forecast, left_s: float) -> list[int]:
    """Those of the artefacts that had a say before the market was heard."""
    asset, now_ns = told.asset, told.received_ns
    shaped = shaping(fitted, parameters, asset, left_s, now_ns)
    laid = calibration_of(fitted, parameters, asset, left_s, now_ns, under=tuple(shaped))
    return [each.version for each in (laid, *shaped.values()) if each is not None]
