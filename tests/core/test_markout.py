"""Markouts: the market's middle so long after a fill, for the side that was bought, by why the fill is believed."""

import pytest

from backtests.core.markout import NOT_YET, Markouts, graded, markout
from markets.core.units import SECOND_NS
from tests.builders import TICKER, at, contract, fill, snapshot
from trading.core.events import Fill, Timer
from trading.core.market import MarketState


class Watched:
    """One market, its markouts, and a hand on the clock."""

    def __init__(self) -> None:
        self.market = MarketState(contract())
        self.markouts = Markouts({TICKER: self.market})
        self.quote(4_900, 5_100)

    def quote(self, bid: int, ask: int) -> None:
        book = snapshot(0, bid, ask)
        self.market.book.replace(book.yes, book.no)
        self.market.lost = ""

    def hear(self, seconds: float, event: Fill | None = None) -> None:
        self.markouts.hear(event or Timer(at(seconds)))


def test_each_horizon_looks_at_the_middle_as_it_is_then() -> None:
    watched = Watched()
    watched.hear(60, fill(received_ns=at(60), price=4_900))
    watched.hear(60.9)
    assert watched.markouts.found == {"t1": NOT_YET}
    watched.quote(5_000, 5_200)
    watched.hear(61)
    watched.quote(4_600, 4_800)
    watched.hear(65)
    watched.quote(4_900, 5_100)
    watched.hear(120)
    assert watched.markouts.found["t1"] == pytest.approx((0.02, -0.02, 0.01))


def test_who_sold_is_ahead_when_the_market_falls() -> None:
    assert markout(fill(price=5_100, is_bid=False), 0.48) == pytest.approx(0.03)
    assert markout(fill(price=5_100), 0.48) == pytest.approx(-0.03)


@pytest.mark.parametrize("spoilt", ["one-sided", "lost", "gone", "closed"])
def test_what_nobody_can_say_is_none(spoilt: str) -> None:
    watched = Watched()
    begun = 899.5 if spoilt == "closed" else 60.0
    watched.hear(begun, fill(received_ns=at(begun)))
    if spoilt == "one-sided":
        watched.quote(0, 5_100)
    elif spoilt == "lost":
        watched.market.lost = "sequence gap"
    elif spoilt == "gone":
        watched.markouts.markets = {}
    watched.hear(960)
    assert watched.markouts.found == {"t1": NOT_YET}


def test_means_are_by_contract_after_fees_and_only_of_what_is_known() -> None:
    fills = [
        fill(trade_id="a", count=100, price=5_000, fee=0, evidence="queue"),
        fill(trade_id="b", count=300, price=5_000, fee=30_000, evidence="queue"),
        fill(trade_id="c", count=100, price=5_000, fee=20_000, evidence="book", ticker="OTHER"),
    ]
    found = {"a": (0.04, None, None), "b": (0.0, 0.01, None), "c": NOT_YET}
    queue, book, everything = graded(fills, found, {TICKER: 10_000})
    assert (queue.evidence, queue.fills, queue.contracts, queue.fees) == ("queue", 2, 400, 30_000)
    assert queue.after == pytest.approx((0.01 - 0.0075, 0.01 - 0.01, None))
    assert queue.settled == pytest.approx(0.5 - 0.0075)
    assert (book.after, book.settled) == (NOT_YET, None)
    assert (everything.evidence, everything.fills, everything.contracts) == ("", 3, 500)


def test_without_fills_there_is_nothing_to_say() -> None:
    assert graded([], {}, {}) == []


def test_one_kind_of_evidence_needs_no_sum() -> None:
    assert [row.evidence for row in graded([fill(received_ns=at(1) + SECOND_NS)], {}, {})] == ["book"]
