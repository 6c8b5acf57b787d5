"""The state of each component, for the health page and the API: a word, an age, and what to do."""

import importlib.metadata
import platform
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import django
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from backtests.models import BacktestRun
from dashboard import snapshot
from dashboard.snapshot_feeds import Exchange, Feed
from trading import beats
from trading.audits import INDEX_KINDS
from trading.models import Discrepancy, Heartbeat, TraderStatus

TRADER_STALE_S = 5.0
WORKER_STALE_S = 45.0
WATCHDOG_STALE_S = 15.0


class Component(NamedTuple):
    """`state` is ok, warn or bad; `age_s` is None where there is no age to speak of."""

    name: str
    state: str
    text: str
    age_s: float | None = None


def components() -> list[Component]:
    """All of them, in the order in which one depends on the other."""
    base = database()
    rows = [trader(), *workers(), *index()] if base.state == "ok" else []
    return [base, broker(), *rows, *watchdog(), live_channel(), *_of_snapshot(snapshot.newest())]


def database() -> Component:
    """Whether it answers, and how fast."""
    before = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return Component("Database", "bad", f"does not answer ({type(error).__name__}); look at DATABASE_URL")
    return Component("Database", "ok", f"{connection.vendor}, answers in {_ms(before)}")


def broker() -> Component:
    """Whether Redis answers, and how fast."""
    before = time.perf_counter()
    try:
        snapshot.client(settings.REDIS_URL).ping()
    except redis.RedisError as error:
        return Component("Redis", "bad", f"does not answer ({type(error).__name__}); look at REDIS_URL")
    return Component("Redis", "ok", f"answers in {_ms(before)}")


def trader() -> Component:
    """By its heartbeat in the database."""
    status = TraderStatus.objects.first()
    if status is None or status.heartbeat_at is None:
        return Component("Trader", "bad", "has never run; start everything with make run")
    age = (timezone.now() - status.heartbeat_at).total_seconds()
    if age > TRADER_STALE_S:
        return Component("Trader", "bad", "is not running or hangs; its log says why it ended", age)
    words = f"{status.actual_mode} {status.actual_reason or status.message}".strip()
    return Component("Trader", "ok", words, age)


def workers() -> list[Component]:
    """By the heartbeats that a scheduled task writes, so a worker and the schedule behind it both work."""
    now = timezone.now()
    is_busy = BacktestRun.objects.filter(
        status=BacktestRun.Status.RUNNING, heartbeat_at__gt=now - timedelta(seconds=WORKER_STALE_S)
    ).exists()
    beats = [(beat.name, (now - beat.beat_at).total_seconds()) for beat in Heartbeat.objects.order_by("name")]
    if not beats:
        return [Component("Worker", "warn", "has not reported yet; backtests wait until it does")]
    return [_worker(name.replace("_", " ").capitalize(), age, is_busy=is_busy) for name, age in beats]


def _worker(name: str, age: float, *, is_busy: bool) -> Component:
    if age <= WORKER_STALE_S:
        return Component(name, "ok", "runs tasks", age)
    if is_busy:  # every process plays a backtest: the small tasks of the schedule wait for one to end
        return Component(name, "ok", "is busy with backtests", age)
    return Component(name, "bad", "does not run tasks; backtests wait", age)


def index() -> list[Component]:
    """What settled windows say against the settings, where that is something: nothing is switched by itself."""
    said = Discrepancy.objects.filter(kind__in=INDEX_KINDS, closed_at=None).order_by("kind", "subject")
    texts = list(said.values_list("text", flat=True))
    return [Component("Settlement index", "warn", " ".join(texts))] if texts else []


def watchdog() -> list[Component]:
    """By the file that it renews every second while it reaches the exchange; nothing where no order goes to one."""
    path = Path(settings.BOT_HOME) / beats.WATCHDOG
    beat, age = beats.read_beat(path), beats.age_s(path)
    if beat is None or age is None:
        is_needed = str(settings.ORDERS) == "exchange"
        return [Component("Watchdog", "bad", "has never reached the exchange; its log says why")] if is_needed else []
    if beat.is_over:
        return [Component("Watchdog", "warn", "has left, with the trader", age)]
    if age > WATCHDOG_STALE_S:
        return [Component("Watchdog", "bad", "does not run, or cannot reach the exchange; its log says which", age)]
    return [Component("Watchdog", "ok", beat.text, age)]


def live_channel() -> Component:
    """By the age of the last snapshot."""
    try:
        raw = snapshot.latest()
    except redis.RedisError:
        return Component("Live numbers", "bad", "Redis does not answer")
    stamp = snapshot.read_stamp(raw) if raw is not None else None
    if stamp is None:
        return Component("Live numbers", "bad", "no snapshot in the last minute")
    age = snapshot.age_s(stamp)
    state = "ok" if age <= snapshot.SILENT_AFTER_S else "bad"
    return Component("Live numbers", state, f"{stamp.label} {stamp.source.name}, {stamp.source.state}".strip(), age)


def _of_snapshot(latest: snapshot.Snapshot | None) -> list[Component]:
    """What the trader says of its feeds and its tape; nothing where it says nothing."""
    if latest is None:
        return []
    return [
        *([exchange(latest.exchange)] if latest.exchange else []),
        *([feeds(latest.feeds)] if latest.feeds else []),
        *([tapes(latest.tape)] if latest.tape else []),
    ]


def exchange(heard: Exchange) -> Component:
    """How the exchange is heard: bad when it is not, or when its contracts are not what we assume."""
    how = "heard over its WebSocket" if heard.how == "socket" else "polled: no API key is set"
    trouble = [*heard.drift, *([] if heard.state == "up" else [f"{heard.state}: {heard.reason}".rstrip(": ")])]
    halted = [
        f"shard {each.shard} does not trade {each.reason}".rstrip() for each in heard.shards if not each.is_trading
    ]
    age_s = None if heard.age_ms is None else heard.age_ms / 1000
    state = "bad" if trouble else "warn" if halted else "ok"
    return Component("Exchange", state, "; ".join([f"{heard.host}, {how}", *trouble, *halted]), age_s)


def feeds(connections: list[Feed]) -> Component:
    """The connections to venues: bad when none is up. One that a venue refuses is no fault of ours."""
    up = [each for each in connections if each.state == "up"]
    others = [f"{each.feed} {each.state}: {each.reason}".rstrip(": ") for each in connections if each.state != "up"]
    text = "; ".join([f"{len(up)} of {len(connections)} up", *others])
    is_troubled = any(each.state not in {"up", "unavailable"} for each in connections)
    return Component("Feeds", "bad" if not up else "warn" if is_troubled else "ok", text)


def tapes(tape: snapshot.TapeUse) -> Component:
    """The recorder, and how much of its disk it uses."""
    share = tape.bytes / tape.bound if tape.bound else 0.0
    bound = f" of {tape.bound / 1e9:.2f}" if tape.bound else ""
    text = f"{tape.name}, {tape.events:,} events; {tape.bytes / 1e9:.2f}{bound} GB used"
    return Component("Recorder", "ok" if share <= 1.0 else "warn", text)


def versions() -> dict[str, str]:
    """What runs here."""
    names = ("channels", "celery", "redis", "msgspec", "uvicorn")
    return {
        "Python": platform.python_version(),
        "Django": django.get_version(),
        **{name: importlib.metadata.version(name) for name in names},
    }


def _ms(before: float) -> str:
    return f"{(time.perf_counter() - before) * 1000:.1f} ms"
