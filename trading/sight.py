"""Sight: the session as others see it, four times a second."""

import time

import msgspec

from markets.core.units import MILLISECOND_NS
from markets.feeds.feed import FeedView
from markets.feeds.kalshi.view import ExchangeView
from markets.recorder import Recorder
from trading.core.desk import Desk
from trading.exchange_rows import exchange
from trading.journal import Journal
from trading.pace import Pace
from trading.price_rows import TapeRow, feeds
from trading.snapshot import Place, Recent, Told, document


class Sight:
    """Makes whole snapshots. Reads only."""

    def __init__(self, desk: Desk, place: Place, recent: Recent, journal: Journal, tape: Recorder) -> None:
        self._desk, self._place, self._recent, self._journal = desk, place, recent, journal
        self._tape = TapeRow(tape)
        self._began = time.monotonic()
        self._sequence = 0
        self._encode = msgspec.json.Encoder().encode

    def snapshot(
        self, state: str, mode_reason: str, pace: Pace, views: list[FeedView], heard: ExchangeView | None
    ) -> bytes:
        """The whole state for the pages, as JSON."""
        self._sequence += 1
        told = Told(
            self._sequence,
            time.time_ns() // MILLISECOND_NS,
            state,
            round(time.monotonic() - self._began, 1),
            mode_reason,
            pace.percentiles_us(),
            self._journal.backlog,
            feeds(views),
            exchange(heard, self._desk),
            self._tape.now(),
        )
        return self._encode(document(self._desk, self._recent, self._place, told))
