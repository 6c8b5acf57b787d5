"""Whatever is asked of the exchange, in any order: money adds up, nobody owes, nothing crosses, queues stay in order."""

from collections import defaultdict
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from markets.core.contract import FeeTerms
from markets.core.units import DOLLAR, PRICE_DOLLAR, SECOND_NS
from tests.builders import TICKER, at, contract
from trading.core.matching.engine import Matching
from trading.core.matching.messages import Filled, NewOrder, OrderChanged, PaidOut, Quoted, Refusal, Traded

TERMS = contract()
YES_PRICES = st.one_of(
    st.sampled_from([4_900, 5_000, 5_100]), st.sampled_from([4_800, 5_200]), st.sampled_from([30, 950, 1_000, 9_030])
)
COUNTS = st.one_of(st.integers(1, 30), st.integers(1, 40).map(lambda contracts: contracts * 100))
ACCOUNTS = st.sampled_from([1, 2, 3])
FLAGS = st.booleans()
CASH = 25 * DOLLAR


class Exchange(RuleBasedStateMachine):
    """Three accounts with little money, a crowd, one market that pauses, closes and settles."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = at(1)
        self.matching = Matching()
        self.paid_in = 0
        self.status = "open"
        self.ids = 0
        self.groups: list[tuple[int, int]] = []
        self.numbers: list[tuple[int, int]] = []
        self.shown: dict[bool, dict[int, int]] = {True: {}, False: {}}
        self.told: dict[tuple[bool, int], int] = defaultdict(int)
        self.filled: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
        self.matching.list_market(contract(fees=FeeTerms(maker_rate=self.maker_rate)))
        for account in (1, 2, 3):
            self.matching.open_account(account, {0: CASH, 2: CASH})
            self.paid_in += 2 * CASH
        self.matching.set_status(TICKER, "open", self.now_ns)

    maker_rate = 0

    @rule(
        account=ACCOUNTS,
        is_bid=FLAGS,
        price=YES_PRICES,
        count=COUNTS,
        kind=st.sampled_from(["good_till_canceled", "good_till_canceled", "immediate_or_cancel", "fill_or_kill"]),
        self_trade=st.sampled_from(["taker_at_cross", "maker"]),
        flags=st.tuples(FLAGS, FLAGS, FLAGS),
        expires_s=st.sampled_from([0, 0, 3]),
        group=st.integers(0, 3),
    )
    def place(  # type: ignore[no-untyped-def]
        self, account, is_bid, price, count, kind, self_trade, flags, expires_s, group
    ) -> None:
        rests = kind == "good_till_canceled"
        mine = [number for owner, number in self.groups if owner == account]
        order = NewOrder(
            account,
            TICKER,
            f"id-{self.ids + 1}",
            is_bid,
            price,
            count,
            kind,
            self_trade,
            self.now_ns + expires_s * SECOND_NS if rests and expires_s else 0,
            flags[0] and rests,
            flags[1] and kind == "immediate_or_cancel",
            flags[2],
            mine[group - 1] if 0 < group <= len(mine) else 0,
        )
        self.place_order(order)

    @rule(orders=st.lists(st.tuples(ACCOUNTS, FLAGS, YES_PRICES, COUNTS), min_size=1, max_size=6))
    def place_several(self, orders: list[tuple[int, bool, int, int]]) -> None:
        for account, is_bid, price, count in orders:
            self.place_order(NewOrder(account, TICKER, "", is_bid, price, count))
            self.all_is_well()

    def place_order(self, order: NewOrder) -> None:
        self.ids += 1
        with suppress(Refusal):
            state = self.matching.place(order, self.now_ns)
            self.numbers.append((order.account, state.number))
            assert state.status != "resting" or order.time_in_force == "good_till_canceled"
            assert state.filled == order.count or order.time_in_force != "fill_or_kill"

    @precondition(lambda self: self.numbers)
    @rule(
        pick=st.integers(0, 1_000), how=st.sampled_from(["cancel", "decrease", "amend"]), price=YES_PRICES, count=COUNTS
    )
    def change(self, pick: int, how: str, price: int, count: int) -> None:
        account, number = self.numbers[pick % len(self.numbers)]
        try:
            if how == "cancel":
                _, left = self.matching.cancel(account, number, self.now_ns)
                assert left > 0
            elif how == "decrease":
                self.matching.decrease(account, number, self.now_ns, by=count)
            else:
                self.matching.amend(account, number, self.now_ns, price=price, count=count)
        except Refusal:
            pass

    @precondition(lambda self: self.ids > 15)
    @rule(account=ACCOUNTS)
    def cancel_all(self, account: int) -> None:
        self.matching.cancel_all(account, None, self.now_ns)
        assert not self.matching.orders(account, status="resting")

    @rule(is_yes=FLAGS, price=YES_PRICES, count=COUNTS)
    def crowd_moves(self, is_yes: bool, price: int, count: int) -> None:
        own = price if is_yes else PRICE_DOLLAR - price
        if own + max(self.shown[not is_yes], default=0) >= PRICE_DOLLAR or self.status == "settled":
            return  # a source that crosses itself is another matter
        change = count - self.shown[is_yes].get(own, 0)
        self.shown[is_yes][own] = count
        self.matching.crowd_change(TICKER, is_yes, own, change, self.now_ns)

    @rule(is_yes=FLAGS, share=st.integers(0, 100))
    def crowd_leaves(self, is_yes: bool, share: int) -> None:
        if not self.shown[is_yes] or self.status == "settled":
            return
        best = max(self.shown[is_yes])
        left = self.shown[is_yes].pop(best) * share // 100
        if left:
            self.shown[is_yes][best] = left
        self.matching.crowd_replace(
            TICKER, tuple(self.shown[True].items()), tuple(self.shown[False].items()), self.now_ns
        )

    @rule(price=YES_PRICES, count=COUNTS, taker_yes=FLAGS)
    def crowd_prints(self, price: int, count: int, taker_yes: bool) -> None:
        if self.status != "settled":
            assert 0 <= self.matching.crowd_trade(TICKER, price, count, taker_yes, self.now_ns) <= count

    @rule(milliseconds=st.integers(0, 2_500))
    def wait(self, milliseconds: int) -> None:
        self.now_ns += milliseconds * SECOND_NS // 1_000
        self.matching.advance(self.now_ns)

    @rule(account=ACCOUNTS, limit=COUNTS)
    def make_group(self, account: int, limit: int) -> None:
        self.groups.append((account, self.matching.make_group(account, limit, self.now_ns, shard=2)))

    @precondition(lambda self: self.groups)
    @rule(pick=st.integers(0, 1_000), how=st.sampled_from(["reset", "trigger", "limit"]), limit=COUNTS)
    def change_group(self, pick: int, how: str, limit: int) -> None:
        account, group = self.groups[pick % len(self.groups)]
        if how == "reset":
            self.matching.reset_group(account, group, self.now_ns)
        elif how == "trigger":
            self.matching.trigger_group(account, group, self.now_ns)
        else:
            self.matching.limit_group(account, group, limit, self.now_ns)

    @rule(account=ACCOUNTS, money=st.integers(1, CASH), is_back=FLAGS)
    def transfer(self, account: int, money: int, is_back: bool) -> None:
        with suppress(Refusal):
            self.matching.transfer(account, 2 if is_back else 0, 0 if is_back else 2, money)

    @precondition(lambda self: self.status == "paused" or (self.status == "open" and self.ids > 25))
    @rule(is_closing=st.sampled_from([False, False, True]))
    def turn(self, is_closing: bool) -> None:
        self.status = "closed" if is_closing else "paused" if self.status == "open" else "open"
        self.matching.set_status(TICKER, self.status, self.now_ns)  # type: ignore[arg-type]

    @precondition(lambda self: self.status == "closed")
    @rule(result=st.sampled_from([("yes", None), ("no", None), ("scalar", 3_700)]))
    def settle(self, result: tuple[str, int | None]) -> None:
        self.status = "settled"
        self.hear()
        self.matching.settle(TICKER, *result, self.now_ns)  # type: ignore[arg-type]

    @invariant()
    def all_is_well(self) -> None:
        self.hear()
        self.money_adds_up_and_nobody_owes()
        self.the_book_is_what_was_told_and_not_crossed()
        self.queues_are_in_order()
        self.fills_add_up_to_what_is_filled()
        self.groups_never_match_more_than_their_limit()

    def hear(self) -> None:
        """Every fill is on the order, none comes without its trade or in a market that does not trade."""
        trades = set()
        for each in self.matching.drain():
            if isinstance(each, Traded):
                trades.add(each.trade)
            elif isinstance(each, Filled):
                assert each.trade in trades
                assert self.status in {"open", "paused"}
                assert each.at_ns < TERMS.close_ns
                count, fees = self.filled[each.order]
                self.filled[each.order] = (count + each.count, fees + each.fee)
            elif isinstance(each, Quoted):
                self.told[each.is_yes, each.price] += each.change
            elif isinstance(each, OrderChanged) and each.state.status != "resting":
                assert each.state.remaining == 0
            elif isinstance(each, PaidOut):
                assert self.status == "settled"

    def money_adds_up_and_nobody_owes(self) -> None:
        assert self.matching.books_balance() == self.paid_in
        for pocket in self.matching.floor.pockets.values():
            assert pocket.reserved.get(2, 0) == pocket.need(TICKER)
            for shard, cash in pocket.cash.items():
                assert cash >= pocket.reserved.get(shard, 0) >= 0

    def the_book_is_what_was_told_and_not_crossed(self) -> None:
        if self.status == "settled":
            return
        book = self.matching.book(TICKER)
        for is_yes, levels in zip((True, False), book, strict=True):
            assert dict(levels) == {
                price: count for (side, price), count in self.told.items() if side == is_yes and count
            }
        market = self.matching.floor.market(TICKER)
        assert market.yes.best_order() + market.no.best_order() < PRICE_DOLLAR
        if self.status == "open" and all(book) and self.now_ns < TERMS.close_ns:
            assert book[0][-1][0] + book[1][-1][0] < PRICE_DOLLAR

    def queues_are_in_order(self) -> None:
        for market in self.matching.floor.markets.values():
            resting = 0
            for ladder in (market.yes, market.no):
                for price, queue in ladder.queues.items():
                    ahead = [order.ahead for order in queue.orders]
                    assert ahead == sorted(ahead)
                    assert not ahead or 0 <= ahead[0] <= ahead[-1] <= ladder.crowd(price)
                    assert all(order.remaining > 0 and order.own == price for order in queue.orders)
                    resting += len(queue.orders)
            assert resting == market.resting == len(market.resting_orders())

    def fills_add_up_to_what_is_filled(self) -> None:
        for order in self.matching.floor.orders.values():
            assert (order.filled, order.taker_fees + order.maker_fees) == self.filled[order.number]
            assert order.filled + order.remaining <= order.initial

    def groups_never_match_more_than_their_limit(self) -> None:
        for account in (1, 2, 3):
            for group in self.matching.groups(account):
                assert group.is_triggered or group.matched < group.limit
                assert not (group.is_triggered and group.orders)


class ExchangeWithMakerFees(Exchange):
    """The same where makers pay too."""

    maker_rate = 175


Exchange.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
ExchangeWithMakerFees.TestCase.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestExchange = Exchange.TestCase
TestExchangeWithMakerFees = ExchangeWithMakerFees.TestCase
