"""What we believe and what we do, as a Django app."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"
