"""The front door, as a Django app."""

from django.apps import AppConfig

from kalshi_site.celery import app as celery_app


class KalshiSiteConfig(AppConfig):
    name = "kalshi_site"
    celery = celery_app  # made with the site, so that every process that queues a task knows the broker
