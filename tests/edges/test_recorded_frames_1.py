"""Recorded frames of Binance, Coinbase and Kraken: every frame is understood or named, and the books that come out of them
are compared with what the venues themselves said of their best prices, and with their checksums. The counts are exact."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import zstandard
from django.conf import settings

from markets.core.events import MarketEvent, SpotPrice
from markets.core.venue_book import VenueBook
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint, Page, Reconnect, Refused, Unreadable, VenueSocket
from markets.feeds.venues.binance import BinanceSocket
from markets.feeds.venues.coinbase import BooksSocket, TradesSocket
from markets.feeds.venues.coinbase_exchange import ExchangeSocket
from markets.feeds.venues.kraken import KrakenSocket
from markets.feeds.venues.kraken_messages import CHECKED, BookData, LevelText, checksum, read_levels
from tests.round_trip import Listener

pytestmark = pytest.mark.recorded

FRAMES = settings.RECORDED_DATA / "frames"
RAW = settings.RECORDED_DATA / "raw" / "exchange_ws"
REFERENCE = settings.RECORDED_DATA.parent / "reference" / "exchange-feeds.md"
NOWHERE = Endpoint("ws://ws", "http://rest")
NOW_NS = 1_790_000_000 * 10**9
Document = dict[str, Any]


class Frame(NamedTuple):
    """One frame as it was received; `subject` is set for a page."""

    at_ns: int
    text: bytes
    subject: str = ""

    @property
    def document(self) -> Document:
        return msgspec.json.decode(self.text, type=dict[str, Any])


class Heard:
    """Frames given to one socket: what came of each kind, and of the books."""

    def __init__(self, socket: VenueSocket) -> None:
        self.socket, self.listener = socket, Listener()
        self.kinds: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        socket.opened(NOW_NS)

    def hear(self, frame: Frame) -> list[MarketEvent]:
        """One frame or page. Outcomes: "told" something, "silent", or the name of what was raised."""
        try:
            if frame.subject:
                events = self.socket.fetched(Page("page", frame.subject), frame.text, frame.at_ns)
            else:
                events = self.socket.hear(frame.text, frame.at_ns)
        except (Unreadable, Reconnect, Refused) as error:
            self.outcomes[f"{type(error).__name__}: {str(error).partition(':')[0]}"[:60]] += 1
            return []
        for event in events:
            self.kinds[type(event).__name__] += 1
            self.listener.hear(event)
        self.outcomes["told" if events else "silent"] += 1
        return events

    @property
    def troubles(self) -> list[Any]:
        counts = self.socket.counts
        return [it for it in (counts.gaps, counts.resyncs, dict(counts.missing), list(counts.words)) if it]


def session(path: Path) -> Iterator[Frame]:
    """What was received in a session, pages with the symbol they were asked for."""
    for line in gzip.decompress(path.read_bytes()).splitlines():
        head, _, text = line.rstrip().partition(b": ")
        if b" -> " in head:
            url, _, at = head.partition(b" -> ")
            yield Frame(int(float(at) * 1e9), text, url.partition(b"symbol=")[2].partition(b"&")[0].decode())
        elif text and not head.startswith(b"wss:"):
            yield Frame(int(float(head) * 1e9), text)


def stamped(path: Path) -> Iterator[Frame]:
    """Lines of a time in ns and a frame; a page is one that is of no stream."""
    for line in gzip.decompress(path.read_bytes()).splitlines():
        at, text = line.rstrip().split(b" ", 1)
        yield Frame(int(at), text, "IT" if text.startswith(b'{"lastUpdateId"') else "")


def logged(path: Path) -> Iterator[Frame]:
    """What was received, out of a log of JSON lines."""
    for line in zstandard.decompress(path.read_bytes(), max_output_size=1 << 26).splitlines():
        entry = msgspec.json.decode(line)
        if entry["t"] == "recv":
            yield Frame(int(entry["ts"] * 1e9), entry["data"].encode())


def lines(path: Path) -> list[Frame]:
    """One frame a line, behind a name where there is one."""
    return [Frame(NOW_NS, line.rpartition(b"\t")[2]) for line in path.read_bytes().splitlines()]


def documented(section: int) -> list[Frame]:
    """The JSON examples of one section of the reference."""
    text = REFERENCE.read_text().partition(f"\n## {section}. ")[2].partition("\n## ")[0]
    blocks = text.split("```json\n")[1:]
    return [Frame(NOW_NS, line.encode()) for block in blocks for line in block.partition("```")[0].strip().splitlines()]


def binance(symbols: Iterable[str], feed: str = "binance") -> Heard:
    heard = Heard(BinanceSocket(feed, {symbol: symbol for symbol in symbols}, NOWHERE, Counts()))
    heard.socket.hear(b'{"result":null,"id":1}', NOW_NS)
    return heard


class Tops:
    """Compares a book with bookTicker wherever both speak of the same update."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, int], tuple[float, ...]] = {}
        self.compared = self.equal = self.crossed = self.used = 0

    def look(self, heard: Heard, frame: Frame, symbol: str = "") -> None:
        data = frame.document.get("data", {})
        name = symbol or data.get("s", "")
        if "B" in data:
            self.said[name, data["u"]] = tuple(float(data[field]) for field in "bBaA")
            return
        book = heard.listener.books.get(name)
        if data.get("e") != "depthUpdate" or book is None:
            return
        self.used += 1
        self.crossed += book.is_crossed
        top = self.said.get((name, data["u"]))
        self.compared += top is not None
        self.equal += top == book.top_of_book()


