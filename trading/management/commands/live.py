"""`kalshi-bot live`: refuses, and says what is missing."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

MISSING_PARTS = (
    "a Kalshi client: this version has no code that can send an order to the exchange",
    "reconciliation of orders, fills and balance with the exchange at start",
    "the arming of live trading by a person with that right",
)
KEYS = {
    "KALSHI_API_KEY_ID": "the id of a Kalshi API key",
    "KALSHI_PRIVATE_KEY_FILE": "the file of its private key, readable by its owner alone",
}


class Command(BaseCommand):
    help = "Trade real money. Refuses, and says what is missing, until that exists."

    def handle(self, *args: Any, **options: Any) -> None:
        absent = [f"{name}: {what}" for name, what in KEYS.items() if not os.environ.get(name)]
        lines = [f"  - {each}" for each in (*MISSING_PARTS, *absent)]
        text = "live trading is not available. What is missing:\n" + "\n".join(lines)
        raise CommandError(text + "\nNothing was sent. Trade on paper with `kalshi-bot paper`.", returncode=2)
