"""Compare a session with a backtest of its own tape, and print where the difference comes from."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.api_divergence import DivergenceDetailSerializer
from backtests.core.attribution import WORDS
from backtests.divergence import NoDivergence, divergence_make
from markets.core.units import money_text
from trading.accounts import UnknownAccount, account_asked
from trading.models import TradingSession


class Command(BaseCommand):
    """Without a number: the newest session that sent an order."""

    help = "Compare a session with a backtest of its own tape, and print where the difference comes from."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Which session."""
        parser.add_argument("--session", type=int, metavar="N", help="its number (the newest that sent an order)")
        parser.add_argument("--account", metavar="NAME", help="of this account (the trader's)")
        parser.add_argument("--json", action="store_true", help="the report with every order as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be compared."""
        try:
            row = divergence_make(self._session(options))
        except (NoDivergence, UnknownAccount) as error:
            raise CommandError(str(error), returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(DivergenceDetailSerializer(row).data, indent=1))
            return
        self.stdout.write(f"session {row.session_id} of {row.account}: {len(row.orders)} orders in settled markets")
        self.stdout.write(f"  session made    {money_text(row.made):>16}")
        self.stdout.write(f"  backtest makes  {money_text(row.expected):>16}")
        self.stdout.write(f"  difference      {money_text(row.total):>16}")
        for part, words in WORDS.items():
            self.stdout.write(f"    {part.replace('_', ' '):<12}{money_text(row.parts[part]):>18}  {words}")
        if row.text:
            self.stdout.write(row.text)

    def _session(self, options: dict[str, Any]) -> TradingSession:
        sessions = TradingSession.objects.all()
        if options["session"] is not None:
            found = sessions.filter(pk=options["session"]).first()
            if found is None:
                raise NoDivergence(f"There is no session {options['session']}.")
            return found
        account = account_asked(options["account"])
        newest = sessions.filter(account=account, orders__isnull=False).order_by("-id").first()
        if newest is None:
            raise NoDivergence(f"No session of the account {account!r} has sent an order.")
        return newest
