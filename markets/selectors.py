"""What others ask about series, markets and tapes."""

from django.db.models import QuerySet

from markets.models import Series, Tape


def series_disabled() -> frozenset[str]:
    """The tickers of the series that people have switched off."""
    return frozenset(Series.objects.filter(is_enabled=False).values_list("ticker", flat=True))


def tapes() -> QuerySet[Tape]:
    """The catalogue in order of time."""
    return Tape.objects.order_by("first_ns", "name")
