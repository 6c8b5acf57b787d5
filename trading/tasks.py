"""Celery: does every account add up; is the worker alive."""

import logging

from celery import shared_task
from django.conf import settings

from trading import selectors, services
from trading.models import Account, Discrepancy
from trading.pruning import prune_signals

logger = logging.getLogger(__name__)

LEDGER = "ledger"
WORKER = "worker"


@shared_task(name="trading.tasks.ledger_check")
def ledger_check() -> int:
    """Recompute every account; open a Discrepancy for what differs, close those that add up again.

    Returns how many markets of accounts differ.
    """
    wrong: dict[str, list[str]] = {}
    for account in Account.objects.order_by("name").values_list("name", flat=True):
        for difference in selectors.ledger(account).differences:
            wrong.setdefault(f"{account} {difference.subject}", []).append(difference.text)
    for subject, texts in wrong.items():
        services.discrepancy_open(LEDGER, subject, "; ".join(texts))
    for row in Discrepancy.objects.filter(kind=LEDGER, closed_at=None).exclude(subject__in=wrong):
        services.discrepancy_close(row.kind, row.subject)
        logger.info("%s adds up again", row.subject)
    return len(wrong)


@shared_task(name="trading.tasks.signals_prune")
def signals_prune() -> int:
    """Keep the newest SIGNAL_ROWS signals, and all that led to an order. Returns how many went."""
    return prune_signals(settings.SIGNAL_ROWS)


@shared_task(name="trading.tasks.heartbeat")
def heartbeat() -> None:
    """A worker took a task off the queue and reached the database: it works."""
    services.heartbeat_note(WORKER)
