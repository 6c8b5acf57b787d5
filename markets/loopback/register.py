"""The register of loopback venues: one file in `venues/` and one line here for each venue that can be imitated."""

from markets.loopback.speaker import LoopbackVenue
from markets.loopback.venues.binance import BINANCE, BINANCE_DATA, BINANCE_US
from markets.loopback.venues.coinbase import COINBASE
from markets.loopback.venues.coinbase_exchange import COINBASE_EXCHANGE
from markets.loopback.venues.kraken import KRAKEN

_ALL: tuple[LoopbackVenue, ...] = (
    COINBASE,
    COINBASE_EXCHANGE,
    KRAKEN,
    BINANCE,
    BINANCE_DATA,
    BINANCE_US,
)

LOOPBACK: dict[str, LoopbackVenue] = {venue.name: venue for venue in _ALL}
