"""Clients that others wrote for Kalshi, unchanged, on the simulated exchange: they are given its address and a key.

What such a client cannot do is its own limit, stated where it shows: at the real exchange it fails in the same way."""

import asyncio
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from pydantic import ValidationError
from pykalshi import AsyncKalshiClient, Feed, KalshiClient
from pykalshi.enums import Action, BookSide, CandlestickPeriod, MarketStatus, OrderStatus, Side, TimeInForce
from pykalshi.exceptions import AuthenticationError, InsufficientFundsError, KalshiAPIError, ResourceNotFoundError
from pykalshi.feed import (
    FillMessage,
    MarketLifecycleMessage,
    OrderbookDeltaMessage,
    OrderbookSnapshotMessage,
    PositionMessage,
    TickerMessage,
    TradeMessage,
    UserOrderMessage,
)

from markets.core.events import MarketListed, TradePrint
from markets.core.units import DOLLAR
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, at, contract, snapshot
from tests.exchange_rest import Member, Time, member_key
from trading.simulator.exchange.app import Terms
from trading.simulator.exchange.house import House
from trading.simulator.exchange.keys import new_key
from trading.simulator.exchange.serving import serve_exchange

official: Any = importlib.import_module("kalshi_python_async")  # its types do not say what it exports
SERIES, EVENT, OPEN_S, CLOSE_S = "KXBTC15M", "KXBTC15M-26NOV221200", OPEN_NS // 10**9, CLOSE_NS // 10**9
KEY_ID = "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1"
PATIENCE_S = 10.0
DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "exchange.md"


class Place(NamedTuple):
    """An exchange, and the key that a stranger's client is given."""

    house: House
    rest: str
    ws: str
    key_file: Path
    pem: str


@asynccontextmanager
async def opened(tmp_path: Path, shard: int = 2) -> AsyncIterator[Place]:
    """One open market with a trade in it, on this shard; the key's account has 5,000 dollars there, and 1,000 on shard 0
    where that is another."""
    house = House(Time(at(-60)), shard=shard)
    house.take(MarketListed(at(-60), contract()))
    house.clock.now_ns = at(60)  # type: ignore[attr-defined]
    house.tick(at(60))
    house.take(snapshot(60.0))
    house.take(TradePrint(at(60), TICKER, 5_100, 1_234, True))
    for _ in range(2):
        house.open_account({0: 1_000 * DOLLAR} | {shard: 5_000 * DOLLAR}, tier="premier")
    row, pem = new_key("rsa", KEY_ID, 1)
    house.add_key(row)
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(pem)
    async with serve_exchange(house, terms=Terms()) as exchange:
        yield Place(house, exchange.rest, exchange.ws, key_file, pem.decode())


async def aside(work: Callable[..., Any], *arguments: Any) -> Any:
    """Something that waits for the exchange must not stand in its way."""
    return await asyncio.to_thread(work, *arguments)


# pykalshi 2.0.0 ----------------------------------------------------------------------------------------------------------


async def test_pykalshi_reads_markets(tmp_path: Path) -> None:
    def read(place: Place) -> None:
        with KalshiClient(KEY_ID, str(place.key_file), api_base=place.rest, max_retries=0) as client:
            status = client.exchange.get_status()
            assert (status.exchange_active, status.trading_active, client.exchange.is_trading()) == (True, True, True)
            assert client.exchange.get_schedule()["standard_hours"]
            market = client.get_market(TICKER)
            assert (market.status, market.yes_bid_dollars, market.floor_strike) == (
                MarketStatus.ACTIVE,
                "0.4900",
                85_000.0,
            )
            assert [one.ticker for one in client.get_markets(series_ticker=SERIES, status=MarketStatus.OPEN)] == [
                TICKER
            ]
            assert [one.ticker for one in client.get_markets(limit=1, fetch_all=True)] == [TICKER]
            book = market.get_orderbook(depth=5)
            assert (book.best_yes_bid, book.best_no_bid, book.best_yes_ask) == ("0.4900", "0.4900", "0.5100")
            assert market.get_candlesticks(OPEN_S, CLOSE_S, CandlestickPeriod.ONE_MINUTE).candlesticks
            assert [(one.count_fp, one.yes_price_dollars) for one in client.get_trades(ticker=TICKER)] == [
                ("12.34", "0.5100")
            ]
            assert client.get_event(EVENT, with_nested_markets=True).series_ticker == SERIES
            assert [one.event_ticker for one in client.get_events()] == [EVENT]
            assert client.get_series(SERIES).category == "Crypto"
            assert [one.ticker for one in client.get_all_series()] == [SERIES]
            assert not client.get_multivariate_events()
            assert client.history.get_cutoff().market_settled_ts
            with pytest.raises(ResourceNotFoundError):
                client.get_market("NOTHING")

    async with opened(tmp_path) as place:
        await aside(read, place)


