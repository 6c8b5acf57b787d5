"""The trader as a proof starts it: the real one, with the strategy of proofs registered; and a person in a thread of it,
who arms its real orders and wants it to trade again when it is halted.

    python -m trading.proving.actor SEED        # everything else by the environment, as for any trader
"""

import os
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta

import django

LOOK_S = 0.5
RESUME_EVERY = 8  # looks


def main() -> None:
    """Register, and trade."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalshi_site.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - Django is ready only now

    from trading.core.strategies import STRATEGIES  # noqa: PLC0415
    from trading.proving.exerciser import NAME, Exerciser  # noqa: PLC0415

    Exerciser.salt = int(sys.argv[1])
    STRATEGIES[NAME] = Exerciser
    threading.Thread(target=_person, name="person", daemon=True).start()
    call_command("run_trader")


def _person() -> None:
    """Until the process ends."""
    from django.db import DatabaseError, connections  # noqa: PLC0415 - as above

    turn = 0
    while True:
        time.sleep(LOOK_S)
        turn += 1
        with suppress(DatabaseError):
            _arm()
            if turn % RESUME_EVERY == 0:
                _resume()
        connections.close_all()


def _arm() -> None:
    from django.conf import settings  # noqa: PLC0415 - as above
    from django.utils import timezone  # noqa: PLC0415

    from trading.models import Arming, TradingSession  # noqa: PLC0415

    account, now = str(settings.ACCOUNT), timezone.now()
    is_armed = Arming.objects.filter(account=account, disarmed_at__isnull=True).exists()
    if is_armed or not TradingSession.objects.filter(account=account, ended_at__isnull=True).exists():
        return
    until = now + timedelta(hours=1)
    Arming.objects.create(account=account, venue="practice", armed_by="proof", until_at=until, reason="a proof")


def _resume() -> None:
    from trading import services  # noqa: PLC0415 - as above
    from trading.models import Halt, TraderStatus  # noqa: PLC0415

    status = TraderStatus.objects.filter(pk=1).first()
    is_latched = Halt.objects.filter(is_latched=True, cleared_ns__isnull=True).exists()
    if status is not None and status.wanted_mode == "ACTIVE" and is_latched:
        services.mode_set("ACTIVE", by="proof", reason="a proof")


if __name__ == "__main__":
    main()
