"""`kalshi-bot live`: trade with real orders; says first exactly what is missing until they may go."""

import os
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from markets.kalshi.auth import KeyProblem
from markets.kalshi.hosts import HostsError, hosts_at, hosts_named
from markets.kalshi.keys import signer_from
from trading import arming
from trading.broadcast import NOWHERE

ACCOUNTS = {"production": "live", "demo": "practice"}
OF_THE_TRADER = {"trader", "orders", "checks", "reconciliation"}  # it says these itself, once it runs


class Command(BaseCommand):
    help = (
        "Trade in this terminal with real orders: the engine, the risk and the books are those of paper trading, the orders go "
        "to the exchange. None goes before a person has armed it (`kalshi-bot arm`, or the page Real orders). "
        "--market demo rehearses all of it against the simulated exchange. Ctrl-C takes back what rests and ends it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", choices=("real", "demo"), default="real", help="demo: a rehearsal, play money")
        parser.add_argument("--env", choices=("production", "demo"), help="which exchange (KALSHI_ENV); demo: practice")
        parser.add_argument("--series", help="of the real market, such as KXBTC15M,KXETH15M")
        parser.add_argument("--speed", help="of the rehearsal: how many times as fast as the clock")
        parser.add_argument("--account", help="whose money: live, practice or rehearsal unless named")
        parser.add_argument("--quiet", action="store_true", help="no line every five seconds")
        parser.add_argument("--check", action="store_true", help="only say what is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        is_real = options["market"] == "real"
        environment = options["env"] or settings.KALSHI_ENV
        if is_real:
            _refuse_without_key(environment)
        call_command("migrate", verbosity=0, interactive=False)
        if is_real:
            self._tell(options["account"] or os.environ.get("ACCOUNT", "") or ACCOUNTS[environment], environment)
        if options["check"]:
            return
        chosen = _chosen(options, environment)
        variables = os.environ | chosen
        words = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        # In a session of its own, and not ended with us: it is there for when we are gone. It leaves once nothing rests.
        subprocess.Popen([*words, "watchdog", "--until-left"], env=variables, start_new_session=True)
        trader = [*words, "run_trader", *([] if options["quiet"] else ["--tell"])]
        self.stdout.flush()
        os.execve(sys.executable, trader, variables)  # noqa: S606  # the trader itself, with its own signals

    def _tell(self, account: str, environment: str) -> None:
        """What is missing until orders go; the rest the trader says itself."""
        now = arming.standing(account=account)
        kind = arming.PRACTICE if environment == "demo" else arming.PRODUCTION
        missing = [lack.text for lack in now.missing if lack.code not in OF_THE_TRADER]
        missing += [f"the promotion gate: {each}" for each in arming.gate_lacks(now.gate, now.record, kind)]
        if now.arming is None:
            missing.append("it is not armed: `kalshi-bot arm`, or the page Real orders, once the trader runs")
        self.stdout.write(f"Real orders of the account {account!r} ({kind}). Until they may go, this is missing:")
        for each in missing or ["nothing"]:
            self.stdout.write(f"  - {each}")


def _refuse_without_key(environment: str) -> None:
    """Nothing can be sent without a key. Raises CommandError with what is missing."""
    problems = _key(environment)
    if problems:
        text = "\n".join(f"  - {each}" for each in problems)
        raise CommandError(
            f"live trading is not possible. What is missing:\n{text}\nNothing was sent. Trade the real market on paper "
            "with `kalshi-bot paper --market real`, or rehearse with `kalshi-bot live --market demo`.",
            returncode=2,
        )


def _key(environment: str) -> list[str]:
    """What is wrong with the API key and the address; nothing when they can be used."""
    try:
        signer = signer_from(os.environ)
        if settings.KALSHI_REST_URL:
            hosts_at(settings.KALSHI_REST_URL, settings.KALSHI_WS_URL)
        else:
            hosts_named(environment)
    except (KeyProblem, HostsError) as error:
        return [str(error)]
    return [] if signer else ["an API key: set KALSHI_KEY_ID and KALSHI_PRIVATE_KEY_FILE (docs/kalshi-keys.md)"]


def _chosen(options: dict[str, Any], environment: str) -> dict[str, str]:
    """What the trader is told by its environment."""
    wanted = {
        "MARKET": options["market"],
        "ORDERS": "exchange",
        "SERIES": options["series"],
        "SPEED": options["speed"],
        "ACCOUNT": options["account"],
        "KALSHI_ENV": environment,
    }
    chosen = {name: str(value) for name, value in wanted.items() if value}
    if not _answers(settings.REDIS_URL):
        chosen["REDIS_URL"] = NOWHERE  # no pages to tell: the terminal is all there is
    return chosen


def _answers(url: str) -> bool:
    """Whether a Redis is there for pages to hear the trader by."""
    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except (redis.RedisError, ValueError):
        return False