async def test_pykalshi_trades_where_it_knows_the_way(tmp_path: Path) -> None:
    """It never says `exchange_index`, so its cancels and decreases go to shard 0. There it can do everything."""

    def trade(place: Place) -> None:
        with KalshiClient(KEY_ID, str(place.key_file), api_base=place.rest, max_retries=0) as client:
            mine = client.portfolio
            order = mine.place_order(TICKER, book_side="bid", count_fp="10.00", price_dollars="0.4000")
            assert order.status is OrderStatus.RESTING
            order.amend(price_dollars="0.4100")
            order.amend(count_fp="8.00")
            order.decrease("3.00")
            order.refresh()
            assert (order.yes_price_dollars, order.remaining_count_fp, order.book_side) == (
                "0.4100",
                "5.00",
                BookSide.BID,
            )
            assert mine.get_queue_position(order.order_id).queue_position_fp == "0.00"
            assert [one.order_id for one in mine.get_queue_positions(market_tickers=[TICKER])] == [order.order_id]
            assert [one.order_id for one in mine.get_orders(status=OrderStatus.RESTING)] == [order.order_id]
            assert mine.get_resting_order_value()
            order.cancel()
            assert order.refresh().status is OrderStatus.CANCELED
            batch = mine.batch_place_orders(
                [
                    {"ticker": TICKER, "action": "buy", "side": "yes", "count_fp": "2.00", "yes_price_dollars": "0.30"},
                    {"ticker": TICKER, "action": "buy", "side": "no", "count_fp": "2.00", "no_price_dollars": "0.30"},
                ]
            )
            assert [one.book_side for one in batch] == [BookSide.BID, BookSide.ASK]
            assert len(mine.batch_cancel_orders([one.order_id for one in batch])) == 2
            assert not mine.get_orders(status=OrderStatus.RESTING)
            no = mine.place_order(TICKER, Action.BUY, Side.NO, "5.00", no_price_dollars="0.4500")
            assert (no.yes_price_dollars, no.book_side) == ("0.5500", BookSide.ASK)
            no.cancel()
            use_money(client)
            use_groups(client)

    async with opened(tmp_path, shard=0) as place:
        await aside(trade, place)


def use_money(client: KalshiClient) -> None:
    mine, now = client.portfolio, TimeInForce.IOC
    before = mine.get_balance().balance
    taken = mine.place_order(TICKER, Action.BUY, Side.YES, "3.00", yes_price_dollars="0.5200", time_in_force=now)
    assert (taken.status, taken.fill_count_fp) == (OrderStatus.EXECUTED, "3.00")
    sold = mine.place_order(
        TICKER, Action.SELL, Side.YES, "9.00", yes_price_dollars="0.4800", time_in_force=now, reduce_only=True
    )
    assert sold.fill_count_fp == "3.00"
    mine.place_order(TICKER, Action.BUY, Side.NO, "2.00", no_price_dollars="0.5200", time_in_force=now)
    assert [(one.ticker, one.position_fp) for one in mine.get_positions()] == [(TICKER, "-2.00")]
    fills = mine.get_fills(fetch_all=True, limit=1)
    assert {(one.book_side, one.count_fp, one.is_taker) for one in fills} == {
        (BookSide.ASK, "2.00", True),
        (BookSide.ASK, "3.00", True),
        (BookSide.BID, "3.00", True),
    }
    assert sum(one.yes_delta_fp for one in fills) == -2
    assert 0 < mine.get_balance().balance < before
    assert not mine.get_settlements()
    with pytest.raises(InsufficientFundsError):
        mine.place_order(TICKER, book_side="bid", count_fp="90000.00", price_dollars="0.4000")
    with pytest.raises(KalshiAPIError) as refused:
        mine.place_order(TICKER, book_side="bid", count_fp="1.00", price_dollars="0.5500", post_only=True)
    assert refused.value.status_code == 400


