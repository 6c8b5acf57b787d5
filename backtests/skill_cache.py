"""The skill report as pages show it: scored at once while it is small, by the worker when it is large, and kept in Redis."""

import functools
import hashlib
import logging
from datetime import date
from typing import NamedTuple

import msgspec
import redis
from celery import current_app
from django.conf import settings
from django.db.models import Max

from backtests.forecast_rows import asked, settled_between
from backtests.skill import ALWAYS, Bounds, Told, of_account
from trading.models import Forecast

log = logging.getLogger(__name__)
TASK = "backtests.tasks.skill"
AT_ONCE = 30_000
"""Forecasts that a page scores itself, in well under a second; more are the worker's."""
KEPT_S = 7 * 86_400
WAIT_S = 120
FORM = 3  # changes when the report does


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A report with the state of the record that it was made of."""

    stamp: tuple[int, int]
    told: Told


class Shown(NamedTuple):
    """What a page has: a report, or none yet; `is_old` where windows have settled since and a new one is being made.
    `forecasts` is how many the account has."""

    told: Told | None
    is_old: bool
    forecasts: int


def skill_of(account: str, bounds: Bounds = ALWAYS) -> Shown:
    """The report as it is known now, never after a long wait."""
    stamp = stamp_of(account, bounds)
    kept = _read(account, bounds)
    if kept is not None and kept.stamp == stamp:
        return Shown(kept.told, False, kept.told.report.rows)
    forecasts = asked(account, bounds.since_ns, bounds.until_ns, bounds.asset).order_by().count()
    if forecasts <= AT_ONCE:
        return Shown(_made(account, bounds, stamp), False, forecasts)
    _ask_worker(account, bounds)
    return Shown(None if kept is None else kept.told, True, forecasts)


def skill_refresh(account: str, since: str, until: str, asset: str) -> bool:
    """Make the report anew and keep it; the days as text, "" for none. What the worker does."""
    bounds = Bounds(_day(since), _day(until), asset)
    _made(account, bounds, stamp_of(account, bounds))
    return True


def stamp_of(account: str, bounds: Bounds) -> tuple[int, int]:
    """The close of the newest window that was forecast, and how many markets have settled: while both are the same, so is
    the report."""
    newest = Forecast.objects.filter(account=account).aggregate(newest=Max("close_ns"))["newest"] or 0
    return int(newest), settled_count(bounds)


def settled_count(bounds: Bounds) -> int:
    """How many markets of these closes have a result."""
    return settled_between(bounds.since_ns, bounds.until_ns).count()


def _made(account: str, bounds: Bounds, stamp: tuple[int, int]) -> Told:
    told = of_account(account, bounds)
    try:
        _redis().set(_key(account, bounds), msgspec.json.encode(Kept(stamp, told)), ex=KEPT_S)
        _redis().delete(_lock(account, bounds))
    except redis.RedisError as error:
        log.warning("the skill report is not kept: %s", error)
    return told


def _read(account: str, bounds: Bounds) -> Kept | None:
    try:
        raw = _redis().get(_key(account, bounds))
        return msgspec.json.decode(raw, type=Kept) if isinstance(raw, bytes) else None
    except redis.RedisError:
        return None
    except msgspec.MsgspecError:  # of another version
        return None


def _ask_worker(account: str, bounds: Bounds) -> None:
    """Once in two minutes at most."""
    words = (bounds.since.isoformat() if bounds.since else "", bounds.until.isoformat() if bounds.until else "")
    try:
        if _redis().set(_lock(account, bounds), 1, nx=True, ex=WAIT_S):
            _hand_over(account, *words, bounds.asset)
    except (redis.RedisError, OSError) as error:
        log.warning("no worker was asked for the skill report: %s", error)


def _hand_over(account: str, since: str, until: str, asset: str) -> None:
    current_app.signature(TASK).apply_async((account, since, until, asset), expires=WAIT_S, retry=False)


def _key(account: str, bounds: Bounds) -> str:
    words = "|".join(str(part) for part in (FORM, account, *bounds))
    return f"bot:skill:{hashlib.sha256(words.encode()).hexdigest()[:32]}"


def _lock(account: str, bounds: Bounds) -> str:
    return f"{_key(account, bounds)}:asked"


def _redis() -> redis.Redis:
    return _client(settings.REDIS_URL)


@functools.cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
