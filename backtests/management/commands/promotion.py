"""`kalshi-bot promotion`: whether a record allows trading real money, each condition with its number."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backtests.promotion import Gate, gate_of, promote
from trading.arming import RECORD
from trading.models import Account

NOT_PASSED = 3  # the exit code: for a script that asks


class Command(BaseCommand):
    help = (
        "Judge the record of an account by the promotion gate, print every condition with its number, and keep the result: "
        "arming real orders asks for it. The exit code is 3 where the gate is not passed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", default=RECORD, help=f"whose record: the one traded on paper ({RECORD})")
        parser.add_argument("--json", action="store_true", help="as JSON")
        parser.add_argument("--dry", action="store_true", help="keep nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        account = options["account"]
        known = list(Account.objects.order_by("name").values_list("name", flat=True))
        if account not in known:
            there = f"there is {', '.join(known)}" if known else "there is none yet"
            raise CommandError(f"there is no account {account!r}; {there}", returncode=2)
        gate = gate_of(account)
        if not options["dry"]:
            promote(account)
        for line in [json.dumps(_json(gate), indent=2)] if options["json"] else _lines(gate):
            self.stdout.write(line)
        if gate.missing:
            self.stdout.flush()
            raise SystemExit(NOT_PASSED)


def _lines(gate: Gate) -> list[str]:
    found = gate.evidence
    rows = [
        f"  {'met' if not each.lacks else 'NOT MET':<8} {each.name:<44} {each.value:>10}   {each.threshold}"
        for each in gate.criteria
    ]
    verdict = "passed" if not gate.missing else "not passed:"
    return [
        f"The record of {gate.account!r}: {found.windows:,} settled windows with forecasts, {found.traded:,} of them traded.",
        *rows,
        f"The gate is {verdict}",
        *(f"  - {each}" for each in gate.missing),
    ]


def _json(gate: Gate) -> dict[str, object]:
    return {
        "account": gate.account,
        "is_passed": not gate.missing,
        "missing": gate.missing,
        "criteria": [each._asdict() for each in gate.criteria],
        **gate.evidence._asdict(),
    }
