"""Whether a backtest decides what the trader decides: a tape through the trader's own process, and through a backtest."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
from django.conf import settings

from backtests.core.simulate import joined
from backtests.replay import Inputs, Played, Progress, play_all
from backtests.shelf import Reel
from markets.core.units import Money, money_text
from trading.core.events import Opening
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters

TRADER_S = 3_600.0
OWN = ("DATABASE_URL", "TAPE", "SPEED", "SERIES", "VENUES")
DATABASE = "db.sqlite3"


class ProvingError(Exception):
    """The trader did not get to the end of a tape; the text says what it said."""


class Asked(msgspec.Struct):
    """The settings that both play with."""

    limits: RiskLimits
    parameters: Parameters


class Side(msgspec.Struct, frozen=True):
    """What one of both made of a tape."""

    digest: str
    steps: int
    decisions: int


class Proof(msgspec.Struct, frozen=True):
    """Of one tape: the trader's session, the backtest, and how much there was to compare."""

    tape: str
    events: int
    orders: int
    fills: int
    trader: Side
    backtest: Side

    @property
    def holds(self) -> bool:
        """Whether both took the same steps and decided the same, to the byte."""
        return self.trader == self.backtest


def proofs(reels: Sequence[Reel], inputs: Inputs, home: Path) -> Iterator[Proof]:
    """One tape after the other, each by a trader process of its own (`home` is its BOT_HOME; each tape has an account of
    its own) and by a backtest of that tape alone. Raises ProvingError, InputError."""
    prepare(home, Asked(inputs.limits, inputs.parameters))
    for reel in reels:
        trader = traded(reel, inputs.capital, home)
        played = Played(Opening(0, inputs.capital), Progress([reel], None))
        play_all(played, [reel], replace(inputs, tapes=(reel.name,)))
        result = joined([part.result for part in played.parts])
        backtest = Side(result.digest, result.steps, result.decisions)
        yield Proof(reel.name, result.events, len(result.orders), len(result.fills), trader, backtest)


def prepare(home: Path, asked: Asked) -> None:
    """The tables of a trader that was never started, with these settings in force. Raises ProvingError."""
    home.mkdir(parents=True, exist_ok=True)
    told = home / "asked.json"
    told.write_bytes(msgspec.json.encode(asked))
    _run(home, {}, "migrate", "-v", "0")
    _run(home, {}, "prove_runs", "--prepare", str(told))


def traded(reel: Reel, capital: Money, home: Path) -> Side:
    """The trader's own paper run over a tape: its process, with rows, tape and all. Raises ProvingError."""
    account = reel.name[-64:]
    own = {
        "MARKET": "tape",
        "SPEED": "max",
        "TAPE": str(reel.path.resolve()),
        "ACCOUNT": account,
        "PAPER_CAPITAL": money_text(capital),
    }
    _run(home, own, "run_trader", "--until-end")
    with closing(sqlite3.connect(home / DATABASE)) as database:
        row = database.execute(
            "select digest, steps, decisions, is_clean from trading_tradingsession where account = ?", (account,)
        ).fetchone()
    if row is None or not row[3]:
        raise ProvingError(f"The trader did not end its session on {reel.name} in order.")
    return Side(*row[:3])


def _run(home: Path, own: dict[str, str], *words: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if name not in OWN}
    environment = inherited | {
        "BOT_HOME": str(home), "MARKET": "demo", "ORDERS": "paper", "REDIS_URL": "memory://", "LOG_LEVEL": "warning",
    } | own  # fmt: skip
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *words]
    done = subprocess.run(
        command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=TRADER_S, check=False
    )
    if done.returncode:
        raise ProvingError(f"{' '.join(words)} ended with code {done.returncode}: {done.stderr.strip()[-800:]}")
