"""A sample of the fault schedules (`manage.py prove_feeds` runs thousands), and proof that the proof notices mistakes."""

from collections.abc import Callable, Sequence
from io import StringIO
from random import Random
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command

from markets.core.events import MarketEvent, SpotPrice
from markets.feeds.counts import Counts
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Reconnect, Venue, VenueSocket
from markets.loopback.faults import KINDS, Fault
from markets.loopback.market import Market
from markets.loopback.proof import START_NS, Outcome, Proof
from markets.loopback.proving import run_chunk, run_one
from markets.loopback.register import LOOPBACK
from markets.loopback.schedule import Schedule, schedule_of
from markets.loopback.soak import plan_of, soak
from markets.loopback.spoiling import garbage, mistyped
from markets.loopback.virtual import virtually
from markets.management.commands.soak_feeds import lines_of
from tests.toy_venue import TOY, TOY_LOOPBACK, ToySocket

SAMPLE = 40
OVER_SOCKETS = 5


@pytest.mark.parametrize("first", range(1, SAMPLE, 10))
def test_no_schedule_of_the_sample_fails_in_virtual_time(first: int) -> None:
    report = run_chunk("virtual", range(first, first + 10))
    assert {outcome.seed: outcome.problems for outcome in report.failed} == {}
    assert report.schedules == 10
    assert min(report.frames, report.trades, report.levels, report.reconnects) > 0


def test_no_schedule_of_the_sample_fails_over_real_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markets.loopback.proving.SOCKET_LONGEST_S", 15.0)
    monkeypatch.setattr("markets.loopback.proof.QUIET_S", 6.0)
    report = run_chunk("sockets", range(1, 1 + OVER_SOCKETS))
    assert {outcome.seed: outcome.problems for outcome in report.failed} == {}
    assert min(report.frames, report.trades, report.levels) > 0


def test_every_venue_can_be_imitated_and_proved() -> None:
    chosen = [name for seed in range(200) for name in schedule_of(seed).venues]
    assert set(chosen) == set(LOOPBACK) == set(VENUES)


def test_every_kind_of_fault_is_in_the_schedules() -> None:
    assert {fault.kind for seed in range(200) for fault in schedule_of(seed).faults} == set(KINDS)


def test_the_same_seed_makes_the_same_proof() -> None:
    assert schedule_of(7) == schedule_of(7)
    assert run_one("virtual", 7) == run_one("virtual", 7)


def test_where_a_lost_frame_cannot_be_noticed_the_schedule_ends_with_a_new_connection() -> None:
    schedules = [schedule_of(seed) for seed in range(300)]
    lossy = [
        (schedule, fault.venue)
        for schedule in schedules
        for fault in schedule.faults
        if fault.kind == "gap" and not LOOPBACK[fault.venue].detects_loss
    ]
    assert lossy
    for schedule, venue in lossy:
        assert Fault("drop", schedule.seconds, venue) in schedule.faults


def test_the_invented_markets_numbers_are_exact_as_text_and_never_cross() -> None:
    market = Market({"kraken": ("BTC", "DOGE")}, 5, START_NS, rate=20.0, levels=8)
    last_ns = 0
    for event in market.events(60.0):
        assert event.received_ns >= last_ns
        last_ns = event.received_ns
        if isinstance(event, SpotPrice):
            digits = 2 if event.asset == "BTC" else 6
            assert float(f"{event.price:.{digits}f}") == event.price
            assert float(f"{event.size:.8f}") == event.size
    assert all(max(each.bids) < min(each.asks) for each in market.markets)


@pytest.mark.parametrize("frame", [b'{"a":[1,{"b":"2.5"}],"c":"x"}', b"not json", b"{}", b"", b"\xff", b"[null]"])
def test_whatever_is_spoiled_is_bytes_again(frame: bytes) -> None:
    rng = Random(3)
    for _ in range(50):
        assert isinstance(garbage(frame, rng), bytes)
        assert isinstance(mistyped(frame, rng), bytes)


# Mistakes that a proof has to notice --------------------------------------------------------------------------


class DeafToGaps(ToySocket):
    """Believes every frame, whatever was before it."""

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        try:
            return super().hear(frame, now_ns)
        except Reconnect:
            self._number += 1
            return self.hear(frame, now_ns)


