"""`kalshi-bot account`: whether the key of the exchange is good, and what its account holds. Reads only."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.kalshi.auth import KeyProblem
from markets.kalshi.errors import KalshiError
from markets.kalshi.hosts import hosts_at, hosts_named
from markets.kalshi.keys import signer_from
from markets.kalshi.rest_sync import KalshiRestSync
from trading.account_view import lines


class Command(BaseCommand):
    help = (
        "Ask the exchange whether the API key is good, how far its clock is from ours, what the account may ask, and "
        "what it holds: cash by shard, positions, resting orders. Changes nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--env", choices=("production", "demo"), help="which exchange (KALSHI_ENV)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            signer = signer_from(os.environ)
        except KeyProblem as error:
            raise CommandError(str(error)) from None
        if signer is None:
            raise CommandError(
                "there is no API key; set KALSHI_KEY_ID and KALSHI_PRIVATE_KEY_FILE (docs/kalshi-keys.md)", returncode=2
            )
        address = "" if options["env"] else settings.KALSHI_REST_URL
        named = hosts_named(options["env"] or settings.KALSHI_ENV)
        hosts = hosts_at(address, settings.KALSHI_WS_URL) if address else named
        with KalshiRestSync(hosts, signer) as rest:
            try:
                for line in lines(rest):
                    self.stdout.write(line)
            except KalshiError as error:
                raise CommandError(f"{hosts.name}: {error}") from None