def use_groups(client: KalshiClient) -> None:
    mine = client.portfolio
    group = mine.create_order_group("100.00")
    held = mine.place_order(TICKER, book_side="bid", count_fp="1.00", price_dollars="0.2000", order_group_id=group.id)
    assert mine.get_order_group(group.id).orders == [held.order_id]
    mine.update_order_group_limit(group.id, "50.00")
    assert [(one.id, one.contracts_limit_fp) for one in mine.get_order_groups()] == [(group.id, "50.00")]
    mine.trigger_order_group(group.id)
    assert held.refresh().status is OrderStatus.CANCELED
    mine.reset_order_group(group.id)
    assert mine.create_subaccount().subaccount_number == 1
    mine.transfer_between_subaccounts(0, 1, 500)
    assert mine.get_subaccount_balances()
    assert mine.get_subaccount_transfers()
    assert len(mine.get_subaccount_netting()) == 2
    made = client.api_keys.generate("another")
    assert made.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert made.id in {one.id for one in client.api_keys.list()}
    client.api_keys.delete(made.id)
    assert client.api_keys.get_limits().usage_tier == "premier"


async def test_pykalshi_cancels_crypto_orders_only_by_a_path_of_its_own(tmp_path: Path) -> None:
    """Crypto is on shard 2, and an order id alone is looked for on shard 0: so says the official file, and so it is here.
    Creating and amending name the market, and find it."""

    def trade(place: Place) -> None:
        with KalshiClient(KEY_ID, str(place.key_file), api_base=place.rest, max_retries=0) as client:
            order = client.portfolio.place_order(TICKER, book_side="bid", count_fp="10.00", price_dollars="0.4000")
            order.amend(price_dollars="0.4100")
            for attempt in (order.cancel, lambda: order.decrease("1.00")):
                with pytest.raises(ResourceNotFoundError):
                    attempt()
            failed = client.portfolio.batch_cancel_orders([order.order_id])
            assert not [one.order_id for one in failed if one.status is OrderStatus.CANCELED]
            assert order.refresh().status is OrderStatus.RESTING
            client.delete(f"/portfolio/events/orders/{order.order_id}?exchange_index=2")
            assert order.refresh().status is OrderStatus.CANCELED

    async with opened(tmp_path) as place:
        await aside(trade, place)


async def test_pykalshi_is_told_why_its_key_is_no_good(tmp_path: Path) -> None:
    def knock(place: Place) -> None:
        with KalshiClient("nobody", str(place.key_file), api_base=place.rest, max_retries=0) as client:
            with pytest.raises(AuthenticationError) as refused:
                client.portfolio.get_balance()
            assert (refused.value.status_code, refused.value.error_code) == (401, "authentication_error")

    async with opened(tmp_path) as place:
        await aside(knock, place)


async def test_pykalshi_async(tmp_path: Path) -> None:
    async with (
        opened(tmp_path, shard=0) as place,
        AsyncKalshiClient(KEY_ID, str(place.key_file), api_base=place.rest, max_retries=0) as client,
    ):
        market = await client.get_market(TICKER)
        assert (await market.get_orderbook()).best_yes_bid == "0.4900"
        order = await client.portfolio.place_order(market, book_side="ask", count_fp="4.00", price_dollars="0.6000")
        await order.amend(count_fp="3.00")
        await order.decrease("1.00")
        await order.cancel()
        assert (await order.refresh()).status is OrderStatus.CANCELED
        several = await asyncio.gather(*(client.portfolio.get_balance() for _ in range(3)))
        assert {one.balance for one in several} == {500_000}
        assert not await client.portfolio.get_positions()


