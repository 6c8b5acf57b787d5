"""Choose settings on some days, judge the choice on later ones, move on; join what was made out of sample."""

from django.core.management.base import CommandParser

from backtests.management.study_command import StudyCommand
from backtests.studies.inputs import Kind


class Command(StudyCommand):
    """`kalshi-bot walkforward --tape all --try edge=1..6/1 --train 3 --test 1`"""

    help = "Choose settings on some days, judge the choice on later ones, move on; join what was made out of sample."
    kind: Kind = "walkforward"

    def add_arguments(self, parser: CommandParser) -> None:
        """What every study takes, what is tried, and the days."""
        super().add_arguments(parser)
        self.add_space(parser)
        parser.add_argument("--train", default="", metavar="DAYS", help="days to learn on (default: 3)")
        parser.add_argument("--test", default="", metavar="DAYS", help="days to judge (default: 1)")
        parser.add_argument("--step", default="", metavar="DAYS", help="to the next fold (default: the days to judge)")
        parser.add_argument("--embargo", default="", metavar="DAYS", help="days of silence between (default: 1)")
        parser.add_argument(
            "--anchored", action="store_true", help="always learn from the first day on, not a moving span"
        )
