"""Hold two settings or strategies against each other on identical windows, close by close."""

from django.core.management.base import CommandParser

from backtests.management.study_command import StudyCommand
from backtests.studies.inputs import Kind


class Command(StudyCommand):
    """`kalshi-bot versus --tape all --a strategy=edge_taker --b strategy=edge_maker`"""

    help = "Hold two settings or strategies against each other on identical windows, close by close."
    kind: Kind = "versus"

    def add_arguments(self, parser: CommandParser) -> None:
        """What every study takes, and the two sides."""
        super().add_arguments(parser)
        parser.add_argument("--a", default="", metavar="SETTINGS", help="what differs on one side: edge=3,kelly=10")
        parser.add_argument("--b", default="", metavar="SETTINGS", help="and on the other: strategy=edge_maker")
