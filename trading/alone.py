"""One trader for an account: in its folder by a lock of the operating system, everywhere else by the beat of its session."""

import socket
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from trading.models import TradingSession

BEATS_S = 15.0  # a session that has not beaten for so long has ended, whatever its row says
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class AnotherTraderError(Exception):
    """A trader of this account runs elsewhere; the text says where, and what to do."""


def place() -> str:
    """Where this trader runs: the machine and the folder of the bot, in which there is never more than one."""
    try:
        boot = BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot} {Path(settings.BOT_HOME).resolve()}"[:300]


def beating_elsewhere(account: str) -> QuerySet[TradingSession]:
    """The sessions of an account that live in another place."""
    young = timezone.now() - timedelta(seconds=BEATS_S)
    living = TradingSession.objects.filter(account=account, ended_at__isnull=True, beat_at__gt=young)
    return living.exclude(place=place())


def refuse_another(account: str) -> None:
    """Raises AnotherTraderError while a trader of this account runs in another place."""
    other = beating_elsewhere(account).order_by("id").first()
    if other is not None:
        raise AnotherTraderError(
            f"another trader of the account {account!r} runs at {other.place or 'a place unknown'} (session {other.pk}): stop it, "
            f"or set ACCOUNT to another name. Had it been killed, this one could start {BEATS_S:g} s after its last beat"
        )
