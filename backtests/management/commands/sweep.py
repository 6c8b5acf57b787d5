"""Try many settings on the same tapes, count every one, and say what may be believed of the best."""

from django.core.management.base import CommandParser

from backtests.management.study_command import StudyCommand
from backtests.studies.inputs import Kind


class Command(StudyCommand):
    """`kalshi-bot sweep --tape all --try edge=1..6/1 --try kelly=10,25`"""

    help = "Try many settings on the same tapes, count every one, and say what may be believed of the best."
    kind: Kind = "sweep"

    def add_arguments(self, parser: CommandParser) -> None:
        """What every study takes, and what is tried."""
        super().add_arguments(parser)
        self.add_space(parser)
