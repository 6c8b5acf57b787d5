"""Outcome of one proof of orders, and many of them summed up."""

from collections import Counter

import msgspec

SUMMED = (
    "orders", "fills", "amends", "cancels", "lives", "requests", "lost_answers", "halts", "seconds",
)  # fmt: skip


class Outcome(msgspec.Struct):
    """What came of one schedule. No problem, no failure. Seconds are the exchange's."""

    seed: int
    seconds: float = 0.0
    took_s: float = 0.0
    orders: int = 0  # at the exchange
    fills: int = 0
    amends: int = 0  # asked for
    cancels: int = 0  # asked for
    lives: int = 0
    requests: int = 0
    lost_answers: int = 0
    halts: int = 0
    ended: str = ""  # ACTIVE, or the code that halted it
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    kills: Counter[str] = msgspec.field(default_factory=Counter)
    endings: Counter[str] = msgspec.field(default_factory=Counter)  # why lives ended that were not killed
    most: dict[str, float] = msgspec.field(default_factory=dict)  # the highest share of each limit that was used
    problems: list[str] = msgspec.field(default_factory=list)


class Report(msgspec.Struct):
    """Several schedules."""

    schedules: int = 0
    failed: list[Outcome] = []
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    kills: Counter[str] = msgspec.field(default_factory=Counter)
    endings: Counter[str] = msgspec.field(default_factory=Counter)
    ended: Counter[str] = msgspec.field(default_factory=Counter)
    most: dict[str, float] = msgspec.field(default_factory=dict)
    orders: int = 0
    fills: int = 0
    amends: int = 0
    cancels: int = 0
    lives: int = 0
    requests: int = 0
    lost_answers: int = 0
    halts: int = 0
    seconds: float = 0.0
    took_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """One more schedule."""
        self.schedules += 1
        self.ended[outcome.ended or "nowhere"] += 1
        if outcome.problems:
            self.failed.append(outcome)
        self._sum(outcome)

    def merge(self, other: "Report") -> None:
        """Those of another process too."""
        self.schedules += other.schedules
        self.ended += other.ended
        self.failed += other.failed
        self._sum(other)

    def _sum(self, other: "Outcome | Report") -> None:
        self.faults += other.faults
        self.kills += other.kills
        self.endings += other.endings
        self.took_s += other.took_s
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, share in other.most.items():
            self.most[name] = max(self.most.get(name, 0.0), share)
