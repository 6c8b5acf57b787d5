"""Two recorded runs of the real exchange: 170,000 changed levels heard by our socket, beside what others saw.

The recordings are of an older wire: NO prices on the NO side, no clock. They are turned into today's frames here.
"""

from collections import Counter, deque
from collections.abc import Iterator
from io import TextIOWrapper
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
import zstandard
from django.conf import settings

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot, FeedStatus, MarketEvent, TickerQuote
from markets.core.units import PRICE_DOLLAR, price_from_text, price_text
from markets.feeds.counts import Counts
from markets.feeds.kalshi.socket import KalshiSocket
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.venue import Endpoint
from tests.edges.test_recorded_runs import is_top

pytestmark = pytest.mark.recorded
RAW = settings.RECORDED_DATA / "raw" / "kalshi_ws"
TOP5 = settings.RECORDED_DATA / "kalshi_ws_btc15m_2026-05" / "kalshi_book_top5_1s.parquet"
ENDPOINT = Endpoint("wss://127.0.0.1/trade-api/ws/v2")
# file, run, changed levels, connections, how many of the recorder's own tops are ours. It wrote whole cents and counted half
# cents of its snapshots and of its changes differently: where prices move by a tenth of a cent its sizes are not exact.
RUNS = [
    ("kalshi_ws_rv600_forward_native_shadow_20260513T1522Z", "20260513T1522Z-rv600", 69_265, 2, 0.99),
    ("kalshi_ws_rv600_next_evidence_shadow_20260514T043808Z", "20260514T043809Z-b4042d24", 101_703, 3, 0.88),
]
DATA = ("orderbook_snapshot", "orderbook_delta", "ticker")


class Line(msgspec.Struct):
    """What the recorder wrote of one frame."""

    event_type: str
    local_recv_ns: int
    market_ticker: str
    sequence_number: int | None
    payload_json: dict[str, Any]


def lines(file: str) -> Iterator[Line]:
    decode = msgspec.json.Decoder(Line).decode
    with (RAW / f"{file}.ndjson.zst").open("rb") as packed:
        for line in TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed)):
            yield decode(line)


def in_yes_terms(payload: dict[str, Any]) -> dict[str, Any]:
    """As the exchange writes it now, asked for YES prices."""
    turned = dict(payload)
    if payload.get("side") == "no":
        turned["price_dollars"] = other(payload["price_dollars"])
    if "no_dollars_fp" in payload:
        turned["no_dollars_fp"] = [[other(price), count] for price, count in reversed(payload["no_dollars_fp"])]
    return turned


def other(price: str) -> str:
    return price_text(PRICE_DOLLAR - price_from_text(price))


class Replay:
    """The recorded frames, each heard by the socket of its connection; the socket's book beside a listener's."""

    def __init__(self, file: str, *, without: int = 0, as_it_was: bool = False) -> None:
        """`without` the change of this number; `as_it_was`: NO prices although YES prices were asked for."""
        self.without, self.as_it_was = without, as_it_was
        self.counts = Counts()
        self.connections = 0
        self.kinds: Counter[str] = Counter()
        self.statuses: list[FeedStatus] = []
        self.file = file
        self.socket: KalshiSocket | None = None
        self.book = OrderBook()  # of who listens

    def __iter__(self) -> Iterator[tuple[Line, MarketEvent]]:
        for line in lines(self.file):
            if line.event_type == "ws_connected":
                self._connect(line)
            elif line.event_type == "ws_subscribed":
                self._granted(line)
            elif line.event_type in DATA:
                for event in self._heard(line):
                    self._take(event)
                    yield line, event

    def _connect(self, line: Line) -> None:
        self.connections += 1
        self.socket = KalshiSocket(Wanted([line.market_ticker]), ENDPOINT, self.counts)
        self.socket.opened(line.local_recv_ns)

    def _granted(self, line: Line) -> None:
        """The reply that was recorded, with the id of our own command."""
        assert self.socket is not None
        asked = {
            command["params"]["channels"][0]: command["id"] for command in map(msgspec.json.decode, self.socket.to_send)
        }
        reply = line.payload_json | {"id": asked[line.payload_json["msg"]["channel"]]}
        assert self.socket.hear(msgspec.json.encode(reply), line.local_recv_ns) == []

    def _heard(self, line: Line) -> list[MarketEvent]:
        assert self.socket is not None
        frame: dict[str, Any] = {"type": line.event_type, "sid": 1 if line.event_type == "ticker" else 2}
        if line.sequence_number is not None:
            frame["seq"] = line.sequence_number
        if line.sequence_number == self.without and self.connections == 1:
            return []
        frame["msg"] = line.payload_json if self.as_it_was else in_yes_terms(line.payload_json)
        self.kinds[line.event_type] += 1
        return self.socket.hear(msgspec.json.encode(frame) + b"\n", line.local_recv_ns)

    def _take(self, event: MarketEvent) -> None:
        if isinstance(event, BookSnapshot):
            self.book.replace(event.yes, event.no)
        elif isinstance(event, BookDelta):
            self.book.change(event.is_yes, event.price, event.change)
        elif isinstance(event, FeedStatus):
            self.statuses.append(event)


