"""Recorded and documented frames of Bitstamp, Gemini, Crypto.com, Bullish and LMAX: every one is understood or named, and the
books that come out of them are compared with what the venues themselves said. The counts are exact."""

import gzip
import re
from collections import Counter, defaultdict
from typing import Any, NamedTuple

import msgspec
import pytest
import zstandard
from django.conf import settings

from markets.core.events import MarketEvent, SpotBook, SpotPrice, SpotQuote
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint, Unreadable, VenueSocket
from markets.feeds.venues.bitstamp import BitstampSocket
from markets.feeds.venues.bullish import BullishBooks, BullishTrades
from markets.feeds.venues.crypto_com import CryptoComSocket
from markets.feeds.venues.gemini import GeminiSocket
from markets.feeds.venues.gemini_v2 import GeminiV2Socket
from markets.feeds.venues.lmax import LmaxSocket

pytestmark = pytest.mark.recorded

FRAMES = settings.RECORDED_DATA / "frames"
RAW = settings.RECORDED_DATA / "raw" / "exchange_ws"
REFERENCE = settings.RECORDED_DATA.parent / "reference" / "exchange-feeds.md"
NOWHERE = Endpoint("ws://ws", "http://rest")
NOW_NS = 1_790_000_000 * 10**9
SYMBOL = re.compile(
    r'"(?:s|symbol|i|instrument_name|instrument_id)":"([^"]+)"|(?:diff_order_book|live_trades)_([a-z]+)"'
)
OURS = re.compile(
    r'"method":"(?:ping|keepalivePing|public/respond-heartbeat)"|"(?:un)?subscribe","params"|"type":"(?:SUBSCRIBE|subscribe)"'
    r'|"bts:(?:un)?subscribe"|^\{"event":"bts:heartbeat"\}'
)


class Frame(NamedTuple):
    """One frame as it was received."""

    at_ns: int
    text: bytes


class Heard:
    """Frames given to one socket whose symbols are their own assets: what came of them."""

    def __init__(self, kind: type[VenueSocket], feed: str, frames: list[Frame]) -> None:
        found = {one or other for frame in frames for one, other in SYMBOL.findall(frame.text.decode())}
        self.counts, self.frames = Counts(), frames
        self.socket = kind(feed, {symbol: symbol for symbol in sorted(found)}, NOWHERE, self.counts)
        self.socket.opened(frames[0].at_ns)
        self.kinds: Counter[str] = Counter()
        self.unreadable: list[str] = []

    def hear(self, frame: Frame) -> list[MarketEvent]:
        try:
            events = self.socket.hear(frame.text, frame.at_ns)
        except Unreadable as error:
            self.unreadable.append(str(error))
            return []
        self.kinds.update([type(event).__name__ for event in events])
        return events

    def all(self) -> "Heard":
        for frame in self.frames:
            self.hear(frame)
        return self


def lines(name: str) -> list[Frame]:
    """One frame a line."""
    return [Frame(NOW_NS, line.encode()) for line in (FRAMES / name).read_text().splitlines() if line.strip()]


def session(name: str) -> list[Frame]:
    """What was received in a whole session."""
    found = []
    for line in gzip.decompress((FRAMES / "cryptofeed" / name).read_bytes()).splitlines():
        head, _, text = line.rstrip().partition(b": ")
        if text and not head.startswith(b"wss:"):
            found.append(Frame(int(float(head) * 1e9), text))
    return found


def captured(name: str) -> list[Frame]:
    """The same in the other form."""
    with (RAW / name).open("rb") as file:
        rows = [
            msgspec.json.decode(line) for line in zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
        ]
    return [Frame(int(row["ts"] * 1e9), row["data"].encode()) for row in rows if row["t"] == "recv"]


def documented(section: str) -> list[Frame]:
    """What the venue says in the examples of one section of the reference."""
    text = REFERENCE.read_text().partition(f"### {section}")[2].partition("\n### ")[0].partition("\n---")[0]
    examples = [line for line in text.splitlines() if line.startswith("{")]
    return [Frame(NOW_NS, line.encode()) for line in examples if not OURS.search(line)]


EXAMPLES: list[tuple[str, type[VenueSocket], list[Any]]] = [
    # frames, then what was told of them, then what was counted as unknown
    ("7.1", BitstampSocket, [7, {"SpotPrice": 1, "FeedBeat": 1}, []]),
    (
        "7.2",
        GeminiSocket,
        [8, {"SpotBook": 1, "SpotQuote": 1, "SpotPrice": 1, "FeedBeat": 1}, ["a frame without a kind"]],
    ),
    ("7.4", LmaxSocket, [4, {"SpotBook": 1, "SpotPrice": 1, "FeedBeat": 1}, []]),
    ("7.5", BullishBooks, [5, {"SpotBook": 1, "SpotQuote": 1, "SpotPrice": 1, "FeedBeat": 1}, []]),
    ("7.6", CryptoComSocket, [7, {"SpotBook": 2, "SpotQuote": 1, "FeedBeat": 1, "FeedStatus": 1}, []]),
]


