"""`kalshi-bot`: the commands a person uses, by their short names."""

import os
import signal
import sys
from collections.abc import Sequence

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from kalshi_site import preflight

COMMANDS = {
    "up": "start everything on this machine: web page, trader, worker, schedule and an embedded Redis",
    "paper": "trade a market on paper from the terminal",
    "live": "trade with real orders, once armed: says exactly what is missing until then; or rehearse it",
    "halt": "the kill switch: stop trading now; works with database and Redis gone",
    "resume": "trade again after a halt, and say what that clears",
    "arm": "let real orders go for some hours, after a typed confirmation; or say what is missing",
    "disarm": "real orders go no more",
    "watchdog": "take back what rests at the exchange when the trader is stuck or dead (`up` and `live` start it)",
    "promotion": "whether a record on paper allows trading real money, each condition with its number",
    "exchange": "serve a simulated exchange with the real one's REST and WebSocket, for any client",
    "account": "whether the exchange's API key is good, and what its account holds; reads only",
    "backtest": "play a tape through the engine and print what would have happened",
    "sweep": "try many settings on the same tapes, count every one, and say what may be believed of the best",
    "walkforward": "choose settings on some days, judge the choice on later ones, and join what was made out of sample",
    "versus": "hold two settings or strategies against each other on identical windows, close by close",
    "price": "price one contract with its whole derivation, or check a table of known prices",
    "skill": "score our probabilities next to the market's: the forecast record, tapes, or settled markets",
    "gates": "why it does not trade: which gates stood in the way, and what each of them cost or saved",
    "fit": "learn from settled windows: calibration maps, the weight of our opinion, tails, hours; or show it",
    "audit": "hold settlements against the index as it was heard: which sixty seconds, decimals, ties, basis",
    "demo_tape": "write an hour of the demo market as a tape, to back-test on",
    "tapes": "list the tapes of the catalogue, or verify them",
    "record": "hear spot venues and record all they say, without trading",
    "download": "fetch public history: Kalshi's settled markets, trades and candles; trades or candles of spot venues",
    "import_recording": "turn recorded market data into tapes",
    "acceptance": "try the acceptance list: on a simulated exchange, or on the exchange's practice site with a key",
    "divergence": "compare a session with a backtest of its own tape: price, latency, queue, fills, fees, orders",
    "latency": "how long our own orders took to an exchange and back; writes it down for paper trading",
    "prove_runs": "prove that a backtest decides what the trader decides, on every recorded tape, by a hash",
    "prove_orders": "prove on a simulated exchange that no order is lost, doubled or over a limit, whatever is killed",
    "forecasts": "the forecast record: what it holds, and all of it as CSV",
    "volatility": "how good the forecast of the volatility is on recorded data, against simpler ones",
    "lane": "hold the compiled lane of sweeps against the engine, on any tapes; or measure how fast it sweeps",
    "bench": "measure the engine: events a second, memory, time from event to decision",
    "bench_backtests": "measure backtests and sweeps side by side with hftbacktest, NautilusTrader and vectorbt",
    "bench_kalshi": "measure the way to the exchange: signing by kind of key, decision to bytes on the socket",
    "bench_orders": "measure the way of an order: frame in hand to bytes on the socket, everything on, and in bursts",
    "bench_feeds": "measure the feeds and the recorder: microseconds a message by venue, bytes an event",
}
DJANGOS_OWN = {
    "--version", "--verbosity", "--settings", "--pythonpath",
    "--traceback", "--no-color", "--force-color", "--skip-checks",
}  # fmt: skip
NOBODY_READS = 128 + signal.SIGPIPE
ALIASES = {name.replace("_", "-"): name for name in COMMANDS}


def main() -> None:
    """The console script. 141, as a shell says of it, where nobody reads what we write any more; 143 when it is told to end."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that what was begun is cleared away
    try:
        try:
            code = run(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains of it at its end
        code = NOBODY_READS
    sys.exit(code)


def run(words: Sequence[str]) -> int:
    """Exit code: the command's own, 2 for a word we do not know, 1 for a setting that cannot be used, 130 for Ctrl-C."""
    if not words or words[0] in {"-h", "--help", "help"}:
        print(overview())  # noqa: T201
        return 0 if words else 2
    if ALIASES.get(words[0], words[0]) not in COMMANDS:
        return complain(f"unknown command {words[0]!r}; it is one of: {', '.join(ALIASES)}.", code=2)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalshi_site.settings")
    try:
        execute(words)
    except CommandError as error:
        return complain(str(error), code=error.returncode)
    except (ImproperlyConfigured, preflight.NotReady) as error:
        return complain(str(error), code=1)
    except (OperationalError, ProgrammingError) as error:
        first = str(error).splitlines()[0]
        return complain(f"the database cannot be used ({first}); `make migrate` makes its tables.", code=1)
    except KeyboardInterrupt:
        return 130
    return 0


def execute(words: Sequence[str]) -> None:
    """Run one command as Django would, without the options that only Django's own developers need."""
    django.setup()
    name = ALIASES.get(words[0], words[0])
    command = load_command_class(get_commands()[name], name)
    command.suppressed_base_arguments = DJANGOS_OWN
    if needs_checks(command) and not {"-h", "--help"} & set(words):
        preflight.check_settings()
    command.requires_system_checks = []
    command.run_from_argv(["kalshi-bot", words[0], *words[1:], "--traceback"])  # which hands a CommandError to us


def needs_checks(command: BaseCommand) -> bool:
    """Whether it wants the whole set of system checks before it starts."""
    return command.requires_system_checks == "__all__"


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
