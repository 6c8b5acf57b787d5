"""What an import read, kept and refused, and how well the rebuilt books agree with the exchange's own quotes."""

from collections import Counter

import msgspec


class RunSummary(msgspec.Struct):
    """One recorder run. Every row read is either kept or refused for a reason; times are UTC nanoseconds."""

    run: str
    tape: str = ""
    grade: str = ""
    path: str = ""
    first_ns: int = 0
    last_ns: int = 0
    events: int = 0
    markets: int = 0
    markets_with_book: int = 0
    markets_settled: int = 0
    spot: str = "none"
    gaps: int = 0
    clock_steps: int = 0
    quotes_compared: int = 0
    quotes_agreed: int = 0
    size_bytes: int = 0
    sha256: str = ""
    problem: str = ""
    read: Counter[str] = msgspec.field(default_factory=Counter)
    kept: Counter[str] = msgspec.field(default_factory=Counter)
    refused: Counter[str] = msgspec.field(default_factory=Counter)

    def keep(self, kind: str, count: int = 1) -> None:
        """Rows of a kind went onto the tape."""
        self.kept[kind] += count

    def refuse(self, kind: str, reason: str, count: int = 1) -> None:
        """Rows of a kind stayed off the tape."""
        if count:
            self.refused[f"{kind}: {reason}"] += count

    @property
    def agreement(self) -> float | None:
        """The share of compared quotes that the rebuilt book agreed with; None when none could be compared."""
        return self.quotes_agreed / self.quotes_compared if self.quotes_compared else None


class ImportSummary(msgspec.Struct):
    """All runs of one import. `outside` counts rows of the folder that belong to no imported run."""

    folder: str
    runs: list[RunSummary]
    outside: dict[str, int]

    def total(self) -> RunSummary:
        """All runs added up, from the first event to the last."""
        done = [run for run in self.runs if not run.problem]
        total = RunSummary("total", spot="", problem=f"{len(self.runs) - len(done)} runs without a tape")
        for name in SUMMED:
            setattr(total, name, sum(getattr(run, name) for run in done))
        for run in self.runs:
            total.read += run.read
            total.kept += run.kept
            total.refused += run.refused
        total.first_ns = min((run.first_ns for run in done), default=0)
        total.last_ns = max((run.last_ns for run in done), default=0)
        return total


SUMMED = (
    "events", "markets", "markets_with_book", "markets_settled", "gaps", "clock_steps",
    "quotes_compared", "quotes_agreed", "size_bytes",
)  # fmt: skip