CHANNELS = ("ticker", "orderbook_delta", "trade", "fill", "user_orders", "market_positions", "market_lifecycle_v2")
WITH_MARKETS = CHANNELS[:3]
TOLD = {
    OrderbookSnapshotMessage,
    OrderbookDeltaMessage,
    TickerMessage,
    TradeMessage,
    FillMessage,
    UserOrderMessage,
    PositionMessage,
    MarketLifecycleMessage,
}


def subscribe(feed: Any, ws: str) -> None:
    """Its feeds take no address: they keep one of two in `_ws_url`, by the word "demo" in the REST address."""
    feed._ws_url = ws
    for channel in CHANNELS:
        feed.subscribe(channel, **({"market_ticker": TICKER} if channel in WITH_MARKETS else {}))


async def make_news(place: Place, member: Member) -> None:
    """Something for every channel."""
    await member.place("bid", "0.4000", "5.00", exchange_index=0)
    await member.place("bid", "0.5200", "3.00", exchange_index=0, time_in_force="immediate_or_cancel")
    place.house.take(TradePrint(at(61), TICKER, 5_000, 100, False))
    place.house.take(MarketListed(at(61), contract(strike=85_001.0)))


def check(told: dict[type, list[Any]]) -> None:
    """What was told is what has happened."""
    first = told[OrderbookSnapshotMessage][0]
    assert (first.yes_dollars, first.no_dollars) == ([("0.4900", "1000.00")], [("0.4900", "1000.00")])
    assert ("0.4000", "5.00", "yes") in [
        (one.price_dollars, one.delta_fp, one.side) for one in told[OrderbookDeltaMessage]
    ]
    fill = told[FillMessage][0]
    assert (fill.count_fp, fill.book_side, fill.post_position_fp, fill.is_taker) == ("3.00", "bid", "3.00", True)
    assert {one.status for one in told[UserOrderMessage]} == {"resting", "executed"}
    assert told[PositionMessage][-1].position_fp == "3.00"
    assert told[TickerMessage][-1].market_ticker == TICKER
    assert all(one.taker_book_side in {"bid", "ask"} for one in told[TradeMessage])
    assert "metadata_updated" in {one.event_type for one in told[MarketLifecycleMessage]}


async def test_pykalshi_feed_in_its_thread(tmp_path: Path) -> None:
    told: dict[type, list[Any]] = {}
    async with opened(tmp_path, shard=0) as place, own_member(place) as member:
        with KalshiClient(KEY_ID, str(place.key_file), api_base=place.rest) as client:
            feed = Feed(client)
            subscribe(feed, place.ws)
            for channel in CHANNELS:
                feed.on(channel, lambda message: told.setdefault(type(message), []).append(message))
            await aside(feed.start)
            try:
                assert feed.is_connected
                await until(lambda: OrderbookSnapshotMessage in told)
                await make_news(place, member)
                await until(lambda: set(told) >= TOLD and told[PositionMessage][-1].position_fp == "3.00")
                assert feed.reconnect_count == 0
            finally:
                await aside(feed.stop)
    assert set(told) == TOLD
    check(told)


async def test_pykalshi_async_feed(tmp_path: Path) -> None:
    told: dict[type, list[Any]] = {}
    async with (
        opened(tmp_path, shard=0) as place,
        own_member(place) as member,
        AsyncKalshiClient(KEY_ID, str(place.key_file), api_base=place.rest) as client,
    ):
        feed = client.feed()
        subscribe(feed, place.ws)
        async with asyncio.timeout(PATIENCE_S), feed:
            async for message in feed:
                told.setdefault(type(message), []).append(message)
                if type(message) is OrderbookSnapshotMessage:
                    await make_news(place, member)
                if set(told) >= TOLD:
                    break
    check(told)


@asynccontextmanager
async def own_member(place: Place) -> AsyncIterator[Member]:
    """The same account by our own hand."""
    async with aiohttp.ClientSession() as session:
        yield Member(session, place.rest, member_key(place.house, 1))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


