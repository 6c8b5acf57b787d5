"""Hurry: the same venue and the same faults in a shorter time, so that a proof over real sockets need not take minutes."""

from collections.abc import Callable, Sequence

import msgspec

from markets.feeds.counts import Counts
from markets.feeds.pace import Pace
from markets.feeds.venue import Endpoint, Venue, VenueSocket
from markets.loopback.faults import Fault

REFUSED_WAIT_S = 60.0  # instead of an hour, which no proof has


def hurried(venue: Venue, speed: float, renew_after_s: float | None = None) -> Venue:
    """The venue with all its durations so many times shorter. `renew_after_s` is another time to a planned renewal."""

    def sockets(
        symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]
    ) -> Sequence[VenueSocket]:
        made = venue.sockets(symbols, endpoint, counts_of)
        for socket in made:
            _hurry(socket, speed, renew_after_s)
        return made

    return venue._replace(sockets=sockets)


def hurried_pace(speed: float) -> Pace:
    """How often is tried again."""
    usual = Pace()
    return Pace(
        usual.first_wait_s / speed,
        usual.longest_wait_s / speed,
        usual.healthy_s / speed,
        REFUSED_WAIT_S / speed,
        usual.attempts,
        usual.window_s / speed,
        usual.apart_s / speed,
    )


def hurried_fault(fault: Fault, speed: float) -> Fault:
    """The fault, over sooner."""
    return msgspec.structs.replace(fault, seconds=fault.seconds / speed, delay_s=fault.delay_s / speed)


def _hurry(socket: VenueSocket, speed: float, renew_after_s: float | None) -> None:
    socket.stale_after_s /= speed
    socket.pause_after_open_s /= speed
    if socket.ping_interval_s is not None:
        socket.ping_interval_s /= speed
    if socket.sends_per_s is not None:
        socket.sends_per_s *= speed
    renew_after_s = renew_after_s or socket.renew_after_s
    socket.renew_after_s = renew_after_s / speed if renew_after_s is not None else None
