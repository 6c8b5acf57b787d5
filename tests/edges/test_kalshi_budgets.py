"""Budgets never send what the exchange's own buckets would refuse; time is virtual, ways are as uneven as is allowed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.core.units import SECOND_NS
from markets.kalshi.bucket import FIRST_PAUSE_S, LONGEST_PAUSE_S, Bucket
from markets.kalshi.budgets import AUTO, UNSCOPED, Budgets, Kind, TooLarge
from markets.kalshi.limits import TIERS
from markets.loopback.virtual import virtually

CREATE, CANCEL = 10, 2
SLACK_S = 0.1
BASIC = TIERS["basic"]


class Ask(NamedTuple):
    """One request that somebody wants to send."""

    after_s: float = 0.0  # after the one before it was asked
    kind: Kind = "write"
    cost: int = CREATE
    urgent: bool = False
    shard: int = 2
    way_s: float = 0.0  # how long it takes to the exchange, beyond the shortest way
    gives_up_s: float | None = None


class Sent(NamedTuple):
    number: int
    at_s: float
    ask: Ask


def play(asks: Sequence[Ask], budgets: Callable[[], Budgets] = Budgets) -> list[Sent]:
    """Ask for all of it in virtual time; what left, in order."""

    async def main() -> list[Sent]:
        loop, served, sent = asyncio.get_running_loop(), budgets(), []
        began_s = loop.time()

        async def one(number: int, ask: Ask) -> None:
            await served.take(ask.kind, ask.cost, ask.urgent, shard=ask.shard)
            sent.append(Sent(number, loop.time() - began_s, ask))

        tasks = []
        for number, ask in enumerate(asks):
            await asyncio.sleep(ask.after_s)
            task = asyncio.ensure_future(one(number, ask))
            if ask.gives_up_s is not None:
                loop.call_later(ask.gives_up_s, task.cancel)
            tasks.append(task)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(lane.waiting == 0 for lane in served.view().lanes)
        return sent

    return virtually(main())


def refused(sent: Sequence[Sent], rate: int, capacity: int, charged: Callable[[Ask], bool]) -> list[Sent]:
    """What the exchange's own bucket does not let through, in the order of arrival."""
    tokens, at_s, out = float(capacity), 0.0, []
    for one in sorted(sent, key=lambda each: each.at_s + each.ask.way_s):
        if not charged(one.ask):
            continue
        arrives_s = one.at_s + one.ask.way_s
        tokens, at_s = min(capacity, tokens + (arrives_s - at_s) * rate), arrives_s
        if tokens < one.ask.cost - 1e-6:
            out.append(one)
        else:
            tokens -= one.ask.cost
    return out


ways = st.sampled_from([0.0, 0.0, 0.03, SLACK_S]) | st.floats(0.0, SLACK_S)
pauses = st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.1, 1.0]) | st.floats(0.0, 2.0)
writes = st.builds(
    Ask,
    after_s=pauses,
    kind=st.just("write"),
    cost=st.sampled_from([CREATE, CREATE, CANCEL, 30, 100]) | st.integers(0, 100),
    urgent=st.booleans(),
    shard=st.sampled_from([2, 2, 2, 1, UNSCOPED, AUTO]),
    way_s=ways,
    gives_up_s=st.none() | st.none() | st.sampled_from([0.0, 0.01, 0.5]) | st.floats(0.0, 3.0),
)
reads = st.builds(
    Ask,
    after_s=pauses,
    kind=st.sampled_from(["read", "balance"]),
    cost=st.integers(1, 200),
    urgent=st.booleans(),
    shard=st.just(AUTO),
    way_s=ways,
    gives_up_s=st.none(),
)


@settings(max_examples=150)
@given(st.lists(writes, max_size=60))
def test_no_write_is_sent_that_the_exchange_would_refuse(asks: list[Ask]) -> None:
    sent = play(asks)
    for shard in (UNSCOPED, 1, 2):
        assert not refused(sent, BASIC.write_rate, BASIC.write_capacity, lambda ask, of=shard: ask.shard in (of, AUTO))  # type: ignore[misc]
    assert {number for number, ask in enumerate(asks) if ask.gives_up_s is None} <= {one.number for one in sent}


