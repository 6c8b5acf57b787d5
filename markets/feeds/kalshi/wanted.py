"""Wanted: what is to be heard of the exchange. It outlives connections; each follows it."""

from collections.abc import Iterable

BITCOIN = ("BTC", "BRTI")
_SUFFIX = "USD_RTI"


def index_of(asset: str) -> str:
    """The exchange's name of the index that settles an asset's markets: BTC -> BRTI, ETH -> ETHUSD_RTI."""
    return BITCOIN[1] if asset == BITCOIN[0] else asset + _SUFFIX


def asset_of_index(index_id: str) -> str:
    """BRTI -> BTC, ETHUSD_RTI -> ETH; empty for an index that is not known to belong to an asset."""
    if index_id == BITCOIN[1]:
        return BITCOIN[0]
    return index_id.removesuffix(_SUFFIX) if index_id.endswith(_SUFFIX) else ""


class Wanted:
    """Markets whose book, ticker and trades are wanted, indices, series whose markets' lives matter (none: of all), and
    whether our own orders, fills, positions and order groups are to be told.

    Change it at any time: a connection looks at it about four times a second, and adds and deletes what has changed.
    """

    def __init__(
        self,
        markets: Iterable[str] = (),
        indices: Iterable[str] = (),
        series: Iterable[str] = (),
        *,
        is_private: bool = False,
    ) -> None:
        self.markets: dict[str, None] = dict.fromkeys(markets)  # tickers, in the order they were wanted
        self.indices: dict[str, None] = dict.fromkeys(indices)  # index ids
        self.series = frozenset(series)
        self.is_private = is_private
        self.changes = 0  # goes up with each change

    def add(self, *tickers: str) -> None:
        """These markets too."""
        self._note({**self.markets, **dict.fromkeys(tickers)})

    def drop(self, *tickers: str) -> None:
        """These markets no longer."""
        self._note({ticker: None for ticker in self.markets if ticker not in tickers})

    def want_indices(self, *index_ids: str) -> None:
        """Exactly these indices from now on."""
        if index_ids != tuple(self.indices):
            self.indices = dict.fromkeys(index_ids)
            self.changes += 1

    def _note(self, markets: dict[str, None]) -> None:
        if markets != self.markets:
            self.markets = markets
            self.changes += 1