# kalshi-python-async 3.2.0 -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def official_client(place: Place) -> AsyncIterator[Any]:
    """The exchange's own client, set up as its own page says."""
    configuration = official.Configuration(host=place.rest)
    configuration.api_key_id = KEY_ID
    configuration.private_key_pem = place.pem
    async with official.KalshiClient(configuration) as client:
        yield client


async def test_the_official_client_reads(tmp_path: Path) -> None:
    async with opened(tmp_path) as place, official_client(place) as client:
        status = await client.get_exchange_status()
        assert (status.exchange_active, status.trading_active) == (True, True)
        assert (await client.get_exchange_schedule()).schedule.standard_hours
        assert (await client.get_user_data_timestamp()).as_of_time
        assert (await client.get_series(SERIES)).series.fee_type == "quadratic"
        assert [one.ticker for one in (await client.get_series_list(category="Crypto")).series] == [SERIES]
        assert not (await client.get_series_fee_changes()).series_fee_change_arr
        assert (await client.get_event_metadata(EVENT)).settlement_sources
        assert not (await client.get_multivariate_events()).events
        balance = await client.get_balance()
        assert (balance.balance, balance.portfolio_value) == (600_000, 0)
        assert not (await client.get_settlements()).settlements
        assert not (await client.get_positions()).market_positions
        assert not (await client.get_fills()).fills
        assert not (await client.get_orders()).orders
        assert (await client.get_portfolio_resting_order_total_value()).total_resting_order_value == 0


async def test_the_official_client_keeps_groups_and_keys(tmp_path: Path) -> None:
    async with opened(tmp_path) as place, official_client(place) as client:
        group = (await client.create_order_group(contracts_limit=10)).order_group_id
        assert [one.id for one in (await client.get_order_groups()).order_groups] == [group]
        assert (await client.get_order_group(group)).is_auto_cancel_enabled
        await client.reset_order_group(group)
        await client.delete_order_group(group)
        assert not (await client.get_order_groups()).order_groups
        made = await client.generate_api_key(name="another")
        assert made.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----")
        assert made.api_key_id in {one.api_key_id for one in (await client.get_api_keys()).api_keys}
        await client.delete_api_key(made.api_key_id)


