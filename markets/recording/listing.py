"""The life of each market of a run: listed when the recorder first watched it, open, closed, settled."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec

from markets.core.contract import WINDOW_NS, Contract
from markets.core.events import MarketListed, MarketStatus
from markets.core.units import SECOND_NS
from markets.kalshi import ticker as tickers
from markets.recording.chain import Timed
from markets.recording.clock import steady
from markets.recording.parquet import Row, RunRows
from markets.recording.summary import RunSummary

WATCH = "watch_market"
SETTLES_AFTER_NS = 30 * SECOND_NS
SETTLE_DECIMALS = 2


class Listing(msgspec.Struct):
    """A market as the recorder knew it: `watched` holds each new state of its terms with its tape time."""

    ticker: str
    close_ns: int
    watched: list[tuple[int, Contract]]
    is_settled: bool = False

    @property
    def first_us(self) -> int:
        """When the market was first heard of."""
        return self.watched[0][0]


def listings(rows: RunRows, summary: RunSummary) -> dict[str, Listing]:
    """The markets of a run by ticker, in the order they appeared. Terms come from what the recorder was told at
    the time and from the ticker alone: a strike that was only learnt later is not among them."""
    found: dict[str, Listing] = {}
    times = steady((row["recv_us"] for row in rows.control), summary)
    for time_us, row in zip(times, rows.control, strict=True):
        reason = _watch(found, time_us, row) if row["event"] == WATCH else f"{row['event']} says nothing of a market"
        if reason:
            summary.refuse("control", reason)
        else:
            summary.keep("control")
    for time_us, ticker in _heard(rows):
        if ticker not in found and _is_readable(ticker):
            found[ticker] = _listing(ticker, time_us, tickers.close_ns(ticker), None)
    return found


def life(listing: Listing, official: Row | None) -> Iterator[Timed]:
    """Listed (again with each news), open, closed and settled. The recording has no message for the last three: they are put
    at the times the contract gives, and the settlement half a minute after the close (never before it was watched)."""
    ticker, close_ns = listing.ticker, listing.close_ns
    first_ns = listing.first_us * 1000
    for time_us, contract in listing.watched:
        yield time_us, MarketListed(time_us * 1000, contract)
    if first_ns < close_ns:
        yield _status(max(first_ns, close_ns - WINDOW_NS), ticker, "open")
    yield _status(max(first_ns, close_ns), ticker, "closed")
    if official is not None and official["result"] in {"yes", "no"}:
        listing.is_settled = True
        settled_ns = max(first_ns, close_ns + SETTLES_AFTER_NS)
        value = official["settle_value"]
        text = "" if _number(value) is None else f"{value:.{SETTLE_DECIMALS}f}"
        yield settled_ns // 1000, MarketStatus(settled_ns, ticker, "settled", official["result"], text)


def _watch(found: dict[str, Listing], time_us: int, row: Row) -> str:
    """Take in one watch_market; returns why not, or nothing."""
    ticker = row["ticker"]
    try:
        payload: dict[str, Any] = _payload(row["payload"])
        close_ns = _close_ns(ticker, payload.get("close_time"))
    except (tickers.TickerError, ValueError, msgspec.DecodeError):
        return "unreadable market"
    strike = _number(payload.get("strike"))
    if ticker not in found:
        found[ticker] = _listing(ticker, time_us, close_ns, strike)
        return ""
    known = found[ticker].watched[-1][1]
    if strike is None or strike == known.strike:
        return "nothing new of a market"
    found[ticker].watched.append((time_us, msgspec.structs.replace(known, strike=strike)))
    return ""


def _payload(text: str) -> dict[str, Any]:
    """The recorder wrote NaN for a strike not known, which is not JSON."""
    return msgspec.json.decode(text.replace("NaN", "null"), type=dict[str, Any])


def _close_ns(ticker: str, close_time: str | None) -> int:
    """The exchange's own close time where it was recorded; it must fit the ticker. Raises ValueError."""
    if close_time is None:
        return tickers.close_ns(ticker)
    close_ns = int(datetime.fromisoformat(close_time).timestamp()) * SECOND_NS
    if close_ns not in {tickers.close_ns(ticker), tickers.close_ns(ticker, second_pass=True)}:
        raise ValueError(f"{ticker} does not close at {close_time}")
    return close_ns


def _listing(ticker: str, time_us: int, close_ns: int, strike: float | None) -> Listing:
    series = tickers.series_of(ticker)
    contract = Contract(ticker, series, tickers.asset_of(series), tickers.open_ns(close_ns), close_ns, strike)
    return Listing(ticker, close_ns, [(time_us, contract)])


def _heard(rows: RunRows) -> list[tuple[int, str]]:
    """When the data first spoke of each market, watched or not."""
    heard: dict[str, int] = {}
    for row in (*rows.snapshots, *rows.tickers):
        heard[row["ticker"]] = min(heard.get(row["ticker"], row["recv_us"]), row["recv_us"])
    for ticker, deltas in rows.deltas.items():
        heard[ticker] = min(heard.get(ticker, deltas[0].recv_us), deltas[0].recv_us)
    return sorted((time_us, ticker) for ticker, time_us in heard.items())


def _is_readable(ticker: str) -> bool:
    try:
        tickers.close_ns(ticker)
    except tickers.TickerError:
        return False
    return True


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _status(time_ns: int, ticker: str, status: Literal["open", "closed"]) -> Timed:
    return time_ns // 1000, MarketStatus(time_ns, ticker, status)
