"""Where the simulated exchange of a rehearsal answers, in BOT_HOME/exchange.json: for the watchdog, a process of its own
that must reach it with nothing else to go by."""

import os
import time
from pathlib import Path

import msgspec

NAME = "exchange.json"


class ExchangePlace(msgspec.Struct, frozen=True):
    """Its addresses, and the key to sign with (a PEM file that its owner alone may read). `speed`: how many times faster
    than ours its time runs; at `wall_ns` of ours it was `sim_ns` there. 0: it goes by our clock."""

    rest: str
    ws: str
    key_id: str
    key_file: str
    sim_ns: int = 0
    wall_ns: int = 0
    speed: float = 1.0

    def now_ns(self) -> int:
        """What time it is there."""
        wall_ns = time.time_ns()
        return self.sim_ns + round((wall_ns - self.wall_ns) * self.speed) if self.sim_ns else wall_ns


def write_place(home: Path, place: ExchangePlace) -> None:
    """Whole or not at all. Raises OSError."""
    beside = home / f".{NAME}.{os.getpid()}"
    beside.write_bytes(msgspec.json.encode(place))
    beside.replace(home / NAME)


def read_place(home: Path) -> ExchangePlace | None:
    """None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode((home / NAME).read_bytes(), type=ExchangePlace)
    except (OSError, msgspec.MsgspecError):
        return None
