"""Forecasts with their outcomes: from the database's record of an account, and from tapes played through the engine."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from django.db.models import QuerySet
from msgspec import structs

from backtests.core.rows import MODELS, Row
from backtests.core.splice import Cut, woven
from backtests.knobs import InputError
from backtests.shelf import Reel, reels_find
from markets.core.events import MarketEvent, MarketStatus, TickerQuote
from markets.core.units import SECOND_NS, Money
from markets.models import Market
from markets.tape import TapeError
from trading.core.decision import Forecast as Made
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Event, Opening
from trading.core.forecasts import MARKS_S
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.models import Forecast
from trading.playback import market_events

YES_NO = {"yes": 1, "no": 0}
COLUMNS = ("asset", "ticker", "close_ns", "seconds_left", *MODELS, "bid", "ask", "book_age_ns", "level_error", "reason")
CAPITAL = Money(0)
TICKER_NS = 5 * SECOND_NS
BY_TICKER = "BY_TICKER"
"""The reason of a forecast from a tape that took the market's quote from the ticker channel."""
AT_ONCE = 5_000


class LeftOut(NamedTuple):
    """Forecasts that are no rows, and why; `rows` is how many, of how many windows."""

    why: str
    rows: int
    windows: int


class Gathered(NamedTuple):
    """Rows to score, and what was left out before."""

    rows: list[Row]
    left_out: tuple[LeftOut, ...]
    by_ticker: int = 0  # of the rows: quoted by the exchange's ticker channel, where there was no book


class Unsettled:
    """Counts what has no outcome, by why."""

    def __init__(self) -> None:
        self._tickers: dict[str, dict[str, int]] = {}

    def count(self, why: str, ticker: str) -> None:
        """One forecast of this market is no row."""
        of = self._tickers.setdefault(why, {})
        of[ticker] = of.get(ticker, 0) + 1

    def unsettled(self, ticker: str, result: str) -> None:
        """One forecast of a market that came to neither YES nor NO."""
        self.count("voided" if result == "scalar" else "not settled, or the result is not known", ticker)

    def told(self, marks: int, scored: int, windows: int) -> tuple[LeftOut, ...]:
        """All of it, and how many marks the scored windows lack."""
        found = [LeftOut(why, sum(of.values()), len(of)) for why, of in sorted(self._tickers.items())]
        lacking = windows * marks - scored
        return (
            (*found, LeftOut("no forecast at that time (the session or tape did not cover it)", lacking, windows))
            if lacking
            else tuple(found)
        )


def rows_of_account(account: str, since_ns: int | None = None, until_ns: int | None = None) -> list[Row]:
    """The settled forecasts of an account whose windows closed from `since_ns` until before `until_ns`, in order of close."""
    return record_of_account(account, since_ns, until_ns).rows


def record_of_account(
    account: str, since_ns: int | None = None, until_ns: int | None = None, asset: str = ""
) -> Gathered:
    """The same, with what was left out."""
    results = dict(settled_between(since_ns, until_ns).values_list("ticker", "result"))
    left = Unsettled()
    rows: list[Row] = []
    for values in asked(account, since_ns, until_ns, asset).values_list(*COLUMNS).iterator(AT_ONCE):
        ticker = values[1]
        outcome = YES_NO.get(results.get(ticker, ""))
        if outcome is None:
            left.unsettled(ticker, results.get(ticker, ""))
        else:
            rows.append(_row(values, outcome))
    return Gathered(rows, left.told(len(MARKS_S), len(rows), len({row.ticker for row in rows})))


def asked(account: str, since_ns: int | None, until_ns: int | None, asset: str = "") -> QuerySet[Forecast]:
    """The account's forecasts of these closes, in order of the close."""
    query = Forecast.objects.filter(account=account, **_between(since_ns, until_ns))
    return (query.filter(asset=asset) if asset else query).order_by("close_ns", "ticker", "-seconds_left")


def settled_between(since_ns: int | None, until_ns: int | None) -> QuerySet[Market]:
    """The markets of these closes that have a result."""
    return Market.objects.filter(**_between(since_ns, until_ns)).exclude(result="").order_by()


def is_simulated(account: str) -> bool:
    """Whether the newest market that the account forecast was invented: its skill says nothing of the real one."""
    newest = Forecast.objects.filter(account=account).order_by("-close_ns").values_list("ticker", flat=True).first()
    return Market.objects.filter(ticker=newest, is_simulated=True).exists()


def rows_of_tapes(
    names: Iterable[str],
    *,
    since: date | None = None,
    until: date | None = None,
    parameters: Parameters | None = None,
    tell: Callable[[float, str], None] | None = None,
) -> Gathered:
    """Play tapes through the engine as a back-test does, halted, and gather what it forecast, with the results that the
    tapes and the catalogue know. What was learnt of other windows has no part in it. Raises InputError."""
    reels = reels_find(names, since=since, until=until, files=True)
    made: dict[tuple[str, int], Made] = {}
    results: dict[str, str] = {}
    for heard in _played(reels, parameters or Parameters(), tell):
        results |= heard.results
        for forecast in heard.made:
            made.setdefault((forecast.ticker, forecast.seconds_left), forecast)
    return _gathered(made.values(), results)


