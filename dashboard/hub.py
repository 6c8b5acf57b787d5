"""One Redis subscription for each web process; it keeps the latest snapshot and wakes the browsers' consumers."""

import asyncio
import contextlib
import logging
import weakref

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dashboard import snapshot

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 3.0
LISTEN_S = 1.0


class Hub:
    """The latest snapshot, for everyone who joined. Bounded: one message, however many browsers, however slow."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.latest: bytes | None = None
        self.sent_ms = 0
        self.count = 0
        self.refused = 0
        self.connected: bool | None = None  # None: not tried yet
        self._waiting: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, wake: asyncio.Event) -> None:
        """`wake` is set whenever something changed; the first to join starts the subscription."""
        self._waiting.add(wake)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="hub")

    async def leave(self, wake: asyncio.Event) -> None:
        """The last to leave ends the subscription, and with it what it knew."""
        self._waiting.discard(wake)
        if self._waiting or self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def state(self, now_s: float) -> str:
        """`live`, `silent` (no snapshot for three seconds), `none` (no trader), `stale` (Redis is away), `connecting`."""
        if not self.connected:
            return "connecting" if self.connected is None else "stale"
        if self.latest is None:
            return "none"
        return "live" if now_s - self.sent_ms / 1000 <= snapshot.SILENT_AFTER_S else "silent"

    async def _run(self) -> None:
        pause = FIRST_PAUSE_S
        self.latest, self.connected = None, None
        while True:
            try:
                await self._listen()
            except (redis.RedisError, OSError) as error:
                pause = FIRST_PAUSE_S if self.connected else min(2 * pause, LONGEST_PAUSE_S)
                log.warning("the live channel is away (%s); next try in %.1f s", type(error).__name__, pause)
                self.connected = False
                self._wake_all()
                await asyncio.sleep(pause)

    async def _listen(self) -> None:
        # No retries inside the client: a lost connection has to be seen at once, to be told to the browsers.
        client = redis.asyncio.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=2.0)
        async with client, client.pubsub() as channel:
            await channel.subscribe(snapshot.CHANNEL)
            self._take(await client.get(snapshot.KEY))
            self.connected = True
            self._wake_all()
            while True:
                message = await channel.get_message(ignore_subscribe_messages=True, timeout=LISTEN_S)
                if message is not None:
                    self._take(message["data"])

    def _take(self, raw: object) -> None:
        if not isinstance(raw, bytes):
            return
        stamp = snapshot.read_stamp(raw)
        if stamp is None:
            self.refused += 1
            return
        self.latest, self.sent_ms = raw, stamp.sent_ms
        self.count += 1
        self._wake_all()

    def _wake_all(self) -> None:
        for wake in self._waiting:
            wake.set()


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def of_this_loop() -> Hub:
    """The hub of the running event loop: one in a web process."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None or found.url != settings.REDIS_URL:
        found = _hubs[loop] = Hub(settings.REDIS_URL)
    return found
