"""make_app: the REST side of the simulated exchange, below /trade-api/v2, and the control door for faults."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from email.utils import formatdate

import msgspec
from aiohttp import web

from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.simulator.exchange import (
    routes_account,
    routes_exchange,
    routes_groups,
    routes_history,
    routes_markets,
    routes_money,
    routes_orders,
    routes_portfolio,
    routes_series,
    routes_subaccounts,
)
from trading.simulator.exchange.auth import admit, is_signed, permit
from trading.simulator.exchange.buckets import Buckets
from trading.simulator.exchange.doors import BALANCE, ROOT, Answer, Ask, Door, Terms
from trading.simulator.exchange.doors_query import Query
from trading.simulator.exchange.errors import ApiError, broken, malformed, too_many
from trading.simulator.exchange.faults import REST_AFTER, REST_BEFORE, Fault, FaultPlan
from trading.simulator.exchange.faults_door import FaultDoor, StaleReads
from trading.simulator.exchange.house import House
from trading.simulator.exchange.keys import KeyRow

__all__ = ["DOORS", "ROOT", "Terms", "make_app"]

LARGEST_BODY = 4 * 1024 * 1024
PATIENCE_S = 30.0  # with a body that does not come
DOORS: tuple[Door, ...] = (
    *routes_exchange.DOORS,
    *routes_series.DOORS,
    *routes_markets.DOORS,
    *routes_history.DOORS,
    *routes_portfolio.DOORS,
    *routes_orders.DOORS,
    *routes_groups.DOORS,
    *routes_money.DOORS,
    *routes_subaccounts.DOORS,
    *routes_account.DOORS,
)
log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(house: House, faults: FaultPlan | None = None, terms: Terms | None = None) -> web.Application:
    """The application with all REST routes; the WebSocket route is added by who serves it."""
    desk = Desk(house, faults or FaultPlan(), terms or Terms())
    app = web.Application(middlewares=[desk.around], client_max_size=LARGEST_BODY)
    for door in DOORS:
        app.router.add_route(door.method, ROOT + door.path, desk.handler(door))
    FaultDoor(desk.faults, desk.terms.secret).add_routes(app)
    return app


class Desk:
    """Takes requests in: who asks, may they, can they pay for it; and lets happen to their answers what the faults say."""

    def __init__(self, house: House, faults: FaultPlan, terms: Terms) -> None:
        self.house, self.faults, self.terms = house, faults, terms
        self._buckets = Buckets(terms.public_rate)
        self._stale = StaleReads(house, faults)

    def wall_ns(self) -> int:
        """The clock that the exchange shows, with its fault."""
        skew = self.faults.standing("clock_skew") if self.faults.armed else None
        return self.terms.wall() + (round(skew.seconds * SECOND_NS) if skew else 0)

    def handler(self, door: Door) -> Handler:
        """What aiohttp calls for a door."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._serve(door, request)

        return handle

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every answer is JSON and says what time it is here."""
        try:
            response = await handler(request)
        except ApiError as error:
            response = error.answer()
        except ConnectionResetError:
            response = malformed("").answer()  # who asked has gone: nobody reads this
        except web.HTTPException as error:
            response = _plainly(error)
        except Exception:
            log.exception("%s %s", request.method, request.path)
            response = broken(500).answer()
        if not response.prepared:
            response.headers["Date"] = formatdate(self.wall_ns() / SECOND_NS, usegmt=True)
        return response

    async def _serve(self, door: Door, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(ROOT)
        fault = self.faults.take(*REST_BEFORE, method=door.method, path=path)
        if fault is not None:
            raise too_many() if fault.kind == "rate_limit" else broken(fault.status)
        body = await _body(request)
        response = _response(self._answer(door, request, path, body))
        fault = self.faults.take(*REST_AFTER, method=door.method, path=path) if response.status < 400 else None
        return response if fault is None else await _spoilt(request, response, fault)

    def _answer(self, door: Door, request: web.Request, path: str, body: bytes) -> Answer:
        ask = Ask(
            house=self.house,
            terms=self.terms,
            faults=self.faults,
            method=door.method,
            path=path,
            parts=request.match_info,
            query=Query(request.query),
            body=body,
            key=self._key(door, request),
        )
        if self.terms.is_limited:
            self._charge(door, ask, request.remote or "")
        self._stale.enforce()
        self.house.tick(self.house.clock())
        return door.answer(ask)

    def _key(self, door: Door, request: web.Request) -> KeyRow | None:
        if not door.scope and not is_signed(request.headers):
            return None
        terms = self.terms
        row = admit(
            self.house.keys,
            request.headers,
            request.method,
            request.raw_path,
            self.wall_ns() // MILLISECOND_NS,
            behind_ms=terms.behind_ms,
            ahead_ms=terms.ahead_ms,
        )
        permit(row, door.scope)
        return row

    def _charge(self, door: Door, ask: Ask, address: str) -> None:
        now_s, buckets = self.terms.steady(), self._buckets
        if ask.key is None:
            return buckets.take_public(address, now_s)
        account, tier = ask.key.account, ask.account.tier
        if door.scope == BALANCE:
            return buckets.take_balance(account, tier, now_s)
        if not door.is_write:
            return buckets.take_read(account, tier, door.cost, now_s)
        cost, shards = door.billed(ask, door.cost)
        return buckets.take_write(account, tier, cost, shards, now_s)


async def _body(request: web.Request) -> bytes:
    """What was sent. Raises ApiError when it is not what its headers say (400), or does not come (408)."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await request.read()
    except web.RequestPayloadError as error:
        raise malformed("the body is not encoded as its headers say") from error
    except TimeoutError as error:
        raise ApiError(408, "request_timeout", shape="flat") from error


async def _spoilt(request: web.Request, response: web.Response, fault: Fault) -> web.Response:
    """What happens to the answer of a request that was carried out."""
    if fault.kind == "timeout":
        await asyncio.sleep(max(0.0, fault.seconds))
    elif fault.kind == "error_after":
        return broken(fault.status).answer()
    elif request.transport is not None:
        request.transport.abort()
    return response


def _response(answer: Answer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status)
    return web.Response(status=answer.status, body=msgspec.json.encode(answer.body), content_type="application/json")


def _plainly(error: web.HTTPException) -> web.Response:
    """What aiohttp itself refuses, in the exchange's shape: no such path, not this method, too large."""
    code = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}.get(error.status, "bad_request")
    answer = ApiError(error.status, code, shape="flat").answer()
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    return answer
