"""Brings the tables up to date and makes the first login: what `up` does before it starts anything."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from kalshi_site import first_login


class Command(BaseCommand):
    help = "Migrate, and make the first login when nobody can sign in yet."

    def handle(self, **options: Any) -> None:
        """The password is shown here, once, and only when BOT_ADMIN_PASSWORD did not set it."""
        call_command("migrate", interactive=False, verbosity=0)
        login = first_login.make()
        if login is not None:
            self.stdout.write(login.sentence)
