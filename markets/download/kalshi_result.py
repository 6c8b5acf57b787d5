"""What was fetched of Kalshi's markets: the events of a tape, the columns of tables, the rows of the database."""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

import msgspec

from markets.core.events import FeedStatus, MarketEvent, MarketListed, MarketStatus, TradePrint
from markets.core.units import PRICE_DOLLAR, SECOND_NS
from markets.download.kalshi_each import OF_EACH
from markets.download.pages import PageFile
from markets.download.report import Report
from markets.download.source import KalshiCandle, KalshiMarket, KalshiPrint, Prices
from markets.models import Market
from markets.services import market_settle, market_upsert

FEED = "kalshi"
NO_BOOK = "no book was downloaded"
STRIKE_AFTER_NS = SECOND_NS  # the exchange writes it about 0.7 s after the open
SETTLES_AFTER_NS = 30 * SECOND_NS  # where the exchange does not say
SHORT = "markets whose trades add up to less than the volume listed"


class Listed(NamedTuple):
    """The markets in the order of their windows, and which pages hold what belongs to each."""

    markets: list[KalshiMarket]
    pages: dict[str, list[int]]


def listed(pages: PageFile, *, now_ns: int, report: Report) -> Listed:
    """The markets among the pages whose trading has ended."""
    found: dict[str, KalshiMarket] = {}
    of_index: dict[int, list[int]] = {}
    for number, page in enumerate(pages.pages()):
        report.left_out.update(page.skipped)
        report.rows += sum(page.skipped.values())
        if page.mark.stage.startswith(OF_EACH):
            of_index.setdefault(page.mark.index, []).append(number)
        for row in page.rows:
            if isinstance(row, KalshiMarket):
                found.setdefault(row.ticker, row)
    markets = sorted(found.values(), key=lambda market: (market.open_ns, market.ticker))
    by_ticker = {market.ticker: of_index.get(index, []) for index, market in enumerate(markets)}
    ended = [market for market in markets if market.close_ns <= now_ns]
    report.notes["markets"] = len(ended)
    report.notes["markets still trading, left out"] = len(markets) - len(ended)
    report.notes["markets without a result"] = sum(market.payment is None for market in ended)
    report.notes["markets without a strike"] = sum(market.strike is None for market in ended)
    return Listed(ended, by_ticker)


def kalshi_events(pages: PageFile, found: Listed, report: Report) -> Iterator[MarketEvent]:
    """The life and the trades of each market by time, no event older than the one before. There is no book: each market
    says so when it is listed."""
    waiting = [(market.open_ns, index, market) for index, market in enumerate(found.markets)]
    heapify(waiting)
    streams: list[tuple[int, int, MarketEvent, Iterator[MarketEvent]]] = []
    while waiting or streams:
        if waiting and (not streams or waiting[0][0] <= streams[0][0]):
            _, index, market = heappop(waiting)
            _go_on(streams, index, _market_events(market, _prints(pages, found, market, report)))
            continue
        _, index, event, stream = heappop(streams)
        yield event
        _go_on(streams, index, stream)


def market_rows(found: Listed, report: Report) -> Iterator[dict[str, Any]]:
    """A row of the table a market."""
    for market in found.markets:
        report.rows += 1
        report.keep(market.open_ns)
        yield {
            "ticker": market.ticker,
            "series": market.series,
            "asset": market.contract.asset,
            "open_ns": market.open_ns,
            "close_ns": market.close_ns,
            "settled_ns": market.settled_ns or None,
            "strike": market.strike,
            "decimals": market.decimals,
            "status": market.status,
            "result": market.result,
            "settle_value": market.value,
            "yes_pays": market.yes_pays,
            "volume": market.volume,
            "price_bands": msgspec.json.encode(market.grid).decode(),
            "archived": market.archived,
        }


def minute_rows(pages: PageFile, found: Listed, report: Report) -> Iterator[dict[str, Any]]:
    """A row of the table a minute of a market."""
    for market in found.markets:
        seen: set[int] = set()
        for row in _rows(pages, found.pages[market.ticker]):
            if not isinstance(row, KalshiCandle):
                continue
            report.rows += 1
            if row.end_ns in seen:
                report.left_out["told twice"] += 1
                continue
            seen.add(row.end_ns)
            report.keep(row.end_ns)
            sides = {"bid": row.bid, "ask": row.ask, "price": row.price}
            columns = {f"{side}_{name}": getattr(told, name) for side, told in sides.items() for name in PRICES}
            columns |= {"price_mean_micros": row.mean, "volume": row.volume, "open_interest": row.open_interest}
            yield {"ticker": row.ticker, "end_ns": row.end_ns} | columns
        report.notes["minutes without a candle"] += max(_minutes(market) - len(seen), 0)