# Binance --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "symbols", "used", "compared", "first", "unknown"),
    [
        ("BINANCE", {"NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"}, 173, 26, ("NKNUSDT", 499869752, 499869754), {"kline_1m": 2, "aggTrade": 2}),
        ("BINANCE_US", {"COMPUSDT", "OMGBUSD", "CRVUSDT", "ZRXUSDT"}, 332, 56, ("COMPUSDT", 113129219, 113129220), {"kline_1m": 5, "aggTrade": 11}),
    ],
)  # fmt: skip
def test_binance_sessions_of_2021_chain_from_their_pages_and_agree_with_book_ticker(
    name: str, symbols: set[str], used: int, compared: int, first: tuple[str, int, int], unknown: dict[str, int]
) -> None:
    folder = FRAMES / "cryptofeed"
    frames = [*session(folder / f"{name}.ws.1.0.gz"), *session(folder / f"{name}.http.0.0.gz")]
    heard, tops = binance(symbols), Tops()
    begun: dict[str, list[int]] = {}
    for frame in sorted(frames, key=lambda frame: frame.at_ns):
        events = heard.hear(frame)
        for event in events:
            if getattr(event, "seq", 0):
                begun.setdefault(event.asset, []).append(event.seq)  # type: ignore[union-attr]
        tops.look(heard, frame)
    assert heard.troubles == []
    assert heard.socket.is_synced
    assert begun[first[0]][:2] == list(first[1:])
    assert set(heard.outcomes) == {"told", "silent"}
    assert (tops.used, tops.crossed, tops.compared, tops.equal) == (used, 0, compared, compared)
    assert dict(heard.socket.counts.unknown) == unknown


@pytest.mark.parametrize(
    ("coin", "depths", "compared", "trades", "quotes"),
    [("btcusdt", 6492, 1072, 19904, 73174), ("ethusdt", 6468, 1056, 14515, 58758)],
)
def test_binance_of_2024_two_days_from_one_page(
    coin: str, depths: int, compared: int, trades: int, quotes: int
) -> None:
    socket = BinanceSocket("binance", {"IT": coin.upper()}, NOWHERE, Counts())
    heard, tops = Heard(socket), Tops()
    socket.hear(b'{"result":null,"id":1}', NOW_NS)
    for day in ("20240808", "20240809"):
        for frame in stamped(RAW / f"hftbacktest_binance_spot_{coin}_{day}.gz"):
            heard.hear(frame)
            tops.look(heard, frame, "IT")
    assert heard.troubles == []
    assert dict(socket.counts.unknown) == {}
    assert (tops.used, tops.crossed, tops.compared, tops.equal) == (depths, 0, compared, compared)
    assert (heard.kinds["SpotPrice"], heard.kinds["SpotQuote"]) == (trades, quotes)


def test_binance_of_2026_the_best_twenty_are_the_seed_of_the_book_they_are_compared_with() -> None:
    partial, *diffs = lines(FRAMES / "live2026" / "binance_spot_btcusdt_depth_100ms.jsonl")
    heard = binance({"BTCUSDT"})
    heard.hear(partial)
    assert dict(heard.socket.counts.unknown) == {"depth20@100ms": 1}
    for frame in diffs:
        heard.hear(frame)
    seed = msgspec.json.encode(partial.document["data"])
    assert len(heard.hear(Frame(NOW_NS, seed, "BTCUSDT"))) == 3  # the first diff ends where the seed does
    assert heard.socket.is_synced
    assert heard.troubles == []


