"""`kalshi-bot download` as a person runs it: totals, exit codes, the catalogue, and being killed half-way."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command

from kalshi_site import cli
from markets.kalshi.ticker import market_ticker
from markets.models import Market, Tape
from tests.histories import Answer, CoinbaseHost, KalshiHost, close_ns, document, over_http, trades
from trading.playback import market_events

ROOT = Path(__file__).resolve().parent.parent.parent
TOLD = trades(60)
HALF = ("--asset", "BTC", "--from", "2026-05-01T00:00:10", "--to", "2026-05-01T00:00:40")
NAME = "coinbase-btc-trades-20260501T000010-20260501T000040"


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    """A BOT_HOME of its own for the command in this process."""
    settings.BOT_HOME, settings.TAPES_DIR = tmp_path, tmp_path / "tapes"
    return tmp_path


def files(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


@pytest.mark.django_db
def test_a_tape_is_registered_and_verifies(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with over_http(CoinbaseHost(TOLD, 7)) as base:
        call_command("download", "coinbase", *HALF, f"--base-url={base}")
        first = capsys.readouterr()
        call_command("download", "coinbase", "trades", *HALF, f"--base-url={base}")
    assert f"{NAME}: 30 rows kept of " in first.out
    assert "from 2026-05-01T00:00:10Z to 2026-05-01T00:00:39Z" in first.out
    assert f"{NAME}: 100%, " in first.err
    assert f"{NAME} is there already" in capsys.readouterr().out
    row = Tape.objects.get()
    assert (row.name, row.grade, row.source, row.gaps) == (NAME, "C", f"download {base}", 0)
    assert files(home) == [f"tapes/{NAME}.tape.zst"]
    call_command("tapes", "--verify")
    assert "  sound" in capsys.readouterr().out
    assert len(list(market_events(Path(row.path)))) == row.events == 32


@pytest.mark.django_db
def test_markets_and_their_results_reach_the_database(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tickers = [market_ticker("KXBTC15M", close_ns(index)) for index in range(4)]
    host = KalshiHost({ticker: trades(3, start_ms=900_000 * n) for n, ticker in enumerate(tickers)}, 3, archived=1)
    words = ("--series=KXBTC15M", "--from=2026-05-01", "--to=2026-05-01T01:00", "--json")
    with over_http(host) as base:
        call_command("download", "kalshi-markets", *words, f"--base-url={base}/trade-api/v2")
        told = msgspec.json.decode(capsys.readouterr().out)
        call_command("download", "kalshi-trades", *words, f"--base-url={base}/trade-api/v2")
    assert (told["kept"], told["notes"]["markets written"], told["notes"]["results written"]) == (4, 4, 4)
    again = msgspec.json.decode(capsys.readouterr().out)
    assert again["notes"]["results written"] == 0
    assert sorted(Market.objects.values_list("ticker", "result", "settle_value")) == [
        (ticker, "yes" if n % 2 else "no", f"{80_001 + n}.25") for n, ticker in enumerate(tickers)
    ]
    assert Tape.objects.get().markets == 4
    assert len(files(home)) == 2


@pytest.mark.django_db
def test_fetching_anew_takes_the_place_of_what_was_there(home: Path) -> None:
    with over_http(CoinbaseHost(TOLD[:30], 7)) as base:
        call_command("download", "coinbase", *HALF, f"--base-url={base}")
    before = Tape.objects.get().events
    with over_http(CoinbaseHost(TOLD, 7)) as base:
        call_command("download", "coinbase", *HALF, "--restart", f"--base-url={base}")
    assert (before, Tape.objects.get().events) == (22, 32)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Who is started in the background is born deaf to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.django_db
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_says_how_to_go_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count = 0

    def host(path: str, params: Mapping[str, str]) -> Answer:
        nonlocal count
        count += 1
        if count == 9:
            os.kill(os.getpid(), signal.SIGINT)
        return CoinbaseHost(TOLD, 7)(path, params)

    with over_http(host) as base:
        with pytest.raises(KeyboardInterrupt):
            call_command("download", "coinbase", *HALF, f"--base-url={base}")
        assert "stopped; what was got is kept: run the same command to go on" in capsys.readouterr().err
        assert files(home) == [f"downloads/{NAME}/job.json", f"downloads/{NAME}/pages.zst"]
        call_command("download", "coinbase", *HALF, f"--base-url={base}")
    assert "  went on after " in capsys.readouterr().out
    assert files(home) == [f"tapes/{NAME}.tape.zst"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("coinbase --asset BTC --from 2026-05-02 --to 2026-05-01", 2, "--from 2026-05-02 is not before --to 2026-05-01"),
        ("coinbase --asset BTC --from 2026-05-01 --to 2999-01-01", 2, "is in the future"),
        ("coinbase --asset PEPE --from 2026-05-01 --to 2026-05-02", 2, "--asset is one of BTC, ETH"),
        ("kraken candles --asset BTC --from 2026-05-01 --to 2026-05-02", 2, "keeps the last 720 minute candles only"),
        ("kalshi-trades --series KXBTC --from 2026-05-01 --to 2026-05-02", 2, "is not a quarter-hour series"),
        ("coinbase --asset ETH --from 2026-05-01 --to 2026-05-02", 2, "does not know what we ask for (HTTP 404: NotFound"),
        ("nowhere", 2, "'nowhere' cannot be downloaded"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_one_sentence_and_a_code(home: Path, words: str, code: int, said: str) -> None:
    with over_http(CoinbaseHost(TOLD)) as base, pytest.raises(CommandError) as caught:
        call_command("download", *words.split(), f"--base-url={base}")
    assert (caught.value.returncode, said in str(caught.value)) == (code, True), caught.value
    assert "\n" not in str(caught.value)
    assert files(home / "tapes") == []


@pytest.mark.django_db
def test_a_refused_country_is_code_one(home: Path) -> None:
    def host(path: str, params: Mapping[str, str]) -> Answer:
        return document({"msg": "Service unavailable from a restricted location"}, 451)

    with over_http(host) as base, pytest.raises(CommandError, match="HTTP 451: Service unavailable") as caught:
        call_command("download", "binance", *HALF, f"--base-url={base}")
    assert caught.value.returncode == 1


def test_it_is_among_the_commands() -> None:
    assert "download" in cli.COMMANDS


class Gate:
    """Lets a number of requests through; at the next one it calls, and holds the answer back for ever."""

    def __init__(self, through: int, arrived: Callable[[], None]) -> None:
        self.left, self.arrived = through, arrived
        self.never = threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> bool:
        self.left -= 1
        if self.left == -1:
            self.arrived()
            self.never.wait(60)
            handler.close_connection = True
            return True
        return False


def start(home: Path, base: str) -> "subprocess.Popen[str]":
    """The real program."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return subprocess.Popen(
        [Path(sys.executable).with_name("kalshi-bot"), "download", "coinbase", *HALF, f"--base-url={base}"],
        cwd=ROOT, env=inherited | {"BOT_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_killed_half_way_it_goes_on_and_the_tape_is_the_same_to_the_byte(tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    arrived = threading.Event()
    gate = Gate(10, arrived.set)
    holding: list[Gate] = []
    with over_http(CoinbaseHost(TOLD, 5), lambda handler: bool(holding) and holding[0](handler)) as base:
        assert finished(start(whole, base))[0] == 0
        holding.append(gate)
        victim = start(torn, base)
        assert arrived.wait(60), "it did not get that far"
        victim.kill()
        assert finished(victim)[0] == -signal.SIGKILL
        gate.never.set()
        assert files(torn / "tapes") == []
        pages = (torn / "downloads" / NAME / "pages.zst").read_bytes()
        (torn / "downloads" / NAME / "pages.zst").write_bytes(pages[:-3])  # and the last page was not all written
        code, said = finished(start(torn, base))
    assert code == 0, said
    assert "went on after 9 pages of an earlier run" in said
    names = [f"{NAME}.tape.zst"]
    assert files(whole / "tapes") == files(torn / "tapes") == names
    assert (whole / "tapes" / names[0]).read_bytes() == (torn / "tapes" / names[0]).read_bytes()
    assert not (torn / "downloads" / NAME).exists()


def finished(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Its exit code and everything it said."""
    said, _ = process.communicate(timeout=120)
    return process.returncode, said
