"""Where orders go, by the settings: to paper, to the simulated exchange of a rehearsal, or to the real one."""

from django.conf import settings

from markets.kalshi.hosts import Hosts, hosts_at, hosts_named
from trading import services
from trading.models import Account, TradingSession
from trading.venues import ELSEWHERE, PRACTICE, PRODUCTION, SIMULATED


class WrongVenueError(Exception):
    """The account is of another exchange than where orders go now; the text says what to do."""


def to_exchange() -> bool:
    """Whether they leave the house at all."""
    return str(settings.ORDERS) == "exchange"


def venue_now() -> str:
    """Whose money orders move: "" on paper. It is production where either the name or the address says so."""
    if not to_exchange():
        return ""
    return SIMULATED if settings.MARKET == "demo" else _venue()


def market_venue() -> str:
    """Where the real market is that is traded, on paper or not; "" for an invented or a recorded one. Raises HostsError."""
    if settings.MARKET != "real":
        return ""
    hosts = _hosts()
    if hosts.is_production:
        return PRODUCTION
    return PRACTICE if settings.KALSHI_ENV == "demo" or hosts.name.startswith("demo") else ELSEWHERE


def open_account() -> None:
    """The account that trades. One at an exchange begins with what the exchange says that it has. Raises WrongVenueError,
    HostsError."""
    name, venue = str(settings.ACCOUNT), venue_now()
    row = Account.objects.filter(pk=name).first()
    if row is not None and row.venue != venue and (row.venue or TradingSession.objects.filter(account=name).exists()):
        raise WrongVenueError(
            f"the account {name!r} is of {_words(row.venue)}, and orders go to {_words(venue)} now: their money must not be "
            "mixed. Set ACCOUNT to another name, or ORDERS and KALSHI_ENV to what they were"
        )
    services.account_open(name, 0 if venue else settings.PAPER_CAPITAL, venue=venue)


def label() -> str:
    """What the banner says of the real market: whose money it is."""
    if not to_exchange():
        return "PAPER"
    return "LIVE" if _venue() == PRODUCTION else "PRACTICE"


def _venue() -> str:
    return PRODUCTION if _hosts().is_production else str(settings.KALSHI_ENV)


def _hosts() -> Hosts:
    if settings.KALSHI_REST_URL:
        return hosts_at(settings.KALSHI_REST_URL, settings.KALSHI_WS_URL)
    return hosts_named(settings.KALSHI_ENV)


def _words(venue: str) -> str:
    return {"": "paper", SIMULATED: "the simulated exchange", "demo": "the practice site"}.get(
        venue, f"the exchange ({venue})"
    )
