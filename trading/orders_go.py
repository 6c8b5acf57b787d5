"""Where orders go, by the settings: to paper, to the simulated exchange of a rehearsal, or to the real one."""

from django.conf import settings

from trading import services

SIMULATED = "simulated"


def to_exchange() -> bool:
    """Whether they leave the house at all."""
    return str(settings.ORDERS) == "exchange"


def open_account() -> None:
    """The account that trades. One at an exchange begins with what the exchange says that it has."""
    if not to_exchange():
        services.account_open(settings.ACCOUNT, settings.PAPER_CAPITAL)
        return
    venue = SIMULATED if settings.MARKET == "demo" else str(settings.KALSHI_ENV)
    services.account_open(settings.ACCOUNT, 0, venue=venue)


def label() -> str:
    """What the banner says of the real market: whose money it is."""
    if not to_exchange():
        return "PAPER"
    return "LIVE" if settings.KALSHI_ENV == "production" else "PRACTICE"
