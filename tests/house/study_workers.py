"""Real Celery workers on a broker of their own and the database of the tests, for studies that are spread and disturbed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from celery import Celery
from django.conf import settings
from django.db import connection

from backtests.studies import working
from backtests.study_models import Study, StudyPart
from kalshi_site import embedded_redis
from tests.infrastructure import leaves_with_us, wait_for_redis

SILENT_S = "2"
WAIT_S = 240.0
LOOK_S = 0.7


class Broker:
    """A Redis that forgets everything when it ends."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = embedded_redis.url(home)
        self.start()

    def start(self) -> None:
        """Returns once it answers."""
        self.process = subprocess.Popen(
            embedded_redis.command(self.home, durable=False),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=leaves_with_us(signal.SIGKILL),  # noqa: PLW1509
        )
        wait_for_redis(self.process, embedded_redis.socket_path(self.home))

    def kill(self) -> None:
        """As a crash does."""
        self.process.kill()
        self.process.wait()


class Workers:
    """The workers of one test, and the schedule that tells them of what is open."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.broker = Broker(home)
        self.app = Celery(broker=self.broker.url.replace("unix://", "redis+socket://", 1), set_as_current=False)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, processes: int) -> "subprocess.Popen[bytes]":
        """One worker with so many processes in its pool."""
        words = ["worker", "--pool", "prefork", "--concurrency", str(processes), "--without-gossip", "--without-mingle"]
        out = (self.home / f"worker{len(self.processes)}.log").open("wb")
        with out:
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "celery", "--quiet", "-A", "kalshi_site", *words, "--loglevel", "warning"],
                    cwd=settings.BASE_DIR, env=self.environment(), stdout=out, stderr=subprocess.STDOUT,
                    start_new_session=True, preexec_fn=leaves_with_us(signal.SIGKILL),  # noqa: PLW1509
                )
            )  # fmt: skip
        return self.processes[-1]

    def environment(self) -> dict[str, str]:
        """The database of this test, the broker and the storage of these workers."""
        return os.environ | {
            "DATABASE_URL": database_url(),
            "REDIS_URL": self.broker.url,
            "STUDY_SILENT_S": SILENT_S,
            "ARTEFACT_OPTIONS": json.dumps({"location": str(self.home / "artefacts")}),
        }

    def tell(self, study: Study, count: int) -> None:
        """Hand a study over, as queueing does."""
        for _ in range(count):
            self.app.send_task(working.TASK, (study.pk,))

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        """Until it holds; beats in between, as the schedule does. Raises with the workers' words when it never does."""
        deadline, told_at = time.monotonic() + WAIT_S, 0.0
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}; {self.rows()}\n{self.said()}")
            if time.monotonic() - told_at > LOOK_S:
                told_at = time.monotonic()
                with contextlib.suppress(Exception):  # the broker may be away just then
                    self.app.send_task("backtests.tasks.studies_look", expires=5, retry=False)
            time.sleep(0.02)

    def wait_for(self, study: Study, *statuses: str) -> Study:
        """The study once it has one of these states."""

        def is_there() -> bool:
            study.refresh_from_db()
            return study.status in statuses

        self.wait(is_there, f"study {study.pk} never was {statuses}")
        return study

    def held(self, study: Study) -> StudyPart:
        """A part whose process stands still in the middle of playing it; the caller ends or continues it."""
        found: list[StudyPart] = []

        def is_held() -> bool:
            part = StudyPart.objects.filter(study=study, status="running").first()
            if part is None or not stop(pid_of(part)):
                return False
            if StudyPart.objects.filter(pk=part.pk, status="running", worker=part.worker).exists():
                found.append(part)
                return True
            os.kill(pid_of(part), signal.SIGCONT)  # it was done before it stood still
            return False

        self.wait(is_held, "no part was caught while it was played")
        return found[0]

    def rows(self) -> str:
        """Where all parts are."""
        return str(list(StudyPart.objects.values_list("study", "number", "status", "attempts", "worker")))

    def said(self) -> str:
        """What the workers printed."""
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.home.glob("worker*.log")))

    def end(self) -> None:
        """Kill what is left."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.broker.kill()


def stop(pid: int) -> bool:
    """Whether the process was there to stand still."""
    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        return False
    return True


def pid_of(part: StudyPart) -> int:
    """Of the process that plays it."""
    return int(part.worker.split("/")[1])


def database_url() -> str:
    """The database that the tests use at this moment."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def workers(home: Path, *pools: int) -> Iterator[Workers]:
    """Workers with pools of these sizes; gone afterwards, however the test ended."""
    home.mkdir(parents=True, exist_ok=True)
    found = Workers(home)
    try:
        for processes in pools:
            found.start(processes)
        yield found
    finally:
        found.end()
