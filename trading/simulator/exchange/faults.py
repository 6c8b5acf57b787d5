"""What may go wrong at the simulated exchange, on demand or by schedule: which request or channel, how often, for how long."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Literal

import msgspec

FaultKind = Literal[
    "answer_lost",  # the request was carried out, the connection is cut without an answer
    "error_before",  # an answer of 5xx, nothing was carried out
    "error_after",  # an answer of 5xx, and it was carried out
    "timeout",  # no answer for `seconds`; carried out
    "rate_limit",  # 429
    "stale_read",  # what is read is `seconds` old
    "clock_skew",  # the exchange's clock is off by `seconds`
    "batch_partial",  # every second item of a batch fails
    "settle_late",  # a market settles `seconds` later
    "wrong_shard",  # markets claim to be on another shard than they are
    "fill_twice",  # a fill is said twice on the socket
    "fill_late",  # a fill is said `seconds` late
    "seq_gap",  # a sequenced frame is left out
    "socket_drop",  # the socket is cut
]
REST_KINDS: frozenset[str] = frozenset({"answer_lost", "error_before", "error_after", "timeout", "rate_limit"})


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong, for what matches.

    `method` and `path` (a beginning of the path below the API's root) pick requests, `channel` a WebSocket channel;
    empty picks all. It happens to matching things number `nth` (from 1; 0: each) with `probability`, at most `times`
    (0: without end), from `at_s` after the plan began (or the fault was added), for `for_s` (0: for ever).
    `seconds` and `status` are what the kind makes of them.
    """

    kind: FaultKind
    method: str = ""
    path: str = ""
    channel: str = ""
    nth: int = 0
    times: int = 1
    probability: float = 1.0
    at_s: float = 0.0
    for_s: float = 0.0
    seconds: float = 0.0
    status: int = 503


class Armed:
    """A fault that waits for its chance, and how often it had it."""

    def __init__(self, number: int, fault: Fault, since_ns: int) -> None:
        self.number, self.fault, self.since_ns = number, fault, since_ns
        self.seen = self.done = 0

    def is_over(self, now_ns: int) -> bool:
        """Whether it can never happen again."""
        raise NotImplementedError


class FaultPlan:
    """All faults of one exchange. `clock` is in ns; the same seed and the same requests give the same faults."""

    def __init__(self, faults: tuple[Fault, ...] = (), *, clock: Callable[[], int], seed: int = 0) -> None:
        self.done: Counter[str] = Counter()
        self.armed: dict[int, Armed] = {}
        self.rng = random.Random(seed)
        self._clock = clock

    def add(self, fault: Fault) -> int:
        """Arm a fault; its number."""
        raise NotImplementedError

    def remove(self, number: int) -> None:
        """Disarm one. Raises KeyError."""

    def clear(self) -> None:
        """Disarm all."""

    def take(self, kind: FaultKind, *, method: str = "", path: str = "", channel: str = "") -> Fault | None:
        """The fault of this kind that happens to this request or frame now, if one does: it is counted as done."""
        raise NotImplementedError

    def standing(self, kind: FaultKind, *, method: str = "", path: str = "", channel: str = "") -> Fault | None:
        """The fault of this kind that is in force now, without using it up (clock_skew, settle_late, wrong_shard)."""
        raise NotImplementedError


def plan_from(document: bytes, *, clock: Callable[[], int]) -> FaultPlan:
    """The plan of a file: {"seed": 1, "faults": [...]}. Raises ValueError that says what is wrong with it."""
    raise NotImplementedError
