"""The market events of any tape: a recording as it is, a session's own tape without what the session added."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

from markets.core.events import MarketEvent
from markets.tape import files_of, read_header, read_whole
from trading.core.decision import Decision
from trading.core.events import Event

SESSION = "session"
INVENTED = "invented"  # the grade of a tape whose market never was: a session on the demo market
MARKET_KINDS = frozenset(get_args(MarketEvent))


def market_events(path: Path) -> Iterator[MarketEvent]:
    """Everything the market said, in order, each once: of one file, or of all parts of a recording when `path` stands
    for the whole (see markets.tapes.parts). Raises TapeError on a tape that cannot be read."""
    if read_header(files_of(path)[0]).source != SESSION:
        return read_whole(path, MarketEvent)
    messages = read_whole(path, Event | Decision)
    return (cast(MarketEvent, message) for message in messages if type(message) in MARKET_KINDS)
