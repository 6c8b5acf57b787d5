"""Which runs a list shows: filters and order, in one reader for page and API, so that what is unknown is refused in both."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import F, OrderBy, Q, QuerySet, TextField
from django.db.models.functions import Cast

from backtests.knobs import InputError, money_from
from backtests.models import BacktestRun
from backtests.selectors import runs_recent
from trading.core.strategies import STRATEGIES

FILTERS = {
    "q": "words in label or note",
    "status": "queued, running, done, failed or cancelled",
    "tape": "the name of a tape, or a part of it; `all` finds the runs over all recordings",
    "strategy": f"one of {', '.join(STRATEGIES)}",
    "net_from": "net P&L in dollars, at least",
    "net_to": "net P&L in dollars, at most",
    "since": "queued on this UTC day or later",
    "until": "queued on this UTC day or before",
    "digest": "the digest of all decisions, or at least its first eight characters",
    "by": "the user name of who queued it",
    "sort": "run, net, windows, trades, queued, label, strategy or status; a minus before it turns the order round",
}
SORTS = {
    "run": "id", "net": "net_money", "windows": "windows_traded", "trades": "fills", "queued": "created_at",
    "label": "label", "strategy": "strategy", "status": "status",
}  # fmt: skip
NEWEST = "-run"
LEAST_DIGEST = 8


def runs_wanted(asked: Mapping[str, str], beside: tuple[str, ...] = ()) -> QuerySet[BacktestRun]:
    """The runs that the filters leave, in the order asked for; empty filters leave all. `beside` are names that are no
    filters. Raises InputError with a sentence for each that is unknown or cannot be meant."""
    problems = {name: _unknown(name) for name in asked if name not in FILTERS and name not in beside}
    wanted = Q()
    for name, read in READERS.items():
        if not (text := asked.get(name, "").strip()):
            continue
        try:
            wanted &= read(_sound(text))
        except ValueError as error:
            problems[name] = str(error)
    order = asked.get("sort") or NEWEST
    if order.removeprefix("-") not in SORTS:
        problems["sort"] = f"{order!r} is no order; sort by {FILTERS['sort']}."
    if problems:
        raise InputError(problems)
    rows = runs_recent()
    if asked.get("tape"):
        rows = rows.annotate(tapes_text=Cast("tapes", TextField()))
    return rows.filter(wanted).order_by(*_order(order))


def _order(order: str) -> tuple[OrderBy, ...]:
    """What is unknown comes last, either way; the newest first among equals."""
    column = SORTS[order.removeprefix("-")]
    if column == "id":
        return (F("id").desc() if order.startswith("-") else F("id").asc(),)
    if order.startswith("-"):
        return F(column).desc(nulls_last=True), F("id").desc()
    return F(column).asc(nulls_last=True), F("id").asc()


def _unknown(name: str) -> str:
    return f"{name!r} is no filter of runs; known are {', '.join(FILTERS)}."


def _status(text: str) -> Q:
    if text not in BacktestRun.Status.values:
        raise ValueError(f"{text!r} is no state of a run; it is {FILTERS['status']}.")
    return Q(status=text)


def _strategy(text: str) -> Q:
    if text not in STRATEGIES:
        raise ValueError(f"{text!r} is no strategy; it is {FILTERS['strategy']}.")
    return Q(strategy=text)


def _digest(text: str) -> Q:
    if len(text) < LEAST_DIGEST or not set(text.lower()) <= set("0123456789abcdef"):
        raise ValueError(f"{text!r} is no digest: write at least {LEAST_DIGEST} characters of 0 to 9 and a to f.")
    return Q(digest__startswith=text.lower())


def _midnight(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{text!r} is not a day; write it like 2026-05-13.") from None


def _day_after(text: str) -> datetime:
    try:
        return _midnight(text) + timedelta(days=1)
    except OverflowError:
        raise ValueError(f"{text} is the last day there is; leave it empty.") from None


def _sound(text: str) -> str:
    """Raises ValueError for what no database can look for."""
    if "\0" in text:
        raise ValueError("It holds a character that no text has; write letters, digits and signs.")
    return text


def _money(text: str, label: str) -> int:
    return -money_from(text[1:], label) if text.startswith("-") else money_from(text, label)


READERS: Mapping[str, Any] = {
    "q": lambda text: Q(label__icontains=text) | Q(note__icontains=text),
    "status": _status,
    "tape": lambda text: Q(tapes_text__icontains=text),
    "strategy": _strategy,
    "net_from": lambda text: Q(net_money__gte=_money(text, "Net P&L from")),
    "net_to": lambda text: Q(net_money__lte=_money(text, "Net P&L to")),
    "since": lambda text: Q(created_at__gte=_midnight(text)),
    "until": lambda text: Q(created_at__lt=_day_after(text)),
    "digest": _digest,
    "by": lambda text: Q(created_by__username=text),
}
