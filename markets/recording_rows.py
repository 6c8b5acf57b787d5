"""An imported run into the catalogue, and its markets with their results into the rows."""

from pathlib import Path

from markets.core.events import MarketEvent, MarketListed, MarketStatus
from markets.models import Tape
from markets.recording.summary import RunSummary
from markets.services import market_settle, market_upsert, tape_register
from markets.tape import read_tape


def take_up(summary: RunSummary) -> None:
    """Register the tape, and its markets with their results; count it into the summary. Raises TapeError."""
    path = Path(summary.path)
    row: Tape = tape_register(path)
    for event in read_tape(path, MarketEvent):
        if type(event) is MarketListed:
            market_upsert(event.contract, is_simulated=False)
        elif type(event) is MarketStatus and event.status == "settled":
            market_settle(event.ticker, result=event.result, settle_value=event.settle_value, yes_pays=event.yes_pays)
    summary.first_ns, summary.last_ns, summary.events = row.first_ns, row.last_ns, row.events
    summary.gaps, summary.size_bytes, summary.sha256 = row.gaps, row.size_bytes, row.sha256
