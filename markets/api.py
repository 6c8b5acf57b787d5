"""Read-only markets and tapes for external tools."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request

from markets.api_fields import NewestFirst, PriceField, TimeField
from markets.models import Market, Tape
from markets.moments import time_ns


class MarketSerializer(serializers.ModelSerializer[Market]):
    """One quarter hour of a series."""

    series = serializers.CharField(source="series_id", read_only=True)
    yes_pays = PriceField(allow_null=True, help_text="what a YES contract paid, where the result is scalar")
    opens_at = TimeField(source="open_ns")
    closes_at = TimeField(source="close_ns")

    class Meta:
        model = Market
        fields = [
            "ticker", "series", "asset", "opens_at", "closes_at", "strike", "status", "result", "yes_pays", "settle_value",
            "is_simulated",
        ]  # fmt: skip
        read_only_fields = fields


class MarketQuery(serializers.Serializer[Any]):
    """What a list of markets can be asked for."""

    asset = serializers.CharField(required=False, help_text="BTC, ETH …")
    status = serializers.CharField(required=False, help_text="open, paused, closed, disputed or settled")
    since = serializers.DateTimeField(required=False, help_text="closing at or after this time")


class MarketPage(NewestFirst):
    """By close."""

    ordering = ("-close_ns", "ticker")


@extend_schema_view(list=extend_schema(parameters=[MarketQuery]))
class MarketViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Market]):
    """Markets, the latest close first."""

    queryset = Market.objects.all()
    serializer_class = MarketSerializer
    pagination_class = MarketPage
    lookup_value_regex = r"[A-Za-z0-9._-]+"

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        return queryset if self.detail else wanted(self.request, queryset)


def wanted(request: Request, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """The rows that the query asks for. Raises ValidationError."""
    query = MarketQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    values = dict(query.validated_data)
    since = values.pop("since", None)
    if since is not None:
        values["close_ns__gte"] = time_ns(since)
    return queryset.filter(**values)


class TapeSerializer(serializers.ModelSerializer[Tape]):
    """A recording that can be played. Grade A is complete, B has gaps, C holds no book, `invented` is no real market."""

    first_event_at = TimeField(source="first_ns")
    last_event_at = TimeField(source="last_ns")

    class Meta:
        model = Tape
        fields = [
            "name", "source", "grade", "first_event_at", "last_event_at", "events", "markets", "gaps", "size_bytes", "sha256",
        ]  # fmt: skip
        read_only_fields = fields


class TapeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Tape]):
    """Tapes in the order of time: the names that a backtest takes."""

    queryset = Tape.objects.order_by("first_ns", "name")
    serializer_class = TapeSerializer
    lookup_field = "name"
    lookup_value_regex = r"[^/]+"