def test_binance_shapes_of_another_project() -> None:
    frames = lines(FRAMES / "tardis-node" / "binance.jsonl")
    heard = binance({"BNBBTC", "BTCUSDT"})
    for frame in frames:
        heard.hear(frame)
    assert heard.kinds == {"SpotPrice": 2, "SpotQuote": 1}
    # the depth streams are those of 1000 ms, the snapshots are that project's own
    assert heard.socket.counts.unknown == {"ticker": 1, "depth": 4, "depthSnapshot": 2}
    assert heard.outcomes == {"told": 3, "silent": 7}


# Coinbase -------------------------------------------------------------------------------------------------------


def test_coinbase_exchange_of_2021_agrees_with_its_tickers() -> None:
    frames = list(session(FRAMES / "cryptofeed" / "COINBASE.ws.28.0.gz"))
    products = {frame.document["product_id"] for frame in frames if b'"snapshot"' in frame.text[:40]}
    socket = ExchangeSocket("coinbase", {product: product for product in products}, NOWHERE, Counts())
    heard = Heard(socket)
    takers: dict[tuple[str, int], str] = {}
    tickers: dict[tuple[str, int], tuple[str, bool]] = {}
    kinds: Counter[str] = Counter()
    awaited: dict[str, tuple[int, tuple[float, float]]] = {}
    crossed = 0
    for frame in frames:
        events, document = heard.hear(frame), frame.document
        kind, product = document["type"], document.get("product_id", "")
        kinds[kind] += 1
        book = socket.books[product].book if product else VenueBook()
        crossed += book.is_crossed
        for event in events:
            if isinstance(event, SpotPrice):
                takers[product, document["trade_id"]] = event.taker
        if kind == "l2update" and product in awaited and awaited[product][1] == (book.bid, book.ask):
            trade_id, _ = awaited.pop(product)
            tickers[product, trade_id] = tickers[product, trade_id][0], True
        if kind == "ticker":
            best = float(document["best_bid"]), float(document["best_ask"])
            tickers[product, document["trade_id"]] = document["side"], best == (book.bid, book.ask)
            if best != (book.bid, book.ask):
                awaited[product] = document["trade_id"], best
    live = [(takers[key], *ticker) for key, ticker in tickers.items() if key in takers]
    compared, same_side = len(live), sum(taker == side for taker, side, _ in live)
    agreed = sum(is_right for _, _, is_right in live)
    assert kinds == {"l2update": 9719, "ticker": 107, "match": 97, "snapshot": 10, "last_match": 10, "subscriptions": 3}
    assert (compared, same_side, agreed, crossed) == (97, 97, 97, 0)
    assert heard.troubles == []
    assert set(heard.outcomes) == {"told", "silent"}
    assert dict(socket.counts.unknown) == {}


def test_coinbase_advanced_of_2026_has_no_gap_and_agrees_with_its_tickers() -> None:
    symbols = {"BTC-USD": "BTC-USD", "ETH-USD": "ETH-USD"}
    books = Heard(BooksSocket("coinbase", symbols, NOWHERE, Counts()))
    trades = Heard(TradesSocket("coinbase/trades", symbols, NOWHERE, Counts()))
    channels: Counter[str] = Counter()
    tops: dict[str, list[tuple[str, tuple[float, ...]]]] = {symbol: [] for symbol in symbols}
    tickers: list[tuple[str, str, tuple[float, ...]]] = []
    for frame in logged(RAW / "cryptofeed_COINBASE.jsonl.zst"):
        document = frame.document
        channels[document["channel"]] += 1
        books.hear(frame)
        trades.hear(frame)
        for event in document["events"]:
            if document["channel"] == "l2_data":
                product = event["product_id"]
                kept = books.socket.books[product]  # type: ignore[attr-defined]
                assert not kept.book.is_crossed
                tops[product].append((document["timestamp"], kept.book.top_of_book()))
            for ticker in event.get("tickers", ()):
                top = tuple(float(ticker[f"best_{field}"]) for field in ("bid", "bid_quantity", "ask", "ask_quantity"))
                tickers.append((ticker["product_id"], document["timestamp"], top))
    agreed: Counter[str] = Counter()
    for product, at, top in tickers:
        if not tops[product] or at < tops[product][0][0]:
            agreed["before the book"] += 1
            continue
        agreed[agreement(tops[product], at, top)] += 1
    assert channels == {
        "l2_data": 775,
        "ticker": 160,
        "market_trades": 59,
        "heartbeats": 25,
        "candles": 6,
        "subscriptions": 5,
    }
    # the rest are states between two batches of the book, which comes every 50 ms
    assert agreed == {
        "before the book": 6, "prices and sizes": 114, "prices and sizes within 100 ms": 28, "prices within 100 ms": 7,
        "no": 5,
    }  # fmt: skip
    assert books.troubles == trades.troubles == []
    assert books.socket.is_synced
    assert trades.socket.is_synced
    assert (trades.kinds["SpotPrice"], books.kinds["SpotBook"]) == (79, 2)
    assert set(books.outcomes) == set(trades.outcomes) == {"told", "silent"}


