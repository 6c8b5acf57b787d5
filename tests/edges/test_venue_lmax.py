"""LMAX: whole books once a second, trades without a side, and a break a day that is called by its name."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from markets.core.events import FeedBeat, FeedStatus, SpotBook, SpotPrice
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint, Reconnect, Refused, Unreadable
from markets.feeds.venues.lmax import LMAX, LmaxSocket
from markets.loopback.venues.lmax import LMAX as LOOPBACK
from tests.round_trip import DIGITS, FAULTS, STEPS, Spoiler, begun, same_top

NOW_NS = 1_790_735_993 * SECOND_NS  # 2026-09-30T02:39:53Z
SYMBOLS = {"BTC": "btc-usd", "ETH": "eth-usd"}
BOOK = b'{"type":"ORDER_BOOK","instrument_id":"btc-usd","timestamp":"2026-09-30T02:39:53.407Z","bids":[{"price":"83284.50","quantity":"0.75"}],"asks":[{"price":"83286.00","quantity":"1.25"}]}'
TICKER = b'{"type":"TICKER","instrument_id":"btc-usd","timestamp":"2026-09-30T02:39:54.012Z","trade_id":"TAAAAAAAAAAB","last_price":"83285.50","last_quantity":"0.10","best_bid":"83284.50","best_ask":"83286.00"}'
ERROR = b'{"type":"ERROR","error_code":"INVALID_MESSAGE","error_message":"could not parse"}'
GRANTED = b'{"type":"SUBSCRIPTIONS","channels":[{"name":"ORDER_BOOK","instruments":["btc-usd"]},{"name":"TICKER","instruments":["btc-usd"]}]}'


def opened(symbols: dict[str, str] | None = None) -> LmaxSocket:
    socket = LmaxSocket(
        "lmax", symbols or {"BTC": "btc-usd"}, Endpoint("wss://public-data-api.london-digital.lmax.com"), Counts()
    )
    socket.opened(NOW_NS)
    return socket


def test_it_does_not_ping_and_asks_for_books_and_tickers() -> None:
    socket = opened()
    assert socket.url == "wss://public-data-api.london-digital.lmax.com/v1/web-socket"
    assert socket.ping_interval_s is None
    assert [msgspec.json.decode(text) for text in socket.to_send] == [
        {
            "type": "SUBSCRIBE",
            "channels": [{"name": name, "instruments": ["btc-usd"]} for name in ("ORDER_BOOK", "TICKER")],
        }
    ]


def test_every_book_is_whole_and_a_sign_of_life() -> None:
    socket = opened()
    socket.hear(GRANTED, NOW_NS)
    at_ns = 1790735993407000000
    beat, book = socket.hear(BOOK, NOW_NS)
    assert beat == FeedBeat(NOW_NS, "lmax", at_ns)
    assert book == SpotBook(NOW_NS, "lmax", "BTC", ((83284.5, 0.75),), ((83286.0, 1.25),), 0, at_ns)
    assert socket.is_synced
    assert socket.hear(BOOK, NOW_NS) == []
    assert socket.hear(BOOK.replace(b"53.407", b"52.407"), NOW_NS) == []  # from before


def test_a_trade_has_no_side_and_one_from_before_us_is_the_past() -> None:
    socket = opened()
    assert socket.hear(TICKER.replace(b"54.012", b"50.000").replace(b"AB", b"AA"), NOW_NS) == []
    [trade] = socket.hear(TICKER, NOW_NS + SECOND_NS)
    assert trade == SpotPrice(NOW_NS + SECOND_NS, "lmax", "BTC", 83285.5, 0.1, 1790735994012000000, "", "TAAAAAAAAAAB")
    assert socket.hear(TICKER, NOW_NS) == []
    [live] = opened().hear(TICKER, NOW_NS)
    assert isinstance(live, SpotPrice)


def test_the_daily_break_is_told_by_its_name() -> None:
    socket = opened()
    socket.hear(GRANTED, NOW_NS)
    socket.hear(BOOK, NOW_NS)
    assert socket.due(NOW_NS + 5 * SECOND_NS) == []
    [loss] = socket.due(NOW_NS + 6 * SECOND_NS)
    assert isinstance(loss, FeedStatus)
    assert (loss.state, loss.subject) == ("lost", "BTC")
    assert "five minutes a day" in loss.reason
    assert socket.due(NOW_NS + 7 * SECOND_NS) == []
    _, book = socket.hear(BOOK, NOW_NS + 8 * SECOND_NS)
    assert isinstance(book, SpotBook)
    with pytest.raises(Reconnect, match="five minutes a day"):
        socket.due(NOW_NS + 18 * SECOND_NS)


def test_an_empty_book_is_none() -> None:
    socket = opened()
    socket.hear(BOOK, NOW_NS)
    message = msgspec.json.decode(BOOK) | {"bids": [], "asks": [], "timestamp": "2026-09-30T02:39:55.000Z"}
    _, loss = socket.hear(msgspec.json.encode(message), NOW_NS + 2 * SECOND_NS)
    assert isinstance(loss, FeedStatus)
    assert "empty" in loss.reason


def test_a_refusal_is_laid_at_the_door_of_what_was_not_granted() -> None:
    socket = opened(SYMBOLS)
    socket.hear(GRANTED, NOW_NS)
    socket.hear(ERROR, NOW_NS)
    for second in range(8):
        assert socket.due(NOW_NS + second * SECOND_NS) == []
        socket.hear(BOOK.replace(b"53.407", f"{53 + second % 6}.5{second}0".encode()), NOW_NS + second * SECOND_NS)
    assert socket.due(NOW_NS + 9 * SECOND_NS) == [
        FeedStatus(NOW_NS + 9 * SECOND_NS, "lmax", "unavailable", "ETH", "could not parse (INVALID_MESSAGE)")
    ]
    assert socket.is_synced
    alone = opened()
    alone.hear(ERROR, NOW_NS)
    with pytest.raises(Refused, match="could not parse"):
        alone.due(NOW_NS + 9 * SECOND_NS)


@pytest.mark.parametrize(
    "frame",
    [b"", b"7", b"{}", BOOK[:70], BOOK.replace(b'"0.75"', b"7"), BOOK.replace(b"83284.50", b"0.00"),
     TICKER.replace(b"83285.50", b"nan")],
)  # fmt: skip
def test_junk_is_unreadable(frame: bytes) -> None:
    with pytest.raises(Unreadable):
        opened().hear(frame, NOW_NS)


@given(STEPS)
def test_books_are_the_truth_every_second_and_trades_at_once(steps: Any) -> None:
    trip, scene = begun(LMAX, LOOPBACK, SYMBOLS)
    assert trip.is_synced
    trades = []
    for step in steps:
        for event in scene.events(step):
            trip.tell(event)
            trades += [(event.asset, event.price, event.size)] if isinstance(event, SpotPrice) else []
        trip.wait(1)
        scene.now_ns = trip.now_ns
        for asset in DIGITS:
            heard, truth = trip.listener.books.get(asset), trip.truth.books[asset]
            assert same_top(heard, truth) or (heard is None and not len(truth)), (asset, step)
    assert [(trade.asset, trade.price, trade.size) for trade in trip.listener.trades] == trades
    assert all("the book is empty" in loss.reason for loss in trip.listener.losses)


@given(STEPS, FAULTS)
def test_one_frame_that_goes_wrong_is_healed_by_the_next(steps: Any, fault: Any) -> None:
    trip, scene = begun(LMAX, LOOPBACK, SYMBOLS)
    spoiler, speak = Spoiler(*fault), trip.ends[0][1].beat

    def beat() -> list[bytes]:
        return [frame for _, frame in spoiler([(0, frame) for frame in speak()])]

    trip.ends[0][1].beat = beat  # type: ignore[method-assign]
    for step in steps:
        for event in scene.events(step):
            trip.tell(event)
        trip.wait(1)
        scene.now_ns = trip.now_ns
    trip.ends[0][1].beat = speak  # type: ignore[method-assign]
    trip.wait(1)
    for asset in DIGITS:
        heard, truth = trip.listener.books.get(asset), trip.truth.books[asset]
        assert same_top(heard, truth) or (heard is None and not len(truth)), asset
    assert trip.reconnects == 0


def test_the_loopback_refuses_what_is_not_there() -> None:
    trip, _ = begun(LMAX, LOOPBACK, SYMBOLS)
    trip.wanted = SYMBOLS | {"XXX": "xxx-usd"}
    trip.connect()
    trip.wait(9)
    assert [(loss.state, loss.subject) for loss in trip.listener.losses] == [("unavailable", "XXX")]
    assert trip.is_synced