@pytest.mark.parametrize(("file", "run", "deltas", "connections", "exact"), RUNS)
def test_every_recorded_change_is_heard_and_the_books_are_those_that_others_saw(
    file: str, run: str, deltas: int, connections: int, exact: float
) -> None:
    checkpoints = {(row["ticker"], row["seq"], row["recv_us"] // 60_000_000): row for row in saved_tops(run)}
    replay = Replay(file)
    told: Counter[type] = Counter()
    agreed, near = Counter[bool](), Counter[bool]()
    quotes = Quotes()
    for line, event in replay:
        told[type(event)] += 1
        if isinstance(event, TickerQuote):
            quotes.ask(event)
            continue
        quotes.book(line, replay.book)
        minute = line.local_recv_ns // 60_000_000_000
        row = checkpoints.get((line.market_ticker, line.sequence_number, minute))
        if row is not None:
            agreed[is_top(row, replay.book)] += 1
            near[is_near(row, replay.book)] += 1
    assert replay.statuses == []
    assert (replay.connections, told[BookDelta], replay.kinds["orderbook_delta"]) == (connections, deltas, deltas)
    assert told[BookSnapshot] == replay.kinds["orderbook_snapshot"]
    assert (replay.counts.gaps, replay.counts.resyncs, replay.counts.unreadable) == (0, 0, 0)
    assert told[TickerQuote] == replay.kinds["ticker"]
    assert agreed.total() > 600
    assert agreed[True] / agreed.total() >= exact
    assert near[True] / near.total() >= 0.99
    assert quotes.agreed.total() > 600
    assert quotes.agreed[True] / quotes.agreed.total() > 0.998


def test_a_recorded_change_that_is_left_out_is_noticed_at_the_next_and_the_book_is_asked_for() -> None:
    replay = Replay(RUNS[0][0], without=20_000)
    line = next(line for line, event in replay if isinstance(event, FeedStatus))
    assert line.sequence_number == 20_001
    (lost,) = replay.statuses
    assert (lost.state, lost.subject, lost.reason) == ("lost", line.market_ticker, "sequence gap: 20001 after 19999")
    assert replay.socket is not None
    command = msgspec.json.decode(replay.socket.to_send[-1])
    assert command["params"] == {"sid": 2, "action": "get_snapshot", "market_tickers": [line.market_ticker]}


def test_prices_in_other_terms_than_asked_for_are_not_believed() -> None:
    replay = Replay(RUNS[0][0], as_it_was=True)
    told = Counter(type(event) for _, event in replay)
    assert told[TickerQuote] == replay.kinds["ticker"]
    assert (told[BookDelta], told[BookSnapshot]) == (0, 1)  # the empty one at the close
    assert any("use_yes_price" in words for words in replay.counts.words)


def saved_tops(run: str) -> list[dict[str, Any]]:
    return pq.read_table(TOP5, filters=[("run", "=", run)]).to_pylist()  # type: ignore[no-any-return]


def is_near(row: dict[str, Any], book: OrderBook) -> bool:
    """Whether both best prices are the recorder's, but for the cent that half cents were counted to."""
    no = PRICE_DOLLAR - book.ask
    return abs(book.bid - 100 * (row["yes_bid1_cents"] or 0)) < 100 > abs(no - 100 * (row["no_bid1_cents"] or 0))


class Quotes:
    """The exchange's own summary of a market, beside the books that there were in that millisecond."""

    def __init__(self) -> None:
        self.agreed: Counter[bool] = Counter()
        self._tops: deque[tuple[int, int, int]] = deque(maxlen=20_000)
        self._asked: list[TickerQuote] = []
        self._ticker = ""

    def ask(self, quote: TickerQuote) -> None:
        self._asked.append(quote)

    def book(self, line: Line, book: OrderBook) -> None:
        """The book after a frame; quotes of a time that is over are compared."""
        at_ms = line.payload_json.get("ts_ms") or 0
        if line.market_ticker != self._ticker or not at_ms:
            self._ticker = line.market_ticker
            self._tops.clear()
            self._asked.clear()
            return
        waiting = []
        for quote in self._asked:
            quote_ms = quote.venue_ns // 1_000_000
            if quote_ms >= at_ms - 1_000:
                waiting.append(quote)
            elif self._tops and self._tops[0][0] < quote_ms - 2:
                self.agreed[(quote.bid, quote.ask) in self._at(quote_ms)] += 1
        self._asked = waiting
        self._tops.append((at_ms, book.bid, book.ask))

    def _at(self, at_ms: int) -> set[tuple[int, int]]:
        """All that were in that millisecond and its neighbours, and the last before."""
        found = set()
        for then_ms, bid, ask in reversed(self._tops):
            if then_ms <= at_ms + 1:
                found.add((bid, ask))
            if then_ms < at_ms - 1:
                break
        return found
