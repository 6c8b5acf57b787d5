"""The register of venues: adding one is one file in `venues/` and one line here (docs/feeds.md shows how)."""

from markets.feeds.venue import Venue
from markets.feeds.venues.binance import BINANCE, BINANCE_DATA, BINANCE_US
from markets.feeds.venues.coinbase import COINBASE
from markets.feeds.venues.coinbase_exchange import COINBASE_EXCHANGE
from markets.feeds.venues.kraken import KRAKEN

_ALL: tuple[Venue, ...] = (
    COINBASE,
    COINBASE_EXCHANGE,
    KRAKEN,
    BINANCE,
    BINANCE_DATA,
    BINANCE_US,
)

VENUES: dict[str, Venue] = {venue.name: venue for venue in _ALL}
