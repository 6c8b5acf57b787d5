"""What we believe and what we do, as a Django app: registers the checks."""

from django.apps import AppConfig
from django.core.checks import register

from trading import checks


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        """Register the checks, nothing else."""
        register(checks.market, "trading")
        register(checks.tape, "trading")
        register(checks.bot_home, "trading")
