"""The measurement of an order's way: it measures orders that really left, and every part of the way took part."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from markets.core.events import BookSnapshot
from markets.core.units import PRICE_DOLLAR
from markets.tape import TapeHeader, TapeWriter
from tests.builders import quarter_hour, snapshot
from trading.order_path_frames import Frames

ROOT = Path(__file__).resolve().parents[2]


def test_a_book_is_the_same_after_its_frame() -> None:
    book = snapshot(1.0)
    frames = Frames((book.ticker,))
    [heard] = frames.socket.hear(frames.of(book), book.received_ns)
    assert isinstance(heard, BookSnapshot)
    assert (heard.yes, heard.no) == (book.yes, book.no)
    assert all(0 < price < PRICE_DOLLAR for price, _ in heard.yes)


@pytest.mark.slow
def test_orders_leave_and_their_way_is_measured(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "one.tape", TapeHeader(1, "one", "demo", "C", 0))
    for event in quarter_hour([(second / 2, 85_340.0 + second % 7) for second in range(-4, 1_700)]):
        writer.append(event)
    tape = writer.close()
    done = subprocess.run(
        [sys.executable, "-m", "trading.order_path_bench", str(tape), "1", "200"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["burst"]["bursts"] > 0
    assert found["quiet"]["max"] >= found["quiet"]["p50"] >= 0
    assert found["slow_way"] == 0
