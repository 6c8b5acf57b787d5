"""`kalshi-bot forecasts`: what the forecast record holds, and all of it as CSV."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, Max, Min

from markets.core.units import SECOND_NS
from markets.download.errors import BadRequest
from markets.download.times import moment_ns
from trading.accounts import UnknownAccount, account_asked
from trading.forecast_rows import Asked, csv_head, csv_pages, csv_write, forecasts
from trading.models import Forecast

STANDARD_OUTPUT = "-"


class Command(BaseCommand):
    help = (
        "Say what the forecast record holds: what our models and the market said of every window at fixed times before "
        "its close. With --export, write it as CSV with what each window settled on."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--export", metavar="FILE", help="write all of it as CSV; - is the standard output")
        parser.add_argument("--account", help="whose forecasts (default: the trader's)")
        parser.add_argument("--since", type=_moment, metavar="TIME", help="windows that close at or after it, UTC")
        parser.add_argument("--until", type=_moment, metavar="TIME", help="windows that close before it, UTC")
        parser.add_argument("--asset", default="", help="of one asset, such as BTC")

    def handle(self, *args: Any, **options: Any) -> None:
        since_ns, until_ns = options["since"], options["until"]
        if since_ns is not None and until_ns is not None and since_ns >= until_ns:
            raise CommandError("--since has to be before --until.", returncode=2)
        try:
            account = account_asked(options["account"])
        except UnknownAccount as error:
            raise CommandError(str(error), returncode=2) from None
        asked = Asked(account, since_ns, until_ns, asset=options["asset"].upper())
        if options["export"] == STANDARD_OUTPUT:
            sys.stdout.write(csv_head())
            for text, _ in csv_pages(forecasts(asked)):
                sys.stdout.write(text)
        elif options["export"]:
            self._export(asked, Path(options["export"]))
        else:
            self._overview(asked)

    def _export(self, asked: Asked, path: Path) -> None:
        try:
            count = csv_write(forecasts(asked), path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=1) from None
        self.stdout.write(f"{count:,} forecasts of {asked.account} written to {path}")

    def _overview(self, asked: Asked) -> None:
        rows = forecasts(asked).order_by("asset").values("asset")
        found = list(
            rows.annotate(
                count=Count("id"),
                windows=Count("ticker", distinct=True),
                first=Min("close_ns"),
                last=Max("close_ns"),
            ).values_list("asset", "count", "windows", "first", "last")
        )
        if not found:
            everyone = ", ".join(Forecast.objects.order_by("account").values_list("account", flat=True).distinct())
            known = f"; there are some of: {everyone}" if everyone else ": they are made while a trader runs"
            self.stdout.write(f"no forecasts of {asked.account} here{known}")
        for asset, count, windows, first, last in found:
            span = f"closing {_text(first)} to {_text(last)} UTC"
            self.stdout.write(f"{asset:<6} {count:>10,} forecasts of {windows:,} windows, {span}")


def _moment(text: str) -> int:
    try:
        return moment_ns(text)
    except BadRequest as error:
        raise ArgumentTypeError(str(error)) from None


def _text(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M}"
