"""Side by side with other engines: the tapes, the columns for the others, the goals and tables. Nothing here judges a speed."""

import json
import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from backtests.peers import environments, rows
from backtests.peers.bench import write_feed
from backtests.peers.day import Day, blocks, busiest_day, head, of_asset, played, shifted
from backtests.peers.environments import HERE, PEERS, LeftOut, environment, is_ready
from backtests.peers.goals import Goal, goals
from backtests.peers.processes import Failed, measured
from backtests.peers.text import BEGIN, END, markdown_of, tables, text_of, write_into
from backtests.peers.work import SWEPT, eager, equivalent, sweep_settings
from backtests.shelf import reels_find
from markets.core.book import OrderBook
from markets.core.events import BookDelta, MarketEvent, MarketListed, MarketStatus, SpotPrice
from markets.core.units import DAY_NS, PRICE_DOLLAR
from markets.tape import VERSION, TapeHeader, TapeWriter
from tests.rising import rising, write_tape
from trading.playback import market_events

pytestmark = pytest.mark.django_db
PEER_SCRIPTS = sorted(HERE.glob("run_*.py"))


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return write_tape(tmp_path / "rising.tape")


@pytest.fixture
def day(tape: Path) -> Day:
    return busiest_day(reels_find([str(tape)], files=True))


def moving() -> list[MarketEvent]:
    """The quarter hour, its book in motion: at every fifth price of the spot the best levels change."""
    said: list[MarketEvent] = []
    for number, event in enumerate(rising()):
        said.append(event)
        if isinstance(event, SpotPrice) and 60 < number < 1_500 and number % 5 == 0:
            change = 700 if number % 10 else -700
            ticker = next(each.contract.ticker for each in said if isinstance(each, MarketListed))
            said.append(BookDelta(event.received_ns, ticker, True, 4_800, change + 700, 0, event.received_ns))
            said.append(BookDelta(event.received_ns, ticker, False, 5_000, 500, 0, event.received_ns))
    return said


@pytest.fixture
def moving_tape(tmp_path: Path) -> Path:
    writer = TapeWriter(tmp_path / "moving.tape", TapeHeader(VERSION, "moving", "test", "A", 1))
    for event in moving():
        writer.append(event)
    return writer.close()


def test_a_repetition_is_the_same_day_later_in_markets_of_its_own(day: Day, tmp_path: Path) -> None:
    first, second = blocks(day, 2_000, tmp_path / "data", most=1_000)
    one, other = list(market_events(first)), list(market_events(second))
    assert len(one) == len(other) == 1_000
    assert [event.received_ns + DAY_NS for event in one] == [event.received_ns for event in other]
    names = [{event.contract.ticker for event in side if isinstance(event, MarketListed)} for side in (one, other)]
    assert len(names[0]) == len(names[1]) == 1
    assert names[0].isdisjoint(names[1])
    assert isinstance(one[-1], MarketStatus)  # what is open at the cut is settled by what the day knows
    assert one[-1].status == "settled"


def test_a_ticker_with_a_day_in_it_moves_to_the_day(tape: Path) -> None:
    status = MarketStatus(1, "KXBTC15M-26MAY311130-30", "open")
    assert shifted(status, 1) == MarketStatus(1 + DAY_NS, "KXBTC15M-26JUN011130-30", "open")
    assert shifted(status, 0) is status


def test_the_blocks_are_made_once_and_anew_for_another_tape(day: Day, tmp_path: Path) -> None:
    made = blocks(day, 1_000, tmp_path / "data", most=1_000)[0]
    before = made.stat().st_mtime_ns
    assert blocks(day, 1_000, tmp_path / "data", most=1_000)[0].stat().st_mtime_ns == before
    (tmp_path / "other").mkdir()
    other = busiest_day(reels_find([str(write_tape(tmp_path / "other" / "rising.tape", result="no"))], files=True))
    assert blocks(other, 1_000, tmp_path / "data", most=1_000)[0].parent != made.parent


def test_only_one_coin_is_measured(day: Day) -> None:
    events = list(played(day.reels))
    assert list(of_asset(events, "BTC")) == events
    left = [type(event) for event in of_asset(events, "ETH")]
    assert SpotPrice not in left
    assert MarketListed not in left
    assert MarketStatus not in left


def test_a_day_that_is_shorter_than_asked_for_is_taken_whole(day: Day) -> None:
    assert head(played(day.reels), 10**9) == list(played(day.reels))


def test_the_columns_for_the_others_say_what_the_book_said(moving_tape: Path) -> None:
    made = rows.prepare(market_events(moving_tape))
    assert made.events == len(moving())
    book, at = OrderBook(), 0
    tops = {(int(row["ns"]), int(row["bid"]), int(row["ask"])) for row in made.tops}
    for event in moving():
        if isinstance(event, BookDelta) and book.yes:
            book.change(event.is_yes, event.price, event.change)
            assert (event.received_ns, book.bid, book.ask) in tops
            at += 1
        elif type(event).__name__ == "BookSnapshot":
            book.replace(event.yes, event.no)  # type: ignore[union-attr]
    assert at > 100
    levels = made.rows[made.rows["kind"] == rows.LEVEL]
    last = {(bool(row["is_bid"]), int(row["price"])): int(row["size"]) for row in levels}
    asks = {PRICE_DOLLAR - price: count for price, count in book.no.items()}
    resting = {(True, price): count for price, count in book.yes.items()} | {(False, p): n for p, n in asks.items()}
    assert {place: size for place, size in last.items() if size} == resting


