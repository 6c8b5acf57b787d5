"""Measure our engine and our compiled lane side by side with other engines, on the same recorded day. Says where a goal is missed."""

import json
import os
import sys
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.knobs import InputError
from backtests.peers.bench import FULL, PARTS, QUICK, Plan, bench
from backtests.peers.environments import PEERS
from backtests.peers.goals import goals
from backtests.peers.processes import Failed
from backtests.peers.text import text_of, write_into
from kalshi_site.bench_day import bench_day
from kalshi_site.management.commands.bench import machine

LEAST = 1_000


class Command(BaseCommand):
    """Needs neither database nor Redis. The others are installed on demand into environments of their own."""

    help = "Measure engine and compiled lane side by side with hftbacktest, NautilusTrader and vectorbt."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """How much, with whom, and where to."""
        parser.add_argument("--tape", action="append", default=[], dest="tapes", metavar="F",
                            help="a tape to measure on, may be repeated; the busiest day of them (default: the recorded ones)")  # fmt: skip
        parser.add_argument("--events", action="append", type=_count, metavar="N",
                            help="how many events, may be repeated (default: 100000, 1000000, 10000000)")  # fmt: skip
        parser.add_argument("--runs", type=int, default=3, help="fresh processes a measurement, up to a million events (default: %(default)s)")  # fmt: skip
        parser.add_argument("--peer", action="append", choices=[*PEERS, "none"], dest="peers",
                            help="whom to measure beside ours, may be repeated; `none`: ours alone (default: all)")  # fmt: skip
        parser.add_argument("--part", action="append", choices=PARTS, dest="parts", help="what, may be repeated (default: all)")  # fmt: skip
        parser.add_argument(
            "--processes", type=int, default=1, help="of the sweep; each uses every core (default: %(default)s)"
        )
        parser.add_argument(
            "--quick", action="store_true", help="some thousand events once: whether it works, not how fast"
        )
        parser.add_argument("--json", action="store_true", help="print as JSON")
        parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the markers of a document too")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure, then print."""
        if options["runs"] < 1 or options["processes"] < 1:
            raise CommandError("--runs and --processes must be 1 or more.", returncode=2)
        box, began = machine(), datetime.now(tz=UTC)
        try:
            report = bench(self._plan(options))
        except InputError as error:
            raise CommandError(str(error), returncode=2) from None
        except ValueError as error:
            raise CommandError(f"{error}.", returncode=2) from None
        except Failed as error:
            raise CommandError(f"a measurement failed: {error}") from None
        finally:
            self._tell("")
        report |= {
            "machine": box,
            "load_at_end": round(os.getloadavg()[0], 2),
            "measured_at": began.strftime("%d %B %Y, %H:%M UTC"),
            "runs": 1 if options["quick"] else options["runs"],
        }
        report["goals"] = [goal._asdict() | {"verdict": goal.verdict} for goal in goals(report)]
        if options["write"]:
            try:
                write_into(options["write"], report)
            except (OSError, ValueError) as error:
                raise CommandError(str(error), returncode=2) from None
        self.stdout.write(json.dumps(report, indent=1) if options["json"] else text_of(report))

    def _plan(self, options: dict[str, Any]) -> Plan:
        home = Path(settings.BOT_HOME) / "bench"
        self._tell("the tapes")
        peers = [name for name in options["peers"] or PEERS if name != "none"]
        quick = {"runs": 1, "order_block": 2_000, "order_blocks": 3} if options["quick"] else {"runs": options["runs"]}
        return Plan(
            home,
            bench_day(options["tapes"], home),
            sorted(options["events"] or (QUICK if options["quick"] else FULL)),
            peers=peers,
            parts=options["parts"] or PARTS,
            processes=options["processes"],
            tell=self._tell,
            **quick,
        )

    def _tell(self, words: str) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{words[:70]:70}\r", ending="")
            self.stderr.flush()


def _count(text: str) -> int:
    """1000000, or 1e6."""
    try:
        value = int(float(text))
    except (ValueError, OverflowError):
        value = 0
    if value < LEAST:
        raise ArgumentTypeError(f"{text!r} is no number of events: {LEAST} or more")
    return value
