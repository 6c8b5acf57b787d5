"""The register of loopback venues: one file in `venues/` and one line here for each venue that can be imitated."""

from markets.loopback.speaker import LoopbackVenue
from markets.loopback.venues.binance import BINANCE, BINANCE_DATA, BINANCE_US
from markets.loopback.venues.bitstamp import BITSTAMP
from markets.loopback.venues.bullish import BULLISH
from markets.loopback.venues.coinbase import COINBASE
from markets.loopback.venues.coinbase_exchange import COINBASE_EXCHANGE
from markets.loopback.venues.crypto_com import CRYPTO_COM
from markets.loopback.venues.gemini import GEMINI
from markets.loopback.venues.gemini_v2 import GEMINI_V2
from markets.loopback.venues.kraken import KRAKEN
from markets.loopback.venues.lmax import LMAX

_ALL: tuple[LoopbackVenue, ...] = (
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

LOOPBACK: dict[str, LoopbackVenue] = {venue.name: venue for venue in _ALL}
