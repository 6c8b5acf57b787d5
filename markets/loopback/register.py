"""The register of loopback venues: one file in `venues/` and one line here for each venue that can be imitated."""

from markets.loopback.speaker import LoopbackVenue

_ALL: tuple[LoopbackVenue, ...] = ()

LOOPBACK: dict[str, LoopbackVenue] = {venue.name: venue for venue in _ALL}
