"""The forecast record over the API: pages of it, and all of it as CSV."""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from markets.api_fields import NewestFirst
from markets.moments import time_ns
from trading.accounts import account_shown
from trading.forecast_rows import Asked, csv_stream, forecasts, with_outcome
from trading.models import Forecast
from trading.serializers import ForecastQuery, ForecastSerializer


class ByClose(NewestFirst):
    """The window that closes last first; in it the forecast nearest to its close."""

    ordering = ("-close_ns", "-id")


def asked_in(request: Request) -> Asked:
    """What a request asks for. Raises ValidationError."""
    query = ForecastQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    words: dict[str, Any] = query.validated_data
    return Asked(
        words.get("account") or account_shown(),
        time_ns(words["since"]) if "since" in words else None,
        time_ns(words["until"]) if "until" in words else None,
        words.get("ticker", ""),
        words.get("asset", "").upper(),
        words.get("seconds_left"),
    )


@extend_schema_view(list=extend_schema(parameters=[ForecastQuery]))
class ForecastViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Forecast]):
    """What our models and the market said of every window at fixed times before its close, and what it settled on."""

    queryset = Forecast.objects.all()
    serializer_class = ForecastSerializer
    pagination_class = ByClose

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        return with_outcome(forecasts(asked_in(self.request)))


class Whatever(BaseContentNegotiation):
    """A CSV is a CSV, whatever a client says it would like."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class ForecastsCsvView(APIView):
    """The forecast record as a file."""

    content_negotiation_class = Whatever

    @extend_schema(
        operation_id="forecasts_csv", parameters=[ForecastQuery], responses={(200, "text/csv"): OpenApiTypes.STR}
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All of it as CSV, soonest close first, sent while it is read: the columns are the fields of the list."""
        rows = forecasts(asked_in(request))
        response = StreamingHttpResponse(csv_stream(rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="forecasts.csv"'
        return response
