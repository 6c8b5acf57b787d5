"""What `up` starts: Redis (unless REDIS_URL names one), web, Celery worker, beat and trader; with real orders a watchdog."""

import functools
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from kalshi_site import embedded_redis
from kalshi_site.part import Part
from markets.kalshi.keys import VARIABLES

MANAGE = Path(__file__).resolve().parent.parent / "manage.py"


def parts(*, home: Path, port: int) -> list[Part]:
    """In the order of starting; they are stopped the other way round, so the trader leaves first."""
    own_redis = [redis(home)] if brings_redis() else []
    is_real = settings.ORDERS == "exchange"
    keyless = [*own_redis, web(port), *([] if is_real else [worker()]), beat(home)]
    keyed = [worker(), watchdog()] if is_real else []
    return [*map(_without_key, keyless), *keyed, trader()]


def _without_key(part: Part) -> Part:
    """The key of the exchange is for who must reach it: the trader; and where orders go there, the watchdog, and the worker
    that compares our books with the exchange's. What is set, though empty, is not taken from .env either."""
    return replace(part, environment={**part.environment, **dict.fromkeys(VARIABLES, "")})


def brings_redis() -> bool:
    """Whether `up` starts a Redis of its own: no other is named."""
    return not os.environ.get("REDIS_URL", "").strip()


def redis(home: Path) -> Part:
    """The broker, the channel layer and the snapshots."""
    return Part(
        name="redis",
        command=embedded_redis.command(home),
        is_ready=functools.partial(embedded_redis.answers, embedded_redis.socket_path(home)),
        # Its advice on the kernel's memory is for servers with much more to save; and it takes leave in two lines.
        hushed=("Memory overcommit must be enabled", "scheduling shutdown", "ready to exit"),
    )


def web(port: int) -> Part:
    """Pages, API and sockets, on loopback."""
    options = ["--host", "127.0.0.1", "--port", str(port), "--lifespan", "off", "--log-level", "warning"]
    options += ["--no-access-log", "--no-server-header", "--no-proxy-headers", "--timeout-graceful-shutdown", "2"]
    return Part(name="web", command=[sys.executable, "-m", "uvicorn", "kalshi_site.asgi:application", *options])


def worker() -> Part:
    """Celery: backtests and checks, after the trader's need of the processor.

    A warm stop waits for the task in hand, so a cold one follows. Two processes: a long backtest lets the small
    checks of the schedule through.
    """
    options = ["worker", "--pool", "prefork", "--concurrency", str(settings.WORKERS)]
    options += ["--without-gossip", "--without-mingle", "--loglevel", "info"]
    return Part(
        name="worker",
        command=[sys.executable, "-m", "celery", "--quiet", "-A", "kalshi_site", *options],
        farewell=((signal.SIGTERM, 5.0), (signal.SIGQUIT, 3.0)),
        orphan_signal=signal.SIGKILL,  # Redis leaves at the same moment: nothing could be handed back
        niceness=10,
        comes_last=True,
        hushed=("Warm shutdown", "Cold shutdown", "Hitting Ctrl+C again", "unacknowledged message"),
        environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


def beat(home: Path) -> Part:
    """Celery's clock."""
    schedule = ["--schedule", str(home / "beat-schedule"), "--pidfile", "", "--loglevel", "info"]
    return Part(
        name="beat",
        command=[sys.executable, "-m", "celery", "--quiet", "-A", "kalshi_site", "beat", *schedule],
        niceness=10,
        comes_last=True,
    )


def watchdog() -> Part:
    """Takes back what rests when the trader is stuck or dead; it leaves after the trader. When we are killed the trader dies
    with us, so it stays until nothing rests, and leaves by itself."""
    return Part(
        name="watchdog",
        command=[sys.executable, str(MANAGE), "watchdog"],
        farewell=((signal.SIGTERM, 5.0),),
        orphan_signal=signal.SIGHUP,
    )


def trader() -> Part:
    """The engine and everything that feeds it; it closes its tape and its books before it leaves.

    When we are killed it dies with us at once: it takes up where it was, whereas one that lingered would hold its lock.
    """
    return Part(
        name="trader",
        command=[sys.executable, str(MANAGE), "run_trader"],
        farewell=((signal.SIGTERM, 15.0),),
        orphan_signal=signal.SIGKILL,
    )
