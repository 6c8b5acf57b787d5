"""The REST client against a server that answers as documented: what is sent, what comes back, lists, budgets, signatures."""

import asyncio
import inspect
from decimal import Decimal
from typing import Any

import pytest

from markets.core.units import SECOND_NS
from markets.kalshi.budgets import Budgets
from markets.kalshi.calls import CALLS
from markets.kalshi.calls_market import BOOKS_AT_ONCE
from markets.kalshi.errors import (
    AlreadyExists,
    KalshiError,
    NotDone,
    NotFound,
    Refused,
    Unauthorised,
    Unavailable,
)
from markets.kalshi.limits import TIERS
from markets.kalshi.messages_account import (
    Amended,
    Cancelled,
    Created,
    Decreased,
    Group,
    GroupMade,
    ItemRefused,
    QueuePosition,
    TransferMade,
)
from markets.kalshi.rest import KalshiRest
from markets.kalshi.rest_sync import KalshiRestSync
from tests.kalshi_rest_calls import EVERY_CALL, OTHER_CLIENT_ID, OTHER_ID, an_order
from tests.kalshi_rest_documents import CLIENT_ID, GROUP_ID, ORDER_ID, TICKER, TRADE, TRANSFER_ID, market
from tests.kalshi_rest_fakes import FakeExchange, NoPause, a_signer, ample, too_many

AT_NS = 1_795_366_000 * SECOND_NS


def test_every_call_is_tried_here() -> None:
    assert set(EVERY_CALL) == set(CALLS)


def words_of(face: type, name: str) -> dict[str, inspect.Parameter]:
    """What a call takes; whether it may still leave is only asked where it may have to wait beside others."""
    words = inspect.signature(getattr(face, name)).parameters
    return {word: told for word, told in words.items() if word != "may_send"}


async def test_both_faces_have_every_call_and_say_the_same() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        with KalshiRestSync(exchange.hosts, a_signer(), budgets=ample(), rng=NoPause()) as sync:
            for name, make in EVERY_CALL.items():
                assert words_of(KalshiRest, name) == words_of(KalshiRestSync, name)
                assert await make(rest) == await asyncio.to_thread(make, sync), name
    first, second = exchange.asked[::2], exchange.asked[1::2]
    assert [(one.name, one.method, one.target, one.body) for one in first] == [
        (one.name, one.method, one.target, one.body) for one in second
    ]
    assert [one.name for one in first] == list(EVERY_CALL)
    assert len({one.port for one in first}) == len({one.port for one in second}) == 1  # connections are kept


async def test_the_shard_goes_where_the_exchange_looks_for_it() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        for name, make in EVERY_CALL.items():
            if CALLS[name].is_write:
                await make(rest)
    told = {asked.name: asked for asked in exchange.asked}
    for name in ("create_order", "amend_order", "decrease_order", "create_group"):
        assert told[name].said["exchange_index"] == 2
        assert "exchange_index" not in told[name].target
    for name in ("cancel_order", "delete_group", "reset_group", "trigger_group", "set_group_limit"):
        assert "exchange_index=2" in told[name].target
        assert b"exchange_index" not in told[name].body
    for name in ("create_orders", "cancel_orders"):
        assert [item["exchange_index"] for item in told[name].said["orders"]] == [2, 2]
        assert "?" not in told[name].target
    assert told["transfer"].said == {
        "client_transfer_id": "7f0c0a53-2f0e-4f8b-8d0e-3a52b0a9d111",
        "source": "event_contract",
        "destination": "event_contract",
        "amount": 2_000_000,
        "source_exchange_shard": 0,
        "destination_exchange_shard": 2,
        "source_subaccount": 0,
        "destination_subaccount": 0,
    }


async def test_a_new_order_is_sent_as_documented() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        made = await rest.create_order(an_order())
    assert exchange.asked[0].said == {
        "ticker": TICKER,
        "client_order_id": CLIENT_ID,
        "side": "bid",
        "count": "10.00",
        "price": "0.5600",
        "time_in_force": "good_till_canceled",
        "expiration_time": 1795366740,
        "self_trade_prevention_type": "taker_at_cross",
        "post_only": True,
        "cancel_order_on_pause": True,
        "subaccount": 0,
        "exchange_index": 2,
    }
    assert made == Created(ORDER_ID, 0, 1_000, CLIENT_ID, None, None, 1_795_366_000_123_000_000)  # type: ignore[arg-type]


