"""What a look at the exchange has found, as rows: each look that says something, and a Discrepancy for what a person has
to see to; and what a person says of it."""

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from markets.core.units import MILLISECOND_NS
from trading import services
from trading.core.events import CashMoved
from trading.core.looks import Difference, Outcome, Repair
from trading.core.postings import movement_of
from trading.core.venue import VenueState
from trading.models import Discrepancy, LedgerEntry, Reconciliation

logger = logging.getLogger(__name__)

EXCHANGE, ROWS = "exchange", "rows"  # what the trader found, and what the worker found in the rows
KINDS = ("order", "fill", "position", "cash", "settlement")
ONCE = ("order", "fill", "settlement")  # of a thing that does not change any more: what a person said of it stays said
MOST = 200  # of each list that are kept in a row
CASH_KINDS = ("adjustment", "deposit", "withdrawal", "transfer")


class Noted(NamedTuple):
    """A look, to be written down."""

    kind: str
    outcome: Outcome
    theirs: VenueState
    standing: Sequence[Difference]


def kind_of(source: str, kind: str) -> str:
    """The kind that a Discrepancy has: "exchange cash", "rows fill"."""
    return f"{source} {kind}"


def note(account: str, session_id: int | None, noted: Noted, source: str = EXCHANGE) -> Reconciliation:
    """Write a look down; open what stands and was not open, close what adds up again. Positions and cash that were not
    judged stay as they were."""
    outcome, theirs = noted.outcome, noted.theirs
    looked_at = {name: len(getattr(theirs, name)) for name in ("orders", "fills", "positions", "settlements")}
    looked_at |= {"shards": len(theirs.cash), "asked_ns": theirs.asked_ns}
    with transaction.atomic():
        row = Reconciliation.objects.create(
            account=account,
            session_id=session_id,
            kind=noted.kind,
            took_ms=(theirs.received_ns - theirs.asked_ns) / MILLISECOND_NS,
            is_clean=outcome.is_clean and not noted.standing,
            looked_at=looked_at,
            repairs=[repair_text(one) for one in outcome.repairs][:MOST]
            + [f"cancelled: an order that rested, {one.ticker} {one.order_id}" for one in outcome.strays],
            differences=[f"{one.kind} {one.subject}: {one.text}" for one in noted.standing][:MOST],
        )
        _open(account, noted.standing, source)
        closing = KINDS if outcome.is_judged else ONCE
        _close_others(account, noted.standing, [kind_of(source, kind) for kind in closing], source)
    return row


def _open(account: str, standing: Iterable[Difference], source: str) -> None:
    for one in standing:
        row = services.discrepancy_open(kind_of(source, one.kind), _subject(account, one), one.text)
        detail = {"shard": one.shard, "amount": one.amount} if one.kind == "cash" else {}
        if (row.account, row.detail) != (account, detail):
            row.account, row.detail = account, detail
            row.save(update_fields=["account", "detail"])


def _close_others(account: str, standing: Iterable[Difference], kinds: Sequence[str], source: str) -> None:
    stand = {(kind_of(source, one.kind), _subject(account, one)) for one in standing}
    for row in Discrepancy.objects.filter(account=account, kind__in=kinds, closed_at=None):
        if (row.kind, row.subject) not in stand:
            services.discrepancy_close(row.kind, row.subject)
            logger.info("%s %s adds up again", row.kind, row.subject)


def _subject(account: str, one: Difference) -> str:
    return f"{account} {one.subject}"[:130]


def dismissed(account: str, source: str = EXCHANGE) -> frozenset[str]:
    """What a person has closed for good, as the keys of `Awaited`: orders, fills and settlements that are not ours."""
    kinds = [kind_of(source, kind) for kind in ONCE]
    rows = Discrepancy.objects.filter(account=account, kind__in=kinds, is_accepted=True).order_by("-id")
    told = rows.values_list("kind", "subject")[:1_000]
    return frozenset(
        f"{kind.removeprefix(source + ' ')} {subject.removeprefix(account + ' ')}" for kind, subject in told
    )


def accepted_moves(account: str, now_ns: int) -> list[CashMoved]:
    """Changes of cash that a person has accepted and that are not in the books yet."""
    rows = Discrepancy.objects.filter(account=account, kind=kind_of(EXCHANGE, "cash"), is_accepted=True).order_by("id")
    moves = [_move(row, now_ns) for row in rows]
    booked = set(
        LedgerEntry.objects.filter(account=account, movement__in=[movement_of(move) for move in moves]).values_list(
            "movement", flat=True
        )
    )
    return [move for move in moves if movement_of(move) not in booked]


def _move(row: Discrepancy, now_ns: int) -> CashMoved:
    detail = row.detail
    return CashMoved(
        now_ns, detail.get("kind", "adjustment"), int(detail["amount"]), f"discrepancy {row.pk}", int(detail["shard"]),
        f"{row.closed_by}: {row.closed_reason}",
    )  # fmt: skip


def cash_accept(discrepancy: Discrepancy, *, by: str, reason: str, kind: str = "adjustment") -> Discrepancy:
    """A person says that this change of cash is so: the trader books it, once. Raises services.UnusableError."""
    problems = [] if kind in CASH_KINDS else [f"{kind!r} is none of {', '.join(CASH_KINDS)}"]
    if discrepancy.kind != kind_of(EXCHANGE, "cash"):
        problems.append("this is no change of cash at the exchange")
    with transaction.atomic():
        row = Discrepancy.objects.select_for_update().get(pk=discrepancy.pk)
        if not row.detail.get("amount"):
            problems.append("how much it is cannot be told exactly while orders rest: wait until none does")
        row.detail = row.detail | {"kind": kind}
        return _close(row, by, reason, problems)


def dismiss(discrepancy: Discrepancy, *, by: str, reason: str) -> Discrepancy:
    """A person has looked at it and says why it may stay as it is. Of an order, a fill or a settlement nothing more is
    said; a position or cash that still differs is found again. Raises services.UnusableError."""
    with transaction.atomic():
        row = Discrepancy.objects.select_for_update().get(pk=discrepancy.pk)
        is_cash = row.kind == kind_of(EXCHANGE, "cash")
        problems = ["a change of cash is accepted, with what it was, or it stays open"] if is_cash else []
        return _close(row, by, reason, problems)


def _close(row: Discrepancy, by: str, reason: str, problems: list[str]) -> Discrepancy:
    if row.closed_at is not None:
        problems.append("it is closed already")
    if not reason.strip():
        problems.append("say why: the reason is empty")
    if problems:
        raise services.UnusableError(problems)
    row.closed_at, row.closed_by, row.closed_reason = timezone.now(), by[:150], reason.strip()
    row.is_accepted = True
    row.save(update_fields=["closed_at", "closed_by", "closed_reason", "is_accepted", "detail"])
    transaction.on_commit(services.nudge)
    return row


def repair_text(repair: Repair) -> str:
    """What was put right, in a sentence."""
    if isinstance(repair, CashMoved):
        return f"{repair.kind} of {repair.amount / 1e6:.6f} dollars on shard {repair.shard}: {repair.text}"
    name = _NAMES[type(repair).__name__]
    number = getattr(repair, "number", None)
    of_order = "" if number is None else f", order {number}"
    return f"{name}: {repair.ticker}{of_order}"


_NAMES = {
    "Fill": "a fill that was not heard",
    "OrderAccepted": "an order that had arrived",
    "OrderAmended": "an amend that had been done",
    "OrderCancelled": "an order that had ended",
    "OrderRejected": "an order that never arrived",
    "Settled": "a payout that was not heard",
}
