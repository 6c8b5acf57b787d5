"""DemoWorld: a seeded quarter-hour market with several assets, readable from any moment, the same every time."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from markets.core.contract import WINDOW_NS, Contract
from markets.core.events import MarketEvent, MarketListed, MarketStatus
from markets.core.units import SECOND_NS
from markets.kalshi.ticker import TickerError, asset_of, close_ns, series_of
from trading.simulator.prices import ASSETS, STEP_NS, IndexPath
from trading.simulator.quarter import Quarter, contract, is_listed, received, settlement
from trading.simulator.standing import Standing
from trading.simulator.venue_books import SpotQuarter

EPOCH_NS = 1_767_225_600 * SECOND_NS  # 2026-01-01T00:00Z: one past for every demo world, so that seeds can be compared


SECONDS = WINDOW_NS // SECOND_NS

Second = Callable[[int], list[MarketEvent]]  # what is told in a second of a quarter hour, each asked for once, in order


class DemoWorld:
    """`events(from_ns)` never ends and depends on nothing but the seed, the assets, the start and the moment.

    Prices, books and results are invented; the contract, the timetable and the settlement are the real ones.
    Nothing before `start_ns` can be asked for.
    """

    def __init__(self, seed: int, assets: Sequence[str] = ("BTC", "ETH", "SOL"), start_ns: int = EPOCH_NS) -> None:
        unknown = [asset for asset in assets if asset not in ASSETS]
        if unknown or not assets:
            raise ValueError(f"the demo market knows {', '.join(ASSETS)}, not {', '.join(unknown) or 'nothing'}")
        self.seed = seed
        self.assets = tuple(assets)
        self.start_ns = start_ns
        self._indices = {asset: IndexPath(seed, ASSETS[asset], start_ns) for asset in self.assets}

    def events(self, from_ns: int) -> Iterator[MarketEvent]:
        """All events from `from_ns` on, by time; first, stamped `from_ns`, what was already true then."""
        return self._told(from_ns, has_exchange=True, has_spot=True)

    def exchange_events(self, from_ns: int) -> Iterator[MarketEvent]:
        """Of `events`, what the exchange tells: listings, status, books, tickers and trades of its markets."""
        return self._told(from_ns, has_exchange=True, has_spot=False)

    def spot_events(self, from_ns: int) -> Iterator[MarketEvent]:
        """Of `events`, what the spot venues tell: books, best prices and trades, each venue's in its own order."""
        return self._told(from_ns, has_exchange=False, has_spot=True)

    def settlement(self, ticker: str, *, now_ns: int | None = None) -> MarketStatus | None:
        """How a market of this world settled, at any distance of time, as `events` tells it.

        None for a market that is not of this world, or that `now_ns`, when given, has not seen settled yet.
        """
        try:
            close, asset = close_ns(ticker), asset_of(series_of(ticker))
        except TickerError:
            return None
        quarter = close // WINDOW_NS - 1
        if asset not in self._indices or close <= self.start_ns:
            return None
        status = settlement(self.seed, self._indices[asset], quarter)
        return status if now_ns is None or status.received_ns <= now_ns else None

    def contract(self, asset: str, at_ns: int) -> Contract:
        """The terms, strike included, of the market of this asset whose window `at_ns` is in."""
        return contract(self._indices[asset], at_ns // WINDOW_NS)

    def index(self, asset: str, at_ns: int) -> float:
        """The hidden index that everything here moves around, as it was at `at_ns`."""
        path = self._indices[asset]
        return float(path.path(at_ns // WINDOW_NS)[at_ns % WINDOW_NS // STEP_NS] / path.scale)

    def _told(self, from_ns: int, *, has_exchange: bool, has_spot: bool) -> Iterator[MarketEvent]:
        quarter, second = from_ns // WINDOW_NS, from_ns % WINDOW_NS // SECOND_NS
        batches = self._seconds(quarter, has_exchange=has_exchange, has_spot=has_spot)
        standing = self._standing(quarter) if has_exchange else Standing()
        if has_spot:
            standing.hear(SpotQuarter(self.seed, tuple(self._indices.values()), quarter).openings())
        for _ in range(second):
            standing.hear(next(batches))
        batch = next(batches)
        start = bisect_left(batch, from_ns, key=received)
        standing.hear(batch[:start])
        yield from standing.told(from_ns)
        yield from batch[start:]
        for batch in batches:
            yield from batch

    def _seconds(self, first: int, *, has_exchange: bool, has_spot: bool) -> Iterator[list[MarketEvent]]:
        """All coins' events, a second at a time, without end; what comes at one moment, the exchange's first."""
        indices = tuple(self._indices.values())
        for number in count(first):
            parts: list[Second] = []
            if has_exchange:
                parts += [Quarter(self.seed, index, number).second for index in indices]
            if has_spot:
                parts.append(SpotQuarter(self.seed, indices, number).second)
            for second in range(SECONDS):
                batch = [event for part in parts for event in part(second)]
                batch.sort(key=received)
                yield batch

    def _standing(self, quarter: int) -> Standing:
        """The markets that were there before this quarter hour began."""
        standing = Standing()
        for index in self._indices.values():
            before, this = contract(index, quarter - 1), contract(index, quarter, with_strike=False)
            known = [MarketListed(terms.open_ns, terms) for terms in (before, this) if is_listed(terms)]
            standing.hear(known)
            if is_listed(before):
                standing.hear([MarketStatus(before.open_ns, before.ticker, "open")])
        return standing
