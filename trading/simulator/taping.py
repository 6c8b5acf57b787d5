"""A stretch of the demo market as a tape."""

from itertools import takewhile
from pathlib import Path

from markets.core.units import DAY_NS, SECOND_NS
from markets.tape import VERSION, TapeHeader, TapeWriter
from trading.playback import INVENTED
from trading.simulator.world import EPOCH_NS, DemoWorld

BEGINS_NS = EPOCH_NS + DAY_NS
TAIL_NS = 60 * SECOND_NS  # after the last window, in which it settles


def tape_demo(folder: Path, *, seed: int, hours: int) -> Path:
    """Write whole windows, from open to settlement; returns the sealed tape. Raises TapeError."""
    name = f"demo-seed{seed}-{hours}h"
    note = f"the demo market of seed {seed}: every price and result is invented"
    writer = TapeWriter(folder / f"{name}.tape", TapeHeader(VERSION, name, "demo", INVENTED, 0, note), replace=True)
    ends_ns = BEGINS_NS + hours * 3_600 * SECOND_NS + TAIL_NS
    for event in takewhile(lambda event: event.received_ns < ends_ns, DemoWorld(seed).events(BEGINS_NS)):
        writer.append(event)
    return writer.close()
