"""What several venues share: numbers decoded without a detour, and a socket that knows which answers it waits for."""

from typing import Annotated, Any, Literal

import msgspec

from markets.core.events import FeedStatus, MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.kept import KeptBook
from markets.feeds.levels import positive
from markets.feeds.venue import Endpoint, Reconnect, Unreadable, VenueSocket

GRANT_S = 10  # a subscription is granted within this time, or the connection begins anew
SNAPSHOT_S = 15
STRIKES, STRIKES_S = 3, 300  # so often in a row, each within so long of the one before, and an asset is given up
ASK_AGAIN_S = 3_600  # who was refused may be served by now
CALM_S = 60  # a book that stood for so long is asked for at once when it falls; else after a pause,
LONGEST_PAUSE_S = 30  # which doubles up to here
SILENT_S = 300  # a book of which nothing is said for so long may have been forgotten by the venue

# With `lax` decoders these take numbers in text, at the speed of C; nan, inf and "" they refuse. A bare number, where the
# venue writes text, they would take too: who uses them counts the quotes, and looks again where they are not as usual.
Price = Annotated[float, msgspec.Meta(gt=0, lt=1e12)]
Size = Annotated[float, msgspec.Meta(ge=0, lt=1e15)]


Taker = Literal["", "buy", "sell"]


def lax(shape: Any) -> "msgspec.json.Decoder[Any]":
    """A decoder that takes "1.5" for 1.5: the float is the nearest to the text, as `float` would make it."""
    return msgspec.json.Decoder(shape, strict=False)


def quotes(text: bytes | msgspec.Raw) -> int:
    """How many quotes there are in a message."""
    return bytes(text).count(b'"')


def trade_of(price: str, size: str) -> tuple[float, float]:
    """Price and size of a trade. Unreadable when one of them is none."""
    numbers = positive(price), positive(size)
    if numbers[0] is None or numbers[1] is None:
        raise Unreadable(f"a trade of {size[:20]!r} at {price[:20]!r}")
    return numbers[0], numbers[1]


def unreadable(frame: bytes, error: Exception) -> Unreadable:
    """What to raise for a frame that did not decode."""
    return Unreadable(f"{error}: {frame[:80].decode('utf-8', 'replace')}")


def text_of(message: dict[str, Any]) -> str:
    """A message to send."""
    return msgspec.json.encode(message).decode()