async def test_a_batch_says_of_each_order_what_became_of_it() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        made = await EVERY_CALL["create_orders"](rest)
        gone = await EVERY_CALL["cancel_orders"](rest)
    assert [type(one) for one in made] == [Created, ItemRefused]
    assert made[1] == ItemRefused("insufficient_balance", "insufficient balance", client_order_id=OTHER_CLIENT_ID)
    assert gone[0] == Cancelled(ORDER_ID, 1_000, CLIENT_ID, 1_795_366_000_456_000_000)  # type: ignore[arg-type]
    assert gone[1] == ItemRefused("not_found", "not found", order_id=OTHER_ID)


async def test_what_changes_an_order_says_what_is_left() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        amended = await EVERY_CALL["amend_order"](rest)
        decreased = await EVERY_CALL["decrease_order"](rest)
        await rest.cancel_all()
        assert await rest.create_group(15_000, 2) == GroupMade(GROUP_ID, 0, 2)
        assert await rest.groups() == [Group(GROUP_ID, True, 15_000, 2)]
        assert await rest.group(GROUP_ID) == Group(GROUP_ID, True, 15_000, 2, (ORDER_ID,))
        assert await EVERY_CALL["transfer"](rest) == TransferMade(TRANSFER_ID)
        assert await rest.queue_position(ORDER_ID) == 12_000
        assert await rest.queue_positions([TICKER]) == [QueuePosition(ORDER_ID, 12_000, TICKER)]  # type: ignore[arg-type]
    assert amended == Amended(ORDER_ID, CLIENT_ID, 800, None, None, None, 1_795_366_000_789_000_000)  # type: ignore[arg-type]
    assert decreased == Decreased(ORDER_ID, 600, CLIENT_ID, 1_795_366_000_790_000_000)  # type: ignore[arg-type]


async def test_the_account_in_exact_numbers() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        balance = await rest.balance()
        [position] = await rest.positions()
        [fill] = await rest.fills()
        [settlement] = await rest.settlements()
        [order] = await rest.orders()
    assert (balance.cash, balance.portfolio_value) == (1_500_421_700, 120_000_000)
    assert balance.by_shard == {0: 1_300_421_700, 2: 200_000_000}
    assert (position.count, position.fees, position.shard) == (-1_000, 147_000, 2)
    assert (fill.price, fill.count, fill.fee, fill.is_bid, fill.is_taker) == (2_100, 2_000, 0, False, False)
    assert fill.created_ns == 1_785_970_866_658_536_000
    assert (settlement.revenue, settlement.yes_pays, settlement.no_count) == (10_000_000, 0, 1_000)
    assert (order.filled, order.remaining, order.initial, order.maker_cost) == (200, 800, 1_000, 1_120_000)
    assert (order.is_bid, order.expires_ns, order.group_id) == (True, None, "")


async def test_a_market_its_book_and_its_series() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        found = await rest.market(TICKER)
        book = await rest.orderbook(TICKER)
        series = await rest.series("KXBTC15M")
        [candle] = await rest.candlesticks(TICKER, 1, 2)
        [old] = await rest.historical_candlesticks(TICKER, 1, 2)
        [change] = await rest.series_fee_changes()
        status = await rest.exchange_status()
        books = await rest.orderbooks([TICKER, "B"])
    assert found.strike == Decimal("63441.03")
    assert (found.yes_bid, found.yes_ask, found.yes_ask_count) == (9_520, 9_530, 81_344)
    assert book.yes == ((4_100, 1_000), (4_200, 1_300))
    assert book.no == ((4_500, 2_000), (5_600, 1_700))
    assert books == {TICKER: book}
    assert exchange.asked[-1].target.endswith(f"?tickers={TICKER}&tickers=B")
    assert (series.fee_type, series.fee_multiplier, series.shard) == ("quadratic", Decimal(1), 2)
    assert candle == old
    assert (candle.price.mean, candle.volume, candle.yes_bid.high) == (Decimal("0.418766"), 12_050, 4_500)
    assert change.fee_multiplier == Decimal("1.5")
    crypto, unknown = status.of(2), status.of(9)
    assert crypto is not None
    assert (crypto.trading_active, status.trading_active, unknown) == (False, True, None)


