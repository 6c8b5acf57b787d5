"""The whole system on real processes: `manage.py up` in a folder of its own, and a person's way into it."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import requests
from django.conf import settings
from websockets.asyncio.client import connect

from tests.infrastructure import leaves_with_us
from trading.core.parameters import Parameters

PASSWORD = "analytical-engine-1843"
READY_S = 90
Json = dict[str, Any]


class WholeSystem:
    """A running system: its address, its log, and a signed-in session."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process = process
        self.home = log.parent
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def wait_until_ready(self) -> None:
        """Returns once it says that it is ready. Raises with its log when it ends before or takes too long."""
        deadline = time.monotonic() + READY_S
        while "Ready:" not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the system did not start:\n{self.said()}")
            time.sleep(0.1)

    def said(self) -> str:
        """Everything it printed so far."""
        return self.log.read_text(errors="replace")

    def stop(self) -> int:
        """What a SIGTERM does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def sign_in(self) -> requests.Session:
        """A browser's session with the first login."""
        session = requests.Session()
        page = session.get(self.url, timeout=10)  # which sends us to the sign-in page
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, page.text[:500]
        answer = session.post(
            page.url,
            data={"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token[1]},
            headers={"Referer": page.url},
            timeout=10,
        )
        assert answer.ok
        assert "sessionid" in session.cookies
        return session

    def snapshot(self, session: requests.Session) -> Json:
        """What the page falls back to when its socket is down."""
        answer = session.get(f"{self.url}/live.json", timeout=10)
        answer.raise_for_status()
        shown: Json = answer.json()
        return shown

    def wait_for(self, session: requests.Session, holds: Callable[[Json], bool], within_s: float = 60.0) -> Json:
        """The first snapshot for which it holds. Raises AssertionError with the last one when none came."""
        deadline = time.monotonic() + within_s
        while True:
            shown = self.snapshot(session)
            if "windows" in shown and holds(shown):
                return shown
            if time.monotonic() > deadline:
                raise AssertionError(f"it never came to that; the last snapshot: {shown}\n{self.said()[-3000:]}")
            time.sleep(0.2)

    def post(self, session: requests.Session, path: str, **fields: str | list[str]) -> requests.Response:
        """Fill a form and send it, as the page would."""
        token = session.cookies["csrftoken"]
        url = f"{self.url}{path}"
        return session.post(url, data=fields | {"csrfmiddlewaretoken": token}, headers={"Referer": url}, timeout=10)

    def pids(self, words: str) -> list[int]:
        """The processes of this system, but `up` itself, whose command line has these words."""
        home = f"BOT_HOME={self.home}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if not folder.name.isdigit() or int(folder.name) == self.process.pid:
                    continue
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                # Redis writes its title over its environment; the title names the socket.
                is_ours = home in (folder / "environ").read_bytes().split(b"\0") or f"{self.home}/" in command
                if is_ours and words in command:
                    found.append(int(folder.name))
        return sorted(found)

    def is_empty(self, *, within_s: float) -> bool:
        """Whether none of its processes is left within so many seconds."""
        deadline = time.monotonic() + within_s
        while self.pids("") and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.pids("")

    def command(self, *words: str) -> str:
        """What `kalshi-bot WORDS` prints in a terminal beside the running system. Raises when its exit code is not 0."""
        return self._printed(str(Path(sys.executable).with_name("kalshi-bot")), *words)

    def manage(self, *words: str) -> str:
        """The same of `manage.py WORDS`."""
        return self._printed(sys.executable, "manage.py", *words)

    def _printed(self, *words: str) -> str:
        done = subprocess.run(
            words,
            cwd=settings.BASE_DIR,
            env=own_environment(self.home),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def heard_in(self, session: requests.Session, seconds: float) -> list[Json]:
        """What the page's own socket shows in so many seconds."""
        return asyncio.run(self._snapshots(cookies_of(session), "", seconds, is_asked_to_end=False))

    def snapshots(self, session: requests.Session, *, until: str, within_s: float = 120.0) -> list[Json]:
        """What the page's own socket shows, up to the snapshot whose source is in the state `until`."""
        return asyncio.run(self._snapshots(cookies_of(session), until, within_s))

    async def _snapshots(
        self, cookies: str, until: str, within_s: float, *, is_asked_to_end: bool = True
    ) -> list[Json]:
        seen: list[Json] = []
        try:
            async with asyncio.timeout(within_s):
                await self._hear(cookies, until, seen)
        except TimeoutError:
            if is_asked_to_end:
                raise
        return seen

    async def _hear(self, cookies: str, until: str, seen: list[Json]) -> None:
        address = f"ws://127.0.0.1:{self.port}/ws/live/"
        async with (
            connect(address, additional_headers={"Cookie": cookies}, origin=self.url, max_size=None) as page,  # type: ignore[arg-type]
        ):
            async for message in page:
                heard = json.loads(message)
                if heard["kind"] == "snapshot":
                    seen.append(heard["snapshot"])
                    if seen[-1]["source"]["state"] == until:
                        break


def cookies_of(session: requests.Session) -> str:
    """As a header."""
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def own_environment(home: Path) -> dict[str, str]:
    """Nothing of what the other tests stand on."""
    own = {"DATABASE_URL", "REDIS_URL"}
    inherited = {
        name: value for name, value in os.environ.items() if name not in own and not name.startswith("KALSHI_")
    }
    return inherited | {"BOT_HOME": str(home)}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepared(home: Path, parameters: Parameters) -> None:
    """The tables of a system that was never started, with these parameters set."""
    home.mkdir(parents=True, exist_ok=True)
    told = msgspec.json.encode(parameters).decode()
    words = (
        "import msgspec; from trading import services; from trading.core.parameters import Parameters; "
        f"services.parameters_set(msgspec.json.decode({told!r}, type=Parameters), author=None, reason='a test')"
    )
    for command in (("migrate", "--verbosity", "0"), ("shell", "--no-imports", "-c", words)):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=settings.BASE_DIR,
            env=own_environment(home),
            check=True,
            timeout=120,
        )


@contextlib.contextmanager
def running(home: Path, **environment: str) -> Iterator[WholeSystem]:
    """`manage.py up` with its own BOT_HOME, database and Redis; stopped afterwards, however the test ended."""
    home.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), home / "up.log"
    settled = {"PORT": str(port), "BOT_ADMIN_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=settings.BASE_DIR,
            env=own_environment(home) | settled | environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=leaves_with_us(signal.SIGTERM),  # noqa: PLW1509
        )
        system = WholeSystem(process, port, log)
        try:
            system.wait_until_ready()
            yield system
        finally:
            if process.poll() is None:
                system.stop()
