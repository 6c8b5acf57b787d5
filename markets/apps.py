"""What exists and what is quoted, as a Django app."""

from django.apps import AppConfig


class MarketsConfig(AppConfig):
    name = "markets"
