"""Starts everything on this machine and keeps it running: `make run`."""

import asyncio
import functools
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from kalshi_site import first_login, health, preflight, probe
from kalshi_site.parts import brings_redis, parts
from kalshi_site.supervisor import Supervisor
from markets.models import Tape


class Command(BaseCommand):
    help = "Start web, trader, worker, beat and an embedded Redis, and keep them running until Ctrl-C."
    requires_system_checks = ()  # they are run, and told, with everything else that must be true before
    heartbeat = ""  # the trader's last one before we start it

    def handle(self, **options: Any) -> None:
        """Refuses with one sentence, or ends when a signal comes; the exit code is 1 when a part was given up."""
        try:
            preflight.check_settings()
            lock = preflight.claim(settings.BOT_HOME)
            with lock:
                preflight.check_port(settings.PORT)
                if not brings_redis():
                    preflight.check_redis(settings.REDIS_URL)
                sys.exit(self.supervise(self.prepare()))
        except (preflight.NotReady, FileNotFoundError, PermissionError) as error:
            raise CommandError(str(error)) from None

    def prepare(self) -> first_login.Login | None:
        """The tables and the first login. Raises CommandError when the database cannot be used."""
        try:
            call_command("migrate", interactive=False, verbosity=0)
            if settings.MARKET == "demo" and not Tape.objects.exists():
                call_command("demo_tape", stdout=self.stdout)  # so that there is something to back-test on
            self.heartbeat = health.heartbeat()
            return first_login.make()
        except DatabaseError as error:
            reason = " ".join(str(error).split())
            raise CommandError(f"the database cannot be used: {reason.rstrip('?.')}; look at DATABASE_URL.") from None
        finally:
            connections.close_all()

    def supervise(self, login: first_login.Login | None) -> int:
        """Run the parts; the login is told when all is well, and in any case before we end."""
        untold = [login] if login else []
        ask = functools.partial(probe.ask_since, settings.PORT, probe.host_for(settings.ALLOWED_HOSTS), self.heartbeat)
        running = parts(home=settings.BOT_HOME, port=settings.PORT)

        async def run() -> int:
            return await Supervisor(running, ask=ask, welcome=lambda: self.welcome(untold)).run()

        try:
            return asyncio.run(run())
        finally:
            self.tell(untold)

    def welcome(self, untold: list[first_login.Login]) -> None:
        """Where it is, what it trades, how to sign in."""
        label = f"market {settings.MARKET}, account {settings.ACCOUNT}, everything is kept in {settings.BOT_HOME}"
        self.stdout.write(f"\n  Ready: http://127.0.0.1:{settings.PORT}/   ({label})")
        self.tell(untold)
        self.stdout.write("  Ctrl-C stops everything.\n")
        self.stdout.flush()

    def tell(self, untold: list[first_login.Login]) -> None:
        """Once: the password is kept nowhere else."""
        for login in untold:
            self.stdout.write(f"  {login.sentence}")
        untold.clear()
