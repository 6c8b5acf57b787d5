"""The REST client trades on the simulated exchange: orders from their placing to their fills, groups, transfers, every
call, and what a lost answer leaves to be found out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from markets.core.contract import FeeTerms
from markets.core.units import SECOND_NS
from markets.kalshi.errors import (
    AlreadyExists,
    KalshiError,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unauthorised,
    Unavailable,
)
from markets.kalshi.hosts import hosts_at
from markets.kalshi.messages import Created, ItemRefused
from markets.kalshi.requests import AmendOrder, CancelOrder, CreateOrder, DecreaseOrder, Transfer
from markets.kalshi.rest import KalshiRest
from markets.kalshi.terms import contract_of
from tests.builders import STRIKE, TICKER, contract
from tests.exchange_rest import NEXT_TICKER, Open, Time, new_house, opened
from tests.kalshi_rest_calls import EVERY_CALL
from tests.kalshi_rest_fakes import NoPause, a_signer, ample


class Seat(NamedTuple):
    """A member's client at an exchange, and the house's clock."""

    exchange: Open
    rest: KalshiRest
    time: Time


@asynccontextmanager
async def seated(**options: Any) -> AsyncIterator[Seat]:
    time = Time()
    async with opened(new_house(time)) as exchange, client(exchange, **options) as rest:
        yield Seat(exchange, rest, time)


def client(exchange: Open, **options: Any) -> KalshiRest:
    values: dict[str, Any] = {"signer": exchange.me.signer, "budgets": ample(), "rng": NoPause(), **options}
    return KalshiRest(hosts_at(exchange.me.rest), **values)


def bid(price: int = 4_000, count: int = 1_000, **changes: Any) -> CreateOrder:
    values: dict[str, Any] = {
        "ticker": TICKER,
        "client_order_id": str(uuid4()),
        "is_bid": True,
        "price": price,
        "count": count,
        "shard": 2,
    }
    return CreateOrder(**(values | changes))


async def test_an_order_from_its_placing_to_its_end() -> None:
    async with seated() as (_, rest, _):
        order = bid()
        made = await rest.create_order(order)
        assert (made.filled, made.remaining, made.client_order_id) == (0, 1_000, order.client_order_id)
        assert (await rest.order(made.order_id)).status == "resting"
        assert await rest.queue_position(made.order_id) == 0
        amended = await rest.amend_order(
            AmendOrder(order_id=made.order_id, ticker=TICKER, is_bid=True, price=4_100, count=1_200, shard=2)
        )
        assert amended.remaining == 1_200
        assert (
            await rest.decrease_order(DecreaseOrder(order_id=made.order_id, shard=2, reduce_to=500))
        ).remaining == 500
        assert (await rest.cancel_order(made.order_id, 2)).reduced_by == 500
        with pytest.raises(NotFound):
            await rest.cancel_order(made.order_id, 2)
        [row] = await rest.orders(ticker=TICKER)
        assert (row.status, row.price, row.filled, row.shard) == ("canceled", 4_100, 0, 2)


async def test_a_fill_in_exact_numbers() -> None:
    async with seated() as (_, rest, _):
        made = await rest.create_order(bid(5_100, 300, time_in_force="immediate_or_cancel"))
        assert (made.filled, made.remaining, made.average_price) == (300, 0, 510_000)
        [fill] = await rest.fills(ticker=[TICKER])
        assert (fill.price, fill.count, fill.is_bid, fill.is_taker) == (5_100, 300, True, True)
        assert fill.fee == 52_500  # 0.07 x 3 x 0.51 x 0.49, rounded up to $0.0001
        [position] = await rest.positions()
        assert (position.count, position.fees, position.shard) == (300, 52_500, 2)
        balance = await rest.balance()
        assert balance.by_shard[2] == 5_000_000_000 - 1_530_000 - 52_500
        assert balance.cash == sum(balance.by_shard.values())


async def test_refusals_in_the_exchanges_words() -> None:
    async with seated() as (_, rest, _):
        order = bid()
        made = await rest.create_order(order)
        with pytest.raises(AlreadyExists):
            await rest.create_order(order)
        with pytest.raises(Refused, match="fill_or_kill_insufficient_resting_volume"):
            await rest.create_order(bid(5_100, 200_000, time_in_force="fill_or_kill"))
        for wrong in (bid(4_005), bid(5_200, is_post_only=True), bid(is_reduce_only=True), bid(shard=0)):
            with pytest.raises(Refused):
                await rest.create_order(wrong)
        with pytest.raises(NotFound):
            await rest.cancel_order(made.order_id, 0)  # it lives on shard 2
        with pytest.raises(NotFound):
            await rest.market("KXBTC15M-26NOV221230-30")


async def test_a_batch_of_which_one_is_refused() -> None:
    async with seated() as (_, rest, _):
        good, bad = await rest.create_orders([bid(), bid(4_005)])
        assert isinstance(good, Created)
        assert isinstance(bad, ItemRefused)
        gone, none = await rest.cancel_orders([CancelOrder(good.order_id, 2), CancelOrder(str(uuid4()), 2)])
        assert getattr(gone, "reduced_by", None) == 1_000
        assert isinstance(none, ItemRefused)


@pytest.mark.parametrize("fault", ["answer_lost", "error_after", "error_before"])
async def test_an_unknown_outcome_is_found_out_by_reading(fault: str) -> None:
    async with seated() as (exchange, rest, time):
        exchange.fault(fault, method="POST", path="/portfolio/events/orders")
        order = bid()
        with pytest.raises(OutcomeUnknown) as caught:
            await rest.create_order(order)
        time.pass_s(1)
        rows = await rest.orders(ticker=TICKER)
        landed = [row.order_id for row in rows if row.client_order_id == caught.value.client_order_id]
        assert len(landed) == (fault != "error_before")
        if landed:
            with pytest.raises(AlreadyExists):
                await rest.create_order(order)
        else:
            await rest.create_order(order)


async def test_a_read_survives_what_passes() -> None:
    async with seated() as (exchange, rest, _):
        for fault in ("answer_lost", "error_after", "error_before", "rate_limit"):
            exchange.fault(fault, method="GET")
            assert (await rest.market(TICKER)).ticker == TICKER
        assert sum(exchange.plan.done.values()) == 4


async def test_groups_and_transfers() -> None:
    async with seated() as (_, rest, time):
        group = await rest.create_group(500, 2)
        order = await rest.create_order(bid(group_id=group.group_id))
        assert (await rest.group(group.group_id)).orders == (order.order_id,)
        await rest.set_group_limit(group.group_id, 700, 2)
        assert [one.limit for one in await rest.groups()] == [700]
        await rest.trigger_group(group.group_id, 2)
        assert (await rest.order(order.order_id)).status == "canceled"
        await rest.reset_group(group.group_id, 2)
        await rest.delete_group(group.group_id, 2)
        with pytest.raises(NotFound):
            await rest.group(group.group_id)
        sent = Transfer(client_transfer_id=str(uuid4()), from_shard=0, to_shard=2, amount=200_000_000)
        made = await rest.transfer(sent)
        with pytest.raises(KalshiError):
            await rest.transfer(sent)
        time.pass_s(60)
        state = await rest.transfer_state(made.transfer_id)
        assert (state.amount, state.from_shard, state.to_shard) == (200_000_000, 0, 2)
        assert [one.transfer_id for one in await rest.transfers()] == [made.transfer_id]


async def test_markets_become_the_contracts_that_they_were_made_of() -> None:
    async with seated() as (_, rest, _):
        found = contract_of(await rest.market(TICKER), FeeTerms())
        assert found == contract()
        later = contract_of(await rest.market(NEXT_TICKER), FeeTerms())
        assert later.strike is None
        assert [one.ticker for one in await rest.markets(series_ticker="KXBTC15M", status="open")] == [TICKER]
        assert (await rest.market(TICKER)).strike == Decimal(str(STRIKE))
        assert (await rest.orderbook(TICKER)).yes == ((4_900, 100_000),)


async def test_every_call_is_understood() -> None:
    """Each is carried out, or refused for what it names: never for its form, and never answered so that it cannot be read."""
    async with seated() as (_, rest, _):
        for name, make in EVERY_CALL.items():
            try:
                await make(rest)
            except Unavailable as error:
                raise AssertionError(f"{name}: {error}") from error
            except Refused as error:
                if error.code in ("bad_request", "missing_parameters", "invalid_parameters"):
                    raise AssertionError(f"{name}: {error}") from error


async def test_who_is_not_known_is_told_so_and_the_clock_is_watched() -> None:
    async with seated() as (exchange, rest, _):
        await rest.learn()
        assert rest.server_clock.offset_ns is not None
        assert abs(rest.server_clock.offset_ns) < 2 * SECOND_NS
        async with client(exchange, signer=a_signer()) as stranger:
            with pytest.raises(Unauthorised, match="does not know the key id"):
                await stranger.balance()
        async with client(exchange, signer=None) as nobody:
            assert (await nobody.market(TICKER)).ticker == TICKER
