"""Lane: a few kept connections for orders alone, whose bytes leave within the very call that sends them.

No task, no pool and no queue between an order and the socket: a line is free or it is not, and when none is, whoever asks
goes the ordinary way. One request at a time on a line, so that no answer waits for another. A line that breaks with a
request on it says that the answer is lost, and never sends it again. Answers are parsed by httptools.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import httptools

from markets.kalshi.rest_attempts import Lost, Reply

log = logging.getLogger(__name__)

LINES = 4
IDLE_S = 40.0  # an unused line is made anew before the other side closes it
AGAIN_S = (0.5, 1.0, 2.0, 5.0, 15.0)
LOOK_S = 0.25
LARGEST_BODY = 32 * 1024 * 1024

NoteDate = Callable[[str, int, int], None]  # a Date header, request sent and answer heard at (ns)
Outcome = Reply | Lost


class Line(asyncio.Protocol):
    """One connection. `is_free` when a request may be written now."""

    def __init__(self, clock: Callable[[], int], note_date: NoteDate) -> None:
        self._clock, self._note_date = clock, note_date
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Outcome] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._body = bytearray()
        self._date = ""
        self._sent_ns = 0
        self.used_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the connection stands."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_free(self) -> bool:
        """Whether it stands and nothing is on it."""
        return self._answer is None and self.is_open

    def send(self, request: bytes, timeout_s: float) -> "asyncio.Future[Outcome]":
        """Write a whole request now; the future is its answer. Only on a line that is free."""
        loop = asyncio.get_running_loop()
        transport = self._transport
        assert transport is not None  # noqa: S101 - is_free says so
        self._answer = answer = loop.create_future()
        self._sent_ns, self.used_at = self._clock(), loop.time()
        self._timer = loop.call_later(timeout_s, self._too_late, timeout_s)
        transport.write(request)
        return answer

    def close(self) -> None:
        """Close the connection; a request on it is lost."""
        self._end("the client is closed")

    # Of asyncio -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream it is one for both ways
        self.used_at = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._end(f"not HTTP: {type(error).__name__}")

    def eof_received(self) -> None:
        self._end("the connection was closed before the answer")

    def connection_lost(self, error: Exception | None) -> None:
        self._end(f"the connection broke: {error or 'closed'}")

    # Of httptools ---------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins."""
        self._body.clear()
        self._date = ""
        if self._answer is None:
            self._end("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if name.lower() == b"date":
            self._date = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body += body
        if len(self._body) > LARGEST_BODY:
            self._end(f"the answer is larger than {LARGEST_BODY >> 20} MiB")

    def on_message_complete(self) -> None:
        """The answer is whole. What is no final answer (1xx) is passed over."""
        status = self._parser.get_status_code()
        if status < 200:
            return
        answer, self._answer = self._answer, None
        self._stop_timer()
        keeps = self._parser.should_keep_alive()
        if answer is not None and not answer.done():
            answer.set_result(Reply(status, bytes(self._body)))
        self._note_date(self._date, self._sent_ns, self._clock())
        if not keeps:
            self._end("the exchange closes the connection")

    # Ends -----------------------------------------------------------------------------------------------------

    def _too_late(self, timeout_s: float) -> None:
        self._end(f"no whole answer within {timeout_s:g} s")

    def _end(self, why: str) -> None:
        self._stop_timer()
        answer, self._answer = self._answer, None
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort() if answer is not None else transport.close()
        if answer is not None and not answer.done():
            answer.set_result(Lost(why, was_sent=True, status=self._parser.get_status_code() or 0))

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


class Lane:
    """`lines` connections to the host of `rest_url`, kept up while it is open. `free` is one that can send now."""

    def __init__(self, rest_url: str, clock: Callable[[], int], note_date: NoteDate, lines: int = LINES) -> None:
        parts = urlsplit(rest_url)
        self._host, self._tls = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._clock, self._note_date = clock, note_date
        self._lines: list[Line | None] = [None] * lines
        self._keeper: asyncio.Task[None] | None = None
        self.opened = 0

    async def open(self) -> None:
        """Connect, and keep connected until `close`. A host that is away is tried again; nothing is raised."""
        self._keeper = asyncio.create_task(self._keep(), name="order lane")
        for _ in range(round(1.0 / LOOK_S)):
            if self.free() is not None:
                return
            await asyncio.sleep(LOOK_S)

    def close(self) -> None:
        """Close all lines; what is on them is lost."""
        if self._keeper is not None:
            self._keeper.cancel()
        for line in self._lines:
            if line is not None:
                line.close()

    def free(self) -> Line | None:
        """A line that can send now, None when there is none."""
        for line in self._lines:
            if line is not None and line.is_free:
                return line
        return None

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                await self._mend()
                failures = 0
                await asyncio.sleep(LOOK_S)
            except (OSError, ssl.SSLError, TimeoutError) as error:
                if not failures:
                    log.warning("no order lane to %s: %s", self._host, error)
                await asyncio.sleep(AGAIN_S[min(failures, len(AGAIN_S) - 1)])
                failures += 1

    async def _mend(self) -> None:
        """Make anew what is gone, or was unused for long."""
        now = asyncio.get_running_loop().time()
        for at, line in enumerate(self._lines):
            if line is not None and line.is_free and now - line.used_at > IDLE_S:
                fresh = await self._connect()
                old = line if self._is_unused(line) else fresh  # somebody may have used it meanwhile
                if old is line:
                    self._lines[at] = fresh
                old.close()
            elif line is None or not line.is_open:
                self._lines[at] = await self._connect()

    @staticmethod
    def _is_unused(line: Line) -> bool:
        return line.is_free

    async def _connect(self) -> Line:
        made = lambda: Line(self._clock, self._note_date)  # noqa: E731
        tls = ssl.create_default_context() if self._tls else None
        async with asyncio.timeout(5.0):
            _, line = await asyncio.get_running_loop().create_connection(made, self._host, self._port, ssl=tls)
        self.opened += 1
        return line
