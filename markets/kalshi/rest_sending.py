"""What both faces send with each attempt: headers signed anew; and the way there."""

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from markets.kalshi.auth import Signer, headers
from markets.kalshi.budgets import Budgets
from markets.kalshi.calls import Ask, Call
from markets.kalshi.errors import KalshiError, NotSent, Unauthorised, Unavailable
from markets.kalshi.hosts import Hosts
from markets.kalshi.messages_account import AccountLimits, EndpointCosts
from markets.kalshi.refusals_401 import explain_401
from markets.kalshi.server_clock import SURELY_NS, ServerClock

USER_AGENT = "kalshi-latency-bot/0.1"
LARGEST_BODY = 32 * 1024 * 1024
HERE = ("127.0.0.1", "localhost", "::1")
JSON = {"Content-Type": "application/json"}


class Sending:
    """Who sends, where to, and by which clock."""

    def __init__(self, hosts: Hosts, signer: Signer | None, server_clock: ServerClock) -> None:
        self._hosts, self._signer, self._clock = hosts, signer, server_clock
        self._root = urlsplit(hosts.rest).path

    def check(self, call: Call) -> None:
        """Raises Unauthorised, before anything is sent, for a call that needs a key when there is none."""
        if call.needs_key and self._signer is None:
            raise Unauthorised(0, "", explain_401("signature_is_missing_from_headers"), call=call.name)

    def headers(self, ask: Ask[Any]) -> dict[str, str]:
        """Of one attempt: signed with the time it is now. What is public is signed too, it has the larger budget then."""
        told = dict(JSON) if ask.body is not None else {}
        if self._signer is not None:
            path = self._root + ask.target
            told.update(headers(self._signer, ask.call.method, path, self._clock.now_ms()))
        return told

    def explain(self, code: str, details: str) -> str:
        """A 401 in plain words."""
        return explain_401(code, details, hosts=self._hosts, signer=self._signer, clock=self._clock)

    def can_stamp(self) -> bool:
        """Whether the exchange's clock, as far as it is known, is so far from ours that it will be used for stamps."""
        offset, uncertainty = self._clock.offset_ns, self._clock.uncertainty_ns
        return offset is not None and uncertainty is not None and abs(offset) - uncertainty > SURELY_NS

    @staticmethod
    def heed_costs(budgets: Budgets, costs: EndpointCosts) -> None:
        """What calls cost, by the exchange's own list."""
        budgets.set_costs({(row.method, row.path): row.cost for row in costs.endpoint_costs or ()}, costs.default_cost)

    @staticmethod
    def heed_limits(budgets: Budgets, limits: AccountLimits) -> None:
        """What the account may spend."""
        read, write = limits.read, limits.write
        budgets.set_limits(
            read.refill_rate, read.bucket_capacity, write.refill_rate, write.bucket_capacity, tier=limits.usage_tier
        )

    @staticmethod
    def unsent(ask: Ask[Any], why: str) -> KalshiError:
        """That it was not even tried, and why."""
        kind = NotSent if ask.call.is_write else Unavailable
        return kind(0, "", why, call=ask.call.name)


def is_here(url: str) -> bool:
    """Whether an address is in this machine, where no proxy is asked."""
    return urlsplit(url).hostname in HERE


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for this address."""
    parts = urlsplit(url)
    if is_here(url) or proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)
