"""What the commands sweep, walkforward and versus share: options, playing here or on workers, and what they print."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.core.studies.objective import DEFAULT, OBJECTIVES
from backtests.knobs import InputError
from backtests.run_inputs import NEEDS, SWITCHES
from backtests.studies import services
from backtests.studies.here import Interrupted, play_here
from backtests.studies.inputs import Kind, inputs_from
from backtests.studies.text import text_of
from backtests.study_models import Study

BAR = 30
STOPPED = 130


class StudyCommand(BaseCommand):
    """Needs the database, which keeps every trial; neither Redis nor a web server, but with --queue."""

    kind: Kind
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of every study."""
        parser.add_argument("--tape", action="append", dest="tapes", metavar="F", default=[],
                            help="a tape's file, its name in the catalogue, or `all`; may be repeated")  # fmt: skip
        parser.add_argument(
            "--from", dest="date_from", metavar="DAY", help="only tapes that begin on this day or later"
        )
        parser.add_argument("--to", dest="date_to", metavar="DAY", help="only tapes that begin on this day or before")
        parser.add_argument(
            "--capital", default="10000", metavar="$", help="opening cash, each day anew (default: %(default)s)"
        )
        parser.add_argument("--max-loss", default="1000", dest="max_daily_loss", metavar="$",
                            help="trading stops for the UTC day at this loss (default: %(default)s)")  # fmt: skip
        for name, (_, words) in NEEDS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", dest=name, default="", metavar="NAMES", help=words)
        parser.add_argument("--allow-gaps", action="store_true", help=SWITCHES["allow_gaps"][1])
        parser.add_argument("--set", action="append", dest="turned", default=[], metavar="NAME=VALUE",
                            help="a setting that all trials have, as `kalshi-bot backtest --help` lists them")  # fmt: skip
        parser.add_argument(
            "--objective", default=DEFAULT, metavar="NAME", help=f"what trials are judged by: {_objectives()}"
        )
        parser.add_argument("--fits", default="", metavar="ACCOUNT",
                            help="use what was fitted for this account, on each day what had seen nothing of it")  # fmt: skip
        parser.add_argument(
            "--engine", action="store_true", help="play all of it by the engine of record, none by the compiled lane"
        )
        parser.add_argument(
            "--block", default="", metavar="N", help="settings in one part (default: by who plays them)"
        )
        parser.add_argument("--label", default="", help="a name for it")
        parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that play it here (default: 1)")
        parser.add_argument("--queue", action="store_true", help="leave it to the workers, and print its number")
        parser.add_argument("--resume", type=int, metavar="ID", help="go on with one that was stopped or failed")
        parser.add_argument("--show", type=int, metavar="ID", help="print the result of one")
        parser.add_argument("--json", action="store_true", help="the whole result as JSON")

    def add_space(self, parser: CommandParser) -> None:
        """The options of what is tried."""
        parser.add_argument("--try", action="append", dest="space", default=[], metavar="NAME=VALUES",
                            help="what is tried: edge=1,2,3 or edge=1..6/0.5, or kelly=10..50 for a search; may be repeated")  # fmt: skip
        parser.add_argument("--search", default="grid", metavar="WAY", help="grid, or optuna (default: %(default)s)")
        parser.add_argument("--trials", default="", metavar="N", help="the budget of a search")
        parser.add_argument(
            "--batch", default="", metavar="N", help="trials that a search asks for at a time (default: 10)"
        )
        parser.add_argument("--seed", default="", metavar="N", help="of a search (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be played, 1 for what failed, 130 after Ctrl-C."""
        if not 1 <= options["jobs"] <= 256:
            raise CommandError("--jobs is 1 to 256", returncode=2)
        try:
            study = self._found(options)
        except InputError as error:
            raise CommandError(str(error), returncode=2) from None
        if options["queue"]:
            self.stdout.write(f"{study} is queued: {study.progress_note}. `kalshi-bot {self.kind} --show {study.pk}`")
            return
        if not options["show"]:
            study = self._played(study, options["jobs"])
        self.stdout.write(json.dumps(study.result, indent=1) if options["json"] else text_of(study))
        if study.status == "failed":
            raise CommandError(study.error, returncode=1)

    def _found(self, options: dict[str, Any]) -> Study:
        if number := options["show"] or options["resume"]:
            study = Study.objects.filter(pk=number, kind=self.kind).first()
            if study is None:
                raise InputError({"resume": f"There is no {self.kind} {number}."})
            if options["resume"] and not services.study_resume(number, is_here=not options["queue"]):
                raise InputError({"resume": f"{study} is {study.status}; only what was stopped or failed goes on."})
            return study
        if not options["tapes"]:
            raise InputError({"tapes": "Say which tapes: --tape all, a name of the catalogue, or a file."})
        is_file = any(Path(name).is_file() for name in options["tapes"])
        turned = dict(_pair(text) for text in options["turned"])
        asked = options | {"settings": turned, "files": is_file and not options["queue"]}
        inputs = inputs_from(self.kind, asked)
        return services.study_queue(inputs, by=None, label=options["label"], is_here=not options["queue"])

    def _played(self, study: Study, jobs: int) -> Study:
        tell = self._bar if sys.stderr.isatty() else None
        if not self._is_quiet():
            self.stderr.write(f"{study}: {study.progress_note}")
        try:
            return play_here(study.pk, jobs, tell)
        except Interrupted:
            words = f"stopped; what was played is kept: `kalshi-bot {self.kind} --resume {study.pk}` goes on"
            raise CommandError(words, returncode=STOPPED) from None
        finally:
            if tell is not None:
                self.stderr.write("\r" + " " * (BAR + 60) + "\r", ending="")

    def _is_quiet(self) -> bool:
        return not sys.stderr.isatty()

    def _bar(self, share: float, note: str) -> None:
        done = round(share * BAR)
        self.stderr.write(f"\r[{'#' * done}{'.' * (BAR - done)}] {share:4.0%} {note[:48]:48}", ending="")
        self.stderr.flush()


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name.strip() or not value.strip():
        raise InputError({"settings": f"--set {text!r} is no setting; write it like edge=3."})
    return name.strip(), value.strip()


def _objectives() -> str:
    return "; ".join(f"{each.name}: {each.words}" for each in OBJECTIVES.values()).replace("%", "%%")
