"""A small exchange for tests of the feed: one aiohttp server with the pages it reads and the WebSocket it hears."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from aiohttp import WSMsgType, web

from markets.core.events import MarketEvent, MarketListed, MarketStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.feed import KalshiFeed
from markets.feeds.pace import Pace
from markets.kalshi.auth import hmac_signer
from markets.kalshi.budgets import Budgets
from markets.kalshi.hosts import Hosts, hosts_at
from markets.kalshi.limits import TIERS
from markets.kalshi.rest import KalshiRest
from markets.kalshi.ticker import open_ns
from tests.builders import Hand
from tests.histories import rfc3339
from tests.kalshi_rest_documents import MARKET

HASTY = Pace(first_wait_s=0.01, longest_wait_s=0.05, attempts=100_000, apart_s=0.0, tick_s=0.02, patience=50.0)
SPEED = 50.0
SIGNER = hmac_signer("test-key", b"secret")
RULES = "If the average of the 60 seconds is at least the target, the market resolves to Yes."


class Door:
    """What it answers is in its attributes; a test changes them. `asked` counts pages, `heard` has the commands."""

    def __init__(self, clock: Hand) -> None:
        self.clock = clock
        self.markets: dict[str, dict[str, Any]] = {}
        self.old: dict[str, dict[str, Any]] = {}  # only in the history
        self.books: dict[str, tuple[list[list[str]], list[list[str]]]] = {}
        self.series: dict[str, dict[str, Any]] = {}
        self.fee_changes: list[dict[str, Any]] = []
        self.schedule: dict[str, Any] = {"standard_hours": [], "maintenance_windows": []}
        self.status: tuple[int, dict[str, Any]] = (200, self.state())
        self.broken: dict[str, int] = {}  # by the beginning of a path: the status it is answered with
        self.lagging = False  # lists have no markets
        self.asked: Counter[str] = Counter()
        self.heard: list[dict[str, Any]] = []
        self.indices: list[str] | None = ["BRTI"]  # None: the channel is refused
        self.lines: list[Line] = []
        self.hosts: Hosts

    def state(self, **shard: bool) -> dict[str, Any]:
        whole = {"exchange_active": True, "trading_active": True, "intra_exchange_transfers_active": True}
        mine = whole | {"exchange_index": 2, "description": "crypto"} | shard
        return whole | {"exchange_index_statuses": [whole | {"exchange_index": 0, "description": ""}, mine]}

    def list_market(self, ticker: str, close: int, **changes: Any) -> dict[str, Any]:
        """A market as it is listed before its open: without a strike."""
        self.markets[ticker] = {
            "ticker": ticker, "event_ticker": ticker.rpartition("-")[0], "market_type": "binary", "status": "initialized",
            "open_time": rfc3339(open_ns(close)), "close_time": rfc3339(close), "settlement_timer_seconds": 1, "result": "",
            "expiration_value": "", "rules_primary": RULES, "price_level_structure": "tapered_deci_cent",
            "price_ranges": MARKET["price_ranges"], "exchange_index": 2, "notional_value_dollars": "1.0000", "custom_strike": {"round_digits": "2"},
        } | changes  # fmt: skip
        self.books.setdefault(ticker, ([["0.4500", "10.00"]], [["0.5000", "20.00"]]))
        self.series.setdefault(
            ticker.partition("-")[0],
            {"ticker": ticker.partition("-")[0], "fee_type": "quadratic", "fee_multiplier": 1, "exchange_index": 2},
        )
        return self.markets[ticker]

    def strike(self, ticker: str, strike: float = 85_000.5) -> None:
        self.markets[ticker] |= {"status": "active", "floor_strike": strike, "strike_type": "greater_or_equal"}

    def settle(self, ticker: str, result: str = "yes", value: str = "85010.25", **more: Any) -> None:
        pays = {"yes": "1.0000", "no": "0.0000"}.get(result)
        self.markets[ticker] |= {"status": "finalized", "result": result, "expiration_value": value} | more
        if pays is not None:
            self.markets[ticker]["settlement_value_dollars"] = pays

    # Pages ------------------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/trade-api/v2")
        if path.startswith("/trade-api/ws"):
            line = Line(self)
            return await line.talk(request)
        self.asked[path] += 1
        code, body = self.page(path, request)
        for start, status in self.broken.items():
            if path.startswith(start):
                code, body = status, {"error": {"code": "broken", "message": "as the test wants it"}}
        date = format_datetime(datetime.fromtimestamp(self.clock.now_ns // SECOND_NS, UTC), usegmt=True)
        return web.json_response(body, status=code, headers={"Date": date})

    def page(self, path: str, request: web.Request) -> tuple[int, dict[str, Any]]:
        *_, name = path.split("/")
        missing: tuple[int, dict[str, Any]] = (404, {"error": {"code": "not_found", "message": "not found"}})
        if path == "/exchange/status":
            return self.status
        fixed: dict[str, dict[str, Any]] = {
            "/exchange/schedule": {"schedule": self.schedule},
            "/series/fee_changes": {"series_fee_change_arr": self.fee_changes},
            "/events/fee_changes": {"event_fee_changes": [], "cursor": ""},
            "/account/endpoint_costs": {"default_cost": 10, "endpoint_costs": []},
            "/account/limits": {
                "usage_tier": "prestige",
                "read": {"refill_rate": 10_000, "bucket_capacity": 10_000},
                "write": {"refill_rate": 8_000, "bucket_capacity": 16_000},
                "grants": [],
            },
        }
        if path in fixed:
            return 200, fixed[path]
        if path == "/markets":
            return 200, {"markets": [] if self.lagging else self.listed(request), "cursor": ""}
        if path == "/markets/orderbooks":
            tickers = request.query.getall("tickers")
            return 200, {"orderbooks": [{"ticker": ticker, "orderbook_fp": self.book(ticker)} for ticker in tickers]}
        if path.endswith("/orderbook"):
            return 200, {"orderbook_fp": self.book(path.split("/")[2])}
        if path.startswith("/series/"):
            return (200, {"series": self.series[name]}) if name in self.series else missing
        found = self.old if path.startswith("/historical/") else self.markets
        return (200, {"market": found[name]}) if name in found else missing

    def listed(self, request: web.Request) -> list[dict[str, Any]]:
        tickers, series = request.query.get("tickers", ""), request.query.get("series_ticker", "")
        if tickers:
            return [self.markets[ticker] for ticker in tickers.split(",") if ticker in self.markets]
        return [
            one for ticker, one in self.markets.items() if ticker.startswith(series + "-") and one["status"] == "active"
        ]

    def book(self, ticker: str) -> dict[str, Any]:
        yes, no = self.books.get(ticker, ([], []))
        return {"yes_dollars": yes, "no_dollars": no}

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Door"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.hosts = hosts_at(f"http://127.0.0.1:{port}")
        try:
            yield self
        finally:
            for line in self.lines:
                await line.close()
            await runner.cleanup()

    async def life(self, kind: str, ticker: str, **more: Any) -> None:
        for line in self.lines:
            await line.life({"event_type": kind, "market_ticker": ticker} | more)


class Line:
    """One WebSocket, with its subscriptions and their numbers."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.socket = web.WebSocketResponse()
        self.sids: dict[str, int] = {}
        self.seqs: Counter[int] = Counter()

    async def talk(self, request: web.Request) -> web.StreamResponse:
        await self.socket.prepare(request)
        self.door.lines.append(self)
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                await self.hear(json.loads(message.data))
        self.door.lines.remove(self)
        return self.socket

    async def hear(self, command: dict[str, Any]) -> None:
        self.door.heard.append(command)
        number, params = command["id"], command.get("params", {})
        if command["cmd"] == "subscribe":
            (channel,) = params["channels"]
            if channel == "cfbenchmarks_value" and self.door.indices is None:
                await self.say({"id": number, "type": "error", "msg": {"code": 9, "msg": "not entitled"}})
                return
            sid = self.sids[channel] = len(self.sids) + 1
            await self.say({"id": number, "type": "subscribed", "msg": {"channel": channel, "sid": sid}})
            await self.snapshots(channel, params.get("market_tickers", []))
        elif command["cmd"] == "update_subscription":
            await self.update(number, params)
        elif command["cmd"] == "list_subscriptions":
            rows = [{"channel": channel, "sid": sid} for channel, sid in self.sids.items()]
            await self.say({"id": number, "type": "ok", "msg": rows})
        elif command["cmd"] == "unsubscribe":
            await self.say({"id": number, "sid": params["sids"][0], "type": "unsubscribed"})
            self.sids = {channel: sid for channel, sid in self.sids.items() if sid not in params["sids"]}

    async def update(self, number: int, params: dict[str, Any]) -> None:
        sid, tickers = params["sid"], params.get("market_tickers", [])
        channel = next(name for name, mine in self.sids.items() if mine == sid)
        if params["action"] == "indexlist":
            await self.say(
                {
                    "id": number,
                    "sid": sid,
                    "type": "cfbenchmarks_value_indexlist",
                    "msg": {"index_ids": self.door.indices},
                }
            )
            return
        if params["action"] != "get_snapshot":
            await self.numbered(channel, {"id": number, "type": "ok", "msg": {}})
        if params["action"] in ("add_markets", "get_snapshot"):
            await self.snapshots(channel, tickers)

    async def snapshots(self, channel: str, tickers: list[str]) -> None:
        if channel != "orderbook_delta":
            return
        for ticker in tickers:
            yes, no = self.door.books.get(ticker, ([], []))
            asks = [[f"{1 - float(price):.4f}", count] for price, count in no]
            msg = {"market_ticker": ticker, "market_id": "m", "clock": 1, "yes_dollars_fp": yes, "no_dollars_fp": asks}
            await self.numbered(channel, {"type": "orderbook_snapshot", "msg": msg})

    async def life(self, msg: dict[str, Any]) -> None:
        if "market_lifecycle_v2" in self.sids:
            await self.numbered("market_lifecycle_v2", {"type": "market_lifecycle_v2", "msg": msg})

    async def numbered(self, channel: str, frame: dict[str, Any]) -> None:
        sid = self.sids[channel]
        self.seqs[sid] += 1
        await self.say(frame | {"sid": sid, "seq": self.seqs[sid]})

    async def say(self, frame: dict[str, Any]) -> None:
        with suppress(ConnectionError):
            await self.socket.send_str(json.dumps(frame))

    async def close(self) -> None:
        await self.socket.close()


