"""The forecast record to read: each forecast with what its market settled on; and all of it as CSV, a page at a time."""

import csv
from collections.abc import AsyncIterator, Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, cast

from asgiref.sync import sync_to_async
from django.db.models import OuterRef, Q, QuerySet, Subquery

from markets.core.units import MILLISECOND_NS, PRICE_DOLLAR, count_text, price_text
from markets.models import Market
from markets.moments import time_text
from trading.models import Forecast

PAGE = 2_000
MODELS = ("digital", "abm_avg", "gbm_avg", "gbm_avg_t", "gbm_avg_mix", "gbm_avg_emp")
SAID = ("fair", "calibrated", "pooled", *MODELS)
OUTCOMES = {"yes": 1, "no": 0}
Values = dict[str, Any]
Place = tuple[int, int]


class Asked(NamedTuple):
    """Whose forecasts, of which windows: by when they close, from `since_ns` until before `until_ns`."""

    account: str
    since_ns: int | None = None
    until_ns: int | None = None
    ticker: str = ""
    asset: str = ""
    seconds_left: int | None = None


def mid_of(bid: int, ask: int) -> float | None:
    """The market's own probability, halfway between two YES prices; None where nobody is on a side or they cross."""
    return (bid + ask) / (2 * PRICE_DOLLAR) if 0 < bid < ask < PRICE_DOLLAR else None


def outcome_of(result: str | None) -> int | None:
    """1 for YES, 0 for NO; None while there is no result, and for a market that was voided."""
    return OUTCOMES.get(result or "")


def squared_error(probability: float | None, outcome: int | None) -> float | None:
    """The Brier score of one forecast; None where one of the two is not known."""
    return None if probability is None or outcome is None else (probability - outcome) ** 2


def forecasts(asked: Asked) -> QuerySet[Forecast]:
    """The rows asked for."""
    wanted: Values = {"account": asked.account}
    named = {"ticker": asked.ticker, "asset": asked.asset, "seconds_left": asked.seconds_left}
    wanted |= {name: value for name, value in named.items() if value not in ("", None)}
    if asked.since_ns is not None:
        wanted["close_ns__gte"] = asked.since_ns
    if asked.until_ns is not None:
        wanted["close_ns__lt"] = asked.until_ns
    return Forecast.objects.filter(**wanted)


def with_outcome(rows: QuerySet[Forecast]) -> QuerySet[Forecast]:
    """The rows, each with the `result` and `settle_value` of its market ("" until it settled, None where the market has
    no row)."""
    market = Market.objects.filter(ticker=OuterRef("ticker"))
    return rows.annotate(
        result=Subquery(market.values("result")[:1]), settle_value=Subquery(market.values("settle_value")[:1])
    )


# As CSV ---------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    return "" if value is None else value


def _ms(value: int | None) -> Any:
    return "" if value is None else value / MILLISECOND_NS


def _words(values: list[Any]) -> str:
    return " ".join(map(str, values))


def _column(name: str, field: str = "", text: Callable[[Any], Any] = _plain) -> tuple[str, Callable[[Values], Any]]:
    return name, lambda row: text(row[field or name])


COLUMNS: dict[str, Callable[[Values], Any]] = dict(
    [
        _column("account"),
        _column("ticker"),
        _column("asset"),
        _column("closes_at", "close_ns", time_text),
        _column("seconds_left"),
        _column("at", "event_ns", time_text),
        _column("reason"),
        *(_column(name) for name in SAID),
        _column("bid", text=lambda bid: price_text(bid) if bid > 0 else ""),
        _column("ask", text=lambda ask: price_text(ask) if ask < PRICE_DOLLAR else ""),
        ("mid", lambda row: _plain(mid_of(row["bid"], row["ask"]))),
        _column("bid_count", text=count_text),
        _column("ask_count", text=count_text),
        _column("book_age_ms", "book_age_ns", _ms),
        *(_column(name) for name in ("strike", "spot")),
        _column("spot_age_ms", "spot_age_ns", _ms),
        *(_column(name) for name in ("sigma", "level_error", "z", "known", "missing")),
        _column("is_official", text=int),
        _column("parameters_version"),
        _column("fitted_versions", text=_words),
        _column("rates", text=_words),
        _column("result"),
        _column("settle_value"),
        ("outcome", lambda row: _plain(outcome_of(row["result"]))),
    ]
)
"""What a line of the CSV says, in this order. What is not known is empty, never 0."""


def csv_head() -> str:
    """The first line."""
    return _text([list(COLUMNS)])


def csv_page(rows: QuerySet[Forecast], after: Place | None) -> tuple[str, int, Place | None]:
    """The next lines, soonest close first: their text, how many there are, and the place to go on after; None: the end."""
    ordered = with_outcome(rows).order_by("close_ns", "id")
    if after is not None:
        close_ns, key = after
        ordered = ordered.filter(close_ns__gte=close_ns).filter(Q(close_ns__gt=close_ns) | Q(id__gt=key))
    page = cast(list[Values], list(ordered.values()[:PAGE]))
    if not page:
        return "", 0, None
    text = _text([[write(row) for write in COLUMNS.values()] for row in page])
    return text, len(page), (page[-1]["close_ns"], page[-1]["id"])


def csv_pages(rows: QuerySet[Forecast]) -> Iterator[tuple[str, int]]:
    """All lines, a page in memory at a time, with how many each page has."""
    after: Place | None = None
    while True:
        text, count, after = csv_page(rows, after)
        if after is None:
            return
        yield text, count


async def csv_stream(rows: QuerySet[Forecast]) -> AsyncIterator[str]:
    """The same for an answer that is sent while it is made."""
    yield csv_head()
    after: Place | None = None
    while True:
        text, _, after = await sync_to_async(csv_page)(rows, after)
        if after is None:
            return
        yield text


def csv_write(rows: QuerySet[Forecast], path: Path) -> int:
    """Write the file, whole or not at all; returns the number of forecasts. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    total = 0
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            file.write(csv_head())
            for text, count in csv_pages(rows):
                file.write(text)
                total += count
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return total


def _text(lines: list[list[Any]]) -> str:
    page = StringIO(newline="")
    csv.writer(page, lineterminator="\n").writerows(lines)
    return page.getvalue()
