"""When a breaker stopped trading and why, until when, and who cleared it."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from markets.api_fields import TimeField
from trading.api import ByEvent, RowViewSet
from trading.models import Halt


class HaltSerializer(serializers.ModelSerializer[Halt]):
    """One time that a breaker tripped; `cleared_by` is "" where it cleared itself."""

    at = TimeField(source="event_ns")
    cleared_at = TimeField(source="cleared_ns", allow_null=True)

    class Meta:
        model = Halt
        fields = [
            "id",
            "account",
            "session",
            "code",
            "text",
            "use",
            "limit",
            "is_latched",
            "at",
            "cleared_at",
            "cleared_by",
        ]
        read_only_fields = fields


class HaltQuery(serializers.Serializer[Any]):
    """What halts can be asked for."""

    account = serializers.CharField(required=False, help_text="an account; the trader's unless given")
    since = serializers.DateTimeField(required=False, help_text="at or after this time")
    code = serializers.CharField(required=False, help_text="one breaker")
    is_open = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="not cleared yet, or cleared"
    )


@extend_schema_view(list=extend_schema(parameters=[HaltQuery]))
class HaltViewSet(RowViewSet[Halt]):
    """Halts, newest first."""

    queryset = Halt.objects.all()
    serializer_class = HaltSerializer
    pagination_class = ByEvent

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        query = HaltQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        asked: dict[str, Any] = query.validated_data
        rows = super().filter_queryset(queryset)
        if "code" in asked:
            rows = rows.filter(code=asked["code"])
        if asked["is_open"] is not None:
            rows = rows.filter(cleared_ns__isnull=asked["is_open"])
        return rows
