"""`kalshi-bot`: the commands a person uses, by their short names."""

import os
import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility

COMMANDS = {
    "up": "start everything on this machine: web page, trader, worker, schedule and an embedded Redis",
    "paper": "trade a market on paper from the terminal",
    "live": "trade real money (refuses, and says what is missing, until that exists)",
    "backtest": "play a tape through the engine and print what would have happened",
    "demo_tape": "write an hour of the demo market as a tape, to back-test on",
    "tapes": "list the tapes of the catalogue, or verify them",
    "import_recording": "turn recorded market data into tapes",
    "bench": "measure the engine: events a second, memory, time from event to decision",
}
ALIASES = {name.replace("_", "-"): name for name in COMMANDS}


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Exit code: the command's own, 2 for a word we do not know, 1 for a setting that cannot be used."""
    if not words or words[0] in {"-h", "--help", "help"}:
        print(overview())  # noqa: T201
        return 0 if words else 2
    name = ALIASES.get(words[0], words[0])
    if name not in COMMANDS:
        return complain(f"unknown command {words[0]!r}; it is one of: {', '.join(ALIASES)}.", code=2)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalshi_site.settings")
    try:
        ManagementUtility(["kalshi-bot", name, *words[1:]]).execute()
    except ImproperlyConfigured as error:
        return complain(str(error), code=1)
    return 0


def overview() -> str:
    """Every command with one line."""
    rows = [f"  {name:<18}{COMMANDS[command]}" for name, command in ALIASES.items()]
    return "\n".join(
        ["usage: kalshi-bot COMMAND [options]", "", *rows, "", "kalshi-bot COMMAND --help tells the rest."]
    )


def complain(sentence: str, *, code: int) -> int:
    """Say it on stderr and pass the exit code on."""
    print(f"kalshi-bot: {sentence}", file=sys.stderr)  # noqa: T201
    return code