@given(st.lists(reads, max_size=40))
def test_no_read_is_sent_that_the_exchange_would_refuse(asks: list[Ask]) -> None:
    sent = play(asks)
    assert len(sent) == len(asks)
    assert not refused(sent, BASIC.read_rate, BASIC.read_capacity, lambda ask: ask.kind == "read")
    calls = [one._replace(ask=one.ask._replace(cost=1)) for one in sent]
    assert not refused(calls, 1, 1, lambda ask: ask.kind == "balance")


@given(st.lists(writes.map(lambda ask: ask._replace(gives_up_s=None)), max_size=40))
def test_who_came_first_goes_first_but_for_the_urgent(asks: list[Ask]) -> None:
    sent = play(asks)
    asked_s, came_s = 0.0, []
    for ask in asks:
        asked_s += ask.after_s
        came_s.append(asked_s)
    for shard in (UNSCOPED, 1, 2):
        for urgent in (True, False):
            numbers = [one.number for one in sent if one.ask.shard == shard and one.ask.urgent == urgent]
            assert numbers == sorted(numbers)
        for later, one in enumerate(sent):
            if one.ask.shard == shard and not one.ask.urgent:
                overtaken = [
                    each for each in sent[later + 1 :]
                    if each.ask.shard == shard and each.ask.urgent and came_s[each.number] < one.at_s - 1e-5
                ]  # fmt: skip
                assert not overtaken


def test_the_test_s_own_bucket_refuses_what_is_too_much() -> None:
    too_many = [Sent(number, 0.0, Ask()) for number in range(11)]
    assert len(refused(too_many, 100, 100, lambda _: True)) == 1
    bunched = [Sent(0, 0.0, Ask(cost=100, way_s=SLACK_S)), Sent(1, 0.1, Ask())]  # refilled only from its arrival
    assert len(refused(bunched, 100, 100, lambda _: True)) == 1


# In numbers ------------------------------------------------------------------------------------------------------


def times(asks: Sequence[Ask]) -> list[float]:
    return [round(one.at_s, 3) for one in play(asks)]


def test_a_full_bucket_goes_at_once_and_the_rest_as_fast_as_it_is_refilled() -> None:
    sent = times([Ask(cost=CREATE) for _ in range(100)])
    assert sent[:9] == [0.0] * 9  # of ten; a tenth is for the urgent
    assert 9.0 < sent[-1] < 9.4  # a thousand tokens, less ninety, at a hundred a second


def test_cancels_have_a_reserve_and_go_before_all_that_wait() -> None:
    asks = [Ask() for _ in range(20)] + [Ask(cost=CANCEL, urgent=True) for _ in range(5)]
    sent = play(asks)
    assert [one.at_s for one in sent if one.ask.urgent] == [0.0] * 5
    assert [one.ask.urgent for one in sent][:14] == [False] * 9 + [True] * 5


def test_a_batch_that_fits_waits_for_its_turn_and_is_not_overtaken() -> None:
    sent = play([Ask(), Ask(cost=100), Ask(), Ask(cost=CANCEL, urgent=True)])
    assert [one.number for one in sent] == [0, 3, 1, 2]
    assert sent[2].at_s == pytest.approx(0.1 + 0.12, abs=0.002)  # a whole bucket again, and what is on its way


def test_what_never_fits_is_refused_with_the_size_that_does() -> None:
    async def main() -> None:
        budgets = Budgets()
        assert budgets.most("write", CREATE) == 10
        with pytest.raises(TooLarge, match="holds 100 at most"):
            await budgets.take("write", 11 * CREATE, shard=UNSCOPED)
        with pytest.raises(ValueError, match="cannot cost -1"):
            await budgets.take("write", -1)
        await budgets.take("write", 100, shard=UNSCOPED)
        waiting = asyncio.ensure_future(budgets.take("write", 100, shard=UNSCOPED))
        await asyncio.sleep(0.01)
        budgets.set_limits(200, 400, 50, 50)
        with pytest.raises(TooLarge, match="holds 50 at most"):
            await waiting

    virtually(main())


