"""The register of venues: adding one is one file in `venues/` and one line here (docs/feeds.md shows how)."""

from markets.feeds.venue import Venue
from markets.feeds.venues.binance import BINANCE, BINANCE_DATA, BINANCE_US
from markets.feeds.venues.bitstamp import BITSTAMP
from markets.feeds.venues.bullish import BULLISH
from markets.feeds.venues.coinbase import COINBASE
from markets.feeds.venues.coinbase_exchange import COINBASE_EXCHANGE
from markets.feeds.venues.crypto_com import CRYPTO_COM
from markets.feeds.venues.gemini import GEMINI
from markets.feeds.venues.gemini_v2 import GEMINI_V2
from markets.feeds.venues.kraken import KRAKEN
from markets.feeds.venues.lmax import LMAX

_ALL: tuple[Venue, ...] = (
    COINBASE,
    COINBASE_EXCHANGE,
    KRAKEN,
    BINANCE,
    BINANCE_DATA,
    BINANCE_US,
    BITSTAMP,
    GEMINI,
    GEMINI_V2,
    CRYPTO_COM,
    BULLISH,
    LMAX,
)

VENUES: dict[str, Venue] = {venue.name: venue for venue in _ALL}
