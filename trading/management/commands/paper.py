"""`kalshi-bot paper`: trade a market on paper from the terminal, without the web page."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from trading.broadcast import NOWHERE

CHOICES = (
    ("--market", "MARKET"),
    ("--tape", "TAPE"),
    ("--series", "SERIES"),
    ("--speed", "SPEED"),
    ("--account", "ACCOUNT"),
)


class Command(BaseCommand):
    help = (
        "Trade on paper in this terminal: the demo market, a tape, or the real market. Rows and tape are kept in BOT_HOME, "
        "so that `kalshi-bot up` shows them later. Ctrl-C ends it in order."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", choices=("demo", "tape", "real"), help="where the market comes from")
        parser.add_argument("--tape", help="a tape file, or the name of a tape (implies --market tape)")
        parser.add_argument("--series", help="of the real market, such as KXBTC15M,KXETH15M")
        parser.add_argument("--speed", help="how many times as fast as the clock; max, for tapes, is no pacing")
        parser.add_argument("--account", help="whose money: an account of its own for every name")
        parser.add_argument("--capital", help="dollars a new account begins with (10000)")
        parser.add_argument("--quiet", action="store_true", help="no line every five seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {variable: options[flag.lstrip("-")] for flag, variable in CHOICES}
        wanted |= {"PAPER_CAPITAL": options["capital"]}
        if options["tape"] and not options["market"]:
            wanted["MARKET"] = "tape"
        chosen = {name: value for name, value in wanted.items() if value}
        if not _answers(settings.REDIS_URL):
            chosen["REDIS_URL"] = NOWHERE  # no pages to tell: the terminal is all there is
        call_command("migrate", verbosity=0, interactive=False)
        words = _run_trader(options["quiet"])
        os.execve(sys.executable, words, os.environ | chosen)  # noqa: S606  # the trader itself, with its own signals


def _answers(url: str) -> bool:
    """Whether a Redis is there for pages to hear the trader by."""
    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except (redis.RedisError, ValueError):
        return False


def _run_trader(quiet: bool) -> list[str]:
    """The same trader as under `up`, in this terminal: settings are read anew from what was chosen."""
    words = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_trader", "--until-end"]
    return words if quiet else [*words, "--tell"]
