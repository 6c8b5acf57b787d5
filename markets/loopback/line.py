"""One client's connection as the venue holds it: what the speaker says goes from here to the socket, spoiled on demand."""

import asyncio
import random
from collections import Counter, deque
from typing import Literal, NamedTuple

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from markets.core.events import MarketEvent
from markets.loopback.speaker import Speaker
from markets.loopback.spoiling import garbage, mistyped

LARGEST_BACKLOG = 64 * 1024 * 1024  # bytes a client may leave unread before it is cut off; a first book has 5 MB
LONGEST_HOLD_S = 1.0  # a frame held back to be said after its successor does not wait longer for one
POLICY = 1008  # the close code for who broke a rule
CUT_S = 0.02  # half a frame is on its way before the connection is torn down

Spoil = Literal["duplicate", "reorder", "gap", "checksum", "garbage", "mistyped", "fragments", "cut"]
_LOSES = ("gap", "reorder", "checksum", "mistyped", "cut")  # what is late may be as good as lost


class Saying(NamedTuple):
    """A frame on its way, and the event it tells of, where it tells of one."""

    frame: bytes
    event: MarketEvent | None = None
    is_fragmented: bool = False


class Line:
    """From speaker to socket. Times are those of the running loop, in seconds."""

    def __init__(self, connection: ServerConnection, speaker: Speaker, number: int, seed: int = 0) -> None:
        self.connection = connection
        self.speaker = speaker
        self.number = number
        self.spoils: deque[tuple[Spoil, bool]] = deque()  # what to do to the next frames; True: only to those of events
        self.spoiled: Counter[str] = Counter()
        self.usual_delay_s = self.delay_s = 0.0
        self.frames = self.bytes = 0
        self.heard = 0
        self.ended_s: float | None = None
        self.is_cut_off = False
        self.told: list[tuple[float, MarketEvent]] | None = None  # what went out, where somebody wants to know,
        self.untold: list[MarketEvent] = []  # and what was left out or spoiled
        self._loop = asyncio.get_running_loop()
        self._rng = random.Random(seed)
        self._held: Saying | None = None
        self._waiting: deque[tuple[float, Saying]] = deque()
        self._stalled_until_s = 0.0
        self._deaf_until_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self.opened_s = self.wrote_s = self._loop.time()

    @property
    def is_open(self) -> bool:
        """Whether frames can still be said to this client."""
        return self.ended_s is None and self.connection.protocol.state is State.OPEN

    @property
    def is_stalled(self) -> bool:
        """Whether it is kept silent on purpose."""
        return self._stalled_until_s > self._loop.time()

    @property
    def backlog(self) -> int:
        """Bytes that the client has not read, less what the system keeps for it."""
        return self.connection.transport.get_write_buffer_size()

    def say(self, frame: bytes, event: MarketEvent | None = None) -> None:
        """Say a frame now, or late, or not, or otherwise, as the faults that were asked for will have it."""
        if self.ended_s is not None:
            return
        saying = Saying(frame, event)
        if self.spoils:
            self._spoil(saying)
        elif self._held is not None:
            self._say_behind(saying)
        else:
            self._pass_on(saying)

    # Faults -------------------------------------------------------------------------------------------------

    def spoil_next(self, kind: Spoil, count: int = 1, *, only_events: bool = True) -> None:
        """Do this to the next frames that it can be done to."""
        self.spoils.extend([(kind, only_events)] * count)

    def stall(self, seconds: float, *, is_deaf: bool) -> None:
        """Stay open and say nothing for so long; then what was withheld is said. A deaf one answers no ping either."""
        self._stalled_until_s = max(self._stalled_until_s, self._loop.time() + seconds)
        if is_deaf:
            self._deaf_until_s = self._stalled_until_s
            self.connection.transport.pause_reading()
        self._wake_at(self._stalled_until_s)

    def slow(self, seconds: float, delay_s: float) -> None:
        """Deliver everything so much later, for a while."""
        self.delay_s = max(delay_s, self.usual_delay_s)
        self._loop.call_later(seconds, self._at_full_speed)

    def drop(self) -> None:
        """Tear the connection down without a word."""
        self.connection.transport.abort()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, once."""
        if self._closing is None:
            self._closing = self._loop.create_task(self.connection.close(code, reason))

    def see_out(self) -> None:
        """Say goodbye to a client that broke a rule of the venue's: "1008: the words"."""
        goodbye = self.speaker.goodbye
        if goodbye:
            code, _, words = goodbye.partition(": ")
            self.close(int(code) if code.isdecimal() else POLICY, words or code)

    def end(self) -> None:
        """The connection is gone."""
        self.ended_s = self._loop.time()
        self._waiting.clear()
        self._held = None
        if self._timer is not None:
            self._timer.cancel()

    # From here to the socket --------------------------------------------------------------------------------

    def _spoil(self, saying: Saying) -> None:
        kind, only_events = self.spoils[0]
        spoiled = self.speaker.spoil_checksum(saying.frame) if kind == "checksum" else None
        if (only_events and saying.event is None) or (kind == "checksum" and spoiled is None):
            self._say_behind(saying)
            return
        self.spoils.popleft()
        self.spoiled[kind] += 1
        if self.told is not None and saying.event is not None and kind in _LOSES:
            self.untold.append(saying.event)
        if kind == "reorder":
            self._say_behind(saying) if self._held else self._hold(saying)
        elif kind == "cut":
            self._cut(saying.frame)
        elif kind == "checksum" and spoiled is not None:
            self._say_behind(Saying(spoiled))
        elif kind == "fragments":
            self._say_behind(saying._replace(is_fragmented=True))
        elif kind == "mistyped":
            self._say_behind(Saying(mistyped(saying.frame, self._rng)))
        elif kind != "gap":
            first = Saying(garbage(saying.frame, self._rng)) if kind == "garbage" else saying
            self._say_behind(first)
            self._say_behind(saying)

    def _hold(self, saying: Saying) -> None:
        self._held = saying
        self._loop.call_later(LONGEST_HOLD_S, self._let_go, saying)

    def _let_go(self, saying: Saying) -> None:
        if self._held is saying:
            self._held = None
            self._pass_on(saying)

    def _say_behind(self, saying: Saying) -> None:
        """Say it, and after it what was held back for it."""
        held, self._held = self._held, None
        self._pass_on(saying)
        if held is not None:
            self._pass_on(held)

    def _pass_on(self, saying: Saying) -> None:
        now_s = self._loop.time()
        if not self._waiting and not self.delay_s and now_s >= self._stalled_until_s:
            self._write(saying, now_s)
            return
        due_s = max(now_s + self.delay_s, self._waiting[-1][0] if self._waiting else 0.0)
        self._waiting.append((due_s, saying))
        self._wake_at(due_s)

    def _wake_at(self, at_s: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_at(at_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        if self.ended_s is not None:
            return
        if self._deaf_until_s and now_s >= self._deaf_until_s:
            self._deaf_until_s = 0.0
            self.connection.transport.resume_reading()
        if now_s < self._stalled_until_s:
            self._wake_at(self._stalled_until_s)
            return
        while self._waiting and self._waiting[0][0] <= now_s:
            self._write(self._waiting.popleft()[1], now_s)
        if self._waiting:
            self._wake_at(self._waiting[0][0])

    def _at_full_speed(self) -> None:
        self.delay_s = self.usual_delay_s

    def _write(self, saying: Saying, now_s: float) -> None:
        if not self.is_open:
            return
        self.frames += 1
        self.bytes += len(saying.frame)
        self.wrote_s = now_s
        if self.told is not None and saying.event is not None:
            self.told.append((now_s, saying.event))
        if saying.is_fragmented:
            self._write_fragments(saying.frame)
        else:
            broadcast((self.connection,), saying.frame, text=True)
        if self.backlog > LARGEST_BACKLOG:
            self.is_cut_off = True
            self.drop()

    def _write_fragments(self, frame: bytes) -> None:
        """One message in three pieces, cut without regard for its characters."""
        protocol, third = self.connection.protocol, max(1, len(frame) // 3)
        protocol.send_text(frame[:third], fin=False)
        protocol.send_continuation(frame[third : 2 * third], fin=False)
        protocol.send_continuation(frame[2 * third :], fin=True)
        self.connection.send_data()

    def _cut(self, frame: bytes) -> None:
        """Half of a frame, and no more ever."""
        if self.is_open:
            whole = Frame(Opcode.TEXT, frame).serialize(mask=False)
            self.connection.transport.write(whole[: max(1, len(whole) // 2)])
            self.end()
            self._loop.call_later(CUT_S, self.drop)