class Heard(NamedTuple):
    """What a tape yields: forecasts, and how markets ended."""

    made: list[Made]
    results: dict[str, str]


def forecasts_of(events: Iterable[MarketEvent], parameters: Parameters | None = None) -> Heard:
    """What a fresh engine forecasts while it hears these events, and how the markets ended; it is halted and trades
    nothing. Where the book was not recorded or is not believed, the market is quoted by what the exchange's ticker channel
    last said, if that is at most `TICKER_NS` old."""
    feed = iter(events)
    first = next(feed, None)
    if first is None:
        return Heard([], {})
    desk = Desk(Engine(), NoExchange())
    begun, limits, set_to, mode = opening_events(
        Opening(first.received_ns, CAPITAL), RiskLimits(), parameters or Parameters()
    )
    made: list[Made] = []
    results: dict[str, str] = {}
    quotes: dict[str, TickerQuote] = {}
    for _ in desk.open(begun, limits, set_to, structs.replace(mode, mode="HALTED")):
        pass
    for event in _chained(first, feed):
        if type(event) is MarketStatus and event.result:
            results[event.ticker] = event.result
        for _, decision in desk.hear(event):
            made += [_quoted(each, quotes.get(each.ticker)) for each in decision.forecasts]
        if type(event) is TickerQuote:
            quotes[event.ticker] = event
    return Heard(made, results)


def _quoted(forecast: Made, quote: TickerQuote | None) -> Made:
    """The forecast with the ticker's quote in place of a book that is not believed."""
    if forecast.book_age_ns is not None or quote is None:
        return forecast
    age_ns = forecast.received_ns - quote.received_ns
    if age_ns > TICKER_NS:
        return forecast
    reason = BY_TICKER if forecast.reason == "FEED_LOST" else forecast.reason
    return structs.replace(forecast, bid=quote.bid, ask=quote.ask, book_age_ns=age_ns, reason=reason)


class NoExchange:
    """Takes no orders and passes events on."""

    def hear(self, event: Event) -> Iterable[Event]:
        """Just the event."""
        return (event,)

    def submit(self, commands: Sequence[Any], now_ns: int) -> None:
        """Nothing comes of an order."""

    @property
    def owed_ns(self) -> int:
        """Nothing is."""
        return 0


def _played(reels: list[Reel], parameters: Parameters, tell: Callable[[float, str], None] | None) -> Iterator[Heard]:
    """One tape after another, each up to where the next begins, as backtests.replay plays them."""
    late: list[MarketEvent] = []
    number = 0
    while number < len(reels):
        reel = reels[number]
        if tell is not None:
            tell(number / len(reels), reel.name)
        cut = Cut([other.first_ns for other in reels[number + 1 :]])
        try:
            yield forecasts_of(cut.through(woven(late, market_events(reel.path))), parameters)
        except (TapeError, OSError) as error:
            raise InputError({"tapes": f"Tape {reel.name!r} cannot be played: {error}"}) from error
        late = cut.late
        number += 1 + cut.overlapped


def _gathered(made: Iterable[Made], results: dict[str, str]) -> Gathered:
    """Rows of the forecasts whose outcome is known: to a tape, else to the catalogue."""
    listed = sorted(made, key=lambda each: (each.close_ns, each.ticker, -each.seconds_left))
    known = _catalogued({each.ticker for each in listed}) | results
    left = Unsettled()
    rows: list[Row] = []
    for each in listed:
        outcome = YES_NO.get(known.get(each.ticker, ""))
        if outcome is None:
            left.unsettled(each.ticker, known.get(each.ticker, ""))
        else:
            rows.append(_row(tuple(getattr(each, name) for name in COLUMNS), outcome))
    told = left.told(len(MARKS_S), len(rows), len({row.ticker for row in rows}))
    return Gathered(rows, told, sum(row.reason == BY_TICKER for row in rows))


def _catalogued(tickers: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    names = sorted(tickers)
    for start in range(0, len(names), 500):
        query = Market.objects.filter(ticker__in=names[start : start + 500]).exclude(result="")
        found.update(query.values_list("ticker", "result"))
    return found


def _row(values: Sequence[Any], outcome: int) -> Row:
    """A row of the values of COLUMNS."""
    asset, ticker, close_ns, seconds_left = values[:4]
    *said, bid, ask, age, level_error, reason = values[4:]
    models = dict(zip(MODELS, said, strict=True))
    return Row(asset, ticker, close_ns, seconds_left, models, bid, ask, age, outcome, reason, level_error)


def _between(since_ns: int | None, until_ns: int | None) -> dict[str, int]:
    bounds = {"close_ns__gte": since_ns, "close_ns__lt": until_ns}
    return {name: value for name, value in bounds.items() if value is not None}


def _chained(first: MarketEvent, rest: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
    yield first
    yield from rest
