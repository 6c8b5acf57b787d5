"""Books of the exchange's markets as one connection keeps them: what makes one stand, what makes it fall, when to ask again.

The exchange writes both sides at YES prices (we ask for that, and look whether it does); here and in our events NO bids
have NO prices. Within one action of the exchange a book may be crossed: what an order took is told after what it left.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot, FeedStatus, MarketEvent
from markets.core.units import MILLISECOND_NS, PRICE_DOLLAR, SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.kalshi.frames import COUNTS, NO_LEVELS, YES_LEVELS, DeltaMsg, LevelText, SnapshotMsg
from markets.feeds.venue import Reconnect, SlowDown

SNAPSHOT_S = 5  # a snapshot comes within this time, or is asked for (again)
TRIES = 3  # of asking for one book
FALLS, CALM_S = 5, 60  # a book that falls so often, each within so long of the one before, needs a new connection
CROSSED_S = 1  # for longer no action takes
LOOK_AGAIN_S = 30  # for a market whose book never came
STRIKES, STRIKES_S = 3, 300  # connections on which no book came at all
NEVER = 1 << 62
WRONG_TERMS = "the exchange sends NO prices although YES prices were asked for (use_yes_price)"

WRONG_TERMS_S = 60.0

Lost = Callable[[str, str, int], MarketEvent]  # (ticker, reason, now)


class MarketBook:
    """One market's book. It begins without standing; `ask_ns` is when its snapshot is to be asked for."""

    __slots__ = (
        "action", "ask_ns", "book", "clock", "crossed_ns", "fallen_ns", "falls", "has_stood", "included", "is_absent",
        "is_crossed", "snapshot_ns", "stands", "ticker", "tries", "why",
    )  # fmt: skip

    def __init__(self, ticker: str) -> None:
        self.ticker = ticker
        self.book = OrderBook()
        self.stands = self.has_stood = False
        self.is_absent = False  # it was told that there is none
        self.clock = self.included = 0  # of the last change, of the snapshot
        self.snapshot_ns = 0
        self.is_crossed = False  # left so by `action`, at `crossed_ns`
        self.action = self.crossed_ns = 0
        self.ask_ns, self.tries, self.why = NEVER, 0, "no snapshot"
        self.falls = self.fallen_ns = 0


class Asked(NamedTuple):
    """What there is to do: tickers whose snapshots to ask for, and what to tell."""

    tickers: list[str]
    events: list[MarketEvent]