async def test_an_exchange_in_trouble_still_says_its_status() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["exchange_status"] = [
            (503, {"exchange_active": False, "trading_active": False}),
            (503, b"<html>down</html>"),
        ]
        assert not (await rest.exchange_status()).exchange_active
        assert (await rest.exchange_status()).exchange_active  # asked again
    assert len(exchange.asked) == 3


async def test_each_attempt_is_signed_anew_and_public_calls_too() -> None:
    now_ns = AT_NS
    async with FakeExchange() as exchange, exchange.rest(clock=lambda: now_ns) as rest:
        exchange.script["market"] = [(500, {"error": {"code": "internal_server_error", "message": "sorry"}})] * 2
        exchange.headers = {"Date": "Sun, 22 Nov 2026 16:46:40 GMT"}

        async def later() -> None:
            nonlocal now_ns
            while len(exchange.asked) < 3:
                now_ns += 1_000_000
                await asyncio.sleep(0)

        await asyncio.gather(rest.market(TICKER), later())
    stamps = [asked.headers["KALSHI-ACCESS-TIMESTAMP"] for asked in exchange.asked]
    signatures = {asked.headers["KALSHI-ACCESS-SIGNATURE"] for asked in exchange.asked}
    assert len(set(stamps)) == len(signatures) == 3
    signer = a_signer()
    for asked in exchange.asked:
        path = asked.target.partition("?")[0]
        text = f"{asked.headers['KALSHI-ACCESS-TIMESTAMP']}GET{path}".encode()
        assert asked.headers["KALSHI-ACCESS-SIGNATURE"] == signer.sign(text)


async def test_the_query_is_not_signed_and_names_cannot_leave_their_place() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        await rest.order("../a b?c/é")
        await rest.trades(ticker="A&limit=1")
        with pytest.raises(ValueError, match="order_id"):
            await rest.order("..")
        with pytest.raises(ValueError, match="order_id"):
            await rest.cancel_order("", 2)
    assert exchange.asked[0].target == "/trade-api/v2/portfolio/orders/..%2Fa%20b%3Fc%2F%C3%A9"
    assert exchange.asked[1].target == "/trade-api/v2/markets/trades?ticker=A%26limit%3D1&limit=1000"
    for asked in exchange.asked:
        text = f"{asked.headers['KALSHI-ACCESS-TIMESTAMP']}GET{asked.target.partition('?')[0]}".encode()
        assert asked.headers["KALSHI-ACCESS-SIGNATURE"] == a_signer().sign(text)


async def test_without_a_key_the_public_calls_work_and_the_others_say_what_is_missing() -> None:
    async with FakeExchange() as exchange, KalshiRest(exchange.hosts) as rest:
        await rest.market(TICKER)
        with pytest.raises(Unauthorised, match="KALSHI_KEY_ID"):
            await rest.balance()
    assert exchange.names() == ["market"]
    assert not any(name.upper().startswith("KALSHI") for name in exchange.asked[0].headers)


# Lists -----------------------------------------------------------------------------------------------------------


def page(ids: list[str], cursor: str) -> tuple[int, Any]:
    return 200, {"trades": [{**TRADE, "trade_id": one} for one in ids], "cursor": cursor}


async def test_a_list_comes_whole_and_each_row_once() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["trades"] = [page(["a", "b"], "x+/=&"), page(["b", "c"], "y"), (200, {"trades": None})]
        rows = await rest.trades(ticker=TICKER)
    assert [row.trade_id for row in rows] == ["a", "b", "c"]
    assert [asked.target.partition("?")[2] for asked in exchange.asked] == [
        f"ticker={TICKER}&limit=1000",
        f"ticker={TICKER}&limit=1000&cursor=x%2B%2F%3D%26",
        f"ticker={TICKER}&limit=1000&cursor=y",
    ]


