"""LiveConsumer: signed-in browsers get each snapshot, at their own pace, latest wins."""

import asyncio
import contextlib
import logging
import time

import msgspec
from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.sessions.backends.db import SessionStore

from dashboard import hub

log = logging.getLogger(__name__)

GAP_S = 0.2
LOOK_S = 1.0
CHECK_USER_S = 30.0
NOT_SIGNED_IN = 4401
NOT_UNDERSTOOD = 4400
OUR_FAULT = 1011


class LiveConsumer(AsyncWebsocketConsumer):
    """Sends `{"kind": "state"|"snapshot"|"pong", …}`; hears only `ping`."""

    pump: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()  # a socket refused before it is accepted cannot tell the browser why
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close(code=NOT_SIGNED_IN)
            return
        self.wake = asyncio.Event()
        self.hub = hub.of_this_loop()
        self.hub.join(self.wake)
        self.pump = asyncio.create_task(self._serve(), name="live pump")

    async def disconnect(self, code: int) -> None:
        if self.pump is None:
            return
        self.pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.pump
        await self.hub.leave(self.wake)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == "ping":
            await self.send(text_data='{"kind":"pong"}')
        else:
            await self.close(code=NOT_UNDERSTOOD)

    async def _serve(self) -> None:
        """Pump; should that ever fail, close, so that the browser takes the other road instead of waiting."""
        try:
            await self._pump()
        except OSError as error:  # the browser went away while we spoke
            log.debug("a live socket ended: %s", type(error).__name__)
        except Exception:
            log.exception("a live socket failed")
            await self.close(code=OUR_FAULT)

    async def _pump(self) -> None:
        told, seen = "", -1
        check_at = time.monotonic() + CHECK_USER_S
        while True:
            self.wake.clear()
            state = self.hub.state(time.time())
            if state != told:
                told = state
                await self._say_state(state)
            if self.hub.count != seen and self.hub.latest is not None:
                seen = self.hub.count
                await self.send(text_data=f'{{"kind":"snapshot","snapshot":{self.hub.latest.decode()}}}')
                await asyncio.sleep(GAP_S)
            if time.monotonic() >= check_at:
                check_at = time.monotonic() + CHECK_USER_S
                if not await self._is_signed_in():
                    await self.close(code=NOT_SIGNED_IN)
                    return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), LOOK_S)

    async def _is_signed_in(self) -> bool:
        # The session of the scope was read when the socket opened: only a fresh one knows of a log-out.
        fresh = SessionStore(session_key=self.scope["session"].session_key)
        user = await get_user({"session": fresh})  # type: ignore[typeddict-item]  # all it reads
        return bool(user.is_authenticated)

    async def _say_state(self, state: str) -> None:
        sent_ms = self.hub.sent_ms or None
        await self.send(text_data=msgspec.json.encode({"kind": "state", "state": state, "sent_ms": sent_ms}).decode())
