"""The auditor: both readings of the minute before a close, from what was heard of the index, and our own beside it."""

from collections.abc import Iterable
from math import fsum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.events import IndexValue, MarketListed, MarketStatus, SpotPrice
from markets.core.units import SECOND_NS
from tests.builders import CLOSE_NS, STRIKE, TICKER, Table, at, contract, opening, spot, status
from trading.core.audit import KEPT, SAFE_NS, Auditor, decimals_of, price_of
from trading.core.composite import METHODS
from trading.core.decision import SettlementAudit
from trading.core.events import Event, Timer
from trading.core.index_samples import IndexSamples
from trading.core.official import Official
from trading.core.parameters import Parameters

CLOSE = CLOSE_NS // SECOND_NS
LAG_NS = 140_000_000
levels = st.lists(st.floats(84_000.0, 86_000.0), min_size=61, max_size=61)


def published(second: float, value: float, asset: str = "BTC") -> IndexValue:
    """The official value of a second relative to the close."""
    at_ns = CLOSE_NS + round(second * SECOND_NS)
    return IndexValue(at_ns + LAG_NS, asset, value, at_ns)


def settled(value: str, after_s: float = 30.0, result: str = "yes") -> MarketStatus:
    return msgspec.structs.replace(status(900 + after_s, "settled", result), settle_value=value)


def heard(*events: Event, parameters: Parameters | None = None) -> Table:
    """A table that has listed the market and hears these, in order of time."""
    table = Table(parameters=parameters, start=opening(seconds=-5)).hear(MarketListed(at(-3), contract()))
    return table.hear(*sorted(events, key=lambda event: event.received_ns))


def audits(table: Table) -> list[SettlementAudit]:
    return [audit for decision in table.decisions for audit in decision.audits]


def ours(first: int = -70, last: int = 45, price: float = STRIKE, venue: str = "coinbase") -> list[SpotPrice]:
    """A trade in the middle of each second, relative to the close."""
    return [spot(900 + second - 0.5, price, venue) for second in range(first, last + 1)]


def minute(path: Iterable[float]) -> list[IndexValue]:
    """The official values from -60 s to the close."""
    return [published(place - 60, value) for place, value in enumerate(path)]


@given(levels)
def test_the_two_readings_differ_by_a_sixtieth_of_the_difference_of_their_ends(path: list[float]) -> None:
    """Section 1.4: A_closed - A_open = (X(T) - X(T-60)) / 60."""
    official, own = Official(), {method: IndexSamples() for method in METHODS}
    for value in minute(path):
        official.hear(value)
    audit = Auditor("open_right").audit(settled("85000.00"), contract(), official, own, "fusion")
    assert audit is not None
    assert audit.open_right is not None
    assert audit.closed_right is not None
    assert audit.open_right == pytest.approx(fsum(path[:60]) / 60, rel=1e-14)
    assert audit.closed_right - audit.open_right == pytest.approx((path[60] - path[0]) / 60, abs=1e-8)
    assert audit.own == 0


def test_an_audit_tells_both_readings_our_estimate_each_method_and_each_venue() -> None:
    path = [STRIKE + place for place in range(61)]
    kraken = ours(price=STRIKE + 20.0, venue="kraken")
    (audit,) = audits(heard(*minute(path), *ours(), *kraken, settled("85029.50")))
    assert (audit.ticker, audit.asset, audit.close_ns) == (TICKER, "BTC", CLOSE_NS)
    assert (audit.open_right, audit.closed_right, audit.own) == (STRIKE + 29.5, STRIKE + 30.5, 0)
    assert (audit.settle_value, audit.decimals, audit.expected_decimals) == ("85029.50", 2, 2)
    assert (audit.result, audit.strike, audit.is_tie, audit.configured) == ("yes", STRIKE, False, "open_right")
    assert dict(audit.venues) == pytest.approx({"coinbase": STRIKE, "kraken": STRIKE + 20.0})
    assert {"fusion", "vwap", "median"} == set(dict(audit.methods))
    assert audit.estimate == dict(audit.methods)["fusion"] != audit.open_right


