"""The exchange's clock beside ours, what a 401 means, and where the exchange answers."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.kalshi.auth import Signer, hmac_signer
from markets.kalshi.hosts import DEMO, PRODUCTION, Hosts, HostsError, hosts_at, hosts_named
from markets.kalshi.refusals_401 import explain_401
from markets.kalshi.server_clock import FRESH_NS, ServerClock

NOW_NS = 1_795_366_000_250_000_000
MS = MILLISECOND_NS


class World:
    """Two clocks of a machine, and the exchange's, which is `off_ns` ahead of a right one."""

    def __init__(self, off_ns: int = 0) -> None:
        self.right_ns = NOW_NS
        self.steady_ns = 5_000 * SECOND_NS
        self.stepped_ns = 0  # our wall clock less a right one
        self.off_ns = off_ns
        self.clock = ServerClock(self.wall, lambda: self.steady_ns)

    def wall(self) -> int:
        return self.right_ns + self.stepped_ns

    def passes(self, ns: int) -> None:
        self.right_ns += ns
        self.steady_ns += ns

    def answer(self, out_ns: int = 20 * MS, back_ns: int = 20 * MS) -> None:
        """One request and its answer."""
        sent_ns = self.wall()
        self.passes(out_ns)
        date = formatdate((self.right_ns + self.off_ns) // SECOND_NS, usegmt=True)
        self.passes(back_ns)
        self.clock.note(date, sent_ns, self.wall())

    def answers(self, count: int, every_ns: int = 1_370 * MS) -> None:
        for _ in range(count):
            self.answer()
            self.passes(every_ns)

    @property
    def truth_ns(self) -> int:
        return self.off_ns - self.stepped_ns


def test_nothing_is_known_before_the_first_answer() -> None:
    world = World()
    assert (world.clock.offset_ns, world.clock.uncertainty_ns, world.clock.is_corrected) == (None, None, False)
    assert world.clock.now_ms() == NOW_NS // MS
    assert "not told" in world.clock.view().text


def test_one_answer_bounds_the_offset_by_the_grain_and_the_way() -> None:
    world = World()
    world.answer()
    assert world.clock.uncertainty_ns == 520 * MS
    assert abs((world.clock.offset_ns or 0) - world.truth_ns) <= 520 * MS


@given(
    st.integers(-90_000, 90_000),
    st.lists(st.tuples(st.integers(0, 800), st.integers(0, 800), st.integers(0, 20_000)), min_size=1, max_size=40),
)
def test_the_truth_is_always_within_the_uncertainty(off_ms: int, ways: list[tuple[int, int, int]]) -> None:
    world = World(off_ms * MS)
    before = None
    for out_ms, back_ms, pause_ms in ways:
        world.answer(out_ms * MS, back_ms * MS)
        offset, uncertainty = world.clock.offset_ns, world.clock.uncertainty_ns
        assert offset is not None
        assert uncertainty is not None
        assert abs(offset - world.truth_ns) <= uncertainty + 1
        assert before is None or uncertainty <= before  # more answers never make it worse
        before = uncertainty if len(ways) <= 32 else None
        world.passes(pause_ms * MS)


def test_some_answers_see_below_the_grain_of_a_second() -> None:
    world = World(3_700 * MS)
    world.answers(25)
    assert (world.clock.uncertainty_ns or SECOND_NS) < 80 * MS


def test_only_a_clock_that_is_surely_wrong_is_corrected() -> None:
    for off_ms, corrected in ((0, False), (1_500, False), (-1_900, False), (2_600, True), (-45_000, True)):
        world = World(off_ms * MS)
        world.answer()
        assert not world.clock.view().is_corrected or corrected
        world.answers(10)
        assert world.clock.is_corrected == corrected
        stamp_ms = world.clock.now_ms()
        if corrected:
            assert abs(stamp_ms - (world.right_ns + world.off_ns) // MS) < 600
            assert ("behind" if off_ms > 0 else "ahead of") in world.clock.view().text
            assert "timedatectl" in world.clock.view().text
        else:
            assert stamp_ms == world.wall() // MS


@pytest.mark.parametrize("step_ms", [-30_000, -700, 700, 30_000])
def test_what_was_known_before_our_clock_was_stepped_is_dropped(step_ms: int) -> None:
    world = World()
    world.answers(20)
    world.stepped_ns = step_ms * MS
    assert world.clock.view().offset_ms is None
    assert world.clock.now_ms() == world.wall() // MS
    world.answers(5)
    assert abs((world.clock.offset_ns or 0) - world.truth_ns) <= (world.clock.uncertainty_ns or 0)
    assert world.clock.is_corrected == (abs(step_ms) > 2_000)


def test_a_clock_that_goes_back_between_sending_and_hearing_tells_nothing() -> None:
    world = World()
    date = formatdate(NOW_NS // SECOND_NS, usegmt=True)
    for step_ns in (100 * MS, 30 * SECOND_NS):
        world.clock.note(date, world.wall(), world.wall() - step_ns)
        world.clock.note_exact(NOW_NS, world.wall(), world.wall() - step_ns)
    assert world.clock.offset_ns is None


def test_old_facts_are_forgotten() -> None:
    world = World()
    world.answers(3)
    world.passes(FRESH_NS + SECOND_NS)
    assert world.clock.offset_ns is None


def test_an_odd_answer_among_many_does_not_count() -> None:
    world = World()
    world.answers(12)
    world.clock.note("Thu, 01 Jan 1970 00:00:00 GMT", world.wall(), world.wall())
    assert abs(world.clock.offset_ns or 0) <= (world.clock.uncertainty_ns or 0) < SECOND_NS


def test_the_one_odd_answer_at_the_start_goes_at_the_next() -> None:
    world = World()
    for hour in ("08", "23"):
        world.clock.note(f"Sun, 22 Nov 2026 {hour}:59:59 GMT", world.wall(), world.wall())
        assert world.clock.is_corrected
        world.answer()
        assert not world.clock.is_corrected


def test_what_lay_in_a_cache_tells_nothing() -> None:
    world = World()
    date = formatdate(NOW_NS // SECOND_NS, usegmt=True)
    for age in ("3", "junk"):
        world.clock.note(date, world.wall(), world.wall(), age)
    assert world.clock.offset_ns is None
    world.clock.note(date, world.wall(), world.wall(), " 0")
    assert world.clock.view().facts == 1


@pytest.mark.parametrize(
    "header", [None, "", "yesterday", "Thu, 99 Foo 2026 00:00:00 GMT", "0", "Thu, 01 Jan 99999 00:00:00 GMT"]
)
def test_a_date_that_is_none_is_ignored(header: str | None) -> None:
    world = World()
    world.clock.note(header, world.wall(), world.wall())
    assert world.clock.offset_ns is None


def test_exact_times_and_past_times_narrow_it() -> None:
    world = World(400 * MS)
    world.answer()
    world.clock.note_past(world.right_ns + world.off_ns - 5 * MS, world.wall())  # a frame that was 5 ms under way
    assert (world.clock.offset_ns or 0) + (world.clock.uncertainty_ns or 0) >= world.truth_ns
    assert (world.clock.offset_ns or 0) - (world.clock.uncertainty_ns or 0) >= 395 * MS
    sent_ns = world.wall()
    world.passes(10 * MS)
    server_ns = world.right_ns + world.off_ns
    world.passes(10 * MS)
    world.clock.note_exact(server_ns // MS * MS, sent_ns, world.wall())
    assert abs((world.clock.offset_ns or 0) - world.truth_ns) <= (world.clock.uncertainty_ns or 0) <= 11 * MS


def test_a_clock_of_a_faster_world_is_its_own_steady_clock() -> None:
    now = [NOW_NS]
    clock = ServerClock(lambda: now[0])
    for _ in range(4):
        clock.note(formatdate(now[0] // SECOND_NS, usegmt=True), now[0], now[0])
        now[0] += 61 * SECOND_NS  # in no time of the machine's
    assert clock.view().facts == 4
    assert "agrees" in clock.view().text


# What a 401 means ------------------------------------------------------------------------------------------------


class Ed:
    """As much of a signer as an explanation looks at."""

    key_id, kind = "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1", "ed25519"

    def sign(self, text: bytes) -> str:
        raise NotImplementedError


ED: Signer = Ed()  # type: ignore[assignment]


def wrong_clock() -> ServerClock:
    world = World(40 * SECOND_NS)
    world.answers(5)
    return world.clock


@pytest.mark.parametrize(
    ("code", "details", "says"),
    [
        ("header_timestamp_expired", "", ["clock", "timedatectl"]),
        ("authentication_error", "INCORRECT_API_KEY_SIGNATURE", ["8c35ecb3…", "(ed25519)", "made together"]),
        ("authentication_error", "NOT_FOUND", ["8c35ecb3…", "demo (https://", "other environment"]),
        ("signature_is_missing_from_headers", "", ["KALSHI-ACCESS-SIGNATURE", "proxy"]),
        ("key_is_missing_from_headers", "", ["proxy"]),
        ("something_new", "with\n words", ["'something_new with words'", "clock", "environment", "deleted"]),
        ("", "", ["nothing more"]),
    ],
)
def test_each_cause_has_words_and_something_to_do(code: str, details: str, says: list[str]) -> None:
    told = explain_401(code, details, hosts=DEMO, signer=ED)
    assert all(words in told for words in says), told
    assert ED.key_id not in told


def test_the_causes_are_told_apart() -> None:
    told = {
        explain_401(code, details, signer=signer)
        for code, details, signer in [
            ("header_timestamp_expired", "", ED),
            ("authentication_error", "INCORRECT_API_KEY_SIGNATURE", ED),
            ("authentication_error", "INCORRECT_API_KEY_SIGNATURE", hmac_signer("gateway", b"secret")),
            ("authentication_error", "NOT_FOUND", ED),
            ("signature_is_missing_from_headers", "", ED),
            ("signature_is_missing_from_headers", "", None),
            ("", "", ED),
        ]
    }
    assert len(told) == 7


def test_what_was_measured_of_the_clock_is_said_where_it_explains_something() -> None:
    wrong, right = wrong_clock(), World()
    right.answers(20)
    for code, details in (
        ("header_timestamp_expired", ""),
        ("authentication_error", "INCORRECT_API_KEY_SIGNATURE"),
        ("", ""),
    ):
        assert "40." in explain_401(code, details, clock=wrong) or "39.9" in explain_401(code, details, clock=wrong)
    assert "agrees" in explain_401("header_timestamp_expired", clock=right.clock)
    assert "Measured" not in explain_401("authentication_error", "INCORRECT_API_KEY_SIGNATURE", clock=right.clock)


# Where the exchange answers ----------------------------------------------------------------------------------------


def test_the_environments() -> None:
    assert hosts_named(" Production ") is PRODUCTION
    assert hosts_named("demo") is DEMO
    assert (PRODUCTION.is_production, DEMO.is_production) == (True, False)
    assert hosts_named("production-old").is_production
    for hosts in (PRODUCTION, DEMO, hosts_named("demo-old")):
        assert hosts_at(hosts.rest, hosts.ws) == hosts
        assert (hosts.rest_path, hosts.ws_path) == ("/trade-api/v2", "/trade-api/ws/v2")
    with pytest.raises(HostsError, match="production, demo"):
        hosts_named("prod")


@pytest.mark.parametrize(
    ("rest", "ws", "expected"),
    [
        ("http://127.0.0.1:8123", "", Hosts("127.0.0.1:8123", "http://127.0.0.1:8123/trade-api/v2", "ws://127.0.0.1:8123/trade-api/ws/v2")),
        ("http://[::1]:8123/trade-api/v2/", "", Hosts("[::1]:8123", "http://[::1]:8123/trade-api/v2", "ws://[::1]:8123/trade-api/ws/v2")),
        ("https://gate.example/kalshi", "", Hosts("gate.example", "https://gate.example/kalshi/trade-api/v2", "wss://gate.example/kalshi/trade-api/ws/v2")),
        ("http://exchange:80", "ws://sockets:81", Hosts("exchange:80", "http://exchange:80/trade-api/v2", "ws://sockets:81/trade-api/ws/v2")),
        ("https://external-api.kalshi.com", "", PRODUCTION),
        ("https://external-api.demo.kalshi.co/", "", DEMO),
    ],
)  # fmt: skip
def test_any_address(rest: str, ws: str, expected: Hosts) -> None:
    assert hosts_at(rest, ws) == expected


@pytest.mark.parametrize(
    "rest",
    ["", "127.0.0.1:8000", "ftp://a", "https://", "http://api.kalshi.com", "http://8.8.8.8", "https://a:b@gate.example",
     "https://trading-api.kalshi.com/trade-api/v2", "https://a.example/?x=1", "https://a.example:port"],
)  # fmt: skip
def test_an_address_that_cannot_be_one_is_refused(rest: str) -> None:
    with pytest.raises(HostsError) as caught:
        hosts_at(rest)
    assert "b@" not in str(caught.value)