class Forgetful(ToySocket):
    """Swallows every tenth trade."""

    trades = 0

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        events = super().hear(frame, now_ns)
        if not any(isinstance(event, SpotPrice) for event in events):
            return events
        self.trades += 1
        return [] if self.trades % 10 == 9 else events


class Repeating(ToySocket):
    """Tells every trade twice."""

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        events = super().hear(frame, now_ns)
        return events + [event for event in events if isinstance(event, SpotPrice)]


class Patient(ToySocket):
    """Promises to notice a silence, and waits for ever."""

    ping_interval_s = None

    def opened(self, now_ns: int) -> list[MarketEvent]:
        self.stale_after_s = 1e9
        return super().opened(now_ns)


class Broken(ToySocket):
    """Has a mistake of its own."""

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        raise KeyError("a field that is not there")


def toy_proof(kind: type[VenueSocket], *faults: Fault) -> Outcome:
    """A schedule of the toy venue, with a client of this kind; what is promised of silence is the toy's promise."""

    def sockets(
        symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]
    ) -> Sequence[VenueSocket]:
        return [kind("toy", symbols, endpoint, counts_of("toy"))]

    async def run() -> Outcome:
        schedule = Schedule(1, {"toy": ("BTC", "ETH")}, 40.0, 3.0, 12, 0.02, None, faults)
        venues: dict[str, Venue] = {"toy": TOY._replace(sockets=sockets)}
        proof = Proof(schedule, venues=venues, loopback={"toy": TOY_LOOPBACK})
        return await proof.run()

    return virtually(run(), START_NS)


ALL_FAULTS = tuple(Fault(kind, 5.0 + 2.0 * number, "toy", count=2, seconds=4.0, code=503)
                   for number, kind in enumerate(KINDS))  # fmt: skip


def test_a_good_client_passes_whatever_goes_wrong() -> None:
    outcome = toy_proof(ToySocket, *ALL_FAULTS)
    assert outcome.problems == []
    assert sum(outcome.faults.values()) == len(KINDS)


@pytest.mark.parametrize(
    ("kind", "faults", "words"),
    [
        (DeafToGaps, tuple(Fault("gap", 5.0 + at, "toy", count=6) for at in range(0, 30, 3)), "has not been true"),
        (Forgetful, (), "were never told"),
        (Repeating, (), "told twice"),
        (Patient, (Fault("deaf", 10.0, "toy", seconds=30.0),), "of silence"),
        (Broken, (), "a mistake in the venue's file"),
    ],
)
def test_a_proof_notices_a_mistake(kind: Any, faults: tuple[Fault, ...], words: str) -> None:
    outcome = toy_proof(kind, *faults)
    assert any(words in problem for problem in outcome.problems), outcome.problems


def test_the_command_prints_one_table_and_fails_with_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    call_command("prove_feeds", schedules=4, sockets=0, seed=11, jobs=1, stdout=out)
    assert "seeds 11 to 14, in virtual time" in out.getvalue()
    monkeypatch.setattr("markets.loopback.proving.run_one", lambda way, seed: Outcome(seed, problems=["it burns"]))
    with pytest.raises(CommandError, match="2 schedules failed"):
        call_command("prove_feeds", schedules=2, sockets=0, seed=21, jobs=1, stdout=out)
    assert "--seed 22 --schedules 1" in out.getvalue()
    assert "it burns" in out.getvalue()


def test_a_schedule_can_be_shown() -> None:
    out = StringIO()
    call_command("prove_feeds", schedules=1, sockets=0, seed=3, show=True, stdout=out)
    assert "seed 3:" in out.getvalue()
    assert "all well" in out.getvalue()


@pytest.mark.slow
async def test_a_short_soak_loses_nothing() -> None:
    plan = msgspec.structs.replace(plan_of(2, 2, 3.0, 1.0, 1), start_s=2.0, settle_s=1.0)
    report = await soak(plan)
    assert report.problems == []
    assert all(line.trades and line.levels and line.renewals for line in report.venues)
    assert "nothing was lost" in lines_of(report)[-1]