def test_each_shard_has_a_budget_of_its_own_and_who_names_none_is_charged_everywhere() -> None:
    assert times([Ask(cost=100, shard=1), Ask(cost=100, shard=2), Ask(cost=100, shard=UNSCOPED)]) == [0.0, 0.0, 0.0]
    assert times([Ask(cost=100, shard=AUTO), Ask(cost=100, shard=7)]) == [0.0, 1.1]
    assert times([Ask(cost=100, shard=1), Ask(cost=10, shard=AUTO), Ask(cost=90, shard=2)])[0:2] == [0.0, 0.3]


def test_a_task_that_gives_up_spends_nothing_and_lets_the_next_through() -> None:
    sent = play([Ask(cost=100), Ask(cost=100, gives_up_s=0.05), Ask(cost=CREATE)])
    assert [one.number for one in sent] == [0, 2]
    assert sent[1].at_s == pytest.approx(0.3, abs=0.002)


def test_a_task_cancelled_in_the_moment_it_was_granted_gives_back() -> None:
    async def main() -> None:
        budgets = Budgets()
        await budgets.take("write", 100, shard=2)
        before = budgets.view()
        task = asyncio.ensure_future(budgets.take("write", 50, shard=2))
        await asyncio.sleep(0)
        budgets._shards[2]._fresh.clear()
        budgets._shards[2]._fresh_parts = 0
        budgets._serve()  # granted, and the task has not run yet
        assert budgets.view().lanes[2].left == 50
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert budgets.view().lanes[2].left == 100
        assert budgets.view().lanes[2].taken == before.lanes[2].taken

    virtually(main())


# What the exchange says ------------------------------------------------------------------------------------------


def test_after_a_429_we_stand_back_longer_each_time_and_cancels_less() -> None:
    async def main() -> tuple[list[float], list[float], float]:
        loop, budgets = asyncio.get_running_loop(), Budgets(rng=random.Random(4))
        pauses, waits = [], []
        for _ in range(8):
            pauses.append(budgets.throttled("write", 2))
            assert budgets.throttled("write", 2) == pytest.approx(pauses[-1])  # another answer of the same moment
            cancel = asyncio.ensure_future(budgets.take("write", CANCEL, urgent=True, shard=2))
            began_s = loop.time()
            await budgets.take("write", CREATE, shard=2)
            waits.append(loop.time() - began_s)
            assert await cancel <= FIRST_PAUSE_S[1] + 0.01
        assert [lane.throttled for lane in budgets.view().lanes] == [0, 0, 16, 0]
        assert await budgets.take("write", CREATE, shard=1) == 0.0  # another shard's bucket is another bucket
        await asyncio.sleep(11.0)
        return pauses, waits, budgets.throttled("write", 2)

    pauses, waits, after_calm_s = virtually(main())
    for number, (pause_s, wait_s) in enumerate(zip(pauses, waits, strict=True)):
        low_s, high_s = (each * 2.0**number for each in FIRST_PAUSE_S)
        assert min(low_s, LONGEST_PAUSE_S) <= pause_s <= min(high_s, LONGEST_PAUSE_S)
        assert pause_s <= wait_s <= pause_s + 0.3
    assert len({round(pause_s / 2.0**number, 6) for number, pause_s in enumerate(pauses[:4])}) == 4  # jitter
    assert after_calm_s <= FIRST_PAUSE_S[1]


def test_a_429_of_no_known_kind_holds_everything_but_the_balance() -> None:
    async def main() -> list[float]:
        budgets = Budgets()
        pause_s = budgets.throttled()
        waits: list[Awaitable[float]] = [budgets.take("read", 2), budgets.take("write", 2), budgets.take("balance", 0)]
        assert budgets.view().throttled == 2
        return [pause_s, *await asyncio.gather(*waits)]

    pause_s, read_s, write_s, balance_s = virtually(main())
    assert read_s > FIRST_PAUSE_S[0]
    assert write_s > FIRST_PAUSE_S[0]
    assert pause_s <= FIRST_PAUSE_S[1]
    assert balance_s == 0.0