def test_windows_have_strike_and_what_they_paid(tape: Path) -> None:
    window = rows.prepare(market_events(tape)).windows[0]
    assert window["pays"] == 1.0
    assert window["strike"] > 0
    assert window["strike_ns"] <= window["open_ns"]
    lost = write_tape(tape.parent / "lost.tape", result="no")
    assert rows.prepare(market_events(lost)).windows[0]["pays"] == 0.0


def test_the_feed_of_several_tapes_is_one_tape_shifted(tape: Path, tmp_path: Path) -> None:
    assert write_feed(tmp_path / "feed", [tape, tape]) == 2 * len(rising())
    one, other = (np.load(tmp_path / "feed" / f"0{number}-rows.npz") for number in range(2))
    assert (one["tops"]["ns"] + DAY_NS == other["tops"]["ns"]).all()
    assert set(one["windows"]["ticker"]).isdisjoint(other["windows"]["ticker"])
    assert len(json.loads((tmp_path / "feed" / "work.json").read_text())["sets"]) == len(SWEPT) == 1_000


def test_the_settings_can_be_used_and_differ() -> None:
    every = [equivalent(), eager(), *sweep_settings()]
    assert all(not limits.problems() and not parameters.problems() for limits, parameters in every)
    assert len({(limits, parameters) for limits, parameters in sweep_settings()}) == 1_000


@pytest.mark.parametrize("script", PEER_SCRIPTS, ids=lambda path: path.stem)
def test_the_scripts_of_the_others_compile_and_import_nothing_of_ours(script: Path) -> None:
    code = script.read_text()
    compile(code, str(script), "exec")
    assert not any(f"{word} {app}" in code for word in ("import", "from") for app in ("backtests", "trading", "markets", "django"))  # fmt: skip


def test_there_is_a_script_and_a_pinned_requirement_for_everybody() -> None:
    assert [path.stem.removeprefix("run_") for path in PEER_SCRIPTS] == sorted(PEERS)
    for name in PEERS:
        pinned = (HERE / f"requirements-{name}.txt").read_text()
        assert "--hash=sha256:" in pinned
        assert "http" not in pinned  # whoever installs says from where


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PEERS))
def test_the_strategy_of_the_others_makes_orders(name: str, moving_tape: Path, tmp_path: Path) -> None:
    home = Path(os.environ.get("BENCH_HOME", HERE.parent.parent / "var" / "bench"))
    if not is_ready(name, home):
        pytest.skip(f"the environment of {PEERS[name]} is not there; `kalshi-bot bench-backtests` makes it")
    write_feed(tmp_path / "feed", [moving_tape])
    words = [str(home / name / "bin" / "python"), str(HERE / f"run_{name}.py"), str(tmp_path / "feed")]
    found = measured(words)
    assert found["orders"] > 0
    assert found["peak_mb"] > 0
    assert found["made"] != 0


def test_an_environment_that_cannot_be_made_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [sys.executable, "-c", "import sys; sys.exit('no route to the index')"]
    monkeypatch.setattr(environments, "_steps", lambda *_: [broken])
    with pytest.raises(LeftOut, match="could not be made: no route to the index"):
        environment("vectorbt", tmp_path)
    assert not is_ready("vectorbt", tmp_path)


def test_an_environment_is_made_once_and_anew_for_other_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def steps(place: Path, _requirements: Path) -> list[list[str]]:
        made.append(place)
        return [[sys.executable, "-c", f"import pathlib; pathlib.Path({str(place)!r}).mkdir(parents=True)"]]

    monkeypatch.setattr(environments, "_steps", steps)
    python = environment("vectorbt", tmp_path)
    assert environment("vectorbt", tmp_path) == python == tmp_path / "vectorbt" / "bin" / "python"
    assert len(made) == 1
    (tmp_path / "vectorbt" / environments.STAMP).write_text("other pins")
    environment("vectorbt", tmp_path)
    assert len(made) == 2


def test_a_measurement_that_fails_says_its_last_words() -> None:
    with pytest.raises(Failed, match="out of luck"):
        measured([sys.executable, "-c", "import sys; sys.exit('out of luck')"])
    with pytest.raises(Failed, match="said nothing"):
        measured([sys.executable, "-c", "print('hello')"])


