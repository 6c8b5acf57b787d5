"""Hold every settlement against the index as it was heard, and print which reading of the minute it is."""

import json
import sys
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.audit_text import text_of, windows_of
from backtests.audits import audits_of_tapes
from backtests.knobs import InputError
from trading.accounts import UnknownAccount, account_asked
from trading.api_index import AssetTruthSerializer
from trading.audits import audits_newest
from trading.core.decision import SettlementAudit
from trading.core.index_truth import truths_of
from trading.core.parameters import Parameters, PriceMethod, SettlementWindow


class Command(BaseCommand):
    """Without a tape: the windows in the rows of an account."""

    help = "Hold every settlement against the index as it was heard, and print which reading of the minute it is."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Which windows, and how much of them."""
        parser.add_argument(
            "--tapes", action="append", metavar="F", help="a tape's file, its name, or `all`; may be repeated"
        )
        parser.add_argument("--account", metavar="NAME", help="the windows in the rows of this account (the trader's)")
        parser.add_argument("--window", choices=get_args(SettlementWindow), help="the reading that is configured")
        parser.add_argument(
            "--price", choices=get_args(PriceMethod), default="fusion", help="of tapes: our own estimate (fusion)"
        )
        parser.add_argument("--windows", action="store_true", help="one line a window, too")
        parser.add_argument("--json", action="store_true", help="the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be read."""
        if options["tapes"] and options["account"]:
            raise CommandError("--tapes or --account: one of them.", returncode=2)
        try:
            audits = self._audits(options)
        except (InputError, UnknownAccount) as error:
            raise CommandError(str(error), returncode=2) from None
        truths = truths_of(audits, options["window"])
        if options["json"]:
            self.stdout.write(json.dumps(AssetTruthSerializer(truths, many=True).data, indent=1))
            return
        if options["windows"]:
            self.stdout.write(windows_of(audits) + "\n")
        self.stdout.write(text_of(truths))

    def _audits(self, options: dict[str, Any]) -> list[SettlementAudit]:
        if not options["tapes"]:
            audits = audits_newest(account_asked(options["account"]))
            return sorted(audits, key=lambda audit: (audit.close_ns, audit.ticker))
        parameters = Parameters(
            settlement_window=options["window"] or Parameters().settlement_window, price_method=options["price"]
        )
        return audits_of_tapes(options["tapes"], parameters, self._tell if sys.stderr.isatty() else None)

    def _tell(self, name: str) -> None:
        self.stderr.write(f"\r{name:<60}", ending="\r")
