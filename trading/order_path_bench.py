"""`python -m trading.order_path_bench TAPE ORDERS BURST` prints what trading.order_path measures, as JSON.

It brings its own database in a folder of its own, which is gone afterwards.
"""

import json
import os
import sys
import tempfile
from pathlib import Path


def main(tape: Path, orders: int, burst: int) -> None:
    """Measure once."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        os.environ |= {"BOT_HOME": home, "DATABASE_URL": f"sqlite:///{home}/db.sqlite3", "LOG_LEVEL": "error"}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalshi_site.settings")
        import django  # noqa: PLC0415 - the settings are read from the folder that was just made
        from django.core.management import call_command  # noqa: PLC0415

        django.setup()
        call_command("migrate", verbosity=0)
        from trading.order_path import measure  # noqa: PLC0415

        print(json.dumps(measure(tape, Path(home), orders, burst)))  # noqa: T201  # what it is run for


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
