"""Whatever the size of the pages, wherever a download is interrupted: the same bytes in the end."""

import errno
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.download.errors import DownloadError
from markets.download.pages import PageFile
from markets.download.plan import Plan, Wish, plan_of
from markets.download.report import Report
from markets.download.run import Folders, Means, download
from markets.download.source import Mark, Page, SpotTrade
from markets.kalshi.ticker import market_ticker
from tests.histories import (
    HOUR_NS,
    NOW_NS,
    START_NS,
    Answer,
    BinanceHost,
    CoinbaseHost,
    HandClock,
    InMemory,
    KalshiHost,
    KrakenHost,
    Told,
    close_ns,
    trades,
)

BASE = "http://venue.test"
FROM, TO = "2026-05-01T00:10", "2026-05-01T00:40"
Host = Callable[[str, Mapping[str, str]], Answer]
HOSTS: dict[str, Callable[[list[Told], int], Host]] = {
    "coinbase": CoinbaseHost,
    "kraken": KrakenHost,
    "binance": BinanceHost,
    "kalshi-trades": lambda told, page: KalshiHost(by_market(told), page, archived=1),
}


def by_market(told: list[Told]) -> dict[str, list[Told]]:
    """The trades as trades of the four quarter hours they fall into."""
    windows = range(4)
    return {
        market_ticker("KXBTC15M", close_ns(index)): [t for t in told if t.at_ms // 900_000 == index]
        for index in windows
    }


def plan_for(what: str) -> Plan:
    """Half an hour of a venue; of Kalshi the windows that open in it."""
    words = {"series": "KXBTC15M"} if what.startswith("kalshi") else {"asset": "BTC"}
    return plan_of(Wish(what, from_text=FROM, to_text=TO, base=BASE, **words), now_ns=NOW_NS)


def fetched(plan: Plan, home: Path, ask: InMemory) -> Report:
    folders = Folders(home / "tapes", home / "tables", home / "downloads")
    return download(plan, folders, now_ns=NOW_NS, keep=lambda *_: None, means=Means(ask, HandClock()))


def stops_at(number: int) -> Callable[[int], None]:
    """A person presses Ctrl-C at this question."""

    def before(asked: int) -> None:
        if asked == number:
            raise KeyboardInterrupt

    return before


@pytest.mark.parametrize("what", HOSTS)
@settings(max_examples=25, deadline=None)
@given(
    gaps_ms=st.lists(st.integers(1, 90_000), max_size=60),
    page=st.integers(1, 20),
    stops=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 200)), max_size=4),
)
def test_any_page_and_any_interruption_give_the_same_tape(
    what: str, gaps_ms: list[int], page: int, stops: list[tuple[int, int]]
) -> None:
    at_ms, told = 0, []
    for number, gap_ms in enumerate(gaps_ms):
        at_ms += gap_ms
        told.append(Told(5_001 + number, at_ms, f"{80_000 + number}.5", "0.25", number % 3 == 0))
    told = [trade for trade in told if trade.at_ms < 3_600_000]
    plan = plan_for(what)
    with tempfile.TemporaryDirectory() as folder:
        whole, torn = Path(folder) / "whole", Path(folder) / "torn"
        expected = outcome(plan, whole, InMemory(HOSTS[what](told, 1000)))
        for number, cut in stops:
            try:
                outcome(plan, torn, InMemory(HOSTS[what](told, page), stops_at(number)))
                break
            except KeyboardInterrupt:
                tear(torn / "downloads" / plan.name / "pages.zst", cut)
        assert outcome(plan, torn, InMemory(HOSTS[what](told, page))) == expected


def outcome(plan: Plan, home: Path, ask: InMemory) -> bytes:
    """The tape's bytes, or why there is none."""
    try:
        report = fetched(plan, home, ask)
    except DownloadError as error:
        return str(error).encode()
    return Path(report.path).read_bytes()


def tear(path: Path, cut: int) -> None:
    """What a machine that loses its power may do to the end of a file."""
    with path.open("r+b") as file:
        file.truncate(max(path.stat().st_size - cut, 0))


def test_what_was_got_is_not_asked_for_again(tmp_path: Path) -> None:
    told = trades(100, every_ms=30_000)
    plan, host = plan_for("kraken"), KrakenHost(told, 7)
    with pytest.raises(KeyboardInterrupt):
        fetched(plan, tmp_path, InMemory(host, stops_at(5)))
    second = InMemory(host)
    report = fetched(plan, tmp_path, second)
    assert report.resumed_pages == 4
    assert second.asked[0][1]["since"] == str(told[19 + 4 * 7].at_ns)  # the 20th trade is the first of the span


