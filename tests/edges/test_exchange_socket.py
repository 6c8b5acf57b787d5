"""The simulated exchange's WebSocket over real sockets: who is let in, what is heard, who is too slow, who is cut off."""

import asyncio
import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from markets.core.book import OrderBook
from markets.core.events import BookDelta, TradePrint
from markets.core.units import SECOND_NS, count_from_text, price_from_text
from tests.builders import TICKER, at
from tests.exchange_builders import KEY_ID, SECRET, Stretch, order, place, small_house, wall_ns
from trading.simulator.clock import PlaybackClock
from trading.simulator.exchange import sessions, ws
from trading.simulator.exchange.faults import Fault, FaultPlan
from trading.simulator.exchange.house import House
from trading.simulator.exchange.keys import new_key
from trading.simulator.exchange.serving import Exchange, demo_events, demo_house, play_house, serve_exchange
from trading.simulator.world import EPOCH_NS, DemoWorld

PATIENCE_S = 10.0


def signed(
    *, key_id: str = KEY_ID, secret: bytes = SECRET, late_s: float = 0, path: str = "/trade-api/ws/v2"
) -> dict[str, str]:
    stamp = str(wall_ns() // 1_000_000 - int(late_s * 1_000))
    signature = b64encode(hmac.new(secret, f"{stamp}GET{path}".encode(), hashlib.sha256).digest()).decode()
    return {
        "KALSHI-ACCESS-KEY": key_id,
        "KALSHI-ACCESS-TIMESTAMP": stamp,
        "KALSHI-ACCESS-SIGNATURE": signature,
    }


class Client:
    """A client as people write them: sends commands, reads frames until it has what it waits for."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def subscribes(self, *channels: str, **params: Any) -> None:
        command = {"id": 1, "cmd": "subscribe", "params": {"channels": list(channels), **params}}
        await self.connection.send(json.dumps(command))

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next frame of this kind."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame: dict[str, Any] = json.loads(await self.connection.recv())
                if frame["type"] == kind:
                    return frame


@asynccontextmanager
async def client(exchange: Exchange, *, max_queue: int | None = None) -> AsyncIterator[Client]:
    async with connect(exchange.ws, additional_headers=signed(), max_queue=max_queue) as connection:
        yield Client(connection)


@pytest.mark.parametrize(
    ("signing", "code", "details"),
    [
        (dict, "signature_is_missing_from_headers", None),
        (lambda: signed() | {"KALSHI-ACCESS-SIGNATURE": ""}, "signature_is_missing_from_headers", None),
        (partial(signed, late_s=300), "header_timestamp_expired", None),
        (partial(signed, key_id="unknown"), "authentication_error", "NOT_FOUND"),
        (partial(signed, secret=b"wrong"), "authentication_error", "INCORRECT_API_KEY_SIGNATURE"),
        (partial(signed, path="/ws/v2"), "authentication_error", "INCORRECT_API_KEY_SIGNATURE"),
    ],
)
async def test_a_handshake_that_is_not_signed_is_refused_and_says_why(
    signing: Callable[[], dict[str, str]], code: str, details: str | None
) -> None:
    house, _ = small_house()
    async with serve_exchange(house) as exchange:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(exchange.ws, additional_headers=signing()):
                pass
        assert refused.value.response.status_code == 401
        error = json.loads(refused.value.response.body or b"")["error"]
        assert (error["code"], error.get("details")) == (code, details)
        assert not exchange.board.sessions


async def test_a_key_that_may_not_read_hears_nothing() -> None:
    house, _ = small_house()
    house.add_key(new_key("hmac", "poor", 1, secret=SECRET, scopes=("read::portfolio_balance",))[0])
    async with serve_exchange(house) as exchange:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(exchange.ws, additional_headers=signed(key_id="poor")):
                pass
        assert refused.value.response.status_code == 403


async def test_a_page_asked_for_where_the_socket_is_is_no_socket() -> None:
    house, _ = small_house()
    async with serve_exchange(house) as exchange, aiohttp.ClientSession() as http:
        response = await http.get(exchange.ws.replace("ws://", "http://"), headers=signed())
        assert (response.status, (await response.json())["error"]["code"]) == (400, "bad_request")


async def test_a_signed_client_hears_what_happens_and_is_forgotten_when_it_goes() -> None:
    house, _ = small_house()
    async with serve_exchange(house) as exchange:
        async with client(exchange) as one:
            await one.subscribes("orderbook_delta", "fill", market_ticker=TICKER)
            assert (await one.hears("orderbook_snapshot"))["msg"]["market_ticker"] == TICKER
            house.take(BookDelta(at(61), TICKER, True, 4_800, 12_345))
            assert (await one.hears("orderbook_delta"))["msg"]["delta_fp"] == "123.45"
            state = place(house, order("mine", count=500))
            fill = await one.hears("fill")
            assert fill["msg"]["order_id"] == house.ids.text("order", state.number)
        async with asyncio.timeout(PATIENCE_S):
            while exchange.board.sessions:
                await asyncio.sleep(0.01)


async def test_the_exchange_pings_with_the_word_heartbeat_and_answers_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "PING_EVERY_S", 0.02)
    house, _ = small_house()
    async with serve_exchange(house) as exchange, aiohttp.ClientSession() as http:
        connection = await http.ws_connect(exchange.ws, headers=signed(), autoping=False)
        ping = await connection.receive(PATIENCE_S)
        assert (ping.type, ping.data) == (aiohttp.WSMsgType.PING, b"heartbeat")
        await connection.ping(b"here?")
        async with asyncio.timeout(PATIENCE_S):
            while (message := await connection.receive()).type is not aiohttp.WSMsgType.PONG:
                pass
        assert message.data == b"here?"
        await connection.close()


async def test_books_built_from_frames_are_the_houses_while_the_demo_plays_fast() -> None:
    from_ns = EPOCH_NS + 7_800 * SECOND_NS  # ten minutes into a window
    world = DemoWorld(3, ("BTC",))
    clock = PlaybackClock(from_ns, speed=100)
    house = demo_house(world, clock.now_ns)
    house.add_key(new_key("hmac", KEY_ID, house.open_account({2: 10**9}).number, secret=SECRET)[0])
    async with serve_exchange(house) as exchange, client(exchange) as one:
        playing = asyncio.create_task(play_house(house, demo_events(world, from_ns), clock))
        tickers = [market.ticker for market in house.markets.values()][:3]
        await one.subscribes("orderbook_delta", market_tickers=tickers, use_yes_price=True)
        books = {ticker: OrderBook() for ticker in tickers}
        clocks, last, deltas = dict.fromkeys(tickers, 0), 0, 0
        while deltas < 4_000:
            frame = json.loads(await asyncio.wait_for(one.connection.recv(), PATIENCE_S))
            if frame["type"] == "subscribed":
                continue
            assert frame["seq"] == last + 1
            last, msg = frame["seq"], frame["msg"]
            book, ticker = books[msg["market_ticker"]], msg["market_ticker"]
            assert msg["clock"] >= clocks[ticker]
            clocks[ticker] = msg["clock"]
            if frame["type"] == "orderbook_snapshot":
                sides = [
                    [(price_from_text(price), count_from_text(count)) for price, count in msg.get(side, ())]
                    for side in ("yes_dollars_fp", "no_dollars_fp")
                ]
                book.replace(sides[0], [(10_000 - price, count) for price, count in sides[1]])
            else:
                deltas += 1
                is_yes, price = msg["side"] == "yes", price_from_text(msg["price_dollars"])
                book.change(is_yes, price if is_yes else 10_000 - price, count_from_text(msg["delta_fp"]))
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        for ticker in tickers:
            await one.connection.send(
                json.dumps({"id": 5, "cmd": "update_subscription", "params": {"sid": 1, "action": "get_snapshot", "market_ticker": ticker}})
            )  # fmt: skip
        for _ in tickers:
            while (frame := await one_frame(one))["type"] != "orderbook_snapshot":
                msg = frame["msg"]
                is_yes, price = msg["side"] == "yes", price_from_text(msg["price_dollars"])
                books[msg["market_ticker"]].change(
                    is_yes, price if is_yes else 10_000 - price, count_from_text(msg["delta_fp"])
                )
            ticker = frame["msg"]["market_ticker"]
            if house.markets[ticker].status == "active":
                assert (sorted(books[ticker].yes.items()), sorted(books[ticker].no.items())) == house.book(ticker)


async def one_frame(one: Client) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(one.connection.recv(), PATIENCE_S))
    return frame


async def test_who_reads_too_slowly_is_told_so_when_it_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "WAITING_FRAMES", 500)
    monkeypatch.setattr(ws, "UNREAD", 4_096)
    house, _ = small_house()
    async with serve_exchange(house) as exchange, client(exchange, max_queue=1) as slow:
        await slow.subscribes("orderbook_delta", market_ticker=TICKER)
        await slow.hears("orderbook_snapshot")
        (session,) = exchange.board.sessions
        said = 0
        while session.subscriptions:
            for _ in range(100):
                house.take(BookDelta(at(61), TICKER, True, 4_000, 100))
            said += 100
            assert len(session.out) <= 502
            assert said < 200_000
            await asyncio.sleep(0)
        error = await slow.hears("error")
        assert (error["sid"], error["msg"]["code"]) == (1, 25)
        await slow.subscribes("orderbook_delta", market_ticker=TICKER)
        again = await slow.hears("orderbook_snapshot")
        assert (again["sid"], again["seq"]) == (2, 1)


async def test_a_socket_that_is_cut_ends_without_a_goodbye() -> None:
    house, _ = small_house()
    plan = FaultPlan([Fault(kind="socket_drop", channel="trade")])
    async with serve_exchange(house, faults=plan) as exchange:
        async with client(exchange) as one:
            await one.subscribes("trade")
            await one.hears("subscribed")
            house.take(TradePrint(at(61), TICKER, 5_100, 100, taker_yes=True))
            with pytest.raises(ConnectionClosed) as closed:
                await one.hears("trade")
            assert closed.value.rcvd is None
        async with client(exchange) as again:
            await again.subscribes("trade")
            await again.hears("subscribed")
            house.take(TradePrint(at(62), TICKER, 5_100, 100, taker_yes=True))
            assert (await again.hears("trade"))["seq"] == 1


async def test_the_clock_of_the_door_may_be_skewed() -> None:
    house, _ = small_house()
    plan = FaultPlan()
    async with serve_exchange(house, faults=plan) as exchange:
        number = plan.add(Fault(kind="clock_skew", seconds=120))
        with pytest.raises(InvalidStatus) as refused:
            async with client(exchange):
                pass
        assert b"header_timestamp_expired" in (refused.value.response.body or b"")
        plan.remove(number)
        async with client(exchange) as one:
            await one.subscribes("fill")
            await one.hears("subscribed")


async def test_settlements_may_come_late() -> None:
    stretch = Stretch(4, EPOCH_NS + 8_000 * SECOND_NS, ("BTC",))
    house = stretch.house
    house.is_played = True
    async with serve_exchange(house, faults=FaultPlan([Fault(kind="settle_late", seconds=300)])):
        closes_ns = EPOCH_NS + 8_100 * SECOND_NS
        stretch.until(closes_ns + 60 * SECOND_NS)
        ticker = next(market.ticker for market in house.markets.values() if market.close_ns == closes_ns)
        assert house.markets[ticker].status == "closed"
        stretch.until(closes_ns + 360 * SECOND_NS)
        assert house.markets[ticker].settled_ns > closes_ns + 310 * SECOND_NS


async def test_time_passes_in_a_house_that_nobody_plays() -> None:
    house, clock = small_house()
    place(house, order("mine", price=4_000, expires_ns=at(70)))
    async with serve_exchange(house) as exchange, client(exchange) as one:
        await one.subscribes("user_orders")
        await one.hears("subscribed")
        clock.now_ns = at(71)
        assert (await one.hears("user_order"))["msg"]["last_update_reason"] == "ExpiryCancel"


async def test_closing_the_exchange_says_goodbye_to_all_and_frees_the_port() -> None:
    house, _ = small_house()
    async with serve_exchange(house) as exchange:
        connection = await connect(exchange.ws, additional_headers=signed())
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(connection.recv(), PATIENCE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    async with serve_exchange(House(lambda: at(0)), port=exchange.port) as again:
        assert again.port == exchange.port