@pytest.mark.parametrize(("section", "kind", "expected"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_every_documented_example_is_understood(section: str, kind: type[VenueSocket], expected: list[Any]) -> None:
    frames = documented(section)
    heard = Heard(kind, "venue", frames).all()
    assert not heard.unreadable
    assert [len(frames), dict(heard.kinds), sorted(heard.counts.unknown)] == expected


SAMPLES: list[tuple[str, type[VenueSocket], list[Any]]] = [
    # frames, then what was told of them, then what was counted as unknown and as missing
    ("tardis-node/bitstamp.jsonl", BitstampSocket, [7, {"SpotPrice": 2}, {"snapshot": 2}, {}]),  # its maker put those in
    ("tardis-node/gemini_v2.jsonl", GeminiV2Socket, [4, {"SpotBook": 1, "SpotPrice": 1}, {}, {}]),  # one is a block trade
    ("tardis-node/gemini_v3.jsonl", GeminiSocket, [4, {"SpotPrice": 1, "SpotQuote": 1}, {}, {}]),  # changes of no book
    ("live2026/gemini_v3.jsonl", GeminiSocket, [4, {"SpotBook": 1, "SpotQuote": 1, "FeedBeat": 1}, {}, {}]),
    (
        "tardis-node/crypto_com.jsonl", CryptoComSocket,
        [
            11, {"SpotQuote": 2, "SpotBook": 1, "SpotPrice": 1}, {"trade.dataTime": 3, "book.s": 1, "book.update.s": 1},
            {"ticker.bs": 1, "ticker.ks": 1, "book.u": 1, "book.update.pu": 1, "book.update.u": 1},
        ],
    ),  # half of them are of 2022, before the chain
    ("tardis-node/bullish_book.jsonl", BullishBooks, [3, {"SpotBook": 2}, {}, {}]),
    ("tardis-node/bullish_l1.jsonl", BullishBooks, [4, {"SpotQuote": 3, "FeedBeat": 1}, {}, {}]),
    ("tardis-node/bullish_trades.jsonl", BullishTrades, [4, {"FeedBeat": 1}, {}, {}]),  # each the first of its symbol
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "expected"), SAMPLES, ids=[sample[0] for sample in SAMPLES])
def test_every_sample_is_understood_or_named(name: str, kind: type[VenueSocket], expected: list[Any]) -> None:
    frames = lines(name)
    heard = Heard(kind, "venue", frames).all()
    assert not heard.unreadable
    assert [len(frames), dict(heard.kinds), dict(heard.counts.unknown), dict(heard.counts.missing)] == expected


def test_bitstamp_books_begin_with_their_pages_and_never_cross() -> None:
    frames = session("BITSTAMP.ws.1.0.gz")
    pages = {}
    for line in gzip.decompress((FRAMES / "cryptofeed" / "BITSTAMP.http.0.0.gz").read_bytes()).decode().splitlines():
        url, _, rest = line.partition(" -> ")
        pages[url.rpartition("/")[2]] = rest.partition(": ")[2].encode()
    heard = Heard(BitstampSocket, "bitstamp", frames)
    assert isinstance(heard.socket, BitstampSocket)
    diffs: Counter[str] = Counter()
    older: Counter[str] = Counter()
    crossed, last_us = 0, Counter[str]()
    for frame in frames:
        message = msgspec.json.decode(frame.text)
        events = heard.hear(frame)
        if message["event"] == "data":
            asset, at_us = message["channel"].rpartition("_")[2], int(message["data"]["microtimestamp"])
            assert at_us > last_us[asset]
            last_us[asset] = at_us
            diffs[asset] += 1
            older[asset] += not events
            crossed += heard.socket.books[asset].book.is_crossed
        for page in heard.socket.to_fetch:
            heard.kinds.update(
                [type(event).__name__ for event in heard.socket.fetched(page, pages[page.subject], frame.at_ns)]
            )
        heard.socket.to_fetch.clear()
    assert (len(frames), len(diffs), diffs.total(), older.total(), crossed) == (747, 9, 717, 102, 0)
    assert (diffs["ethusd"], older["ethusd"]) == (85, 12)
    assert heard.kinds == {"SpotBook": 10, "SpotLevels": 615, "SpotPrice": 10}
    assert heard.socket.is_synced
    assert not heard.unreadable + list(heard.counts.words)
    assert (heard.counts.gaps, dict(heard.counts.unknown), dict(heard.counts.missing)) == (0, {}, {})


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        # frames; told; books that were crossed after a change; trades at the side that the taker met, and others
        (lambda: session("GEMINI.ws.1.0.gz"), [678, {"SpotBook": 12, "SpotLevels": 595, "SpotPrice": 16, "FeedBeat": 7}, 0, 12, 4]),
        (lambda: captured("cryptofeed_GEMINI.jsonl.zst"), [563, {"SpotBook": 10, "SpotLevels": 549, "SpotPrice": 2, "FeedBeat": 2}, 0, 2, 0]),
    ],
    ids=["2021", "2026"],
)  # fmt: skip
def test_gemini_books_of_the_older_api_never_cross_and_trades_meet_them(frames: Any, expected: list[Any]) -> None:
    """The recorded sessions, that of August 2026 too, are of the older API: it has no times, ids or tickers to compare."""
    heard = Heard(GeminiV2Socket, "gemini", frames())
    assert isinstance(heard.socket, GeminiV2Socket)
    tops: dict[str, list[tuple[float, float]]] = defaultdict(lambda: [(0.0, 0.0)])
    crossed = met = 0
    for frame in heard.frames:
        for event in heard.hear(frame):
            if isinstance(event, SpotPrice):
                met += event.price in {top[event.taker == "buy"] for top in tops[event.asset][-2:]}
        for asset, kept in heard.socket.books.items():
            if kept.stands and tops[asset][-1] != (kept.book.bid, kept.book.ask):
                crossed += kept.book.is_crossed
                tops[asset].append((kept.book.bid, kept.book.ask))
    trades = heard.kinds["SpotPrice"]
    assert [len(heard.frames), dict(heard.kinds), crossed, met, trades - met] == expected
    assert not heard.unreadable + list(heard.counts.words)
    assert (dict(heard.counts.unknown), dict(heard.counts.missing)) == ({}, {})