def test_without_official_values_the_readings_are_of_our_own_samples_and_all_of_them_count_as_own() -> None:
    (audit,) = audits(heard(*ours(), settled("85000.00")))
    assert audit.own == 60
    assert audit.open_right == audit.closed_right == audit.estimate == pytest.approx(STRIKE)


def test_official_values_mixed_with_our_own_are_counted() -> None:
    """Three seconds inside the minute were missed, and the value at the close, which only one reading has."""
    path = minute([STRIKE + 60.0] * 61)
    (audit,) = audits(heard(*path[:10], *path[13:60], *ours(), settled("85000.00")))
    assert audit.own == 4
    assert audit.open_right is not None
    assert STRIKE + 57.0 <= audit.open_right < STRIKE + 60.0
    assert audit.estimate is not None
    assert audit.estimate < audit.open_right


def test_what_nobody_knows_is_none() -> None:
    """Neither the index nor a venue was heard in the first half of the minute."""
    path = minute([STRIKE] * 61)
    (audit,) = audits(heard(*path[30:], *ours(first=-20), settled("85000.00")))
    assert (audit.open_right, audit.closed_right, audit.estimate) == (None, None, None)
    assert (audit.venues, audit.methods) == ((), ())


def test_a_venue_that_was_silent_for_six_seconds_has_an_average_and_for_seven_it_has_none() -> None:
    """A trade speaks for five seconds, so a silence of so many more is missing."""
    found = []
    for silence in (10, 11):
        trades = [each for each in ours() if not at(850) < each.received_ns < at(850 + silence)]
        (audit,) = audits(heard(*trades, settled("85000.00")))
        found.append(dict(audit.venues))
    assert found == [{"coinbase": pytest.approx(STRIKE)}, {}]


@pytest.mark.parametrize("after_s", [0.5, 29.0, 31.0, 300.0, 1_000.0, 20_000.0])
def test_a_settlement_that_comes_late_finds_the_averages_that_were_kept(after_s: float) -> None:
    """Samples live for twenty minutes."""
    path = [STRIKE + place for place in range(61)]
    later = [Timer(at(900 + second)) for second in range(60, round(after_s), 60)]
    table = heard(*minute(path), *ours(last=0), *later, settled("85029.50", after_s))
    (audit,) = audits(table)
    assert (audit.open_right, audit.own) == (STRIKE + 29.5, 0)
    assert audit.estimate == pytest.approx(STRIKE, rel=3e-4)


def test_a_silence_after_the_close_loses_nothing() -> None:
    path = [STRIKE + place for place in range(61)]
    (audit,) = audits(heard(*minute(path), *ours(last=5), settled("85029.50", 5_000.0)))
    assert audit.open_right == STRIKE + 29.5


def test_who_came_after_the_close_knows_nothing_of_it_and_still_tells_what_was_settled() -> None:
    table = Table(start=opening(seconds=905)).hear(MarketListed(at(906), contract()), settled("85000"))
    (audit,) = audits(table)
    assert (audit.open_right, audit.closed_right, audit.estimate, audit.own) == (None, None, None, 60)
    assert (audit.decimals, audit.is_tie) == (0, True)


@pytest.mark.parametrize(
    ("value", "result"), [("", "yes"), ("nan", "yes"), ("-1", "no"), ("0", "no"), ("85000", "scalar")]
)
def test_what_settled_on_no_average_is_not_audited(value: str, result: str) -> None:
    voided = msgspec.structs.replace(settled(value, result=result), yes_pays=5_000 if result == "scalar" else None)
    table = heard(*ours(), voided)
    assert audits(table) == []
    assert TICKER not in table.engine.markets


def test_a_settlement_that_is_told_twice_is_audited_once() -> None:
    assert len(audits(heard(*ours(), settled("85000.00"), settled("85000.00", 31)))) == 1