def agreement(tops: list[tuple[str, tuple[float, ...]]], at: str, top: tuple[float, ...]) -> str:
    """How a ticker's best prices agree with the book: at its time, or with a state of it at most 100 ms away."""
    near = [state for stamp, state in tops if abs(milliseconds(stamp) - milliseconds(at)) <= 100.0]
    last = next(state for stamp, state in reversed(tops) if stamp <= at)
    if last == top:
        return "prices and sizes"
    if top in near:
        return "prices and sizes within 100 ms"
    if any((top[0], top[2]) == (state[0], state[2]) for state in [last, *near]):
        return "prices within 100 ms"
    return "no"


def milliseconds(stamp: str) -> float:
    """Of the day."""
    hours, minutes, seconds = stamp[11:].rstrip("Z").split(":")
    return ((int(hours) * 60 + int(minutes)) * 60 + float(seconds)) * 1000.0


def test_coinbase_sides_at_the_quote() -> None:
    """Trades at the ask were bought, trades at the bid were sold."""
    whole, frame = lines(FRAMES / "live2026" / "coinbase_advanced_btcusd.jsonl")
    books = Heard(BooksSocket("coinbase", {"BTC": "BTC-USD"}, NOWHERE, Counts()))
    books.hear(whole)
    assert books.kinds == {"SpotBook": 1}
    live = frame.text.replace(b'"snapshot"', b'"update"')
    heard = Heard(TradesSocket("coinbase/trades", {"BTC": "BTC-USD"}, NOWHERE, Counts()))
    events = heard.hear(Frame(NOW_NS, live))
    assert {(event.price, event.taker) for event in events if isinstance(event, SpotPrice)} == {
        (83285.0, "buy"), (83284.99, "sell")
    }  # fmt: skip


def test_coinbase_shapes_of_other_projects() -> None:
    products = ("BTC-USD", "ETH-USD", "ETC-GBP", "BTC-EUR", "BAT-USDC", "YFI-USD")
    heard = Heard(ExchangeSocket("coinbase", {product: product for product in products}, NOWHERE, Counts()))
    for frame in lines(FRAMES / "tardis-node" / "coinbase_exchange.jsonl"):
        heard.hear(frame)
    assert heard.kinds == {"SpotPrice": 1, "SpotBook": 2, "SpotQuote": 3}
    assert heard.outcomes == {"told": 6, "silent": 3}  # changes of books that never began
    assert dict(heard.socket.counts.missing) == {"snapshot.size": 1}
    outcomes = Counter[str]()
    kinds = Counter[str]()
    for frame in lines(FRAMES / "nautilus" / "coinbase_ws_examples.tsv"):  # each of another connection
        for maker in (BooksSocket, TradesSocket):
            heard = Heard(maker("coinbase", {"BTC": "BTC-USD"}, NOWHERE, Counts()))
            heard.hear(frame)
            outcomes.update(heard.outcomes)
            kinds.update(heard.kinds)
    assert outcomes == {"told": 4, "silent": 10}
    assert kinds == {"FeedBeat": 2, "SpotBook": 1, "SpotPrice": 2}


# Kraken ---------------------------------------------------------------------------------------------------------


class Ten(KrakenSocket):
    """The depth of the recording."""

    depth = 10


