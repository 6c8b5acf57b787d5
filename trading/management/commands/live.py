"""`kalshi-bot live`: refuses, and says what is missing."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from markets.kalshi.auth import KeyProblem
from markets.kalshi.keys import signer_from

MISSING_PARTS = (
    "the way of a decision to the exchange: there is a client that could send orders, nothing that lets it",
    "reconciliation of orders, fills and balance with the exchange at start",
    "the arming of live trading by a person with that right",
)


class Command(BaseCommand):
    help = "Trade real money. Refuses, and says what is missing, until that exists."

    def handle(self, *args: Any, **options: Any) -> None:
        lines = [f"  - {each}" for each in (*MISSING_PARTS, *_key())]
        text = "live trading is not available. What is missing:\n" + "\n".join(lines)
        raise CommandError(
            text + "\nNothing was sent. Trade the real market on paper with `kalshi-bot paper --market real`.",
            returncode=2,
        )


def _key() -> list[str]:
    """What is wrong with the API key; nothing when it can be used."""
    try:
        signer = signer_from(os.environ)
    except KeyProblem as error:
        return [str(error)]
    return [] if signer else ["an API key: set KALSHI_KEY_ID and KALSHI_PRIVATE_KEY_FILE (docs/kalshi-keys.md)"]