def test_an_audit_goes_out_with_the_step_of_its_settlement_and_only_with_it() -> None:
    table = heard(*ours(), settled("85000.00"))
    (decision,) = [decision for decision in table.decisions if decision.audits]
    assert decision.received_ns == at(930)
    assert table.engine.watch.audits == ()


def test_our_own_averages_are_of_the_reading_that_is_configured() -> None:
    rising = [spot(900 + second - 0.5, STRIKE + second) for second in range(-70, 45)]
    found = []
    for window in ("open_right", "closed_right"):
        (audit,) = audits(heard(*rising, settled("85000.00"), parameters=Parameters(settlement_window=window)))
        assert audit.configured == window
        assert audit.estimate == getattr(audit, window)
        found.append(audit.estimate)
    assert found[1] == pytest.approx((found[0] or 0.0) + 1.0, abs=0.1)


def test_doge_is_audited_with_seven_decimals_and_ties_against_the_strike_in_full() -> None:
    """Section 1.1: the strike is listed with six decimals, and the settlement before it has seven."""
    first, second = "KXDOGE15M-26NOV221145-45", "KXDOGE15M-26NOV221200-00"
    earlier = contract(first, asset="DOGE", open_ns=at(-900), close_ns=at(0), strike=0.2134, decimals=7)
    terms = contract(second, asset="DOGE", strike=0.213456, decimals=7)
    table = Table(start=opening(seconds=-5)).hear(MarketListed(at(-4), earlier), MarketListed(at(-3), terms))
    table.hear(MarketStatus(at(30), first, "settled", "yes", "0.2134568"))
    table.hear(*[published(place - 60, 0.2134568, "DOGE") for place in range(61)])
    table.hear(MarketStatus(at(930), second, "settled", "yes", "0.2134568"))
    audit = audits(table)[-1]
    assert (audit.decimals, audit.expected_decimals, audit.strike, audit.is_tie) == (7, 7, 0.2134568, True)
    assert audit.open_right == pytest.approx(0.2134568, abs=1e-12)


def test_a_day_of_minutes_is_kept_and_no_more() -> None:
    auditor = Auditor("open_right")
    samples = {method: IndexSamples() for method in METHODS}
    for second_ns in range(CLOSE_NS, CLOSE_NS + 200 * 900 * SECOND_NS, 15 * SECOND_NS):
        if second_ns >= auditor.due_ns:
            auditor.keep(second_ns, Official(), samples, "fusion")
    assert len(auditor._minutes) == KEPT
    assert auditor.due_ns % (900 * SECOND_NS) == SAFE_NS


def test_the_settlement_teaches_where_the_strike_of_the_next_window_is_late_and_nothing_after_it() -> None:
    """Section 2.2: the expiration value is an anchor, too."""
    high = ours(price=STRIKE * 1.0001)
    table = heard(*high, settled("85000.00"))
    learnt = table.engine.underlyings["BTC"].spot
    assert (learnt.anchors, learnt.basis > 0) == (1, True)
    basis = learnt.basis
    next_terms = contract("KXBTC15M-26NOV221215-15", open_ns=CLOSE_NS, close_ns=at(1_800), strike=STRIKE)
    table.hear(MarketListed(at(950), next_terms))
    assert learnt.anchors == 1
    assert learnt.basis == pytest.approx(basis, rel=1e-2)


@pytest.mark.parametrize(
    ("text", "decimals"), [("83817.71", 2), ("83817.7", 1), ("83817", 0), ("0.2134568", 7), (" 1.5 ", 1)]
)
def test_decimals_are_those_that_are_written(text: str, decimals: int) -> None:
    assert decimals_of(text) == decimals


@pytest.mark.parametrize("text", ["", "none", "nan", "inf", "-5", "0"])
def test_what_is_no_price_is_none(text: str) -> None:
    assert price_of(text) is None
