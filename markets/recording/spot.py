"""Coinbase prices of a run: every trade where trades were recorded, else the samples the recorder's bot took."""

from collections.abc import Iterator
from heapq import merge

from markets.core.events import FeedStatus, SpotPrice
from markets.recording.chain import ENDS, Timed
from markets.recording.clock import steady
from markets.recording.parquet import Row, RunRows
from markets.recording.summary import RunSummary

VENUE, ASSET = "coinbase", "BTC"
SILENCE_US = 5_000_000
OLDEST_US = 5_000_000
SEED = "v28_context_tailer_seed"
LAST_MATCH = "is_last_match"


def spot_events(rows: RunRows, summary: RunSummary) -> Iterator[Timed]:
    """Prices in the order of tape time (microseconds), and the moments the feed was lost and back."""
    if rows.trades:
        summary.spot = "trades"
        summary.refuse("sample", "trades are there", len(rows.samples))
        prices = _trades(rows.trades, summary)
    else:
        prices = _samples(rows.samples, summary)
    return _watched(prices, rows)


def _by_capture(rows: list[Row], summary: RunSummary) -> Iterator[tuple[int, Row]]:
    """Captures that overlap become one stream; each has the clock steps of its own."""
    captures: dict[str, list[Row]] = {}
    for row in rows:
        captures.setdefault(row["capture"], []).append(row)
    streams = [
        list(zip(steady((row["recv_us"] for row in part), summary), part, strict=True)) for part in captures.values()
    ]
    return merge(*streams, key=lambda timed: timed[0])


def _trades(rows: list[Row], summary: RunSummary) -> Iterator[Timed]:
    seen: set[int] = set()
    newest = 0
    for time_us, row in _by_capture(rows, summary):
        trade_id = row["trade_id"]
        if trade_id in seen:
            summary.refuse("trade", "recorded twice")
        elif row["price_cents"] <= 0:
            summary.refuse("trade", "no price")
        elif row[LAST_MATCH] and row["recv_us"] - row["exch_us"] > OLDEST_US:
            summary.refuse("trade", "an old one, sent on subscribing")
        elif trade_id < newest:
            summary.refuse("trade", "older than the one before")
        else:
            seen.add(trade_id)
            newest = trade_id
            summary.keep("trade")
            yield time_us, SpotPrice(time_us * 1000, VENUE, ASSET, row["price_cents"] / 100, 0.0, row["exch_us"] * 1000)


def _samples(rows: list[Row], summary: RunSummary) -> Iterator[Timed]:
    """A sample is heard when the bot looked. Its price had come earlier: one that came no later than the price
    before it is no news. When the venue made it was not kept, so venue_ns is 0."""
    newest_us = 0
    for time_us, row in _by_capture(rows, summary):
        came_us = row["spot_recv_us"]
        if row["origin"] == SEED:
            summary.refuse("sample", "a start-up seed from older logs")
        elif row["price_cents"] <= 0:
            summary.refuse("sample", "no price")
        elif row["recv_us"] - came_us > OLDEST_US:
            summary.refuse("sample", "older than five seconds")
        elif came_us <= newest_us:
            summary.refuse("sample", "not newer than the one before")
        else:
            newest_us = came_us
            summary.spot = "samples"
            summary.keep("sample")
            yield time_us, SpotPrice(time_us * 1000, VENUE, ASSET, row["price_cents"] / 100)


def _watched(prices: Iterator[Timed], rows: RunRows) -> Iterator[Timed]:
    """Five silent seconds lose the feed; the next price brings it back."""
    heard_us, is_up = rows.start_us, False
    for time_us, price in prices:
        if time_us - heard_us > SILENCE_US:
            yield _lost(heard_us + SILENCE_US)
            is_up = False
        if not is_up:
            is_up = True
            yield time_us, FeedStatus(time_us * 1000, VENUE, "up", ASSET)
        yield time_us, price
        heard_us = time_us
    if rows.end_us - heard_us > SILENCE_US:
        yield _lost(heard_us + SILENCE_US)
    elif is_up:
        yield rows.end_us, FeedStatus(rows.end_us * 1000, VENUE, "lost", ASSET, ENDS)


def _lost(time_us: int) -> Timed:
    reason = f"no price for {SILENCE_US // 1_000_000} s"
    return time_us, FeedStatus(time_us * 1000, VENUE, "lost", ASSET, reason)