def test_a_finished_download_leaves_only_its_result_and_is_not_fetched_again(tmp_path: Path) -> None:
    plan, host = plan_for("binance"), BinanceHost(trades(100, every_ms=30_000))
    first = fetched(plan, tmp_path, InMemory(host))
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [f"{plan.name}.tape.zst"]
    again = InMemory(host)
    assert fetched(plan, tmp_path, again).is_old
    assert again.asked == []
    assert first.kept == 60


def test_killed_when_the_result_was_written_but_not_taken_up_it_is_taken_up_the_next_time(tmp_path: Path) -> None:
    plan, host, taken = plan_for("binance"), BinanceHost(trades(100, every_ms=30_000)), list[Path]()
    folders = Folders(tmp_path / "tapes", tmp_path / "tables", tmp_path / "downloads")
    means = Means(InMemory(host), HandClock())

    def killed(path: Path, *_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(plan, folders, now_ns=NOW_NS, keep=killed, means=means)
    before = (tmp_path / "tapes" / f"{plan.name}.tape.zst").read_bytes()
    again = InMemory(host)
    report = download(
        plan, folders, now_ns=NOW_NS, keep=lambda path, *_: taken.append(path), means=Means(again, HandClock())
    )
    assert again.asked == []
    assert taken == [Path(report.path)]
    assert taken[0].read_bytes() == before


def test_beginning_anew_does_not_pull_the_pages_from_under_another_download(tmp_path: Path) -> None:
    plan, host = plan_for("binance"), BinanceHost(trades(100, every_ms=30_000), 5)
    folders = Folders(tmp_path / "tapes", tmp_path / "tables", tmp_path / "downloads")

    def meanwhile(number: int) -> None:
        if number == 2:
            download(plan, folders, now_ns=NOW_NS, keep=lambda *_: None, means=Means(InMemory(host)), restart=True)

    with pytest.raises(DownloadError, match="in use by another download"):
        fetched(plan, tmp_path, InMemory(host, meanwhile))
    assert fetched(plan, tmp_path, InMemory(host)).resumed_pages == 1


def test_pages_of_another_address_are_not_mixed_in(tmp_path: Path) -> None:
    plan, host = plan_for("binance"), BinanceHost(trades(100, every_ms=30_000), 5)
    with pytest.raises(KeyboardInterrupt):
        fetched(plan, tmp_path, InMemory(host, stops_at(3)))
    elsewhere = plan._replace(host=plan.host._replace(base="http://other.test"))
    with pytest.raises(DownloadError, match=r"was begun as `kalshi-bot download binance trades .*--restart"):
        fetched(elsewhere, tmp_path, InMemory(host))


def test_two_downloads_of_the_same_do_not_meet(tmp_path: Path) -> None:
    plan, host = plan_for("binance"), BinanceHost(trades(100, every_ms=30_000), 5)

    def meanwhile(number: int) -> None:
        if number == 2:
            fetched(plan, tmp_path, InMemory(host))

    with pytest.raises(DownloadError, match="in use by another download"):
        fetched(plan, tmp_path, InMemory(host, meanwhile))


def test_a_damaged_page_takes_those_behind_it_along(tmp_path: Path) -> None:
    path = tmp_path / "pages.zst"
    pages = PageFile(path)
    for number in range(4):
        row = SpotTrade(number, START_NS + number, 80_000.0, 1.0, "buy")
        pages.append(Page(Mark("trades", number), Mark("trades", number + 1), (row,), skipped={"junk": number}))
    kept, middle = list(pages.pages()), pages.size_bytes // 2
    pages.close()
    data = bytearray(path.read_bytes())
    data[middle + 10] ^= 0xFF
    path.write_bytes(data)
    again = PageFile(path)
    assert list(again.pages()) == kept[: len(again)]
    assert len(again) in {1, 2}
    assert path.stat().st_size == again.size_bytes
    again.close()


def test_a_full_disk_is_one_sentence_and_leaves_whole_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, host = plan_for("kraken"), KrakenHost(trades(100, every_ms=30_000), 7)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fills_up(number: int) -> None:
        if number == 4:
            monkeypatch.setattr("markets.download.pages.os.fsync", full)

    with pytest.raises(DownloadError, match=r"pages.zst cannot be written \(No space left on device\); free space"):
        fetched(plan, tmp_path, InMemory(host, fills_up))
    monkeypatch.undo()
    assert fetched(plan, tmp_path, InMemory(host)).resumed_pages == 3


def test_a_venue_that_leads_in_a_circle_is_left(tmp_path: Path) -> None:
    told = trades(100, every_ms=30_000)

    def host(path: str, params: Mapping[str, str]) -> Answer:
        return KrakenHost(told, 5)(path, {**params, "since": str(START_NS + HOUR_NS // 4)})

    with pytest.raises(DownloadError, match="leads back to a page that we have"):
        fetched(plan_for("kraken"), tmp_path, InMemory(host))
