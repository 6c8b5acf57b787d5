"""What was fetched of a spot venue, as the events of a tape or as the columns of a table."""

from collections.abc import Iterator
from heapq import heappop, heappush, heappushpop
from typing import Any

from markets.core.events import FeedStatus, MarketEvent, SpotPrice
from markets.download.pages import PageFile
from markets.download.report import Report
from markets.download.source import SpotCandle, SpotTrade
from markets.download.times import MINUTE_NS, Span

LOOK_AHEAD = 5_000  # rows within which a venue may have its numbers in another order than its pages
ENDS = "the download ends"


def spot_events(
    pages: PageFile, report: Report, *, venue: str, asset: str, span: Span, newest_first: bool
) -> Iterator[MarketEvent]:
    """The trades in the order of their numbers, each once. `received_ns` is the venue's time: nobody here received them; where
    that runs backwards, tape time stands still. A hole in the numbers loses the feed until the trade behind it."""
    time_ns, last_id = 0, 0
    for trade in _by_number(_trades(pages, report, newest_first=newest_first), report):
        if trade.venue_ns not in span:
            report.left_out["outside the time asked for"] += 1
            continue
        is_first, is_hole = time_ns == 0, bool(time_ns) and trade.trade_id > last_id + 1
        if is_hole:
            report.hole(last_id + 1, trade.trade_id - 1)
            reason = f"trades {last_id + 1} to {trade.trade_id - 1} are missing"
            yield FeedStatus(time_ns, venue, "lost", asset, reason)
        report.notes["trades dated before the one ahead of them"] += trade.venue_ns < time_ns
        time_ns, last_id = max(time_ns, trade.venue_ns), trade.trade_id
        if is_first or is_hole:
            yield FeedStatus(time_ns, venue, "up", asset, "the download begins" if is_first else "")
        report.keep(time_ns)
        yield SpotPrice(
            time_ns, venue, asset, trade.price, trade.size, trade.venue_ns, trade.taker, str(trade.trade_id)
        )
    if time_ns:
        yield FeedStatus(time_ns, venue, "lost", asset, ENDS)


def candle_rows(pages: PageFile, report: Report, *, span: Span) -> Iterator[dict[str, Any]]:
    """The minutes of a span, the oldest first, each once. Minutes without a row are counted."""
    found: dict[int, SpotCandle] = {}
    for page in pages.pages():
        report.left_out.update(page.skipped)
        report.rows += sum(page.skipped.values()) + len(page.rows)
        for row in page.rows:
            if not isinstance(row, SpotCandle) or row.open_ns not in span:
                report.left_out["outside the time asked for"] += 1
            elif row.open_ns in found:
                report.left_out["told twice"] += 1
            else:
                found[row.open_ns] = row
    expected = (span.to_ns - span.from_ns) // MINUTE_NS
    report.notes["minutes without a candle"] = max(expected - len(found), 0)
    for open_ns in sorted(found):
        report.keep(open_ns)
        yield {name: getattr(found[open_ns], name) for name in SpotCandle.__struct_fields__}


def _trades(pages: PageFile, report: Report, *, newest_first: bool) -> Iterator[SpotTrade]:
    for page in pages.pages(newest_first=newest_first):
        report.left_out.update(page.skipped)
        report.rows += sum(page.skipped.values()) + len(page.rows)
        yield from (row for row in page.rows if isinstance(row, SpotTrade))


def _by_number(trades: Iterator[SpotTrade], report: Report) -> Iterator[SpotTrade]:
    """In the order of their numbers, the first of each number."""
    last_id = -1
    for trade in _settled(trades):
        if trade.trade_id > last_id:
            last_id = trade.trade_id
            yield trade
        else:
            report.left_out["told twice" if trade.trade_id == last_id else "far out of order"] += 1


def _settled(trades: Iterator[SpotTrade]) -> Iterator[SpotTrade]:
    """Sorted by number as far as the look-ahead reaches."""
    waiting: list[tuple[int, int, SpotTrade]] = []
    for place, trade in enumerate(trades):
        if len(waiting) < LOOK_AHEAD:
            heappush(waiting, (trade.trade_id, place, trade))
        else:
            yield heappushpop(waiting, (trade.trade_id, place, trade))[2]
    while waiting:
        yield heappop(waiting)[2]