class MarketBooks:
    """The books of all wanted markets on one connection. Raises Reconnect and SlowDown when asking again is no use."""

    def __init__(self, feed: str, counts: Counts, lost: Lost) -> None:
        self.kept: dict[str, MarketBook] = {}
        self.has_fallen = False  # one has, since `due` was last called
        self._feed, self._counts, self._lost = feed, counts, lost

    @property
    def is_whole(self) -> bool:
        """Whether each book stands, but for those that the exchange has not."""
        return all(kept.stands or kept.is_absent for kept in self.kept.values())

    def follow(self, tickers: Iterable[str]) -> None:
        """Keep the books of these markets and of no others."""
        kept = self.kept
        self.kept = {ticker: kept.get(ticker) or MarketBook(ticker) for ticker in tickers}

    def ask_for(self, tickers: Iterable[str], now_ns: int) -> None:
        """The exchange sends changes of these, but no snapshot will come on its own."""
        for ticker in tickers:
            kept = self.kept.get(ticker)
            if kept is not None and not kept.stands and kept.ask_ns == NEVER:
                kept.ask_ns = now_ns

    # What is heard --------------------------------------------------------------------------------------------

    def snapshot(self, msg: SnapshotMsg, seq: int, at_ns: int, now_ns: int) -> list[MarketEvent]:
        """The whole book. Raises ValueError for numbers that are none."""
        kept = self.kept.get(msg.market_ticker)
        if kept is None:
            return []
        yes = _levels(msg.yes_dollars_fp, YES_LEVELS)
        no = _levels(msg.no_dollars_fp, NO_LEVELS)[::-1]  # cheapest first, as the others
        kept.book.replace(yes, no)
        if kept.book.is_crossed:
            return self._came_crossed(kept, now_ns)
        kept.stands = kept.has_stood = True
        kept.is_absent = kept.is_crossed = False
        kept.clock = kept.included = msg.clock
        kept.snapshot_ns, kept.ask_ns, kept.tries = now_ns, NEVER, 0
        return [BookSnapshot(now_ns, kept.ticker, yes, no, seq, at_ns)]

    def change(self, msg: DeltaMsg, seq: int, now_ns: int) -> list[MarketEvent]:
        """One level. Nothing for a market that is not wanted any more, or whose book does not stand."""
        kept = self.kept.get(msg.market_ticker)
        if kept is None or not kept.stands:
            return []
        clock, action = msg.clock, msg.clock or msg.ts_ms
        if clock:
            if clock <= kept.included and now_ns - kept.snapshot_ns < SECOND_NS:
                self._counts.unknown["orderbook_delta that its snapshot had"] += 1
                return []
            if clock < kept.clock or clock <= kept.included:
                return self._fall(kept, f"its clock went down from {kept.clock} to {clock}", now_ns)
            kept.clock = clock
        if kept.is_crossed and action != kept.action:
            return self._fall(kept, _crossed(kept.book), now_ns)
        is_yes = msg.side == "yes"
        book = kept.book
        try:
            price = (YES_LEVELS if is_yes else NO_LEVELS)[msg.price_dollars]
            change = COUNTS[msg.delta_fp]
            if book.change(is_yes, price, change):
                kept.is_crossed = book.bid >= book.ask
                if kept.is_crossed:
                    kept.action, kept.crossed_ns = action, now_ns
        except ValueError as error:  # no number, or a level below zero
            return self._fall(kept, str(error), now_ns)
        return [BookDelta(now_ns, kept.ticker, is_yes, price, change, seq, msg.ts_ms * MILLISECOND_NS)]

    def lose(self, reason: str, now_ns: int, *, ask: bool = True) -> list[MarketEvent]:
        """Messages were lost, of whichever market: no book stands. Without `ask` their subscription is gone too."""
        events: list[MarketEvent] = []
        for kept in self.kept.values():
            if kept.stands:
                events += self._fall(kept, reason, now_ns)
            if not ask:
                kept.ask_ns = NEVER
        return events

    # What falls -----------------------------------------------------------------------------------------------

    def _fall(self, kept: MarketBook, reason: str, now_ns: int) -> list[MarketEvent]:
        kept.falls = kept.falls + 1 if now_ns - kept.fallen_ns < CALM_S * SECOND_NS else 0
        if kept.falls >= FALLS:
            raise Reconnect(f"{kept.ticker}: its book falls again and again: {reason}")
        kept.stands = kept.is_crossed = False
        self.has_fallen = True
        kept.fallen_ns, kept.why = now_ns, reason
        kept.ask_ns, kept.tries = now_ns, 0
        return [self._lost(kept.ticker, reason, now_ns)]

    def _came_crossed(self, kept: MarketBook, now_ns: int) -> list[MarketEvent]:
        """A snapshot that cannot be: the next is asked for, a few times."""
        best_no = min(kept.book.no, default=0)
        in_no_terms = bool(best_no) and kept.book.bid < best_no
        reason = WRONG_TERMS if in_no_terms else _crossed(kept.book)
        if kept.stands:
            return self._fall(kept, reason, now_ns)
        self._counts.complain(f"{kept.ticker}: a snapshot came crossed: {reason}")
        kept.why = reason
        kept.ask_ns = now_ns + kept.tries * SECOND_NS
        self.has_fallen = True
        return []

    # What is asked for ----------------------------------------------------------------------------------------

    def due(self, now_ns: int, askable: Iterable[str], patience: float = 1.0) -> Asked:
        """Which snapshots it is time to ask for, of those that can be asked for; and which will not come."""
        self.has_fallen = False
        askable = frozenset(askable)
        asked = Asked([], [])
        for kept in self.kept.values():
            if kept.is_crossed and now_ns - kept.crossed_ns > CROSSED_S * SECOND_NS * patience:
                asked.events.extend(self._fall(kept, _crossed(kept.book), now_ns))
            if kept.stands or kept.ticker not in askable:
                continue
            if kept.ask_ns == NEVER:  # it is to come on its own
                kept.ask_ns = now_ns + int(SNAPSHOT_S * SECOND_NS * patience)
            if now_ns < kept.ask_ns:
                continue
            if kept.tries >= TRIES and not kept.is_absent:
                asked.events.extend(self._given_up(kept, now_ns))
            kept.tries += 1
            kept.ask_ns = now_ns + int((LOOK_AGAIN_S if kept.is_absent else SNAPSHOT_S) * SECOND_NS * patience)
            asked.tickers.append(kept.ticker)
        return asked

    def absent(self, ticker: str, reason: str, now_ns: int) -> list[MarketEvent]:
        """The exchange has no book of this market for us: told once, until one comes."""
        kept = self.kept.get(ticker)
        if kept is None or kept.is_absent:
            return []
        kept.stands, kept.is_absent = False, True
        self._counts.complain(f"{ticker}: {reason}")
        return [FeedStatus(now_ns, self._feed, "unavailable", ticker, reason)]

    def _given_up(self, kept: MarketBook, now_ns: int) -> list[MarketEvent]:
        if kept.why == WRONG_TERMS:
            raise SlowDown(f"{kept.ticker}: {WRONG_TERMS}", WRONG_TERMS_S)
        reason = f"its book did not come, asked {TRIES} times ({kept.why})"
        if kept.has_stood:
            raise Reconnect(f"{kept.ticker}: {reason}")
        if not any(other.stands for other in self.kept.values()) and self._strike(now_ns) < STRIKES:
            raise Reconnect(f"{kept.ticker}: {reason}, nor does any other")
        return self.absent(kept.ticker, reason, now_ns)

    def _strike(self, now_ns: int) -> int:
        strikes, struck_ns = self._counts.late.get("books", (0, 0))
        strikes = strikes + 1 if now_ns - struck_ns < STRIKES_S * SECOND_NS else 1
        self._counts.late["books"] = (strikes, now_ns)
        return strikes


def _levels(levels: list[LevelText] | None, prices: dict[str, int]) -> tuple[tuple[int, int], ...]:
    read = tuple([(prices[price], COUNTS[count]) for price, count in levels]) if levels else ()
    if any(count < 0 for _, count in read):
        raise ValueError("a level below zero in a snapshot")
    return read


def _crossed(book: OrderBook) -> str:
    return f"crossed: {book.bid / PRICE_DOLLAR:.4f} is bid and {book.ask / PRICE_DOLLAR:.4f} is asked"
