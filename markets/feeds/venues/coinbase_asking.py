"""How both feeds of Coinbase are asked: together, and when that is refused without saying for whom, one by one."""

from markets.core.events import MarketEvent
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint
from markets.feeds.venues.common import BookSocket, Taker

# What is told as the side of a trade is the maker's.
TAKER_BY_MAKER: dict[str, Taker] = {"SELL": "buy", "BUY": "sell", "sell": "buy", "buy": "sell"}


class CoinbaseSocket(BookSocket):
    """Subscriptions to one or more channels, told by the `channels` a subclass names."""

    stale_after_s = 7.0
    sends_per_s = 5.0  # eight are allowed, from one address
    channels: tuple[str, ...] = ()

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._together: set[str] = set()  # symbols asked for in one message, about which nothing was heard yet
        self._alone: list[str] = []  # symbols still to be asked for one by one
        self._asked = ""  # the one that was asked for last

    def subscribe(self, symbols: list[str]) -> None:
        """Put the messages that subscribe these into `to_send`."""
        raise NotImplementedError

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Ask for everything together."""
        self._together = set(self.assets)
        self.ungranted = {(channel, symbol): now_ns for channel in self.channels for symbol in self.assets}
        self.awaited = dict.fromkeys(self.books, now_ns)
        self.subscribe(list(self.assets))
        return []

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Ask for the next one alone, when the one before was answered."""
        if self._alone and not self._asked:
            self._asked = self._alone.pop(0)
            self.ungranted |= {(channel, self._asked): now_ns for channel in self.channels}
            asset = self.assets[self._asked]
            if asset in self.books:
                self.awaited[asset] = now_ns
            self.subscribe([self._asked])
        return super().due(now_ns)

    def granted(self, channel: str, symbols: list[str]) -> None:
        """The venue says that it has us on its list."""
        for symbol in symbols:
            self.ungranted.pop((channel, symbol), None)
            self._together.discard(symbol)
        if not any(symbol == self._asked for _, symbol in self.ungranted):
            self._asked = ""

    def hear_error(self, words: str, now_ns: int) -> list[MarketEvent]:
        """A request was refused. Whose name is in the words is refused; the others are asked for again."""
        self.counts.complain(words)
        asked = {symbol for _, symbol in self.ungranted}
        named = [symbol for symbol in asked if symbol in words] or ([self._asked] if self._asked else [])
        events: list[MarketEvent] = []
        for symbol in named:
            events += self.refuse(self.assets[symbol], words, now_ns)
            asked.discard(symbol)
        self._asked = ""
        again = [symbol for symbol in self.assets if symbol in asked and symbol in self._together]
        self._together = set()
        for symbol in again:
            self.awaited.pop(self.assets[symbol], None)
        self.ungranted = {key: since_ns for key, since_ns in self.ungranted.items() if key[1] not in again}
        self._alone += again
        return events

    @property
    def is_synced(self) -> bool:
        """Not before all were asked for."""
        return not self._alone and super().is_synced
