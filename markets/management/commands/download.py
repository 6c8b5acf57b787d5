"""Fetch public history: Kalshi's settled markets, trades and candles; trades or candles of spot venues."""

import sys
import time
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from markets.download.errors import DownloadError
from markets.download.kalshi_result import take_up
from markets.download.plan import BINANCE_HOSTS, KALSHI, VENUES, Plan, Wish, plan_of
from markets.download.report import Report
from markets.download.run import Folders, Means, download
from markets.download.source import KalshiMarket
from markets.services import tape_register
from markets.tape import TapeError

BAR = 30
STEPS = 10  # lines where there is no terminal


class Command(BaseCommand):
    help = (
        "Fetch public history into a tape (trades) or a table (markets, candles). Interrupted, the same command goes on where "
        "it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", metavar="WHAT", help=f"{', '.join(KALSHI)}; or a venue: {', '.join(VENUES)}")
        parser.add_argument("kind", nargs="?", default="", help="of a venue: trades (default) or candles of a minute")
        parser.add_argument(
            "--series", default="", help="of Kalshi, such as KXBTC15M: windows that open in the time asked for"
        )
        parser.add_argument("--ticker", default="", help="one market of Kalshi, whole")
        parser.add_argument("--asset", default="", help="of a venue, such as BTC")
        parser.add_argument("--from", dest="from_text", metavar="TIME", help="2026-05-01 or 2026-05-01T09:30, UTC")
        parser.add_argument("--to", dest="to_text", metavar="TIME", help="the first moment left out")
        parser.add_argument(
            "--host", default="global", help=f"of binance: {', '.join(BINANCE_HOSTS)} (default: %(default)s)"
        )
        parser.add_argument("--base-url", default="", metavar="URL", help="ask here instead of the host's own address")
        parser.add_argument("--restart", action="store_true", help="forget what an earlier run got, and fetch all anew")
        parser.add_argument("--json", action="store_true", help="print the totals as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now_ns = time.time_ns()
        try:
            plan = plan_of(_wish(options), now_ns=now_ns)
            call_command("migrate", verbosity=0, interactive=False)  # before hours of fetching, not after
            means = Means(tell=self._tell, progress=Progress(self, plan))
            report = download(
                plan, _folders(), now_ns=now_ns, keep=into_database, means=means, restart=options["restart"]
            )
        except DownloadError as error:
            raise CommandError(str(error), returncode=error.code) from error
        except TapeError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self._tell("stopped; what was got is kept: run the same command to go on")
            raise
        finally:
            self._clear()
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode())
        else:
            self.stdout.write("\n".join(report.lines()))

    def _tell(self, words: str) -> None:
        """A word on what goes on, not on what comes of it: it leaves the output alone."""
        self._clear()
        self.stderr.write(words, style_func=str)  # no error, so not in red

    def _clear(self) -> None:
        """Wipe the bar."""
        if sys.stderr.isatty():
            self.stderr.write("\r" + " " * (BAR + 60) + "\r", style_func=str, ending="")


class Progress:
    """A bar on a terminal; elsewhere a line whenever another tenth is done."""

    def __init__(self, command: BaseCommand, plan: Plan) -> None:
        self._write, self._flush = partial(command.stderr.write, style_func=str), command.stderr.flush
        self._name = plan.name
        self._is_terminal = sys.stderr.isatty()
        self._step = 0

    def __call__(self, share: float, pages: int, rows: int) -> None:
        """Told after each page."""
        note = f"{rows:,} rows, {pages:,} pages"
        if self._is_terminal:
            done = round(share * BAR)
            self._write(f"\r[{'#' * done}{'.' * (BAR - done)}] {share:4.0%} {note[:48]:48}", ending="")
            self._flush()
        elif int(share * STEPS) > self._step:
            self._step = int(share * STEPS)
            self._write(f"{self._name}: {share:.0%}, {note}")


def into_database(path: Path, markets: list[KalshiMarket], report: Report) -> None:
    """Register a tape; write the markets and their results. Raises TapeError."""
    if path.suffix == ".zst":
        report.notes["gaps on the tape"] = tape_register(path).gaps
    take_up(markets, report)


def _wish(options: dict[str, Any]) -> Wish:
    names = ("what", "kind", "asset", "series", "ticker", "from_text", "to_text", "host")
    return Wish(**{name: options[name] for name in names}, base=options["base_url"])


def _folders() -> Folders:
    home = Path(settings.BOT_HOME)
    return Folders(Path(settings.TAPES_DIR), home / "tables", home / "downloads")
