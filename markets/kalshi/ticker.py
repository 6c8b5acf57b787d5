"""Market tickers: the name of a market from its series and close, and back."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from markets.core.contract import WINDOW_NS
from markets.core.units import SECOND_NS

NEW_YORK = ZoneInfo("America/New_York")
HOUR_NS = 3_600 * SECOND_NS
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
SERIES = re.compile(r"KX([A-Z]+)15M")
TICKER = re.compile(r"(KX[A-Z]+15M)-(\d{2})([A-Z]{3})(\d{2})(\d{2})(\d{2})-(\d{2})")


class TickerError(ValueError):
    """The text is not the ticker (or series) of a quarter-hour market."""


def new_york(at_ns: int) -> datetime:
    """This moment as New York's clocks show it, to the second."""
    return datetime.fromtimestamp(at_ns // SECOND_NS, UTC).astimezone(NEW_YORK)


def event_ticker(series: str, close_ns: int) -> str:
    """KXBTC15M and 2026-11-22T17:00Z -> KXBTC15M-26NOV221200: the label is the close in New York."""
    asset_of(series)
    if close_ns % WINDOW_NS:
        raise TickerError(f"{series}: a close is on the quarter hour, {close_ns} is not")
    local = new_york(close_ns)
    return f"{series}-{local:%y}{MONTHS[local.month - 1]}{local:%d%H%M}"


def market_ticker(series: str, close_ns: int) -> str:
    """KXBTC15M and 2026-11-22T17:00Z -> KXBTC15M-26NOV221200-00: the event, and its minute once more."""
    event = event_ticker(series, close_ns)
    return f"{event}-{event[-2:]}"


def close_ns(ticker: str, *, second_pass: bool = False) -> int:
    """When the market closes, UTC. Raises TickerError.

    In the hour that New York lives twice each autumn one label names two windows; the first is meant unless
    `second_pass`. Where the exchange's own close time is known it decides, never the label.
    """
    _, year, month, day, hour, minute, suffix = _parts(ticker)
    try:
        local = datetime(
            2000 + int(year),
            MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            tzinfo=NEW_YORK,
            fold=second_pass,
        )
    except ValueError as error:
        raise TickerError(f"{ticker!r} holds no date: {error}") from error
    result = int(local.timestamp()) * SECOND_NS
    if minute != suffix or int(minute) % 15:
        raise TickerError(f"{ticker!r} does not close on a quarter hour that it also ends with")
    if market_ticker(series_of(ticker), result) != ticker:
        raise TickerError(f"{ticker!r} names a time that New York's clocks skip")
    return result


def open_ns(close: int) -> int:
    """When the window that closes then opens: a quarter of an hour earlier, clock change or not."""
    return close - WINDOW_NS


def is_second_pass(series: str, close_ns: int) -> bool:
    """Whether the window that closes then has the name of the one an hour earlier: in the hour that New York lives twice."""
    return market_ticker(series, close_ns) == market_ticker(series, close_ns - HOUR_NS)


def series_named(asset: str) -> str:
    """BTC -> KXBTC15M."""
    return f"KX{asset}15M"


def series_of(ticker: str) -> str:
    """KXBTC15M-26NOV221200-00 -> KXBTC15M. Raises TickerError."""
    return _parts(ticker)[0]


def asset_of(series: str) -> str:
    """KXBTC15M -> BTC. Raises TickerError."""
    match = SERIES.fullmatch(series)
    if match is None:
        raise TickerError(f"{series!r} is not a quarter-hour series such as KXBTC15M")
    return match[1]


def _parts(ticker: str) -> tuple[str, ...]:
    match = TICKER.fullmatch(ticker)
    if match is None:
        raise TickerError(f"{ticker!r} is not a quarter-hour market such as KXBTC15M-26NOV221200-00")
    return match.groups()