async def by_hand(client: Any, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """What this client has no method for, by its own way of sending and signing."""
    header = {"Content-Type": "application/json"} if body is not None else {}
    answer = await client.call_api(method, f"{client.configuration.host}{path}", header, body=body)
    raw = await answer.read()
    return answer.status, json.loads(raw) if raw else None


async def test_the_official_client_trades_by_paths_of_today(tmp_path: Path) -> None:
    orders = "/portfolio/events/orders"
    async with opened(tmp_path) as place, official_client(place) as client:
        order = {
            "ticker": TICKER,
            "side": "bid",
            "count": "10.00",
            "price": "0.4000",
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
            "exchange_index": 2,
        }
        status, made = await by_hand(client, "POST", orders, order)
        assert (status, made["remaining_count"]) == (201, "10.00")
        change = {"ticker": TICKER, "side": "bid", "price": "0.4100", "count": "8.00", "exchange_index": 2}
        assert (await by_hand(client, "POST", f"{orders}/{made['order_id']}/amend", change))[0] == 200
        less = {"reduce_to": "5.00", "exchange_index": 2}
        assert (await by_hand(client, "POST", f"{orders}/{made['order_id']}/decrease", less))[0] == 200
        status, gone = await by_hand(client, "DELETE", f"{orders}/{made['order_id']}?exchange_index=2")
        assert (status, gone["reduced_by"]) == (200, "5.00")


async def test_the_official_client_of_this_version_orders_by_paths_that_are_dead(tmp_path: Path) -> None:
    """Version 3.2.0 is of 2025: it knows the first version of the order calls only, which the exchange answers with 410."""
    old: dict[str, Any] = {
        "ticker": TICKER,
        "side": "yes",
        "action": "buy",
        "count": 1,
        "yes_price": 40,
        "type": "limit",
    }
    async with opened(tmp_path) as place, official_client(place) as client:
        item = official.CreateOrderRequest(**old)
        attempts: list[Awaitable[Any]] = [
            client.create_order(**old),
            client.batch_create_orders(orders=[item]),
            client.batch_cancel_orders(ids=["one"]),
            client.cancel_order("one"),
            client.decrease_order("one", reduce_by=1),
            client.amend_order(
                "one", **{name: old[name] for name in ("ticker", "side", "action")}, client_order_id="a",
                updated_client_order_id="b", yes_price=41, count=2,
            ),
        ]  # fmt: skip
        for attempt in attempts:
            with pytest.raises(official.ApiException) as refused:
                await attempt
            assert refused.value.status == 410
            assert "deprecated_v1_order_endpoint" in str(refused.value)


# What this version of it insists on, and the exchange has not said since March 2026: whole cents and whole contracts.
MISSED = {
    "market": {"yes_bid", "yes_ask", "no_bid", "no_ask", "last_price", "volume", "open_interest", "tick_size"},
    "order book": {"orderbook"},
    "trades": {"price", "count", "yes_price", "no_price"},
    "order": {"yes_price", "no_price", "fill_count", "remaining_count", "taker_fees"},
    "fills": {"count", "price", "yes_price", "no_price"},
    "positions": {"position", "total_traded", "market_exposure", "realized_pnl", "fees_paid"},
    "candles": {"open", "low", "high", "close"},
    "queue": {"queue_position"},
    "event": {"available_on_brokers"},
}


@pytest.mark.parametrize("what", MISSED)
async def test_the_official_client_of_this_version_misses_fields_that_are_gone(tmp_path: Path, what: str) -> None:
    """The answer is there, signed for and right; the client's own types refuse it, for want of just these fields."""
    async with opened(tmp_path) as place, official_client(place) as client, own_member(place) as member:
        resting = (await member.place("bid", "0.4000", "5.00")).body["order_id"]
        await member.place("bid", "0.5200", "3.00", time_in_force="immediate_or_cancel")
        calls: dict[str, tuple[str, tuple[Any, ...]]] = {
            "market": ("get_market", (TICKER,)),
            "order book": ("get_market_orderbook", (TICKER,)),
            "trades": ("get_trades", ()),
            "order": ("get_order", (resting,)),
            "fills": ("get_fills", ()),
            "positions": ("get_positions", ()),
            "candles": ("get_market_candlesticks", (SERIES, TICKER, OPEN_S, CLOSE_S, 1)),
            "queue": ("get_order_queue_position", (resting,)),
            "event": ("get_event", (EVENT,)),
        }
        name, arguments = calls[what]
        with pytest.raises(ValidationError) as refused:
            await getattr(client, name)(*arguments)
        errors = refused.value.errors()
        assert {error["input"] for error in errors} == {None}  # nothing that is there is wrong
        missed = {str(error["loc"][0]) for error in errors}
        assert missed >= MISSED[what]
        answer = await getattr(client, f"{name}_without_preload_content")(*arguments)
        assert answer.status == 200
        said = await answer.text()
        assert not [field for field in missed if f'"{field}":' in said]


# By hand -----------------------------------------------------------------------------------------------------------------


async def test_the_script_of_the_page_works(tmp_path: Path) -> None:
    """A client as one writes it in the first hour, with requests and websockets and nothing of ours."""
    found = re.search(r"```python\n(# first_hour\.py.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    script = tmp_path / "first_hour.py"
    script.write_text(found.group(1), encoding="utf-8")
    async with opened(tmp_path) as place:
        given = {
            "KALSHI_REST": place.rest,
            "KALSHI_WS": place.ws,
            "KALSHI_KEY": KEY_ID,
            "KALSHI_PEM": str(place.key_file),
        }
        done = await aside(run_script, script, os.environ | given)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(TICKER)
    assert lines[1:] == ["balance 6000.0000", "201 resting 5.00", "orderbook_snapshot 0.4900", "200 cancelled 5.00"]


def run_script(script: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
