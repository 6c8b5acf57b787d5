"""What a download brought, in numbers and in sentences."""

from collections import Counter

import msgspec

from markets.core.units import SECOND_NS
from markets.download.times import iso

HOLES_SHOWN = 5


class Report(msgspec.Struct):
    """One download. Every row read is kept, or counted under `left_out` by its reason. A hole is a stretch of trade numbers that the venue did not
    give: (first, last). Times are UTC nanoseconds."""

    name: str
    base: str
    grade: str = ""
    path: str = ""
    pages: int = 0
    resumed_pages: int = 0
    requests: int = 0
    rows: int = 0
    kept: int = 0
    left_out: Counter[str] = msgspec.field(default_factory=Counter)
    first_ns: int = 0
    last_ns: int = 0
    holes: int = 0
    missing: int = 0
    holes_shown: list[tuple[int, int]] = []
    events: int = 0
    size_bytes: int = 0
    notes: Counter[str] = msgspec.field(default_factory=Counter)
    is_old: bool = False

    def keep(self, at_ns: int) -> None:
        """A row went into the result."""
        self.kept += 1
        self.first_ns = self.first_ns or at_ns
        self.last_ns = max(self.last_ns, at_ns)

    def hole(self, first: int, last: int) -> None:
        """Trades from number `first` to `last` are not there."""
        self.holes += 1
        self.missing += last - first + 1
        if len(self.holes_shown) < HOLES_SHOWN:
            self.holes_shown.append((first, last))

    def lines(self) -> list[str]:
        """For the terminal."""
        if self.is_old:
            return [f"{self.name} is there already: {self.path}. Remove it, or use --restart, to fetch it anew."]
        told = [
            f"{self.name}: {self.kept:,} rows kept of {self.rows:,} read, {self.pages:,} pages, {self.requests:,} requests"
        ]
        if self.resumed_pages:
            told.append(f"  went on after {self.resumed_pages:,} pages of an earlier run")
        if self.kept:
            told.append(
                f"  from {iso(self.first_ns)} to {iso(self.last_ns)} ({(self.last_ns - self.first_ns) / (3600 * SECOND_NS):,.1f} h)"
            )
        told += [f"  left out: {count:,} {reason}" for reason, count in sorted(self.left_out.items()) if count]
        if self.holes:
            shown = ", ".join(f"{first}-{last}" for first, last in self.holes_shown)
            more = ", ..." if self.holes > len(self.holes_shown) else ""
            told.append(f"  holes: {self.holes:,}, with {self.missing:,} trade numbers missing ({shown}{more})")
        told += [f"  {count:,} {what}" for what, count in self.notes.items() if count]
        told.append(f"  {self.path}, {self.size_bytes / 1e6:.2f} MB, grade {self.grade}")
        return told
