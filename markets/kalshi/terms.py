"""Terms: a market as the exchange lists it becomes the contract that is traded."""

from decimal import Decimal
from typing import Any

from markets.core.contract import WINDOW_NS, Contract, FeeTerms, PriceBand
from markets.core.units import DOLLAR, PRICE_DOLLAR, SECOND_NS, price_from_text
from markets.kalshi.messages_market import PriceRange, WireMarket
from markets.kalshi.ticker import TickerError, asset_of, series_of

STRIKE_TYPE = "greater_or_equal"  # a tie pays YES
MOST_DECIMALS = 12
UNTOLD_DECIMALS = 2  # as long as there is no strike either, nothing is priced


class TermsError(ValueError):
    """The market is not such as this code knows; the text says what is odd."""


def contract_of(market: WireMarket, fees: FeeTerms) -> Contract:
    """The contract of a market: its strike None until the exchange has written it, its price grid as the exchange says.

    Raises TermsError: not a quarter hour of a known kind of series, or one that settles differently, or a grid with holes.
    """
    try:
        series = series_of(market.ticker)
        asset = asset_of(series)
    except TickerError as error:
        raise TermsError(str(error)) from None
    for is_odd, what in (
        (market.market_type not in ("", "binary"), f"it is a {market.market_type} market"),
        (market.notional not in (None, DOLLAR), "a contract does not pay a dollar"),
        (market.close_ns - market.open_ns != WINDOW_NS, f"it is open for {_seconds(market)} s"),
        (market.open_ns % WINDOW_NS != 0, "it does not open on a quarter hour"),
        (market.strike_type not in ("", STRIKE_TYPE), f"its strike type is {market.strike_type!r}"),
        (market.cap_strike is not None, f"it has a second strike, {market.cap_strike}"),
    ):
        if is_odd:
            raise TermsError(f"{market.ticker}: {what}")
    strike, decimals = _strike(market)
    return Contract(
        market.ticker,
        series,
        asset,
        market.open_ns,
        market.close_ns,
        strike,
        decimals,
        grid_of(market.ticker, market.price_ranges or ()),
        fees,
    )


def grid_of(ticker: str, ranges: tuple[PriceRange, ...]) -> tuple[PriceBand, ...]:
    """The price grid, from 0 to a dollar without a hole. Raises TermsError."""
    try:
        bands = tuple(band_of(one) for one in ranges)
    except ValueError as error:
        raise TermsError(f"{ticker}: a price range cannot be used: {error}") from None
    end = 0
    for band in bands:
        if band.start != end or band.end <= band.start or band.step <= 0 or (band.end - band.start) % band.step:
            raise TermsError(f"{ticker}: the price ranges leave a hole or overlap: {_shown(bands)}")
        end = band.end
    if end != PRICE_DOLLAR:
        raise TermsError(f"{ticker}: the price ranges do not reach from 0 to a dollar: {_shown(bands)}")
    return bands


def band_of(one: PriceRange) -> PriceBand:
    """A part of the grid in our units. Raises ValueError."""
    return PriceBand(price_from_text(one.start), price_from_text(one.end), price_from_text(one.step))


def digits_of(market: WireMarket) -> int | None:
    """How many decimals the settlement average is rounded to; None where the exchange does not say. Raises TermsError."""
    digits = (market.custom_strike or {}).get("round_digits")
    return None if digits is None else _decimals(market.ticker, digits)


def _strike(market: WireMarket) -> tuple[float | None, int]:
    """The strike, and how many decimals the settlement average is rounded to."""
    strike, decimals = market.strike, digits_of(market)
    if strike is None:
        return None, UNTOLD_DECIMALS if decimals is None else decimals
    if decimals is None:
        raise TermsError(_untold(market.ticker, None))
    if market.strike_type != STRIKE_TYPE:
        raise TermsError(f"{market.ticker}: it has a strike and its strike type is {market.strike_type!r}")
    if not strike.is_finite() or strike <= 0 or strike != round(strike, decimals):
        raise TermsError(f"{market.ticker}: a strike of {strike} cannot be, with {decimals} decimals")
    if Decimal(repr(float(strike))) != strike:
        raise TermsError(f"{market.ticker}: a strike of {strike} has more digits than we can hold")
    return float(strike), decimals


def _decimals(ticker: str, digits: Any) -> int:
    text = str(digits)
    if isinstance(digits, str | int) and text.isascii() and text.isdecimal() and int(text) <= MOST_DECIMALS:
        return int(text)
    raise TermsError(_untold(ticker, digits))


def _untold(ticker: str, digits: Any) -> str:
    return f"{ticker}: to how many digits the average is rounded is not said (round_digits is {digits!r})"


def _seconds(market: WireMarket) -> str:
    return f"{(market.close_ns - market.open_ns) / SECOND_NS:g}"


def _shown(bands: tuple[PriceBand, ...]) -> str:
    return ", ".join(f"{band.start}-{band.end} by {band.step}" for band in bands) or "none"
