"""Shards: which market is traded where, as far as the feed has read it; remembered when the feed has forgotten it."""

from collections.abc import Callable


class Shards:
    """`found` are the shards of all markets that were listed, in the order found."""

    def __init__(self) -> None:
        self.found: dict[int, None] = {}
        self.shard_of: Callable[[str], int | None] = lambda _: None
        self._known: dict[str, int] = {}
        self._awaited: dict[str, None] = {}

    def listed(self, ticker: str) -> None:
        """A market was listed."""
        if ticker not in self._known:
            self._awaited[ticker] = None

    def learn(self) -> None:
        """Ask for those that are not known yet."""
        for ticker in list(self._awaited):
            shard = self.shard_of(ticker)
            if shard is not None:
                self.found[shard] = None
                self._known[ticker] = shard
                del self._awaited[ticker]

    def of(self, ticker: str, told: int | None = None) -> int | None:
        """Where orders in this market go; `told` is what the exchange said of one. None: nobody knows."""
        known = self.shard_of(ticker)
        if known is None:
            known = told if told is not None else self._known.get(ticker)
        return known

    def pays_into(self, ticker: str) -> int | None:
        """Whose cash a market pays into, also when it is over and forgotten: then where the others are. None as long as
        no market was read at all, as at the start of a session that holds something."""
        known = self.of(ticker)
        return next(iter(self.found), None) if known is None else known
