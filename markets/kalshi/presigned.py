"""Presigned: the signature of the next request, made before it is wanted.

What is signed is the time, the method and the path, not the body: so a signature can lie ready. Each is used once, and none
that is older than a second; who finds none signs on the spot.
"""

import asyncio
from collections.abc import Callable

from markets.kalshi.auth import Signer, headers

FRESH_MS = 1_000
AGAIN_S = 0.4


class Presigned:
    """For one method and path. `now_ms` is the time to sign with; signing is done in a thread: an RSA key takes as long
    as several orders."""

    def __init__(self, signer: Signer, method: str, path: str, now_ms: Callable[[], int]) -> None:
        self._signer, self._method, self._path, self._now_ms = signer, method, path, now_ms
        self._ready: tuple[int, dict[str, str]] | None = None
        self._used = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.taken = self.missed = 0

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._task = asyncio.create_task(self._run(), name="presigned")

    def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    @property
    def is_ready(self) -> bool:
        """Whether a signature lies ready."""
        return self._ready is not None

    def take(self) -> dict[str, str]:
        """Headers for one request, now."""
        ready, self._ready = self._ready, None
        self._used.set()
        now_ms = self._now_ms()
        if ready is not None and 0 <= now_ms - ready[0] <= FRESH_MS:
            self.taken += 1
            return ready[1]
        self.missed += 1
        return headers(self._signer, self._method, self._path, now_ms)

    async def _run(self) -> None:
        while True:
            now_ms = self._now_ms()
            self._ready = now_ms, await asyncio.to_thread(headers, self._signer, self._method, self._path, now_ms)
            self._used.clear()
            try:
                async with asyncio.timeout(AGAIN_S):
                    await self._used.wait()
            except TimeoutError:
                pass
