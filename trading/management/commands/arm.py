"""`kalshi-bot arm`: let real orders go for some hours, after a typed confirmation; says everything that is missing."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from trading import arming
from trading.services import UnusableError


class Command(BaseCommand):
    help = (
        "Let real orders of the running trader go for some hours. Asks for the confirmation to be typed; whoever is named "
        "needs the right to arm. --show only says how it stands and what is missing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", default="", help="the login of the person who arms; it needs the right to")
        parser.add_argument("--hours", type=float, default=arming.HOURS, help=f"at most {arming.MOST_HOURS:g} (8)")
        parser.add_argument("--reason", default="", help="why; it is kept")
        parser.add_argument("--override", default="", help="why the promotion gate is overruled; it is kept")
        parser.add_argument("--record", default=arming.RECORD, help="the account whose record the gate judges (paper)")
        parser.add_argument("--yes", action="store_true", help="do not ask for the confirmation; never for real money")
        parser.add_argument("--show", action="store_true", help="only say how it stands")

    def handle(self, *args: Any, **options: Any) -> None:
        now = arming.standing(options["record"])
        if options["show"]:
            self._show(now)
            return
        user = get_user_model().objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"--user {options['user'] or '(nobody)'}: name the login of who arms", returncode=2)
        if options["yes"] and now.kind == arming.PRODUCTION:
            raise CommandError("--yes is not accepted for real money: the confirmation is typed", returncode=2)
        typed = now.confirmation if options["yes"] else self._typed(now.confirmation)
        asked = arming.Asked(typed, options["reason"], options["hours"], options["override"], options["record"])
        try:
            row = arming.arm(user, asked)
        except UnusableError as error:
            text = "\n".join(f"  - {each}" for each in error.problems)
            raise CommandError(f"not armed. What is missing:\n{text}") from None
        self.stdout.write(f"Armed: real orders of {row.account} may go until {row.until_at:%Y-%m-%d %H:%M} UTC.")

    def _typed(self, words: str) -> str:
        try:
            return input(f"Type exactly, to confirm: {words}\n> ")
        except EOFError:
            return ""

    def _show(self, now: arming.Standing) -> None:
        state = f"armed until {now.arming.until_at:%H:%M} UTC by {now.arming.armed_by}" if now.arming else "not armed"
        self.stdout.write(f"Account {now.account} ({now.kind}), orders go to {now.orders_go}: {state}.")
        gate = [f"the promotion gate: {each}" for each in arming.gate_lacks(now.gate, now.record, now.kind)]
        for each in [*(lack.text for lack in now.missing), *gate]:
            self.stdout.write(f"  - {each}")
