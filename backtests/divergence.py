"""What a session made against what a backtest of its own tape makes: computed from the tape, kept as a row."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from celery import current_app
from django.conf import settings
from django.utils import timezone

from backtests.core.attribution import PARTS, Pair
from backtests.core.retraced import Retraced, retraced
from markets.tape import TapeError, read_whole
from markets.tapes.parts import tape_find
from trading.core.decision import Decision
from trading.core.events import Event
from trading.models import Divergence, TradingSession

TASK = "backtests.tasks.divergence"
RECENT = timedelta(days=2)
MOST_ORDERS = 2_000  # rows kept of one session; the parts are always of all


class NoDivergence(ValueError):
    """A session cannot be compared; the text says why and what to do."""


def divergence_of(session: TradingSession) -> Retraced:
    """Play the tape of a session anew. Raises NoDivergence."""
    path = tape_find(Path(settings.TAPES_DIR), session.tape_name) if session.tape_name else None
    if path is None:
        raise NoDivergence(
            f"The tape of session {session.pk} ({session.tape_name or 'none was written'}) is gone; keep tapes longer "
            "with TAPES_MAX_GB, or protect it with `kalshi-bot tapes keep`."
        )
    try:
        return retraced(read_whole(path, Event | Decision))
    except TapeError as error:
        raise NoDivergence(f"The tape of session {session.pk} cannot be read: {error}") from None


def divergence_make(session: TradingSession) -> Divergence:
    """Compare a session with the backtest of its tape, and keep what was found. Raises NoDivergence."""
    found = divergence_of(session)
    told = found.attribution()
    text = []
    if told.open_markets:
        text.append(f"Left out, not settled yet: {', '.join(told.open_markets)}.")
    if found.strays:
        text.append(f"{found.strays} fills belong to orders of an earlier session.")
    pairs = sorted(told.pairs, key=lambda pair: -abs(pair.difference))[:MOST_ORDERS]
    if len(pairs) < len(told.pairs):
        text.append(f"The {MOST_ORDERS} orders that differ most are shown of {len(told.pairs)}.")
    values = {
        "account": session.account,
        "made_at": timezone.now(),
        "through_ns": found.through_ns,
        "made": told.made,
        "expected": told.expected,
        "total": told.total,
        "parts": {part: told.parts[part] for part in PARTS},
        "orders": [_row(pair) for pair in sorted(pairs, key=_sent_ns)],
        "text": " ".join(text),
    }
    return Divergence.objects.update_or_create(session=session, defaults=values)[0]


def divergence_queue(session_id: int) -> None:
    """Have a worker compare a session."""
    current_app.signature(TASK).apply_async((session_id,))


def sessions_due() -> list[TradingSession]:
    """Sessions that ended lately, sent an order, and were not compared since."""
    ended = TradingSession.objects.filter(ended_at__gt=timezone.now() - RECENT, orders__isnull=False).distinct()
    made = dict(Divergence.objects.filter(session__in=ended).values_list("session_id", "made_at"))
    return [row for row in ended if row.ended_at and (row.pk not in made or made[row.pk] < row.ended_at)]


def _row(pair: Pair) -> dict[str, Any]:
    sides = {"made": pair.made, "expected": pair.expected}
    told = {name: msgspec.to_builtins(side) if side else None for name, side in sides.items()}
    return {**told, "parts": pair.parts, "difference": pair.difference}


def _sent_ns(pair: Pair) -> int:
    side = pair.made or pair.expected
    return side.sent_ns if side else 0
