"""One quarter hour of one coin in the demo market: its timetable and its market's floor."""

from decimal import Decimal
from operator import attrgetter
from typing import Literal

from markets.core.contract import WINDOW_NS, Contract
from markets.core.events import MarketEvent, MarketListed, MarketStatus
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.kalshi.ticker import is_second_pass, market_ticker, series_named
from trading.simulator.floor import Floor
from trading.simulator.prices import IndexPath, stream

LISTED_BEFORE_NS = 30 * SECOND_NS  # the open
received = attrgetter("received_ns")


class Quarter:
    """What the exchange tells about a coin between two quarter hours, second by second."""

    def __init__(self, seed: int, index: IndexPath, quarter: int) -> None:
        self._open_ns = quarter * WINDOW_NS
        self._timetable = timetable(seed, index, quarter)
        terms = contract(index, quarter)
        self._floor = Floor(seed, index, terms) if is_listed(terms) else None
        self._told_times = 0

    def second(self, number: int) -> list[MarketEvent]:
        """The events of this second after the open, sorted by time; ask for the seconds in order."""
        end_ns = (number + 1) * SECOND_NS
        batch: list[MarketEvent] = self._floor.until(end_ns) if self._floor else []
        while self._told_times < len(self._timetable) and received(self._timetable[self._told_times]) < (
            self._open_ns + end_ns
        ):
            batch.append(self._timetable[self._told_times])
            self._told_times += 1
        return batch


def contract(index: IndexPath, quarter: int, *, with_strike: bool = True) -> Contract:
    """The terms of the market that is open in this quarter hour."""
    name = index.asset.name
    series, close_ns = series_named(name), (quarter + 1) * WINDOW_NS
    strike = float(settle_text(index, quarter - 1)) if with_strike else None
    return Contract(
        ticker=market_ticker(series, close_ns),
        series=series,
        asset=name,
        open_ns=quarter * WINDOW_NS,
        close_ns=close_ns,
        strike=strike,
        decimals=index.asset.decimals,
    )


def is_listed(terms: Contract) -> bool:
    """Not in the second pass of the hour that New York lives twice in autumn: its tickers are taken."""
    return not is_second_pass(terms.series, terms.close_ns)


def settle_text(index: IndexPath, quarter: int) -> str:
    """The settlement value of this quarter, with all its decimals."""
    return f"{Decimal(index.settle_units(quarter)).scaleb(-index.asset.decimals):f}"


def settlement(seed: int, index: IndexPath, quarter: int) -> MarketStatus:
    """How and when the market of this quarter settles. A tie pays YES."""
    terms = contract(index, quarter, with_strike=False)
    after_s = stream(seed, "settled", terms.ticker).normal(25.0, 3.0)
    result: Literal["yes", "no"] = "yes" if index.settle_units(quarter) >= index.settle_units(quarter - 1) else "no"
    at_ns = terms.close_ns + int(min(max(after_s, 15.0), 40.0) * 1_000) * MILLISECOND_NS
    return MarketStatus(at_ns, terms.ticker, "settled", result, settle_text(index, quarter))


def timetable(seed: int, index: IndexPath, quarter: int) -> list[MarketEvent]:
    """The previous market closes and settles, this one opens and gets its strike, the next one is listed."""
    open_ns, close_ns = quarter * WINDOW_NS, (quarter + 1) * WINDOW_NS
    before, this, after = (
        contract(index, number, with_strike=number == quarter) for number in range(quarter - 1, quarter + 2)
    )
    strike_ns = open_ns + int(stream(seed, "strike", this.ticker).integers(600, 1_200)) * MILLISECOND_NS
    events: list[MarketEvent] = []
    if is_listed(before):
        events += [
            MarketStatus(open_ns + 2 * MILLISECOND_NS, before.ticker, "closed"),
            settlement(seed, index, quarter - 1),
        ]
    if is_listed(this):
        events += [MarketStatus(open_ns + 4 * MILLISECOND_NS, this.ticker, "open"), MarketListed(strike_ns, this)]
    if is_listed(after):
        events += [MarketListed(close_ns - LISTED_BEFORE_NS, after)]
    return sorted(events, key=received)
