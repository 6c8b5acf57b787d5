"""Terms: a market as the exchange lists it becomes the contract that is traded."""

from markets.core.contract import Contract, FeeTerms
from markets.kalshi.messages_market import WireMarket


class TermsError(ValueError):
    """The market is not such as this code knows; the text says what is odd."""


def contract_of(market: WireMarket, fees: FeeTerms) -> Contract:
    """The contract of a market: its strike None until it is written. Raises TermsError."""
    raise NotImplementedError
