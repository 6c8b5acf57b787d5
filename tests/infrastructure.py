"""What the tests stand on, started before Django reads its settings: a folder, a Redis, and on demand a PostgreSQL."""

import atexit
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kalshi_site import embedded_redis
from kalshi_site.part import die_with_parent
from tests import postgres

MARK = "BOT_TEST_INFRASTRUCTURE"  # whose it is; set for the children, which use what their parent started
WORKER = os.environ.get(
    "PYTEST_XDIST_WORKER", "one alone"
)  # workers beside each other: each has its own folder and Redis


def start() -> None:
    """Set the environment, then start the servers; both end with this process."""
    home = Path(tempfile.mkdtemp(prefix="bot-test-"))
    for name in ("MARKET", "TAPE", "SPEED", "ACCOUNT", "PAPER_CAPITAL", "DEMO_SEED", "PORT", "DEBUG", "HTTPS"):
        os.environ.pop(name, None)
    os.environ |= {
        MARK: WORKER,
        "BOT_ENV_FILE": os.devnull,
        "BOT_HOME": str(home),
        "SECRET_KEY": "only-for-tests-" + "x" * 50,
        "DJANGO_SETTINGS_MODULE": "kalshi_site.settings",
        "DATABASE_URL": database(home),
        "REDIS_URL": embedded_redis.url(home),
    }
    redis = subprocess.Popen(
        embedded_redis.command(home, durable=False),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=leaves_with_us(signal.SIGKILL),  # noqa: PLW1509  # no threads yet
    )
    atexit.register(stop, redis, home)
    wait_for_redis(redis, embedded_redis.socket_path(home))


def database(home: Path) -> str:
    """A file of our own; or the one PostgreSQL of all workers, whose databases pytest-django names after them."""
    if os.environ.get("TEST_POSTGRES") != "1":
        return f"sqlite:///{home}/db.sqlite3"
    if MARK in os.environ:
        return os.environ["DATABASE_URL"]
    return postgres.start(leaves_with_us(signal.SIGQUIT))


def leaves_with_us(number: signal.Signals) -> Callable[[], None]:
    """A preexec_fn: the new process hears `number` when the tests end without stopping it, killed for instance."""
    return functools.partial(die_with_parent, number, os.getpid())


def wait_for_redis(redis: subprocess.Popen[bytes], path: Path) -> None:
    """Returns once it answers. Raises RuntimeError when it ended or took ten seconds."""
    for _ in range(200):
        if embedded_redis.answers(path):
            return
        if redis.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("the Redis of the tests did not start")


def stop(redis: subprocess.Popen[bytes], home: Path) -> None:
    """End the server, forcibly after two seconds, and take the folder away."""
    redis.terminate()
    try:
        redis.wait(2)
    except subprocess.TimeoutExpired:
        redis.kill()
        redis.wait()
    shutil.rmtree(home, ignore_errors=True)


if os.environ.get(MARK) != WORKER:
    start()
