"""What is known of the spot venues: what they quote in, and which of them make the index that settles a contract."""

from typing import NamedTuple

USD, USDT, USDC = "USD", "USDT", "USDC"


class VenueFacts(NamedTuple):
    """`constituent_of` are the assets whose index uses this venue's book. Source: the index's list of constituents,
    v13.5 of 2026-06-08; those of assets other than BTC, ETH, SOL and XRP are not established."""

    name: str
    title: str
    quote: str = USD
    constituent_of: tuple[str, ...] = ()


_KNOWN = (
    VenueFacts("coinbase", "Coinbase", USD, ("BTC", "ETH", "SOL", "XRP")),
    VenueFacts("kraken", "Kraken", USD, ("BTC", "ETH", "SOL", "XRP")),
    VenueFacts("bitstamp", "Bitstamp", USD, ("BTC", "ETH", "SOL", "XRP")),
    VenueFacts("gemini", "Gemini", USD, ("BTC", "ETH", "SOL")),
    VenueFacts("lmax", "LMAX Digital", USD, ("BTC", "ETH", "SOL", "XRP")),
    VenueFacts("bullish", "Bullish", USDC, ("BTC", "ETH")),
    VenueFacts("crypto_com", "Crypto.com", USD, ("BTC", "ETH")),
    VenueFacts("binance", "Binance", USDT),
    VenueFacts("binance_us", "Binance.US", USDT),
)
FACTS = {facts.name: facts for facts in _KNOWN}


def facts_of(venue: str) -> VenueFacts:
    """What is known of a venue; of one that nobody knows, that it quotes in dollars."""
    return FACTS.get(venue) or VenueFacts(venue, venue)


def is_constituent(venue: str, asset: str) -> bool:
    """Whether the index of this asset is made from this venue's book."""
    return asset in facts_of(venue).constituent_of
