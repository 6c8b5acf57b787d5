"""Moments as text and as exact nanoseconds: what pages, the API and reports say of a time."""

from datetime import UTC, datetime


def time_text(time_ns: int) -> str:
    """1778509805123456789 -> "2026-05-11T14:30:05.123456Z"."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_ns(moment: datetime) -> int:
    """An aware time to nanoseconds, exactly."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + moment.microsecond * 1000
