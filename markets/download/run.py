"""A plan carried out: pages fetched (or gone on with), the result written, and only then the pages let go."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from markets.download.errors import DownloadError
from markets.download.job import Job, Progress, Spec, forget
from markets.download.kalshi_result import kalshi_events, listed, market_rows, minute_rows
from markets.download.output import write_table, write_tape
from markets.download.plan import Plan
from markets.download.report import Report
from markets.download.source import KalshiMarket
from markets.download.spot_result import candle_rows, spot_events
from markets.download.web import Ask, Time, Web
from markets.tape import SEALED, TapeError

Keep = Callable[[Path, list[KalshiMarket], Report], None]


class Folders(NamedTuple):
    """Where results go, and where pages wait until their download is done."""

    tapes: Path
    tables: Path
    downloads: Path


class Means(NamedTuple):
    """How the network is asked and who is told; the defaults are the real ones."""

    ask: Ask | None = None
    clock: Time = time
    tell: Callable[[str], None] = lambda words: None
    progress: Progress = lambda share, pages, rows: None


def download(
    plan: Plan, folders: Folders, *, now_ns: int, keep: Keep, means: Means | None = None, restart: bool = False
) -> Report:
    """Fetch what is missing and write the result. `keep` takes it into the database; it is called before the pages go, so
    that whatever is interrupted is done again. Raises DownloadError, TapeError; the pages are kept then."""
    means = means or Means()
    path = result_path(plan, folders)
    folder = folders.downloads / plan.name
    if restart:
        forget(folder)
    elif path.exists() and not folder.exists():
        return Report(plan.name, plan.host.base, path=str(path), is_old=True)
    job = Job(folder, Spec(plan.name, plan.words, plan.host.base, now_ns))
    try:
        web = Web(
            plan.host.base,
            rate=plan.host.rate,
            burst=plan.host.burst,
            ask=means.ask,
            clock=means.clock,
            tell=means.tell,
        )
        job.run(plan.source(web), means.progress)
        report = Report(
            plan.name, plan.host.base, pages=len(job.pages), resumed_pages=job.resumed, requests=web.requests
        )
        markets = write_result(plan, job, path, report, now_ns=now_ns)
        keep(path, markets, report)
    except BaseException:
        job.close()
        raise
    job.remove()
    return report


def result_path(plan: Plan, folders: Folders) -> Path:
    """Where the result will be."""
    return folders.tapes / f"{plan.name}{SEALED}" if plan.is_tape else folders.tables / f"{plan.name}.parquet"


def write_result(plan: Plan, job: Job, path: Path, report: Report, *, now_ns: int) -> list[KalshiMarket]:
    """The file, from the pages; returns the markets among them. Raises DownloadError, TapeError."""
    source = f"download {job.spec.base}"
    if plan.span is not None and plan.result == "spot tape":
        events = spot_events(
            job.pages, report, venue=plan.venue, asset=plan.asset, span=plan.span, newest_first=plan.newest_first
        )
        write_tape(job, path.parent, events, report, source=source, note=f"{plan.venue} {plan.asset} trades")
        return []
    if plan.span is not None and plan.result == "spot candles":
        write_table(job, path, plan.result, candle_rows(job.pages, report, span=plan.span), report)
        return []
    found = listed(job.pages, now_ns=now_ns, report=report)
    if not found.markets:
        raise DownloadError(f"{plan.name}: kalshi lists no market that opened in that time and has closed.")
    if plan.result == "kalshi tape":
        note = (
            "markets listed at the open, strike 1 s later, settled when the exchange says (else close + 30 s): assumed"
        )
        write_tape(job, path.parent, kalshi_events(job.pages, found, report), report, source=source, note=note)
    elif plan.result == "kalshi candles":
        write_table(job, path, plan.result, minute_rows(job.pages, found, report), report)
    else:
        write_table(job, path, plan.result, market_rows(found, report), report)
    return found.markets


__all__ = ["DownloadError", "Folders", "Means", "TapeError", "download"]