async def test_of_an_order_that_comes_twice_the_later_state_counts() -> None:
    order = {"order_id": "1", "ticker": TICKER, "book_side": "bid", "yes_price_dollars": "0.5000"}
    rests = {"fill_count_fp": "0.00", "remaining_count_fp": "1.00", "initial_count_fp": "1.00", "status": "resting"}
    done = {"fill_count_fp": "1.00", "remaining_count_fp": "0.00", "initial_count_fp": "1.00", "status": "executed"}
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["orders"] = [
            (200, {"orders": [order | rests, order | rests | {"order_id": "2"}], "cursor": "x"}),
            (200, {"orders": [order | done], "cursor": ""}),
        ]
        rows = await rest.orders()
    assert [(row.order_id, row.status) for row in rows] == [("1", "executed"), ("2", "resting")]


async def test_no_more_rows_are_asked_for_than_are_wanted() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["trades"] = [page(["a", "b"], "x"), page(["c", "d"], "y")]
        assert [row.trade_id for row in await rest.trades(limit=3)] == ["a", "b", "c"]
        assert await rest.trades(limit=0) == []
    assert [asked.target.partition("?")[2] for asked in exchange.asked] == ["limit=3", "limit=1&cursor=x"]


async def test_a_list_without_an_end_is_refused_instead_of_cut() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["trades"] = [page(["a"], "x"), page(["b"], "y"), page(["c"], "z")]
        with pytest.raises(Unavailable, match=r"trades.*goes on"):
            await rest.trades(max_pages=2)
        exchange.script["trades"] = [page(["a"], "x"), page(["b"], "y"), page(["c"], "x")]
        with pytest.raises(Unavailable, match="comes back"):
            await rest.trades()


async def test_books_are_asked_for_by_the_hundred() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        for tickers in ([], ["A"] * (BOOKS_AT_ONCE + 1)):
            with pytest.raises(ValueError, match="1 to 100"):
                await rest.orderbooks(tickers)
        with pytest.raises(ValueError, match="markets or an event"):
            await rest.queue_positions()
    assert exchange.asked == []


# Errors ----------------------------------------------------------------------------------------------------------

NESTED = {"error": {"code": "insufficient_balance", "message": "insufficient balance", "details": "on shard 2"}}
FLAT = {"code": "insufficient_balance", "message": "insufficient balance", "details": "on shard 2"}


@pytest.mark.parametrize("body", [NESTED, FLAT])
async def test_a_refusal_says_why_in_the_exchanges_words(body: Any) -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["create_order"] = [(400, body)]
        with pytest.raises(Refused) as caught:
            await rest.create_order(an_order())
    error = caught.value
    assert (error.status, error.code, error.message, error.details, error.call) == (
        400,
        "insufficient_balance",
        "insufficient balance",
        "on shard 2",
        "create_order",
    )
    assert str(error) == "create_order - HTTP 400 - insufficient_balance: insufficient balance: on shard 2"


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"error": "plain words"}, Refused, "plain words"),
        (403, b"<html><b>Request blocked</b></html>", Refused, "Request blocked"),
        (404, {"error": {"code": "not_found", "message": "not found"}}, NotFound, "not_found"),
        (404, b"", NotFound, "HTTP 404"),
        (404, {"code": "insufficient_shard_balance"}, Refused, "insufficient_shard_balance"),
        (404, {"error": {"code": "user_not_found"}}, Refused, "user_not_found"),
        (409, {"error": {"code": "order_already_exists"}}, AlreadyExists, "order_already_exists"),
        (409, {"error": {"code": "transfer_already_exists"}}, AlreadyExists, "transfer_already_exists"),
        (409, {"error": {"code": "fill_or_kill_insufficient_resting_volume"}}, Refused, "fill_or_kill"),
        (410, {"code": "deprecated_v1_order_endpoint"}, Refused, "deprecated"),
        (418, b"", Refused, "HTTP 418"),
        (302, b"", Refused, "HTTP 302"),
        (400, {"error": {"code": None, "message": ["odd"]}}, Refused, "odd"),
        (400, [1, 2], Refused, "1, 2"),
        (400, b"\xff\xfe", Refused, "HTTP 400"),
        (401, {"error": {"code": "authentication_error", "details": "NOT_FOUND"}}, Unauthorised, "environment"),
        (401, {"error": {"code": "authentication_error", "details": "INCORRECT_API_KEY_SIGNATURE"}}, Unauthorised, "HMAC"),
        (401, {"error": {"code": "header_timestamp_expired"}}, Unauthorised, "clock"),
        (401, b"no", Unauthorised, "does not let us in"),
    ],
)  # fmt: skip
async def test_every_shape_of_refusal(status: int, body: Any, kind: type[KalshiError], words: str) -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["create_order"] = [(status, body)]
        with pytest.raises(KalshiError, match=words) as caught:
            await rest.create_order(an_order())
    assert type(caught.value) is kind
    assert isinstance(caught.value, NotDone)
    assert len(exchange.asked) == 1


