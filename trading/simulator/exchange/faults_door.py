"""The control door of faults: they are set, read and taken away while the exchange runs, by who knows the secret."""

import hmac

import msgspec
from aiohttp import web

from markets.core.units import SECOND_NS
from trading.simulator.exchange.errors import ApiError, invalid, malformed, not_found
from trading.simulator.exchange.faults import Armed, Fault, FaultPlan
from trading.simulator.exchange.house import House

PATH = "/sim/faults"
MOST = 1_000


class FaultDoor:
    """GET lists, POST arms one or a list of them, DELETE disarms one or all. `secret` "" keeps the door shut."""

    def __init__(self, plan: FaultPlan, secret: str) -> None:
        self._plan, self._secret = plan, secret

    def add_routes(self, app: web.Application) -> None:
        """Put the door into an application."""
        app.router.add_route("GET", PATH, self.listed)
        app.router.add_route("POST", PATH, self.armed)
        app.router.add_route("DELETE", PATH, self.cleared)
        app.router.add_route("DELETE", PATH + "/{number}", self.removed)

    async def listed(self, request: web.Request) -> web.Response:
        """What is armed, and what has happened so far."""
        self._admit(request)
        return _json({"faults": [_shape(one) for one in self._plan.armed.values()], "done": dict(self._plan.done)})

    async def armed(self, request: web.Request) -> web.Response:
        """Arm; the numbers they are known by."""
        self._admit(request)
        try:
            read = msgspec.json.decode(await request.read(), type=Fault | list[Fault])
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise malformed(str(error)[:300]) from error
        faults = read if isinstance(read, list) else [read]
        if len(faults) + len(self._plan.armed) > MOST:
            raise invalid(f"at most {MOST} faults")
        return _json({"numbers": [self._plan.add(fault) for fault in faults]}, 201)

    async def cleared(self, request: web.Request) -> web.Response:
        """Disarm all."""
        self._admit(request)
        self._plan.clear()
        return web.Response(status=204)

    async def removed(self, request: web.Request) -> web.Response:
        """Disarm one."""
        self._admit(request)
        text = request.match_info["number"]
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
        if number not in self._plan.armed:
            raise not_found("fault")
        self._plan.remove(number)
        return web.Response(status=204)

    def _admit(self, request: web.Request) -> None:
        if not self._secret:
            raise not_found()
        said = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(said, f"Bearer {self._secret}".encode()):
            raise ApiError(401, "authentication_error", "the control door wants its own bearer secret")


class StaleReads:
    """Makes reads as old as the fault that stands says, and as they were when it is over."""

    def __init__(self, house: House, plan: FaultPlan) -> None:
        self._house, self._plan = house, plan
        self._usual_ns: int | None = None  # while a fault stands

    def enforce(self) -> None:
        """Call it with each request."""
        fault, reads = self._plan.standing("stale_read"), self._house.reads
        if fault is not None:
            self._usual_ns = reads.lag_ns if self._usual_ns is None else self._usual_ns
            reads.lag_ns = max(self._usual_ns, round(fault.seconds * SECOND_NS))
        elif self._usual_ns is not None:
            reads.lag_ns, self._usual_ns = self._usual_ns, None


def _shape(armed: Armed) -> dict[str, object]:
    fault: dict[str, object] = msgspec.to_builtins(armed.fault)
    return {"number": armed.number, "seen": armed.seen, "done": armed.done} | fault


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
