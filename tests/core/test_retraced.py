"""A session's tape against its own backtest: on paper nothing differs; at an exchange that does, each cause is named."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest
from msgspec.structs import replace

from backtests.core.retraced import Retraced, retraced
from markets.core.events import MarketEvent
from tests.builders import EAGER, TICKER, at, opening, quarter_hour
from trading.core.decision import Command, Decision
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import (
    CashMoved,
    CheckTold,
    Event,
    Fill,
    HeldOrder,
    Opening,
    OrderCancelled,
    OrderRejected,
    OrderSent,
)
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange

BULLISH = [(second / 2, 85_340.0) for second in range(-4, 1_700)]
Change = Callable[[Event], Iterable[Event]]


class Elsewhere:
    """An exchange that answers like the one on paper, but for what `change` makes of its answers."""

    def __init__(self, paper: PaperExchange, change: Change) -> None:
        self.paper, self.change = paper, change

    def submit(self, commands: Sequence[Command], now_ns: int) -> None:
        self.paper.submit(commands, now_ns)

    def hear(self, event: Event) -> Iterator[Event]:
        for heard in self.paper.hear(event):
            yield from self.change(heard)

    @property
    def owed_ns(self) -> int:
        return self.paper.owed_ns


def tape(change: Change) -> list[Event | Decision]:
    """What a session writes that trades a quarter hour there."""
    market = [event for event in quarter_hour(BULLISH) if isinstance(event, MarketEvent)]
    engine = Engine()
    desk = Desk(engine, Elsewhere(PaperExchange(engine.markets), change))
    written: list[Event | Decision] = []

    def note(steps: Iterator[tuple[Event, Decision]]) -> None:
        for event, decision in steps:
            written.append(event)
            if decision.has_effect:
                written.append(decision)

    note(desk.open(*opening_events(opening(received_ns=market[0].received_ns), RiskLimits(), EAGER)))
    for event in market:
        note(desk.hear(event))
    note(desk.finish())
    return written


def as_it_is(event: Event) -> Iterable[Event]:
    return (event,)


def causes(found: Retraced) -> set[str]:
    told = found.attribution()
    assert sum(told.parts.values()) == told.total
    return {part for part, money in told.parts.items() if money}


def test_on_paper_a_session_makes_what_its_backtest_makes() -> None:
    found = retraced(tape(as_it_is))
    assert len(found.made) == len(found.expected) > 0
    assert [(each.sent_ns, each.filled, each.spent, each.fee) for each in found.made] == [
        (each.sent_ns, each.filled, each.spent, each.fee) for each in found.expected
    ]
    assert causes(found) == set()
    assert found.attribution().made != 0


def dearer(event: Event) -> Iterable[Event]:
    return (replace(event, fee=event.fee + 100),) if isinstance(event, Fill) else (event,)


def worse(event: Event) -> Iterable[Event]:
    return (replace(event, price=event.price - 100),) if isinstance(event, Fill) else (event,)


class Halves:
    """Fills half of everything, and says that the rest was taken by others."""

    def __call__(self, event: Event) -> Iterable[Event]:
        if not isinstance(event, Fill) or event.count < 200:
            return (event,)
        half = event.count // 200 * 100
        left = event.count - half
        taken = OrderCancelled(event.received_ns, event.ticker, event.number, left, "immediate_or_cancel")
        return (replace(event, count=half, fee=event.fee // 2), taken)


def refused(event: Event) -> Iterable[Event]:
    if isinstance(event, Fill):
        return ()
    if isinstance(event, OrderCancelled):
        return (OrderRejected(event.received_ns, event.ticker, event.number, "insufficient_shard_balance"),)
    return (event,)


class Refusals:
    """Refuses every order."""

    def __call__(self, event: Event) -> Iterable[Event]:
        kind = type(event).__name__
        if kind == "OrderAccepted":
            return (OrderRejected(event.received_ns, event.ticker, event.number, "user_not_found"),)  # type: ignore[union-attr]
        return () if isinstance(event, Fill | OrderCancelled) else (event,)


@pytest.mark.parametrize(
    ("change", "cause"),
    [(dearer, "fee"), (worse, "latency"), (Halves(), "partial_fill"), (Refusals(), "rejected")],
    ids=["dearer", "worse", "halves", "refusals"],
)
def test_each_cause_is_named(change: Change, cause: str) -> None:
    found = retraced(tape(change))
    told = found.attribution()
    assert sum(told.parts.values()) == told.total != 0
    assert told.parts[cause] != 0


def test_what_the_session_told_of_itself_is_not_heard_again() -> None:
    written = tape(as_it_is)
    first = written[4]
    noise: list[Event | Decision] = [
        OrderSent(first.received_ns, "T", 1),
        CheckTold(first.received_ns, "CLOCK_SKEW", is_ok=False, text="far off"),
    ]
    assert causes(retraced(written[:4] + noise + written[4:])) == set()


def test_money_that_came_in_after_the_opening_is_there_for_the_backtest_too() -> None:
    written = tape(as_it_is)
    start = next(event for event in written if isinstance(event, Opening))
    moved = CashMoved(start.received_ns, "deposit", start.cash, "what the account began with")
    late = [replace(start, cash=0), *written[1:4], moved, *written[4:]]
    found = retraced(late)
    assert sum(each.filled for each in found.expected) > 0
    assert causes(found) == set()


def test_orders_of_an_earlier_session_do_not_stand_in_the_way() -> None:
    written = tape(as_it_is)
    start = next(event for event in written if isinstance(event, Opening))
    carried = HeldOrder(1, TICKER, is_bid=True, price=5_000, count=100_000, close_ns=at(900))
    assert causes(retraced([replace(start, orders=(carried,)), *written[1:]])) == set()


def test_fills_of_an_earlier_session_are_counted_apart() -> None:
    written = tape(as_it_is)
    fill = next(event for event in written if isinstance(event, Fill))
    stray = replace(fill, number=10_000, trade_id="earlier")
    assert retraced([*written, stray]).strays == 1
