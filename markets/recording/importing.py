"""One recorder run onto one tape: all its streams merged by the time they were received."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path

from markets.core.events import BookSnapshot, FeedStatus, TickerQuote
from markets.core.units import PRICE_DOLLAR
from markets.recording.agreement import compare
from markets.recording.chain import ENDS, FEED, PRICE_PER_MIL, SILENCE_US, Chain, Timed
from markets.recording.clock import steady
from markets.recording.listing import Listing, life, listings
from markets.recording.parquet import Recording, Row, RunRows
from markets.recording.spot import spot_events
from markets.recording.summary import RunSummary
from markets.tape import VERSION, TapeHeader, TapeWriter

NOTE = (
    "ordered by receipt on the recorder's clock; open and closed at the contract's times, settled 30 s after the close: "
    "assumed; coinbase sizes were not recorded"
)


def import_run(recording: Recording, run: str, folder: Path) -> RunSummary:
    """Write the tape of one run into `folder` and say what went onto it. The same rows give the same bytes.

    A run that watched no market gives no tape; `problem` says so. Raises RecordingError, TapeError.
    """
    rows = recording.rows(run)
    summary = RunSummary(run)
    summary.read.update(_row_counts(rows))
    events = run_events(rows, recording.markets, summary)
    if not summary.markets:
        summary.kept.clear()
        summary.refused.clear()
        summary.problem = "it watched no market"
        for kind, count in summary.read.items():
            summary.refuse(kind, "of a run that watched no market", count)
        return summary
    started = datetime.fromtimestamp(rows.start_us // 1_000_000, UTC)
    summary.tape = f"btc15m-{started:%Y%m%dT%H%M%SZ}"
    summary.grade = _grade(summary, events)
    _write(folder / f"{summary.tape}.tape", events, summary, f"{recording.folder.name}/{run}")
    return summary


def run_events(rows: RunRows, markets: dict[str, Row], summary: RunSummary) -> list[Timed]:
    """All events of a run with their tape times (microseconds), in order. At one time the life of a market comes
    before its book, the book before quotes, quotes before spot prices."""
    found = listings(rows, summary)
    summary.markets = len(found)
    streams: list[Iterable[Timed]] = [[_feed(rows.start_us, "up", "the recording begins")]] if found else []
    streams += [sorted(life(listing, markets.get(listing.ticker)), key=_time_us) for listing in found.values()]
    streams += [_book(listing, rows, summary) for listing in found.values()]
    streams += [_quotes(rows, found, summary), spot_events(rows, summary)]
    streams += [[_feed(rows.end_us, "lost", ENDS)]]
    _refuse_unlisted(rows, found, summary)
    summary.markets_settled = sum(listing.is_settled for listing in found.values())
    return list(merge(*streams, key=_time_us))


def _time_us(timed: Timed) -> int:
    return timed[0]


def _feed(time_us: int, state: str, reason: str) -> Timed:
    return time_us, FeedStatus(time_us * 1000, FEED, "up" if state == "up" else "lost", "", reason)


def _book(listing: Listing, rows: RunRows, summary: RunSummary) -> list[Timed]:
    """The book of one market. Without a snapshot soon after the market was listed, it begins as lost."""
    ticker = listing.ticker
    chain = Chain(ticker, summary, ends_us=min(rows.end_us, listing.close_ns // 1000))
    snapshots = [row for row in rows.snapshots if row["ticker"] == ticker]
    events = list(chain.follow(snapshots, rows.deltas.get(ticker, [])))
    quotes = [row for row in rows.tickers if row["ticker"] == ticker]
    compared, agreed = compare(quotes, chain.passages)
    summary.quotes_compared += compared
    summary.quotes_agreed += agreed
    summary.markets_with_book += any(passage.times_us for passage in chain.passages)
    first = next((i for i, (_, event) in enumerate(events) if type(event) is BookSnapshot), None)
    if first is not None and events[first][0] - listing.first_us <= SILENCE_US:
        return events
    if first is not None:
        time_us = events[first][0]
        events.insert(first + 1, (time_us, FeedStatus(time_us * 1000, FEED, "up", ticker, "the first snapshot")))
    reason = "no book of this market was recorded" if first is None else "no book yet"
    listed_us = listing.first_us
    return [(listed_us, FeedStatus(listed_us * 1000, FEED, "lost", ticker, reason)), *events]


def _quotes(rows: RunRows, found: dict[str, Listing], summary: RunSummary) -> Iterator[Timed]:
    times = steady((row["recv_us"] for row in rows.tickers), summary)
    for time_us, row in zip(times, rows.tickers, strict=True):
        bid, ask = row["yes_bid_mil"] * PRICE_PER_MIL, row["yes_ask_mil"] * PRICE_PER_MIL
        if row["ticker"] not in found:
            continue  # counted with the other rows of such markets
        if not 0 <= bid < ask <= PRICE_DOLLAR:
            summary.refuse("ticker", "impossible quote")
            continue
        summary.keep("ticker")
        yield (
            time_us,
            TickerQuote(
                time_us * 1000,
                row["ticker"],
                bid,
                ask,
                row["yes_bid_size_centi"],
                row["yes_ask_size_centi"],
                row["last_price_mil"] * PRICE_PER_MIL,
                row["volume_centi"],
                row["open_interest_centi"],
                row["exch_us"] * 1000,
            ),
        )


def _refuse_unlisted(rows: RunRows, found: dict[str, Listing], summary: RunSummary) -> None:
    """Rows of a market whose ticker cannot be read."""
    unreadable = {
        "snapshot": sum(row["ticker"] not in found for row in rows.snapshots),
        "ticker": sum(row["ticker"] not in found for row in rows.tickers),
        "delta": sum(len(deltas) for ticker, deltas in rows.deltas.items() if ticker not in found),
    }
    for kind, count in unreadable.items():
        if count:
            summary.refuse(kind, "unreadable market", count)


def _row_counts(rows: RunRows) -> dict[str, int]:
    return {
        "control": len(rows.control),
        "snapshot": len(rows.snapshots),
        "delta": sum(map(len, rows.deltas.values())),
        "ticker": len(rows.tickers),
        "trade": len(rows.trades),
        "sample": len(rows.samples),
    }


def _grade(summary: RunSummary, events: list[Timed]) -> str:
    """A: every book and every trade, without a gap. B: something is missing. C: no book at all."""
    if not summary.markets_with_book:
        return "C"
    losses = sum(type(event) is FeedStatus and event.state == "lost" and event.reason != ENDS for _, event in events)
    is_whole = not losses and summary.spot == "trades" and summary.markets_with_book == summary.markets
    return "A" if is_whole else "B"


def _write(path: Path, events: list[Timed], summary: RunSummary, source: str) -> None:
    note = f"{summary.markets_with_book} of {summary.markets} markets with a book; spot: {summary.spot}; {NOTE}"
    created_ns = events[0][1].received_ns  # not the time of the import: twice imported, the same bytes
    header = TapeHeader(VERSION, summary.tape, source, summary.grade, created_ns, note)
    writer = TapeWriter(path, header, replace=True)
    for _, event in events:
        writer.append(event)
    summary.path = str(writer.close())
    summary.events = writer.events
