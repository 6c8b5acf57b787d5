"""Where the exchange answers: its environments, and any other address that speaks like it."""

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

REST_PATH = "/trade-api/v2"
WS_PATH = "/trade-api/ws/v2"
_WS_HOSTS = {  # on these REST and WebSocket have different names
    "external-api.kalshi.com": "external-api-ws.kalshi.com",
    "external-api.demo.kalshi.co": "external-api-ws.demo.kalshi.co",
}
_DEAD = ("trading-api.kalshi.com",)
_SCHEMES = {"http": "ws", "https": "wss"}


class HostsError(ValueError):
    """An address that cannot be the exchange's; the text says why."""


class Hosts(NamedTuple):
    """One environment. `rest` ends with /trade-api/v2, `ws` with /trade-api/ws/v2, both without a trailing slash."""

    name: str
    rest: str
    ws: str

    @property
    def is_production(self) -> bool:
        """Whether orders sent there cost money."""
        return (urlsplit(self.rest).hostname or "").endswith(".kalshi.com")

    @property
    def rest_path(self) -> str:
        """What each signed path begins with."""
        return urlsplit(self.rest).path

    @property
    def ws_path(self) -> str:
        """What is signed for the handshake."""
        return urlsplit(self.ws).path


PRODUCTION = Hosts(
    "production", f"https://external-api.kalshi.com{REST_PATH}", f"wss://external-api-ws.kalshi.com{WS_PATH}"
)
DEMO = Hosts(
    "demo", f"https://external-api.demo.kalshi.co{REST_PATH}", f"wss://external-api-ws.demo.kalshi.co{WS_PATH}"
)
_NAMED = {
    "production": PRODUCTION,
    "demo": DEMO,
    "production-old": Hosts(
        "production-old", f"https://api.elections.kalshi.com{REST_PATH}", f"wss://api.elections.kalshi.com{WS_PATH}"
    ),
    "demo-old": Hosts("demo-old", f"https://demo-api.kalshi.co{REST_PATH}", f"wss://demo-api.kalshi.co{WS_PATH}"),
}


def hosts_named(name: str) -> Hosts:
    """production, demo, or the older names of both: production-old, demo-old. Raises HostsError."""
    hosts = _NAMED.get(name.strip().lower())
    if hosts is None:
        raise HostsError(f"no environment is called {name!r}: there are {', '.join(_NAMED)}")
    return hosts


def hosts_at(rest_url: str, ws_url: str = "") -> Hosts:
    """Of any address, such as that of the simulated exchange or a gateway; paths are added where they are missing.

    Without `ws_url` the WebSocket is taken to be on the same host and port. Raises HostsError, also for an address
    without encryption that is neither this machine nor a private network: signatures can be replayed by who hears them.
    """
    rest = _base(rest_url, ("http", "https"), REST_PATH)
    scheme, _, place = rest.removesuffix(REST_PATH).partition("://")
    host = urlsplit(rest).hostname or ""
    if not ws_url:
        ws_url = f"{_SCHEMES[scheme]}://{_WS_HOSTS.get(host, place)}"
    ws = _base(ws_url, ("ws", "wss"), WS_PATH)
    named = next((hosts.name for hosts in _NAMED.values() if (hosts.rest, hosts.ws) == (rest, ws)), "")
    return Hosts(named or urlsplit(rest).netloc, rest, ws)


def _base(url: str, schemes: tuple[str, str], path: str) -> str:
    """The address with its path, or HostsError. A password in it is not shown."""
    parts = urlsplit(url.strip())
    if parts.username is not None or parts.password is not None:
        raise HostsError("the exchange's address holds a user name or password: requests are signed, take it out")
    if parts.scheme not in schemes or not parts.hostname:
        raise HostsError(f"{url!r} is no address that begins with {schemes[0]}:// or {schemes[1]}://")
    if parts.hostname in _DEAD:
        raise HostsError(f"{parts.hostname} is switched off: use {PRODUCTION.rest}")
    if parts.query or parts.fragment:
        raise HostsError(f"{url!r} has a query: give the address alone")
    try:
        parts.port  # noqa: B018  # raises for a port that is none
    except ValueError as error:
        raise HostsError(f"{url!r}: {error}") from None
    if parts.scheme == schemes[0] and not _is_near(parts.hostname):
        raise HostsError(f"{url!r} is not encrypted: use {schemes[1]}://")
    given = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{given if given.endswith(path) else given + path}"


def _is_near(host: str) -> bool:
    """This machine, a private network, or a name that only means something inside one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".internal", ".local"))
    return address.is_private or address.is_loopback
