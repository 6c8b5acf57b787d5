"""The market events of any tape: a recording as it is, a session's own tape without what the session added."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

from markets.core.events import MarketEvent
from markets.tape import read_header, read_tape
from trading.core.decision import Decision
from trading.core.events import Event

SESSION = "session"
INVENTED = "invented"  # the grade of a tape whose market never was: a session on the demo market
MARKET_KINDS = frozenset(get_args(MarketEvent))


def market_events(path: Path) -> Iterator[MarketEvent]:
    """Everything the market said, in order. Raises TapeError on a tape that cannot be read."""
    if read_header(path).source != SESSION:
        return read_tape(path, MarketEvent)
    messages = read_tape(path, Event | Decision)
    return (cast(MarketEvent, message) for message in messages if type(message) in MARKET_KINDS)
