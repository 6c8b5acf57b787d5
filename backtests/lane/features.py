"""The feature pass: one tape through the engine of record without an order, and all that any setting needs of it kept."""

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from backtests.core.simulate import EmptyTape
from backtests.core.splice import Cut, woven
from backtests.lane.columns import (
    MARKET,
    REVIEW,
    ROW,
    SETTLEMENT,
    STATE,
    THIN,
    THOUGHT,
    Features,
    Longs,
    Records,
    Tape,
    Ticker,
    Told,
    records,
)
from backtests.lane.display import Display, laid_out
from backtests.lane.scribe import Listing, Scribe, same_terms
from backtests.lane.state import Fees
from markets.core.events import (
    BookDelta,
    BookSnapshot,
    ExchangeStatus,
    FeedStatus,
    MarketEvent,
    MarketListed,
    MarketStatus,
)
from markets.core.payout import is_awaited, yes_pays_of
from markets.core.units import DOLLAR
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Event, Opening
from trading.core.joint import LOADING, LOADINGS
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange
from trading.core.parameters import Parameters
from trading.playback import market_events

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(MarketEvent).decode


def features_of(path: Path, starts: Sequence[int], late: Sequence[bytes], parameters: Parameters) -> Features:
    """The features of a tape that is played with what earlier ones knew of later (`late`), up to where the next of `starts`
    begins. Raises TapeError or OSError for a tape that cannot be read, EmptyTape for one without an event."""
    cut = Cut(starts)
    listener = _Pass(parameters)
    for event in cut.through(woven([_decode(each) for each in late], market_events(path))):
        listener.hear(event)
    if not listener.events:
        raise EmptyTape("the tape holds no events")
    return listener.features(cut)


class _Pass:
    """An engine with a scribe for a strategy, and all that its market says."""

    def __init__(self, parameters: Parameters) -> None:
        self.engine = Engine()
        self.scribe = Scribe(self.engine)
        self.engine.strategy = self.scribe
        self.desk = Desk(self.engine, PaperExchange(self.engine.markets))
        self.parameters = parameters
        self.events = 0
        self.span = (0, 0)
        self.last_ns = 0
        self.displays: list[Display] = []
        self.tickers: dict[str, Ticker] = {}
        self.terms: dict[str, Any] = {}
        self.results: dict[str, Told] = {}
        self.settled: list[Told] = []
        self.settlements, self.reviews = _Settlements(), _Reviews()
        self._reviewed_ns = 0
        self._gone: dict[str, Display] = {}

    def hear(self, event: MarketEvent) -> None:
        if not self.events:
            self._open(event.received_ns)
        self.events += 1
        self.last_ns = event.received_ns
        for heard, _ in self.desk.hear(event):
            self._after(heard)

    def _open(self, first_ns: int) -> None:
        opening = Opening(first_ns, 10_000 * DOLLAR)
        self.span = (first_ns, first_ns)
        for heard, _ in self.desk.open(*opening_events(opening, RiskLimits(), self.parameters)):
            self._after(heard)

    def _after(self, event: Event) -> None:
        now_ns = event.received_ns
        self.span = (self.span[0], now_ns)
        silence = self.engine.account.breakers.facts.silence
        if silence.told_ns != self._reviewed_ns:
            self._reviewed_ns = silence.told_ns
            self.reviews.ns.append(silence.told_ns)
            self.reviews.oldest_ns.append(silence.oldest_ns)
            self.reviews.is_open.append(silence.is_open)
        if isinstance(event, BookDelta):
            display = self._display(event.ticker)
            if display is not None:
                display[0].changed(now_ns, display[1], event.is_yes, event.price)
                self._look(now_ns, event.ticker)
        elif isinstance(event, BookSnapshot):
            display = self._display(event.ticker)
            if display is not None:
                display[0].replaced(now_ns, display[1])
                self._look(now_ns, event.ticker)
        elif isinstance(event, MarketListed):
            self._listed(event)
            self._look(now_ns, event.contract.ticker)
        elif isinstance(event, MarketStatus):
            self._status(event)
            self._look(now_ns, event.ticker)
        elif isinstance(event, FeedStatus | ExchangeStatus):
            for ticker in list(self.engine.markets):
                self._look(now_ns, ticker)

    def _display(self, ticker: str) -> tuple[Display, Any] | None:
        market = self.engine.markets.get(ticker)
        if market is None:
            return None
        listing = self.scribe.listing(market)
        while len(self.displays) <= listing.number:
            self.displays.append(Display())
        return self.displays[listing.number], market

    def _look(self, now_ns: int, ticker: str) -> None:
        found = self._display(ticker)
        if found is not None:
            self._gone[ticker] = found[0]
            found[0].look(now_ns, found[1], bool(self.engine.watch.paused))
        elif ticker in self._gone:
            self._gone.pop(ticker).look(now_ns, None, False)

    def _listed(self, event: MarketListed) -> None:
        contract = event.contract
        known = self.terms.get(contract.ticker)
        if known is not None and not same_terms(known, contract):
            self.scribe.unfit = "The terms of a market change while it is open."
        if contract.fees.precision < 1 or 10_000 % contract.fees.precision:
            self.scribe.unfit = "The balance is rounded to what does not divide a cent."
        self.terms[contract.ticker] = contract
        self.tickers[contract.ticker] = Ticker(contract.ticker, contract.asset, contract.close_ns)

    def _status(self, event: MarketStatus) -> None:
        if event.status != "settled" or is_awaited(event.result, event.yes_pays):
            return
        self.tickers.setdefault(event.ticker, Ticker(event.ticker, "", 0))
        told = Told(event.ticker, event.result, event.yes_pays)
        self.results[event.ticker] = told
        self.settled.append(told)
        self.settlements.row.append(len(self.scribe.rows.time))
        self.settlements.ns.append(event.received_ns)
        self.settlements.ticker.append(list(self.tickers).index(event.ticker))
        self.settlements.worth.append(yes_pays_of(event.result, event.yes_pays))

    def features(self, cut: Cut) -> Features:
        scribe = self.scribe
        rows, listings = scribe.rows, scribe.listings
        while len(self.displays) < len(listings):
            self.displays.append(Display())
        tape = Tape(
            time=np.array(rows.time, np.int64),
            rows=records(ROW, {name: values for name, values in vars(rows).items() if name != "time"}),
            thins=records(THIN, vars(scribe.thins)),
            states=records(STATE, vars(scribe.states)),
            markets=_markets(listings, self.displays, list(self.tickers)),
            thoughts=_thoughts(_thinking(listings)),
            **laid_out(self.displays),
            reviews=records(REVIEW, vars(self.reviews)),
            settlements=records(SETTLEMENT, vars(self.settlements)),
            span=np.array((*self.span, self.last_ns), np.int64),
        )
        return Features(
            tape,
            tuple(self.tickers.values()),
            tuple(self.settled),
            tuple(self.results.values()),
            self.events,
            cut.overlapped,
            tuple(_encode(each) for each in cut.late),
            scribe.unfit,
        )


