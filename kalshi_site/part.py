"""One part of the running system: how it is started, what it said last, how it is stopped."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Say = Callable[[str, str], None]  # (part, line)

PR_SET_PDEATHSIG = 1
LAST_LINES = 15
LONGEST_LINE = 16_384
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, kw_only=True)
class Part:
    """`farewell`: signals in turn, each with the seconds it may take; then SIGKILL. `orphan_signal`: if we are killed.

    `hushed`: a line with one of these texts is not passed on.
    """

    name: str
    command: list[str]
    farewell: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 5.0),)
    orphan_signal: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] = field(default_factory=dict)
    hushed: tuple[str, ...] = ()
    niceness: int = 0  # above 0: gives way to the others
    is_ready: Callable[[], bool] | None = None  # the next part waits for it
    comes_last: bool = False  # only when all is well: a page is there sooner if nothing else wants the processor


class Child:
    """A started part: a process in a session of its own, whose output is passed on line by line."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process, say: Say) -> None:
        self.part = part
        self.process = process
        self.say = say
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self.reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, part: Part, say: Say) -> "Child":
        """Raises OSError when the command cannot be run."""
        parent = os.getpid()
        # Our own pipe: asyncio's would report the end only when the last grandchild has closed it too.
        reading, writing = os.pipe()
        output = await read_stream(reading)
        try:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **part.environment},
                start_new_session=True,
                preexec_fn=lambda: settle(parent, part),
            )
        finally:
            os.close(writing)
        child = cls(part, process, say)
        child.reading = asyncio.create_task(child.read(output))
        return child

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Pass on what the part writes until it closes its output."""
        rest = b""
        while chunk := await stream.read(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.note(line)
            if len(rest) > LONGEST_LINE:
                self.note(rest)
                rest = b""
        if rest:
            self.note(rest)

    def note(self, line: bytes) -> None:
        """One line, unless it is blank or hushed: kept for the case that it was the last, and said."""
        text = line[:LONGEST_LINE].decode(errors="replace").rstrip()
        if text and not any(words in text for words in self.part.hushed):
            self.last.append(text)
            self.say(self.part.name, text)

    async def ended(self) -> int:
        """Wait for the end; the exit code, negative for a signal. Takes away what it leaves behind in its group."""
        code = await self.process.wait()
        self.kill_group()
        if self.reading is not None:
            await asyncio.wait({self.reading}, timeout=1.0)
        return code

    async def stop(self) -> None:
        """Ask as the part wants to be asked, wait, and end it by force when it takes too long."""
        for number, seconds in self.part.farewell:
            self.send(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended(), seconds)
                return
        self.say(self.part.name, "does not stop; killing it")
        self.kill_group()
        await self.ended()

    def send(self, number: signal.Signals) -> None:
        """To the process alone; nothing happens when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def kill_group(self) -> None:
        """SIGKILL to the process and everything it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


async def read_stream(descriptor: int) -> asyncio.StreamReader:
    """The reading end of a pipe; closed when the other end is, or with the loop."""
    stream = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(stream)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    return stream


def settle(parent: int, part: Part) -> None:
    """In the new process, before its program: from now on the kernel tells it when the supervisor is gone."""
    os.nice(part.niceness)
    die_with_parent(part.orphan_signal, parent)


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Ask the kernel for this signal when `parent` ends, and leave if it has ended already. Only Linux can do it."""
    if LIBC is None:
        return
    LIBC.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def how_it_ended(code: int) -> str:
    """exit code 3, or killed by SIGKILL"""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
