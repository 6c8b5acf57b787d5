"""Try the acceptance list: on a simulated exchange started for it, or on the exchange's own practice site."""

import asyncio
import os
import signal
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from markets.core.units import CONTRACT, DOLLAR, count_from_text, money_from_text
from markets.kalshi.auth import KeyProblem
from markets.kalshi.errors import KalshiError
from markets.kalshi.hosts import HostsError, hosts_named
from trading.acceptance import demo, sim, table
from trading.acceptance.case import Case
from trading.acceptance.environment import Environment
from trading.acceptance.member import PREFIX
from trading.acceptance.register import NoSuchCase, chosen
from trading.acceptance.runner import Report, Result, Unswept, run

SIMULATED = "sim"


class Command(BaseCommand):
    """Exit code 1 when a case failed."""

    help = "Try the acceptance list on the simulated exchange or on the exchange's practice site."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where, what, and how much of it may cost money."""
        parser.add_argument(
            "--env", default=SIMULATED, metavar="sim|demo", help="sim: started here (default); demo: demo.kalshi.co"
        )
        parser.add_argument(
            "--only", action="append", default=[], metavar="NAME", help="a case (A54) or a theme; may be repeated"
        )
        parser.add_argument("--list", action="store_true", help="say what there is, try nothing")
        parser.add_argument("--markdown", action="store_true", help="with --list: as the page of documentation")
        parser.add_argument("--json", action="store_true", help="print as JSON, the list too")
        parser.add_argument("--size", metavar="CONTRACTS", help="that an order may hold (2)")
        parser.add_argument("--max-dollars", metavar="DOLLARS", help="at risk and lost in all (demo 20, sim 5000)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Try the cases, then say what became of them."""
        try:
            cases = chosen(options["only"])
        except NoSuchCase as error:
            raise CommandError(str(error), returncode=2) from error
        if options["markdown"] and (options["json"] or not options["list"]):
            raise CommandError("--markdown goes with --list, and not with --json", returncode=2)
        if options["list"]:
            self.stdout.write(_listed(cases, options), ending="")
            return
        where = self._environment(options)
        try:
            report = asyncio.run(self._tried(where, cases, is_quiet=options["json"]))
        except (demo.NoEnvironment, KeyProblem, KalshiError, Unswept) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(table.as_json(report) if options["json"] else table.summary(report))
        if not report.is_good:
            raise CommandError(f"{report.count('fail')} of {len(report.results)} cases failed", returncode=1)

    def _environment(self, options: dict[str, Any]) -> AbstractAsyncContextManager[Environment]:
        size = _counted(options["size"], sim.SIZE)
        if options["env"] == SIMULATED:
            return sim.simulated(size=size, most=_money(options["max_dollars"], sim.MOST))
        try:
            hosts = hosts_named(options["env"])
        except HostsError as error:
            raise CommandError(f"--env {options['env']}: it is sim or demo", returncode=2) from error
        if hosts.is_production:
            raise CommandError(demo.REAL, returncode=2)
        return demo.practice(os.environ, hosts, size=size, most=_money(options["max_dollars"], demo.MOST))

    async def _tried(
        self, where: AbstractAsyncContextManager[Environment], cases: Sequence[Case], *, is_quiet: bool
    ) -> Report:
        tried = 0
        signals: list[signal.Signals] = []
        task = asyncio.current_task()

        def tell(result: Result) -> None:
            nonlocal tried
            tried += 1
            if not is_quiet:
                self.stdout.write(table.line(result))
                self.stdout.flush()

        def end(number: signal.Signals) -> None:
            signals.append(number)
            if task is not None:
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, end, number)
        try:
            async with where as environment:
                return await run(environment, cases, tell)
        except asyncio.CancelledError:
            if not signals:
                raise
            rest = "what rested was cancelled" if len(signals) == 1 else f"orders named {PREFIX} may still rest"
            raise CommandError(
                f"ended after {tried} of {len(cases)} cases; {rest}", returncode=128 + signals[0]
            ) from None


def _listed(cases: Sequence[Case], options: dict[str, Any]) -> str:
    if options["json"]:
        return table.listed_as_json(cases) + "\n"
    return table.as_markdown(cases) if options["markdown"] else table.listed(cases)


def _counted(text: str | None, usual: int) -> int:
    """Contracts as a Count that can be halved twice."""
    if text is None:
        return usual
    try:
        count = count_from_text(text)
    except ValueError as error:
        raise CommandError(f"--size {text}: {error}", returncode=2) from error
    if count < CONTRACT or count % 4:
        raise CommandError(f"--size {text}: one contract or more, in steps of 0.04", returncode=2)
    return count


def _money(text: str | None, usual: int) -> int:
    """Dollars as Money."""
    if text is None:
        return usual
    try:
        money = money_from_text(text)
    except ValueError as error:
        raise CommandError(f"--max-dollars {text}: {error}", returncode=2) from error
    if money < DOLLAR:
        raise CommandError(f"--max-dollars {text}: a dollar or more", returncode=2)
    return money
