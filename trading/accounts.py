"""Which account pages and API show unless told otherwise: the trader's, else the one set up. Never a mixture."""

from django.conf import settings

from trading.models import TraderStatus


def account_shown() -> str:
    """The name of the account."""
    return TraderStatus.objects.values_list("account", flat=True).first() or str(settings.ACCOUNT)
