"""What a changed level of the exchange's book costs, from the bytes of its frame to the event: `python -m
markets.feeds.kalshi.frames_bench [FRAMES]` prints JSON."""

import json
import random
import sys
import time
from statistics import median
from typing import NamedTuple

from markets.core.book import OrderBook
from markets.core.units import PRICE_DOLLAR, SECOND_NS, count_text, price_text
from markets.feeds.counts import Counts
from markets.feeds.kalshi.frames import decode_delta
from markets.feeds.kalshi.socket import KalshiSocket
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.venue import Endpoint

FRAMES = 100_000
ROUNDS = 5
NOW_NS = 1_795_366_000 * SECOND_NS
MARKETS = tuple(f"KX{asset}15M-26NOV221200-00" for asset in ("BTC", "ETH", "SOL", "XRP", "DOGE"))
LOWEST, HIGHEST = 30, 49  # cents, on either side: never crossed
SIZES = (100, 1_000, 2_500, 10_000, 54, 31_337)


class FramesCost(NamedTuple):
    """Microseconds a frame: the best round, the median of rounds, and how much of the median is decoding alone."""

    frames: int
    least_us: float
    median_us: float
    decode_us: float


def measure(frames: int = FRAMES) -> FramesCost:
    """Hear so many frames, several times, each time with a new socket."""
    texts = recorded_like(frames)
    spent = [_heard(texts) for _ in range(ROUNDS)]
    started = time.perf_counter()
    for text in texts:
        decode_delta(text)
    decoding = time.perf_counter() - started
    return FramesCost(frames, min(spent) / frames * 1e6, median(spent) / frames * 1e6, decoding / frames * 1e6)


def lines(cost: FramesCost) -> list[str]:
    """The table, as it is printed."""
    return [
        f"{'A changed level, µs a frame':<30} {'least':>9} {'median':>9}",
        f"  {'from bytes to the event':<28} {cost.least_us:>9.2f} {cost.median_us:>9.2f}",
        f"  {'of that, decoding':<28} {'':>9} {cost.decode_us:>9.2f}",
    ]


def recorded_like(frames: int) -> list[bytes]:
    """Frames of five markets, mixed: levels that grow, shrink and go, with all the fields that the exchange writes."""
    rng = random.Random(7)
    books = {ticker: OrderBook() for ticker in MARKETS}
    return [_frame(rng, books, seq) for seq in range(len(MARKETS) + 1, len(MARKETS) + 1 + frames)]


def _frame(rng: random.Random, books: dict[str, OrderBook], seq: int) -> bytes:
    ticker, is_yes = rng.choice(MARKETS), rng.random() < 0.5
    price = 100 * rng.randint(LOWEST, HIGHEST)
    there = (books[ticker].yes if is_yes else books[ticker].no).get(price, 0)
    change = -there if there and rng.random() < 0.5 else rng.choice(SIZES)
    books[ticker].change(is_yes, price, change)
    ms = NOW_NS // 1_000_000 + seq
    msg = {
        "market_ticker": ticker,
        "market_id": "9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1",
        "clock": 4_182_057 + seq,
        "price_dollars": price_text(price if is_yes else PRICE_DOLLAR - price),
        "delta_fp": count_text(change),
        "side": "yes" if is_yes else "no",
        "ts": "2026-11-22T16:46:40.05Z",
        "ts_ms": ms,
    }
    frame = {"type": "orderbook_delta", "sid": 1, "seq": seq, "sending_ts_ms": ms, "msg": msg}
    return json.dumps(frame, separators=(",", ":")).encode()


def _heard(texts: list[bytes]) -> float:
    """Seconds."""
    socket = KalshiSocket(Wanted(MARKETS), Endpoint("ws://127.0.0.1:1/"), Counts())
    socket.opened(NOW_NS)
    socket.hear(b'{"id":1,"type":"subscribed","msg":{"channel":"orderbook_delta","sid":1}}', NOW_NS)
    for seq, ticker in enumerate(MARKETS, 1):
        book = {"type": "orderbook_snapshot", "sid": 1, "seq": seq, "msg": {"market_ticker": ticker, "clock": 1}}
        socket.hear(json.dumps(book).encode(), NOW_NS)
    hear, events = socket.hear, 0
    started = time.perf_counter()
    for text in texts:
        events += len(hear(text, NOW_NS))
    spent = time.perf_counter() - started
    if events != len(texts):
        raise AssertionError(f"{len(texts)} changes made {events} events")
    return spent


if __name__ == "__main__":
    cost = measure(int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES)
    print(json.dumps(cost._asdict()))  # noqa: T201  # that is what it is run for
