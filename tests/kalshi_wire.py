"""The exchange's side of one WebSocket connection, small and in memory: commands in, frames out, losses on demand."""

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot, FeedStatus, MarketEvent
from markets.core.units import PRICE_DOLLAR, SECOND_NS, count_text, price_text
from markets.feeds.counts import Counts
from markets.feeds.kalshi.notes import Note
from markets.feeds.kalshi.socket import KalshiSocket
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.venue import Endpoint

NOON_NS = 1_795_366_800 * SECOND_NS  # 2026-11-22 17:00 UTC
BTC, ETH, SOL = (f"KX{asset}15M-26NOV221215-15" for asset in ("BTC", "ETH", "SOL"))
SEQUENCED = {"orderbook_delta", "trade", "market_lifecycle_v2", "order_group_updates", "cfbenchmarks_value"}
Levels = dict[str, tuple[dict[int, int], dict[int, int]]]


def encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


@dataclass
class Stream:
    """One subscription as the exchange has it."""

    sid: int
    channel: str
    items: list[str]
    seq: int = 0


@dataclass
class Frame:
    """One frame on its way; `truth` are the books when it left, for a frame of the book subscription."""

    data: bytes
    sid: int
    truth: Levels = field(default_factory=dict)


class TinyExchange:
    """Answers each command as the reference says. `refuse(command)` may give an error code instead; `lose` counts down
    numbered frames that get lost; `is_deaf`: nothing is answered."""

    def __init__(self) -> None:
        self.books: dict[str, OrderBook] = {}
        self.clocks: dict[str, int] = {}
        self.streams: dict[int, Stream] = {}
        self.out: deque[Frame] = deque()
        self.commands: list[dict[str, Any]] = []
        self.lose = 0
        self.is_deaf = False
        self.use_yes_price = True
        self.refuse: Callable[[dict[str, Any]], dict[str, Any] | int | None] = lambda command: None
        self._sids = 0

    # What happens there -------------------------------------------------------------------------------------

    def book(self, ticker: str) -> OrderBook:
        return self.books.setdefault(ticker, OrderBook())

    def change(self, ticker: str, is_yes: bool, price: int, change: int, *, clock: int | None = None) -> None:
        """A level changed; `price` is that side's own."""
        self.book(ticker).change(is_yes, price, change)
        self.clocks[ticker] = clock or self.clocks.get(ticker, 0) + 1
        for stream in self.streams_of("orderbook_delta"):
            if ticker in stream.items:
                self.say(stream, "orderbook_delta", self.delta(ticker, is_yes, price, change))

    def delta(self, ticker: str, is_yes: bool, price: int, change: int) -> dict[str, Any]:
        shown = price if is_yes or not self.use_yes_price else PRICE_DOLLAR - price
        return {
            "market_ticker": ticker,
            "market_id": "9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1",
            "clock": self.clocks[ticker],
            "price_dollars": price_text(shown),
            "delta_fp": count_text(change),
            "side": "yes" if is_yes else "no",
            "ts_ms": NOON_NS // 1_000_000,
        }

    def snapshot(self, stream: Stream, ticker: str, number: int = 0) -> None:
        book = self.book(ticker)
        msg: dict[str, Any] = {"market_ticker": ticker, "market_id": "9b0f6b43", "clock": self.clocks.get(ticker, 0)}
        if book.yes:
            msg["yes_dollars_fp"] = [[price_text(price), count_text(book.yes[price])] for price in sorted(book.yes)]
        if book.no:
            shown = {(PRICE_DOLLAR - price if self.use_yes_price else price): count for price, count in book.no.items()}
            msg["no_dollars_fp"] = [[price_text(price), count_text(shown[price])] for price in sorted(shown)]
        self.say(stream, "orderbook_snapshot", msg, **({"id": number} if number else {}))

    def end(self, channel: str, code: int = 25) -> None:
        """The subscriptions to a channel die."""
        for stream in self.streams_of(channel):
            self.say(stream, "error", {"code": code, "msg": "Subscription buffer overflow"})
            del self.streams[stream.sid]

    def streams_of(self, channel: str) -> list[Stream]:
        return [stream for stream in self.streams.values() if stream.channel == channel]

    def say(self, stream: Stream, kind: str, msg: Any, **more: Any) -> None:
        """A frame of a subscription, with its number where the channel has numbers."""
        message: dict[str, Any] = {"type": kind, "sid": stream.sid}
        if stream.channel in SEQUENCED:
            stream.seq += 1
            message["seq"] = stream.seq
            if self.lose and kind not in {"ok", "subscribed", "unsubscribed", "error"}:
                self.lose -= 1
                return
        message |= {"sending_ts_ms": NOON_NS // 1_000_000, "msg": msg} | more
        truth = {ticker: (dict(book.yes), dict(book.no)) for ticker, book in self.books.items()}
        self.out.append(Frame(encoded(message), stream.sid, truth if stream.channel == "orderbook_delta" else {}))

    def tell(self, message: dict[str, Any]) -> None:
        """A frame of no subscription."""
        self.out.append(Frame(encoded(message), 0))

    # What is asked of it ------------------------------------------------------------------------------------

    def take(self, text: str) -> None:
        command = json.loads(text)
        self.commands.append(command)
        if self.is_deaf:
            return
        refusal = self.refuse(command)
        if refusal is not None:
            msg = refusal if isinstance(refusal, dict) else {"code": refusal, "msg": "refused"}
            self.tell({"id": command["id"], "type": "error", "msg": msg})
            return
        getattr(self, "_" + command["cmd"])(command["id"], command.get("params", {}))

    def _subscribe(self, number: int, params: dict[str, Any]) -> None:
        for channel in params["channels"]:
            self._sids += 1
            items = list(params.get("market_tickers", params.get("index_ids", [])))
            stream = self.streams[self._sids] = Stream(self._sids, channel, items)
            self.tell({"id": number, "type": "subscribed", "msg": {"channel": channel, "sid": stream.sid}})
            if channel == "orderbook_delta":
                assert params["use_yes_price"] is True
                for ticker in items:
                    self.snapshot(stream, ticker)

    def _unsubscribe(self, number: int, params: dict[str, Any]) -> None:
        for sid in params["sids"]:
            stream = self.streams.pop(sid, None)
            if stream is None:
                self.tell({"id": number, "type": "error", "msg": {"code": 7, "msg": "Unknown subscription ID"}})
                continue
            stream.seq += 1
            self.out.append(Frame(encoded({"id": number, "sid": sid, "seq": stream.seq, "type": "unsubscribed"}), sid))

    def _list_subscriptions(self, number: int, params: dict[str, Any]) -> None:
        rows = [{"channel": stream.channel, "sid": stream.sid} for stream in self.streams.values()]
        self.tell({"id": number, "type": "ok", "msg": rows})

    def _update_subscription(self, number: int, params: dict[str, Any]) -> None:
        stream = self.streams.get(params["sid"])
        if stream is None:
            self.tell({"id": number, "type": "error", "msg": {"code": 7, "msg": "Unknown subscription ID"}})
            return
        action, items = params["action"], params.get("market_tickers", params.get("index_ids", []))
        if action == "get_snapshot":
            for ticker in items:
                self.snapshot(stream, ticker, number)
            return
        if action == "indexlist":
            self.say(stream, "cfbenchmarks_value_indexlist", {"index_ids": ["BRTI", "ETHUSD_RTI"]}, id=number)
            return
        if action in {"add_markets", "subscribe_indices"}:
            stream.items += [item for item in items if item not in stream.items]
        else:
            stream.items = [item for item in stream.items if item not in items]
        key = "index_ids" if stream.channel == "cfbenchmarks_value" else "market_tickers"
        self.say(stream, "ok", {key: stream.items}, id=number)
        if action == "add_markets" and stream.channel == "orderbook_delta":
            for ticker in items:
                self.snapshot(stream, ticker)


class Client:
    """A KalshiSocket on a TinyExchange, and what somebody who listens to its events believes."""

    def __init__(self, markets: Iterable[str] = (BTC,), indices: Iterable[str] = ("BRTI",), **options: Any) -> None:
        self.wanted = Wanted(markets, indices, options.pop("series", ()), is_private=options.pop("is_private", False))
        self.exchange = TinyExchange()
        self.counts = Counts()
        self.notes: list[Note] = []
        self.events: list[MarketEvent] = []
        self.believed: dict[str, OrderBook] = {}
        self.now_ns = NOON_NS
        endpoint = Endpoint("ws://127.0.0.1:1/trade-api/ws/v2")
        self.socket = KalshiSocket(self.wanted, endpoint, self.counts, note=self.notes.append, **options)
        self.hear(self.socket.opened(self.now_ns))

    def hear(self, events: list[MarketEvent]) -> list[MarketEvent]:
        self.events += events
        for event in events:
            if isinstance(event, BookSnapshot):
                book = self.believed[event.ticker] = OrderBook()
                book.replace(event.yes, event.no)
            elif isinstance(event, BookDelta):
                self.believed[event.ticker].change(event.is_yes, event.price, event.change)
            elif isinstance(event, FeedStatus) and event.state in {"lost", "unavailable"}:
                self.believed.pop(event.subject, None)
        return events

    def frame(self, message: dict[str, Any] | bytes) -> list[MarketEvent]:
        """This frame comes."""
        data = message if isinstance(message, bytes) else encoded(message)
        return self.hear(self.socket.hear(data, self.now_ns))

    def send(self, most: int = 1_000) -> int:
        """What the client wants to say arrives there."""
        texts, self.socket.to_send[:] = self.socket.to_send[:most], self.socket.to_send[most:]
        for text in texts:
            self.exchange.take(text)
        return len(texts)

    def receive(self, most: int = 1_000) -> int:
        """What the exchange has said arrives here."""
        done = 0
        while self.exchange.out and done < most:
            self.frame(self.exchange.out.popleft().data)
            done += 1
        return done

    def settle(self) -> None:
        """Everything that is on its way arrives, until nothing is."""
        while self.send() + self.receive():
            pass

    def wait(self, seconds: float, step: float = 0.25) -> None:
        """Time passes; what is said is answered."""
        until_ns = self.now_ns + round(seconds * SECOND_NS)
        while self.now_ns < until_ns:
            self.now_ns += round(step * SECOND_NS)
            self.hear(self.socket.due(self.now_ns))
            self.settle()

    @property
    def said(self) -> list[dict[str, Any]]:
        return self.exchange.commands

    def statuses(self) -> list[tuple[str, str, str]]:
        return [(e.state, e.subject, e.reason) for e in self.events if isinstance(e, FeedStatus)]

    def is_synced(self) -> bool:
        return self.socket.is_synced

    def is_true(self, ticker: str) -> bool:
        """Whether what is believed of a market is so."""
        mine, theirs = self.believed[ticker], self.exchange.book(ticker)
        return (mine.yes, mine.no) == (theirs.yes, theirs.no)
