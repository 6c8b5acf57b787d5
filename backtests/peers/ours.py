"""One measurement of ours in one fresh process: `python -m backtests.peers.ours WHAT TAPE …`, the answer as JSON on stdout."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django


def main(words: Sequence[str]) -> dict[str, Any]:
    """Set Django up, as every command does, then measure. `sweep` also takes the part of the settings: `sweep 0/2 TAPE …`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalshi_site.settings")
    django.setup()
    from backtests.peers import measurements  # noqa: PLC0415  (models are there from now on)

    what, *rest = words
    if what == "sweep":
        part, _, parts = rest[0].partition("/")
        return measurements.sweep([Path(word) for word in rest[1:]], int(part), int(parts))
    return measurements.MEASUREMENTS[what]([Path(word) for word in rest])


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))  # noqa: T201
