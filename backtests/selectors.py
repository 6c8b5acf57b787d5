"""What pages and API ask about runs and tapes."""

from django.db.models import QuerySet

from backtests.models import BacktestRun
from backtests.shelf import ALL
from markets.models import Tape


def runs_recent() -> QuerySet[BacktestRun]:
    """Newest first, without their results, which may be long."""
    return BacktestRun.objects.select_related("created_by").defer("result").order_by("-id")


def tape_choices() -> list[tuple[str, str]]:
    """The catalogue, newest first, after "all"."""
    rows = list(Tape.objects.order_by("-first_ns", "name"))
    choices = [(row.name, f"{row.name}: {row.events:,} events, {row.markets} markets") for row in rows]
    return [(ALL, f"All tapes ({len(rows)})"), *choices] if rows else []