def kraken(*symbols: str) -> Heard:
    return Heard(Ten("kraken", {symbol: symbol for symbol in symbols}, NOWHERE, Counts()))


def test_kraken_of_2026_24_of_24_checksums() -> None:
    heard = kraken("BTC/USD")
    for frame in lines(FRAMES / "live2026" / "kraken_v2_book_btcusd_d10.jsonl"):
        heard.hear(frame)
    assert heard.kinds == {"SpotBook": 1, "SpotLevels": 23, "FeedBeat": 1}
    assert heard.troubles == []


def test_kraken_without_the_cut_to_the_window_9_of_24_fail() -> None:
    book, digits, wrong = VenueBook(), ({}, {}), 0  # type: ignore[var-annotated]
    for frame in lines(FRAMES / "live2026" / "kraken_v2_book_btcusd_d10.jsonl"):
        if b'"book","type"' not in frame.text:
            continue
        (data,) = msgspec.json.decode(frame.text, type=KrakenBooks).data
        book.change(read_levels(data.bids, digits[0]), read_levels(data.asks, digits[1]))
        wrong += checksum(book, *digits) != data.checksum
    assert wrong == 9


def test_kraken_the_vendors_own_example() -> None:
    heard = kraken("BTC/USD")
    (frame,) = lines(FRAMES / "live2026" / "kraken_v2_docs_checksum_vector.json")
    assert b"3310070434" in frame.text
    heard.hear(frame)
    assert heard.kinds == {"SpotBook": 1}


def test_kraken_answers() -> None:
    heard = kraken("MINA/GBP")
    for frame in lines(FRAMES / "live2026" / "kraken_v2_control.jsonl"):
        heard.hear(frame)
    assert heard.outcomes == {"Refused: Subscription depth not supported": 1, "silent": 2}


def test_kraken_shapes_of_other_projects() -> None:
    heard = kraken("BTC/USD", "AAPLx/USD")
    for frame in lines(FRAMES / "tardis-node" / "kraken_v2_shapes.jsonl"):
        heard.hear(frame)
    # the checksums are invented, one is not there at all
    assert heard.outcomes == {"told": 2, "silent": 3, "Unreadable: Object missing required field `checksum` - at `$": 1}
    assert list(heard.socket.counts.words) == ["AAPLx/USD: the checksum does not fit"]
    assert dict(heard.socket.counts.unknown) == {"ticker": 2}
    heard = kraken("BTC/USD")
    for frame in lines(FRAMES / "nautilus" / "kraken_ws_examples.tsv"):
        heard.hear(frame)
    assert heard.kinds == {"FeedStatus": 1, "FeedBeat": 1, "SpotPrice": 2}
    assert heard.outcomes == {"told": 3, "silent": 4}
    assert dict(heard.socket.counts.unknown) == {"ticker": 1, "ohlc": 1}


class KrakenBooks(msgspec.Struct):
    """Only the books."""

    data: list[BookData]


def test_kraken_v1_is_not_spoken_but_its_4269_checksums_are_made_alike() -> None:
    """Version 1 writes arrays with numbers in text; we do not subscribe to it. Its checksum is that of version 2."""
    books: dict[str, tuple[VenueBook, dict[float, bytes], dict[float, bytes]]] = {}
    right = wrong = 0
    for frame in session(FRAMES / "cryptofeed" / "KRAKEN.ws.50.0.gz"):
        document = json.loads(frame.text)
        if isinstance(document, dict):
            continue
        pair, parts = document[-1], document[1:-2]
        book, bid_digits, ask_digits = books.setdefault(pair, (VenueBook(), {}, {}))
        book.depth = 1000
        for part in parts:
            bids = read_levels(texts(part.get("bs", part.get("b", ()))), bid_digits)
            asks = read_levels(texts(part.get("as", part.get("a", ()))), ask_digits)
            book.change(bids, asks)
        said = [part["c"] for part in parts if "c" in part]
        if said:
            is_right = checksum(book, bid_digits, ask_digits) == int(said[-1])
            right, wrong = right + is_right, wrong + (not is_right)
    assert (right, wrong) == (4269, 0)
    assert CHECKED == 10


def texts(levels: Iterable[list[str]]) -> list[LevelText]:
    return [LevelText(msgspec.Raw(level[0].encode()), msgspec.Raw(level[1].encode())) for level in levels]


