"""The worker's look at the exchange's books: do the rows say the same? Read-only: whatever differs, a person hears of it."""

import time
from collections.abc import Callable

from markets.kalshi.rest_sync import KalshiRestSync
from trading import discrepancies
from trading.core.events import Fill
from trading.core.looks import Awaited, Difference, Looks, Outcome, Repair
from trading.core.reconcile import compare
from trading.core.venue import VenueOrder, VenueState
from trading.discrepancies import ROWS, Noted
from trading.models import TradingSession
from trading.our_rows import start_of
from trading.venue_reading import read_venue_sync

LOOKS = 3  # at most: the rows are written a moment behind, and something may be in flight
PAUSE_S = 3.5


def look_at_rows(
    account: str,
    rest: KalshiRestSync,
    *,
    clock: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Compare the rows of an account with the exchange, write it down, and return how many things differ.

    Raises KalshiError, Account.DoesNotExist, ValueError for an account that has nothing at an exchange.
    """
    looks = Looks()
    for number in range(LOOKS):
        if number:
            sleep(PAUSE_S)
        outcome, theirs = _look(account, rest, looks, clock)
        if outcome.is_clean or (outcome.differences and not outcome.awaited and outcome.is_judged):
            break
    session = TradingSession.objects.filter(account=account).order_by("-id").values_list("pk", flat=True).first()
    discrepancies.note(account, session, Noted("task", outcome, theirs, outcome.differences), ROWS)
    return len(outcome.differences)


def _look(account: str, rest: KalshiRestSync, looks: Looks, clock: Callable[[], int]) -> tuple[Outcome, VenueState]:
    start = start_of(account)
    theirs = read_venue_sync(rest, start.since_ns, clock=clock)
    look = compare(start.side().ours(), theirs, clock())
    dismissed = discrepancies.dismissed(account, ROWS) | discrepancies.dismissed(account)
    awaited = [_as_difference(one) for one in (*look.repairs, *look.strays)]
    awaited += [one if isinstance(one.then, Difference) else _as_difference(one.then) for one in look.awaited]
    wanted = tuple(one for one in awaited if one.key not in dismissed)
    # Read again a moment later, from rows that were written in between.
    return looks.see(look._replace(repairs=(), strays=(), awaited=wanted), theirs.asked_ns), theirs


def _as_difference(found: Repair | VenueOrder | Difference) -> Awaited:
    """What a trader puts right is for the rows one difference more."""
    if isinstance(found, Difference):
        return Awaited(f"{found.kind} {found.subject}", found.value, found)
    if isinstance(found, VenueOrder):
        difference = Difference("order", found.order_id, f"it rests in {found.ticker}, and has ended in the rows")
    elif isinstance(found, Fill):
        difference = Difference("fill", found.trade_id, "it is not in the rows")
    else:
        text = discrepancies.repair_text(found)
        subject = f"{type(found).__name__} {getattr(found, 'number', '') or getattr(found, 'ticker', '')}"
        difference = Difference(
            "settlement" if hasattr(found, "payout") else "order", subject, f"not in the rows: {text}"
        )
    return Awaited(f"{difference.kind} {difference.subject}", difference.value, difference)
