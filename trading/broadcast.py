"""Four whole snapshots a second to Redis: one key to read, one channel to hear. Never waited for by the engine."""

import asyncio
import logging
from collections.abc import Callable

import redis.asyncio
from redis.exceptions import RedisError

CHANNEL = "bot:live"
KEY = "bot:snapshot"
KEY_LIVES_S = 60
PERIOD_S = 0.25
NOWHERE = "memory://"  # the REDIS_URL of a trader that runs in a terminal, for itself alone

log = logging.getLogger(__name__)


class Broadcast:
    """Publishes what `snapshot` returns. A Redis that is away costs snapshots, never the trader.
    Where there is none by intention (NOWHERE), nothing is published."""

    def __init__(self, url: str, snapshot: Callable[[], bytes]) -> None:
        self._redis = None
        if url != NOWHERE:
            self._redis = redis.asyncio.Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0)
        self._snapshot = snapshot
        self._is_away = False
        self.failures = 0

    async def run(self) -> None:
        """Publish until cancelled."""
        try:
            while True:
                await self.publish()
                await asyncio.sleep(PERIOD_S)
        finally:
            if self._redis is not None:
                await self._redis.aclose()

    async def publish(self) -> None:
        """Publish once; an unreachable Redis is counted and said once."""
        if self._redis is None:
            return
        body = self._snapshot()
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(KEY, body, ex=KEY_LIVES_S)
            pipe.publish(CHANNEL, body)
            await pipe.execute()
        except (RedisError, OSError) as error:
            self.failures += 1
            if not self._is_away:
                log.warning("pages are not updated: Redis is away (%s)", type(error).__name__)
            self._is_away = True
            return
        if self._is_away:
            log.warning("pages are updated again")
        self._is_away = False
