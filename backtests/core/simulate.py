"""The loop: events, engine, PaperExchange, until the tape ends."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

import msgspec

from backtests.core.gate_costs import Seen
from backtests.core.marked import Marks
from backtests.core.markout import Markouts
from backtests.core.record import EquityPoint, Recorder, Result
from backtests.core.window_paths import joined_paths
from markets.core.events import MarketEvent
from markets.core.units import DAY_NS
from trading.core.decision import Decision
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Event, Fill, Opening, RealismSet
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange
from trading.core.parameters import Parameters
from trading.core.realism import FIXED, Realism

WATCH_EVERY = 2_048
Watch = Callable[[int, int], None]  # (market events heard, time of the last one); may raise to stop the run
Hear = Callable[[Event, Decision], None]  # each event the engine heard and its decision; may raise to stop the run


class EmptyTape(ValueError):
    """A tape without a single event cannot be traded."""


def simulate(
    events: Iterable[MarketEvent],
    opening: Opening,
    limits: RiskLimits,
    parameters: Parameters,
    *,
    realism: Realism = FIXED,
    watch: Watch | None = None,
    hear: Hear | None = None,
) -> Result:
    """Trade one tape with a fresh engine; the account begins as `opening` says, and orders are treated as `realism` says.
    Raises EmptyTape."""
    feed = iter(events)
    first = next(feed, None)
    if first is None:
        raise EmptyTape("the tape holds no events")
    begun = _stamped(opening, first.received_ns)
    engine = Engine()
    desk = Desk(engine, PaperExchange(engine.markets))
    recorder, markouts = Recorder(), Markouts(engine.markets)
    marks = Marks(engine.portfolio, engine.markets)
    result = Result(opening=begun, closing=begun, first_ns=first.received_ns, last_ns=first.received_ns)
    market = _watched(chain((first,), feed), result, watch)
    for heard, decision in chain(
        desk.open(*opening_events(begun, limits, parameters)),
        desk.hear(RealismSet(begun.received_ns, realism)) if realism != FIXED else (),
        (step for event in market for step in desk.hear(event)),
        desk.finish(),
    ):
        recorder.hear(heard, decision)
        if hear is not None:
            hear(heard, decision)
        if heard.received_ns >= markouts.next_ns or type(heard) is Fill:
            markouts.hear(heard)
        if decision.positions:
            result.equity.append(EquityPoint(heard.received_ns, engine.portfolio.equity))
            marks.changed(heard.received_ns)
        elif heard.received_ns >= marks.next_ns:
            marks.look(heard.received_ns)
    result.markouts, result.marked = markouts.found, marks.points
    return _closed(result, recorder, desk)


def joined(results: list[Result]) -> Result:
    """Several tapes, traded one after the other, as one result. The digest of one tape is its own;
    of several it is the sha256 of theirs in order."""
    if len(results) == 1:
        return results[0]
    whole = msgspec.structs.replace(
        results[0],
        closing=results[-1].closing,
        last_ns=results[-1].last_ns,
        events=sum(each.events for each in results),
        steps=sum(each.steps for each in results),
        decisions=sum(each.decisions for each in results),
        digest=hashlib.sha256("".join(each.digest for each in results).encode()).hexdigest(),
        orders=[order for each in results for order in each.orders],
        fills=[fill for each in results for fill in each.fills],
        settlements=[settled for each in results for settled in each.settlements],
        equity=[point for each in results for point in each.equity],
        halts=[halt for each in results for halt in each.halts],
        funnel=_summed(each.funnel for each in results),
        denials=_summed(each.denials for each in results),
        contracts={},
        results={},
        days={},
        markouts={},
        seen={},
        marked=[point for each in results for point in each.marked],
        paths=joined_paths(each.paths for each in results),
        said=[said for each in results for said in each.said],
    )
    for each in results:
        whole.contracts.update(each.contracts)
        whole.results.update(each.results)
        whole.days.update(each.days)
        whole.markouts.update(each.markouts)
        for ticker, seen in each.seen.items():
            whole.seen.setdefault(ticker, Seen({}, {})).add(seen)
    return whole


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total


def _stamped(opening: Opening, first_ns: int) -> Opening:
    """The opening at the time of the first event. What was made or lost on an earlier UTC day is not today's."""
    if opening.received_ns // DAY_NS == first_ns // DAY_NS:
        return msgspec.structs.replace(opening, received_ns=first_ns)
    return msgspec.structs.replace(opening, received_ns=first_ns, realised_today=0, fees_today=0)


def _watched(events: Iterable[MarketEvent], result: Result, watch: Watch | None) -> Iterator[MarketEvent]:
    """Count the events and note their span on the way into the desk."""
    count = at = tomorrow_ns = 0
    for event in events:
        count += 1
        at = event.received_ns
        if not tomorrow_ns - DAY_NS <= at < tomorrow_ns:
            day = at // DAY_NS
            result.days[day], tomorrow_ns = None, (day + 1) * DAY_NS
        if watch is not None and count % WATCH_EVERY == 1:
            watch(count, at)
        yield event
    result.events, result.last_ns = count, at


def _closed(result: Result, recorder: Recorder, desk: Desk) -> Result:
    """Fill in what is known at the end of the tape."""
    engine = desk.engine
    portfolio = engine.portfolio
    result.closing = Opening(
        result.last_ns,
        portfolio.cash,
        tuple(position.held() for position in portfolio.positions.values() if position.count),
        portfolio.realised_today,
        portfolio.fees_today,
        engine.orders.sent,
    )
    result.steps, result.decisions, result.digest = desk.steps, desk.decisions, desk.digest
    result.orders, result.fills, result.settlements = (
        list(recorder.orders.values()),
        recorder.fills,
        recorder.settlements,
    )
    result.funnel, result.denials, result.halts = dict(engine.funnel), recorder.denials, recorder.halts
    result.contracts, result.results = recorder.contracts, recorder.results
    result.seen = recorder.evaluations.windows
    result.paths, result.said = recorder.paths.of(recorder.traded), recorder.said
    return result