def test_costs_by_whatever_way_a_path_is_written() -> None:
    budgets = Budgets()
    assert budgets.cost("POST", "/portfolio/events/orders") == 10
    assert budgets.cost("DELETE", "/portfolio/events/orders/{order_id}") == 2
    assert budgets.cost("DELETE", "/portfolio/events/orders/batched", items=7) == 14
    assert budgets.cost("POST", "/portfolio/events/orders/batched", items=7) == 70
    budgets.set_costs(
        {("delete", "/trade-api/v2/portfolio/events/orders/:id"): 3, ("GET", "/x"): 50, ("GET", "/y"): -1}, 5
    )
    assert budgets.cost("DELETE", "/trade-api/v2/portfolio/events/orders/{order_id}?exchange_index=2") == 3
    assert budgets.cost("GET", "/x/") == 50
    assert budgets.cost("GET", "/y") == 5
    assert budgets.cost("POST", "/account/api_usage_level/upgrade") == 30  # known to be dear, and not in the list


def test_tiers_and_limits_of_the_account() -> None:
    budgets = Budgets()
    lanes = {lane.name: lane for lane in budgets.view().lanes}
    assert [(lanes[name].rate, lanes[name].capacity) for name in ("read", "write", "balance")] == [
        (200, 400),
        (100, 100),
        (1, 1),
    ]
    assert budgets.set_tier("Expert")
    assert not budgets.set_tier("platinum")
    budgets.set_limits(600, 900, 601, 1_202)
    lanes = {lane.name: lane for lane in budgets.view().lanes}
    assert budgets.tier == "expert"
    assert [(lanes[name].rate, lanes[name].capacity) for name in ("read", "write", "balance")] == [
        (600, 900),
        (601, 1_202),
        (5, 5),
    ]
    budgets.set_limits(600, 900, 601, 1_202, tier="platinum")
    assert budgets.view().lanes[-1].rate == 1  # the lowest, of a tier that we do not know
    with pytest.raises(ValueError, match="let nothing through"):
        budgets.set_limits(0, 900, 601, 1_202)
    assert Budgets.public().view().lanes[0].rate == 40


@given(st.lists(st.tuples(st.floats(0.0, 0.3), st.integers(0, 60)), max_size=30), st.integers(0, 60))
def test_how_long_to_wait_is_neither_too_short_nor_too_long(spent: list[tuple[float, int]], cost: int) -> None:
    bucket, now_ns = Bucket("b", 100, 60), 0
    for after_s, each in spent:
        now_ns += round(after_s * SECOND_NS)
        if bucket.wait_ns(each, now_ns) == 0:
            bucket.take(each, now_ns)
    wait_ns = bucket.wait_ns(cost, now_ns)
    if wait_ns:
        assert bucket.copied("c").wait_ns(cost, now_ns + wait_ns - 1) > 0
    assert bucket.copied("c").wait_ns(cost, now_ns + wait_ns) == 0


# Without an event loop -------------------------------------------------------------------------------------------


def test_the_same_budgets_for_code_that_blocks() -> None:
    now = [5.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    budgets = Budgets(clock=lambda: now[0])
    waited = [budgets.take_blocking("write", CREATE, shard=2, sleep=sleep) for _ in range(30)]
    assert waited[:9] == [0.0] * 9
    assert 2.0 < sum(slept) < 2.4
    budgets.throttled("write", 2)
    assert budgets.try_take("write", CREATE, shard=2) > 0.1
    with pytest.raises(TooLarge):
        budgets.take_blocking("write", 101, sleep=sleep)


def test_who_does_not_wait_does_not_overtake_who_does() -> None:
    async def main() -> None:
        budgets = Budgets()
        await budgets.take("write", 95, shard=2)
        task = asyncio.ensure_future(budgets.take("write", 20, shard=2))
        await asyncio.sleep(0)
        assert budgets.try_take("write", 0, shard=2) > 0.0
        assert budgets.try_take("write", CANCEL, urgent=True, shard=2) == 0.0
        assert budgets.try_take("write", CREATE, shard=1) == 0.0
        await task

    virtually(main())
