"""The handshake with the exchange: its signature, and what it means to be turned away."""

from http import HTTPStatus
from urllib.parse import urlsplit

from markets.core.units import MILLISECOND_NS
from markets.feeds.venue import Refused, SlowDown
from markets.kalshi.auth import Signer, headers
from markets.kalshi.errors import said_in
from markets.kalshi.refusals_401 import EXPIRED, explain_401
from markets.kalshi.server_clock import SURELY_NS, ServerClock

MAY_READ = "It needs the scope read: make a key that has it"
AGAIN_S = 5.0  # when it was the clock, and we now know by how much


class Handshake:
    """Of one connection. Without a signer nothing is sent."""

    def __init__(self, url: str, signer: Signer | None, clock: ServerClock | None) -> None:
        self._path = urlsplit(url).path or "/"
        self._signer, self._clock = signer, clock
        self._sent_ns = 0
        self._was_corrected = False

    def headers(self, now_ns: int) -> dict[str, str]:
        """For an attempt now."""
        if self._signer is None:
            return {}
        self._sent_ns = now_ns
        self._was_corrected = self._clock is not None and self._clock.is_corrected
        now_ms = self._clock.now_ms() if self._clock is not None else now_ns // MILLISECOND_NS
        return headers(self._signer, "GET", self._path, now_ms)

    def turned_away(self, status: int, date: str, body: bytes, now_ns: int) -> None:
        """Raises Refused with the cause of a 401 or 403; or SlowDown when it was our clock, and what the exchange's says
        will set that right."""
        if self._clock is not None:
            self._clock.note(date, self._sent_ns or now_ns, now_ns)
        said = said_in(body)
        if status == HTTPStatus.FORBIDDEN and said.code:
            words = ": ".join(part for part in (said.message or said.code, said.details) if part)
            raise Refused(f"the exchange knows our key and does not let it listen: {words}. {MAY_READ} (HTTP {status})")
        if status != HTTPStatus.UNAUTHORIZED:
            return
        words = explain_401(said.code, said.details or said.message, signer=self._signer, clock=self._clock)
        text = f"HTTP {status}: {words}"
        if EXPIRED in said.code.lower() and not self._was_corrected and self._is_surely_wrong():
            raise SlowDown(text, AGAIN_S)
        raise Refused(text)

    def _is_surely_wrong(self) -> bool:
        clock = self._clock
        if clock is None or clock.offset_ns is None or clock.uncertainty_ns is None:
            return False
        return abs(clock.offset_ns) - clock.uncertainty_ns > SURELY_NS
