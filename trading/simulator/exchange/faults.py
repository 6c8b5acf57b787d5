"""What may go wrong at the simulated exchange, on demand or by schedule: which request or channel, how often, for how long."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from markets.core.units import SECOND_NS

FaultKind = Literal[
    "answer_lost",  # the request was carried out, the connection is cut without an answer
    "error_before",  # an answer of `status`, nothing was carried out
    "error_after",  # an answer of `status`, and it was carried out
    "timeout",  # carried out, and the answer comes `seconds` later
    "rate_limit",  # 429
    "stale_read",  # what is read is `seconds` old
    "clock_skew",  # the exchange's clock is `seconds` ahead
    "batch_partial",  # every second item of a batch fails
    "settle_late",  # markets settle `seconds` later
    "wrong_shard",  # markets claim to be on `shard`
    "fill_twice",  # a fill is said twice on the socket
    "fill_late",  # a fill is said `seconds` late on the socket
    "seq_gap",  # a sequenced frame is left out
    "overflow",  # a subscription is ended, as if it was not read fast enough
    "socket_drop",  # the socket is cut
]
REST_BEFORE: tuple[FaultKind, ...] = ("error_before", "rate_limit")
REST_AFTER: tuple[FaultKind, ...] = ("answer_lost", "error_after", "timeout")
STANDING: tuple[FaultKind, ...] = ("stale_read", "clock_skew", "settle_late", "wrong_shard")
LONGEST_S = 86_400.0


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong, for what matches.

    `method` and `path` (the beginning of the path below the API's root) pick requests, `channel` a WebSocket channel;
    empty picks all. It begins with matching thing number `nth` and happens `times` times (0: without end), each with
    `probability`; only from `at_s` after it was added, for `for_s` (0: for ever). Faults that stand (stale reads, the
    clock, late settlement, the wrong shard) know neither `nth` nor `times`: they last `for_s`, or until removed.
    """

    kind: FaultKind
    method: str = ""
    path: str = ""
    channel: str = ""
    nth: int = 1
    times: int = 1
    probability: float = 1.0
    at_s: float = 0.0
    for_s: float = 0.0
    seconds: float = 0.0
    status: int = 503
    shard: int = 0

    def __post_init__(self) -> None:
        if not 500 <= self.status <= 599:
            raise ValueError("status is one of 500 to 599")
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError("probability is between 0 and 1")
        if min(self.at_s, self.for_s) < 0 or max(self.at_s, self.for_s) > LONGEST_S or abs(self.seconds) > LONGEST_S:
            raise ValueError("times are between 0 and a day")
        if self.nth < 1 or self.times < 0 or self.shard < 0:
            raise ValueError("nth begins with 1, times and shard with 0")


class Armed:
    """A fault that waits for its chance, and how often it had it (`seen`) and took it (`done`)."""

    def __init__(self, number: int, fault: Fault, since_ns: int) -> None:
        self.number, self.fault, self.since_ns = number, fault, since_ns
        self.seen = self.done = 0

    def is_on(self, now_ns: int) -> bool:
        """Whether it may happen now."""
        fault = self.fault
        passed_s = (now_ns - self.since_ns) / SECOND_NS - fault.at_s
        in_time = passed_s >= 0 and (not fault.for_s or passed_s < fault.for_s)
        return in_time and (fault.kind in STANDING or not fault.times or self.done < fault.times)

    def concerns(self, method: str, path: str, channel: str) -> bool:
        """Whether it is about this request or frame."""
        fault = self.fault
        return (
            (not fault.method or fault.method.upper() == method)
            and path.startswith(fault.path)
            and (not fault.channel or fault.channel == channel)
        )


class FaultPlan:
    """All faults of one exchange. `clock` is in ns; the same seed and the same requests give the same faults."""

    def __init__(
        self, faults: Iterable[Fault] = (), *, clock: Callable[[], int] = time.monotonic_ns, seed: int = 0
    ) -> None:
        self.done: Counter[str] = Counter()
        self.armed: dict[int, Armed] = {}
        self._clock = clock
        self._rng = random.Random(seed)
        self._number = 0
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> int:
        """Arm a fault; its number."""
        self._number += 1
        self.armed[self._number] = Armed(self._number, fault, self._clock())
        return self._number

    def remove(self, number: int) -> None:
        """Disarm one. Raises KeyError."""
        del self.armed[number]

    def clear(self) -> None:
        """Disarm all."""
        self.armed.clear()

    def take(self, *kinds: FaultKind, method: str = "", path: str = "", channel: str = "") -> Fault | None:
        """The fault of one of these kinds that happens to this request or frame, if one does: it is counted as done."""
        if not self.armed:
            return None
        now_ns = self._clock()
        for armed in self.armed.values():
            if armed.fault.kind not in kinds or not armed.is_on(now_ns) or not armed.concerns(method, path, channel):
                continue
            armed.seen += 1
            if armed.seen < armed.fault.nth or self._rng.random() >= armed.fault.probability:
                continue
            armed.done += 1
            self.done[armed.fault.kind] += 1
            return armed.fault
        return None

    def standing(self, kind: FaultKind, *, method: str = "", path: str = "", channel: str = "") -> Fault | None:
        """The fault of this kind that is in force now, the last one added; it is not used up."""
        now_ns = self._clock()
        found = [
            armed
            for armed in self.armed.values()
            if armed.fault.kind == kind and armed.is_on(now_ns) and armed.concerns(method, path, channel)
        ]
        return found[-1].fault if found else None


class PlanFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of a plan."""

    faults: tuple[Fault, ...]
    seed: int = 0


def plan_from(document: bytes, *, clock: Callable[[], int] = time.monotonic_ns) -> FaultPlan:
    """The plan of a file: {"seed": 1, "faults": [{"kind": ...}, ...]}. Raises ValueError that says what is wrong."""
    try:
        read = msgspec.json.decode(document, type=PlanFile)
    except msgspec.DecodeError as error:
        raise ValueError(f"this is not a plan of faults: {error}") from error
    return FaultPlan(read.faults, clock=clock, seed=read.seed)
