"""The venues of the demo market are recorded alone, through the clients that hear real ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from markets.core.events import MarketEvent, SpotBook, SpotPrice
from markets.tape import read_header, read_whole
from markets.tapes.parts import wholes_in
from trading.playback import INVENTED

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_demo_s_venues_are_recorded_and_those_it_lacks_are_named(tmp_path: Path) -> None:
    environment = os.environ | {
        "BOT_HOME": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "REDIS_URL": "memory://",
    }
    words = ["--market", "demo", "--venues", "coinbase,kraken,lmax", "--assets", "BTC", "--hours", "0.003"]
    for command in (["migrate", "--verbosity", "0"], ["record", *words]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    [tape] = wholes_in(tmp_path / "tapes")
    events = list(read_whole(tape, MarketEvent))
    assert read_header(tape).grade == INVENTED
    assert {event.venue for event in events if isinstance(event, SpotBook | SpotPrice)} == {"coinbase", "kraken"}
    assert "lmax lost" in done.stdout
    assert f"{len(events):,} events" in done.stdout
