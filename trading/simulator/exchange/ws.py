"""The WebSocket door: a signed handshake, then one session until the socket ends."""

import asyncio
import struct
from collections.abc import Callable
from contextlib import suppress

from aiohttp import WSMsgType, web

from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.simulator.exchange.app import Terms
from trading.simulator.exchange.auth import admit, permit
from trading.simulator.exchange.errors import ApiError
from trading.simulator.exchange.faults import FaultPlan
from trading.simulator.exchange.house_rows import KeyRow
from trading.simulator.exchange.sessions import Session
from trading.simulator.exchange.ws_board import Switchboard

PATH = "/trade-api/ws/v2"
PING_EVERY_S = 10.0
HEARTBEAT = b"heartbeat"
LARGEST_COMMAND = 16 * 1024 * 1024
CHUNK = 64 * 1024  # bytes written at once
UNREAD = 256 * 1024  # bytes in the socket's buffer: then it has to be read first
PATIENCE_S = 0.005
TEXT_FRAME = 0x81  # final, text; a server does not mask


class SocketDoor:
    """Lets signed clients in and keeps all their sockets. `terms` say which clock signatures are checked against."""

    def __init__(self, board: Switchboard, terms: Terms, faults: FaultPlan | None = None) -> None:
        self._board, self._terms, self._faults = board, terms, faults
        self._sockets: set[web.WebSocketResponse] = set()

    async def close(self) -> None:
        """Say goodbye to everybody."""
        for socket in tuple(self._sockets):
            with suppress(Exception):
                await asyncio.wait_for(socket.close(code=1001, message=b"going away"), 1.0)

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """One client, from handshake to end."""
        try:
            key = self._admit(request)
        except ApiError as error:
            return error.answer()
        socket = web.WebSocketResponse(compress=False, max_msg_size=LARGEST_COMMAND, timeout=1.0)
        if not socket.can_prepare(request).ok:
            return ApiError(400, "bad_request", "this is the address of a WebSocket").answer()
        with suppress(ConnectionError):  # its going is the client's affair
            await socket.prepare(request)
            self._sockets.add(socket)
            try:
                await self._serve(request, socket, key)
            finally:
                self._sockets.discard(socket)
        return socket

    def _admit(self, request: web.Request) -> KeyRow:
        terms = self._terms
        now_ns = terms.wall()
        if self._faults is not None and self._faults.armed:
            skew = self._faults.standing("clock_skew", path=PATH)
            now_ns += int(skew.seconds * SECOND_NS) if skew is not None else 0
        key = admit(
            self._board.house.keys,
            request.headers,
            "GET",
            request.rel_url.raw_path,
            now_ns // MILLISECOND_NS,
            behind_ms=terms.behind_ms,
            ahead_ms=terms.ahead_ms,
        )
        permit(key, "read")
        return key

    async def _serve(self, request: web.Request, socket: web.WebSocketResponse, key: KeyRow) -> None:
        session = self._board.open(key)
        sending = asyncio.create_task(_send(request, session))
        pinging = asyncio.create_task(_ping(socket))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    session.hear(message.data)
        finally:
            self._board.gone(session)
            for task in (sending, pinging):
                task.cancel()
            await asyncio.gather(sending, pinging, return_exceptions=True)


async def _send(request: web.Request, session: Session) -> None:
    """Write what waits, many frames at once, never more than the client has read."""
    transport = request.transport
    if transport is None:
        return
    waiting = asyncio.Event()
    session.drop = transport.abort
    session.wake = _setter(waiting)
    while True:
        await waiting.wait()
        waiting.clear()
        while session.out:
            if transport.is_closing():
                return
            if transport.get_write_buffer_size() > UNREAD:
                await asyncio.sleep(PATIENCE_S)
                continue
            transport.write(framed(session.take(CHUNK)))
            await asyncio.sleep(0)


def framed(texts: list[bytes]) -> bytes:
    """These texts as WebSocket frames, one behind the other."""
    parts: list[bytes] = []
    for text in texts:
        size = len(text)
        if size < 126:
            parts.append(bytes((TEXT_FRAME, size)))
        elif size < 1 << 16:
            parts.append(struct.pack("!BBH", TEXT_FRAME, 126, size))
        else:
            parts.append(struct.pack("!BBQ", TEXT_FRAME, 127, size))
        parts.append(text)
    return b"".join(parts)


def _setter(event: asyncio.Event) -> Callable[[], None]:
    def wake() -> None:
        if not event.is_set():
            event.set()

    return wake


async def _ping(socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        while True:
            await asyncio.sleep(PING_EVERY_S)
            await socket.ping(HEARTBEAT)
