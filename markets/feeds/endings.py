"""Endings: why a connection ended, in words for the page, and what that means for the next attempt."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from markets.core.units import SECOND_NS
from markets.feeds.venue import Reconnect, Refused, SlowDown

LARGEST_FRAME = 32 * 1024 * 1024
REFUSED = (403, 451)
TOO_OFTEN = {429: 60.0, 418: 120.0}  # status to the seconds we stay away when the venue does not say
TOO_BIG = 1009
WORDS = 200  # characters of a venue's answer that are kept


class Ending(NamedTuple):
    """`kind` "lost": try again, later each time; "refused": once an hour; "slow": not before `wait_s`; "error": like
    lost, but the mistake is ours (a size limit of ours, or a mistake in the venue's file); "renewal": at once."""

    kind: Literal["lost", "refused", "slow", "error", "renewal"]
    reason: str
    wait_s: float = 0.0


def ending_of(error: Exception, now_ns: int) -> Ending:
    """What an exception that ended a connection, or kept it from opening, means."""
    if isinstance(error, InvalidStatus):
        headers, body = error.response.headers, error.response.body or b""
        error = status_error(error.response.status_code, headers.get("Retry-After"), bytes(body), now_ns)
    if isinstance(error, Refused):
        return Ending("refused", str(error))
    if isinstance(error, SlowDown):
        return Ending("slow", str(error), error.wait_s)
    if isinstance(error, ConnectionClosed):
        return _closed(error)
    if isinstance(error, Reconnect | OSError | WebSocketException):
        return Ending("lost", str(error) or type(error).__name__)
    return Ending("error", f"a mistake in the venue's file: {type(error).__name__}: {error}"[:WORDS])


def status_error(status: int, retry_after: str | None, body: bytes, now_ns: int) -> ConnectionError:
    """An HTTP answer that is not what was asked for, as the exception it is."""
    words = " ".join(body.decode(errors="replace").split())[:WORDS]
    text = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    if status in REFUSED:
        return Refused(text)
    wait_s = _wait_s(retry_after, now_ns)
    if wait_s or status in TOO_OFTEN:
        return SlowDown(text, wait_s or TOO_OFTEN[status])
    return ConnectionError(text)


def _closed(error: ConnectionClosed) -> Ending:
    if error.sent is not None and error.sent.code == TOO_BIG and not error.rcvd_then_sent:
        return Ending(
            "error", f"a frame is larger than our own limit of {LARGEST_FRAME >> 20} MiB: raise LARGEST_FRAME"
        )
    if error.rcvd is not None:
        return Ending("lost", f"closed by the venue: {error.rcvd.code} {error.rcvd.reason}".rstrip()[:WORDS])
    if error.sent is not None and error.sent.reason:
        return Ending("lost", error.sent.reason)
    return Ending("lost", "broke off without a goodbye")


def _wait_s(retry_after: str | None, now_ns: int) -> float:
    """Seconds, from a number of seconds or a date; 0 when there is neither."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isdecimal():
        return float(min(int(retry_after), 3 * 86_400))
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, until.timestamp() - now_ns / SECOND_NS)
