"""The demo market's exchange from its index to our audits: its own frames, read by our client, heard by the engine."""

from collections.abc import Iterable
from heapq import merge
from itertools import takewhile
from operator import attrgetter

import msgspec
import pytest

from backtests.audits import audits_of
from markets.core.contract import WINDOW_NS
from markets.core.events import IndexValue, MarketEvent, MarketListed, MarketStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.public import read_index
from markets.feeds.kalshi.wanted import Wanted
from tests.exchange_builders import Stretch, heard
from trading.core.decision import SettlementAudit
from trading.core.index_truth import readings_of, truths_of
from trading.core.parameters import Parameters
from trading.simulator.exchange.house_news import IndexTick
from trading.simulator.exchange.house_rows import HouseMarket
from trading.simulator.exchange.ws_frames import index_value
from trading.simulator.world import EPOCH_NS

FROM_NS = EPOCH_NS + 7_200 * SECOND_NS + 780 * SECOND_NS  # two minutes before a close
WINDOWS = 2
received = attrgetter("received_ns")


@pytest.fixture(scope="module")
def stretch() -> list[MarketEvent]:
    """What a client of the simulated exchange hears of two coins over some windows, and what the venues say."""
    played = Stretch(11, FROM_NS, ("BTC", "SOL"))
    news = heard(played.house)
    until_ns = FROM_NS + (WINDOWS - 1) * WINDOW_NS + 180 * SECOND_NS
    played.until(until_ns)
    markets = [market for market in played.house.markets.values() if market.settled_ns]
    told = [*_index(news), *_life(markets, played.house.markets.values())]
    spot = takewhile(lambda event: event.received_ns <= until_ns, played.world.spot_events(FROM_NS))
    return list(merge(sorted(told, key=received), spot, key=received))


def _index(news: Iterable[object]) -> list[IndexValue]:
    wanted = Wanted(indices=["BRTI", "SOLUSD_RTI"])
    frames = [(one.at_ns, index_value(one)) for one in news if isinstance(one, IndexTick)]
    values = [read_index(msgspec.Raw(frame), wanted, at_ns) for at_ns, frame in frames]
    return [value for value in values if value is not None]


def _life(settled: Iterable[HouseMarket], listed: Iterable[HouseMarket]) -> list[MarketEvent]:
    events: list[MarketEvent] = []
    for market in listed:
        contract = market.contract
        if contract.strike is not None:
            events.append(MarketListed(max(contract.open_ns, FROM_NS), contract))
    events += [
        MarketStatus(market.settled_ns, market.ticker, "settled", market.result, market.expiration_value)
        for market in settled
    ]
    return events


def audited(events: Iterable[MarketEvent], parameters: Parameters | None = None) -> list[SettlementAudit]:
    return [audit for audit in audits_of(events, parameters or Parameters()) if audit.close_ns > FROM_NS]


@pytest.fixture(scope="module")
def audits(stretch: list[MarketEvent]) -> list[SettlementAudit]:
    return audited(stretch)


def test_every_window_of_the_simulated_exchange_settles_exactly_on_open_right(audits: list[SettlementAudit]) -> None:
    assert len(audits) == 2 * WINDOWS
    assert {audit.own for audit in audits} == {0}
    found = readings_of(audits)
    assert (found.open_right.matches, found.better) == (2 * WINDOWS, "open_right")
    assert found.closed_right.matches < 2 * WINDOWS
    assert {(audit.asset, audit.expected_decimals) for audit in audits} == {("BTC", 2), ("SOL", 4)}
    assert all(audit.decimals <= audit.expected_decimals for audit in audits)


def test_our_own_index_is_near_and_every_venue_has_its_basis(audits: list[SettlementAudit]) -> None:
    bitcoin, _ = truths_of(audits)
    assert bitcoin.estimate is not None
    assert abs(bitcoin.estimate.bias) < 2.0
    assert {basis.name for basis in bitcoin.methods} >= {"fusion", "median", "vwap"}
    bases = {basis.name: basis.bias for basis in bitcoin.venues}
    assert len(bases) >= 3
    assert max(map(abs, bases.values())) < 30.0


def test_without_the_index_channel_the_readings_are_estimates_and_nothing_matches_whole(
    stretch: list[MarketEvent],
) -> None:
    audits = audited(event for event in stretch if not isinstance(event, IndexValue))
    assert {audit.own for audit in audits} == {60}
    (bitcoin, solana) = truths_of(audits)
    assert (bitcoin.official.windows, solana.official.windows) == (0, 0)
    assert bitcoin.mixed.windows == WINDOWS


def test_values_that_were_lost_on_the_way_are_made_up_exactly_from_the_running_average(
    stretch: list[MarketEvent],
) -> None:
    """Seconds 20 to 29 of each last minute never came; the average that is published with the next value has them."""
    kept = [event for event in stretch if not (isinstance(event, IndexValue) and _is_lost(event))]
    audits = audited(kept)
    assert {audit.own for audit in audits} == {0}
    assert readings_of(audits).open_right.matches == 2 * WINDOWS


def _is_lost(event: IndexValue) -> bool:
    return 30 <= -event.venue_ns // SECOND_NS % 900 < 40
