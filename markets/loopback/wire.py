"""Wire: one end of a connection in memory, as an asyncio transport: order, back-pressure, goodbyes, and faults."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

PIECE = 256 * 1024  # bytes that are handed over at once, as by real sockets
HIGH_WATER = 64 * 1024


class Wire(asyncio.Transport):
    """Two of them, joined, are a connection. `stall` makes it half-open: nothing comes through, and nobody is told."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol, extra: dict[str, Any]) -> None:
        super().__init__(extra)
        self.when_lost: Callable[[Wire], None] | None = None
        self._loop, self.protocol = loop, protocol
        self.other: Wire | None = None
        self._buffer: deque[bytes] = deque()
        self._size = 0
        self._low, self._high = HIGH_WATER // 4, HIGH_WATER
        self._is_closing = self._is_lost = self._ends = self.is_stalled = False
        self.may_read, self._may_write = True, True
        self._is_planned = False

    def join(self, other: "Wire") -> None:
        """Make a connection of two ends."""
        self.other, other.other = other, self

    def stall(self) -> None:
        """From here on nothing comes through, either way, not even that it has ended."""
        for end in (self, self.other):
            if end is not None:
                end.is_stalled = True

    def flow(self) -> None:
        """It was only a stall: everything comes through after all."""
        for end in (self, self.other):
            if end is not None:
                end.is_stalled = False
                end.plan()

    # What protocols call ------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, after what was sent before. The protocol is asked to pause when too much waits."""
        if self._is_closing or self._is_lost or not data:
            return
        self._buffer.append(bytes(data))
        self._size += len(data)
        if self._size > self._high and self._may_write:
            self._may_write = False
            self.protocol.pause_writing()
        self.plan()

    def write_eof(self) -> None:
        """Nothing more will be sent; the other end is told after all that was."""
        self._ends = True
        self.plan()

    def can_write_eof(self) -> bool:
        """Yes: there is no TLS."""
        return True

    def pause_reading(self) -> None:
        """Leave what comes with who sends it."""
        self.may_read = False

    def resume_reading(self) -> None:
        """Let it come."""
        self.may_read = True
        if self.other is not None:
            self.other.plan()

    def is_reading(self) -> bool:
        """Whether it lets come what comes."""
        return self.may_read and not self._is_closing

    def close(self) -> None:
        """Read no more, send what waits, then end."""
        if not self._is_closing:
            self._is_closing = self._ends = True
            self.plan()

    def abort(self) -> None:
        """End now; what waits is lost, and the other end finds itself cut off."""
        if self._is_lost:
            return
        other, is_stalled = self.other, self.is_stalled
        self.lose(None)
        if other is not None and not is_stalled:
            other.lose(ConnectionResetError("cut off by the other end"))

    def is_closing(self) -> bool:
        """Whether it has ended or is about to."""
        return self._is_closing or self._is_lost

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Who hears."""
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who hears."""
        return self.protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When to ask for a pause, and when to let go on."""
        self._high = HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """(low, high)."""
        return self._low, self._high

    def get_write_buffer_size(self) -> int:
        """Bytes that wait."""
        return self._size

    # How bytes move -----------------------------------------------------------------------------------------

    def plan(self) -> None:
        """Move what waits, as soon as it is our turn."""
        if not self._is_planned and not self._is_lost:
            self._is_planned = True
            self._loop.call_soon(self._move)

    def _move(self) -> None:
        """Hand over a piece; what is left has its turn after everybody else."""
        self._is_planned = False
        other = self.other
        if self._is_lost or self.is_stalled or other is None:
            return
        if self._buffer:
            if not other.may_read and not other.is_closing():
                return
            piece = self._taken()
            if not other.is_closing():
                other.protocol.data_received(piece)  # type: ignore[attr-defined]
            self._let_go_on()
            if self._buffer or self._ends:
                self.plan()
        elif self._ends:
            self._ends = False
            self._end(other)

    def _taken(self) -> bytes:
        first = self._buffer.popleft()
        if len(first) > PIECE:
            self._buffer.appendleft(first[PIECE:])
            first = first[:PIECE]
        self._size -= len(first)
        return first

    def _let_go_on(self) -> None:
        if not self._may_write and self._size <= self._low:
            self._may_write = True
            self.protocol.resume_writing()

    def _end(self, other: "Wire") -> None:
        """All is sent: tell the other end, which closes too unless it wants to go on sending."""
        if not other.is_closing() and not other.protocol.eof_received():  # type: ignore[attr-defined]
            other.close()
        if self._is_closing:
            self.lose(None)

    def lose(self, error: Exception | None) -> None:
        """It has ended: with an error, when the other end did it."""
        if self._is_lost:
            return
        self._is_lost = self._is_closing = True
        self._buffer.clear()
        self._size = 0
        self._loop.call_soon(self._lost, error)

    def _lost(self, error: Exception | None) -> None:
        self.protocol.connection_lost(error)
        if self.when_lost is not None:
            self.when_lost(self)
        self.other = self.when_lost = None
