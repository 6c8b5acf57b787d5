"""The register of venues: adding one is one file in `venues/` and one line here (docs/feeds.md shows how)."""

from markets.feeds.venue import Venue

_ALL: tuple[Venue, ...] = ()

VENUES: dict[str, Venue] = {venue.name: venue for venue in _ALL}
