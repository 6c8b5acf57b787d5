"""Celery: does every account add up; do the settlements say what is configured; is the worker alive; what is old goes."""

import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from markets.kalshi.auth import KeyProblem
from markets.kalshi.errors import KalshiError
from markets.kalshi.hosts import HostsError
from markets.kalshi.rest_sync import KalshiRestSync
from trading import arming, audits, selectors, services, trial_balance
from trading.audits import INDEX_KINDS
from trading.core.index_truth import RECENT
from trading.exchange_doors import door_of_settings
from trading.models import Account, Arming, Discrepancy
from trading.pruning import prune_looks, prune_signals
from trading.rows_look import look_at_rows

logger = logging.getLogger(__name__)

LEDGER = "ledger"
WORKER = "worker"
INDEX_WINDOWS = 4 * RECENT  # looked at of each asset: enough for RECENT that were heard whole, where the index is heard


@shared_task(name="trading.tasks.ledger_check")
def ledger_check() -> int:
    """Recompute every account; open a Discrepancy for what differs, close those that add up again.

    Returns how many markets (or books) of accounts differ.
    """
    wrong: dict[str, list[str]] = {}
    for account in Account.objects.order_by("name").values_list("name", flat=True):
        for difference in [*selectors.ledger(account).differences, *trial_balance.check(account)]:
            wrong.setdefault(f"{account} {difference.subject}", []).append(difference.text)
    for subject, texts in wrong.items():
        services.discrepancy_open(LEDGER, subject, "; ".join(texts))
    for row in Discrepancy.objects.filter(kind=LEDGER, closed_at=None).exclude(subject__in=wrong):
        services.discrepancy_close(row.kind, row.subject)
        logger.info("%s adds up again", row.subject)
    return len(wrong)


@shared_task(name="trading.tasks.reconcile")
def reconcile() -> int:
    """Hold the rows of the trader's account against the exchange's own books, reading only; where orders go to one.

    Returns how many things differ, -1 where it could not be looked at.
    """
    if settings.ORDERS != "exchange":
        return 0
    try:
        door = door_of_settings()()
        if door is None:
            return -1  # the rehearsal has no exchange yet
        with KalshiRestSync(door.hosts, door.signer, clock=door.clock) as rest:
            return look_at_rows(settings.ACCOUNT, rest, clock=door.clock)
    except (KeyProblem, HostsError, KalshiError, Account.DoesNotExist, ValueError) as error:
        logger.warning("the rows were not held against the exchange: %s", error)
        return -1


@shared_task(name="trading.tasks.index_check")
def index_check() -> int:
    """Hold the settlement window and the decimals against the last audits: open a Discrepancy where they are not what
    settles, close it where they are. Nothing is switched. Returns how many stand."""
    wrong: dict[tuple[str, str], str] = {}
    for account in Account.objects.order_by("name").values_list("name", flat=True):
        for truth in audits.truths(account, INDEX_WINDOWS):
            said = (truth.window_alert, " ".join(truth.digit_alerts))
            wrong |= {
                (kind, f"{account} {truth.asset}"): text for kind, text in zip(INDEX_KINDS, said, strict=True) if text
            }
    for (kind, subject), text in wrong.items():
        services.discrepancy_open(kind, subject, text)
    for row in Discrepancy.objects.filter(kind__in=INDEX_KINDS, closed_at=None):
        if (row.kind, row.subject) not in wrong:
            services.discrepancy_close(row.kind, row.subject)
            logger.info("%s of %s is what settles again", row.kind, row.subject)
    return len(wrong)


@shared_task(name="trading.tasks.signals_prune")
def signals_prune() -> int:
    """Keep the newest SIGNAL_ROWS signals, and all that led to an order. Returns how many went."""
    return prune_signals(settings.SIGNAL_ROWS)


@shared_task(name="trading.tasks.looks_prune")
def looks_prune() -> int:
    """Take away old looks at the exchange's books that found nothing, but for one an hour. Returns how many went."""
    return prune_looks(timezone.now())


@shared_task(name="trading.tasks.heartbeat")
def heartbeat() -> None:
    """A worker took a task off the queue and reached the database: it works."""
    services.heartbeat_note(WORKER)


@shared_task(name="trading.tasks.armings_end")
def armings_end() -> int:
    """End the armings whose time is over, or that a halt ends, where no trader runs to do it. Returns how many."""
    accounts = Arming.objects.filter(disarmed_at__isnull=True).values_list("account", flat=True)
    return sum(len(arming.disarm_when_due(account)) for account in list(accounts))
