"""The trader as a proof starts it: the real one, with the strategy of proofs registered and its real orders armed.

python -m trading.proving.actor SEED        # everything else by the environment, as for any trader
"""

import os
import sys
from datetime import timedelta

import django


def main() -> None:
    """Prepare the rows where they are not, and trade."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalshi_site.settings")
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - Django is ready only now
    from django.core.management import call_command  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from trading.core.strategies import STRATEGIES  # noqa: PLC0415
    from trading.models import Arming  # noqa: PLC0415
    from trading.proving.exerciser import NAME, Exerciser  # noqa: PLC0415

    Exerciser.salt = int(sys.argv[1])
    STRATEGIES[NAME] = Exerciser
    account = str(settings.ACCOUNT)
    if not Arming.objects.filter(account=account, disarmed_at__isnull=True).exists():
        until = timezone.now() + timedelta(hours=1)
        Arming.objects.create(account=account, venue="practice", armed_by="proof", until_at=until, reason="a proof")
    call_command("run_trader")


if __name__ == "__main__":
    main()