class BookSocket(VenueSocket):
    """A connection that keeps books, or none (`keeps_books` False).

    `ungranted` are subscriptions asked for and not yet acknowledged, `awaited` the assets whose snapshot is not here
    yet, each with the time since when. Subclasses fill them; both empty means that the connection is in step.
    """

    keeps_books = True
    depth = 0

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self.books = {asset: KeptBook(self, asset, self.depth) for asset in symbols} if self.keeps_books else {}
        self.ungranted: dict[tuple[str, str], int] = {}  # (channel, symbol)
        self.awaited: dict[str, int] = {}
        self.refused: set[str] = set()
        self._trade_ids: dict[str, int] = {}
        self._falls: dict[str, tuple[int, int]] = {}  # of a book: how often in a row, and when it was last asked for
        self._later: dict[str, int] = {}  # books that fell again at once, and when they will be asked for
        self._ask_again_ns = 0

    @property
    def is_synced(self) -> bool:
        """Whether everything that was not refused was granted and stands."""
        return not self.ungranted and not self.awaited and len(self.refused) < len(self.symbols)

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Give up on what was never granted or never came, and ask for the books that it is time for."""
        self._ask_later(now_ns)
        events: list[MarketEvent] = []
        for (channel, symbol), since_ns in list(self.ungranted.items()):
            if now_ns - since_ns > GRANT_S * SECOND_NS * self.patience:
                words = f"{channel} of {symbol} was not granted within {GRANT_S} s"
                events += self._late(self.assets.get(symbol, ""), channel, words, now_ns)
        for asset, since_ns in list(self.awaited.items()):
            if now_ns - since_ns > SNAPSHOT_S * SECOND_NS * self.patience:
                events += self._late(asset, "book", f"{asset}: no snapshot within {SNAPSHOT_S} s", now_ns)
        for asset, kept in self.books.items():
            if kept.stands and now_ns - kept.heard_ns > SILENT_S * SECOND_NS * self.patience:
                events += self.lose(asset, f"nothing was said of it for {SILENT_S} s", now_ns)
        return events

    def _ask_later(self, now_ns: int) -> None:
        for asset, at_ns in list(self._later.items()):
            if now_ns >= at_ns:
                del self._later[asset]
                if asset in self.awaited:
                    self.resync(asset, now_ns)
        if self._ask_again_ns and now_ns >= self._ask_again_ns:
            self.renewal_asked = "asking again for what was refused"

    def _late(self, asset: str, what: str, words: str, now_ns: int) -> list[MarketEvent]:
        """Something did not come in time: a new connection may bring it. Where it is always the same, and everything of
        others is here, the others shall not suffer for it."""
        strikes, struck_ns = self.counts.late.get(f"{what} of {asset}", (0, 0))
        strikes = strikes + 1 if now_ns - struck_ns < STRIKES_S * SECOND_NS else 1
        self.counts.late[f"{what} of {asset}"] = (strikes, now_ns)
        pending = {*self.awaited, *[self.assets.get(symbol, "") for _, symbol in self.ungranted], *self.refused}
        if strikes < STRIKES or not asset or pending >= self.symbols.keys():
            raise Reconnect(words)
        return self.refuse(asset, words, now_ns)

    def resync(self, asset: str, now_ns: int) -> None:
        """Ask for a new snapshot of a book that fell, or raise Reconnect where only a new connection brings one."""
        raise NotImplementedError

    def lose(self, asset: str, reason: str, now_ns: int) -> list[MarketEvent]:
        """A book does not hold: said once, and its snapshot asked for."""
        return self.seen(asset, self.books[asset].lose(reason, now_ns), now_ns)

    def seen(self, asset: str, events: list[MarketEvent], now_ns: int) -> list[MarketEvent]:
        """Pass on what a kept book told; when it has just fallen, ask for its snapshot: at once, but not again and again
        where each is as bad as the one before."""
        if not self.books[asset].stands and asset not in self.awaited and asset not in self.refused:
            falls, asked_ns = self._falls.get(asset, (0, 0))
            falls = falls + 1 if now_ns - asked_ns < CALM_S * SECOND_NS else 0
            at_ns = now_ns + (min(2 ** (falls - 1), LONGEST_PAUSE_S) * SECOND_NS if falls else 0)
            self._falls[asset] = (falls, at_ns)
            self.awaited[asset] = at_ns
            if falls:
                self._later[asset] = at_ns
            else:
                self.resync(asset, now_ns)
        return events

    def refuse(self, asset: str, words: str, now_ns: int) -> list[MarketEvent]:
        """The venue does not serve this asset: said once, in its words, and nothing more is expected of it."""
        self.counts.complain(words)
        symbol = self.symbols[asset]
        self.awaited.pop(asset, None)
        self.ungranted = {key: since_ns for key, since_ns in self.ungranted.items() if key[1] != symbol}
        if asset in self.refused:
            return []
        self.refused.add(asset)
        self._ask_again_ns = now_ns + ASK_AGAIN_S * SECOND_NS
        return [FeedStatus(now_ns, self.feed, "unavailable", asset, words)]

    def stranger(self, kind: str, symbol: str) -> list[MarketEvent]:
        """A message about what was never asked for."""
        self.counts.unknown[f"{kind} of {symbol[:20]}"] += 1
        return []

    def is_new_trade(self, asset: str, trade_id: int) -> bool:
        """False for one that was told before, where ids rise by one a trade; what is missing between is counted."""
        last = self._trade_ids.get(asset, 0)
        if last and trade_id <= last:
            return False
        if last:
            self.counts.gaps += trade_id - last - 1
        self._trade_ids[asset] = trade_id
        return True

    def skip_trades_to(self, asset: str, trade_id: int) -> None:
        """Trades up to this one are history, or are known to have been missed."""
        self._trade_ids[asset] = max(trade_id, self._trade_ids.get(asset, 0))
