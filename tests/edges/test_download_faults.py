"""Hosts that throttle, fail, cut, lie or leave, over real sockets: what is waited for, what is said, what is kept."""

import socket
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from markets.download.errors import DownloadError, Refused, Unreadable
from markets.download.plan import Plan, Wish, plan_of
from markets.download.report import Report
from markets.download.run import Folders, Means, download
from markets.download.web import TRIES, Ask, Bucket, Reply, Session, Web, venue_words
from tests.histories import (
    NOW_NS,
    Answer,
    BinanceHost,
    CoinbaseHost,
    HandClock,
    InMemory,
    document,
    over_http,
    send,
    trades,
)

TOLD = trades(30)
RESTRICTED = {"code": 0, "msg": "Service unavailable from a restricted location according to 'b. Eligibility'"}
Fault = Callable[[BaseHTTPRequestHandler], bool]


class Visit:
    """A download of half a minute of Coinbase, six pages of five, with a clock that only we move."""

    def __init__(self, home: Path) -> None:
        self.folders = Folders(home / "tapes", home / "tables", home / "downloads")
        self.clock = HandClock()
        self.told: list[str] = []
        self.plan: Plan | None = None

    def fetch(self, base: str, ask: Ask | None = None) -> Report:
        wish = Wish("coinbase", asset="BTC", from_text="2026-05-01", to_text="2026-05-01T00:00:30", base=base)
        self.plan = plan_of(wish, now_ns=NOW_NS)
        means = Means(ask, self.clock, self.told.append)
        return download(self.plan, self.folders, now_ns=NOW_NS, keep=lambda *_: None, means=means)

    @property
    def waits(self) -> list[float]:
        """The pauses that were not the pace."""
        return [second for second in self.clock.slept if second > 0.126]

    @property
    def results(self) -> list[str]:
        """What lies where results are, or was being written there."""
        return [path.name for folder in self.folders[:2] for path in folder.rglob("*")]


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    return Visit(tmp_path)


def at(*numbers: int, answer: Fault) -> Fault:
    """A fault at these requests only, the first is 1."""
    count = 0

    def fault(handler: BaseHTTPRequestHandler) -> bool:
        nonlocal count
        count += 1
        return count in numbers and answer(handler)

    return fault


def saying(status: int, value: Any, **headers: str) -> Fault:
    def answer(handler: BaseHTTPRequestHandler) -> bool:
        send(handler, *document(value, status, **headers))
        return True

    return answer


def cut(handler: BaseHTTPRequestHandler) -> bool:
    send(handler, 200, {}, b'[{"trade_id":7,"side":"buy"}]', cut=5)
    return True


def garbage(handler: BaseHTTPRequestHandler) -> bool:
    send(handler, 200, {}, b"<html>we will be back soon</html>")
    return True


def leave(handler: BaseHTTPRequestHandler) -> bool:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True
    return True


def test_a_throttled_client_waits_as_long_as_it_is_told(visit: Visit) -> None:
    fault = at(3, 4, answer=saying(429, {"message": "Slow down"}, Retry_After="7"))
    with over_http(CoinbaseHost(TOLD, 5), fault) as base:
        assert visit.fetch(base).kept == 30
    assert visit.waits == [7.0, 7.0]
    assert visit.told[0].endswith("asks us to slow down (HTTP 429: Slow down); asking again in 7.0 s")


def test_without_a_word_on_how_long_the_pauses_double(visit: Visit) -> None:
    fault = at(2, 3, 4, answer=saying(429, {"error": "too many requests"}))
    with over_http(CoinbaseHost(TOLD, 5), fault) as base:
        assert visit.fetch(base).kept == 30
    assert len(visit.waits) == 3
    assert all(0.8 * 0.25 * 2**n <= wait <= 1.2 * 0.25 * 2**n for n, wait in enumerate(visit.waits))


def test_a_ban_that_takes_long_ends_the_run_and_keeps_the_pages(visit: Visit) -> None:
    with over_http(
        CoinbaseHost(TOLD, 5), at(4, answer=saying(418, {"msg": "Way too many requests"}, Retry_After="7200"))
    ) as base:
        with pytest.raises(DownloadError, match=r"HTTP 418: Way too many requests\) and to come back in 7200 s"):
            visit.fetch(base)
        assert visit.results == []
        report = visit.fetch(base)
    assert (report.kept, report.resumed_pages) == (30, 3)


@pytest.mark.parametrize(
    "answer",
    [saying(500, {"message": "Internal server error"}), saying(503, "busy"), cut, garbage, leave],
    ids=["500", "503", "a body cut off", "garbage", "a connection that is closed"],
)
def test_what_passes_is_waited_for(visit: Visit, answer: Fault) -> None:
    with over_http(CoinbaseHost(TOLD, 5), at(1, 3, 4, answer=answer)) as base:
        assert visit.fetch(base).kept == 30
    assert len(visit.waits) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (saying(500, {"message": "Internal server error"}), rf"is in trouble \(HTTP 500: Internal server error\); tried {TRIES}"),
        (cut, rf"cannot be heard \(IncompleteRead\(24 bytes read, 5 more expected\)\); tried {TRIES}"),
        (garbage, r"answers garbage \(JSON is malformed"),
        (leave, rf"cannot be heard \(RemoteDisconnected: Remote end closed connection without response\); tried {TRIES}"),
    ],
    ids=["500", "cut", "garbage", "gone"],
)  # fmt: skip
def test_what_does_not_pass_is_one_sentence_with_the_page(visit: Visit, answer: Fault, said: str) -> None:
    with (
        over_http(CoinbaseHost(TOLD, 5), at(*range(4, 99), answer=answer)) as base,
        pytest.raises(DownloadError, match=said) as caught,
    ):
        visit.fetch(base)
    assert "page /products/BTC-USD/trades?limit=1000&after=502" in str(caught.value)
    assert visit.results == []