@pytest.mark.parametrize(("name", "arrays", "objects"), [("48", 8, 41), ("49", 18, 42), ("50", 4279, 42)])
def test_kraken_v1_is_named_as_not_spoken(name: str, arrays: int, objects: int) -> None:
    heard = kraken("BTC/USD")
    for frame in session(FRAMES / "cryptofeed" / f"KRAKEN.ws.{name}.0.gz"):
        heard.hear(frame)
    assert heard.outcomes == {"Unreadable: Expected `object`, got `array`": arrays, "silent": objects}
    assert heard.socket.counts.unknown == {"a frame without channel": objects}


def test_kraken_v1_shapes_are_not_spoken_either() -> None:
    heard = kraken("BTC/USD")
    for frame in lines(FRAMES / "tardis-node" / "kraken_v1.jsonl"):
        heard.hear(frame)
    assert heard.outcomes == {"Unreadable: Expected `object`, got `array`": 8}


# The examples of the reference ----------------------------------------------------------------------------------


def test_documented_binance() -> None:
    """Payloads are wrapped as the combined stream has them. Four are our own requests."""
    heard = binance({"BTCUSDT"})
    requests = 0
    for frame in documented(4):
        document = frame.document
        requests += "method" in document
        kind = {"trade": "trade", "depthUpdate": "depth@100ms"}.get(document.get("e", ""), document.get("e", ""))
        kind = "bookTicker" if "B" in document and not kind else kind
        text = msgspec.json.encode({"stream": f"btcusdt@{kind}", "data": document}) if kind else frame.text
        if "method" not in document:
            heard.hear(Frame(NOW_NS, text))
    assert (requests, heard.outcomes) == (4, {"told": 2, "silent": 10})
    assert heard.kinds == {"SpotPrice": 1, "SpotQuote": 1}
    # the partial book has no stream's name in the example, and would be "depth20@100ms"
    assert heard.socket.counts.unknown == {"aggTrade": 1, "24hrTicker": 1, "kline": 1, "a frame without stream": 1}
    assert list(heard.socket.counts.words) == ["Invalid request: missing field `method` at line 1 column 73"]
    assert heard.socket.renewal_asked


def test_documented_coinbase() -> None:
    """Each as the first frame of a connection. Seven are our own requests."""
    outcomes: dict[str, Counter[str]] = {}
    kinds: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for frame in documented(5):
        document = frame.document
        if "subscribe" in document.get("type", ""):
            outcomes.setdefault("requests", Counter())["of ours"] += 1
            continue
        is_advanced = "channel" in document or document.keys() == {"type", "message"}
        for maker in (BooksSocket, TradesSocket) if is_advanced else (ExchangeSocket,):
            heard = Heard(maker("coinbase", {"BTC": "BTC-USD", "SKL": "SKL-BTC"}, NOWHERE, Counts()))
            heard.hear(frame)
            outcomes.setdefault(maker.__name__, Counter()).update(heard.outcomes)
            kinds += heard.kinds
            unknown += heard.socket.counts.unknown
    assert outcomes == {
        "requests": {"of ours": 7}, "BooksSocket": {"told": 2, "silent": 6}, "TradesSocket": {"told": 2, "silent": 6},
        "ExchangeSocket": {"told": 4, "silent": 3},
    }  # fmt: skip
    assert kinds == {"SpotBook": 2, "SpotPrice": 2, "SpotQuote": 1, "FeedBeat": 3}
    assert unknown == {"l2_data": 2, "market_trades": 2, "ticker": 2}  # of the other connection, or not asked for


def test_documented_kraken() -> None:
    """Each as the first frame of a connection. Five are our own requests; the books are cut, so that their checksums do
    not fit."""
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for frame in documented(6):
        if "params" in frame.document or frame.document == {"method": "ping", "req_id": 101}:
            outcomes["of ours"] += 1
            continue
        heard = kraken("BTC/USD", "FOO/USD")
        heard.hear(frame)
        outcomes += heard.outcomes
        kinds += heard.kinds
        unknown += heard.socket.counts.unknown
    assert outcomes == {"of ours": 5, "told": 5, "silent": 7, "Refused: Subscription depth not supported": 1}
    assert kinds == {"FeedStatus": 2, "FeedBeat": 2, "SpotPrice": 1}
    assert unknown == {"ticker": 1, "ohlc": 1, "instrument": 1}