class Heard:
    """What a feed tells, and a way to wait for it."""

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []
        self._came = asyncio.Event()

    async def __call__(self, events: list[MarketEvent]) -> None:
        assert events
        self.events += events
        self._came.set()

    async def until(self, is_so: Callable[[], object]) -> None:
        """Until it is so; looks after each event and now and then."""
        async with asyncio.timeout(8):
            while not is_so():
                self._came.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await self._came.wait()

    def of(self, kind: type, ticker: str = "") -> list[Any]:
        found = [one for one in self.events if isinstance(one, kind)]
        return [one for one in found if not ticker or ticker_of(one) == ticker]

    def statuses(self, ticker: str) -> list[str]:
        return [one.status for one in self.of(MarketStatus, ticker)]


def ticker_of(event: Any) -> str:
    return event.contract.ticker if isinstance(event, MarketListed) else getattr(event, "ticker", "")


@asynccontextmanager
async def feeding(
    door: Door, series: tuple[str, ...] = ("KXBTC15M",), **options: Any
) -> AsyncIterator[tuple[KalshiFeed, Heard]]:
    """A feed at the door, running; what its task raised is raised at the end."""
    heard = options.pop("heard", None) or Heard()
    signer, clock = options.pop("signer", SIGNER), options.pop("clock", door.clock)
    async with KalshiRest(door.hosts, signer, budgets=Budgets(TIERS["prestige"]), clock=clock) as rest:
        feed = KalshiFeed(
            rest, series, heard, hosts=door.hosts, clock=clock, signer=signer, pace=HASTY, speed=SPEED, **options
        )
        task = asyncio.create_task(feed.run())
        try:
            yield feed, heard
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