def test_nobody_there(visit: Visit) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with pytest.raises(DownloadError, match=r"cannot be heard \(ConnectionRefusedError: Connection refused\)"):
            visit.fetch(f"http://127.0.0.1:{taken.getsockname()[1]}")


def test_a_host_that_answers_too_late_is_asked_again(visit: Visit) -> None:
    asked = 0

    def ask(url: str, params: Mapping[str, str | int]) -> Reply:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise requests.ReadTimeout
        return InMemory(CoinbaseHost(TOLD, 5))(url, params)

    assert visit.fetch("http://venue.test", ask).kept == 30
    assert "venue.test does not answer in time; asking again" in visit.told[0]


@pytest.mark.parametrize("status", [403, 451])
def test_a_refusal_is_told_in_the_venues_words_and_not_repeated(visit: Visit, status: int) -> None:
    said = rf"refuses us \(HTTP {status}: Service unavailable from a restricted"
    with (
        over_http(CoinbaseHost(TOLD, 5), at(1, 2, answer=saying(status, RESTRICTED))) as base,
        pytest.raises(Refused, match=said) as caught,
    ):
        visit.fetch(base)
    assert caught.value.code == 1
    assert visit.told == []
    assert visit.results == []


def test_a_redirect_is_not_followed(visit: Visit) -> None:
    elsewhere = at(1, answer=saying(302, "", Location="http://127.0.0.1:1/"))
    with over_http(CoinbaseHost(TOLD, 5), elsewhere) as base, pytest.raises(Refused, match="HTTP 302"):
        visit.fetch(base)


def test_a_field_that_is_missing_half_way_keeps_what_was_got(visit: Visit) -> None:
    def without_a_price(handler: BaseHTTPRequestHandler) -> bool:
        send(handler, *document([{"trade_id": 7, "side": "buy", "size": "1", "time": "2026-05-01T00:00:01Z"}]))
        return True

    with over_http(CoinbaseHost(TOLD, 5), at(5, answer=without_a_price)) as base:
        with pytest.raises(Unreadable, match=r"missing required field `price` .*page /products/BTC-USD/trades"):
            visit.fetch(base)
        assert visit.results == []
        assert visit.fetch(base).resumed_pages == 4


def test_used_weight_makes_binance_wait() -> None:
    clock, told = HandClock(), list[str]()
    host = BinanceHost(TOLD)

    def heavy(path: str, params: Mapping[str, str]) -> Answer:
        status, _, body = host(path, params)
        return status, {"x-mbx-used-weight-1m": "5500"}, body

    web = Web("http://venue.test", rate=80, burst=400, ask=InMemory(heavy), clock=clock, tell=told.append)
    web.read("/api/v3/aggTrades", {"symbol": "BTCUSDT", "limit": 5}, lambda reply: reply.status, cost=4)
    assert clock.slept == [10.0]
    assert "5500 of 6000 units" in told[0]


def test_a_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    clock = HandClock()
    bucket = Bucket(2.0, 3.0, clock)
    for _ in range(7):
        bucket.take()
    assert clock.now == pytest.approx(2.0)  # four more than the burst, at two a second
    clock.now += 100
    for _ in range(3):
        bucket.take()
    assert clock.now == pytest.approx(102.0)  # no more than the burst was saved up


def test_we_say_who_we_are() -> None:
    seen: list[str | None] = []

    def note(handler: BaseHTTPRequestHandler) -> bool:
        seen.append(handler.headers["User-Agent"])
        return False

    with over_http(CoinbaseHost(TOLD), note) as base:
        Session()(f"{base}/products/BTC-USD/trades", {})
    assert seen == ["kalshi-latency-bot/0.1 (history download)"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"code": "not_found", "message": "not found", "details": "x"}}, ": not_found - not found - x"),
        ({"code": "bad_request", "message": "bad request"}, ": bad_request - bad request"),
        ({"error": "too many requests"}, ": too many requests"),
        ({"error": ["EAPI:Bad", "EGeneral:Bad"]}, ": EAPI:Bad, EGeneral:Bad"),
        ({"message": "NotFound"}, ": NotFound"),
        (RESTRICTED, f": {RESTRICTED['msg']}"),
        ({}, ""),
    ],
)
def test_the_shapes_of_errors(body: Any, words: str) -> None:
    assert venue_words(msgspec.json.encode(body)) == words


def test_an_error_that_is_no_json_is_cut_short() -> None:
    assert venue_words(b"<html>\n no \xff " + b"x" * 1000).startswith(": <html> no \ufffd xxx")
    assert len(venue_words(b"x" * 1000)) == 302
    assert venue_words(b"") == ""
