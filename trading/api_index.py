"""Audits of settlements to read, and what they say together."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets.api_fields import NewestFirst, TimeField
from markets.moments import time_ns
from trading.accounts import account_shown
from trading.audits import truths
from trading.models import SettlementAudit


class AuditQuery(serializers.Serializer[Any]):
    """What the list can be asked for."""

    account = serializers.CharField(required=False, help_text="an account; the trader's unless given")
    asset = serializers.CharField(required=False, help_text="one asset, such as BTC")
    since = serializers.DateTimeField(required=False, help_text="windows that closed at or after this time")


class SummaryQuery(serializers.Serializer[Any]):
    """What the summary can be asked for."""

    account = serializers.CharField(required=False, help_text="an account; the trader's unless given")


class AuditSerializer(serializers.ModelSerializer[SettlementAudit]):
    """One settled window against what was known of the index. Averages are dollars (floats); unknown is null."""

    closed_at = TimeField(source="close_ns")
    at = TimeField(source="event_ns")
    venues = serializers.DictField(child=serializers.FloatField(), help_text="each venue's own average")
    methods = serializers.DictField(child=serializers.FloatField(), help_text="each price method's average")

    class Meta:
        model = SettlementAudit
        fields = [
            "account", "ticker", "asset", "closed_at", "at", "settle_value", "decimals", "expected_decimals", "result", "strike",
            "configured", "open_right", "closed_right", "own", "estimate", "is_tie", "venues", "methods",
        ]  # fmt: skip
        read_only_fields = fields


class ReadingSerializer(serializers.Serializer[Any]):
    """One reading of the sixty seconds before the close."""

    name = serializers.CharField()
    matches = serializers.IntegerField(help_text="windows in which it was the settlement exactly, once rounded")
    error = serializers.FloatField(allow_null=True, help_text="mean absolute error in dollars")


class ReadingsSerializer(serializers.Serializer[Any]):
    """Both readings over the same windows."""

    windows = serializers.IntegerField()
    open_right = ReadingSerializer()
    closed_right = ReadingSerializer()
    better = serializers.CharField(allow_blank=True, help_text="empty when neither is")


class LeanSerializer(serializers.Serializer[Any]):
    """Which reading the settlements lean to: 0 is open_right, 1 is closed_right."""

    windows = serializers.IntegerField()
    share = serializers.FloatField()
    error = serializers.FloatField(help_text="one standard error")


class DigitsSerializer(serializers.Serializer[Any]):
    """Decimals and ties."""

    expected = serializers.IntegerField()
    most = serializers.IntegerField(help_text="written in the last windows; last zeros may be cut off")
    ties = serializers.IntegerField()
    lost = serializers.IntegerField(help_text="ties that did not pay YES")


class BasisSerializer(serializers.Serializer[Any]):
    """An average of our own less the official value, per window, in basis points."""

    name = serializers.CharField()
    windows = serializers.IntegerField()
    bias = serializers.FloatField()
    rmse = serializers.FloatField()
    sd = serializers.FloatField(allow_null=True)
    moved = serializers.FloatField(allow_null=True, help_text="from one window to the next, root mean square")
    agreed = serializers.IntegerField(help_text="windows in which it was on the side of the strike that won")
    asked = serializers.IntegerField()
    advice = serializers.CharField(allow_blank=True)


class AssetTruthSerializer(serializers.Serializer[Any]):
    """What the audited windows of one asset say."""

    asset = serializers.CharField()
    windows = serializers.IntegerField()
    configured = serializers.CharField()
    recent = ReadingsSerializer(help_text="the last 50 windows that were heard whole from the exchange")
    official = ReadingsSerializer(help_text="all of those")
    mixed = ReadingsSerializer(help_text="windows with samples of our own: an estimate, from which nothing follows")
    lean = LeanSerializer(allow_null=True)
    digits = DigitsSerializer()
    estimate = BasisSerializer(allow_null=True)
    methods = BasisSerializer(many=True)
    venues = BasisSerializer(many=True)
    alerts = serializers.ListField(child=serializers.CharField())


class ByClose(NewestFirst):
    """By the close of the window."""

    ordering = ("-close_ns", "-id")


@extend_schema_view(list=extend_schema(parameters=[AuditQuery]))
class IndexAuditViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[SettlementAudit]):
    """Every settled window against both readings of its minute, our own index, each method and each venue."""

    queryset = SettlementAudit.objects.all()
    serializer_class = AuditSerializer
    pagination_class = ByClose

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        query = AuditQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        asked: dict[str, Any] = query.validated_data
        wanted: dict[str, Any] = {"account": asked.get("account") or account_shown()}
        if "asset" in asked:
            wanted["asset"] = asked["asset"].upper()
        if "since" in asked:
            wanted["close_ns__gte"] = time_ns(asked["since"])
        return queryset.filter(**wanted)

    @extend_schema(parameters=[SummaryQuery], responses=AssetTruthSerializer(many=True))
    @action(detail=False, pagination_class=None)
    def summary(self, request: Request) -> Response:
        """What they say together, an asset each."""
        query = SummaryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = truths(query.validated_data.get("account") or account_shown())
        return Response(AssetTruthSerializer(found, many=True).data)
