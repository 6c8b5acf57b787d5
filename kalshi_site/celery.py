"""The Celery app and its beat schedule."""

import logging
import os
import signal
import warnings

from celery import Celery
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # the stubs leave it out
from celery.schedules import crontab
from celery.signals import setup_logging, worker_process_init

from kalshi_site.logs import WithoutTraceback
from kalshi_site.part import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalshi_site.settings")

# Celery warns root of pickled tasks; ours are JSON and nothing else is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("kalshi_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "worker heartbeat": {"task": "trading.tasks.heartbeat", "schedule": 10.0, "options": {"expires": 10.0}},
    "ledger check": {"task": "trading.tasks.ledger_check", "schedule": 60.0, "options": {"expires": 60.0}},
    "reconciliation": {"task": "trading.tasks.reconcile", "schedule": 60.0, "options": {"expires": 60.0}},
    "index check": {"task": "trading.tasks.index_check", "schedule": 60.0, "options": {"expires": 60.0}},
    "old signals": {"task": "trading.tasks.signals_prune", "schedule": 600.0, "options": {"expires": 600.0}},
    "old looks": {"task": "trading.tasks.looks_prune", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "what was learnt": {
        "task": "backtests.tasks.refit",
        "schedule": crontab(minute=20),
        "options": {"expires": 3000.0},
    },
    "divergence": {
        "task": "backtests.tasks.divergences_due",
        "schedule": crontab(minute=40),
        "options": {"expires": 3000.0},
    },
    "promotion gate": {
        "task": "backtests.tasks.promotions",
        "schedule": crontab(hour=0, minute=50),
        "options": {"expires": 3000.0},
    },
    "armings": {"task": "trading.tasks.armings_end", "schedule": 60.0, "options": {"expires": 60.0}},
    "studies": {"task": "backtests.tasks.studies_look", "schedule": 10.0, "options": {"expires": 10.0}},
    "tapes nobody looked at": {"task": "markets.tasks.look", "schedule": 300.0, "options": {"expires": 300.0}},
    "stuck backtests": {"task": "backtests.tasks.sweep_stuck", "schedule": 60.0, "options": {"expires": 60.0}},
}


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery configures logging only where nobody listens to this; Django's settings have done it already."""
    # It warns of tasks in hand while Redis is away. Ours go on; handed out again, they find that they are still played.
    logging.getLogger("py.warnings").addFilter(lambda record: "CPendingDeprecationWarning" not in record.getMessage())
    logging.getLogger("celery.worker.consumer.consumer").addFilter(WithoutTraceback())  # two pages when Redis goes


@worker_process_init.connect
def leave_with_the_worker(**_: object) -> None:
    """A process of the pool does not outlive its worker, however that ended."""
    die_with_parent(signal.SIGKILL, os.getppid())