class _Reviews:
    """The columns of REVIEW, growing."""

    def __init__(self) -> None:
        self.ns, self.oldest_ns, self.is_open = array("q"), array("q"), array("B")


class _Settlements:
    """The columns of SETTLEMENT, growing."""

    def __init__(self) -> None:
        self.row, self.ns, self.ticker, self.worth = array("q"), array("q"), array("q"), array("q")


def _markets(listings: Sequence[Listing], displays: Sequence[Display], names: list[str]) -> Records:
    contracts = [each.contract for each in listings]
    facts, thoughts = _ends([len(each.facts) for each in displays]), _ends(_lengths(listings))
    columns: dict[str, Any] = {
        "loading": [LOADINGS.get(each.asset, LOADING) for each in contracts],
        "ticker": [names.index(each.ticker) for each in contracts],
        "open_ns": [each.open_ns for each in contracts],
        "close_ns": [each.close_ns for each in contracts],
        **{name: [getattr(each.fees, name) for each in contracts] for name in Fees._fields},
        "fact_first": facts[:-1],
        "fact_end": facts[1:],
        "thought_first": thoughts[:-1],
        "thought_end": thoughts[1:],
    }
    return records(MARKET, columns)


def _thinking(listings: Sequence[Listing]) -> Sequence[Listing]:
    """The markets whose thoughts are kept: none where no two close together, for nobody asks for them then."""
    closes = {(each.contract.ticker, each.contract.close_ns) for each in listings}
    return listings if len({close_ns for _, close_ns in closes}) < len(closes) else []


def _lengths(listings: Sequence[Listing]) -> list[int]:
    kept = bool(_thinking(listings))
    return [len(each.thoughts.row) if kept else 0 for each in listings]


def _thoughts(kept: Sequence[Listing]) -> Records:
    columns = {name: [value for each in kept for value in getattr(each.thoughts, name)] for name in THOUGHT.names or ()}
    return records(THOUGHT, columns)


def _ends(lengths: Sequence[int]) -> Longs:
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64)
