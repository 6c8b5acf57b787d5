"""/healthz: whether database, Redis and trader are alive, for a supervisor or a load balancer."""

import logging
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from trading import selectors

log = logging.getLogger(__name__)
TRADER_STALE_S = 10.0
WORKER_STALE_S = 60.0


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when what trading needs is well, else 503; one word a part, and nothing else that a stranger could use."""
    parts = {name: check() for name, check in CHECKS.items()}
    is_well = all(parts[name] == "ok" for name in NEEDED)
    said = {"status": "ok" if is_well else "degraded", **parts, "heartbeat": heartbeat()}
    return JsonResponse(said, status=200 if is_well else 503)


def database() -> str:
    """ok or down"""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("health: the database does not answer")
        return "down"
    return "ok"


def broker() -> str:
    """ok or down"""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        log.warning("health: Redis does not answer: %s", error)
        return "down"
    return "ok"


def trader() -> str:
    """ok, stale, absent (it has never written a heartbeat) or unknown (no database to ask)"""
    return word(lambda: selectors.status().age_s, stale_after=TRADER_STALE_S)


def heartbeat() -> str:
    """When the trader last showed itself; empty when it never did or nobody can say."""
    try:
        beat = selectors.status().row.heartbeat_at
    except DatabaseError:
        return ""
    return beat.isoformat() if beat else ""


def worker() -> str:
    """The same, by a task of the schedule; it may be late while long backtests fill the worker."""
    return word(lambda: selectors.heartbeat_age_s("worker"), stale_after=WORKER_STALE_S)


def word(age_s: Callable[[], float | None], *, stale_after: float) -> str:
    """The age of a heartbeat as a word."""
    try:
        age = age_s()
    except DatabaseError:
        return "unknown"
    if age is None:
        return "absent"
    return "ok" if age < stale_after else "stale"


CHECKS: dict[str, Callable[[], str]] = {"database": database, "redis": broker, "trader": trader, "worker": worker}
NEEDED = ("database", "redis", "trader")
