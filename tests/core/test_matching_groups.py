"""Order groups: a brake on what a group may match in any fifteen seconds."""

import pytest

from markets.core.units import CONTRACT
from tests.builders import TICKER
from tests.builders_matching import SHARD, A, B, C, Hall, refused
from trading.core.matching.messages import GroupChanged, GroupState

PRICE = 4_900


def group(hall: Hall, limit: int = 1_000) -> int:
    return hall.matching.make_group(A, limit, hall.at, shard=SHARD)


def state(hall: Hall) -> GroupState:
    (found,) = hall.matching.groups(A)
    return found


def told(hall: Hall) -> list[str]:
    return [each.what for each in hall.of(GroupChanged)]


def test_the_limit_cancels_all_orders_of_the_group_and_refuses_new_ones_until_it_is_reset() -> None:
    hall = Hall()
    number = group(hall)
    first, second = hall.bid(A, PRICE, 1_000, group=number), hall.bid(A, 4_800, 500, group=number)
    apart = hall.bid(A, 4_700, 500)
    hall.ask(B, PRICE, 999)
    assert (state(hall).matched, state(hall).is_triggered) == (999, False)
    hall.ask(B, PRICE, 1)
    assert state(hall) == GroupState(number, A, 0, SHARD, 1_000, 1_000, True, ())
    ends = [hall.matching.order(order.number) for order in (first, second, apart)]
    assert [(each.status, each.cause) for each in ends] == [
        ("executed", "Trade"),
        ("canceled", "GroupCancel"),
        ("resting", ""),
    ]
    with refused("EXCEEDED_ORDER_GROUP_RISK_LIMIT"):
        hall.bid(A, PRICE, 100, group=number)
    hall.wait(60)
    with refused("EXCEEDED_ORDER_GROUP_RISK_LIMIT"):
        hall.bid(A, PRICE, 100, group=number)
    hall.matching.reset_group(A, number, hall.at)
    assert hall.bid(A, PRICE, 100, group=number).status == "resting"
    assert told(hall) == ["created", "triggered", "reset"]


def test_what_matched_fifteen_seconds_ago_counts_no_more() -> None:
    hall = Hall().crowd(no={4_900: 10_000})
    number = group(hall)
    hall.bid(A, 5_100, 600, group=number)
    hall.wait(14.999)
    assert state(hall).matched == 600
    hall.wait(0.001)
    assert state(hall).matched == 0
    assert hall.bid(A, 5_100, 900, group=number).filled == 900
    assert not state(hall).is_triggered


def test_a_taker_matches_up_to_the_limit_and_the_rest_is_cancelled() -> None:
    hall = Hall().crowd(no={4_900: 10_000})
    taker = hall.bid(A, 5_100, 1_500, group=group(hall))
    assert (taker.status, taker.filled, taker.cause) == ("canceled", 1_000, "GroupCancel")
    assert state(hall).is_triggered


def test_resting_orders_match_up_to_the_limit_and_the_taker_goes_on_behind_them() -> None:
    hall = Hall()
    number = group(hall)
    hall.bid(A, PRICE, 700, group=number)
    hall.bid(A, PRICE, 700, group=number)
    hall.bid(C, PRICE, 500)
    taker = hall.ask(B, PRICE, 1_500)
    assert (taker.filled, hall.fills(A), hall.fills(C)) == (1_500, [(PRICE, 700), (PRICE, 300)], [(PRICE, 500)])
    assert (state(hall).is_triggered, state(hall).orders) == (True, ())


def test_the_crowd_matches_a_group_up_to_its_limit_too() -> None:
    hall = Hall()
    hall.bid(A, PRICE, 3_000, group=group(hall))
    assert hall.prints(PRICE, 1_500, taker_yes=False) == 1_000
    hall.matching.reset_group(A, state(hall).group, hall.at)
    hall.bid(A, PRICE, 3_000, group=state(hall).group)
    hall.crowd(no={5_200: 1_500})
    assert hall.fills(A) == [(PRICE, 1_000), (PRICE, 1_000)]
    assert hall.told_book() == hall.matching.book(TICKER)


def test_a_fill_or_kill_order_beyond_the_limit_is_killed() -> None:
    hall = Hall().crowd(no={4_900: 10_000})
    with refused("fill_or_kill_insufficient_resting_volume"):
        hall.bid(A, 5_100, 1_001, group=group(hall), time_in_force="fill_or_kill")
    assert not state(hall).is_triggered


def test_a_group_is_triggered_and_deleted_by_hand() -> None:
    hall = Hall()
    number = group(hall)
    first = hall.bid(A, PRICE, 100, group=number).number
    assert state(hall).orders == (first,)
    hall.matching.trigger_group(A, number, hall.at)
    assert hall.matching.order(first).cause == "GroupCancel"
    hall.matching.reset_group(A, number, hall.at)
    second = hall.bid(A, PRICE, 100, group=number).number
    hall.matching.delete_group(A, number, hall.at)
    assert (hall.matching.order(second).cause, hall.matching.groups(A)) == ("GroupCancel", [])
    with refused("ORDER_GROUP_NOT_FOUND"):
        hall.bid(A, PRICE, 100, group=number)
    assert told(hall) == ["created", "triggered", "reset", "deleted"]


def test_another_limit_triggers_when_it_is_reached_already() -> None:
    hall = Hall().crowd(no={4_900: 10_000})
    number = group(hall)
    hall.bid(A, 5_100, 600, group=number)
    hall.matching.limit_group(A, number, 601, hall.at)
    assert not state(hall).is_triggered
    hall.matching.limit_group(A, number, 600, hall.at)
    assert state(hall).is_triggered
    assert told(hall) == ["created", "limit_updated", "limit_updated", "triggered"]


@pytest.mark.parametrize("limit", [0, -1, 1_000_000 * CONTRACT + 1])
def test_a_limit_is_above_nothing_and_at_most_a_million(limit: int) -> None:
    hall = Hall()
    number = group(hall)
    with refused("invalid_parameters"):
        group(hall, limit)
    with refused("invalid_parameters"):
        hall.matching.limit_group(A, number, limit, hall.at)
    assert state(hall).limit == 1_000


def test_a_group_belongs_to_its_account_its_pocket_and_its_shard() -> None:
    hall = Hall()
    number = group(hall)
    elsewhere = hall.matching.make_group(A, 100, hall.at, shard=0)
    for call in (hall.matching.reset_group, hall.matching.trigger_group, hall.matching.delete_group):
        with refused("not_found"):
            call(B, number, hall.at)
    with refused("ORDER_GROUP_NOT_FOUND"):
        hall.bid(B, PRICE, 100, group=number)
    with refused("ORDER_GROUP_NOT_FOUND"):
        hall.bid(A, PRICE, 100, group=elsewhere)
    hall.matching.transfer_subaccount(A, 0, 1, SHARD, 10_000_000)
    with refused("ORDER_GROUP_NOT_FOUND"):
        hall.bid(A, PRICE, 100, group=number, subaccount=1)
