"""Which account pages and API show unless told otherwise: the trader's, else the one set up. Never a mixture."""

from django.conf import settings

from trading.models import Account, TraderStatus


class UnknownAccount(ValueError):
    """Nobody is called so; the sentence says who there is."""


def account_shown() -> str:
    """The name of the account."""
    return TraderStatus.objects.values_list("account", flat=True).first() or str(settings.ACCOUNT)


def account_asked(name: str | None) -> str:
    """The account that was asked for by name, or else the one shown. Raises UnknownAccount."""
    if not name:
        return account_shown()
    known = Account.objects.order_by("name").values_list("name", flat=True)
    if known and name not in known:
        raise UnknownAccount(f"There is no account {name!r}; there is {', '.join(known)}.")
    return name