def test_gemini_best_prices_are_those_of_the_book() -> None:
    heard = Heard(GeminiSocket, "gemini", lines("live2026/gemini_v3.jsonl"))
    events = [event for frame in heard.frames for event in heard.hear(frame)]
    [book] = [event for event in events if isinstance(event, SpotBook)]
    [quote] = [event for event in events if isinstance(event, SpotQuote)]
    assert ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size)) == (book.bids[0], book.asks[0])


def test_crypto_com_books_of_2021_agree_with_their_tickers() -> None:
    """Whole books twice a second, without a chain; tickers come at other times, and are compared with the book before
    and the book after them."""
    heard = Heard(CryptoComSocket, "crypto_com", captured("cryptofeed_CRYPTO.COM.jsonl.zst"))
    assert isinstance(heard.socket, CryptoComSocket)
    tops: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    quotes: list[SpotQuote] = []
    crossed = 0
    for frame in heard.frames:
        for event in heard.hear(frame):
            if isinstance(event, SpotBook):
                book = heard.socket.books[event.asset].book
                crossed += book.is_crossed
                tops[event.asset].append((event.venue_ns, book.bid, book.ask))
            elif isinstance(event, SpotQuote):
                quotes.append(event)
    agree: Counter[str] = Counter()
    for quote in quotes:
        before = [top for top in tops[quote.asset] if top[0] <= quote.venue_ns]
        after = [top for top in tops[quote.asset] if top[0] >= quote.venue_ns]
        best = (quote.bid, quote.ask)
        same_time = {top[1:] for top in before if top[0] == quote.venue_ns}
        agree["same time"] += bool(same_time)
        agree["same time, equal"] += best in same_time
        if before and after:
            agree["between two books"] += 1
            agree["between two books, equal to one"] += best in {before[-1][1:], after[0][1:]}
            if before[-1][1:] == after[0][1:]:
                agree["between two equal books"] += 1
                agree["between two equal books, equal"] += best == after[0][1:]
    assert len(heard.frames) == 3163
    assert heard.kinds == {"SpotBook": 1525, "SpotQuote": 1484, "SpotPrice": 143, "FeedBeat": 1}
    assert crossed == 0
    assert agree == {
        "same time": 135, "same time, equal": 134,  # 99.3 %
        "between two books": 1419, "between two books, equal to one": 1375,  # 96.9 %
        "between two equal books": 1087, "between two equal books, equal": 1078,  # 99.2 %
    }  # fmt: skip
    assert not heard.unreadable + list(heard.counts.words)
    assert dict(heard.counts.unknown) == {
        "candlestick": 10,
        "trade.dataTime": 20,
    }  # what the recorder had asked for, too
