"""The front door, as a Django app."""

from django.apps import AppConfig


class KalshiSiteConfig(AppConfig):
    name = "kalshi_site"
