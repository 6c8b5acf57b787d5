"""What others ask about series, markets and tapes."""

from django.db.models import QuerySet

from markets.models import Market, Series, Tape


def series_enabled() -> frozenset[str]:
    """The tickers of the series that may be traded."""
    return frozenset(Series.objects.filter(is_enabled=True).values_list("ticker", flat=True))


def series_disabled() -> frozenset[str]:
    """The tickers of the series that people have switched off."""
    return frozenset(Series.objects.filter(is_enabled=False).values_list("ticker", flat=True))


def markets_recent(count: int, *, asset: str | None = None) -> QuerySet[Market]:
    """The markets with the latest close."""
    rows = Market.objects.filter(asset=asset) if asset else Market.objects.all()
    return rows.order_by("-close_ns", "ticker")[:count]


def tapes() -> QuerySet[Tape]:
    """The catalogue in order of time."""
    return Tape.objects.order_by("first_ns", "name")


def tape_named(name: str) -> Tape | None:
    """One tape of the catalogue."""
    return Tape.objects.filter(name=name).first()
