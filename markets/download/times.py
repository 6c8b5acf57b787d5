"""Spans and stamps of time as people, exchanges and files write them, in nanoseconds UTC."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from markets.core.units import DAY_NS, SECOND_NS
from markets.download.errors import BadRequest
from markets.kalshi.wire.numbers import iso_ns

MINUTE_NS = 60 * SECOND_NS
# a whole number below the first counts that unit; seconds since 1970 have ten digits, nanoseconds nineteen
_UNITS = ((10**11, SECOND_NS), (10**14, 1_000_000), (10**17, 1_000), (10**20, 1))
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Span(msgspec.Struct, frozen=True):
    """From `from_ns` (inside) to `to_ns` (outside)."""

    from_ns: int
    to_ns: int

    def __contains__(self, at_ns: object) -> bool:
        return isinstance(at_ns, int) and self.from_ns <= at_ns < self.to_ns

    def share(self, at_ns: int) -> float:
        """How far `at_ns` is on the way, 0 to 1."""
        return min(max((at_ns - self.from_ns) / (self.to_ns - self.from_ns), 0.0), 1.0)

    @property
    def label(self) -> str:
        """20260501-20260508, with the time of day where it is not midnight: for names of files."""
        return f"{_label(self.from_ns)}-{_label(self.to_ns)}"


def span_from(from_text: str | None, to_text: str | None, *, now_ns: int) -> Span:
    """What a person asked for. Raises BadRequest when it is missing, reversed, or not yet past."""
    if not from_text or not to_text:
        raise BadRequest("--from and --to are needed, such as --from 2026-05-01 --to 2026-05-08 (UTC).")
    span = Span(moment_ns(from_text), moment_ns(to_text))
    if span.from_ns >= span.to_ns:
        raise BadRequest(f"--from {from_text} is not before --to {to_text}; --to is the first moment left out.")
    if span.to_ns > now_ns:
        raise BadRequest(f"--to {to_text} is in the future; it is {iso(now_ns // SECOND_NS * SECOND_NS)} now.")
    if span.from_ns < 0:
        raise BadRequest(f"--from {from_text} is before 1970.")
    return span


def moment_ns(text: str) -> int:
    """2026-05-01, or 2026-05-01T09:30 with or without seconds and a zone; UTC where no zone is told. Raises BadRequest."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{text!r} is not a day or a time; write it like 2026-05-13 or 2026-05-13T09:30.") from None
    if not _DAY.match(text):
        raise BadRequest(f"{text!r} is not a day or a time; write it like 2026-05-13 or 2026-05-13T09:30.")
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND_NS


def stamp_ns(text: str) -> int:
    """RFC 3339 with up to nine decimals, exactly; 0 for what is no time after 1970."""
    try:
        return max(iso_ns(text), 0)
    except ValueError:
        return 0


def number_ns(number: int) -> int:
    """A whole number of s, ms, us or ns since 1970, by its length; 0 for what is none of them."""
    if number <= 0:
        return 0
    return next((number * unit for below, unit in _UNITS if number < below), 0)


def seconds_ns(seconds: Decimal) -> int:
    """Seconds with decimals, every digit kept."""
    return int(seconds.scaleb(9)) if seconds.is_finite() and seconds > 0 else 0


def iso(at_ns: int) -> str:
    """2026-05-01T00:00:00Z, with microseconds only where there are any."""
    moment = datetime.fromtimestamp(at_ns // SECOND_NS, UTC).replace(microsecond=at_ns % SECOND_NS // 1000)
    return moment.isoformat().replace("+00:00", "Z")


def _label(at_ns: int) -> str:
    moment = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
    return f"{moment:%Y%m%d}" if at_ns % DAY_NS == 0 else f"{moment:%Y%m%dT%H%M%S}"
