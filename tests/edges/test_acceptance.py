"""The acceptance list on the simulated exchange; and that a run says what failed, skips what it lacks, leaves nothing."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from markets.core.units import DOLLAR
from markets.kalshi.errors import NotFound
from markets.kalshi.hosts import DEMO, PRODUCTION
from markets.kalshi.keys import VARIABLES
from markets.kalshi.rest import KalshiRest
from trading.acceptance import sim, table
from trading.acceptance.case import Case, Failed, Need
from trading.acceptance.demo import NoEnvironment, practice
from trading.acceptance.environment import Environment
from trading.acceptance.hands import Hands
from trading.acceptance.member import PREFIX, Member, Purse
from trading.acceptance.places import Places
from trading.acceptance.register import CASES, THEMES, NoSuchCase, chosen
from trading.acceptance.runner import Report, Result, run
from trading.acceptance.sim import simulated
from trading.management.commands import acceptance

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "acceptance.md"


def tried(*cases: Case, most: int = 5_000 * DOLLAR, lacks: dict[Need, str] | None = None) -> Report:
    async def all_of_them() -> Report:
        async with simulated(most=most) as environment:
            environment.lacks |= lacks or {}
            return await run(environment, cases)

    return asyncio.run(all_of_them())


def made(run_: object, *needs: Need) -> Case:
    return Case("X01", "a case of a test", "tests", needs, run_)  # type: ignore[arg-type]


# The list -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {result.case.id: result for result in tried(*CASES).results}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_simulated_exchange_passes(case: Case, results: dict[str, Result]) -> None:
    result = results[case.id]
    assert (result.outcome, result.why, result.left) == ("pass", "", ())


def test_each_case_has_an_id_and_a_title_of_its_own_and_each_theme_cases() -> None:
    assert [case.id for case in CASES] == [f"A{number:02}" for number in range(1, len(CASES) + 1)]
    assert len({case.title for case in CASES}) == len(CASES) >= 70
    assert all(theme.cases for theme in THEMES)


def test_cases_are_chosen_by_id_and_by_theme() -> None:
    assert chosen([]) == CASES
    assert [case.id for case in chosen(["a54", "A01"])] == ["A01", "A54"]
    assert {case.theme for case in chosen(["order-groups", "cancel"])} == {"order groups", "cancel"}
    with pytest.raises(NoSuchCase, match="no case and no theme is called 'a00'"):
        chosen(["A00"])


def test_the_page_lists_what_there_is() -> None:
    """`kalshi-bot acceptance --list --markdown > docs/acceptance.md` writes it anew."""
    assert PAGE.read_text() == table.as_markdown(CASES)


# What a run says ----------------------------------------------------------------------------------------------


def test_what_is_not_so_fails_with_words_and_what_breaks_with_its_name() -> None:
    async def not_so(hands: Hands) -> None:
        raise Failed("the sky is green, not blue")

    async def broken(hands: Hands) -> None:
        await hands.rest.market("KXBTC15M-99DEC312359-59")

    report = tried(made(not_so), made(broken)._replace(id="X02"))
    assert [result.outcome for result in report.results] == ["fail", "fail"]
    assert report.results[0].why == "the sky is green, not blue"
    assert report.results[1].why.startswith("NotFound: market - HTTP 404")
    assert not report.is_good
    told = json.loads(table.as_json(report))
    assert (told["is_good"], told["results"][0]["why"]) == (False, "the sky is green, not blue")
    assert "FAIL" in table.line(report.results[0])


def test_what_the_environment_lacks_is_skipped_and_never_passed() -> None:
    async def never(hands: Hands) -> None:
        raise AssertionError("it must not be tried")

    report = tried(made(never, Need.SECOND), lacks={Need.SECOND: "nobody is there"})
    assert [(one.outcome, one.why) for one in report.results] == [("skipped", f"needs {Need.SECOND}: nobody is there")]
    assert report.is_good


def test_no_more_is_put_at_risk_than_allowed() -> None:
    async def dear(hands: Hands) -> None:
        await hands.me.place(await hands.liquid(), True, 9_000)

    (result,) = tried(made(dear), most=DOLLAR).results
    assert (result.outcome, result.why) == ("skipped", "would put more than $1 at risk: raise --max-dollars")


def test_nothing_of_a_failed_case_rests_or_is_held() -> None:
    async def messy(hands: Hands) -> None:
        place = await hands.liquid()
        await hands.me.rests(place)
        assert (await hands.me.takes(place, True, place.contract.ceil(place.ask + 300))).filled
        quiet = await hands.room()
        await hands.other.place(quiet, False, quiet.inside())
        await hands.me.takes(quiet, True, quiet.inside())
        raise Failed("on purpose")

    async def clean(hands: Hands) -> None:
        for member in (hands.me, hands.other):
            assert await member.rest.orders(status="resting") == []
            assert [row for row in await member.rest.positions() if row.count] == []

    report = tried(made(messy), made(clean)._replace(id="X02"))
    assert [(one.outcome, one.left) for one in report.results] == [("fail", ()), ("pass", ())]


def test_a_run_that_is_interrupted_takes_its_orders_back() -> None:
    async def interrupted() -> Sequence[str]:
        resting = asyncio.Event()

        async def hanging(hands: Hands) -> None:
            await hands.me.rests(await hands.market())
            resting.set()
            await asyncio.Event().wait()

        async with simulated() as environment:
            running = asyncio.create_task(run(environment, [made(hanging)]))
            await asyncio.wait_for(resting.wait(), 20)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return await _statuses(environment)

    assert asyncio.run(interrupted()) == ["canceled"]


def test_what_an_earlier_run_left_is_taken_back_and_what_is_not_ours_stays() -> None:
    async def swept() -> Sequence[str]:
        async with (
            simulated() as environment,
            KalshiRest(environment.hosts, environment.signer, clock=environment.now_ns) as rest,
        ):
            purse = Purse(DOLLAR)
            ours, other = [Member(environment, rest, purse, prefix) for prefix in (f"{PREFIX}old", "somebody-else")]
            place = await Hands(environment, ours, None, Places(environment, rest)).market()
            await ours.rests(place)
            await other.rests(place)
            await ours.lag()
            await run(environment, [])
            return await _statuses(environment)

    assert sorted(asyncio.run(swept())) == ["canceled", "resting"]


async def _statuses(environment: Environment) -> list[str]:
    """Of all orders of the first account, a moment later."""
    await asyncio.sleep(2 * environment.lag_s)
    async with KalshiRest(environment.hosts, environment.signer, clock=environment.now_ns) as rest:
        return [order.status for order in await rest.orders()]


def test_what_is_read_too_early_is_read_again_and_never_is_said_so() -> None:
    async def patient(hands: Hands) -> None:
        hands.environment.patience_s = 0.1

        async def nothing() -> int:
            raise NotFound(404, "not_found")

        await hands.eventually(nothing, bool, "something")

    (result,) = tried(made(patient)).results
    assert result.outcome == "fail"
    assert result.why.startswith("something: not so after 0.1 s, but HTTP 404 - not_found")


# Where it is tried --------------------------------------------------------------------------------------------


def test_production_is_refused_whatever_it_is_called() -> None:
    for name in ("production", "production-old", "PRODUCTION"):
        with pytest.raises(CommandError, match="never tried on production"):
            call_command("acceptance", env=name)

    async def straight() -> None:
        async with practice({}, PRODUCTION):
            raise AssertionError("it must not begin")

    with pytest.raises(NoEnvironment, match="never tried on production"):
        asyncio.run(straight())


def test_the_practice_site_without_a_key_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CommandError, match=r"there is no key: make one on demo\.kalshi\.co, set KALSHI_KEY_ID"):
        call_command("acceptance", env="demo")
    assert not DEMO.is_production


def test_the_command_fails_when_a_case_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def not_so(hands: Hands) -> None:
        raise Failed("on purpose")

    monkeypatch.setattr(acceptance, "chosen", lambda names: (made(not_so),))
    with pytest.raises(CommandError, match="1 of 1 cases failed") as ended:
        call_command("acceptance")
    assert ended.value.returncode == 1
    assert "on purpose" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_ends_in_order_when_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    left: list[str] = []

    @asynccontextmanager
    async def watched(**options: int) -> AsyncIterator[Environment]:
        async with simulated(**options) as environment:
            try:
                yield environment
            finally:
                left.extend(await _statuses(environment))

    async def ends(hands: Hands) -> None:
        await hands.me.rests(await hands.market())
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    async def passes(hands: Hands) -> None:
        await hands.me.lag()

    cases = (made(passes), made(ends)._replace(id="X02"), made(passes)._replace(id="X03"))
    monkeypatch.setattr(acceptance, "chosen", lambda names: cases)
    monkeypatch.setattr(sim, "simulated", watched)
    before = signal.signal(number, signal.SIG_IGN)  # should it not listen, the test outlives it
    try:
        with pytest.raises(CommandError, match="ended after 1 of 3 cases; what rested was cancelled") as ended:
            call_command("acceptance")
    finally:
        signal.signal(number, before)
    assert ended.value.returncode == code
    assert left == ["canceled"]
    assert "X03" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"env": "moon"}, "--env moon: it is sim or demo"),
        ({"size": "0.5"}, "--size 0.5: one contract or more"),
        ({"size": "many"}, "--size many: "),
        ({"max_dollars": "0.5"}, r"--max-dollars 0\.5: a dollar or more"),
        ({"only": ["Z99"]}, "no case and no theme is called 'z99'"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_what_to_do(options: dict[str, object], words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        call_command("acceptance", **options)
    assert refused.value.returncode == 2


def test_the_list_is_there_for_programs_too() -> None:
    told = json.loads(table.listed_as_json(CASES))
    assert [row["id"] for row in told] == [case.id for case in CASES]
    assert set(told[0]) == {"id", "theme", "title", "needs"}
