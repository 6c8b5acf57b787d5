"""Floor(): a matching exchange with one open market, some accounts and a crowd, for tests that trade on it."""

from collections import defaultdict
from typing import TypeVar

import pytest

from markets.core.contract import Contract
from markets.core.units import DOLLAR
from tests.builders import TICKER, at, contract
from trading.core.matching.engine import Matching
from trading.core.matching.messages import Filled, Happening, NewOrder, OrderState, Quoted, Refusal

T = TypeVar("T")

SHARD = 2
RICH = 1_000_000 * DOLLAR
A, B, C = 1, 2, 3


class Hall:
    """The exchange, a second after the open; `bid` and `ask` place orders, `heard` is everything that happened."""

    def __init__(self, terms: Contract | None = None, cash: int = RICH, accounts: tuple[int, ...] = (A, B, C)) -> None:
        self.matching = Matching()
        self.now = 1.0
        self.heard: list[Happening] = []
        self.ids = 0
        self.matching.list_market(terms or contract(), SHARD)
        for account in accounts:
            self.matching.open_account(account, {SHARD: cash})
        self.matching.set_status(TICKER, "open", self.at)
        self.paid_in = cash * len(accounts)

    @property
    def at(self) -> int:
        return at(self.now)

    def crowd(self, yes: dict[int, int] | None = None, no: dict[int, int] | None = None) -> "Hall":
        """What the crowd displays: YES bids and NO bids, each at its own price."""
        self.matching.crowd_replace(TICKER, tuple((yes or {}).items()), tuple((no or {}).items()), self.at)
        return self

    def order(self, account: int, is_bid: bool, price: int, count: int, **changes: object) -> NewOrder:
        self.ids += 1
        values: dict[str, object] = {
            "account": account,
            "ticker": TICKER,
            "client_id": f"id-{self.ids}",
            "is_bid": is_bid,
            "price": price,
            "count": count,
        }
        return NewOrder(**(values | changes))  # type: ignore[arg-type]

    def bid(self, account: int, price: int, count: int, **changes: object) -> OrderState:
        return self.matching.place(self.order(account, True, price, count, **changes), self.at)

    def ask(self, account: int, price: int, count: int, **changes: object) -> OrderState:
        return self.matching.place(self.order(account, False, price, count, **changes), self.at)

    def prints(self, price: int, count: int, *, taker_yes: bool) -> int:
        return self.matching.crowd_trade(TICKER, price, count, taker_yes, self.at)

    def wait(self, seconds: float) -> "Hall":
        self.now += seconds
        self.matching.advance(self.at)
        return self

    def drain(self) -> list[Happening]:
        happened = self.matching.drain()
        self.heard += happened
        return happened

    def of(self, kind: type[T]) -> list[T]:
        """Everything of one kind that was ever heard."""
        self.drain()
        return [each for each in self.heard if isinstance(each, kind)]

    def fills(self, account: int) -> list[tuple[int, int]]:
        """(price, count) of the fills of an account."""
        return [(fill.price, fill.count) for fill in self.of(Filled) if fill.account == account]

    def told_book(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The book as who only heard the changes has it."""
        sums: dict[tuple[bool, int], int] = defaultdict(int)
        for quoted in self.of(Quoted):
            sums[quoted.is_yes, quoted.price] += quoted.change
        sides = {
            side: sorted((price, count) for (is_yes, price), count in sums.items() if is_yes == side and count)
            for side in (True, False)
        }
        return sides[True], sides[False]


def refused(code: str, details: str = "") -> "pytest.RaisesExc[Refusal]":
    """That the exchange refuses with this word."""
    return pytest.raises(Refusal, match=rf"^{code}\b.*{details}")