def take_up(markets: Iterable[KalshiMarket], report: Report) -> None:
    """Write the markets and their results into the database. Terms that are known with their strike, and results that are
    known, stay as they are."""
    for market in markets:
        known = Market.objects.filter(ticker=market.ticker, is_simulated=False).first()
        if known is None or known.strike is None:
            market_upsert(market.contract, is_simulated=False)
            report.notes["markets written"] += 1
        elif market.strike is not None and known.strike != market.strike:
            report.notes["markets known with another strike, left as they are"] += 1
        if market.payment is not None:
            result, yes_pays = market.payment
            report.notes["results written"] += market_settle(
                market.ticker, result=result, settle_value=market.value, yes_pays=yes_pays
            )


PRICES = Prices.__struct_fields__


def _minutes(market: KalshiMarket) -> int:
    return (market.close_ns - market.open_ns) // (60 * SECOND_NS)


def _rows(pages: PageFile, numbers: list[int]) -> list[Any]:
    """All rows of some pages that came newest first, the oldest row first."""
    return [row for number in reversed(numbers) for row in pages.page(number).rows]


def _go_on(
    streams: list[tuple[int, int, MarketEvent, Iterator[MarketEvent]]], index: int, stream: Iterator[MarketEvent]
) -> None:
    event = next(stream, None)
    if event is not None:
        heappush(streams, (event.received_ns, index, event, stream))


def _prints(pages: PageFile, found: Listed, market: KalshiMarket, report: Report) -> list[KalshiPrint]:
    """The trades of a market in order of time, each id once, without those that were made off the book. What all of them
    add up to is held against the volume that the exchange lists."""
    told: dict[str, KalshiPrint] = {}
    for row in _rows(pages, found.pages[market.ticker]):
        report.rows += 1
        report.left_out["told twice"] += row.trade_id in told
        told.setdefault(row.trade_id, row)
    report.notes[SHORT] += sum(row.count for row in told.values()) < market.volume
    kept = []
    for row in sorted(told.values(), key=lambda row: row.venue_ns):
        reason = _fault(row)
        if reason:
            report.left_out[reason] += 1
        else:
            kept.append(row)
            report.keep(row.venue_ns)
    return kept


def _fault(row: KalshiPrint) -> str:
    if row.is_block:
        return "block trades, made off the book"
    return "" if 0 < row.price < PRICE_DOLLAR and row.count > 0 else "without a price or count that can be"


def _market_events(market: KalshiMarket, prints: list[KalshiPrint]) -> Iterator[MarketEvent]:
    """Listed at the open without a strike, with it a second later; the trades; closed; settled. No time runs back: a trade
    dated before the open is told at the open."""
    timed = sorted(_life(market) + [_told(row, market) for row in prints], key=lambda event: event.received_ns)
    yield from timed


def _life(market: KalshiMarket) -> list[MarketEvent]:
    ticker, contract, open_ns, close_ns = market.ticker, market.contract, market.open_ns, market.close_ns
    life: list[MarketEvent] = [
        MarketListed(open_ns, msgspec.structs.replace(contract, strike=None)),
        MarketStatus(open_ns, ticker, "open"),
        FeedStatus(open_ns, FEED, "lost", ticker, NO_BOOK),
    ]
    if contract.strike is not None:
        life.append(MarketListed(open_ns + STRIKE_AFTER_NS, contract))
    life.append(MarketStatus(close_ns, ticker, "closed"))
    if market.payment is not None:
        settled_ns = max(market.settled_ns or close_ns + SETTLES_AFTER_NS, close_ns)
        result, yes_pays = market.payment
        life.append(MarketStatus(settled_ns, ticker, "settled", result, market.value, yes_pays))
    return life


def _told(row: KalshiPrint, market: KalshiMarket) -> TradePrint:
    heard_ns = max(row.venue_ns, market.open_ns)
    return TradePrint(heard_ns, row.ticker, row.price, row.count, row.taker_yes, row.venue_ns)
