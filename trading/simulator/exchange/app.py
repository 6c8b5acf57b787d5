"""make_app: the REST side of the simulated exchange, below /trade-api/v2, and the control door for faults."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from trading.simulator.exchange.faults import FaultPlan
    from trading.simulator.exchange.house import House

ROOT = "/trade-api/v2"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How the exchange's doors are set. `wall` is the clock that signatures are checked against, ns.

    A stamp may be `behind_ms` older and `ahead_ms` younger than that clock. `public_rate` is how many unsigned reads a
    second are answered. `secret` opens the control door; empty keeps it shut. `tier` is what accounts have.
    """

    wall: Callable[[], int] = time.time_ns
    behind_ms: int = 10_000
    ahead_ms: int = 30_000
    public_rate: int = 5
    tier: str = "basic"
    secret: str = ""
    is_limited: bool = True


def make_app(house: House, faults: FaultPlan | None = None, terms: Terms | None = None) -> web.Application:
    """The application with all REST routes; the WebSocket route is added by who serves it."""
    raise NotImplementedError
