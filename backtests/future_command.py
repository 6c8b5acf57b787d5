"""`--check-future` of the command that plays tapes."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from backtests.future import check_future
from backtests.future_jobs import report_json
from backtests.knobs import InputError
from backtests.replay import Inputs, Tell

LOOKS_AHEAD = 3  # the exit code


def add_future_options(parser: CommandParser) -> None:
    """How many moments, and the seed that chooses them."""
    parser.add_argument(
        "--check-future", type=int, metavar="N",
        help="play it again with everything changed after N moments: no decision before them may change; exit code 3 where one does",
    )  # fmt: skip
    parser.add_argument("--future-seed", type=int, default=1, metavar="X", help="which moments, and which futures (1)")


def future_found(inputs: Inputs, options: dict[str, Any], digest: str, tell: Tell | None) -> dict[str, object]:
    """What came out, for the report. Raises InputError, also where the run cannot be repeated at all."""
    found = check_future(inputs, count=options["check_future"], seed=options["future_seed"], tell=tell)
    if found.digest != digest:
        raise InputError({"check_future": "Played again, the run decides otherwise: it cannot be checked."})
    return report_json(found)


def refuse_changed(report: dict[str, Any], say: Callable[[str], None]) -> None:
    """Say what other futures changed, where they were asked for. Raises CommandError when they did."""
    found = report.get("future")
    if found is None:
        return
    if not found["is_clean"]:
        raise CommandError(found["sentence"], returncode=LOOKS_AHEAD)
    say(f"Other futures: {found['sentence']}")
