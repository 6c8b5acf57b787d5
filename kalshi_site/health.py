"""/healthz: whether database, Redis and trader are alive, for a supervisor or a load balancer."""

import logging
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from trading.models import TraderStatus

log = logging.getLogger(__name__)
STALE_SECONDS = 15.0


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when all parts are well, else 503; one word a part, and nothing else that a stranger could use."""
    parts = {name: check() for name, check in CHECKS.items()}
    is_well = all(word == "ok" for word in parts.values())
    return JsonResponse({"status": "ok" if is_well else "degraded", **parts}, status=200 if is_well else 503)


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
    try:
        beat = TraderStatus.objects.values_list("heartbeat_at", flat=True).first()
    except DatabaseError:
        return "unknown"
    if beat is None:
        return "absent"
    return "ok" if (timezone.now() - beat).total_seconds() < STALE_SECONDS else "stale"


CHECKS: dict[str, Callable[[], str]] = {"database": database, "redis": broker, "trader": trader}