async def test_a_stale_stamp_is_sent_again_with_the_exchanges_time() -> None:
    ours_ns = AT_NS - 60 * SECOND_NS
    async with FakeExchange() as exchange, exchange.rest(clock=lambda: ours_ns) as rest:
        exchange.headers = {"Date": "Sun, 22 Nov 2026 16:46:40 GMT"}
        exchange.script["create_order"] = [(401, {"error": {"code": "header_timestamp_expired"}})] * 3
        await rest.create_order(an_order())
    stamps = [int(asked.headers["KALSHI-ACCESS-TIMESTAMP"]) for asked in exchange.asked]
    assert len(stamps) == 4
    assert stamps[0] * 1_000_000 == ours_ns
    assert abs(stamps[-1] * 1_000_000 - AT_NS) <= SECOND_NS
    assert rest.server_clock.is_corrected


# Budgets ---------------------------------------------------------------------------------------------------------


async def test_the_accounts_own_budgets_and_costs_are_learnt() -> None:
    async with FakeExchange() as exchange, exchange.rest(budgets=Budgets(TIERS["prestige"])) as rest:
        await rest.learn()
        lanes = {lane.name: lane for lane in rest.budgets.view().lanes}
        assert (lanes["read"].capacity, lanes["write"].capacity) == (600, 100)
        assert rest.budgets.cost("GET", "/cfbenchmarks/values") == 50
        assert rest.budgets.cost("DELETE", CALLS["cancel_order"].path) == 2
        assert rest.budgets.view().tier == "basic"


async def test_what_a_call_costs_is_taken_from_its_own_bucket() -> None:
    async with FakeExchange() as exchange:
        budgets = Budgets(TIERS["advanced"], clock=lambda: 0.0)
        async with exchange.rest(budgets=budgets) as rest:
            await rest.create_order(an_order())
            await rest.cancel_order(ORDER_ID, 2)
            await EVERY_CALL["create_orders"](rest)
            await rest.market(TICKER)
            await rest.order(ORDER_ID)
            await rest.balance()
        left = {lane.name: lane.capacity - lane.left for lane in budgets.view().lanes}
    assert left == {"read": 12, "write": 20, "write/2": 12, "balance": 1}


async def test_a_cancel_goes_before_orders_that_wait() -> None:
    async with FakeExchange() as exchange:
        budgets = Budgets(TIERS["basic"])
        async with exchange.rest(budgets=budgets) as rest:
            orders = [asyncio.create_task(rest.create_order(an_order(client_order_id=str(n)))) for n in range(12)]
            while not any(lane.waiting for lane in budgets.view().lanes):
                await asyncio.sleep(0)
            await rest.cancel_order(ORDER_ID, 2)
            waiting = sum(not order.done() for order in orders)
            await asyncio.gather(*orders)
    assert waiting > 0
    assert exchange.names().index("cancel_order") < 12


async def test_429_is_waited_out_for_reads_and_writes() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["create_order"] = [too_many(), too_many()]
        exchange.script["market"] = [too_many()]
        await rest.create_order(an_order())
        await rest.market(TICKER)
        assert rest.budgets.view().throttled == 3
    assert exchange.names() == ["create_order"] * 3 + ["market"] * 2
    assert len({asked.body for asked in exchange.asked if asked.name == "create_order"}) == 1


async def test_a_new_market_is_not_found_at_first() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["market"] = [(404, {"error": {"code": "not_found"}}), (200, {"market": market()})]
        with pytest.raises(NotFound):
            await rest.market(TICKER)
        assert (await rest.market(TICKER)).status == "active"
