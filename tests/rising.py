"""A quarter hour in which YES is cheap and wins, as events and as a tape: what the back-tests are tested on."""

from math import sin
from pathlib import Path

import msgspec

from markets.core.events import MarketEvent, MarketListed
from markets.core.units import SECOND_NS
from markets.tape import VERSION, TapeHeader, TapeWriter
from tests.builders import EAGER, TICKER, quarter_hour

BOLD = msgspec.structs.replace(EAGER, edge_threshold=0.01, probability_margin=0.0)


def rising(result: str = "yes") -> list[MarketEvent]:
    """The spot runs away upwards while the book stands at 49/51."""
    path = ((second / 2, 85_000 + 0.5 * second + 8 * sin(second)) for second in range(-8, 1_700))
    return quarter_hour(path, result=result)  # type: ignore[return-value]


def later(events: list[MarketEvent], seconds: int) -> list[MarketEvent]:
    """The same, so many seconds on, in a market of its own."""
    return [_later(event, seconds * SECOND_NS, f"{TICKER}-{seconds}") for event in events] if seconds else events


def write_tape(path: Path, *, shift_s: int = 0, result: str = "yes", grade: str = "A") -> Path:
    """The sealed tape of it; its name is that of the file."""
    header = TapeHeader(VERSION, path.stem, "test", grade, 1)
    writer = TapeWriter(path, header)
    for event in later(rising(result), shift_s):
        writer.append(event)
    return writer.close()


def _later(event: MarketEvent, shift_ns: int, ticker: str) -> MarketEvent:
    changes: dict[str, object] = {"received_ns": event.received_ns + shift_ns}
    if isinstance(event, MarketListed):
        terms = event.contract
        changes["contract"] = msgspec.structs.replace(
            terms, ticker=ticker, open_ns=terms.open_ns + shift_ns, close_ns=terms.close_ns + shift_ns
        )
    elif hasattr(event, "ticker"):
        changes["ticker"] = ticker
    return msgspec.structs.replace(event, **changes)
