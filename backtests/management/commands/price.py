"""`kalshi-bot price`: one contract with its whole derivation, or a table of known prices checked."""

import json
import re
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from backtests.compiled_rows import compiled_prices
from markets.core.contract import Contract
from markets.models import Market
from trading.core.model import PricingError
from trading.derivation import derive, side_by_side
from trading.derivation_steps import steps_of
from trading.price_numbers import OptionProblem
from trading.price_offer import offer_of
from trading.price_options import DECIMALS, asked
from trading.price_text import document_of, text_of
from trading.reference import UnreadableTable, read_table
from trading.reference_check import Verdict, report, verdicts, verdicts_by

ASKED = (
    ("asset", "COIN", f"{', '.join(DECIMALS)}: sets the decimals and the volatility to start from"),
    ("ticker", "T", "a market of the database, like KXBTC15M-26AUG171530-30: it knows strike, close and terms"),
    ("spot", "X", "the index now"),
    ("strike", "X", "what the average must reach"),
    ("volatility", "V", "45%% for a year of 365 days, or 8e-5/s for the root of a second (default: that of the asset)"),
    ("seconds", "S", "to the close, counted from the time of the spot"),
    ("known", "N", "samples already taken; follows from the seconds, and is checked when given"),
    ("known-sum", "X", "what they add up to"),
    ("known-mean", "X", "or their mean"),
    ("decimals", "D", "what the average is rounded to; none for no rounding (default: that of the asset)"),
    ("window", "W", "open_right: samples 60 to 1 s before the close (default); closed_right: 59 to 0"),
    ("model", "M", "gbm_avg (default), abm_avg, digital"),
    ("tails", "T", "student_t (default), normal, mixture"),
    ("freedom", "NU", "degrees of freedom of student_t (default: 4, with less than 30 s 3.5)"),
    ("drift", "R", "100%% a year or 1e-7/s (default: 0)"),
    ("level-noise", "BP", "how far the spot may be off the index, 1 standard deviation in basis points (default: 0)"),
    ("profile", "P", "multipliers of the variance by seconds from now, like 0:300:1;300:900:2.25"),
    ("bid", "$", "what is bid for YES: adds cost, edge, pooling and confidence"),
    ("ask", "$", "what is asked for YES"),
    ("weight", "W", "ours when pooling with the market, 0 to 1 (default: 0.25)"),
    ("count", "N", "contracts to buy (default: 1)"),
)


class Command(BaseCommand):
    """Needs neither Redis nor a network, and a database for --ticker alone."""

    help = (
        "Price one contract and show every step from the strike to the probability; or check a table of known prices. "
        "Exit code 1: a price is off; 2: it cannot be priced or read."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Each is read by us, so that what is wrong is told with what to write instead."""
        parser._negative_number_matcher = re.compile(r"^-\.?\d")  # noqa: SLF001  # -45% is a value
        for name, metavar, words in ASKED:
            parser.add_argument(f"--{name}", metavar=metavar, help=words)
        parser.add_argument("--json", action="store_true", help="the same as JSON")
        parser.add_argument(
            "--check", type=Path, metavar="FILE.csv", help="price every row of a reference table instead"
        )
        parser.add_argument(
            "--compiled", action="store_true", help="with --check: by the compiled functions of back-tests too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Price, or check."""
        if options["check"] is not None:
            self._check(options)
            return
        if options["compiled"]:
            raise CommandError("--compiled goes with --check FILE.csv", returncode=2)
        try:
            question = asked(options, _contract(options), time.time_ns())
            found = derive(question.inputs)
            models = side_by_side(question.inputs, question.shapes)
            offer = offer_of(question, found)
        except (OptionProblem, PricingError) as error:
            raise CommandError(str(error), returncode=2) from None
        steps = steps_of(question.inputs, found)
        if options["json"]:
            document = document_of(question, found, steps, models, offer)
            self.stdout.write(json.dumps(document, indent=1, allow_nan=False))
        else:
            self.stdout.write(text_of(question, found, steps, models, offer))

    def _check(self, options: dict[str, Any]) -> None:
        others = [f"--{name}" for name, _, _ in ASKED if options[name.replace("-", "_")] is not None]
        if others or options["json"]:
            raise CommandError(f"--check goes without {', '.join(others or ['--json'])}", returncode=2)
        try:
            rows = read_table(options["check"])
        except UnreadableTable as error:
            raise CommandError(str(error), returncode=2) from None
        live = verdicts(rows)
        failed = self._report(live, "live")
        if options["compiled"]:  # that refuses all rows when one cannot be priced: such a one is told of by now
            priced = [each.row for each in live if each.own is not None]
            failed += self._report(verdicts_by(priced, compiled_prices), "compiled")
        if failed:
            raise CommandError(f"{failed} prices are off by more than their tolerance", returncode=1)

    def _report(self, found: list[Verdict], name: str) -> int:
        """Print it; how many rows are off."""
        for line in report(found, name):
            self.stdout.write(line)
        return sum(not each.holds for each in found)


def _contract(options: dict[str, Any]) -> Contract | None:
    """The terms of a market of the database."""
    ticker = options["ticker"]
    if ticker is None:
        return None
    if options["asset"] is not None:
        raise OptionProblem("--ticker says which asset it is: leave --asset out")
    try:
        row = Market.objects.filter(ticker=ticker).first()
    except DatabaseError as error:
        first = str(error).splitlines()[0]
        raise OptionProblem(
            f"the database cannot be asked for {ticker} ({first}); say --asset, --strike and --seconds"
        ) from None
    if row is None:
        raise OptionProblem(f"the database has no market {ticker}; say --asset, --strike and --seconds instead")
    return row.contract()
