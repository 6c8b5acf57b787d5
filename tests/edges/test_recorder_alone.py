"""Recording alone: everything is written in order, refusals are named, and it ends in order."""

import asyncio
import os
import signal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from markets import listening
from markets.core.events import MarketEvent, SpotPrice
from markets.feeds.feed import FeedView
from markets.listening import AllRefused, Listening
from markets.management.commands import record
from markets.models import Tape
from markets.recorder import Recorder
from markets.tape import read_end, read_whole
from tests.tapes import HEADER, told


def view(feed: str, state: str, reason: str = "", frames: int = 10) -> FeedView:
    values: dict[str, Any] = dict.fromkeys(FeedView._fields, 0)
    texts = {"feed": feed, "venue": feed, "title": feed, "state": state, "reason": reason, "frames": frames}
    return FeedView(**(values | texts | {"last_frame_age_ms": 250.0}))


class Venues:
    """Feeds that say what they are given, then go on in silence; `views` are as they were made."""

    def __init__(self, hear: Any, batches: list[list[MarketEvent]], views: list[FeedView]) -> None:
        self.hear = hear
        self.batches = batches
        self._views = views
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        for batch in self.batches:
            await self.hear(batch)
        await self._stopped.wait()

    def stop(self) -> None:
        self._stopped.set()

    def views(self) -> list[FeedView]:
        return self._views


def price(at_ns: int) -> SpotPrice:
    return SpotPrice(at_ns, "kraken", "BTC", 85_000.0)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path, HEADER)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "TELL_S", 0.01)
    monkeypatch.setattr(listening, "PATIENCE_S", 0.02)


async def test_what_comes_late_is_written_at_the_time_it_came(recorder: Recorder) -> None:
    made = Listening(recorder)
    await made.run(Venues(made.hear, [[price(5), price(7)], [price(6)]], []), seconds=0.01)
    assert [event.received_ns for event in read_whole(recorder.close(), MarketEvent)] == [5, 7, 7]
    assert made.late == 1


@pytest.mark.usefixtures("quick")
async def test_when_all_refuse_their_words_are_the_end(recorder: Recorder) -> None:
    made = Listening(recorder)
    views = [view("binance", "unavailable", "HTTP 451: restricted location"), view("kraken", "unavailable", "no")]
    with pytest.raises(AllRefused, match=r"binance: HTTP 451: restricted location; kraken: no"):
        await made.run(Venues(made.hear, [], views))
    recorder.close()


@pytest.mark.usefixtures("quick")
async def test_one_that_refuses_is_named_and_the_rest_goes_on(recorder: Recorder) -> None:
    said: list[str] = []
    made = Listening(recorder, said.append)
    views = [view("binance", "unavailable", "HTTP 451"), view("kraken", "up"), view("bitstamp", "lost")]
    await made.run(Venues(made.hear, [], views), seconds=0.2)
    assert said[0].startswith("binance refused (HTTP 451)  kraken up ")
    assert "bitstamp lost  | 0 events, 0.000 GB" in said[0]
    recorder.close()


async def test_what_cannot_be_written_ends_it(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> None:
        raise OSError("gone")

    monkeypatch.setattr(recorder, "append", broken)
    made = Listening(recorder)
    with pytest.raises(OSError, match="gone"):
        await made.run(Venues(made.hear, [[price(1)]], []))
    recorder.close()


class ToldToEnd(Venues):
    """Says a few things and is told to end by a signal."""

    def __init__(self, names: Any, assets: Any, hear: Any, **_: Any) -> None:
        super().__init__(hear, [list(told(20))], [view("kraken", "up")])
        self.names, self.assets = names, assets

    async def run(self) -> None:
        await self.hear(self.batches[0])
        os.kill(os.getpid(), signal.SIGTERM)
        await self._stopped.wait()


class Refusing(Venues):
    """Nobody lets us in."""

    def __init__(self, names: Any, assets: Any, hear: Any, **_: Any) -> None:
        super().__init__(hear, [], [view("kraken", "unavailable", "not in your country")])


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.TAPES_DIR, settings.PROTECTED_TAPES = tmp_path, "builtins.set"
    return tmp_path


@pytest.mark.django_db(transaction=True)
def test_the_command_ends_in_order_seals_and_registers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "Feeds", ToldToEnd)
    out = StringIO()
    call_command("record", "--venues", "kraken", "--assets", "btc", "--name", "one", stdout=out)
    assert "one: 20 events" in out.getvalue()
    row = Tape.objects.get()
    assert (row.name, row.events, row.source, row.parts, row.is_cut) == ("one", 20, "recorder", 1, False)
    assert row.path == str(home / "one.p0001.tape.zst")
    assert list(read_whole(Path(row.path), MarketEvent)) == list(told(20))
    end = read_end(Path(row.path))
    assert end is not None
    assert end.events == 20


@pytest.mark.usefixtures("quick", "home")
@pytest.mark.django_db(transaction=True)
def test_the_command_says_when_nobody_serves_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "Feeds", Refusing)
    with pytest.raises(CommandError, match="kraken: not in your country") as ended:
        call_command("record", "--venues", "kraken", stdout=StringIO())
    assert ended.value.returncode == record.REFUSED


@pytest.mark.usefixtures("home")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("words", [["--venues", "nowhere"], ["--venues", ""], ["--hours", "-1"]])
def test_the_command_says_what_is_wrong_with_its_words(words: list[str]) -> None:
    with pytest.raises(CommandError) as ended:
        call_command("record", *words, stdout=StringIO())
    assert ended.value.returncode == 2
