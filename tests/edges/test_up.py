"""`manage.py up` with its real parts: it comes up, heals, refuses, stops, and leaves nothing."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OWN = ("REDIS_URL", "DATABASE_URL", "SECRET_KEY", "BOT_ADMIN_PASSWORD", "MARKET", "TAPE", "SPEED", "RECORDED_DATA")
PARTS = {"redis", "web", "worker", "beat", "trader"}
pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, port: int, **extra: str) -> dict[str, str]:
    """As on a fresh machine: nothing of what the other tests stand on."""
    plain = {name: value for name, value in os.environ.items() if name not in OWN}
    return plain | {"BOT_HOME": str(home), "PORT": str(port), "BOT_ENV_FILE": os.devnull} | extra


class System:
    """A running `up`, its output in a file."""

    def __init__(self, home: Path, **extra: str) -> None:
        self.home = home
        self.port = free_port()
        self.log = home.parent / f"{home.name}-{self.port}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up"],
                env=environment(home, self.port, **extra),
                stdout=out,
                stderr=out,
                cwd=ROOT,
            )

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def hears(self, words: str, *, seconds: float = 90.0) -> None:
        """Returns once it said so; fails with all it said."""
        until = time.monotonic() + seconds
        while words not in self.text:
            assert self.process.poll() is None, f"up ended with {self.process.returncode}:\n{self.text}"
            assert time.monotonic() < until, f"never said {words!r}:\n{self.text}"
            time.sleep(0.1)

    def health(self) -> dict[str, str]:
        """What /healthz says, 503 included; empty when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error))
        except OSError:
            return {}

    def processes(self) -> dict[int, str]:
        """Every process of this BOT_HOME but the supervisor, with its command line."""
        mark = f"BOT_HOME={self.home}\0".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_text().replace("\0", " ")
                # Redis writes its title over its environment; the title names the socket.
                if mark in (folder / "environ").read_bytes() or f"{self.home}/" in command:
                    found[int(folder.name)] = command
            except (OSError, ValueError):
                continue
        found.pop(self.process.pid, None)
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(40)

    def is_empty(self, *, seconds: float) -> bool:
        """Whether nothing is left within so many seconds."""
        until = time.monotonic() + seconds
        while self.processes() and time.monotonic() < until:
            time.sleep(0.1)
        return not self.processes()


Launch = Callable[..., System]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Starts a system; whatever is left of it afterwards is killed."""
    systems: list[System] = []

    def start(home: Path, **extra: str) -> System:
        systems.append(System(home, **extra))
        return systems[-1]

    yield start
    for system in systems:
        if system.process.poll() is None:
            system.process.kill()
            system.process.wait()
        for pid in system.processes():
            os.kill(pid, signal.SIGKILL)


def refused(home: Path, **extra: str) -> str:
    """The one sentence of an `up` that does not start."""
    port = int(extra.pop("PORT", free_port()))
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "up"],
        env=environment(home, port, **extra), capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_comes_up_heals_refuses_a_second_one_and_stops(tmp_path: Path, launch: Launch) -> None:
    system = launch(tmp_path / "home")
    system.hears("Ready: http://127.0.0.1:")
    assert {system.health()[name] for name in ("database", "redis", "trader")} == {"ok"}
    assert "in use by another" in refused(system.home)
    assert f"cannot listen on port {system.port}" in refused(tmp_path / "other", PORT=str(system.port))

    (trader,) = [pid for pid, command in system.processes().items() if "run_trader" in command]
    os.kill(trader, signal.SIGKILL)
    system.hears("trader died")
    assert "killed by SIGKILL" in system.text
    system.hears("starting trader again")
    (redis,) = [pid for pid, command in system.processes().items() if "redis.sock" in command]
    os.kill(redis, signal.SIGKILL)
    system.hears("starting redis again")
    comes_back(system)

    assert system.stop() == 0
    assert system.is_empty(seconds=1)
    assert "does not stop" not in system.text


def comes_back(system: System) -> None:
    """All is well again within half a minute, and stays so for longer than a stale heartbeat would."""
    until = time.monotonic() + 30
    while system.health().get("status") != "ok" or len(system.processes()) < len(PARTS):
        assert time.monotonic() < until, system.text
        time.sleep(0.2)


def test_a_second_start_keeps_the_state_tells_no_password_and_is_quick(tmp_path: Path, launch: Launch) -> None:
    first = launch(tmp_path / "home")
    first.hears("Ready:")
    passwords = re.findall(r"First login: admin   password: (\S+)", first.text)
    assert len(passwords) == 1
    assert first.stop(signal.SIGINT) == 0
    kept = [path for path in first.home.rglob("*") if path.is_file() and not path.is_socket()]
    assert not any(passwords[0].encode() in path.read_bytes() for path in kept)

    began = time.monotonic()
    second = launch(first.home)
    second.hears("Ready:")
    took = time.monotonic() - began
    assert "First login" not in second.text
    second.process.kill()
    assert second.is_empty(seconds=15), second.processes()
    assert took < 10 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), f"{took:.1f} s"


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    refused(home, MARKET="tape", TAPE="no-such-tape")
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"SPEED": "fast"}, "SPEED=fast is not a speed"),
        ({"MARKET": "tape"}, "MARKET=tape needs TAPE"),
        ({"MARKET": "tape", "TAPE": "no-such-tape"}, "TAPE=no-such-tape"),
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}, "look at DATABASE_URL"),
    ],
)
def test_a_value_that_cannot_be_used_ends_in_one_sentence(tmp_path: Path, extra: dict[str, str], sentence: str) -> None:
    assert sentence in refused(tmp_path / "home", **extra)
