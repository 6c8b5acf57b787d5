"""All recorded days through the house: nothing breaks, every market settles to its official result, money adds up."""

from collections import defaultdict
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from django.conf import settings

from markets.core.units import DOLLAR
from markets.recording.summary import RunSummary
from tests.builders import EAGER
from tests.house.conftest import RECORDING
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Event, Fill, Opening, OrderAccepted, OrderCancelled, OrderRejected, Settled
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange
from trading.playback import market_events

pytestmark = [pytest.mark.recorded, pytest.mark.slow]

CASH = 10_000 * DOLLAR
BOLD = msgspec.structs.replace(EAGER, edge_threshold=0.01)  # so that there is something to add up


class Ledger:
    """An account kept from fills and settlements alone, a contract at a time in the venue's own terms."""

    def __init__(self) -> None:
        self.cash = CASH
        self.fees = 0
        self.counts: dict[str, int] = defaultdict(int)

    def hear(self, event: Event) -> None:
        if isinstance(event, Fill):
            self._fill(event)
        elif isinstance(event, Settled):
            won = event.count > 0 if event.result == "yes" else event.count < 0
            assert event.count == self.counts[event.ticker]
            assert event.payout == (abs(event.count) * 10_000 if won else 0)
            self.cash += event.payout
            self.counts[event.ticker] = 0

    def _fill(self, fill: Fill) -> None:
        before = self.counts[fill.ticker]
        after = before + (fill.count if fill.is_bid else -fill.count)
        yes_terms = -fill.price * fill.count if fill.is_bid else fill.price * fill.count
        collateral = 10_000 * (max(-after, 0) - max(-before, 0))  # a dollar is set aside for every contract short
        self.cash += yes_terms - collateral - fill.fee
        self.fees += fill.fee
        self.counts[fill.ticker] = after


def played(path: Path) -> tuple[Desk, PaperExchange, list[Event]]:
    """A tape through a desk, and everything that was heard of the account."""
    engine = Engine()
    exchange = PaperExchange(engine.markets)
    desk = Desk(engine, exchange)
    heard: list[Event] = []
    kept = (Fill, Settled, OrderAccepted, OrderRejected, OrderCancelled)
    for number, event in enumerate(market_events(path)):
        if not number:
            for _ in desk.open(*opening_events(Opening(event.received_ns, CASH), RiskLimits(), BOLD)):
                pass
        heard += [each for each, _ in desk.hear(event) if isinstance(each, kept)]
    heard += [each for each, _ in desk.finish() if isinstance(each, kept)]
    return desk, exchange, heard


def official_results() -> dict[str, str]:
    table = pq.read_table(settings.RECORDED_DATA / RECORDING / "markets.parquet", columns=["ticker", "result"])
    return {row["ticker"]: row["result"] for row in table.to_pylist() if row["result"]}


def test_every_run_imports_and_its_book_agrees_with_the_recorded_ticker(recorded_runs: list[RunSummary]) -> None:
    compared = sum(run.quotes_compared for run in recorded_runs)
    agreed = sum(run.quotes_agreed for run in recorded_runs)
    listed = pq.read_table(settings.RECORDED_DATA / RECORDING / "runs.parquet", columns=["run"])["run"].to_pylist()
    assert len(listed) == 64
    assert set(listed) == {run.run for run in recorded_runs if not run.problem}
    assert compared > 10_000
    assert agreed / compared >= 0.999


def test_money_adds_up_to_the_last_micro_dollar_on_every_recorded_run(recorded_tapes: list[Path]) -> None:
    results = official_results()
    orders = settled = 0
    for path in recorded_tapes:
        desk, exchange, heard = played(path)
        ledger = Ledger()
        for event in heard:
            ledger.hear(event)
        portfolio = desk.engine.portfolio
        assert portfolio.cash == exchange.cash == ledger.cash, path.name
        assert {ticker: held.count for ticker, held in portfolio.positions.items() if held.count} == {
            ticker: count for ticker, count in ledger.counts.items() if count
        }, path.name
        for event in heard:
            if isinstance(event, Settled):
                assert event.result == results[event.ticker], event.ticker
                settled += 1
        assert desk.engine.orders.exposure() == 0, path.name
        orders += desk.engine.orders.sent
    assert orders > 100
    assert settled > 10


def test_every_market_with_a_known_result_settles_to_it(recorded_tapes: list[Path]) -> None:
    results = official_results()
    seen: dict[str, str] = {}
    listed: set[str] = set()
    for path in recorded_tapes:
        for event in market_events(path):
            name = type(event).__name__
            if name == "MarketListed":
                listed.add(event.contract.ticker)  # type: ignore[union-attr]
            elif name == "MarketStatus" and event.status == "settled":  # type: ignore[union-attr]
                seen[event.ticker] = event.result  # type: ignore[union-attr]
    assert seen == {ticker: result for ticker, result in results.items() if ticker in listed}
    assert len(seen) > 100
