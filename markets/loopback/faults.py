"""What may go wrong at a loopback venue, on demand: with its connections, its frames, its pages, or at its door."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Literal, get_args

import msgspec

from markets.loopback.line import Line, Spoil
from markets.loopback.speaker import Answer

FRAME_FAULTS: tuple[Spoil, ...] = get_args(Spoil)
LINE_FAULTS = ("drop", "close", "stall", "deaf", "slow")
Kind = Literal[
    "duplicate", "reorder", "gap", "checksum", "garbage", "mistyped", "fragments", "cut",
    "drop", "close", "stall", "deaf", "slow", "storm", "refuse", "page",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST_SILENCE_S = 60.0  # a page that does not answer is closed after that
STORM_S = 0.5  # a connection in a storm lives no longer


class Fault(msgspec.Struct, frozen=True):
    """One thing that goes wrong. What the fields mean depends on `kind`; `at_s` is since the start of a schedule.

    `line` picks one of the venue's connections (modulo their number), -1 all of them.
    `seconds` is how long a stall, slowness or refusal lasts; `count` how many frames, drops or pages are spoiled.
    `code` is the close code, or the HTTP status of a refusal or a page (a page with 0 never answers);
    `words` what the venue says with it.
    """

    kind: Kind
    at_s: float
    venue: str
    line: int = -1
    seconds: float = 0.0
    delay_s: float = 0.0
    count: int = 1
    code: int = 0
    words: str = ""
    only_events: bool = True


class Refusal(msgspec.Struct, frozen=True):
    """How the venue refuses to open a connection, until a time of the loop."""

    status: int
    words: str
    until_s: float
    retry_after_s: int = 0


class Faults:
    """The faults of one venue. `lines` are its open connections, oldest first, as the server keeps them."""

    def __init__(self, lines: dict[int, Line], seed: int = 0) -> None:
        self.lines = lines
        self.done: Counter[str] = Counter()
        self.refusal: Refusal | None = None
        self.storm_left = 0
        self.pages: list[Fault] = []  # the next pages, one each
        self.rng = random.Random(seed)

    def apply(self, fault: Fault) -> None:
        """Let it happen now. Without a connection most faults have nothing to spoil."""
        self.done[fault.kind] += 1
        if fault.kind == "refuse":
            self._refuse(fault)
        elif fault.kind == "page":
            self.pages += [fault] * fault.count
        elif fault.kind == "storm":
            self.storm_left += fault.count
            self._each(fault, Line.drop)
        else:
            self._each(fault, lambda line: self._spoil(line, fault))

    def refused(self, now_s: float) -> Refusal | None:
        """The refusal that stands at this time of the loop."""
        refusal = self.refusal
        return refusal if refusal is not None and now_s < refusal.until_s else None

    def connected(self, line: Line) -> None:
        """A connection was opened: in a storm it does not last."""
        if self.storm_left > 0:
            self.storm_left -= 1
            asyncio.get_running_loop().call_later(self.rng.uniform(0.0, STORM_S), line.drop)

    async def page(self, answer: Answer | None) -> Answer | None:
        """The answer to a request for a page, or what the next page fault makes of it."""
        if not self.pages:
            return answer
        fault = self.pages.pop(0)
        if fault.code == 0:
            await asyncio.sleep(LONGEST_SILENCE_S)
            return Answer(504, b"", "text/plain")
        if fault.code == 200:
            return Answer(200, self.rng.randbytes(200) if self.rng.random() < 0.5 else b'{"lastUpdateId":"x"')
        return Answer(fault.code, fault.words.encode(), "text/plain")

    def _refuse(self, fault: Fault) -> None:
        until_s = asyncio.get_running_loop().time() + fault.seconds
        wait_s = max(1, round(fault.seconds)) if fault.code == 429 else 0
        self.refusal = Refusal(fault.code, fault.words, until_s, wait_s)
        self._each(fault, Line.drop)

    def _each(self, fault: Fault, do: Callable[[Line], None]) -> None:
        lines = list(self.lines.values())
        if lines and fault.line >= 0:
            lines = [lines[fault.line % len(lines)]]
        for line in lines:
            do(line)

    def _spoil(self, line: Line, fault: Fault) -> None:
        if fault.kind == "drop":
            line.drop()
        elif fault.kind == "close":
            line.close(fault.code or 1001, fault.words)
        elif fault.kind in {"stall", "deaf"}:
            line.stall(fault.seconds, is_deaf=fault.kind == "deaf")
        elif fault.kind == "slow":
            line.slow(fault.seconds, fault.delay_s)
        elif fault.kind in FRAME_FAULTS:
            line.spoil_next(fault.kind, fault.count, only_events=fault.only_events)