def report(**changes: Any) -> dict[str, Any]:
    """Two sizes, everybody, with round numbers."""
    shown = {"peak_mb": 100.0, "orders": 3, "wall_s": 2.0}
    sizes = {
        str(events): {
            "events": events,
            "engine": shown | {"cpu_s": events / 1e5, "peak_mb": 60 + events / 1e5},
            "lane": shown | {"cpu_s": events / 1e7, "start_s": 1.0, "one_more": {"cpu_s": 0.1, "wall_s": 0.1}},
            "hftbacktest": shown | {"cpu_s": events / 4e6, "start_s": 5.0},
            "nautilus": shown | {"cpu_s": events / 2e5, "build_cpu_s": events / 2e5, "start_s": 0.1},
        }
        for events in (1_000_000, 10_000_000)
    }
    part = {"sets": 1_000, "began": 0.0, "ended": 5.0, "cpu_s": 10.0, "peak_mb": 300.0, "columns": {"wall_s": 5.0}}
    theirs = {"sets": 1_000, "events": 100_000, "rows": 25_000, "cpu_s": 20.0, "peak_mb": 900.0}
    return {
        "day": "a day",
        "machine": {"processor": "a chip", "cores": 2, "load_a_minute": 0.1, "python": "3.11"},
        "load_at_end": 0.2,
        "measured_at": "now",
        "runs": 3,
        "sizes": sizes,
        "left_out": {},
        "sweep": {"events": 1_000_000, "ours": [part], "vectorbt": theirs},
        "orders": {
            "orders": 30,
            "peak_mb": 80.0,
            "of_each": [{"orders": 10, "cpu_s": cost} for cost in (9.0, 1.0, 2.0)],
        },
        "start": {"first_event_s": 2.5},
    } | changes


def found_goals(**changes: Any) -> dict[str, Goal]:
    return {goal.name.partition(",")[0]: goal for goal in goals(report(**changes))}


def test_each_goal_is_said_to_be_reached_or_missed_by_so_much() -> None:
    found = found_goals()
    assert found["lane / hftbacktest"].found == pytest.approx(2.5)
    assert found["lane / hftbacktest"].verdict == "reached"
    beside = found["engine / NautilusTrader"]
    assert beside.found == pytest.approx(1.0)  # their building counts
    assert beside.verdict == "MISSED: 2 times too slow"
    growth = next(goal for name, goal in found.items() if name.startswith("engine: cost an event"))
    assert growth.found == pytest.approx(1.0)
    assert growth.verdict == "reached"
    memory = found["engine: memory a million events"]
    assert memory.found == pytest.approx(10.0)
    assert memory.verdict == "reached"
    assert found["sweep of 1"].found == pytest.approx(2e8)
    assert found["the same a CPU second / vectorbt"].found == pytest.approx(1e8 / 5e6)
    assert found["the same a CPU second / vectorbt"].verdict == "MISSED: 1.5 times too slow"
    assert found["cost an order"].verdict == "MISSED: 1.7 times over"
    assert found["command to the first event"].verdict == "reached"


def test_what_was_not_measured_is_never_reached_and_says_why() -> None:
    without = report()
    for size in without["sizes"].values():
        del size["nautilus"]
    found = found_goals(sizes=without["sizes"], left_out={"nautilus": "no network"})["engine / NautilusTrader"]
    assert not found.is_reached
    assert found.verdict == "not measured: NautilusTrader is left out: no network"


def test_the_tables_hold_everybody_and_every_row_is_whole() -> None:
    for _, lines in tables(report()):
        assert len({len(row) for row in lines}) == 1
    text = text_of(report(left_out={"vectorbt": "no network"}))
    for words in ("the engine of record", "the compiled lane", "hftbacktest", "NautilusTrader", "vectorbt is left out"):
        assert words in text


def test_the_tables_are_written_between_the_markers_of_the_document(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_into(page, report())
    write_into(page, report())
    assert page.read_text() == f"before\n{BEGIN}\n{markdown_of(report())}\n{END}\nafter\n"
    (tmp_path / "bare.md").write_text("nothing")
    with pytest.raises(ValueError, match="lacks the lines"):
        write_into(tmp_path / "bare.md", report())


def test_the_document_has_the_markers() -> None:
    page = (HERE.parent.parent / "docs" / "bench.md").read_text()
    assert page.index(BEGIN) < page.index(END)


@pytest.mark.slow
def test_quick_measures_ours_alone_in_fresh_processes(tape: Path, tmp_path: Path, settings: Settings) -> None:
    settings.BOT_HOME = tmp_path
    out = StringIO()
    words = ["--quick", "--events", "1000", "--peer", "none", "--part", "engines", "--part", "orders", "--json"]
    call_command("bench_backtests", "--tape", str(tape), *words, stdout=out)
    found = json.loads(out.getvalue())
    assert found["day"].endswith("recorded, tapes: 1")
    size = found["sizes"]["1000"]
    assert size["engine"]["events"] == 1_000
    assert size["engine"]["cpu_s"] > 0
    assert size["engine"]["orders"] > 0
    assert len(found["orders"]["of_each"]) >= 3
    assert all(each["orders"] > 1_000 for each in found["orders"]["of_each"])
    assert found["orders"]["orders"] > 0
    assert any(goal["name"].startswith("cost an order") and goal["found"] > 0 for goal in found["goals"])


def test_a_tape_that_is_not_there_is_one_clear_sentence() -> None:
    with pytest.raises(CommandError, match="There is no tape 'nowhere'"):
        call_command("bench_backtests", "--tape", "nowhere")
