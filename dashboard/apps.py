"""What a person sees and touches, as a Django app."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
