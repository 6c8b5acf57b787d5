"""DriftGuard: all that was compared of each series, and what is to be told of it now. No I/O in here."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from markets.core.events import SeriesDrift
from markets.core.units import DAY_NS
from markets.feeds.kalshi.notes import FeeNote
from markets.kalshi.drift import (
    Drift,
    event_fees_drift,
    fee_changes_drift,
    fields_drift,
    market_drift,
    series_drift,
    unreadable,
)
from markets.kalshi.messages_market import EventFeeChange, FeeChange, WireMarket, WireSeries
from markets.kalshi.ticker import TickerError, close_ns

TRADED = ("initialized", "active", "inactive")  # what a market's terms are compared in
MOST_OVERRIDES = 500


class DriftGuard:
    """Until a series was compared it is held back: nothing is known of its fees then.

    `events` tells a series' drift when it is another than was told. Times are our own. Bounded: markets are forgotten with
    `keep`, fee overrides a day after they came into force and their event was over.
    """

    def __init__(self, series: Sequence[str]) -> None:
        self._series = tuple(series)
        self._read: dict[str, tuple[WireSeries, int]] = {}
        self._troubles: dict[
            tuple[str, str], Drift
        ] = {}  # by series and kind of object: it could not be read, or its fields
        self._changes: dict[str, tuple[FeeChange, ...]] = {}
        self._overrides: tuple[EventFeeChange, ...] = ()
        self._markets: dict[str, tuple[str, Drift]] = {}  # by ticker
        self._rules: dict[str, str] = {}
        self._reworded: dict[str, str] = {}
        self._told: dict[str, tuple[str, ...]] = {}
        self._now: dict[str, Drift] = {}

    # What was read --------------------------------------------------------------------------------------------

    def series_read(self, series: WireSeries, now_ns: int) -> None:
        """A series object."""
        self._read[series.ticker] = (series, now_ns)
        self._troubles.pop((series.ticker, "series"), None)

    def not_read(self, series: str, what: str, words: str) -> None:
        """A series or market object came, and is not what it was. (What did not come at all is no news of it.)"""
        self._troubles[series, what] = unreadable(series, what, words)

    def fields_read(self, series: str, what: str, fields: Mapping[str, Any]) -> None:
        """The names in a series or market object as it came."""
        if fields:
            self._troubles[series, f"fields of {what}"] = fields_drift(series, what, fields)

    def fee_changes_read(self, series: str, changes: Iterable[FeeChange]) -> None:
        """What is scheduled for a series."""
        self._changes[series] = tuple(changes)

    def overrides_read(self, changes: Iterable[EventFeeChange], now_ns: int) -> None:
        """What is, or will be, different for single events of all series. It may have forgotten what is past."""
        ours = [one for one in changes if one.event_ticker.partition("-")[0] in self._series]
        known = {(one.event_ticker, one.at_ns) for one in ours}
        kept = [one for one in self._overrides if (one.event_ticker, one.at_ns) not in known and one.at_ns <= now_ns]
        self._overrides = _alive([*kept, *ours], now_ns)

    def noted(self, note: FeeNote) -> None:
        """The fees of an event are others from now on."""
        if note.event_ticker.partition("-")[0] in self._series:
            multiplier = None if note.multiplier is None else Decimal(repr(note.multiplier))
            change = EventFeeChange(note.event_ticker, note.received_ns, "", note.fee_type, multiplier)
            self._overrides = _alive([*self._overrides, change], note.received_ns)

    def market_read(self, series: str, market: WireMarket) -> None:
        """A market that can be traded, or will be. What is said of those that are over does not matter."""
        if series not in self._series or market.status not in TRADED:
            return
        self._markets[market.ticker] = (series, market_drift(series, market))
        self._troubles.pop((series, "market"), None)
        rules = re.sub(r"[\d$.,:]+", "#", " ".join(market.rules_primary.split()))
        rules = re.sub(
            r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b|\b(?:AM|PM|EST|EDT)\b", "#", rules
        )
        if rules and self._rules.setdefault(series, rules) != rules:
            self._rules[series] = rules
            self._reworded[series] = (
                f"{series}: its rules are worded otherwise than before: {market.rules_primary[:200]}"
            )

    def keep(self, tickers: Container[str]) -> None:
        """Only these markets are still looked after."""
        for ticker in [ticker for ticker in self._markets if ticker not in tickers]:
            del self._markets[ticker]

    # What follows ---------------------------------------------------------------------------------------------

    def events(self, now_ns: int) -> list[SeriesDrift]:
        """What is to be told: first of each series what holds it back, then each change."""
        told = []
        for series in self._series:
            self._now[series] = drift = self._drift(series, now_ns)
            if drift.stops != self._told.get(series, ()):
                self._told[series] = drift.stops
                told.append(SeriesDrift(now_ns, series, drift.stops))
        return told

    @property
    def stops(self) -> tuple[str, ...]:
        """What stops new orders now, of all series."""
        return tuple(text for series in self._series for text in self._now.get(series, Drift()).stops)

    @property
    def notices(self) -> tuple[str, ...]:
        """What will come, and what is merely new."""
        return tuple(text for series in self._series for text in self._now.get(series, Drift()).notices)

    def is_compared(self, series: str) -> bool:
        """Whether it was read at least once."""
        return series in self._read

    def _drift(self, series: str, now_ns: int) -> Drift:
        drift = Drift()
        for (name, _), trouble in self._troubles.items():
            drift += trouble if name == series else Drift()
        if series in self._read:
            wire, read_ns = self._read[series]
            later = fee_changes_drift(series, self._changes.get(series, ()), read_ns, now_ns)
            drift += (
                later
                if _is_overtaken(self._changes.get(series, ()), series, read_ns, now_ns)
                else series_drift(wire) + later
            )
        else:
            drift += Drift(stops=(f"{series}: it was not compared with what the code assumes yet",))
        drift += event_fees_drift(series, tuple(_alive(self._overrides, now_ns)), now_ns)
        for name, found in self._markets.values():
            drift += found if name == series else Drift()
        if series in self._reworded:
            drift += Drift(notices=(self._reworded[series],))
        return drift


def _is_overtaken(changes: Sequence[FeeChange], series: str, read_ns: int, now_ns: int) -> bool:
    """Whether a scheduled change has come into force since the series was read: what it said of its fees is over."""
    return any(one.series_ticker == series and read_ns < one.at_ns <= now_ns for one in changes)


def _alive(changes: Iterable[EventFeeChange], now_ns: int) -> tuple[EventFeeChange, ...]:
    """Without the events that are over."""
    return tuple(one for one in changes if now_ns < _over_ns(one))[-MOST_OVERRIDES:]


def _over_ns(change: EventFeeChange) -> int:
    event = change.event_ticker
    try:
        return close_ns(f"{event}-{event[-2:]}", second_pass=True)
    except TickerError:
        return change.at_ns + DAY_NS
