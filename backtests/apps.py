"""What would have happened, as a Django app."""

from django.apps import AppConfig


class BacktestsConfig(AppConfig):
    name = "backtests"
