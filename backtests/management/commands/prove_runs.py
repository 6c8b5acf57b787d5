"""Prove that a backtest is the trader: every tape through the trader's own process and through a backtest, hashes compared."""

import json
import tempfile
from argparse import SUPPRESS
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.knobs import KNOBS, InputError, plain_money
from backtests.proving import Asked, Proof, ProvingError, proofs
from backtests.replay import Inputs
from backtests.services import inputs_from
from backtests.shelf import reels_find
from trading import services
from trading.core.limits import RiskLimits

CAPITAL = "10000"
HEAD = f"{'tape':<28} {'events':>9} {'decisions':>9} {'orders':>6} {'fills':>6}  {'trader':<12} {'backtest':<12}"
WHY = "a proof that a backtest and the trader decide alike"


class Command(BaseCommand):
    """Reads the catalogue; everything else happens in a folder of its own, which goes at the end."""

    help = (
        "Play tapes through the trader's own process on paper, and through a backtest; their SHA-256 over all decisions must "
        "be equal. The exit code is 1 where one is not."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Which tapes, and with which settings."""
        parser.add_argument(
            "tapes", nargs="*", metavar="TAPE", help="names of the catalogue, files, or `all` (default)"
        )
        parser.add_argument(
            "--set", action="append", dest="knobs", metavar="NAME=X", default=[],
            help=f"a setting of the strategy, like edge=1; may be repeated. Of {len(KNOBS)}: `kalshi-bot backtest --help`",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="print as JSON")
        parser.add_argument("--prepare", type=Path, help=SUPPRESS)  # what it says to itself in the folder of the trader

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be played."""
        if options["prepare"] is not None:
            asked = msgspec.json.decode(options["prepare"].read_bytes(), type=Asked)
            services.limits_set(asked.limits, author=None, reason=WHY)
            services.parameters_set(asked.parameters, author=None, reason=WHY)
            return
        found: list[Proof] = []
        try:
            reels = reels_find(options["tapes"] or ["all"], files=True)
            inputs = self._inputs(options["knobs"])
            if not options["json"]:
                self.stdout.write(HEAD)
            with tempfile.TemporaryDirectory(dir=settings.BOT_HOME, prefix="proof-") as folder:
                for proof in proofs(reels, inputs, Path(folder)):
                    found.append(proof)
                    if not options["json"]:
                        self.stdout.write(line_of(proof))
                        self.stdout.flush()
        except InputError as error:
            raise CommandError(str(error), returncode=2) from None
        except ProvingError as error:
            raise CommandError(str(error)) from None
        self._end(found, as_json=options["json"])

    def _inputs(self, words: list[str]) -> Inputs:
        pairs = dict(word.partition("=")[::2] for word in words)
        named = {name.replace("-", "_"): value for name, value in pairs.items()}
        if unknown := [name for name in named if name not in {knob.name for knob in KNOBS}]:
            raise InputError(
                {"set": f"--set {unknown[0]} is no setting of the strategy; `kalshi-bot backtest --help` lists them."}
            )
        usual = {"capital": CAPITAL, "max_daily_loss": plain_money(RiskLimits().max_daily_loss), "files": True}
        return inputs_from(named | usual)

    def _end(self, found: list[Proof], *, as_json: bool) -> None:
        wrong = [proof.tape for proof in found if not proof.holds]
        events, decisions = sum(proof.events for proof in found), sum(proof.backtest.decisions for proof in found)
        orders, fills = sum(proof.orders for proof in found), sum(proof.fills for proof in found)
        if as_json:
            rows = [msgspec.to_builtins(proof) | {"holds": proof.holds} for proof in found]
            self.stdout.write(json.dumps({"holds": not wrong, "tapes": rows}, indent=1))
        else:
            self.stdout.write(
                f"{len(found) - len(wrong)} of {len(found)} tapes equal: {events:,} events, {decisions:,} decisions, "
                f"{orders:,} orders, {fills:,} fills."
            )
        if wrong:
            raise CommandError(f"the backtest decides otherwise than the trader on {', '.join(wrong)}")


def line_of(proof: Proof) -> str:
    """One tape."""
    verdict = "equal" if proof.holds else "DIFFERENT"
    return (
        f"{proof.tape:<28} {proof.events:>9,} {proof.backtest.decisions:>9,} {proof.orders:>6,} {proof.fills:>6,}  "
        f"{proof.trader.digest[:12]:<12} {proof.backtest.digest[:12]:<12} {verdict}"
    )
