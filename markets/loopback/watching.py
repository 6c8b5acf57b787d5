"""Watching: once a second, whether a feed counts as up that hears nothing, or quotes a book that is no longer true."""

import asyncio
from collections import deque
from collections.abc import Callable

from markets.core.events import SpotBook, SpotLevels
from markets.feeds.venue import VenueSocket
from markets.loopback.checks import Listener
from markets.loopback.faults import Fault
from markets.loopback.line import Line
from markets.loopback.server import Booth, SpotEvent

SLACK_S = 3.0  # over the silence allowed: a watchdog looks four times a second, and says goodbye for a second
KEPT_TOPS = 15  # a lost frame is noticed by the next, which may be lost too
LATE_S = 8.0  # books told once a second, and some of these lost
LATE_KINDS = ("stall", "deaf", "slow")  # what makes everything late; then only the silence is judged

Top = tuple[float, float, float, float]


class VenueWatch:
    """Watches one venue. `speed` is how many of its seconds pass in one of the loop's."""

    def __init__(
        self, booth: Booth, listener: Listener, sockets: list[VenueSocket], speed: float, problem: Callable[[str], None]
    ) -> None:
        self.allowed_s = max(socket.stale_after_s for socket in sockets)
        self.delay_s = 0.0
        self.may_lose = False  # frames may be missing that nobody can miss: books are not judged before the end
        self._booth, self._listener, self._speed, self._problem = booth, listener, speed, problem
        self._tops: dict[str, deque[tuple[float, Top]]] = {}  # until when each was true
        self._true: dict[str, Top] = {}
        self._late_until_s = 0.0
        self._loop = asyncio.get_running_loop()

    def told(self, event: SpotEvent, now_s: float) -> None:
        """The venue said this."""
        if isinstance(event, SpotBook | SpotLevels):
            top = self._booth.truth.books[event.asset].top_of_book()
            before = self._true.get(event.asset, top)
            tops = self._tops.setdefault(event.asset, deque())
            tops.append((now_s, before))
            while len(tops) > KEPT_TOPS and tops[0][0] < now_s - LATE_S - self.delay_s:
                tops.popleft()
            self._true[event.asset] = top

    def spoiled(self, fault: Fault) -> None:
        """Something goes wrong from now on."""
        if fault.kind in LATE_KINDS:
            over_s = fault.at_s + fault.seconds + fault.delay_s + self.delay_s + LATE_S
            self._late_until_s = max(self._late_until_s, over_s)

    def look(self, now_s: float) -> None:
        """A second has passed."""
        listener, lines = self._listener, self._booth.lines.values()
        if not listener.down and listener.events and lines:
            silent_s = min(self._silence(line) for line in lines) * self._speed
            if silent_s > self.allowed_s + SLACK_S:
                self._problem(f"counts as up after {silent_s:.1f} s of silence")
        if now_s > self._late_until_s and not self.may_lose:
            for asset, book in listener.books.items():
                self._judge(asset, book.top_of_book())

    def _judge(self, asset: str, top: Top) -> None:
        if top != self._true.get(asset) and all(top != told for _, told in self._tops.get(asset, ())):
            self._problem(
                f"{asset}: quotes {top}, which has not been true for some time (it is {self._true.get(asset)})"
            )

    def _silence(self, line: Line) -> float:
        """Seconds of the loop since the client can last have heard something of this line."""
        return self._loop.time() - max(line.wrote_s, line.opened_s)
