"""The index that settles the markets, second by second, with the averages that the exchange publishes."""

INDEX_IDS = {"BTC": "BRTI"}  # all others are COINUSD_RTI


def index_id(asset: str) -> str:
    """BTC -> BRTI, ETH -> ETHUSD_RTI."""
    return INDEX_IDS.get(asset, f"{asset}USD_RTI")


class IndexBoard:
    """The last values of each index."""

    ids: tuple[str, ...]  # of the indices that have been heard of
